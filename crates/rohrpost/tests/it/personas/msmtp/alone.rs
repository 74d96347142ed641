//! What is ours alone: other exit codes, the good recipients' mail, several hosts, and no secret anywhere.

use rohrpost_mail::{ForwardPath, Reply};
use rohrpost_testkit::{Sink, SinkBuilder};

use super::pair::{Call, Outcome, Pair, Program, closed_port};

const MAIL: &str = "Subject: x\n\nHello.\n";

/// A sink that refuses `bad@` and puts off `later@`.
fn picky() -> SinkBuilder {
    Sink::builder().on_rcpt(|path: &ForwardPath| match path.to_string().split('@').next() {
        Some("bad") => Err(Reply::with(550, 1, 1, "Nobody here")),
        Some("later") => Err(Reply::with(450, 2, 0, "Not now")),
        _ => Ok(()),
    })
}

fn ours(sink: SinkBuilder, config: Option<&str>, arguments: &[&str], input: &str) -> Outcome {
    Pair::new().at_sink(Program::Ours, sink, &Call { config, arguments, input })
}

fn at_sink(arguments: &[&str], input: &str) -> Outcome {
    let fixed = ["--host=127.0.0.1", "--port=PORT", "--from=joe@x.example"];
    ours(picky(), None, &[&fixed[..], arguments].concat(), input)
}

#[test]
fn partial_lets_the_good_recipients_have_their_mail() {
    let outcome = at_sink(&["--partial", "bob@y.example", "bad@y.example"], MAIL);
    assert_eq!(outcome.ended.status.code(), Some(0), "{outcome:?}");
    assert_eq!(outcome.arrived[0].recipients, ["bob@y.example"]);
    assert_eq!(outcome.ended.errors, "msmtp: bad@y.example: 550 5.1.1 Nobody here\n");
    let nobody = at_sink(&["--partial", "bad@y.example"], MAIL);
    assert_eq!((nobody.ended.status.code(), nobody.arrived.len()), (Some(65), 0));
}

#[test]
fn our_exit_codes_tell_later_from_never() {
    let code = |to: &str| at_sink(&["--rohrpost-exit-codes", to], MAIL).ended.status.code();
    assert_eq!(code("later@y.example"), Some(75));
    assert_eq!(code("bad@y.example"), Some(67));
}

#[test]
fn the_next_host_takes_over_where_one_is_dead() {
    // Both hosts have one port: 127.0.0.2 is this very host as well, but the sink does not listen there.
    let config = "host 127.0.0.2 127.0.0.1\nport PORT\nfrom joe@x.example\n";
    let outcome = ours(picky(), Some(config), &["bob@y.example"], MAIL);
    assert_eq!(outcome.ended.status.code(), Some(0), "{outcome:?}");
    assert_eq!(outcome.arrived.len(), 1);
}

#[test]
fn a_dialogue_is_carried_on_to_the_server_which_has_the_last_word() {
    const DIALOGUE: &str = "EHLO x\r\nMAIL FROM:<jane@x.example>\r\nRCPT TO:<bob@y.example>\r\nDATA\r\nSubject: x\r\n\r\n\
        ..dot\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<bad@y.example>\r\nDATA\r\n.\r\nRSET\r\n\
        MAIL FROM:<>\r\nRCPT TO:<later@y.example>\r\nDATA\r\nSubject: later\r\n\r\n.\r\nQUIT\r\n";
    let outcome = at_sink(&["-bs", "--debug"], DIALOGUE);
    assert_eq!(outcome.ended.status.code(), Some(0), "{outcome:?}");
    assert_eq!(outcome.arrived.len(), 1, "{outcome:?}");
    assert_eq!(outcome.arrived[0].envelope.reverse_path.to_string(), "jane@x.example");
    assert!(outcome.arrived[0].text().ends_with("\r\n\r\n.dot\r\n"), "{outcome:?}");
    let replies: Vec<_> = outcome.ended.output.lines().filter(|line| !line.starts_with("250-")).collect();
    let codes: Vec<_> = replies.iter().map(|line| &line[..3]).collect();
    let expected = [
        "220", "250", "250", "250", "354", "250", "250", "250", "354", "550", "250", "250", "250", "354", "451", "221",
    ];
    assert_eq!(codes, expected, "{outcome:?}");
    assert!(replies[9].contains("Nobody here") && replies[14].contains("Not now"), "{replies:?}");
}

#[test]
fn a_message_without_a_header_keeps_its_first_line_in_the_body() {
    let outcome = at_sink(&["bob@y.example"], "just text\nmore: text\n");
    assert!(outcome.arrived[0].text().ends_with("\r\n\r\njust text\r\nmore: text\r\n"), "{outcome:?}");
}

#[test]
fn a_name_without_a_domain_is_one_of_this_host() {
    let fixed = ["--host=127.0.0.1", "--port=PORT", "--maildomain=site.example", "--from=root", "cron"];
    let outcome = ours(picky(), None, &fixed, MAIL);
    assert_eq!(outcome.arrived[0].envelope.reverse_path.to_string(), "root@site.example");
    assert_eq!(outcome.arrived[0].recipients, ["cron@site.example"]);
}

#[test]
fn a_large_message_arrives_octet_by_octet() {
    let body = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\r\n".repeat(50_000);
    let outcome = at_sink(&["bob@y.example"], &format!("Subject: x\r\n\r\n{body}"));
    assert!(outcome.ended.status.success(), "{:?}", outcome.ended);
    let text = outcome.arrived[0].text();
    assert!(text.split_once("\r\n\r\n").is_some_and(|(_, found)| found == body), "{} octets", text.len());
}

#[test]
fn no_password_is_in_what_is_shown() {
    let common = "host 127.0.0.1\nport PORT\nfrom joe@x.example\nauth plain\nuser joe\n";
    for (secret, line, known) in [
        ("password hunter2", "password = *\n", "hunter2"),
        ("password hunter2", "password = *\n", "other"),
        ("passwordeval echo hunter2", "passwordeval = *\n", "hunter2"),
    ] {
        let config = format!("{common}{secret}\n");
        let sink = picky().login("joe", known);
        let outcome = ours(sink, Some(&config), &["--debug", "bob@y.example"], MAIL);
        let shown = format!("{}{}", outcome.ended.output, outcome.ended.errors);
        assert!(shown.contains(line) && shown.contains("AUTH PLAIN"), "{shown}");
        assert!(shown.contains("without tls, everybody on the way"), "{shown}");
        // The second is base64 of NUL, joe, NUL, hunter2.
        assert!(!shown.contains("hunter2") && !shown.contains("AGpvZQBodW50ZXIy"), "{shown}");
    }
}

#[test]
fn control_characters_in_arguments_are_refused_before_anything_is_sent() {
    for argument in ["bob@y.example\nRCPT TO:<eve@y.example>", "-fa@x.example\rb", "-FJoe\nBcc: eve@y.example"] {
        let outcome = at_sink(&["bob@y.example", argument], MAIL);
        assert_eq!((outcome.ended.status.code(), outcome.arrived.len()), (Some(64), 0), "{outcome:?}");
    }
    for hostile in ["a> ORCPT=rfc822;x@y.example", "\"open@y.example", "a b@y.example"] {
        let outcome = at_sink(&[hostile], MAIL);
        assert_eq!((outcome.ended.status.code(), outcome.arrived.len()), (Some(65), 0), "{outcome:?}");
    }
}

#[test]
fn a_password_that_others_can_read_is_not_used() {
    let pair = Pair::new();
    let path = pair.write(".msmtprc", "host 127.0.0.1\nfrom joe@x.example\nauth on\nuser joe\npassword hunter2\n");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("it is ours");
    let ended = pair.call(Program::Ours, &["bob@y.example".to_owned()], MAIL.as_bytes());
    assert_eq!(ended.status.code(), Some(78), "{ended:?}");
    assert!(ended.errors.contains("chmod 600") && !ended.errors.contains("hunter2"), "{ended:?}");
}

#[test]
fn the_failure_names_server_reason_and_account() {
    let pair = Pair::new();
    let port = closed_port();
    pair.write(".msmtprc", &format!("account work\nhost 127.0.0.1\nport {port}\nfrom joe@x.example\n"));
    let ended = pair.call(Program::Ours, &["-awork".to_owned(), "bob@y.example".to_owned()], MAIL.as_bytes());
    assert_eq!(ended.status.code(), Some(75), "{ended:?}");
    assert!(ended.errors.contains(&format!("127.0.0.1:{port}")), "{ended:?}");
    let last = ended.errors.lines().last().unwrap_or_default();
    assert!(last.starts_with("msmtp: could not send mail (account work from /"), "{ended:?}");
    assert!(ended.errors.lines().all(|line| line.starts_with("msmtp: ")), "{ended:?}");
}
