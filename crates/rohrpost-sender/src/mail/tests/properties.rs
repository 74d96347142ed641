//! What holds for whatever is put in: an independent reader gets back what was meant, and nothing slips in.

use mail_parser::{MessageParser, MimeHeaders};
use proptest::{collection::vec, prelude::*, sample::select};
use rohrpost_mail::{HeaderText, Mailbox, header};

use super::{Addresses, Attachment, Builder, Mail, read};

/// Text that may stand in a header, without blanks that readers may drop.
fn header_text() -> impl Strategy<Value = String> {
    "\\PC{0,90}"
        .prop_map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .prop_filter("controls are refused", |text| HeaderText::new(text.as_str()).is_ok())
}

fn name() -> impl Strategy<Value = String> {
    header_text().prop_filter("a name is not empty", |name| !name.is_empty())
}

/// Text as a letter has it, with line ends.
fn letter() -> impl Strategy<Value = String> {
    vec("[ -~äöü€]{0,200}|From here|\\.|你好世界", 0..8).prop_map(|lines| lines.join("\n") + "\n")
}

/// What has broken mail programs before.
fn hostile() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "\r\n",
        "\n",
        "\r",
        "\0",
        "\u{2028}",
        "\u{85}",
        "Bcc: eve@x.example",
        "\r\nBcc: eve@x.example",
        "\nBcc: eve@x.example",
        "\rBcc: eve@x.example",
        "\r\n\r\n",
        "=?utf-8?q?=0D=0ABcc:_eve?=",
        "=?",
        "?=",
        "<",
        ">",
        "\"",
        "\\",
        ",",
        ";",
        ":",
        "(",
        ")",
        "@",
        "@x.example",
        " ",
        "\t",
        "ä",
        "a",
        ".",
        "--=_1_rohrpost",
    ];
    vec(select(PIECES), 0..8).prop_map(|pieces| pieces.concat())
}

/// Every verb that takes words, given one that may be anything.
const VERBS: &[fn(Builder, &str) -> Builder] = &[
    |mail, text| mail.reply_to((text, "anna@firma.example")),
    |mail, text| mail.cc((text, "cy@kunde.example")),
    |mail, text| mail.cc(Addresses::group(text, "cy@kunde.example")),
    |mail, text| mail.subject(text),
    |mail, text| mail.header("X-Test", text),
    |mail, text| mail.header(&format!("X{text}"), "x"),
    |mail, text| mail.in_reply_to(&format!("1@x{text}")),
    |mail, text| mail.references(&format!("1@x{text}")),
    |mail, text| mail.message_id(&format!("1@x{text}")),
    |mail, text| mail.inline(text, Attachment::new("a.png", "x")),
    |mail, text| mail.inline("cid", Attachment::new(text, "x")),
    |mail, text| mail.attach(Attachment::new(text, "x")),
    |mail, text| mail.attach(Attachment::new("a", "x").content_type(format!("text/x{text}"))),
    |mail, text| mail.calendar(format!("METHOD:{text}")),
    |mail, text| mail.text(text).html(text),
];

/// The fields that the verbs write, besides those whose name starts with X.
const FIELDS: &[&str] = &[
    "From",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

proptest! {
    #[test]
    fn an_independent_reader_gets_back_what_was_meant(
        subject in header_text(), author in name(), receiver in name(), text in letter(), html in letter(),
        file in "[a-zäöü€\" .%'-]{1,90}", data in vec(any::<u8>(), 0..300),
    ) {
        let mail = Mail::new()
            .from((&author, "anna@firma.example"))
            .to([(&receiver, "bob@kunde.example")])
            .subject(&subject)
            .text(&text)
            .html(&html)
            .attach(Attachment::new(&file, data.clone()).content_type("application/x-test"))
            .build()?;
        let octets = read(&mail);
        prop_assert!(octets.is_ascii());
        prop_assert!(octets.split(|octet| *octet == b'\n').all(|line| line.len() <= 999));

        let seen = MessageParser::default().parse(&octets).unwrap();
        prop_assert_eq!(seen.subject().unwrap_or_default(), subject);
        prop_assert_eq!(seen.from().unwrap().first().unwrap().name(), Some(&*author));
        prop_assert_eq!(seen.to().unwrap().first().unwrap().name(), Some(&*receiver));
        prop_assert_eq!(seen.body_text(0).unwrap().replace("\r\n", "\n"), text);
        prop_assert_eq!(seen.body_html(0).unwrap().replace("\r\n", "\n"), html);
        let attached = seen.attachment(0).unwrap();
        prop_assert_eq!(attached.attachment_name(), Some(&*file));
        prop_assert_eq!(attached.contents(), data);
    }

    #[test]
    fn nothing_slips_into_the_header_whatever_is_put_in(text in hostile()) {
        let whole = || Mail::new().from("anna@firma.example").to("bob@kunde.example").html("x");
        for mail in VERBS.iter().filter_map(|verb| verb(whole(), &text).build().ok()) {
            let octets = read(&mail);
            let head = header::split(&octets).0;
            let shown = String::from_utf8_lossy(head);
            let known = |field: &header::Field<'_>| field.name.starts_with(b"X") || FIELDS.iter().any(|name| field.is(name));
            prop_assert!(header::fields(head).all(|field| known(&field)), "{}", shown);
            prop_assert!(FIELDS.iter().all(|name| header::count(head, name) <= 1), "{}", shown);
            prop_assert!(mail.recipients().iter().all(|to| !to.address.to_string().starts_with("eve")));
            let seen = MessageParser::default().parse(&octets).unwrap();
            prop_assert!(seen.from().unwrap().iter().count() == 1 && seen.bcc().is_none());
        }
    }

    #[test]
    fn a_name_and_an_address_are_one_recipient_or_none(name in hostile(), between in hostile()) {
        let address = format!("cy@x.example{between}eve@x.example");
        let named = Mail::new().from("anna@firma.example").to((&name, &address)).build();
        prop_assert_eq!(named.is_ok(), Mailbox::parse(address.trim()).is_ok() && HeaderText::new(name.trim()).is_ok());
        let good = Mail::new().from("anna@firma.example").to((&name, "cy@x.example")).build();
        prop_assert!(good.is_err() || good.is_ok_and(|mail| mail.recipients().len() == 1));
    }

    #[test]
    fn a_file_of_any_octets_never_breaks_the_reader(octets in vec(any::<u8>(), 0..300), text in hostile()) {
        let _ = Mail::from_eml(octets);
        let message = format!("From: anna@firma.example\r\nTo: bob@kunde.example\r\nSubject: {text}\r\n\r\n{text}\r\n");
        if let Ok(mail) = Mail::from_eml(message) {
            prop_assert_eq!(header::count(header::split(&read(&mail)).0, "Bcc"), 0);
        }
    }
}
