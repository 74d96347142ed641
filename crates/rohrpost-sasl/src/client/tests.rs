use super::*;
use crate::testing::{Sha, credentials};

/// RFC 7677 §3.
const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const SERVER_FINAL: &[u8] = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn exchange(mechanism: Mechanism, binding: Option<ChannelBinding>) -> Exchange {
    Exchange::new(mechanism, credentials("user", "pencil"), Arc::new(Sha), binding, NONCE.into()).unwrap()
}

fn scram() -> Exchange {
    let mut exchange = exchange(Mechanism::ScramSha256, None);
    assert_eq!(exchange.initial().unwrap(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    exchange
}

#[test]
fn the_dialogue_of_rfc_7677_is_spoken() {
    let mut exchange = scram();
    let last = exchange.step(SERVER_FIRST.as_bytes()).unwrap();
    let expected = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    assert_eq!(String::from_utf8(last).unwrap(), expected);
    assert_eq!(exchange.finished(), Err(SaslError::Unfinished));
    assert_eq!(exchange.step(SERVER_FINAL).unwrap(), b"");
    assert_eq!(exchange.finished(), Ok(()));
}

#[test]
fn a_c11_a_server_that_cheats_is_left() {
    let nonce = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==";
    for (server_first, error) in [
        (format!("{nonce},i=1"), SaslError::Iterations { asked: 1 }),
        (format!("{nonce},i=4095"), SaslError::Iterations { asked: 4_095 }),
        (format!("{nonce},i=1000000000"), SaslError::Iterations { asked: 1_000_000_000 }),
        (format!("{nonce},i=99999999999999"), SaslError::Iterations { asked: 99_999_999_999_999 }),
        (format!("{nonce},i=-1"), SaslError::BadChallenge),
        (nonce.to_owned(), SaslError::BadChallenge),
        (format!("m=x,{nonce},i=4096"), SaslError::Extension),
        ("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".into(), SaslError::NonceNotExtended),
        ("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".into(), SaslError::NonceNotExtended),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096".into(), SaslError::BadChallenge),
        ("r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096".into(), SaslError::BadChallenge),
        ("e=unknown-user".into(), SaslError::Refused("unknown-user".into())),
        ("e=\u{1b}[31m".into(), SaslError::BadChallenge),
        (String::new(), SaslError::BadChallenge),
    ] {
        let mut exchange = scram();
        assert_eq!(exchange.step(server_first.as_bytes()), Err(error), "{server_first}");
        assert_eq!(exchange.finished(), Err(SaslError::Unfinished), "{server_first}");
        assert_eq!(exchange.step(SERVER_FIRST.as_bytes()), Err(SaslError::BadChallenge), "{server_first}");
    }
}

#[test]
fn a_c11_a_server_that_does_not_know_the_password_is_not_believed() {
    for (server_final, error) in [
        (&b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="[..], SaslError::ServerSignature),
        (b"v=AAAA", SaslError::BadChallenge),
        (b"e=other-error", SaslError::Refused("other-error".into())),
        (b"", SaslError::BadChallenge),
        (b"\xff", SaslError::BadChallenge),
    ] {
        let mut exchange = scram();
        exchange.step(SERVER_FIRST.as_bytes()).unwrap();
        assert_eq!(exchange.step(server_final), Err(error), "{}", server_final.escape_ascii());
        assert_eq!(exchange.finished(), Err(SaslError::Unfinished));
    }
}

#[test]
fn a_c12_challenges_without_end_are_cut_off() {
    let mut exchange = scram();
    assert_eq!(exchange.step(&vec![b'r'; MESSAGE_BYTES_MAX + 1]), Err(SaslError::ChallengeTooLong));
    let mut login = exchange_login();
    assert_eq!(login.step(b"Username:").unwrap(), b"user");
    assert_eq!(login.step(b"Password:").unwrap(), b"pencil");
    assert_eq!(login.finished(), Ok(()));
    assert_eq!(login.step(b"Password:"), Err(SaslError::BadChallenge));
}

fn exchange_login() -> Exchange {
    let mut login = exchange(Mechanism::Login, None);
    assert_eq!(login.initial(), None);
    login
}

#[test]
fn a_server_may_ask_for_what_could_have_come_with_the_name() {
    let mut plain = exchange(Mechanism::Plain, None);
    assert_eq!(plain.step(b"").unwrap(), b"\0user\0pencil");
    assert_eq!(plain.finished(), Ok(()));
    let mut scram = exchange(Mechanism::ScramSha256, None);
    assert_eq!(scram.step(b"").unwrap(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let mut eager = exchange(Mechanism::Plain, None);
    assert_eq!(eager.step(b"password?"), Err(SaslError::BadChallenge));
    assert_eq!(eager.finished(), Err(SaslError::Unfinished));
}

#[test]
fn the_first_message_says_whether_the_login_is_bound() {
    let binding = || Some(ChannelBinding::tls_exporter(*b"secret"));
    let mut plus = exchange(Mechanism::ScramSha256Plus, binding());
    assert_eq!(plus.initial().unwrap(), b"p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let last = String::from_utf8(plus.step(SERVER_FIRST.as_bytes()).unwrap()).unwrap();
    assert!(last.starts_with(&format!("c={},", to_base64(b"p=tls-exporter,,secret"))), "{last}");
    let mut able = exchange(Mechanism::ScramSha256, binding());
    assert!(able.initial().unwrap().starts_with(b"y,,"));

    let unbound =
        Exchange::new(Mechanism::ScramSha256Plus, credentials("user", "pencil"), Arc::new(Sha), None, NONCE.into());
    assert_eq!(unbound.err(), Some(SaslError::NoBinding));
}

#[test]
fn the_strongest_usable_mechanism_is_picked() {
    use Mechanism::{Login, Plain, ScramSha256, ScramSha256Plus};
    let all = [Login, Plain, ScramSha256, ScramSha256Plus];
    assert_eq!(pick(&all, true, true), Some(ScramSha256Plus));
    assert_eq!(pick(&all, true, false), Some(ScramSha256));
    assert_eq!(pick(&all, false, true), Some(ScramSha256));
    assert_eq!(pick(&[Login, Plain], true, true), Some(Plain));
    assert_eq!(pick(&[ScramSha256Plus], true, false), None);
    assert_eq!(pick(&[], true, true), None);
}

#[test]
fn credentials_that_cannot_be_sent_are_refused_before_anything_is() {
    for (user, password) in [("", "x"), ("ann", ""), ("ann\0", "x"), ("ann", "a\r\nb"), ("ann smith", "x")] {
        let exchange = Exchange::new(Mechanism::Plain, credentials(user, password), Arc::new(Sha), None, NONCE.into());
        assert_eq!(exchange.err(), Some(SaslError::Credentials), "{user:?} {password:?}");
    }
    let exchange = Exchange::new(Mechanism::ScramSha256, credentials("a", "b"), Arc::new(Sha), None, "a,b".into());
    assert_eq!(exchange.err(), Some(SaslError::Nonce));
}
