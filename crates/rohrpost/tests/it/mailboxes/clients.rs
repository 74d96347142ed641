//! Mail programs of the terminal: curl, mutt, neomutt, fetchmail and getmail.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Server, run};
use crate::peers::rohrpost::{ANN, PASSWORD};

/// A message that lies in the INBOX.
const HELLO: &str = "From: bob@there.test\r\nTo: ann@here.test\r\nSubject: Hello\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\
                     Message-ID: <hello@there.test>\r\n\r\nHello Ann\r\n";

/// `curl` with the account.
fn curl(server: &Server, path: &str) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--cacert"]).arg(server.certificate());
    let resolve = format!("mx.here.test:{}:127.0.0.1", server.imaps.port());
    curl.args(["--user", &format!("{ANN}:{PASSWORD}"), "--resolve", &resolve]);
    curl.arg(format!("imaps://mx.here.test:{}/{path}", server.imaps.port())).stdin(Stdio::null());
    curl
}

/// Files [`HELLO`] by curl.
fn file_hello(server: &Server, directory: &Path) {
    let file = directory.join("hello.eml");
    fs::write(&file, HELLO).expect("the file can be written");
    run(curl(server, "INBOX").arg("--upload-file").arg(file));
    // curl marks what it files as seen.
    run(curl(server, "INBOX").args(["-X", "STORE 1 -FLAGS (\\Seen)"]));
}

#[test]
fn curl_files_fetches_and_searches() {
    let (server, directory) = (Server::start(), TempDir::new().expect("a directory can be made"));
    file_hello(&server, directory.path());
    assert_eq!(run(&mut curl(&server, "INBOX;UID=1")), HELLO);
    assert_eq!(run(&mut curl(&server, "INBOX;UID=1;SECTION=TEXT")), "Hello Ann\r\n");
    assert!(run(&mut curl(&server, "INBOX?SUBJECT%20hello")).contains("* SEARCH 1"));
    assert!(run(&mut curl(&server, "")).contains("INBOX"));
}

#[test]
fn mutt_and_neomutt_show_and_save_a_mail() {
    for program in ["mutt", "neomutt"] {
        let (server, directory) = (Server::start(), TempDir::new().expect("a directory can be made"));
        file_hello(&server, directory.path());
        let settings = format!(
            "set imap_user='{ANN}'\nset imap_pass='{PASSWORD}'\nset ssl_force_tls=yes\nset certificate_file={}\n\
             set ssl_verify_host=no\nset folder='{}'\nset confirmcreate=no\nset copy=no\n",
            server.certificate().display(),
            directory.path().display(),
        );
        let (file, saved) = (directory.path().join("muttrc"), directory.path().join("saved"));
        let keys = format!("push '<copy-message>{}<enter><quit>'\n", saved.display());
        fs::write(&file, settings + &keys).expect("the file can be written");
        // It wants a terminal; `script` is one.
        let line = format!("{program} -n -F {} -f imaps://localhost:{}/INBOX", file.display(), server.imaps.port());
        let mut terminal = Command::new("timeout");
        terminal.args(["50", "script", "-qec", &line, "/dev/null"]).stdin(Stdio::null());
        let shown = run(terminal.env("TERM", "xterm").env("HOME", directory.path()));
        let text = fs::read_to_string(saved).unwrap_or_default();
        assert!(text.contains("Subject: Hello") && text.contains("Hello Ann"), "{program}: {text}\n{shown}");
    }
}

/// What the command has kept that a program hands each message to.
fn fetched(directory: &Path) -> String {
    fs::read_to_string(directory.join("mail")).unwrap_or_default()
}

#[test]
fn fetchmail_takes_what_is_new_and_leaves_it_or_not() {
    let (server, directory) = (Server::start(), TempDir::new().expect("a directory can be made"));
    file_hello(&server, directory.path());
    let path = directory.path().display();
    for (keep, left) in [("keep", "* STATUS INBOX (MESSAGES 1)"), ("nokeep fetchall", "* STATUS INBOX (MESSAGES 0)")] {
        let settings = format!(
            "poll localhost proto IMAP service {} user '{ANN}' password '{PASSWORD}' ssl sslcertck sslcertfile {} \
             sslcommonname 'mx.here.test' mda \"cat >> {path}/mail\" {keep}\n",
            server.imaps.port(),
            server.certificate().display(),
        );
        let file = directory.path().join("fetchmailrc");
        fs::write(&file, settings).expect("the file can be written");
        run(Command::new("chmod").arg("600").arg(&file));
        let _ = fs::remove_file(directory.path().join("mail"));
        run(Command::new("fetchmail")
            .arg("-f")
            .arg(&file)
            .arg("--pidfile")
            .arg(directory.path().join("pid"))
            .env("HOME", directory.path()));
        assert!(fetched(directory.path()).contains("Hello Ann"), "{keep}");
        let status = run(curl(&server, "").args(["-X", "STATUS INBOX (MESSAGES)"]));
        assert!(status.contains(left), "{keep}: {status}");
    }
}

#[test]
fn getmail_takes_mail_and_deletes_it() {
    let (server, directory) = (Server::start(), TempDir::new().expect("a directory can be made"));
    file_hello(&server, directory.path());
    let path = directory.path().display();
    let settings = format!(
        "[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = localhost\nport = {}\nusername = {ANN}\npassword = {PASSWORD}\n\
         ca_certs = {}\n\n[destination]\ntype = MDA_external\npath = /usr/bin/tee\n\
         arguments = (\"-a\", \"{path}/mail\")\nallow_root_commands = true\n\n[options]\ndelete = true\n",
        server.imaps.port(),
        server.certificate().display(),
    );
    let file = directory.path().join("getmailrc");
    fs::write(&file, settings).expect("the file can be written");
    run(Command::new("getmail").arg("--getmaildir").arg(directory.path()).arg("--rcfile").arg(&file));
    assert!(fetched(directory.path()).contains("Hello Ann"));
    assert!(run(curl(&server, "").args(["-X", "STATUS INBOX (MESSAGES)"])).contains("MESSAGES 0"));
}
