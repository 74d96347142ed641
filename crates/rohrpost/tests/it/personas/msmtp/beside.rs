//! The same call to Debian's msmtp and to ours ends with the same code, and the same mail arrives.

use std::collections::BTreeMap;

use rohrpost_mail::{ForwardPath, Reply};
use rohrpost_testkit::{Sink, SinkBuilder};

use super::pair::{Call, Pair, Program, closed_port};

const AT_SINK: [&str; 3] = ["--host=127.0.0.1", "--port=PORT", "--from=joe@x.example"];

/// A sink that refuses `bad@`, puts off `later@`, and refuses a message about refusal.
fn picky() -> SinkBuilder {
    let judge = |path: &ForwardPath| match path.to_string().split('@').next() {
        Some("bad") => Err(Reply::with(550, 1, 1, "Nobody here")),
        Some("later") => Err(Reply::with(450, 2, 0, "Not now")),
        _ => Ok(()),
    };
    let refused = Reply::with(554, 6, 0, "No");
    Sink::builder().on_rcpt(judge).on_message(move |message| {
        if message.text().contains("Subject: refuse") { Err(refused.clone()) } else { Ok(()) }
    })
}

#[track_caller]
fn same(arguments: &[&str], input: &str, code: i32) {
    let arguments = [&AT_SINK[..], arguments].concat();
    let outcome = Pair::new().same(picky, &Call { config: None, arguments: &arguments, input });
    assert_eq!(outcome.ended.status.code(), Some(code), "{outcome:?}");
    assert_eq!(outcome.arrived.len(), usize::from(code == 0), "{outcome:?}");
}

const MAIL: &str = "From: Ann <ann@h.example>\nTo: bob@y.example, \"C, D\" <cd@y.example>\nCc: g: e@y.example;\n\
    Bcc: secret@y.example\nDate: Sun, 22 Nov 2026 10:00:00 +0100\nMessage-ID: <1@given.example>\nSubject: x\n\nHello.\n";

#[test]
fn headers_name_recipients_and_bcc_stays_at_home() {
    same(&["-t"], MAIL, 0);
    same(&["-t", "--", "more@y.example"], MAIL, 0);
    same(&["-t", "--remove-bcc-headers=off"], MAIL, 0);
    same(&["-t", "-N", "failure,delay", "-R", "hdrs"], MAIL, 0);
    let resent = format!("Resent-From: ann@h.example\nResent-To: r@y.example\n{MAIL}");
    same(&["-t"], &resent, 0);
}

#[test]
fn what_is_missing_is_added_in_the_same_place() {
    same(&["bob@y.example"], "Subject: x\n\nHello.\n", 0);
    same(&["-F", "Joe Smith", "bob@y.example"], "Subject: x\n\nHello.\n", 0);
    same(
        &["--set-from-header=off", "--set-date-header=off", "--set-msgid-header=off", "b@y.example"],
        "X: y\n\nz\n",
        0,
    );
    same(&["--set-from-header=on", "bob@y.example"], MAIL, 0);
    same(&["--undisclosed-recipients", "bob@y.example"], MAIL, 0);
}

#[test]
fn lines_arrive_as_they_are_whatever_ends_them() {
    for input in [
        "A: b\r\n\r\n.\r\n..x\r\nend\r\n",
        "A: b\n\n.\n..x\nend",
        "A: b\n\n",
        "A: b\n\n\n\nx\n",
        "A: b\n\n gr\u{fc}n\n",
    ] {
        same(&["bob@y.example"], input, 0);
    }
}

#[test]
fn the_sender_comes_from_where_msmtp_takes_it() {
    same(&["--from=", "bob@y.example"], MAIL, 0);
    same(&["--from=<>", "bob@y.example"], MAIL, 0);
    let unnamed = ["--host=127.0.0.1", "--port=PORT", "--read-envelope-from", "bob@y.example"];
    let outcome = Pair::new().same(picky, &Call { config: None, arguments: &unnamed, input: MAIL });
    assert_eq!(outcome.arrived[0].envelope.reverse_path.to_string(), "ann@h.example");
}

#[test]
fn refusals_end_with_the_same_codes_and_nothing_arrives() {
    same(&["bob@y.example", "bad@y.example"], MAIL, 65);
    same(&["later@y.example"], MAIL, 69);
    same(&["bob@y.example"], &MAIL.replace("Subject: x", "Subject: refuse"), 69);
    same(&["--tls", "--tls-certcheck=off", "bob@y.example"], MAIL, 69);
    same(&["--auth=plain", "--user=joe", "--passwordeval=echo x", "bob@y.example"], MAIL, 69);
}

#[test]
fn mistakes_end_with_the_same_codes() {
    let cases: [(&[&str], i32); 14] = [
        (&[], 64),
        (&["--bogus"], 64),
        (&["-q", "bob@y.example"], 64),
        (&["-bd"], 64),
        (&["--tls=maybe", "bob@y.example"], 64),
        (&["--port=0", "bob@y.example"], 64),
        (&["--dsn-notify=off,success", "bob@y.example"], 64),
        (&["--account=a", "bob@y.example"], 64),
        (&["--tls", "--tls-trust-file=", "bob@y.example"], 78),
        (&["--tls", "--tls-key-file=/key", "bob@y.example"], 78),
        (&["-P"], 0),
        (&["--version"], 0),
        (&["--help"], 0),
        (&["--port=1", "-t"], 64),
    ];
    let pair = Pair::new();
    for (arguments, code) in cases {
        let arguments: Vec<_> = ["--host=127.0.0.1", "--port=25", "-fa@x.example"]
            .iter()
            .chain(arguments)
            .map(ToString::to_string)
            .collect();
        for program in [Program::Theirs, Program::Ours] {
            let ended = pair.call(program, &arguments, b"Subject: x\n\n");
            assert_eq!(ended.status.code(), Some(code), "{program:?} {arguments:?}: {ended:?}");
        }
    }
}

#[test]
fn a_server_that_is_not_there_and_a_sender_that_is_missing_have_the_same_codes() {
    let pair = Pair::new();
    let closed = format!("--port={}", closed_port());
    let cases: [(&[&str], i32); 2] = [
        (&["--host=127.0.0.1", &closed, "-fa@x.example", "bob@y.example"], 75),
        (&["--host=127.0.0.1", &closed, "bob@y.example"], 78),
    ];
    for (arguments, code) in cases {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        for program in [Program::Theirs, Program::Ours] {
            let ended = pair.call(program, &arguments, MAIL.as_bytes());
            assert_eq!(ended.status.code(), Some(code), "{program:?} {arguments:?}: {ended:?}");
        }
    }
}

/// A configuration as msmtp's manual teaches it: defaults, two accounts at one provider, one elsewhere, a default.
const CONFIG: &str = "\
# What holds for every account.
defaults
port PORT
protocol smtp
logfile ~/msmtp.log

account provider
host 127.0.0.1
from joe_smith@provider.example

# A second address there.
account provider2 : provider
from joey@provider.example
dsn_return headers

account company
host 127.0.0.1
from *@company.example
domain %H.company.example
undisclosed_recipients on

account default : provider
";

#[test]
fn the_account_is_that_of_the_option_the_sender_or_the_default() {
    let pair = Pair::new();
    for arguments in [
        &["bob@y.example"][..],
        &["-a", "provider2", "bob@y.example"],
        &["-f", "joey@provider.example", "bob@y.example"],
        &["-f", "joey+tag@provider.example", "bob@y.example"],
        &["-f", "anybody@company.example", "bob@y.example"],
        &["--read-envelope-from", "-t"],
        &["-f", "someone@else.example", "bob@y.example"],
        &["-C", "nothing-there", "bob@y.example"],
        &["-a", "nothing-there", "bob@y.example"],
    ] {
        pair.same(picky, &Call { config: Some(CONFIG), arguments, input: MAIL });
    }
}

/// The settings that `--pretend` shows of an account, without what must differ: theirs evaluates the password.
fn shown(pair: &Pair, program: Program, file: &str, account: &str) -> BTreeMap<String, String> {
    let arguments = ["-C", file, "-a", account, "--pretend"].map(str::to_owned);
    let ended = pair.call(program, &arguments, b"");
    assert!(ended.status.success(), "{program:?} {file} {account}: {ended:?}");
    let rows = ended.output.lines().filter_map(|line| line.split_once(" = "));
    let rows = rows.map(|(key, value)| (key.replace(' ', "_"), value.to_owned()));
    rows.filter(|(key, _)| !matches!(key.as_str(), "password" | "proxy_port")).collect()
}

#[test]
fn the_examples_that_come_with_msmtp_are_understood_alike() {
    let pair = Pair::new();
    // One of them lets GnuPG print the password.
    let gpg = pair.write("gpg2", "#!/bin/sh\necho pencil\n");
    std::fs::set_permissions(gpg, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("it is ours");
    let examples = [
        ("msmtprc-user.example", &["default", "freemail", "freemail2", "company"][..]),
        ("msmtprc-system.example", &["default"]),
    ];
    for (file, accounts) in examples {
        let file = format!("/usr/share/doc/msmtp/examples/{file}");
        for account in accounts {
            let (theirs, ours) =
                (shown(&pair, Program::Theirs, &file, account), shown(&pair, Program::Ours, &file, account));
            assert!(theirs.len() > 30, "{theirs:?}");
            for (key, value) in theirs {
                // The word for it today is set_to_header.
                let known = if key == "undisclosed_recipients" { "set_to_header" } else { &key };
                assert_eq!(ours.get(known), Some(&value), "{file} {account} {key}");
            }
        }
    }
}

#[test]
fn configurations_that_are_wrong_are_refused_alike() {
    let pair = Pair::new();
    for line in
        ["foo bar", "port 0", "tls maybe", "HOST x", "host", "account a", "account b : c", "eval false", "timeout -1"]
    {
        let config = format!("account a\nhost 127.0.0.1\n{line}\naccount default : a\n");
        let outcome = pair.same(picky, &Call { config: Some(&config), arguments: &["bob@y.example"], input: MAIL });
        assert!(matches!(outcome.ended.status.code(), Some(74 | 78)), "{line}: {outcome:?}");
        assert!(line.starts_with("host") || outcome.ended.errors.contains("line 3: "), "{outcome:?}");
    }
}

#[test]
fn the_environment_names_sender_patterns_aliases_and_evaluated_lines() {
    let pair = Pair::new();
    pair.write("aliases", "root: joe@y.example, jane@y.example\ncron: nobody # goes on\ndefault: admin@y.example\n");
    let config = "eval echo host 127.0.0.1\nport PORT\nfrom %U@site.example\naliases ~/aliases\n";
    pair.same(picky, &Call { config: Some(config), arguments: &["root"], input: MAIL });
    pair.same(picky, &Call { config: Some(config), arguments: &["cron"], input: MAIL });
    pair.same(picky, &Call { config: Some(config), arguments: &["bob@y.example"], input: MAIL });
    let config = "host 127.0.0.1\nport PORT\nauto_from on\nmaildomain old.example\n";
    pair.same(picky, &Call { config: Some(config), arguments: &["bob@y.example"], input: MAIL });
    let strict = "host 127.0.0.1\nport PORT\nfrom %U@site.example\nallow_from_override off\nset_from_header on\n";
    pair.same(picky, &Call { config: Some(strict), arguments: &["-f", "x@y.example", "bob@y.example"], input: MAIL });
}

#[test]
fn the_log_has_the_same_keys() {
    let keys = |program, to: &str| {
        let pair = Pair::new();
        let arguments = [&AT_SINK[..], &["--logfile=log", "--logfile-time-format=%F", to]].concat();
        pair.at_sink(program, picky(), &Call { config: None, arguments: &arguments, input: MAIL });
        let log = std::fs::read_to_string(pair.home.path().join("log")).expect("it was written");
        let line = log.lines().next().expect("there is a line").to_owned();
        assert_eq!(log.lines().count(), 1, "{log}");
        let plain = line.split('\'').step_by(2).collect::<Vec<_>>().join("…");
        let words = plain.split(' ').filter(|word| word.contains('='));
        words
            .map(|word| {
                word.split(|c| c == '=' && !word.contains("code") && !word.contains("auth"))
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect::<Vec<_>>()
    };
    for to in ["bob@y.example", "bad@y.example", "later@y.example"] {
        assert_eq!(keys(Program::Ours, to), keys(Program::Theirs, to), "{to}");
    }
}

#[test]
fn lmtp_is_spoken_alike() {
    let arguments = [&AT_SINK[..], &["--protocol=lmtp", "bob@y.example"]].concat();
    let outcome =
        Pair::new().same(|| Sink::builder().lmtp(), &Call { config: None, arguments: &arguments, input: MAIL });
    assert_eq!(outcome.arrived.len(), 1);
}
