//! `import imap` from Dovecot, and from another Rohrpost.

use std::fs;
use std::process::Command;

use super::{Desk, json, python, text_of};
use crate::peers::dovecot::{ACCOUNT, SCRAM_ACCOUNT};
use crate::peers::rohrpost::{ANN, PASSWORD};
use crate::peers::{Dovecot, Installation, free_address};

/// Fills an account over IMAP, and prints the pin of the server's certificate.
const FILL: &str = include_str!("fill.py");

#[test]
fn an_account_moves_here_from_dovecot_with_flags_dates_and_folders() {
    let (dovecot, desk) = (Dovecot::start("localhost"), Desk::new());
    let port = dovecot.imaps.port();
    let fill = Command::new("python3").args(["-c", FILL, &port.to_string(), ACCOUNT.0, ACCOUNT.1]).output();
    let pin = text_of(&fill.expect("python3 is there"));
    fs::write(desk.path("old"), ACCOUNT.1).expect("the file can be written");
    let url = format!("imaps://ann%40here.test@localhost:{port}");
    let (password, state) = (desk.text("old"), desk.text("state"));
    let import = |more: &[&str]| {
        let arguments =
            ["import", "imap", &url, "--account", ANN, "--trust", pin.trim(), "--password-file", &password, "--json"];
        let figures = |line: serde_json::Value| {
            let figure = |name: &str| line[name].as_u64().expect("it is a number");
            (line["mailbox"].as_str().expect("it is text").to_owned(), figure("imported"), figure("known"))
        };
        let lines = desk.ask(&[&arguments[..], &["--state", &state], more].concat());
        json(&lines).into_iter().map(figures).collect::<Vec<_>>()
    };
    let row = |name: &str, imported, known| (name.to_owned(), imported, known);
    assert_eq!(import(&["--only", "Gesendet"]), [row("Sent", 2, 0)]);
    let rest = [row("INBOX", 250, 0), row("Kunden/Bäcker", 1, 0), row("Sent", 0, 2)];
    assert_eq!(import(&[]), rest);
    assert_eq!(import(&[]), rest.map(|(name, imported, known)| (name, 0, imported + known)));

    desk.ask(&["export", "maildir", "--account", ANN, "--folder", "Kunden/Bäcker", &desk.text("out")]);
    let read = python(super::READ, "maildir", &desk.path("out"));
    let mail = json(&read).remove(0);
    assert_eq!(mail[0], "Kunden.B&AOQ-cker");
    assert_eq!((&mail[2], &mail[3]), (&"FSa".into(), &1_600_000_000.0.into()));
    assert_eq!(mail[4], "Message-ID: <kunden@there.test>\nSubject: =?utf-8?q?B=C3=A4cker?=\n\nGrüße\n");
    let keywords = fs::read_to_string(desk.path("out/.Kunden.B&AOQ-cker/dovecot-keywords")).expect("it has one");
    assert_eq!(keywords, "0 $Label1\n");
}

#[test]
fn a_server_that_is_not_who_it_should_be_gets_no_password() {
    let (dovecot, desk) = (Dovecot::start("elsewhere.test"), Desk::new());
    fs::write(desk.path("old"), ACCOUNT.1).expect("the file can be written");
    for (scheme, port) in [("imaps", dovecot.imaps.port()), ("imap", dovecot.imap.port())] {
        let url = format!("{scheme}://ann%40here.test@localhost:{port}");
        let refused = desk.refused(&["import", "imap", &url, "--account", ANN, "--password-file", &desk.text("old")]);
        assert!(refused.contains("localhost") && refused.contains("certificate"), "{refused}");
    }
}

#[test]
fn scram_is_used_and_the_password_itself_where_only_that_can_be_checked() {
    let (dovecot, desk) = (Dovecot::start("localhost"), Desk::new());
    fs::write(desk.path("old"), ACCOUNT.1).expect("the file can be written");
    let trust = dovecot.certificate.pin();
    for (scheme, port) in [("imaps", dovecot.imaps.port()), ("imap", dovecot.imap.port())] {
        for (user, method) in [(SCRAM_ACCOUNT, "SCRAM-SHA-256"), (ACCOUNT.0, "PLAIN")] {
            let url = format!("{scheme}://{}@localhost:{port}", user.replace('@', "%40"));
            let (command, state) = (format!("cat {}", desk.text("old")), desk.text("state"));
            desk.ask(&[
                "import",
                "imap",
                &url,
                "--account",
                ANN,
                "--trust",
                &trust,
                "--password-command",
                &command,
                "--state",
                &state,
                "--dry-run",
            ]);
            let wanted = format!("Login: user=<{user}>, method={method}");
            dovecot.log().wait_for_line(&wanted, |line| line.contains(&wanted) && line.contains("TLS"));
        }
    }
    fs::write(desk.path("old"), "battery-staple").expect("the file can be written");
    let url = format!("imaps://eve%40here.test@localhost:{}", dovecot.imaps.port());
    let password = desk.text("old");
    let arguments = ["import", "imap", &url, "--account", ANN, "--trust", &trust, "--password-file", &password];
    let neither = desk.refused(&arguments[..arguments.len() - 2]);
    assert!(neither.contains("<--password-file <FILE>|--password-command <COMMAND>|--token-file <FILE>|"), "{neither}");
    let refused = desk.run(&arguments);
    assert_eq!(refused.status.code(), Some(77), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("log-in: the server says: NO [AUTHENTICATIONFAILED]"));
}

#[test]
fn another_rohrpost_is_logged_in_at_by_scram_that_is_bound_to_the_channel() {
    let imaps = free_address();
    let listener = format!("[[listener]]\nname = 'imaps'\nprotocol = 'imap'\naddress = '{imaps}'\ntls = 'implicit'\n");
    let installation = Installation::new(free_address(), 25, "", &listener);
    let (server, desk) = (installation.start(), Desk::new());
    fs::write(desk.path("old"), PASSWORD).expect("the file can be written");
    let trust = server.installation.certificate.pin();
    let url = format!("imaps://ann%40here.test@localhost:{}", imaps.port());
    let arguments = ["import", "imap", &url, "--account", ANN, "--trust", &trust, "--password-file", &desk.text("old")];
    desk.ask(&[&arguments[..], &["--dry-run"]].concat());
    // It offers -PLUS and we could bind: an unbound SCRAM would be refused there (RFC 5802 §6), and PLAIN comes after that.
    server.log().wait_for("outcome=\"right\"");
    assert!(!server.log().lines().iter().any(|line| line.contains("outcome=\"wrong\"")));
}
