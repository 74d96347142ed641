use proptest::prelude::*;

use super::*;
use crate::{
    scram::to_base64,
    testing::{Sha, credentials},
};

mod gsasl;

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
        (b"v=AAAA", SaslError::ServerSignature),
        (b"v=!", SaslError::BadChallenge),
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
    let by_certificate = Some(ChannelBinding::tls_server_end_point(*b"hash"));
    let mut plus = exchange(Mechanism::ScramSha1Plus, by_certificate);
    assert!(plus.initial().unwrap().starts_with(b"p=tls-server-end-point,,"));
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha1] {
        assert!(exchange(mechanism, binding()).initial().unwrap().starts_with(b"y,,"), "{mechanism}");
    }

    let unbound =
        Exchange::new(Mechanism::ScramSha256Plus, credentials("user", "pencil"), Arc::new(Sha), None, NONCE.into());
    assert_eq!(unbound.err(), Some(SaslError::NoBinding));
}

fn means(credential: &Credential) -> Means<'_> {
    Means { credential, can_bind: true, shows_certificate: false, may_reveal: true }
}

#[test]
fn the_best_mechanism_for_which_the_means_suffice_is_picked() {
    use Mechanism::{
        CramMd5, External, Login, OAuthBearer, Plain, ScramSha1, ScramSha1Plus, ScramSha256, ScramSha256Plus, XOAuth2,
    };
    let password = Credential::Password(Secret::new("pencil"));
    let having = means(&password);
    // Each is the best of what is left when those before it are gone.
    let order = [ScramSha256Plus, ScramSha1Plus, ScramSha256, ScramSha1, Plain, CramMd5, Login];
    for (place, best) in order.into_iter().enumerate() {
        let offered: Vec<_> = order[place..].iter().rev().copied().collect();
        assert_eq!(pick(&offered, &having), Some(best));
    }
    let all = Mechanism::ALL;
    assert_eq!(pick(&all, &Means { can_bind: false, ..having }), Some(ScramSha256));
    assert_eq!(pick(&[Plain, External], &having), Some(Plain));
    assert_eq!(pick(&[Plain, External], &Means { shows_certificate: true, ..having }), Some(External));
    assert_eq!(pick(&[OAuthBearer, XOAuth2], &having), None);
    assert_eq!(pick(&[ScramSha256Plus], &Means { can_bind: false, ..having }), None);
    assert_eq!(pick(&[], &having), None);

    let token = Credential::Token(Secret::new("ya29"));
    assert_eq!(pick(&all, &means(&token)), Some(OAuthBearer));
    assert_eq!(pick(&[Plain, Login, XOAuth2], &means(&token)), Some(XOAuth2));
    assert_eq!(pick(&[Plain, Login, ScramSha256], &means(&token)), None);
    let shown = Means { shows_certificate: true, ..means(&Credential::Certificate) };
    assert_eq!(pick(&all, &shown), Some(External));
}

#[test]
fn a_link_that_others_can_read_carries_scram_and_nothing_else() {
    let (password, token) = (Credential::Password(Secret::new("pencil")), Credential::Token(Secret::new("ya29")));
    let over_clear = |credential| Means { can_bind: false, may_reveal: false, ..means(credential) };
    let usable =
        |means: Means<'_>| Mechanism::ALL.into_iter().filter(|found| means.suffice(*found)).collect::<Vec<_>>();
    assert_eq!(usable(over_clear(&password)), [Mechanism::ScramSha256, Mechanism::ScramSha1]);
    assert_eq!(usable(over_clear(&token)), []);
}

#[test]
fn the_dialogue_of_rfc_5802_is_spoken() {
    let nonce = "fyko+d2lbbFgONRv9qkxdawL";
    let credentials = credentials("user", "pencil");
    let mut exchange = Exchange::new(Mechanism::ScramSha1, credentials, Arc::new(Sha), None, nonce.into()).unwrap();
    assert_eq!(exchange.initial().unwrap(), b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    let server_first = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
    let last = String::from_utf8(exchange.step(server_first).unwrap()).unwrap();
    let expected = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
    assert_eq!(last, expected);
    assert_eq!(exchange.step(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").unwrap(), b"");
    assert_eq!(exchange.finished(), Ok(()));
}

#[test]
fn the_dialogue_of_rfc_2195_is_spoken() {
    let credentials = credentials("tim", "tanstaaftanstaaf");
    let mut exchange = Exchange::new(Mechanism::CramMd5, credentials, Arc::new(Sha), None, String::new()).unwrap();
    assert_eq!(exchange.initial(), None);
    assert_eq!(exchange.finished(), Err(SaslError::Unfinished));
    let answer = exchange.step(b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), "tim b913a602c7eda7a495b4e6e7334d3890");
    assert_eq!(exchange.finished(), Ok(()));
    assert_eq!(exchange.step(b"<again>"), Err(SaslError::BadChallenge));
}

fn bearer(mechanism: Mechanism, user: &str, token: &str) -> Exchange {
    let credential = Credential::Token(Secret::new(token));
    let credentials = Credentials { user: user.into(), credential, authzid: None };
    Exchange::new(mechanism, credentials, Arc::new(Sha), None, String::new()).unwrap()
}

/// RFC 7628 §4.1, and the example in Google's description of XOAUTH2.
#[test]
fn tokens_are_sent_as_the_standard_and_as_google_have_it() {
    let token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
    let mut standard = bearer(Mechanism::OAuthBearer, "user@example.com", token).with_server("server.example.com", 143);
    let expected = "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI\
        HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB";
    assert_eq!(to_base64(&standard.initial().unwrap()), expected);
    assert_eq!(standard.finished(), Ok(()));

    let mut google =
        bearer(Mechanism::XOAuth2, "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
    let expected = "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1\
        semRHRXVZMjl0Q2cBAQ==";
    assert_eq!(to_base64(&google.initial().unwrap()), expected);
}

#[test]
fn a_refused_token_is_a_challenge_that_wants_an_answer_and_no_success_follows_it() {
    for (mechanism, answer) in [(Mechanism::OAuthBearer, &b"\x01"[..]), (Mechanism::XOAuth2, b"")] {
        let mut exchange = bearer(mechanism, "ann", "ya29");
        exchange.initial();
        assert_eq!(exchange.step(br#"{"status":"401"}"#).unwrap(), answer, "{mechanism}");
        assert_eq!(exchange.finished(), Err(SaslError::Unfinished), "{mechanism}");
        assert_eq!(exchange.step(b""), Err(SaslError::BadChallenge), "{mechanism}");
    }
}

#[test]
fn a_name_cannot_add_to_the_message_of_a_token() {
    let mut exchange = bearer(Mechanism::OAuthBearer, "a,b=c", "ya29");
    assert_eq!(exchange.initial().unwrap(), b"n,a=a=2Cb=3Dc,\x01auth=Bearer ya29\x01\x01");
    for (user, token) in [("a\x01b", "ya29"), ("ann", "ya29\x01auth=x"), ("ann", ""), ("ann", "a b"), ("ann", "a\r\nb")]
    {
        let credentials =
            Credentials { user: user.into(), credential: Credential::Token(Secret::new(token)), authzid: None };
        let exchange = Exchange::new(Mechanism::OAuthBearer, credentials, Arc::new(Sha), None, String::new());
        assert_eq!(exchange.err(), Some(SaslError::Credentials), "{user:?} {token:?}");
    }
}

#[test]
fn a_certificate_needs_no_name() {
    for (user, authzid, expected) in [("", None, ""), ("ann", None, "ann"), ("ann", Some("office"), "office")] {
        let authzid = authzid.map(Into::into);
        let credentials = Credentials { user: user.into(), credential: Credential::Certificate, authzid };
        let mut exchange = Exchange::new(Mechanism::External, credentials, Arc::new(Sha), None, String::new()).unwrap();
        assert_eq!(exchange.initial().unwrap(), expected.as_bytes());
        assert_eq!(exchange.finished(), Ok(()));
    }
}

#[test]
fn a_credential_of_another_kind_is_refused_before_anything_is_sent() {
    let token = || Credential::Token(Secret::new("ya29"));
    let password = || Credential::Password(Secret::new("pencil"));
    for (mechanism, credential) in [
        (Mechanism::Plain, token()),
        (Mechanism::ScramSha1, token()),
        (Mechanism::Login, Credential::Certificate),
        (Mechanism::OAuthBearer, password()),
        (Mechanism::External, token()),
    ] {
        let credentials = Credentials { user: "ann".into(), credential, authzid: None };
        let exchange = Exchange::new(mechanism, credentials, Arc::new(Sha), None, NONCE.into());
        assert_eq!(exchange.err(), Some(SaslError::WrongCredential(mechanism)));
    }
}

#[test]
fn without_the_older_hashes_there_are_no_older_mechanisms() {
    struct Modern;
    impl Hashes for Modern {
        fn sha256(&self, data: &[u8]) -> [u8; 32] {
            Sha.sha256(data)
        }

        fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> [u8; 32] {
            Sha.hmac_sha256(key, data)
        }

        fn pbkdf2_sha256(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
            Sha.pbkdf2_sha256(password, salt, iterations)
        }
    }
    for mechanism in [Mechanism::ScramSha1, Mechanism::CramMd5] {
        let exchange = Exchange::new(mechanism, credentials("ann", "x"), Arc::new(Modern), None, NONCE.into());
        assert_eq!(exchange.err(), Some(SaslError::NoHash(mechanism)));
    }
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

proptest! {
    #[test]
    fn no_challenge_is_too_odd(
        challenges in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..4),
        prefix in proptest::sample::select(vec!["", "r=rOprNGfwEbeRWgbNEkqO", "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=", "v=", "e="]),
    ) {
        for mechanism in Mechanism::ALL {
            let credential = match mechanism {
                Mechanism::OAuthBearer | Mechanism::XOAuth2 => Credential::Token(Secret::new("ya29")),
                _ => Credential::Password(Secret::new("pencil")),
            };
            let credentials = Credentials { user: "user".into(), credential, authzid: None };
            let binding = Some(ChannelBinding::tls_exporter(*b"secret"));
            let mut exchange = Exchange::new(mechanism, credentials, Arc::new(Sha), binding, NONCE.into()).unwrap();
            exchange.initial();
            for challenge in &challenges {
                // Whatever is answered: nobody panics, and no SCRAM ends well without the proof.
                let _ = exchange.step(&[prefix.as_bytes(), challenge].concat());
            }
            prop_assert!(!mechanism.is_scram() || exchange.finished().is_err());
        }
    }
}
