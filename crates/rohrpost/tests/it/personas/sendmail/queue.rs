//! `mailq`, `runq`, `newaliases` and the options that mean the same.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{Host, host};

#[test]
fn the_queue_is_listed_and_tried_again() {
    let (host, rohrpost) = Host::start();
    let listed = |name, arguments: &[&str]| {
        let ended = host.call(name, arguments, b"");
        assert!(ended.status.success() && ended.errors.is_empty(), "{ended:?}");
        ended.output
    };
    assert_eq!(listed("mailq", &[]), "Mail queue is empty\n");
    host.send(&["-odq", "far@elsewhere.test"], b"Subject: waits\n\nx\n");
    let queue = listed("sendmail", &["-bp"]);
    assert!(queue.contains("far@elsewhere.test"), "{queue}");
    let id = queue.lines().find(|line| line.contains("far@")).and_then(|line| line.split(' ').next());
    let id = format!("-qI{}", id.expect("a line begins with the id"));
    for arguments in [&[id.as_str()] as &[&str], &["-qRELSEWHERE"], &["-qRnobody"], &["-q"], &["-q30m"]] {
        assert_eq!(listed("sendmail", arguments), "");
    }
    assert_eq!(listed("runq", &[]), "");
    rohrpost.ask(&["queue", "drop", "--all", "--yes"]);
}

#[test]
fn an_ordinary_user_is_told_in_one_line_whose_queue_it_is() {
    let (host, rohrpost) = Host::start();
    let folder = TempDir::with_prefix("rohrpost-user-").expect("a directory can be made");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("its mode can be set");
    let program = folder.path().join("sendmail");
    std::fs::copy(env!("CARGO_BIN_EXE_rohrpost"), &program).expect("there is room for it");
    let program = program.to_str().expect("the directory has a plain name");
    for option in ["-bp", "-q", "-qRann"] {
        let mut command = host.command(program);
        command.arg(option).uid(64_321).gid(64_321).current_dir("/");
        let ended = host::run(command, b"");
        assert_eq!(ended.status.code(), Some(77), "{ended:?}");
        assert_eq!(ended.errors, "rohrpost: the queue is shown to root and to the server's own user only (try sudo)\n");
    }
    drop(rohrpost);
}

#[test]
fn names_are_followed_and_nothing_is_sent() {
    let (host, rohrpost) = Host::start();
    let ended = host.call("sendmail", &["-bv", "root, far@elsewhere.test", "ann"], b"");
    assert!(ended.status.success() && ended.errors.is_empty(), "{ended:?}");
    assert_eq!(ended.output, "root: ann@here.test\nfar@elsewhere.test: far@elsewhere.test\nann: ann@here.test\n");
    assert!(!rohrpost.ask(&["queue", "list", "--json"]).contains("elsewhere"));
}

#[test]
fn aliases_that_are_right_need_nothing_and_wrong_ones_are_named_with_their_line() {
    let (host, _installation) = Host::new();
    let ended = host.call("newaliases", &[], b"");
    assert!(ended.status.success() && ended.errors.is_empty(), "{ended:?}");
    std::fs::write(host.path("aliases"), "root: ann\nops: |/bin/sh\n").expect("the file can be written");
    let ended = host.call("sendmail", &["-bi"], b"");
    assert_eq!(ended.status.code(), Some(78), "{ended:?}");
    assert!(ended.errors.contains("aliases:2: "), "{ended:?}");
}

#[test]
fn help_is_there_for_people() {
    let (host, _installation) = Host::new();
    let ended = host.call("sendmail", &["--help"], b"");
    assert!(ended.status.success() && ended.output.starts_with("Takes a message"), "{ended:?}");
}

/// The server that runs with this configuration.
fn server_with(config: &str) -> Option<Pid> {
    let arguments = |process: PathBuf| std::fs::read(process.join("cmdline")).unwrap_or_default();
    let wanted = format!("rohrpost\0--config\0{config}\0serve\0");
    let processes = std::fs::read_dir("/proc").expect("Linux has it").flatten().map(|entry| entry.path());
    let found = processes.into_iter().find(|process| arguments(process.clone()) == wanted.as_bytes())?;
    found.file_name()?.to_str()?.parse().ok().map(Pid::from_raw)
}

#[test]
fn the_server_is_started_and_takes_mail_when_the_command_is_back() {
    let (host, installation) = Host::new();
    let config = installation.data_dir().with_file_name("rohrpost.toml");
    let config = config.to_str().expect("the directory has a plain name");
    // The server keeps standard error for its log, so that nobody may wait for its end.
    let mut start = host.command(&host.path("sendmail"));
    let status = start.args(["-bd", "-q30m"]).stderr(Stdio::null()).status().expect("it is built");
    let server = server_with(config);
    let sent = host.call("sendmail", &["ann"], b"Subject: bd\n\nx\n");
    if let Some(server) = server {
        kill(server, Signal::SIGKILL).expect("it runs");
    }
    assert!(status.success() && server.is_some() && sent.status.success(), "{status} {sent:?}");
}

#[test]
fn a_server_that_does_not_start_ends_the_command_with_its_code() {
    let (host, installation) = Host::new();
    let config = installation.data_dir().with_file_name("rohrpost.toml");
    std::fs::write(&config, "host_name = 7\n").expect("the file can be written");
    let ended = host.call("sendmail", &["-bd"], b"");
    assert_eq!(ended.status.code(), Some(78), "{ended:?}");
    assert!(ended.errors.contains("the server did not start"), "{ended:?}");
}
