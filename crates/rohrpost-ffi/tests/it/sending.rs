//! What arrives, and what the receipt says of it.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use rohrpost_sender::{
    Secret,
    testing::{Builder, Fault, Server, Stage, Tls},
};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::program::{Linked, Program, answer, source};

/// A server in this process.
struct Place {
    server: Server,
    /// The server lives in it.
    _runtime: Runtime,
}

impl Place {
    fn new(server: Builder) -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(server.start());
        Self { server, _runtime: runtime }
    }

    /// Settings with this server alone.
    fn settings(&self) -> String {
        json!({"abi": 1, "server": self.server.url()}).to_string()
    }
}

fn hello() -> String {
    json!({"from": "ann@here.test", "to": "bob@there.test", "subject": "Hi", "text": "Hi Bob"}).to_string()
}

#[test]
fn the_example_compiles_as_c_and_as_cpp_and_sends_with_either_library() {
    let place = Place::new(Server::builder().login("ann", Secret::new("pencil")));
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "pencil\n").unwrap();
    let url = place.server.url().replace("smtp://", "smtp://ann@");
    let example = source("examples/send.c");
    let compiled = [
        ("cc", &["-std=c99"][..], Linked::Shared),
        ("cc", &["-std=c99"][..], Linked::Static),
        ("c++", &["-x", "c++", "-std=c++11"][..], Linked::Shared),
    ];
    for (count, (compiler, options, linked)) in compiled.into_iter().enumerate() {
        let program = Program::compiled(&example, compiler, options, linked);
        let output = program.run(&[&url, password.path().to_str().unwrap(), "ann@here.test", "bob@there.test"]);
        assert!(output.status.success(), "{compiler} {linked:?}: {output:?}");
        let receipt: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(receipt["recipients"][0]["outcome"], "delivered", "{receipt}");
        let received = place.server.received();
        assert_eq!((received.len(), received[count].user.as_deref()), (count + 1, Some("ann")));
        let text = received[count].text();
        for part in ["From: ann@here.test\r\n", "Subject: Rechnung 4711\r\n", "Die Rechnung liegt bei.", "rechnung.txt"]
        {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
    }
}

#[test]
fn a_mail_arrives_in_its_parts_and_the_receipt_is_that_of_send() {
    let place = Place::new(Server::builder().tls(Tls::Offered).refuse("eve@there.test", "550 5.1.1 nobody here"));
    let trust = place.server.trust().to_string();
    let settings = json!({"abi": 1, "server": [{"url": place.server.url(), "tls": "starttls", "trust": trust}]});
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("prices.csv"), "net;gross\r\n1;1.19\r\n").unwrap();
    let mail = json!({
        "from": {"name": "Müller, Ann", "address": "ann@here.test"},
        "to": ["Bob <bob@there.test>", {"name": "Cy \"the\" Third", "address": "cy@there.test"}],
        "cc": "dan@there.test, eve@there.test", "bcc": "fay@there.test", "reply_to": "office@here.test",
        "subject": "Grüße", "text": "Im Anhang.", "html": "<p>Im Anhang: <img src=\"cid:logo\">",
        "attach": [files.path().join("prices.csv"), {"name": "a.bin", "base64": "AAEC\r\nAwQ="}],
        "inline": [{"cid": "logo", "file": {"name": "logo.svg", "text": "<svg/>"}}],
        "header": [{"name": "X-Customer", "value": "4711"}, {"name": "X-Customer", "value": "4712"}],
        "message_id": "invoice-4711@here.test", "in_reply_to": "<order@there.test>", "auto_submitted": "auto-generated",
        "notify": "success,failure", "ret": "hdrs", "envid": "4711",
    });
    let answers = Program::new("talk").answers(&[settings.to_string(), mail.to_string()]);
    let (code, receipt) = &answers[1];
    assert_eq!((answers[0].0, *code), (0, 0), "{answers:?}");
    assert_eq!((&receipt["id"], &receipt["seal"]), (&json!("invoice-4711@here.test"), &json!("verified")));
    let outcomes: Vec<&str> =
        receipt["recipients"].as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["delivered", "delivered", "delivered", "refused", "delivered"]);

    let received = place.server.received().remove(0);
    assert!(received.tls);
    assert_eq!(received.recipients.len(), 4);
    for word in ["RET=HDRS", "ENVID=4711"] {
        assert!(received.parameters.contains(word), "{}", received.parameters);
    }
    let text = received.text();
    for part in [
        "Reply-To: office@here.test\r\n",
        "X-Customer: 4711\r\nX-Customer: 4712\r\n",
        "In-Reply-To: <order@there.test>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "bmV0O2dyb3NzDQoxOzEuMTkNCg==",
        "AAECAwQ=",
        "Content-ID: <logo>\r\n",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    assert!(!text.contains("fay@there.test"));
}

#[test]
fn a_whole_message_goes_as_it_is_to_those_who_are_named_beside_it() {
    let place = Place::new(Server::builder());
    let message = "From: ann@here.test\nTo: all@there.test\nMessage-ID: <1@here.test>\nDate: Sun, 22 Nov 2026 08:00:00 +0000\n\nHi\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), message).unwrap();
    let mails = [
        json!({"eml": file.path()}),
        json!({"eml": {"text": message}, "from": "bounce@here.test", "to": ["Bob <bob@there.test>", {"address": "cy@there.test"}]}),
    ];
    let answers = Program::new("talk").answers(&[place.settings(), mails[0].to_string(), mails[1].to_string()]);
    assert!(answers.iter().all(|(code, _)| *code == 0), "{answers:?}");
    let received = place.server.received();
    assert_eq!(received[0].text(), message.replace('\n', "\r\n"));
    assert_eq!(received[0].recipients, ["all@there.test"]);
    assert_eq!(received[1].text(), received[0].text());
    assert_eq!((&*received[1].reverse_path, received[1].recipients.len()), ("bounce@here.test", 2));
}

#[test]
fn several_threads_send_through_one_sender_at_once() {
    let place = Place::new(Server::builder());
    let output = Program::new("threads").run(&[place.settings(), hello()]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "40", "{output:?}");
    assert_eq!(place.server.received().len(), 40);
    assert!(place.server.connection_count() <= 8, "connections are kept");
}

/// TLS is written without the flag that keeps SIGPIPE away, and programs in C die of it. The goodbye on a connection that
/// the server has closed is two writes: the second one raises it.
#[test]
fn a_server_that_hangs_up_does_not_end_the_program() {
    let place = Place::new(Server::builder().tls(Tls::Implicit));
    let talk = Program::new("talk");
    let mut command = talk.under::<&str>(&[]);
    command.args([place.settings(), hello()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let answers: Vec<i32> = lines.take(2).map(|line| answer(&line.unwrap()).0).collect();
    drop(place);
    drop(child.stdin.take());
    assert_eq!(answers, [0, 0]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_dialogue_is_told_to_those_who_ask_for_it() {
    let place = Place::new(Server::builder().login("ann", Secret::new("pencil")));
    let url = place.server.url().replace("smtp://", "smtp://ann@");
    let terms = json!({"url": url, "password": "pencil", "allow_clear": true});
    let settings = json!({"abi": 1, "server": terms}).to_string();
    let mut mail: serde_json::Value = serde_json::from_str(&hello()).unwrap();
    mail["transcript"] = json!(true);
    let answers =
        Program::new("talk").answers(&[settings, hello(), mail.to_string(), "{\"transcript\": true}".to_owned()]);
    assert_eq!((answers[1].0, answers[1].1.get("transcript")), (0, None));
    let told = answers[2].1["transcript"].as_str().unwrap();
    assert!(told.contains("C: AUTH PLAIN ***") && told.contains("C: MAIL FROM:<ann@here.test>"), "{told}");
    assert_eq!(answers[3].0, 65);
}

#[test]
fn each_mail_is_signed_for_its_domain_where_a_key_is_set() {
    // That of RFC 8463, appendix A.2.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), KEY).unwrap();
    let place = Place::new(Server::builder());
    let keys = json!([{"selector": "mail", "domain": "here.test", "file": key.path()}]);
    let settings = json!({"abi": 1, "server": place.server.url(), "dkim_key": keys}).to_string();
    let answers = Program::new("talk").answers(&[settings, hello(), hello()]);
    assert_eq!((answers[1].0, answers[2].0), (0, 0), "{answers:?}");
    for received in place.server.received() {
        assert!(received.text().starts_with("DKIM-Signature: v=1; a=ed25519-sha256;"), "{}", received.text());
    }
}

#[test]
fn an_error_says_what_kind_it_is_and_what_to_do() {
    let place = Place::new(Server::builder().fault(Stage::Dot, Fault::Drop));
    let talk = Program::new("talk");
    let (code, lost) = talk.answers(&[place.settings(), hello()]).remove(1);
    assert_eq!((code, &lost["kind"], &lost["class"]), (74, &json!("after-dot"), &json!("unknown")));
    assert_eq!(lost["recipients"], json!([{"recipient": "bob@there.test", "outcome": "unknown"}]));
    assert!(lost["hint"].as_str().unwrap().contains("may have arrived"), "{lost}");

    let place = Place::new(Server::builder().tls(Tls::Implicit));
    let settings = json!({"abi": 1, "server": format!("{}?trust=system", place.server.url())}).to_string();
    let (code, untrusted) = talk.answers(&[settings, hello()]).remove(1);
    assert_eq!((code, &untrusted["exit"], &untrusted["kind"]), (69, &json!(69), &json!("tls")));
    assert!(untrusted["attempts"][0]["hint"].as_str().unwrap().contains("trust=pin:sha256:"), "{untrusted}");
}

#[test]
fn a_server_is_held_to_the_key_that_it_showed_first() {
    let files = tempfile::tempdir().unwrap();
    let known = files.path().join("known_servers");
    let place = Place::new(Server::builder().tls(Tls::Implicit));
    let terms = json!({"url": place.server.url(), "trust": "first-use", "known_servers": known});
    let settings = json!({"abi": 1, "server": terms}).to_string();
    let talk = Program::new("talk");
    assert_eq!(talk.answers(&[settings.clone(), hello()])[1].0, 0);
    let kept = std::fs::read_to_string(&known).unwrap();
    assert_eq!(talk.answers(&[settings.clone(), hello()])[1].0, 0);

    let another = Place::new(Server::builder().tls(Tls::Implicit));
    let port = |place: &Place| place.server.address().port().to_string();
    std::fs::write(&known, kept.replace(&port(&place), &port(&another))).unwrap();
    let (code, error) = talk.answers(&[settings.replace(&port(&place), &port(&another)), hello()]).remove(1);
    assert_eq!((code, &error["kind"]), (69, &json!("tls")), "{error}");
}

/// The server of this host is down, so the message waits in its drop directory.
#[test]
fn without_servers_the_queue_of_this_host_takes_the_mail() {
    let host = tempfile::tempdir().unwrap();
    let settings = json!({"abi": 1, "socket": host.path().join("none"), "drop_dir": host.path()}).to_string();
    let (code, receipt) = Program::new("talk").answers(&[settings, hello()]).remove(1);
    assert_eq!((code, &receipt["queued"]), (0, &json!(true)), "{receipt}");
    assert_eq!(receipt["recipients"], json!([{"recipient": "bob@there.test", "outcome": "queued"}]));
    let left: Vec<_> = std::fs::read_dir(host.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let dropped = std::fs::read(&left[0]).unwrap();
    assert!(left.len() == 1 && String::from_utf8_lossy(&dropped).contains("Subject: Hi\r\n"), "{left:?}");
}

#[test]
fn messages_move_on_to_the_next_server_or_take_turns() {
    let places = [Place::new(Server::builder()), Place::new(Server::builder())];
    let urls = places.each_ref().map(|place| place.server.url());
    let talk = Program::new("talk");
    for order in ["failover", "round-robin"] {
        let settings = json!({"abi": 1, "order": order, "server": urls}).to_string();
        assert!(talk.answers(&[settings, hello(), hello()]).iter().all(|(code, _)| *code == 0));
    }
    assert_eq!(places.map(|place| place.server.received().len()), [3, 1]);
}

#[test]
fn valgrind_finds_no_fault_in_what_crosses_the_border() {
    let place = Place::new(Server::builder());
    let program = Program::compiled(&source("tests/it/programs/talk.c"), "cc", &["-std=c99"], Linked::Shared);
    let valgrind =
        ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"];
    let mut command = program.under(&valgrind);
    let output = command.args([place.settings(), hello(), "{".to_owned(), "NULL".to_owned()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let codes: Vec<i32> = String::from_utf8(output.stdout).unwrap().lines().map(|line| answer(line).0).collect();
    assert_eq!(codes, [0, 0, 65, 65]);
}
