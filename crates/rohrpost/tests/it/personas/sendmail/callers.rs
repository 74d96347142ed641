//! Programs that send mail through `sendmail`, as Debian has them.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::host::Ended;
use super::{Host, host};
use crate::peers::Rohrpost;

/// A host with its server, and a home directory for the program that sends.
struct Sender {
    host: Host,
    rohrpost: Rohrpost,
    home: TempDir,
}

impl Sender {
    fn new() -> Self {
        let (host, rohrpost) = Host::start();
        Self { host, rohrpost, home: TempDir::with_prefix("rohrpost-home-").expect("a directory can be made") }
    }

    /// A program that knows nobody's settings.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.host.command(program);
        command.args(arguments).env("HOME", self.home.path()).env("LC_ALL", "C.UTF-8").current_dir(self.home.path());
        command
    }

    /// Writes a file into its home directory; says where.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        fs::write(&path, text).expect("the file can be written");
        path.to_str().expect("the directory has a plain name").to_owned()
    }
}

/// Runs the program, which must be content.
#[track_caller]
fn succeed(command: Command, input: &str) {
    let shown = format!("{command:?}");
    let ended: Ended = host::run(command, input.as_bytes());
    assert!(ended.status.success(), "{shown}: {ended:?}; `cargo xtask programs` installs what is missing");
}

#[test]
fn git_send_email_delivers_a_patch() {
    const PATCH: &str = "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n\
                         From: Ann <ann@here.test>\nDate: Sun, 22 Nov 2026 10:00:00 +0000\nSubject: [PATCH] git\n\n\
                         Gr\u{fc}\u{df}e\n---\n a | 1 +\n-- \n2.0\n\n";
    let sender = Sender::new();
    let patch = sender.file("1.patch", PATCH);
    let program = format!("--sendmail-cmd={}", sender.host.path("sendmail"));
    let usual = [
        "-c",
        "user.name=Ann",
        "-c",
        "user.email=ann@here.test",
        "send-email",
        &program,
        "--confirm=never",
        "--quiet",
        "--suppress-cc=all",
        "--8bit-encoding=UTF-8",
        "--to=ann@here.test",
        "--from=Ann <ann@here.test>",
        "--envelope-sender=bounce@here.test",
        &patch,
    ];
    succeed(sender.command("git", &usual), "");
    let mail = host::mail_with(&sender.rohrpost, "Subject: [PATCH] git\r\n");
    assert!(mail.contains("Return-Path: <bounce@here.test>\r\n"), "{mail}");
    assert!(mail.contains("\r\n\r\nGr\u{fc}\u{df}e\r\n---\r\n a | 1 +\r\n-- \r\n2.0\r\n"), "{mail}");
}

#[test]
fn php_mail_delivers_whatever_its_line_ends_are() {
    let sender = Sender::new();
    let path = format!("sendmail_path={} -t -i -fbounce@here.test", sender.host.path("sendmail"));
    let script = r#"exit(mail("ann@here.test", "php", "one\ntwo\r\n.\nthree", "From: a@here.test\r\nBcc: b@here.test") ? 0 : 1);"#;
    succeed(sender.command("php", &["-n", "-d", &path, "-r", script]), "");
    let mail = host::mail_with(&sender.rohrpost, "Subject: php\r\n");
    assert!(mail.contains("Return-Path: <bounce@here.test>\r\n") && !mail.contains("b@here.test"), "{mail}");
    assert!(mail.ends_with("\r\n\r\none\r\ntwo\r\n.\r\nthree\r\n"), "{mail}");
}

/// What Laravel uses too. The transport `native` takes the command of `php.ini`; `default` is given one here.
const SYMFONY: &str = r#"
    require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
    $mailer = new Symfony\Component\Mailer\Mailer(Symfony\Component\Mailer\Transport::fromDsn($argv[1]));
    foreach (['one', 'two'] as $subject) {
        $mail = (new Symfony\Component\Mime\Email())->from('a@here.test')->to('ann@here.test')->bcc('root@here.test');
        $mailer->send($mail->subject("$argv[2] $subject")->text("Gr\u{fc}\u{df}e\n.\n..end"));
    }
"#;

#[test]
fn symfony_delivers_in_a_dialogue_and_by_the_command_line() {
    let sender = Sender::new();
    let sendmail = sender.host.path("sendmail");
    for (subject, options) in [("dialogue", "-bs"), ("dialogue i", "-bs%20-i"), ("pipe", "-t%20-i")] {
        let transport = format!("sendmail://default?command={sendmail}%20{options}");
        succeed(sender.command("php", &["-r", SYMFONY, "--", &transport, subject]), "");
        for number in ["one", "two"] {
            let mail = host::mail_with(&sender.rohrpost, &format!("Subject: {subject} {number}\r\n"));
            assert!(mail.contains("Return-Path: <a@here.test>\r\n") && !mail.contains("Bcc"), "{mail}");
            assert!(mail.ends_with("\r\n\r\nGr=C3=BC=C3=9Fe\r\n.\r\n..end\r\n"), "{mail}");
        }
    }
}

#[test]
fn phpmailer_delivers_as_wordpress_calls_it() {
    const SCRIPT: &str = r#"
        require '/usr/share/php/libphp-phpmailer/autoload.php';
        $mail = new PHPMailer\PHPMailer\PHPMailer(true);
        $mail->isSendmail();
        $mail->Sendmail = $argv[1];
        $mail->CharSet = 'utf-8';
        $mail->setFrom('a@here.test', "J\u{f6}rg");
        $mail->addAddress('ann@here.test');
        $mail->addBCC('root@here.test');
        $mail->Subject = 'phpmailer';
        $mail->Body = "Gr\u{fc}\u{df}e\n.\nend";
        $mail->send();
    "#;
    let sender = Sender::new();
    succeed(sender.command("php", &["-r", SCRIPT, "--", &sender.host.path("sendmail")]), "");
    let mail = host::mail_with(&sender.rohrpost, "Subject: phpmailer\r\n");
    assert!(mail.contains("Return-Path: <a@here.test>\r\n") && !mail.contains("Bcc"), "{mail}");
    assert!(mail.ends_with("\r\n\r\nGr\u{fc}\u{df}e\r\n.\r\nend\r\n"), "{mail}");
}

#[test]
fn s_nail_delivers_to_names_of_the_host() {
    let sender = Sender::new();
    let mta = format!("mta={}", sender.host.path("sendmail"));
    let words = [
        "-:/",
        "-S",
        &mta,
        "-S",
        "sendwait",
        "-S",
        "ttycharset=utf-8",
        "-r",
        "ann@here.test",
        "-s",
        "s-nail",
        "ann@here.test",
    ];
    succeed(sender.command("s-nail", &words), "Gr\u{fc}\u{df}e\n");
    let mail = host::mail_with(&sender.rohrpost, "Subject: s-nail\r\n");
    assert!(mail.contains("From: ann@here.test\r\n"), "{mail}");
}

#[test]
fn mutt_delivers_with_its_wishes_for_notices() {
    let sender = Sender::new();
    let settings = format!(
        "set sendmail=\"{} -oem -oi\"\nset from=ann@here.test\nset use_envelope_from=yes\nset dsn_notify=\"failure,delay\"\n\
         set dsn_return=hdrs\nset sendmail_wait=0\nunset record\nset use_8bitmime=yes\n\
         set charset=utf-8\nset send_charset=utf-8\n",
        sender.host.path("sendmail"),
    );
    let settings = sender.file("muttrc", &settings);
    succeed(sender.command("mutt", &["-n", "-F", &settings, "-s", "mutt", "--", "ann@here.test"]), "Gr\u{fc}\u{df}e\n");
    let mail = host::mail_with(&sender.rohrpost, "Subject: mutt\r\n");
    assert!(
        mail.contains("Return-Path: <ann@here.test>\r\n") && mail.ends_with("\r\n\r\nGr\u{fc}\u{df}e\r\n"),
        "{mail}"
    );
}
