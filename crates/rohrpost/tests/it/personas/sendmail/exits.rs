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
fn more_recipients_than_a_message_may_have_are_refused_as_a_whole() {
    let (host, rohrpost) = Host::start();
    let many: Vec<String> = (0..=10_000).map(|n| format!("n{n}@elsewhere.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let ended = host.call("sendmail", &many, MESSAGE);
    assert_eq!(ended.status.code(), Some(69), "{}", ended.errors);
    assert_eq!(ended.errors, "rohrpost: the message was refused (more than 10000 recipients)\n");
    assert!(!rohrpost.ask(&["queue", "list", "--json"]).contains("elsewhere"));
}

#[test]
fn a_message_that_cannot_be_kept_until_it_is_whole_is_not_taken() {
    let (host, rohrpost) = Host::start();
    let mut command = host.command(&host.path("sendmail"));
    // What is larger than a megabyte goes to the directory for temporary files.
    command.arg("ann").env("TMPDIR", "/nowhere");
    let ended = host::run(command, &[MESSAGE, "x\n".repeat(1 << 20).as_bytes()].concat());
    assert_eq!(ended.status.code(), Some(74), "{ended:?}");
    assert_eq!(host::count(&rohrpost, "no"), 0);
}

#[test]
fn a_drop_directory_that_is_full_takes_nothing_by_half() {
    const ENTER: &str =
        "mount -t tmpfs -o size=64k none \"$0\"; if \"$@\"; then :; else code=$?; ls \"$0\"; exit $code; fi";
    let (host, installation) = Host::new();
    let drop_dir = installation.data_dir().join("drop");
    std::fs::create_dir_all(&drop_dir).expect("the directory can be made");
    let mut command = host.command("unshare");
    command.args(["--mount", "--", "/bin/sh", "-ec", ENTER]).arg(&drop_dir).args([&host.path("sendmail"), "ann"]);
    let ended = host::run(command, &[MESSAGE, "x\n".repeat(1 << 17).as_bytes()].concat());
    assert_eq!((ended.status.code(), ended.output.as_str()), (Some(73), ""), "{ended:?}");
    assert!(ended.errors.contains("the drop directory takes nothing"), "{ended:?}");
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
