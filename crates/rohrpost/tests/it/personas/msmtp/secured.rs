//! TLS and logging in, beside Debian's msmtp.

use std::process::Command;

use rohrpost_client::Mechanism;
use rohrpost_mail::ListenerTls;
use rohrpost_testkit::{Authority, Sink, SinkBuilder, self_signed_tls};
use rohrpost_tls::{CertPair, CertStore, ClientAuth, ServerTls, ServerTlsOptions, ca::self_signed};

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
fn a_certificate_that_its_authority_took_back_is_not_trusted() {
    let (pair, authority) = (Pair::new(), Authority::new());
    let certificate = |name| authority.issue(&["localhost"]).write(pair.home.path(), name).expect("it is ours");
    let [good, revoked] = ["good", "revoked"].map(certificate);
    openssl_ca(&authority, &[&["-revoke", &revoked.cert.display().to_string()]]);
    let list = |name: &str, times: &[&str]| {
        let list = pair.home.path().join(name);
        openssl_ca(&authority, &[&["-gencrl", "-out", &list.display().to_string()], times]);
        option("tls-crl-file", &list)
    };
    let now = list("now", &["-crldays", "30"]);
    let outdated = list("outdated", &["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200131000000Z"]);
    let trust = option("tls-trust-file", &authority.file());
    for (files, list, code) in
        [(&good, &now, 0), (&revoked, &now, 69), (&good, &outdated, 0), (&revoked, &outdated, 69)]
    {
        let certificates = CertStore::load(vec![files.clone()]).expect("it was just issued");
        let tls = ServerTls::new(ServerTlsOptions::new(certificates, "test")).expect("it is in order");
        same(&pair, || Sink::builder().tls(ListenerTls::Offered, &tls), &["--tls", &trust, list], code);
    }
}

/// Runs the register of the authority, which lies beside its files.
#[track_caller]
fn openssl_ca(authority: &Authority, arguments: &[&[&str]]) {
    let [register, number, settings] = ["register", "number", "settings"].map(|name| authority.dir().join(name));
    if !register.exists() {
        // Lists with numbers are of version 2.
        let section = format!(
            "[ca]\ndefault_ca = own\n[own]\ndatabase = {}\ncrlnumber = {}\ndefault_md = sha256\n",
            register.display(),
            number.display()
        );
        for (file, text) in [(&register, ""), (&number, "01"), (&settings, &section)] {
            std::fs::write(file, text).expect("tests can write temporary files");
        }
    }
    let mut openssl = Command::new("openssl");
    openssl.args(["ca", "-config"]).arg(&settings).arg("-cert").arg(authority.file());
    openssl.arg("-keyfile").arg(authority.dir().join("ca.key")).args(arguments.concat());
    let output = openssl.output().expect("openssl is there: `cargo xtask programs` looks for it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
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
fn pins_by_old_digests_hold_and_the_new_one_is_told() {
    let (pair, authority) = (Pair::new(), Authority::new());
    let files = authority.issue_files(&["localhost"]);
    let certificates = CertStore::load(vec![files.clone()]).expect("it was just issued");
    let tls = ServerTls::new(ServerTlsOptions::new(certificates, "test")).expect("it is in order");
    let at = || Sink::builder().tls(ListenerTls::Offered, &tls);
    let digest = |function: &str| {
        let mut openssl = Command::new("openssl");
        openssl.args(["x509", "-noout", "-fingerprint", function, "-in"]).arg(&files.cert);
        let output = openssl.output().expect("openssl is there: `cargo xtask programs` looks for it").stdout;
        let text = String::from_utf8(output).expect("it is text");
        text.trim().split_once('=').expect("a name and digits").1.to_owned()
    };
    let sha256 = digest("-sha256");
    for function in ["-sha1", "-md5"] {
        let pin = digest(function);
        let options = ["--tls".to_owned(), format!("--tls-fingerprint={pin}")];
        same(&pair, at, &[&options[0], &options[1]], 0);
        let wrong = pin.replace(&pin[..2], if pin.starts_with("00") { "11" } else { "00" });
        same(&pair, at, &["--tls", &format!("--tls-fingerprint={wrong}")], 69);
        let arguments =
            ["--host=localhost", "--port=PORT", "--from=joe@x.example", &options[0], &options[1], "b@y.example"];
        let outcome = pair.at_sink(Program::Ours, at(), &Call { config: None, arguments: &arguments, input: MAIL });
        assert!(outcome.ended.errors.contains(&format!("tls_fingerprint {sha256}\n")), "{outcome:?}");
    }
}

#[test]
fn the_own_certificate_is_shown_to_a_server_that_asks_for_one() {
    let (pair, authority) = (Pair::new(), Authority::new());
    let certificates = CertStore::from_pem([authority.issue(&["localhost"])]).expect("it was just issued");
    let mut asking = ServerTlsOptions::new(certificates, "test");
    asking.client_auth = Some(ClientAuth { ca: authority.file(), required: true });
    let tls = ServerTls::new(asking).expect("the authority is in order");
    let at = || Sink::builder().tls(ListenerTls::Offered, &tls);
    let files = |pair: &CertPair| [option("tls-cert-file", &pair.cert), option("tls-key-file", &pair.key)];
    let [cert, key] = files(&authority.issue_files(&["joe.x.example"]));
    same(&pair, at, &["--tls", "--tls-certcheck=off", &cert, &key], 0);
    // In TLS 1.3 the server says no when its client has begun to speak; Debian's msmtp calls that a failure to read.
    let stranger = self_signed(["joe.x.example"], 2).write(pair.home.path(), "stranger").expect("it is ours");
    let server = ["--host=localhost", "--port=PORT", "--from=joe@x.example", "--tls", "--tls-certcheck=off"];
    for certificate in [&files(&stranger)[..], &[]] {
        let mut arguments: Vec<_> = certificate.iter().map(String::as_str).chain(server).collect();
        arguments.push("bob@y.example");
        let outcome = pair.at_sink(Program::Ours, at(), &Call { config: None, arguments: &arguments, input: MAIL });
        assert_eq!((outcome.ended.status.code(), outcome.arrived.len()), (Some(76), 0), "{outcome:?}");
    }
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

#[test]
fn hints_are_lines_of_msmtprc_and_following_them_helps() {
    let (pair, tls) = (Pair::new(), self_signed_tls(&["localhost"]));
    let offered = || Sink::builder().tls(ListenerTls::Offered, &tls);
    let required = || Sink::builder().tls(ListenerTls::Required, &tls);
    let implicit = || Sink::builder().tls(ListenerTls::Implicit, &tls);
    let login = || offered().login("joe", "pencil");
    let send = |sink: SinkBuilder, lines: &str| {
        let config = format!("host localhost\nport PORT\nfrom joe@x.example\n{lines}");
        pair.at_sink(Program::Ours, sink, &Call { config: Some(&config), arguments: &["b@y.example"], input: MAIL })
    };
    let wrong = send(offered(), "tls on\n").ended.errors;
    let pin = wrong.lines().find_map(|line| line.split_once("pin the certificate: ")).expect(&wrong).1;
    assert_eq!(send(offered(), &format!("tls on\n{pin}\n")).ended.status.code(), Some(0), "{pin}");
    let unsaid = "tls_certcheck off\n";
    let cases: [(SinkBuilder, &str, &str); 6] = [
        (required(), "tls off\n", "set `tls on`."),
        (offered(), "tls on\ntls_starttls off\n", "set `tls_starttls on`."),
        (Sink::builder(), "tls on\n", "Try `tls_starttls off` with port 465"),
        (implicit(), "tls on\ntimeout 1\n", "set `tls on` and `tls_starttls off`."),
        (login(), "auth scram-sha-1\nuser joe\npassword pencil\n", "`tls on`"),
        (login(), "tls on\n", "set `auth on`, `user` and `passwordeval`."),
    ];
    for (sink, lines, hint) in cases {
        let outcome = send(sink, &format!("{lines}{unsaid}"));
        let errors = &outcome.ended.errors;
        assert!(errors.contains(hint), "{lines}: {errors}");
        assert!(!["tls=", "trust=", "URL"].iter().any(|word| errors.contains(word)), "{lines}: {errors}");
    }
}
