//! `-bs`, as Symfony and Laravel speak it.

use super::{Host, host};

const DIALOGUE: &str = "EHLO localhost\r\nMAIL FROM:<a@here.test>\r\nRCPT TO:<ann@here.test>\r\nDATA\r\n\
                        Subject: bs\r\nTo: ann@here.test\r\n\r\n..dot\r\n.\r\nQUIT\r\n";

#[test]
fn a_dialogue_on_standard_input_delivers() {
    let (host, rohrpost) = Host::start();
    for arguments in [&["-bs"] as &[&str], &["-bs", "-i"]] {
        let ended = host.call("sendmail", arguments, DIALOGUE.as_bytes());
        assert!(ended.status.success() && ended.errors.is_empty(), "{ended:?}");
        assert!(
            ended.output.contains("250 2.6.0 Message queued as ") && ended.output.ends_with("221 2.0.0 Bye\r\n"),
            "{ended:?}"
        );
    }
    let mail = host::mail_with(&rohrpost, "Subject: bs\r\n");
    assert!(mail.contains("Return-Path: <a@here.test>\r\n") && mail.ends_with("\r\n\r\n.dot\r\n"), "{mail}");
}

#[test]
fn a_dialogue_that_breaks_off_in_the_message_keeps_nothing() {
    let (host, rohrpost) = Host::start();
    let begun = DIALOGUE.split_once("..dot").expect("it is there").0;
    host.fail(65, &["-bs"], begun.as_bytes());
    assert_eq!(host::count(&rohrpost, "bs"), 0);
}

#[test]
fn a_refusal_of_the_server_is_the_reply() {
    let (host, _rohrpost) = Host::start();
    let ended = host.call("sendmail", &["-bs"], DIALOGUE.replace("<ann@", "<nobody@").as_bytes());
    assert!(ended.output.contains("\r\n550 5.1.1 "), "{ended:?}");
}
