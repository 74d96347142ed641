//! What becomes of a message on its way from a program's pipe to a mailbox.

use std::io::Write;

use super::{Host, host};

/// Everything behind the header of a message.
fn body(mail: &str) -> &str {
    mail.split_once("\r\n\r\n").expect("it has a header").1
}

#[test]
fn every_mixture_of_line_ends_arrives_as_crlf() {
    let (host, rohrpost) = Host::start();
    let inputs: [(&str, &[u8], &str); 4] = [
        ("lf", b"To: ann\nSubject: lf\n\na\nb\n", "a\r\nb\r\n"),
        ("crlf", b"To: ann\r\nSubject: crlf\r\n\r\na\r\nb\r\n", "a\r\nb\r\n"),
        ("mixed", b"To: ann\r\nSubject: mixed\n\r\na\nb\r\nc\r\r\nd", "a\r\nb\r\nc\r\nd\r\n"),
        ("progress", b"To: ann\nSubject: progress\n\n 1%\r50%\r100%\n", " 1%\r\n50%\r\n100%\r\n"),
    ];
    for (subject, input, expected) in inputs {
        host.send(&["-t", "-i"], input);
        assert_eq!(body(&host::mail_with(&rohrpost, &format!("Subject: {subject}\r\n"))), expected, "{subject}");
    }
}

#[test]
fn recipients_of_all_fields_and_operands_get_it_once_and_hidden_ones_are_not_told() {
    let (host, rohrpost) = Host::start();
    let input = b"To: staff: nobody@elsewhere.test,\n \"Ann, B.\" <ann@here.test>;\nCc: root (me)\nBcc: secret@elsewhere.test\nSubject: all\n\nx\n";
    host.send(&["-odq", "-t", "-i", "ann@here.test, other@elsewhere.test"], input);
    let queue = rohrpost.ask(&["queue", "list", "--json"]);
    for recipient in ["nobody@elsewhere.test", "secret@elsewhere.test", "other@elsewhere.test", "ann@here.test"] {
        assert_eq!(queue.matches(&format!("\"recipient\":\"{recipient}\"")).count(), 1, "{queue}");
    }
    rohrpost.ask(&["queue", "retry", "--recipient", "ann@here.test"]);
    let mail = host::mail_with(&rohrpost, "Subject: all\r\n");
    assert!(!mail.contains("secret") && !mail.contains("Bcc"), "{mail}");
    assert_eq!(host::count(&rohrpost, "all"), 1);
}

#[test]
fn a_hidden_recipient_is_gone_without_t_too() {
    let (host, rohrpost) = Host::start();
    host.send(&["ann"], b"Subject: leak\nBcc: secret@here.test\n\nx\n");
    assert!(!host::mail_with(&rohrpost, "Subject: leak\r\n").contains("secret"));
}

#[test]
fn a_message_without_a_header_gets_one() {
    let (host, rohrpost) = Host::start();
    host.send(&["-F", "J\u{f6}rg", "-f", "bob@here.test", "ann"], b"only text, no field\n");
    let mail = host::mail_with(&rohrpost, "only text, no field");
    for field in
        ["\r\nFrom: =?utf-8?b?SsO2cmc=?= <bob@here.test>\r\n", "\r\nDate: ", "\r\nTo: undisclosed-recipients:;\r\n"]
    {
        assert!(mail.contains(field), "{mail}");
    }
    assert!(mail.contains("Message-ID: <") && !mail.contains("@localhost"), "{mail}");
    assert_eq!(body(&mail), "only text, no field\r\n");
}

#[test]
fn a_message_that_ends_within_its_header_has_an_empty_body() {
    let (host, rohrpost) = Host::start();
    host.send(&["-t"], b"To: ann\nSubject: cut\n off");
    let mail = host::mail_with(&rohrpost, "Subject: cut\r\n off\r\n");
    assert_eq!(body(&mail), "");
}

#[test]
fn a_nul_arrives_encoded() {
    let (host, rohrpost) = Host::start();
    host.send(&["ann"], b"Subject: nul\n\na\0b\n");
    assert_eq!(body(&host::mail_with(&rohrpost, "Subject: nul\r\n")), "a=00b\r\n");
}

#[test]
fn no_socket_is_opened_before_the_input_ends_and_memory_is_bounded() {
    const OCTETS: usize = 40 << 20;
    let (host, rohrpost) = Host::start();
    let mut command = host.command(&host.path("sendmail"));
    let mut child = command.args(["-i", "ann"]).spawn().expect("it is built");
    let mut input = child.stdin.take().expect("it was asked for");
    input.write_all(b"Subject: large\n\n").expect("it reads");
    let line = [b'x'; 71].iter().chain(b"\n").copied().collect::<Vec<_>>();
    let block = line.repeat(1 << 10);
    for _ in 0..OCTETS / block.len() {
        input.write_all(&block).expect("it reads");
    }
    // All but the last 64 KiB have been read by now: so much a pipe holds.
    let sockets = std::fs::read_dir(format!("/proc/{}/fd", child.id())).expect("it runs");
    let sockets = sockets.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
    let sockets: Vec<_> = sockets.filter(|link| link.to_string_lossy().starts_with("socket:")).collect();
    assert!(sockets.is_empty(), "{sockets:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux tells it");
    let kib: u64 = kib.trim().trim_end_matches(" kB").parse().expect("it is a number");
    assert!(kib < 8 << 10, "{kib} KiB of memory");
    drop(input);
    assert!(child.wait().expect("it is our child").success());
    rohrpost
        .ask_until(&["mailbox", "list", "ann@here.test", "--json"], "the message", |listed| listed.contains("large"));
}
