//! The builder, the reader of files and the template, looked at from outside.

mod properties;

use std::io::{Read, Seek, Write};

use rohrpost_mail::{BodyKind, Envelope, Mailbox, Notify, Recipient, Ret, ReversePath, header};

use super::{Addresses, Attachment, AutoSubmitted, BuildError, Builder, Mail, Source, Template, Unsubscribe};

fn mail() -> Builder {
    Mail::new()
        .from(("Anna", "anna@firma.example"))
        .to("bob@kunde.example")
        .date("2026-11-22T10:00:00Z".parse().unwrap())
        .message_id("1@firma.example")
}

fn read(mail: &Mail) -> Vec<u8> {
    let mut octets = Vec::new();
    mail.reader().read_to_end(&mut octets).unwrap();
    assert_eq!(octets.len() as u64, mail.octets(), "the size is known before the first octet is read");
    octets
}

/// The mail as text, with the line ends of this source.
fn written(builder: Builder) -> String {
    let text = String::from_utf8(read(&builder.build().unwrap())).unwrap();
    assert!(text.split("\r\n").all(|line| !line.contains(['\r', '\n'])), "only CRLF ends a line");
    text.replace("\r\n", "\n")
}

fn faults(builder: Builder) -> Vec<(&'static str, String)> {
    builder.build().unwrap_err().faults
}

fn field(builder: Builder, name: &str) -> Option<String> {
    let octets = read(&builder.build().unwrap());
    header::value(header::split(&octets).0, name)
}

fn addresses(mail: &Mail) -> Vec<String> {
    mail.recipients().iter().map(|to| to.address.to_string()).collect()
}

#[test]
fn a_text_alone_is_the_whole_body() {
    insta::assert_snapshot!(written(mail().subject("Rechnung 4711").text("Guten Tag,\nanbei.\n")));
}

#[test]
fn alternative_is_inside_related_inside_mixed() {
    let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n";
    let whole = mail()
        .subject("Grüße aus München")
        .text("Grüße, siehe Bild.")
        .html("<p>Grüße, <img src=\"cid:logo\"></p>")
        .calendar(calendar)
        .inline("logo", Attachment::new("logo.png", &b"\x89PNG"[..]))
        .attach(Attachment::new("Rechnung für Jörg & Söhne.pdf", "%PDF"))
        .attach(Attachment::new("old.eml", "From: a@b.example\nSubject: old\n\nGrüße\n"));
    insta::assert_snapshot!(written(whole));
}

#[test]
fn a_file_alone_is_the_whole_body() {
    insta::assert_snapshot!(written(mail().attach(Attachment::new("a.csv", "1;2\n"))));
}

#[test]
fn every_field_is_written_as_its_standard_has_it() {
    let all = mail()
        .from("cy@firma.example")
        .sender("Büro <office@firma.example>")
        .reply_to("anna@bücher.example")
        .to(Addresses::group("Vertrieb, Süd", ["d@firma.example", "E <e@firma.example>"]))
        .cc([("Müller, \"Max\" <x>", "max@kunde.example")])
        .bcc("secret@firma.example")
        .subject("A subject that is long enough to be folded, which happens at its blanks and nowhere else")
        .in_reply_to("<a@b.example> c@d.example")
        .auto_submitted(AutoSubmitted::Generated)
        .list_unsubscribe(Unsubscribe::one_click("https://firma.example/u/1").or("mailto:off@firma.example"))
        .header("X-Customer", "Käufer 7")
        .text("x");
    insta::assert_snapshot!(written(all));
}

#[test]
fn the_blind_copy_is_in_the_envelope_only_and_nobody_is_named_twice() {
    let built = mail().cc("bob@KUNDE.example").bcc(["eve@x.example", "eve@x.example"]).build().unwrap();
    assert_eq!(addresses(&built), ["bob@kunde.example", "eve@x.example"]);
    assert!(!String::from_utf8(read(&built)).unwrap().contains("eve"));

    let hidden = Mail::new().from("anna@firma.example").bcc("eve@x.example").build().unwrap();
    let octets = read(&hidden);
    assert_eq!(header::value(header::split(&octets).0, "To").as_deref(), Some("undisclosed-recipients:;"));
}

#[test]
fn everything_wrong_is_said_at_once() {
    let said = faults(
        Mail::new()
            .from("anna")
            .to("bob@@kunde.example")
            .subject("two\r\nlines")
            .header("Bcc", "eve@x.example")
            .header("X-A\r\nBcc", "x")
            .header("X-A", "x\nBcc: eve@x.example")
            .attach("/nowhere/rechnung.pdf")
            .attach(Attachment::new("a", "").content_type("nonsense"))
            .inline("a b", "/nowhere/logo.png")
            .in_reply_to("nonsense")
            .list_unsubscribe(Unsubscribe::one_click("http://x.example/"))
            .calendar("METHOD:RE QUEST"),
    );
    let fields: Vec<_> = said.iter().map(|(field, _)| *field).collect();
    assert_eq!(
        fields,
        [
            "from",
            "to",
            "subject",
            "header",
            "header",
            "header",
            "inline",
            "in_reply_to",
            "list_unsubscribe",
            "calendar",
            "attach",
            "attach"
        ]
    );
    let paths = faults(mail().attach("/nowhere/rechnung.pdf").attach("/"));
    assert_eq!(paths[0].1, "/nowhere/rechnung.pdf: No such file or directory (os error 2)");
    assert_eq!(paths[1].1, "/: not a regular file");
}

#[test]
fn what_is_missing_is_said() {
    let error = Mail::new().build().unwrap_err();
    assert_eq!(error.to_string(), "from: nobody is named as the author; to: there is no recipient");
    assert_eq!(faults(mail().from("cy@firma.example"))[0].0, "sender");
    assert_eq!(faults(mail().from("Staff: cy@firma.example;"))[0].1, "a group cannot write a mail");
    assert_eq!(faults(mail().inline("logo", Attachment::new("a.png", "")))[0].0, "inline");
}

#[test]
fn smtputf8_is_asked_for_where_an_address_needs_it_and_only_there() {
    let plain = mail().subject("Grüße").to("Jörg <j@bücher.example>").text("Grüße").build().unwrap();
    assert!(!plain.envelope().smtputf8 && plain.envelope().body == BodyKind::SevenBit);
    assert!(read(&plain).is_ascii());

    let blind = mail().bcc("jörg@x.example").build().unwrap();
    assert!(blind.envelope().smtputf8 && blind.envelope().body == BodyKind::SevenBit);

    let shown = mail().reply_to("jörg@x.example").build().unwrap();
    assert!(shown.envelope().smtputf8 && shown.envelope().body == BodyKind::EightBitMime);
}

#[test]
fn the_envelope_follows_the_header_unless_it_is_said_otherwise() {
    let reverse_path = |builder: Builder| builder.build().unwrap().envelope().reverse_path.to_string();
    assert_eq!(reverse_path(mail()), "anna@firma.example");
    assert_eq!(reverse_path(mail().sender("office@firma.example")), "office@firma.example");
    assert_eq!(reverse_path(mail().return_path("b@firma.example".parse().unwrap())), "b@firma.example");
    assert_eq!(reverse_path(mail().auto_submitted(AutoSubmitted::Replied)), "");

    let asked = mail().notify(Notify::NEVER).ret(Ret::Hdrs).envid("QQ1").require_tls().build().unwrap();
    assert_eq!(asked.recipients()[0].notify, Notify::NEVER);
    let envelope = asked.envelope();
    assert_eq!((envelope.ret, envelope.envid.as_deref(), envelope.require_tls), (Some(Ret::Hdrs), Some("QQ1"), true));
}

#[test]
fn an_envelope_can_be_given_by_hand() {
    let envelope = Envelope { reverse_path: ReversePath::Null, ..Envelope::default() };
    let to = vec![Recipient::new("jörg@x.example".parse::<Mailbox>().unwrap())];
    let moved = mail().build().unwrap().addressed(envelope.clone(), to.clone());
    assert_eq!(addresses(&moved), ["jörg@x.example"]);
    assert!(moved.envelope().smtputf8, "its recipient cannot be named otherwise");

    assert!(!format!("{:?}", mail().text("private").build()).contains("private"), "a log shows no text");

    let raw = Mail::raw(envelope, to, "Message-ID: <7@x.example>\r\n\r\nGrüße\r\n");
    assert_eq!((raw.message_id(), raw.envelope().body), ("7@x.example", BodyKind::EightBitMime));
    assert_eq!(read(&raw), "Message-ID: <7@x.example>\r\n\r\nGrüße\r\n".as_bytes());
}

#[test]
fn ids_and_dates_are_made_where_none_are_given() {
    let fresh = || Mail::new().from("anna@bücher.example").to("bob@kunde.example").build().unwrap();
    let (one, other) = (fresh(), fresh());
    assert_ne!(one.message_id(), other.message_id());
    assert!(one.message_id().ends_with("@xn--bcher-kva.example"), "{}", one.message_id());
    assert_eq!(header::count(header::split(&read(&one)).0, "Date"), 1);
    assert_eq!(field(mail(), "Message-ID").as_deref(), Some("<1@firma.example>"));
    assert_eq!(field(mail().in_reply_to("a@b"), "References").as_deref(), Some("<a@b>"));
    assert_eq!(
        field(mail().in_reply_to("a@b").references("<c@d> <a@b>"), "References").as_deref(),
        Some("<c@d> <a@b>")
    );
}

#[test]
fn the_type_of_a_file_follows_from_its_name() {
    let of = |name: &str| {
        let text = written(mail().attach(Attachment::new(name, "x")));
        let line = text.lines().find_map(|line| line.strip_prefix("Content-Type: ")).map(str::to_owned);
        line.unwrap().trim_end_matches(';').to_owned()
    };
    assert_eq!(of("a.pdf"), "application/pdf");
    assert_eq!(of("a.CSV"), "text/csv; charset=utf-8");
    assert_eq!(of("a.docx"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document");
    assert_eq!(of("a"), "application/octet-stream");
}

#[test]
fn a_message_that_seven_bits_cannot_hold_travels_as_a_file() {
    let text = written(mail().attach(Attachment::new("old.eml", "Subject: Grüße\r\n\r\nx\r\n")));
    assert!(text.contains("Content-Type: application/octet-stream") && text.contains("filename=\"old.eml\""), "{text}");
}

#[test]
fn files_are_read_each_time_and_must_not_change() {
    let mut file = tempfile::Builder::new().suffix(".bin").tempfile().unwrap();
    file.write_all(&vec![7; 100_000]).unwrap();
    let built = mail().attach(file.path()).build().unwrap();
    assert_eq!(read(&built), read(&built), "the second server gets the same");

    for size in [99_999, 100_001] {
        file.as_file().set_len(size).unwrap();
        let error = built.reader().read_to_end(&mut Vec::new()).unwrap_err();
        assert!(
            error.to_string().ends_with("no longer has the 100000 octets it had when the mail was built"),
            "{error}"
        );
    }
    file.rewind().unwrap();
    drop(file);
    let error = built.reader().read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_large_file_passes_in_small_parts() {
    let zeros = || Ok(std::io::repeat(0).take(10 << 20));
    let built = mail().attach(Attachment::new("zeros", Source::reader(10 << 20, zeros))).build().unwrap();
    let (mut reader, mut buffer) = (built.reader(), vec![0; 1 << 20]);
    let parts: Vec<usize> =
        std::iter::repeat_with(|| reader.read(&mut buffer).unwrap()).take_while(|n| *n > 0).collect();
    assert_eq!(parts.iter().max(), Some(&65_520), "64 KiB at a time, however much room there is");
    assert_eq!(parts.iter().sum::<usize>() as u64, built.octets());
}

#[test]
fn a_file_says_who_gets_it_and_loses_its_blind_copies() {
    let file = "From: Anna <anna@firma.example>\nTo: bob@kunde.example\nCc: Staff: cy@firma.example, bob@kunde.example;\n\
                Bcc: eve@x.example,\n eva@x.example\nResent-Bcc: z@x.example\nSubject: old\n\nGrüße\n";
    let read_in = Mail::from_eml(file).unwrap();
    assert_eq!(read_in.envelope().reverse_path.to_string(), "anna@firma.example");
    assert_eq!(addresses(&read_in), ["bob@kunde.example", "cy@firma.example", "eve@x.example", "eva@x.example"]);
    assert_eq!((read_in.envelope().body, read_in.envelope().smtputf8), (BodyKind::EightBitMime, false));
    let text = String::from_utf8(read(&read_in)).unwrap();
    assert!(text.starts_with("Date: ") && text.contains(&format!("\r\nMessage-ID: <{}>\r\n", read_in.message_id())));
    assert!(!text.contains("Bcc") && !text.contains("x.example"), "{text}");
    assert!(text.ends_with("Subject: old\r\n\r\nGrüße\r\n"), "{text}");
}

#[test]
fn a_file_that_is_complete_stays_as_it_is() {
    let file =
        "Date: x\r\nMessage-ID: <1@x>\r\nSender: s@x.example\r\nFrom: a@x.example\r\nTo: b@x.example\r\n\r\nx\r\n";
    let read_in = Mail::from_eml(file).unwrap();
    assert_eq!(read(&read_in), file.as_bytes());
    assert_eq!((read_in.message_id(), read_in.envelope().reverse_path.to_string().as_str()), ("1@x", "s@x.example"));

    let wide = Mail::from_eml("From: a@x.example\r\nTo: b@x.example\r\nSubject: Grüße\r\n\r\nx\r\n").unwrap();
    assert!(wide.envelope().smtputf8, "UTF-8 in a header needs it (RFC 6532)");
}

#[test]
fn an_envelope_that_is_given_counts_over_the_header() {
    let to = |address: &str| Recipient::new(address.parse().unwrap());
    let file = "From: a@x.example\r\nTo: b@x.example\r\nBcc: c@x.example\r\n\r\nx\r\n";
    let given = [to("d@x.example"), to("e@x.example"), to("d@x.example")].to_vec();
    let mail = Mail::from_eml_as(file, Some("s@y.example".parse().unwrap()), given.clone()).unwrap();
    assert_eq!(mail.envelope().reverse_path.to_string(), "s@y.example");
    assert_eq!(addresses(&mail), ["d@x.example", "e@x.example"]);
    assert!(!String::from_utf8(read(&mail)).unwrap().contains("Bcc"));

    let mail = Mail::from_eml_as("Subject: x\r\n\r\n", Some("s@y.example".parse().unwrap()), given).unwrap();
    assert!(mail.message_id().ends_with("@y.example"), "{}", mail.message_id());
}

#[test]
fn a_file_that_is_no_message_is_refused() {
    let fault = |file: &'static str| Mail::from_eml(file).unwrap_err().to_string();
    assert_eq!(fault("just a text"), "header: the file does not start with the header of a message");
    assert_eq!(
        fault("Subject: x\r\n\r\n"),
        "from: nobody is named as the author; to: To, Cc and Bcc name no recipient"
    );
    assert_eq!(
        fault("From: a@x.example\r\nTo: b\r\nBcc: c@@x.example\r\n\r\n"),
        "to: the address has no @; bcc: after the @: a label of the domain is empty or holds a character that no host \
         name has"
    );
}

#[test]
fn a_file_with_a_cr_alone_in_its_header_or_a_nul_is_refused() {
    let read_in = |header: &str, body: &str| {
        let file = format!("From: a@x.example\nTo: b@x.example\n{header}\n\n{body}\n");
        Mail::from_eml(file).map_err(|error| error.to_string().split(':').next().map(str::to_owned).unwrap_or_default())
    };
    for header in ["X: a\rBcc: q@x.example", "X: a\r\r", "X: \0"] {
        assert_eq!(read_in(header, "Hi").unwrap_err(), "header", "{header:?}");
    }
    assert!(read_in("X: a\r", "Hi").is_ok(), "a CRLF among LFs");
    assert_eq!(read_in("X: a", "Hi\0").unwrap_err(), "body");
    let mail = read_in("X: a", "one\rtwo").unwrap();
    assert_eq!(addresses(&mail), ["b@x.example"]);
    assert!(read(&mail).ends_with(b"\r\n\r\none\r\ntwo\r\n"));
}

mod template {
    use super::*;

    fn rows(json: &str) -> Vec<serde_json::Value> {
        serde_json::from_str(json).unwrap()
    }

    fn template() -> Template {
        Template::new(Mail::new().from("rechnung@firma.example")).to(("{{ name }}", "{{ email }}"))
    }

    fn merged(template: &Template, json: &str) -> Vec<Result<Mail, String>> {
        template.merge(rows(json)).unwrap().map(|mail| mail.map_err(|error| error.to_string())).collect()
    }

    #[test]
    fn each_row_makes_a_mail() {
        let template = template()
            .subject("Rechnung {{ number }}")
            .text("Guten Tag {{ name }},\n{% for item in items %}- {{ item }}\n{% endfor %}")
            .html("<p>{{ name }}</p>")
            .header("X-Customer", "{{ number }}")
            .list_unsubscribe("https://firma.example/u/{{ email | urlencode }}");
        let json = r#"[{"name": "Müller, Bob <b>", "email": "bob@kunde.example", "number": 1, "items": ["a", "b"]}]"#;
        let mail = merged(&template, json).remove(0).unwrap();
        let text = String::from_utf8(read(&mail)).unwrap();
        assert_eq!(addresses(&mail), ["bob@kunde.example"]);
        for part in [
            "Subject: Rechnung 1\r\n",
            "X-Customer: 1\r\n",
            "<https://firma.example/u/bob%40kunde.example>\r\n",
            "- a\r\n- b\r\n",
            "&lt;b&gt;</p>",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn a_missing_variable_is_named_with_its_row_and_the_rows_after_it_still_come() {
        let template = template().subject("{{ order.number }}").text("{{ nick | default('x') }} {{ name }}");
        let json = r#"[{"name": "A", "email": "a@x.example", "order": {"number": 1}},
                       {"name": "B", "email": "b@x.example", "order": {}},
                       {"email": "c@x.example", "order": {"number": 3}},
                       {"name": "D", "email": "d@x.example", "order": {"number": 4}}]"#;
        let mails = merged(&template, json);
        assert!(mails[0].is_ok() && mails[3].is_ok());
        assert_eq!(mails[1].as_ref().unwrap_err(), "row 2: subject: the row has no `order.number`");
        assert_eq!(mails[2].as_ref().unwrap_err(), "row 3: to: the row has no `name`; text: the row has no `name`");
    }

    #[test]
    fn an_empty_cell_leaves_its_place_out_but_somebody_must_get_the_mail() {
        let template = template().cc("{{ copy }}").attach("{{ file }}").header("X-Customer", "{{ number }}").text("x");
        let json = r#"[{"name": "A", "email": "a@x.example", "copy": "", "file": " ", "number": ""},
                       {"name": "B", "email": "", "copy": "c@x.example", "file": "", "number": 2}]"#;
        let mails = merged(&template, json);
        let text = String::from_utf8(read(mails[0].as_ref().unwrap())).unwrap();
        assert!(!text.contains("Cc:") && !text.contains("X-Customer") && !text.contains("multipart"), "{text}");
        assert_eq!(mails[1].as_ref().unwrap_err(), "row 2: to: \"\": the address has no @");
    }

    #[test]
    fn a_cell_adds_neither_a_recipient_nor_a_field() {
        let template = template().subject("{{ subject }}");
        let json = r#"[{"name": "A", "email": "a@x.example, eve@x.example", "subject": ""},
                       {"name": "<eve@x.example>,", "email": "a@x.example", "subject": ""},
                       {"name": "A", "email": "a@x.example", "subject": "x\r\nBcc: eve@x.example"}]"#;
        let mails = merged(&template, json);
        assert!(mails[0].as_ref().unwrap_err().starts_with("row 1: to: \"a@x.example, eve@x.example\""));
        assert_eq!(addresses(mails[1].as_ref().unwrap()), ["a@x.example"]);
        assert!(mails[2].as_ref().unwrap_err().starts_with("row 3: subject: a line break"));
    }

    #[test]
    fn a_template_that_is_none_is_refused_before_the_first_row() {
        let broken = template().subject("{{ name").text("{% if %}");
        let error = broken.merge(rows("[]")).unwrap_err();
        assert_eq!(error.faults.iter().map(|(field, _)| *field).collect::<Vec<_>>(), ["subject", "text"]);
        assert_eq!(template().merge(rows("[]")).unwrap().count(), 0);
    }

    #[test]
    fn the_error_of_a_row_is_a_build_error() {
        let error: BuildError = template().merge(rows("[{}]")).unwrap().next().unwrap().unwrap_err().error;
        assert_eq!(error.faults[0], ("to", "the row has no `name`".to_owned()));
    }
}
