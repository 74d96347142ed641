//! `import imap` from Dovecot.

use std::fs;
use std::process::Command;

use super::{Desk, json, python, text_of};
use crate::peers::Dovecot;
use crate::peers::dovecot::ACCOUNT;
use crate::peers::rohrpost::ANN;

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
