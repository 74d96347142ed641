//! The command lines of programs that every host has, word by word.

use std::process::Stdio;

use super::{Host, host};

/// A caller: its words, what it writes, and what the message that arrives must hold.
type Call = (&'static str, &'static [&'static str], &'static str, &'static [&'static str]);

const CALLS: &[Call] = &[
    (
        "cronie",
        &["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"],
        "From: \"(Cron Daemon)\" <root>\nTo: root\nSubject: cronie\n\njob\n",
        &[
            "Return-Path: <root@here.test>\r\n",
            "From: \"(Cron Daemon)\" <root@here.test>\r\nTo: root@here.test\r\n",
            "\r\n\r\njob\r\n",
        ],
    ),
    (
        "Debian's cron",
        &["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"],
        "From: root (Cron Daemon)\nTo: root\nSubject: vixie\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\nGr\u{fc}\u{df}e\n",
        &["From: root@here.test (Cron Daemon)\r\n", "\r\n\r\nGr\u{fc}\u{df}e\r\n"],
    ),
    (
        "systemd-cron",
        &["-i", "-B", "8BITMIME", "ann"],
        "Subject: systemd-cron\nTo: ann\n\nx\n",
        &["To: ann@here.test\r\n"],
    ),
    ("atd", &["-i", "ann"], "Subject: atd\nTo: ann\n\nx\n", &["To: ann@here.test\r\n"]),
    (
        "anacron",
        &["-FAnacron", "-odi", "root"],
        "Subject: anacron\nTo: root\n\nx\n",
        &["From: Anacron <root@here.test>\r\n"],
    ),
    ("busybox crond", &["-ti"], "To: ann\nSubject: busybox\n\n.\nstill here\n", &["\r\n\r\n.\r\nstill here\r\n"]),
    (
        "mdadm",
        &["-t", "-fraid@host.test"],
        "From: mdadm monitoring <root>\nTo: root\nSubject: mdadm\n\nx\n",
        &["Return-Path: <raid@host.test>\r\n"],
    ),
    (
        "git send-email",
        &["-f", "ann@here.test", "-i", "ann@here.test"],
        "From: Ann <ann@here.test>\nTo: list@here.test\nSubject: git\n\n---\n",
        &["To: list@here.test\r\n", "\r\n\r\n---\r\n"],
    ),
    (
        "mutt",
        &["-oem", "-oi", "-B8BITMIME", "-f", "ann@here.test", "-N", "fail,delay", "-R", "hdrs", "--", "ann@here.test"],
        "From: ann@here.test\nTo: ann@here.test\nSubject: mutt\n\nx\n",
        &["Return-Path: <ann@here.test>\r\n"],
    ),
    (
        "s-nail",
        &["-i", "-m", "-r", "ann@here.test", "--", "root", "ann"],
        "From: ann@here.test\nSubject: s-nail\n\nx\n",
        &["To: undisclosed-recipients:;\r\n"],
    ),
    (
        "lettre",
        &["-i", "-f", "ann@here.test", "--", "ann@here.test"],
        "From: ann@here.test\r\nTo: ann@here.test\r\nSubject: lettre\r\n\r\nx\r\n",
        &["\r\n\r\nx\r\n"],
    ),
    (
        "go-mail",
        &["-oi", "-t"],
        "From: a@here.test\nTo: ann@here.test\nSubject: go-mail\n\nx\n",
        &["From: a@here.test\r\n"],
    ),
    (
        "nodemailer",
        &["-i", "-f", "bounce@here.test", "ann@here.test"],
        "From: a@here.test\nTo: ann@here.test\nSubject: nodemailer\n\nx\n",
        &["Return-Path: <bounce@here.test>\r\n"],
    ),
    (
        "PHPMailer",
        &["-oi", "-fbounce@here.test", "-t"],
        "To: ann@here.test\r\nFrom: a@here.test\r\nSubject: PHPMailer\r\n\nLF body\nline\n",
        &["Return-Path: <bounce@here.test>\r\n", "\r\n\r\nLF body\r\nline\r\n"],
    ),
    (
        "WordPress",
        &["-t", "-i"],
        "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nTo: ann@here.test\r\nFrom: WordPress <wordpress@here.test>\r\nSubject: WordPress\r\nMessage-ID: <1@here.test>\r\n\r\nx\r\n.\r\nstill here\r\n",
        &[
            "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n",
            "Message-ID: <1@here.test>\r\n",
            "\r\n\r\nx\r\n.\r\nstill here\r\n",
        ],
    ),
    (
        "logwatch",
        &["-t"],
        "To: root\nFrom: Logwatch\nSubject: Logwatch\nAuto-Submitted: auto-generated\nPrecedence: bulk\n\n\n ################\n",
        &[
            "To: root@here.test\r\nFrom: Logwatch@here.test\r\n",
            "Precedence: bulk\r\n",
            "\r\n\r\n\r\n ################\r\n",
        ],
    ),
    (
        "unattended-upgrades",
        &["-oi", "-t"],
        "Subject: upgrades\nFrom: root\nTo: root\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe\n.\nend\n",
        &["From: root@here.test\r\nTo: root@here.test\r\n", "\r\n\r\nGr=C3=BC=C3=9Fe\r\n.\r\nend\r\n"],
    ),
    (
        "fail2ban",
        &["-f", "fail2ban@here.test", "ann@here.test"],
        "Subject: fail2ban\nFrom: Fail2Ban <fail2ban@here.test>\nTo: ann@here.test\n\nx\n.\nnot this\n",
        &["\r\n\r\nx\r\n"],
    ),
];

#[test]
fn every_usual_command_line_delivers() {
    let (host, rohrpost) = Host::start();
    for (caller, arguments, input, parts) in CALLS {
        host.send(arguments, input.as_bytes());
        let (_, subject) = input.split_once("Subject: ").expect("it has one");
        let subject = format!("Subject: {}\r\n", subject.lines().next().unwrap_or_default());
        let mail = host::mail_with(&rohrpost, &subject);
        for part in *parts {
            assert!(mail.contains(part), "{caller}: no {part:?} in\n{mail}");
        }
        assert!(!mail.contains("not this"), "{caller}:\n{mail}");
    }
}

#[test]
fn options_that_are_not_known_lose_no_mail() {
    let (host, rohrpost) = Host::start();
    let ended = host.call("sendmail", &["-Z", "-t"], b"To: ann\nSubject: odd\n\nx\n");
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.errors, "rohrpost: -Z is not known and was passed over\n");
    host::mail_with(&rohrpost, "Subject: odd\r\n");
}

#[test]
fn the_subcommand_needs_no_link() {
    let (host, rohrpost) = Host::start();
    let calls: [&[&str]; 3] =
        [&["-ti"], &["-i", "--", "ann"], &["-f", "bob@here.test", "-v", "ann", "--", "-alias@elsewhere.test"]];
    for arguments in calls {
        let mut command = rohrpost.installation.command();
        command.arg("sendmail").args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let subject = format!("Subject: {}\n", arguments.join(" "));
        let ended = host::run(command, format!("To: ann\n{subject}\nx\n").as_bytes());
        assert!(ended.status.success(), "{arguments:?}: {ended:?}");
        assert_eq!(ended.errors.starts_with("rohrpost: queued as "), arguments.contains(&"-v"), "{ended:?}");
        host::mail_with(&rohrpost, subject.trim_end());
    }
    drop(host);
}
