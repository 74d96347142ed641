//! TLS and logging in, beside Debian's msmtp.

use rohrpost_client::Mechanism;
use rohrpost_mail::ListenerTls;
use rohrpost_testkit::{Authority, Sink, SinkBuilder, self_signed_tls};

use super::pair::{Call, Pair, Program, option};

const MAIL: &str = "From: joe@x.example\nSubject: x\n\nHello.\n";

/// Calls both with these options at sinks of one kind; the code must be this one.
#[track_caller]
fn same(pair: &Pair, sink: impl Fn() -> SinkBuilder, options: &[&str], code: i32) {
    let fixed = ["--host=localhost", "--port=PORT", "--from=joe@x.example", "bob@y.example"];
    let arguments = [options, &fixed].concat();
    let outcome = pair.same(sink, &Call { config: None, arguments: &arguments, input: MAIL });
    assert_eq!(outcome.ended.status.code(), Some(code), "{outcome:?}");
    assert_eq!(outcome.arrived.len(), usize::from(code == 0), "{outcome:?}");
}

#[test]
fn certificates_are_trusted_by_authority_or_not_at_all() {
    let (pair, authority) = (Pair::new(), Authority::new());
    let trust = option("tls-trust-file", &authority.file());
    let known = authority.server_tls(&["localhost"]);
    let stranger = self_signed_tls(&["localhost"]);
    let other = authority.server_tls(&["other.example"]);
    for (mode, form) in [(ListenerTls::Offered, "--tls-starttls=on"), (ListenerTls::Implicit, "--tls-starttls=off")] {
        let at = |tls| move || Sink::builder().tls(mode, tls);
        same(&pair, at(&known), &["--tls", form, &trust], 0);
        same(&pair, at(&stranger), &["--tls", form, &trust], 69);
        same(&pair, at(&known), &["--tls", form], 69);
        same(&pair, at(&stranger), &["--tls", form, "--tls-certcheck=off"], 0);
        same(&pair, at(&other), &["--tls", form, &trust], 69);
        same(&pair, at(&other), &["--tls", form, &trust, "--tls-host-override=other.example"], 0);
        same(&pair, at(&known), &["--tls", form, &trust, "--tls-priorities=NORMAL:-VERS-ALL:+VERS-TLS1.3"], 0);
    }
}

#[test]
fn a_handshake_that_fails_is_a_matter_of_the_protocol() {
    // The sink greets in clear text, which is no answer to a handshake.
    same(&Pair::new(), Sink::builder, &["--tls", "--tls-starttls=off", "--tls-certcheck=off"], 76);
}

#[test]
fn the_fingerprint_that_serverinfo_shows_pins_the_certificate() {
    let (pair, tls) = (Pair::new(), self_signed_tls(&["localhost"]));
    let at = || Sink::builder().tls(ListenerTls::Offered, &tls);
    let ask = ["--host=localhost", "--port=PORT", "--serverinfo", "--tls", "--tls-certcheck=off"];
    let shown = pair.at_sink(Program::Ours, at(), &Call { config: None, arguments: &ask, input: "" }).ended;
    assert!(shown.status.success() && shown.output.contains("DSN"), "{shown:?}");
    let line =
        shown.output.lines().find_map(|line| line.trim().strip_prefix("SHA256: ")).expect("it is shown").to_owned();
    same(&pair, at, &["--tls", &format!("--tls-fingerprint={line}")], 0);
    let wrong = line.replace(&line[..2], if line.starts_with("00") { "11" } else { "00" });
    same(&pair, at, &["--tls", &format!("--tls-fingerprint={wrong}")], 69);
}

#[test]
fn passwords_come_from_the_file_a_command_or_netrc() {
    let tls = self_signed_tls(&["localhost"]);
    let at = || Sink::builder().tls(ListenerTls::Offered, &tls).login("joe", "pencil #1");
    let base = "host localhost\nport PORT\nfrom joe@x.example\ntls on\ntls_certcheck off\nauth on\nuser joe\n";
    let pair = Pair::new();
    let send = |more: &str| {
        let config = format!("{base}{more}");
        let outcome = pair.same(at, &Call { config: Some(&config), arguments: &["bob@y.example"], input: MAIL });
        assert!(outcome.ended.status.success(), "{more}: {outcome:?}");
        assert_eq!(outcome.arrived[0].user.as_deref(), Some("joe"));
    };
    send("password \"pencil #1\"\n");
    send("passwordeval printf 'pencil #1\\nmore\\n'\n");
    send("eval echo 'password pencil #1'\n");
    pair.write(".netrc", "machine localhost login joe password \"pencil #1\"\n");
    send("");
}

#[test]
fn each_mechanism_logs_in_and_a_wrong_password_does_not() {
    let (pair, tls) = (Pair::new(), self_signed_tls(&["localhost"]));
    for (name, mechanism) in
        [("plain", Mechanism::Plain), ("login", Mechanism::Login), ("scram-sha-256", Mechanism::ScramSha256)]
    {
        let at = || Sink::builder().tls(ListenerTls::Offered, &tls).login("joe", "pencil").mechanisms(&[mechanism]);
        let auth = format!("--auth={name}");
        let common = ["--tls", "--tls-certcheck=off", &auth, "--user=joe"];
        same(&pair, at, &[&common[..], &["--passwordeval=echo pencil"]].concat(), 0);
        same(&pair, at, &[&common[..], &["--passwordeval=echo wrong"]].concat(), 77);
    }
}
