//! What systemd and the server have agreed on: sockets handed over, notices of start, reload and stop, and the units.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::installation;
use crate::peers::Dialogue;

/// Listeners at sockets of systemd.
const ACTIVATED: &str = "
[[listener]]
name = 'mx'
protocol = 'smtp'
address = 'systemd:smtp'

[[listener]]
name = 'local'
protocol = 'lmtp'
address = 'systemd:lmtp'
";

#[test]
fn who_connected_before_the_start_is_served_on_the_sockets_of_systemd() {
    let folder = TempDir::with_prefix("rohrpost-sockets-").expect("a directory can be made");
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let unix = UnixListener::bind(folder.path().join("lmtp")).expect("a socket can be made");
    let early = TcpStream::connect(tcp.local_addr().expect("it is bound")).expect("it listens");
    let early_lmtp = UnixStream::connect(folder.path().join("lmtp")).expect("it listens");

    let (installation, _dns) = installation(ACTIVATED);
    let _rohrpost = installation.start_with_sockets(["smtp", "lmtp"], [tcp.into(), unix.into()]);
    let mut dialogue = Dialogue::on(early);
    dialogue.expect("MAIL FROM:<ann@here.test>", "250");
    dialogue.expect("RCPT TO:<ann@here.test>", "250");
    let mut greeting = String::new();
    BufReader::new(early_lmtp).read_line(&mut greeting).expect("it greets");
    assert!(greeting.starts_with("220 mx.here.test LMTP"), "{greeting}");
}

#[test]
fn a_socket_that_systemd_does_not_hand_over_is_named_and_ends_the_start() {
    let (installation, _dns) = installation(ACTIVATED);
    let ended = installation.command().arg("serve").output().expect("it is built");
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(71), "{errors}");
    assert!(errors.contains("listener mx: cannot listen at systemd:smtp"), "{errors}");
    assert!(errors.contains("systemd handed over no socket of that name"), "{errors}");
}

#[test]
fn systemd_is_told_of_start_reload_and_stop() {
    let (installation, _dns) = installation("[[listener]]\nname = 'mx'\nprotocol = 'smtp'\naddress = '127.0.0.1:0'\n");
    let mut rohrpost = installation.start();
    rohrpost.signal(Signal::SIGHUP);
    let told = rohrpost.tells("RELOADING=1");
    assert!(told.contains("MONOTONIC_USEC="), "since when, says sd_notify(3): {told}");
    rohrpost.tells("READY=1");
    rohrpost.signal(Signal::SIGTERM);
    rohrpost.tells("STOPPING=1");
    assert_eq!(rohrpost.ends().code(), Some(0));
}

/// Copies the units to a folder, with our program where they want to have it.
fn units() -> TempDir {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd");
    let folder = TempDir::with_prefix("rohrpost-units-").expect("a directory can be made");
    for unit in ["rohrpost.service", "rohrpost.socket"] {
        let text = std::fs::read_to_string(packaging.join(unit)).expect("the unit is there");
        let text = text.replace("/usr/bin/rohrpost", env!("CARGO_BIN_EXE_rohrpost"));
        std::fs::write(folder.path().join(unit), text).expect("the file can be written");
    }
    folder
}

/// What `systemd-analyze` says when it is content.
#[track_caller]
fn analyze(arguments: &[&str]) -> String {
    let folder = units();
    let output = Command::new("systemd-analyze").args(arguments).current_dir(folder.path()).output();
    let output = output.expect("systemd-analyze is there: `cargo xtask programs` installs it");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {text}");
    text.into_owned()
}

#[test]
fn systemd_understands_every_line_of_the_units() {
    let said = analyze(&["verify", "--man=no", "./rohrpost.service", "./rohrpost.socket"]);
    assert!(!said.contains("rohrpost."), "{said}");
}

#[test]
fn the_service_is_exposed_to_little_beside_the_network() {
    // The threshold is in tenths of systemd's scale, whose "OK" ends at 50.
    analyze(&["security", "--offline=true", "--threshold=20", "--no-pager", "./rohrpost.service"]);
}
