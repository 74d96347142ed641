use super::*;

fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

fn report<'a>(parts: &'a Parts, fates: Vec<Fate<'a>>) -> Report<'a> {
    Report {
        reporting_mta: &parts.host,
        from: &parts.from,
        to: &parts.to,
        id: QueueId::from_i64(2),
        original_id: QueueId::from_i64(1),
        envid: Some("QQ314"),
        arrival: "2026-11-22T10:00:00Z".parse().unwrap(),
        date: "2026-11-22T14:00:00Z".parse().unwrap(),
        fates,
        original: b"Subject: x\r\nFrom: ann@here.test\r\n\r\nbody\r\n",
        original_is_whole: true,
        ret: None,
        language: Language::English,
    }
}

struct Parts {
    host: Domain,
    from: Mailbox,
    to: Mailbox,
    bob: Recipient,
    reply: Reply,
}

fn parts() -> Parts {
    Parts {
        host: "mx.here.test".parse().unwrap(),
        from: mailbox("mailer-daemon@mx.here.test"),
        to: mailbox("ann@here.test"),
        bob: Recipient::new(mailbox("bob@there.test")),
        reply: Reply::with(550, 1, 1, "no\r\nsuch <user>"),
    }
}

fn failed(parts: &Parts) -> Fate<'_> {
    Fate {
        recipient: &parts.bob,
        action: Action::Failed,
        status: EnhancedStatus(5, 1, 1),
        remote: Some("mx.there.test [192.0.2.1]".to_owned()),
        reply: Some(&parts.reply),
        note: None,
        seal: Some(Seal::Encrypted),
        attempted: "2026-11-22T13:00:00Z".parse().unwrap(),
        retry_until: None,
    }
}

#[test]
fn a_failure_in_english() {
    let parts = parts();
    insta::assert_snapshot!(
        String::from_utf8(report(&parts, vec![failed(&parts)]).to_bytes()).unwrap().replace('\r', "")
    );
}

#[test]
fn a_delay_in_german_returns_the_header_only() {
    let parts = parts();
    let late = Fate {
        action: Action::Delayed,
        status: EnhancedStatus(4, 7, 5),
        note: Some("TLS is required and the server does not offer it".to_owned()),
        retry_until: Some("2026-11-27T10:00:00Z".parse().unwrap()),
        reply: None,
        seal: None,
        ..failed(&parts)
    };
    let report = Report { language: Language::German, ..report(&parts, vec![late]) };
    insta::assert_snapshot!(String::from_utf8(report.to_bytes()).unwrap().replace('\r', ""));
}

#[test]
fn a_hostile_reply_cannot_break_the_report() {
    let mut parts = parts();
    parts.reply.text = format!("x\r\n\r\n--=_0000000000002--\r\n{}", "y".repeat(5_000));
    let written = report(&parts, vec![failed(&parts)]).to_bytes();
    let written = String::from_utf8(written).unwrap();
    assert_eq!(written.matches("\r\n--=_0000000000002").count(), 4);
    assert!(written.lines().all(|line| line.len() <= 998));
}

#[test]
fn large_originals_and_ret_hdrs_return_the_header_only() {
    let parts = parts();
    let mut large = b"Subject: x\r\n\r\n".to_vec();
    large.resize(RETURNED_BYTES_MAX + 1, b'y');
    let cut = Report { original: &large, ..report(&parts, vec![failed(&parts)]) }.to_bytes();
    assert!(cut.len() < 5_000);
    let headers = Report { ret: Some(Ret::Hdrs), ..report(&parts, vec![failed(&parts)]) }.to_bytes();
    assert!(!String::from_utf8(headers).unwrap().contains("body"));
}

#[test]
fn the_boundary_is_never_in_the_original() {
    let parts = parts();
    let original = b"A: b\r\n\r\n--=_0000000000002\r\n";
    let written = Report { original, ..report(&parts, vec![failed(&parts)]) }.to_bytes();
    assert!(String::from_utf8(written).unwrap().contains("boundary=\"=_0000000000002_\""));
}

#[test]
fn utf8_addresses_take_the_global_types() {
    let mut parts = parts();
    parts.bob = Recipient::new(mailbox("jörg@there.test"));
    let report = report(&parts, vec![failed(&parts)]);
    assert!(report.needs_smtputf8());
    let written = String::from_utf8(report.to_bytes()).unwrap();
    assert!(written.contains("message/global-delivery-status"));
    assert!(written.contains("Final-Recipient: utf-8; jörg@there.test"));
}
