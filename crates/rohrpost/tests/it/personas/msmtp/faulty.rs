//! Servers that refuse, fall silent or hang up at some stage: both programs end with the same code.

use rohrpost_testkit::Script;

use super::pair::{Pair, Program};

/// Both programs at a server that plays this script; what they said to it, ours last.
#[track_caller]
fn both(script: &Script, more: &[&str], code: i32) -> [String; 2] {
    [Program::Theirs, Program::Ours].map(|program| one(program, script, more, code))
}

/// One of them, which must end with this code.
#[track_caller]
fn one(program: Program, script: &Script, more: &[&str], code: i32) -> String {
    let pair = Pair::new();
    let peer = pair.peer(script.clone());
    let port = format!("--port={}", peer.address().port());
    let fixed = ["--host=127.0.0.1", &port, "--from=joe@x.example", "bob@y.example"];
    let arguments: Vec<_> = fixed.iter().chain(more).map(ToString::to_string).collect();
    let ended = pair.call(program, &arguments, b"Subject: x\n\nHello.\n");
    assert_eq!(ended.status.code(), Some(code), "{program:?}: {ended:?} {:?}", peer.heard());
    peer.heard().concat()
}

/// A server that takes a message and says good-bye, which msmtp waits for.
fn taking(keywords: &[&str]) -> Script {
    Script::takes_one(keywords).hear("QUIT").say("221 bye").close()
}

/// A server that says yes up to and with RCPT.
fn willing() -> Script {
    Script::new().greets(&["DSN"]).hear("MAIL").say("250 ok").hear("RCPT").say("250 ok")
}

#[test]
fn a_greeting_that_is_none_is_a_matter_of_the_protocol() {
    both(&Script::new().say("421 4.3.2 Not now").close(), &[], 76);
    both(&Script::new().say("554 5.7.1 Not you").close(), &[], 76);
}

#[test]
fn a_refusal_before_the_text_is_final_and_one_behind_it_is_not() {
    both(&Script::new().greets(&[]).hear("MAIL").say("550 5.7.1 Not you"), &[], 65);
    both(&Script::new().greets(&[]).hear("MAIL").say("451 4.3.0 Not now"), &[], 69);
    both(&willing().hear("DATA").say("554 5.6.0 No"), &[], 65);
    both(&willing().hear("DATA").say("354 go on").hear_message().say("554 5.6.0 No"), &[], 69);
}

#[test]
fn a_server_that_hangs_up_does_not_keep_to_the_protocol() {
    both(&Script::new().greets(&[]).hear("MAIL").close(), &[], 76);
    // Behind the message ours has a code of its own: whoever sends again may send twice.
    one(Program::Ours, &willing().hear("DATA").say("354 go on").hear_message().close(), &[], 74);
}

#[test]
fn reports_are_asked_for_in_the_same_words() {
    let script = taking(&["DSN"]);
    for heard in both(&script, &["-N", "failure,delay", "-R", "hdrs"], 0) {
        assert!(heard.contains("MAIL FROM:<joe@x.example> RET=HDRS"), "{heard}");
        assert!(heard.contains("RCPT TO:<bob@y.example> NOTIFY="), "{heard}");
        assert!(heard.contains("FAILURE,DELAY") || heard.contains("DELAY,FAILURE"), "{heard}");
    }
    for heard in both(&script, &["--dsn-notify=never"], 0) {
        assert!(heard.contains("NOTIFY=NEVER") && !heard.contains("RET="), "{heard}");
    }
}

#[test]
fn the_name_and_the_address_that_were_set_are_used() {
    for heard in both(&taking(&[]), &["--domain=box.example", "--source-ip=127.0.0.1", "--timeout=20"], 0) {
        assert!(heard.starts_with("EHLO box.example\r\n"), "{heard}");
    }
    for heard in both(&taking(&[]), &[], 0) {
        assert!(heard.starts_with("EHLO localhost\r\n"), "{heard}");
    }
}
