//! Programs that others know as senders are ways out: msmtp, curl, and a few lines of Python.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use rohrpost_sender::testing::{Server, Tls};
use tempfile::TempDir;

use super::host;
use crate::peers::Rohrpost;
use crate::peers::rohrpost::ANN;

/// Hands in a message as a program of this host does.
#[track_caller]
pub(super) fn send(rohrpost: &Rohrpost, recipients: &[&str]) {
    let mut sendmail = rohrpost.installation.command();
    sendmail.args(["sendmail", "-i", "-f", ANN]).args(recipients).stdin(Stdio::piped());
    let mut child = sendmail.spawn().expect("it is built");
    let message = "Subject: by a program\n\n.\nGr\u{fc}\u{df}e\n";
    child.stdin.take().expect("it is a pipe").write_all(message.as_bytes()).expect("it reads");
    assert!(child.wait().expect("it ends").success());
}

/// A route through one program, with further lines for its table.
fn through(argv: &str, lines: &str) -> String {
    format!(
        "[[route]]\nname = 'out'\nhost = [{{ host = 'pipe:program' }}]\n\
         [[pipe]]\nname = 'program'\nargv = [{argv}]\n{lines}\n"
    )
}

/// The whole message has come, and nothing was added to its body.
#[track_caller]
fn is_whole(text: &str) {
    assert!(text.contains("Subject: by a program\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\n.\r\nGr\u{fc}\u{df}e\r\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn msmtp_takes_mail_on_and_its_refusal_hits_only_who_was_refused() {
    let server = Server::builder().refuse("eve@there.test", "550 5.1.1 nobody here").start().await;
    let folder = TempDir::with_prefix("rohrpost-erp-").expect("a directory can be made");
    let file = folder.path().join("msmtprc");
    let (ip, port) = (server.address().ip(), server.address().port());
    let text =
        format!("defaults\nallow_from_override on\naccount default\nhost {ip}\nport {port}\nfrom x@y\ntls off\n");
    fs::write(&file, text).expect("the file can be written");
    let argv = format!("'/usr/bin/msmtp', '--file={}', '-f', '{{sender}}', '--', '{{recipients}}'", file.display());
    let (rohrpost, _dns) = host(&through(&argv, ""));
    send(&rohrpost, &["bob@there.test", "eve@there.test"]);
    let bounce = rohrpost.inbox(&["eve@there.test", "not accepted by the server"]);
    assert!(!bounce.contains("bob@there.test"), "{bounce}");
    let received = server.messages(1).await.remove(0);
    assert_eq!((received.reverse_path.as_str(), &received.recipients[..]), (ANN, &["bob@there.test".to_owned()][..]));
    is_whole(&received.text());
    rohrpost.trace("bob@there.test", &["local", "relayed to program", "out, PIPE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_takes_mail_on_and_its_own_exit_codes_refuse_nobody() {
    let server = Server::builder().refuse("eve@there.test", "550 5.1.1 nobody here").start().await;
    let argv = format!(
        "'/usr/bin/curl', '-sS', '--crlf', '--url', 'smtp://{}', '--mail-from', '{{sender}}', \
         '--mail-rcpt', '{{recipient}}', '--upload-file', '-'",
        server.address()
    );
    let (rohrpost, _dns) = host(&through(&argv, "refusals = []"));
    send(&rohrpost, &["bob@there.test", "eve@there.test"]);
    is_whole(&server.messages(1).await.remove(0).text());
    rohrpost.trace("eve@there.test", &["waiting", "the program ended with status 55: curl: (55) RCPT failed: 550"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_lines_of_python_take_mail_on_over_tls() {
    let server = Server::builder().tls(Tls::Implicit).start().await;
    let script = "import os, smtplib, ssl, sys; \
        server = smtplib.SMTP_SSL('127.0.0.1', int(sys.argv[1]), context=ssl._create_unverified_context()); \
        message = sys.stdin.buffer.read().replace(b'\\n', b'\\r\\n'); \
        server.sendmail(os.environ['SENDER'], os.environ['RECIPIENT'].split(), message)";
    let argv = format!("'/usr/bin/python3', '-c', '''{script}''', '{}'", server.address().port());
    let (rohrpost, _dns) = host(&through(&argv, ""));
    send(&rohrpost, &["bob@there.test", "eve@there.test"]);
    let received = server.messages(1).await.remove(0);
    assert_eq!(received.recipients, ["bob@there.test", "eve@there.test"]);
    is_whole(&received.text());
}
