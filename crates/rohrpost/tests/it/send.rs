//! `rohrpost send`, as scripts call it: what arrives, what it prints, how it ends.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rohrpost_mail::{ListenerTls, Secret};
use rohrpost_sender::testing::{Builder, Fault, Received, Server, Stage};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::peers::rohrpost::ANN;
use crate::peers::{Dns, Installation};

/// A server in this process, and files for the command.
struct Place {
    runtime: Runtime,
    server: Server,
    files: TempDir,
}

/// How a call ended.
#[derive(Debug)]
struct Ended {
    code: i32,
    output: String,
    errors: String,
}

impl Place {
    fn new() -> Self {
        Self::with(Server::builder())
    }

    fn with(server: Builder) -> Self {
        let runtime = Runtime::new().expect("a runtime can be made");
        let server = runtime.block_on(server.start());
        Self { runtime, server, files: TempDir::with_prefix("rohrpost-send-").expect("a directory can be made") }
    }

    /// A second server, for as long as the place lives.
    fn another(&self, server: Builder) -> Server {
        self.runtime.block_on(server.start())
    }

    /// A file that nobody else can read.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).expect("the file can be written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("the file is ours");
        path.to_str().expect("the directory has a plain name").to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Sends to the server from Ann to Bob, with further options.
    fn send(&self, options: &[&str], text: impl AsRef<[u8]>) -> Ended {
        let url = self.server.url();
        run(&[&["--server", &url, "--from", "ann@here.test", "--to", "bob@there.test"], options].concat(), text)
    }

    /// The one message that came.
    #[track_caller]
    fn arrived(&self) -> Received {
        let [one] = &*self.server.received() else { panic!("one message: {:?}", self.server.received()) };
        one.clone()
    }
}

/// Runs `rohrpost send` to its end.
fn run(options: &[&str], text: impl AsRef<[u8]>) -> Ended {
    run_with(&[], options, text)
}

/// The same with more of an environment.
fn run_with(environment: &[(&str, &str)], options: &[&str], text: impl AsRef<[u8]>) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
    command.arg("send").args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for variable in ["ROHRPOST_SERVER", "ROHRPOST_PASSWORD"] {
        command.env_remove(variable);
    }
    command.envs(environment.iter().copied());
    let mut child = command.env("SMTP_PASSWORD", "three blue kites").spawn().expect("it is built");
    // Who ends before it has read everything closes the pipe; what it says then is looked at.
    let _ = child.stdin.take().expect("it is piped").write_all(text.as_ref());
    let ended = child.wait_with_output().expect("it is our child");
    let text = |octets| String::from_utf8(octets).expect("it prints text");
    Ended { code: ended.status.code().unwrap_or(-1), output: text(ended.stdout), errors: text(ended.stderr) }
}

#[test]
fn everything_that_a_message_can_have_arrives() {
    let place = Place::new();
    let (html, logo, prices) = (
        place.file("text.html", "<p>Hi <img src=\"cid:logo\"></p>"),
        format!("logo={}", place.file("logo.png", b"\x89PNG")),
        place.file("prices.csv", "net;gross\n"),
    );
    let options = [
        ["--to", "Müller, Cy <cy@there.test>"],
        ["--to", "\"Day, Dan\" <dan@there.test>, eve@there.test"],
        ["--cc", "fay@there.test"],
        ["--bcc", "archive@here.test"],
        ["--reply-to", "office@here.test"],
        ["--subject", "Grüße"],
        ["--html", &html],
        ["--inline", &logo],
        ["--attach", &prices],
        ["--header", "X-Customer: 4711"],
    ];
    let refused = place.send(options.as_flattened(), "Hi");
    assert_eq!(refused.code, 65, "a comma in a name wants quotes: {refused:?}");
    let hint = "the address has no @; a name with a comma in it stands in quotes: \"Müller, Cy\" <cy@there.test>";
    assert!(refused.errors.contains("--to: ") && refused.errors.contains(hint), "{refused:?}");

    let ended = place.send(&options.as_flattened()[2..], "Hi");
    assert_eq!(ended.code, 0, "{ended:?}");
    let first = ended.output.lines().next().expect("one line for each recipient");
    assert!(first.starts_with("cleartext  bob@there.test"), "{first}");
    assert_eq!(ended.output.lines().count(), 5, "{ended:?}");
    let message = place.arrived();
    let everybody = ["bob", "dan", "eve", "fay"].map(|name| format!("{name}@there.test"));
    assert_eq!(message.recipients[..4], everybody);
    assert_eq!(message.recipients[4], "archive@here.test");
    let text = message.text();
    for part in [
        "To: bob@there.test, \"Day, Dan\" <dan@there.test>, eve@there.test\r\n",
        "Reply-To: office@here.test\r\n",
        "X-Customer: 4711\r\n",
        "multipart/mixed",
        "multipart/related",
        "multipart/alternative",
        "Content-ID: <logo>",
        "filename=\"prices.csv\"",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!text.contains("archive"), "nobody sees Bcc:\n{text}");
}

#[test]
fn a_whole_message_goes_to_those_in_its_header_or_in_the_options_alone() {
    const MESSAGE: &str = "From: ann@here.test\nTo: bob@there.test\nBcc: cy@there.test\nSubject: x\n\nHi\n";
    let place = Place::new();
    let url = place.server.url();
    let ended = run(&["--server", &url, "--eml"], MESSAGE);
    assert_eq!(ended.code, 0, "{ended:?}");
    let ended = run(&["--server", &url, "--eml", "--from", "office@here.test", "--to", "dan@there.test"], MESSAGE);
    assert_eq!(ended.code, 0, "{ended:?}");
    let [by_header, by_options] = &*place.server.received() else { panic!("two messages") };
    assert_eq!(by_header.recipients, ["bob@there.test", "cy@there.test"]);
    assert_eq!(by_options.recipients, ["dan@there.test"]);
    assert_eq!((&*by_header.reverse_path, &*by_options.reverse_path), ("ann@here.test", "office@here.test"));
    for message in [by_header, by_options] {
        assert!(!message.text().contains("Bcc") && message.text().ends_with("Subject: x\r\n\r\nHi\r\n"), "{message:?}");
    }
}

#[test]
fn a_template_is_filled_and_what_is_missing_is_named() {
    let place = Place::new();
    let (text, html) = (place.file("letter.txt", "Dear {{ name }},\n"), place.file("letter.html", "<p>{{ name }}</p>"));
    let options = ["--template", &text, "--template", &html, "--subject", "For {{ name }}"];
    let ended = place.send(&[&options[..], &["--set", "number=1"]].concat(), "");
    assert_eq!(ended.code, 65, "{ended:?}");
    for told in [format!("--template {text}: no --set gives `name`"), "--subject: no --set gives `name`".to_owned()] {
        assert!(ended.errors.contains(&told), "{told}: {ended:?}");
    }
    assert!(place.server.received().is_empty());

    let ended = place.send(&[&options[..], &["--set", "name=Bob <B>"]].concat(), "");
    assert_eq!(ended.code, 0, "{ended:?}");
    let text = place.arrived().text();
    for part in ["Subject: For Bob <B>\r\n", "Dear Bob <B>,\r\n", "<p>Bob &lt;B&gt;</p>"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn the_next_server_takes_what_the_first_does_not() {
    let place = Place::new();
    let sick = place.another(Server::builder().fault(Stage::Mail, Fault::reply("451 4.3.0 disk")));
    let options = ["--server", &sick.url(), "--server", &place.server.url(), "--transcript", "-"];
    let ended = run(&[&options[..], &["--from", "ann@here.test", "--to", "bob@there.test"]].concat(), "Hi");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.output.contains(&format!("note: passed over {}: ", sick.address())), "{ended:?}");
    assert_eq!(place.arrived().recipients, ["bob@there.test"]);
    for (server, reply) in [(&sick, "S: 451 4.3.0 disk"), (&place.server, "S: 250 ")] {
        let dialogue = ended.errors.split("== ").find(|part| part.starts_with(&server.address().to_string()));
        assert!(dialogue.is_some_and(|dialogue| dialogue.contains(reply)), "{ended:?}");
    }
}

#[test]
fn where_no_server_spoke_no_reply_is_made_up() {
    let gone = Place::new().server.url();
    let options = ["--server", &gone, "--from", "ann@here.test", "--to", "bob@there.test"];
    let ended = run(&options, "Hi");
    assert_eq!((ended.code, &*ended.output), (75, "not sent   bob@there.test\n"), "{ended:?}");
    let ended = run(&[&options[..], &["--json"]].concat(), "Hi");
    let told: serde_json::Value = serde_json::from_str(&ended.output).expect("one line of JSON");
    let bob = &told["recipients"][0];
    assert_eq!((&bob["outcome"], &bob["temporary"], bob.get("reply")), (&"not-sent".into(), &true.into(), None));
    assert!(bob["reason"].as_str().is_some_and(|reason| reason.contains("no connection to")), "{told}");
}

#[test]
fn a_receipt_says_that_a_certificate_of_this_host_was_taken_as_it_is() {
    let place = Place::with(Server::builder().tls(ListenerTls::Offered));
    let ended = place.send(&[], "Hi");
    assert!(ended.output.starts_with("encrypted "), "{ended:?}");
    assert!(ended.output.contains("is on this host, so its certificate was taken as it is"), "{ended:?}");
    let ended = place.send(&["--trust", "any"], "Hi");
    assert!(!ended.output.contains("note:"), "{ended:?}");
}

#[test]
fn without_a_server_the_message_goes_into_the_queue_of_this_host() {
    let dns = Dns::start(&["here.test"]);
    let listener = "[[listener]]\nname = 'mx'\nprotocol = 'smtp'\naddress = '127.0.0.1:0'\ntls = 'off'\n";
    let installation = Installation::new(dns.address, 1, "", listener);
    let dir = installation.data_dir();
    let options =
        ["--dir", dir.to_str().expect("it has a plain name"), "--from", ANN, "--to", ANN, "--subject", "Kept"];
    let nobody = run(&options, "Hi");
    assert_eq!(nobody.code, 75, "{nobody:?}");
    assert!(nobody.errors.contains("hint: Start the server of this host"), "{nobody:?}");

    let server = installation.start();
    let ended = run(&options, "Hi");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.output.starts_with(&format!("queued     {ANN}\nnote: waits in the queue")), "{ended:?}");
    let id = ended.output.trim_end().rsplit(' ').next().expect("the name is the last word");
    server.trace(id, &["filed in"]);
    assert!(server.inbox(&["Kept"]).contains("Subject: Kept"));

    let told = run(&[&options[..], &["--json"]].concat(), "Hi");
    let receipt: serde_json::Value = serde_json::from_str(&told.output).expect("one line of JSON");
    assert_eq!((&receipt["queued"], &receipt["recipients"][0]["outcome"]), (&true.into(), &"queued".into()));
    let wrong = run(&[&options[..], &["--tls", "starttls"]].concat(), "Hi");
    assert_eq!(wrong.code, 64, "how to encrypt is about servers that are named: {wrong:?}");
}

#[test]
fn a_code_other_than_zero_means_that_nobody_got_it() {
    let place = Place::with(Server::builder().refuse("bob@there.test", "550 5.1.1 nobody here"));
    let some = place.send(&["--to", "cy@there.test"], "Hi");
    assert_eq!(some.code, 0, "{some:?}");
    assert!(some.output.contains("refused    bob@there.test  550 5.1.1 nobody here\n"), "{some:?}");
    assert!(!some.output.contains("note:"), "the row says it: {some:?}");
    assert_eq!(place.arrived().recipients, ["cy@there.test"]);

    let nobody = place.send(&["--json"], "Hi");
    assert_eq!(nobody.code, 67, "{nobody:?}");
    let told: serde_json::Value = serde_json::from_str(&nobody.output).expect("one line of JSON");
    assert_eq!(told["exit"], 67);
    assert_eq!(told["recipients"][0]["outcome"], "refused");
    assert_eq!(told["recipients"][0]["reply"]["code"], 550);
}

#[test]
fn the_receipt_in_json_is_that_of_the_library() {
    let place = Place::new();
    let ended = place.send(&["--json"], "Hi");
    assert_eq!(ended.code, 0, "{ended:?}");
    let receipt: serde_json::Value = serde_json::from_str(&ended.output).expect("one line of JSON");
    assert_eq!(receipt["server"], place.server.address().to_string());
    assert_eq!(receipt["recipients"][0]["outcome"], "delivered");
    let id = receipt["id"].as_str().expect("a message has an id");
    assert!(place.arrived().text().contains(&format!("Message-ID: <{id}>")), "{receipt}");
}

#[test]
fn a_server_that_goes_behind_the_dot_leaves_it_open_and_nothing_is_sent_again() {
    let place = Place::with(Server::builder().fault(Stage::Dot, Fault::Drop));
    let ended = place.send(&["--server", &place.another(Server::builder()).url()], "Hi");
    assert_eq!(ended.code, 74, "{ended:?}");
    assert!(ended.output.starts_with("unknown    bob@there.test"), "{ended:?}");
    let hint = ended.errors.lines().nth(1).expect("the hint has a line of its own");
    assert!(hint.contains("hint:") && hint.contains("may have arrived"), "{ended:?}");
    assert_eq!(place.server.connection_count(), 1);
}

#[test]
fn a_message_is_signed_and_a_dry_run_shows_the_record() {
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let place = Place::new();
    let key = format!("mail:here.test:{}", place.file("dkim.pem", KEY));
    let trial = place.send(&["--dkim-key", &key, "--dry-run"], "Hi");
    assert!(trial.errors.contains("dkim    mail._domainkey.here.test TXT v=DKIM1; k=ed25519; p=11qYAY"), "{trial:?}");
    assert!(trial.output.starts_with("DKIM-Signature: v=1; a=ed25519-sha256;"), "{trial:?}");
    let ended = place.send(&["--dkim-key", &key], "Hi");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(place.arrived().text().contains("d=here.test;\r\n s=mail;"), "{ended:?}");
    for (wrong, code) in [("mail:here.test", 64), ("mail:here.test:/nowhere/key", 78)] {
        let ended = place.send(&["--dkim-key", wrong], "Hi");
        assert_eq!(ended.code, code, "{ended:?}");
        assert!(ended.errors.contains("--dkim-key: "), "{ended:?}");
    }
}

#[test]
fn notices_are_asked_for_in_the_envelope() {
    let place = Place::new();
    let transcript = place.path("dialogue");
    let options = ["--notify", "success,failure", "--ret", "hdrs", "--envid", "inv+1", "--transcript"];
    let ended = place.send(&[&options[..], &[transcript.to_str().expect("it has a plain name")]].concat(), "Hi");
    assert_eq!(ended.code, 0, "{ended:?}");
    let parameters = place.arrived().parameters;
    assert!(parameters.contains("RET=HDRS") && parameters.contains("ENVID=inv+2B1"), "{parameters}");
    let dialogue = std::fs::read_to_string(transcript).expect("it was written");
    assert!(dialogue.contains("RCPT TO:<bob@there.test> NOTIFY=SUCCESS,FAILURE"), "{dialogue}");
}

#[test]
fn a_password_comes_from_a_file_a_command_or_the_environment_and_is_masked_in_the_transcript() {
    let place = Place::with(Server::builder().login("ann", Secret::new("three blue kites")));
    let file = place.file("password", "three blue kites\n");
    let sources = [
        ["--password-file", &file],
        ["--password-command", "printf 'three blue kites\\nsecond line'"],
        ["--password-env", "SMTP_PASSWORD"],
    ];
    for source in sources {
        let options = [&source[..], &["--user", "ann", "--allow-clear", "--transcript", "-"]].concat();
        let ended = place.send(&options, "Hi");
        assert_eq!(ended.code, 0, "{source:?}: {ended:?}");
        assert!(ended.errors.contains("AUTH PLAIN") && ended.errors.contains("250 "), "{ended:?}");
        for secret in ["three blue kites", "AGFubgB0aHJlZSBibHVlIGtpdGVz"] {
            assert!(!ended.errors.contains(secret), "{ended:?}");
        }
    }
    assert_eq!(place.server.received().len(), 3);
    assert!(place.server.received().iter().all(|message| message.user.as_deref() == Some("ann")));

    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("the file is ours");
    let ended = place.send(&["--user", "ann", "--password-file", &file, "--allow-clear"], "Hi");
    assert_eq!(ended.code, 78, "{ended:?}");
    assert!(ended.errors.contains("can be read by everybody") && ended.errors.contains("chmod"), "{ended:?}");
}

#[test]
fn the_keyring_of_the_session_is_asked_for_the_user_of_the_service() {
    const TOOL: &str = "#!/bin/sh\n[ \"$*\" = 'lookup service mail username ann' ] && printf 'three blue kites'\n";
    let place = Place::with(Server::builder().login("ann", Secret::new("three blue kites")));
    let tool = place.file("secret-tool", TOOL);
    std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o700)).expect("the file is ours");
    let path = format!("{}:/usr/bin:/bin", place.files.path().display());
    let url = place.server.url();
    let people = ["--from", "ann@here.test", "--to", "bob@there.test", "--server", &url, "--allow-clear"];
    let with = |user: &str| {
        let options = [&people[..], &["--user", user, "--password-keyring", "mail"]].concat();
        run_with(&[("PATH", &path)], &options, "Hi")
    };
    let ended = with("ann");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(place.arrived().user.as_deref(), Some("ann"));
    let nothing = with("bob");
    assert!(nothing.code == 78 && nothing.errors.contains("secret-tool"), "{nothing:?}");
}

#[test]
fn an_untrusted_certificate_is_shown_with_the_setting_that_pins_it() {
    let place = Place::with(Server::builder().tls(ListenerTls::Required));
    let ended = place.send(&["--tls", "starttls", "--trust", "system"], "Hi");
    assert_eq!(ended.code, 69, "{ended:?}");
    assert!(place.server.received().is_empty());
    let pin = ended.errors.trim_end().rsplit_once("trust=").expect("the hint says how to pin it").1;

    let ended = place.send(&["--tls", "starttls", "--trust", pin], "Hi");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.output.starts_with("verified   bob@there.test"), "{ended:?}");
    assert!(place.arrived().tls);
}

#[test]
fn a_server_is_known_by_the_key_that_it_showed_first() {
    let (place, other) = (Place::with(Server::builder().tls(ListenerTls::Offered)), Place::new());
    let known = other.path("known_servers");
    let options = ["--trust", "first-use", "--known-servers", known.to_str().expect("it has a plain name")];
    let first = place.send(&options, "Hi");
    assert!(first.output.starts_with("encrypted ") && first.output.contains("met for the first time"), "{first:?}");
    let again = place.send(&options, "Hi");
    assert!(again.output.starts_with("verified ") && !again.output.contains("note:"), "{again:?}");

    let line = std::fs::read_to_string(&known).expect("it was made");
    let (name, key) = line.trim_end().split_once(" spki-sha256:").expect("a server and its key");
    std::fs::write(&known, format!("{name} spki-sha256:{}\n", "0".repeat(64))).expect("it is ours");
    let changed = place.send(&options, "Hi");
    assert_eq!(changed.code, 69, "{changed:?}");
    assert!(changed.errors.contains(key) && changed.errors.contains("sed -i 1d "), "{changed:?}");
    assert_eq!(place.server.received().len(), 2);
}

#[test]
fn a_server_that_insists_on_tls_is_told_from_one_that_refuses() {
    let place = Place::with(Server::builder().tls(ListenerTls::Required));
    let ended = place.send(&["--tls", "off"], "Hi");
    assert_eq!(ended.code, 69, "{ended:?}");
    assert!(ended.errors.contains("hint: The server insists on TLS"), "{ended:?}");
}

#[test]
fn a_proxy_that_is_not_there_is_not_passed_by() {
    let place = Place::new();
    let ended = place.send(&["--proxy", "socks5://127.0.0.1:1"], "Hi");
    assert_eq!(ended.code, 75, "{ended:?}");
    assert_eq!(place.server.connection_count(), 0);
}

#[test]
fn a_dry_run_prints_the_message_and_sends_nothing() {
    let place = Place::new();
    let ended = place.send(&["--subject", "Trial", "--bcc", "cy@there.test", "--dry-run"], "Hi");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.output.contains("Subject: Trial\r\n") && ended.output.ends_with("\r\n\r\nHi\r\n"), "{ended:?}");
    for part in
        ["to      bob@there.test, cy@there.test\n", &format!("server  {}", place.server.address()), "Nothing was sent"]
    {
        assert!(ended.errors.contains(part), "{part:?}: {ended:?}");
    }
    assert_eq!(place.server.connection_count(), 0);
}

#[test]
fn bad_input_is_told_at_once_and_nothing_is_sent() {
    let place = Place::new();
    let ended = place.send(&["--cc", "eve@", "--subject", "a\r\nBcc: all@there.test", "--header", "X-A:\u{7}"], "Hi");
    assert_eq!(ended.code, 65, "{ended:?}");
    for option in ["--cc: ", "--subject: ", "--header: "] {
        assert_eq!(ended.errors.lines().filter(|line| line.trim_start().starts_with(option)).count(), 1, "{ended:?}");
    }
    let ended = place.send(&["--cc", "eve@there.test\r\nBcc: all@there.test"], "Hi");
    assert!(ended.code == 65 && ended.errors.contains("control character must not stand in an address"), "{ended:?}");
    let missing = place.path("gone.pdf");
    let missing = missing.to_str().expect("it has a plain name");
    for option in ["--attach", "--text-file", "--html", "--template"] {
        let ended = place.send(&[option, missing], "Hi");
        assert_eq!(ended.code, 66, "{option}: {ended:?}");
        assert!(ended.errors.contains(&format!("{option}: {missing}: ")), "{option}: {ended:?}");
    }
    let ended = place.send(&["--attach", "/nowhere/a\n\u{1b}[2J.pdf"], "Hi");
    assert!(ended.errors.contains(r"--attach: /nowhere/a\n\u{1b}[2J.pdf: "), "{ended:?}");
    let pipe = place.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("the directory is ours");
    let ended = place.send(&["--attach", pipe.to_str().expect("it has a plain name")], "Hi");
    assert!(ended.code == 66 && ended.errors.contains("pipe: not a regular file"), "{ended:?}");
    let ended = place.send(&["--transcript", "/nowhere/dialogue"], "Hi");
    assert_eq!(ended.code, 73, "{ended:?}");
    assert_eq!(place.server.connection_count(), 0);
}

#[test]
fn a_header_that_hides_a_recipient_behind_a_cr_is_refused() {
    let place = Place::new();
    let url = place.server.url();
    for (header, body) in [("X: a\rBcc: q@there.test", "Hi"), ("X: a\0", "Hi"), ("X: a", "\0")] {
        let message = format!("From: ann@here.test\nTo: bob@there.test\n{header}\n\n{body}\n");
        let ended = run(&["--server", &url, "--eml"], message);
        assert!(ended.code == 65 && ended.errors.starts_with("rohrpost: standard input: "), "{ended:?}");
    }
    assert_eq!(place.server.connection_count(), 0);
}

#[test]
fn input_without_end_is_read_to_a_bound() {
    let place = Place::new();
    let endless = |options: &[&str], input: &str| {
        let url = place.server.url();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
        command.args(["send", "--server", &url, "--from", "ann@here.test", "--to", "bob@there.test"]).args(options);
        command.stdin(std::fs::File::open(input).expect("every system has it"));
        let ended = command.output().expect("it is built");
        (ended.status.code(), String::from_utf8(ended.stderr).expect("it prints text"))
    };
    for (options, input, start) in [
        (&[][..], "/dev/zero", "standard input has more than 32 MiB; --attach"),
        (&["--eml"], "/dev/zero", "standard input has more than 160 MiB; --attach"),
        (&["--text-file", "/dev/zero"], "/dev/null", "--text-file: /dev/zero has more than 32 MiB; --attach"),
    ] {
        let (code, errors) = endless(options, input);
        assert!(code == Some(65) && errors.starts_with(&format!("rohrpost: {start}")), "{options:?}: {errors}");
    }
    assert_eq!(place.server.connection_count(), 0);
}

#[test]
fn a_full_disk_behind_the_output_does_not_unsend_a_message() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("every Linux has it");
    let place = Place::with(Server::builder().refuse("cy@there.test", "550 5.1.1 nobody here"));
    let url = place.server.url();
    let ended = |to: &str, options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
        command.args(["send", "--server", &url, "--from", "ann@here.test", "--to", to]).args(options);
        command.stdin(Stdio::null()).stdout(full()).stderr(Stdio::piped());
        command
    };
    let told = ended("bob@there.test", &["--transcript", "/dev/full"]).output().expect("it is built");
    let errors = String::from_utf8(told.stderr).expect("it prints text");
    assert_eq!(told.status.code(), Some(0), "{errors}");
    assert!(errors.contains("the transcript: ") && errors.contains("standard output: "), "{errors}");
    for (to, code) in [("bob@there.test", 0), ("cy@there.test", 67)] {
        let silent = ended(to, &["--json"]).stderr(full()).status().expect("it is built");
        assert_eq!(silent.code(), Some(code), "{to}");
    }
    assert_eq!(place.server.received().len(), 2);
}

#[test]
fn an_address_may_begin_with_a_hyphen_and_help_says_what_the_command_does() {
    let place = Place::new();
    let url = place.server.url();
    let ended = run(&["--server", &url, "--from", "-x@here.test", "--to", "-y@there.test"], "Hi");
    assert_eq!(ended.code, 0, "{ended:?}");
    let message = place.arrived();
    assert_eq!((&*message.reverse_path, &*message.recipients[0]), ("-x@here.test", "-y@there.test"));
    let help = run(&["--help"], "").output;
    assert!(help.starts_with("Send a message; its text is read from standard input"), "{help}");
}

#[test]
fn an_answer_names_what_it_answers_and_fields_with_an_option_name_it() {
    let place = Place::new();
    let ended = place.send(&["--header", "In-Reply-To: <1@there.test>", "--header", "Message-ID: <2@here.test>"], "Hi");
    assert_eq!(ended.code, 0, "{ended:?}");
    let text = place.arrived().text();
    for field in ["In-Reply-To: <1@there.test>", "References: <1@there.test>", "Message-ID: <2@here.test>"] {
        assert_eq!(text.matches(&format!("{field}\r\n")).count(), 1, "{field}\n{text}");
    }
    for (field, instead) in
        [("Bcc: cy@there.test", "Bcc: use --bcc"), ("Reply-To: x@here.test", "Reply-To: use --reply-to")]
    {
        let ended = place.send(&["--header", field], "Hi");
        assert!(ended.code == 65 && ended.errors.contains(&format!("--header: {instead}\n")), "{ended:?}");
    }
}
