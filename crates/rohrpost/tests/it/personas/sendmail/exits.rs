//! How it ends where the message is not taken: with the code of `sysexits.h`, one line, and nobody gets anything.

use super::{Host, host};

const MESSAGE: &[u8] = b"To: ann\nSubject: no\n\nx\n";

#[test]
fn each_reason_has_its_code_and_nobody_gets_the_message() {
    let (host, rohrpost) = Host::start();
    let table: [(i32, &[&str], &[u8], &str); 12] = [
        (64, &["-t", "-f"], MESSAGE, "-f takes a value"),
        (64, &["-t", "-N", "sometimes"], MESSAGE, "-N \"sometimes\""),
        (64, &["-t", "-f", "a> ORCPT=rfc822;x"], MESSAGE, "the sender"),
        (64, &["-t", "-f", "\"a"], MESSAGE, "the sender"),
        (64, &["-t", "-f", "a@x.test\r\nRCPT TO:<b@x.test>"], MESSAGE, "control character"),
        (64, &["ann\n"], MESSAGE, "control character"),
        (64, &["-bt"], MESSAGE, "-b \"t\""),
        (65, &["-t"], b"To: ann\rBcc: b\n\nx\n", "bare CR"),
        (65, &["<ann"], MESSAGE, "never closed"),
        (66, &[], MESSAGE, "no recipients"),
        (66, &["-t"], b"Subject: nobody\n\nx\n", "no recipients"),
        (67, &["nobody-of-that-name"], MESSAGE, "refused"),
    ];
    for (code, arguments, input, reason) in table {
        let error = host.fail(code, arguments, input);
        assert!(error.contains(reason), "{arguments:?}: {error}");
    }
    assert_eq!(rohrpost.ask(&["queue", "list", "--json"]), "");
    assert_eq!(host::count(&rohrpost, "no"), 0);
}

#[test]
fn some_refused_recipients_are_told_and_the_others_get_it() {
    let (host, rohrpost) = Host::start();
    let ended = host.call("sendmail", &["-f", "ann@here.test", "ann", "nobody-of-that-name"], MESSAGE);
    assert!(ended.status.success(), "{ended:?}");
    assert!(
        ended.errors.starts_with("rohrpost: refused: nobody-of-that-name") && ended.errors.lines().count() == 1,
        "{ended:?}"
    );
    host::mail_with(&rohrpost, "Subject: no\r\n");
}

#[test]
fn a_configuration_that_is_named_must_be_there() {
    let (host, _) = Host::new();
    let error = host.fail(78, &["-C", "/nowhere/rohrpost.toml", "ann"], MESSAGE);
    assert!(error.contains("/nowhere/rohrpost.toml"), "{error}");
}
