//! `-odi`: the caller waits for the first attempt, and the exit code says what came of it.

use rohrpost_mail::{ForwardPath, Reply};
use rohrpost_testkit::Sink;
use tokio::runtime::Runtime;

use super::{Host, host};
use crate::peers::Rohrpost;

const MESSAGE: &[u8] = b"From: ann@here.test\nSubject: now\n\nx\n";

/// A host whose mail for everybody else goes to a server that refuses `bad@` and puts off `later@`.
fn start(runtime: &Runtime) -> (Host, Rohrpost, Sink) {
    let judge = |path: &ForwardPath| match path.to_string().split('@').next() {
        Some("bad") => Err(Reply::with(550, 1, 1, "Nobody here")),
        Some("later") => Err(Reply::with(450, 2, 0, "Not now")),
        _ => Ok(()),
    };
    let sink = runtime.block_on(Sink::builder().on_rcpt(judge).start());
    let route = format!("[[route]]\nname = 'out'\nhost = [{{ host = '{}', tls = 'off' }}]\n", sink.address());
    let (host, installation) = Host::with(&route);
    (host, installation.start(), sink)
}

#[test]
fn the_caller_is_told_what_came_of_the_first_attempt() {
    let runtime = Runtime::new().expect("a runtime starts");
    let (host, rohrpost, sink) = start(&runtime);
    // Who is done is there when the command is back: nothing is waited for here.
    host.send(&["-odi", "bob@there.test"], MESSAGE);
    assert_eq!(sink.received().len(), 1);
    host.send(&["-odi", "ann"], MESSAGE);
    assert_eq!(host::count(&rohrpost, "now"), 1);
    host.send(&["-odi", "later@there.test"], MESSAGE);
    let error = host.fail(65, &["-odi", "-f", "", "bad@there.test"], MESSAGE);
    assert!(error.contains("nobody got the message: ") && error.contains("550 5.1.1 Nobody here"), "{error}");
    let mixed = host.call("sendmail", &["-odi", "-f", "", "bad@there.test", "bob@there.test"], MESSAGE);
    assert!(mixed.status.success() && mixed.errors.lines().count() == 1, "{mixed:?}");
    assert!(mixed.errors.contains("bad@there.test (550 5.1.1 Nobody here)"), "{mixed:?}");
    assert_eq!(sink.received().len(), 2);
}

#[test]
fn without_it_a_refusal_comes_as_mail() {
    let runtime = Runtime::new().expect("a runtime starts");
    let (host, rohrpost, _sink) = start(&runtime);
    host.send(&["-f", "ann@here.test", "bad@there.test"], MESSAGE);
    host::mail_with(&rohrpost, "Nobody here");
}
