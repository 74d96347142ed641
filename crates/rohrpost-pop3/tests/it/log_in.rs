//! Who may log in, where, and what the others hear.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rohrpost_mail::{ListenerTls, Secret};
use rohrpost_pop3::{CloseReason, Profile};
use rohrpost_sasl::{ChannelBinding, Mechanism, client};

use crate::harness::{BINDING, Sha, Wire, log_in, play, profile, transcript};

const NEEDS_TLS: &str =
    "-ERR [SYS/PERM] Log-in needs encryption: set your mail program to SSL/TLS or STARTTLS for incoming mail\r\n";

#[test]
fn the_rules_for_a_log_in_in_clear_are_those_of_smtp() {
    use ListenerTls::{Off, Offered, Required};
    let answer = |tls, auth_clear, auth_tls| {
        let mut wire = Wire::new(Profile { tls, auth_clear, auth_tls, ..profile() });
        wire.send("USER ann@here.test\r\n")
    };
    let none = "-ERR [SYS/PERM] No log-in is offered here\r\n";
    for (tls, auth_clear, auth_tls, said) in [
        (Offered, true, true, "+OK Send PASS\r\n"),
        (Off, true, false, "+OK Send PASS\r\n"),
        (Offered, false, true, NEEDS_TLS),
        (Required, true, true, NEEDS_TLS),
        (Required, false, false, none),
        (Offered, false, false, none),
        (Off, false, true, none),
    ] {
        assert_eq!(answer(tls, auth_clear, auth_tls), said, "{tls:?} clear={auth_clear} tls={auth_tls}");
    }
}

#[test]
fn inside_tls_only_the_rule_for_tls_counts() {
    for (auth_tls, said) in [(true, "+OK Send PASS\r\n"), (false, "-ERR [SYS/PERM] No log-in is offered here\r\n")] {
        let mut wire = Wire::new(Profile { auth_clear: true, auth_tls, ..profile() });
        wire.send("STLS\r\n");
        wire.tls();
        assert_eq!(wire.send("USER ann@here.test\r\n"), said);
    }
}

#[test]
fn a_client_in_clear_text_hears_what_to_change_by_every_way_in() {
    let mut wire = Wire::new(Profile { tls: ListenerTls::Required, ..profile() });
    for command in ["USER ann", "AUTH", "AUTH PLAIN AGFubgBwZW5jaWw="] {
        assert_eq!(wire.send(format!("{command}\r\n")), NEEDS_TLS, "{command}");
    }
}

#[test]
fn an_account_that_needs_tls_hears_the_same_where_others_do_not() {
    let mut wire = Wire::new(profile());
    assert_eq!(wire.send("USER strict\r\nPASS pencil\r\n"), format!("+OK Send PASS\r\n{NEEDS_TLS}"));
    log_in(&mut wire);
}

#[test]
fn plain_logs_in_with_and_without_an_initial_response() {
    let plain = STANDARD.encode("\0ann@here.test\0pencil");
    transcript(profile(), &format!("C: AUTH PLAIN {plain}\nS: +OK 3 messages of 83 octets"));
    transcript(profile(), &format!("C: AUTH plain\nS: +\nC: {plain}\nS: +OK 3 messages of 83 octets"));
}

#[test]
fn login_asks_twice() {
    let [user, password] = ["ann@here.test", "pencil"].map(|text| STANDARD.encode(text));
    let dialogue = format!(
        "C: AUTH LOGIN
         S: + VXNlcm5hbWU6
         C: {user}
         S: + UGFzc3dvcmQ6
         C: {password}
         S: +OK 3 messages of 83 octets"
    );
    transcript(profile(), &dialogue);
}

#[test]
fn an_auth_without_mechanism_lists_them() {
    transcript(profile(), "C: AUTH\nS: +OK Mechanisms\nS: SCRAM-SHA-256\nS: PLAIN\nS: LOGIN\nS: .");
}

/// Runs a mechanism of rohrpost-sasl's client to its end, and says what the last response was.
fn exchange(wire: &mut Wire, mechanism: Mechanism, password: &str) -> String {
    let credentials = client::Credentials::password("ann@here.test", Secret::new(password));
    let binding = mechanism.is_plus().then(|| ChannelBinding::tls_exporter(BINDING));
    let nonce = "client-nonce-1234".to_owned();
    let mut client = client::Exchange::new(mechanism, credentials, std::sync::Arc::new(Sha), binding, nonce).unwrap();
    let initial = STANDARD.encode(client.initial().unwrap());
    let mut said = wire.send(format!("AUTH {mechanism} {initial}\r\n"));
    while let Some(challenge) = said.strip_prefix("+ ") {
        let challenge = STANDARD.decode(challenge.trim_end()).unwrap();
        let response = STANDARD.encode(client.step(&challenge).unwrap());
        said = wire.send(format!("{response}\r\n"));
    }
    if said.starts_with("+OK") {
        client.finished().expect("the server proved itself, too");
    }
    said
}

#[test]
fn scram_logs_in_and_takes_the_servers_proof_before_ok() {
    let mut wire = Wire::new(profile());
    assert_eq!(exchange(&mut wire, Mechanism::ScramSha256, "pencil"), "+OK 3 messages of 83 octets\r\n");
}

#[test]
fn scram_binds_to_the_tls_channel() {
    let mut wire = Wire::new(profile());
    wire.send("STLS\r\n");
    wire.tls();
    assert_eq!(exchange(&mut wire, Mechanism::ScramSha256Plus, "pencil"), "+OK 3 messages of 83 octets\r\n");
}

#[test]
fn a_wrong_proof_of_scram_is_told_to_the_driver() {
    let mut wire = Wire::new(profile());
    let said = exchange(&mut wire, Mechanism::ScramSha256, "pen");
    assert_eq!((said.as_str(), wire.auth_failures), ("-ERR [AUTH] Name or password is wrong\r\n", 1));
}

#[test]
fn unknown_names_and_wrong_passwords_sound_the_same_and_take_as_long() {
    for user in ["ann@here.test", "nobody@here.test"] {
        let mut wire = Wire::new(profile());
        let said = wire.send(format!("USER {user}\r\nPASS wrong\r\n"));
        assert_eq!(said, "+OK Send PASS\r\n-ERR [AUTH] Name or password is wrong\r\n");
        assert_eq!(wire.waited.as_secs(), 1);
    }
}

#[test]
fn three_wrong_passwords_end_the_session() {
    let mut wire = Wire::new(profile());
    let said = wire.send(
        "USER ann@here.test\r\nPASS a\r\nUSER ann@here.test\r\nPASS b\r\nUSER ann@here.test\r\nPASS c\r\nUSER x\r\n",
    );
    assert!(said.ends_with("-ERR [AUTH] Too many wrong passwords\r\n"), "{said}");
    assert_eq!(wire.closed, Some(CloseReason::Guessing));
}

#[test]
fn a_password_that_cannot_be_checked_takes_as_long_as_a_wrong_one() {
    let mut wire = Wire::new(profile());
    wire.send("USER broken\r\nPASS pencil\r\n");
    assert_eq!(wire.waited.as_secs(), 1);
}

#[test]
fn what_is_no_fault_of_the_client_has_the_code_for_that() {
    transcript(
        profile(),
        "C: USER broken
         C: PASS pencil
         S: +OK Send PASS
         S: -ERR [SYS/TEMP] Passwords cannot be checked now, try again later
         C: USER locked
         C: PASS pencil
         S: +OK Send PASS
         S: -ERR [SYS/TEMP] Too many wrong passwords, try again later
         C: USER closed@here.test
         C: PASS pencil
         S: +OK Send PASS
         S: -ERR [SYS/TEMP] The mailbox cannot be opened now
         C: STAT
         S: -ERR Log in first",
    );
}

#[test]
fn an_exchange_that_goes_wrong_leaves_a_session_that_lives() {
    let mut wire = Wire::new(profile());
    play(
        &mut wire,
        "C: AUTH CRAM-MD5
         S: -ERR Mechanism not offered
         C: AUTH PLAIN
         S: +
         C: *
         S: -ERR Cancelled
         C: AUTH PLAIN no-base64
         S: -ERR Not what the mechanism expects
         C: AUTH SCRAM-SHA-256-PLUS
         S: -ERR Mechanism not offered
         C: NOOP
         S: -ERR Log in first",
    );
}

#[test]
fn where_plain_is_not_offered_neither_is_user() {
    let mut wire = Wire::new(Profile { mechanisms: vec![Mechanism::ScramSha256], ..profile() });
    assert!(wire.send("CAPA\r\n").starts_with("+OK Capabilities\r\nSASL SCRAM-SHA-256\r\n"));
    assert_eq!(wire.send("USER ann@here.test\r\n"), "-ERR Mechanism not offered\r\n");
}

#[test]
fn a_name_said_before_stls_is_forgotten() {
    let mut wire = Wire::new(profile());
    wire.send("USER ann@here.test\r\n");
    wire.send("STLS\r\n");
    wire.tls();
    assert_eq!(wire.send("PASS pencil\r\n"), "-ERR Send USER first\r\n");
}

#[test]
fn without_a_certificate_there_is_no_stls() {
    let mut wire = Wire::new(Profile { starttls_available: false, ..profile() });
    assert!(!wire.send("CAPA\r\n").contains("STLS"));
    assert_eq!(wire.send("STLS\r\n"), "-ERR TLS is not offered here\r\n");
    wire.tls();
    assert_eq!(wire.send("STLS\r\n"), "-ERR TLS is on already\r\n");
}
