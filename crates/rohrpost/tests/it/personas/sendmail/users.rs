//! As whom the users of a host may write, and as whom they are shown.

use super::{Host, host};

/// The tests are root's.
const RULES: &str = "[[submit.sender]]\nuser = 'root'\naddresses = ['here.test', '*.lan']\n\
    [[submit.masquerade]]\nfrom = 'root@web1.lan'\nto = 'ann@here.test'\n\
    [[submit.masquerade]]\nfrom = '*.lan'\nto = '@here.test'\n";

#[test]
fn who_writes_as_somebody_else_is_refused_and_nobody_gets_it() {
    let (host, installation) = Host::with(RULES);
    let rohrpost = installation.start();
    let table: [(&[&str], &[u8]); 3] = [
        (&["-f", "boss@bank.test", "ann"], b"From: ann@here.test\nSubject: foreign\n\nx\n"),
        (&["ann"], b"From: boss@bank.test\nSubject: foreign\n\nx\n"),
        (&["ann"], b"From: ann@here.test\nSender: boss@bank.test\nSubject: foreign\n\nx\n"),
    ];
    for (arguments, message) in table {
        let error = host.fail(77, arguments, message);
        assert!(error.contains("User 0 of this host may not write as boss@bank.test"), "{error}");
    }
    host.send(&["-f", "", "ann"], b"From: ann@here.test\nReply-To: boss@bank.test\nSubject: own\n\nx\n");
    host::mail_with(&rohrpost, "Subject: own\r\n");
    assert_eq!(host::count(&rohrpost, "foreign"), 0);
}

#[test]
fn names_that_only_the_host_knows_are_shown_as_others() {
    let (host, installation) = Host::with(RULES);
    let rohrpost = installation.start();
    let message = "From: root@web1.lan (Cron Daemon)\nReply-To: Ops <ops@web2.lan>,\n a@there.test\nTo: ann@web1.lan\n";
    let dialogue = format!(
        "EHLO x\nMAIL FROM:<root@web1.lan>\nRCPT TO:<ann@here.test>\nDATA\nSubject: bs mask\n{message}\nx\n.\nQUIT\n"
    );
    host.send(&["-f", "root@web1.lan", "ann"], format!("Subject: mask\n{message}\nx\n").as_bytes());
    assert!(host.call("sendmail", &["-bs"], dialogue.as_bytes()).status.success());
    for subject in ["mask", "bs mask"] {
        let mail = host::mail_with(&rohrpost, &format!("Subject: {subject}\r\n"));
        for field in [
            "Return-Path: <ann@here.test>\r\n",
            "From: ann@here.test (Cron Daemon)\r\n",
            "Reply-To: Ops <ops@here.test>,\r\n a@there.test\r\n",
            "To: ann@web1.lan\r\n",
        ] {
            assert!(mail.contains(field), "no {field:?} in\n{mail}");
        }
    }
}
