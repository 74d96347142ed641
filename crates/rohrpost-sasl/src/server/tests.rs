use proptest::prelude::*;

use super::*;
use crate::{
    client::{self, Credentials},
    scram::from_base64,
    testing::{Sha, credentials},
};

const DECOY: Decoy = Decoy { key: [9; 32], iterations: 4_096 };
const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

fn exchange(mechanism: Mechanism) -> Exchange {
    Exchange::new(mechanism, Arc::new(Sha), Some(binding()), true, DECOY).unwrap()
}

/// The same outside TLS.
fn unbound(mechanism: Mechanism, decoy: Decoy) -> Exchange {
    Exchange::new(mechanism, Arc::new(Sha), None, false, decoy).unwrap()
}

fn binding() -> ChannelBinding {
    ChannelBinding::tls_exporter(*b"this connection")
}

fn keys(password: &str) -> ScramKeys {
    ScramKeys::derive(&Sha, password, &from_base64("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap(), 4_096).unwrap()
}

/// A good client and this server, with the account's keys at hand; gives the server's last step.
fn converse(
    mechanism: Mechanism,
    credentials: Credentials,
    bindings: [Option<ChannelBinding>; 2],
    plus_offered: bool,
    keys: &[ScramKeys],
) -> Step {
    let [ours, theirs] = bindings;
    let hashes: Arc<dyn Hashes> = Arc::new(Sha);
    let mut client =
        client::Exchange::new(mechanism, credentials, hashes.clone(), theirs, "rOprNGfwEbeRWgbNEkqO".into()).unwrap();
    let mut server = Exchange::new(mechanism, hashes, ours, plus_offered, DECOY).unwrap();
    let initial = client.initial();
    let mut step = server.step(initial.as_deref().map_or(Input::Start, Input::Response));
    loop {
        step = match step {
            Step::Challenge(challenge) => server.step(Input::Response(&client.step(&challenge).unwrap())),
            Step::CheckPassword { password, .. } => server.step(Input::Password(password.expose() == "pencil")),
            Step::FetchScram { .. } => server.step(Input::Scram { keys: keys.to_vec(), nonce: NONCE.into() }),
            Step::Done { final_challenge: Some(last), user, authzid } => {
                assert_eq!(client.step(&last), Ok(Vec::new()));
                assert_eq!(client.finished(), Ok(()));
                return Step::Done { final_challenge: None, user, authzid };
            }
            end => return end,
        }
    }
}

fn done(user: &str, authzid: &str) -> Step {
    Step::Done { user: user.into(), authzid: authzid.into(), final_challenge: None }
}

#[test]
fn the_dialogue_of_rfc_7677_is_spoken() {
    let mut exchange = unbound(Mechanism::ScramSha256, DECOY);
    let step = exchange.step(Input::Response(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
    assert_eq!(step, Step::FetchScram { authzid: String::new(), user: "user".into() });
    let step = exchange.step(Input::Scram { keys: vec![keys("pencil")], nonce: NONCE.into() });
    let server_first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    assert_eq!(step, Step::Challenge(server_first.into()));
    let client_final = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let step = exchange.step(Input::Response(client_final.as_bytes()));
    let server_final = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_vec();
    assert_eq!(step, Step::Done { user: "user".into(), authzid: String::new(), final_challenge: Some(server_final) });
}

#[test]
fn each_mechanism_tells_the_right_password_from_a_wrong_one() {
    for mechanism in MECHANISMS {
        let bindings =
            || if mechanism == Mechanism::ScramSha256Plus { [Some(binding()), Some(binding())] } else { [None, None] };
        let keys = [keys("pencil")];
        let right = converse(mechanism, credentials("ann", "pencil"), bindings(), true, &keys);
        assert_eq!(right, done("ann", ""), "{mechanism}");
        let wrong = converse(mechanism, credentials("ann", "pen"), bindings(), true, &keys);
        assert_eq!(wrong, Step::Failed, "{mechanism}");
    }
}

#[test]
fn any_of_an_account_s_passwords_will_do() {
    let keys = [keys("first"), keys("pencil"), keys("third")];
    for password in ["first", "pencil", "third"] {
        let step = converse(Mechanism::ScramSha256, credentials("ann", password), [None, None], true, &keys);
        assert_eq!(step, done("ann", ""), "{password}");
    }
    let step = converse(Mechanism::ScramSha256, credentials("ann", "fourth"), [None, None], true, &keys);
    assert_eq!(step, Step::Failed);
}

#[test]
fn names_with_commas_and_an_identity_to_act_as_arrive() {
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256] {
        let odd = Credentials { authzid: Some("b=,x".into()), ..credentials("a,=b", "pencil") };
        let step = converse(mechanism, odd, [None, None], true, &[keys("pencil")]);
        assert_eq!(step, done("a,=b", "b=,x"), "{mechanism}");
    }
}

#[test]
fn a_a05_a_login_holds_for_one_connection_only() {
    let other = || Some(ChannelBinding::tls_exporter(*b"another connection"));
    let plus = Mechanism::ScramSha256Plus;
    let keys = [keys("pencil")];
    let step = converse(plus, credentials("ann", "pencil"), [Some(binding()), other()], true, &keys);
    assert_eq!(step, Step::Failed);
    // `y` says that the list of mechanisms was cut down on the way.
    let step = converse(Mechanism::ScramSha256, credentials("ann", "pencil"), [None, Some(binding())], true, &keys);
    assert_eq!(step, Step::Failed);
    let step = converse(Mechanism::ScramSha256, credentials("ann", "pencil"), [None, Some(binding())], false, &keys);
    assert_eq!(step, done("ann", ""));

    let first = |mechanism, message: &[u8]| exchange(mechanism).step(Input::Response(message));
    assert_eq!(first(plus, b"p=tls-unique,,n=ann,r=abc"), Step::Failed);
    assert_eq!(first(plus, b"n,,n=ann,r=abc"), Step::Malformed);
    assert_eq!(first(plus, b"y,,n=ann,r=abc"), Step::Malformed);
    assert_eq!(first(Mechanism::ScramSha256, b"p=tls-exporter,,n=ann,r=abc"), Step::Malformed);
}

#[test]
fn a_user_who_does_not_exist_gets_the_same_challenge_every_time() {
    let challenge = |user: &str, decoy| {
        let mut exchange = unbound(Mechanism::ScramSha256, decoy);
        exchange.step(Input::Response(format!("n,,n={user},r=abc").as_bytes()));
        exchange.step(Input::Scram { keys: Vec::new(), nonce: NONCE.into() })
    };
    assert_eq!(challenge("bob", DECOY), challenge("bob", DECOY));
    assert_ne!(challenge("bob", DECOY), challenge("eve", DECOY));
    assert_ne!(challenge("bob", DECOY), challenge("bob", Decoy { key: [8; 32], ..DECOY }));
    let step = converse(Mechanism::ScramSha256, credentials("bob", "pencil"), [None, None], false, &[]);
    assert_eq!(step, Step::Failed);
}

#[test]
fn what_does_not_follow_the_mechanism_is_malformed() {
    let malformed = [
        (Mechanism::Plain, &b""[..]),
        (Mechanism::Plain, b"ann"),
        (Mechanism::Plain, b"\0ann"),
        (Mechanism::Plain, b"\0ann\0"),
        (Mechanism::Plain, b"\0\0pencil"),
        (Mechanism::Plain, b"\0ann\0pen\0cil"),
        (Mechanism::Plain, b"\0\xff\0pencil"),
        (Mechanism::Login, b""),
        (Mechanism::Login, b"a\0b"),
        (Mechanism::ScramSha256, b""),
        (Mechanism::ScramSha256, b"n,,"),
        (Mechanism::ScramSha256, b"n,,n=ann"),
        (Mechanism::ScramSha256, b"n,,n=,r=abc"),
        (Mechanism::ScramSha256, b"n,,n=a=b,r=abc"),
        (Mechanism::ScramSha256, b"n,,n=ann,r="),
        (Mechanism::ScramSha256, b"n,,m=x,n=ann,r=abc"),
        (Mechanism::ScramSha256, b"n,x=admin,n=ann,r=abc"),
        (Mechanism::ScramSha256, b"x,,n=ann,r=abc"),
    ];
    for (mechanism, message) in malformed {
        let mut exchange = unbound(mechanism, DECOY);
        let step = exchange.step(Input::Response(message));
        assert_eq!(step, Step::Malformed, "{mechanism} {}", message.escape_ascii());
        assert_eq!(exchange.step(Input::Response(b"\0ann\0pencil")), Step::Malformed, "over is over");
    }
}

#[test]
fn an_answer_to_no_question_is_malformed() {
    for mechanism in MECHANISMS {
        assert_eq!(exchange(mechanism).step(Input::Password(true)), Step::Malformed, "{mechanism}");
        let step = exchange(mechanism).step(Input::Scram { keys: vec![keys("pencil")], nonce: NONCE.into() });
        assert_eq!(step, Step::Malformed, "{mechanism}");
    }
}

#[test]
fn a_last_message_that_changes_what_was_said_fails() {
    let nonce = format!("abc{NONCE}");
    for (message, expected) in [
        (format!("c=biws,r={nonce},p={}", crate::scram::to_base64(&[0; 32])), Step::Failed),
        (format!("c=biws,r=abc,p={}", crate::scram::to_base64(&[0; 32])), Step::Failed),
        (format!("c=eSws,r={nonce},p={}", crate::scram::to_base64(&[0; 32])), Step::Failed),
        (format!("c=biws,r={nonce},p=AAAA"), Step::Malformed),
        (format!("c=biws,r={nonce}"), Step::Malformed),
        (format!("r={nonce},c=biws,p={}", crate::scram::to_base64(&[0; 32])), Step::Malformed),
    ] {
        let mut exchange = unbound(Mechanism::ScramSha256, DECOY);
        exchange.step(Input::Response(b"n,,n=ann,r=abc"));
        exchange.step(Input::Scram { keys: vec![keys("pencil")], nonce: NONCE.into() });
        assert_eq!(exchange.step(Input::Response(message.as_bytes())), expected, "{message}");
    }
}

#[test]
fn what_only_clients_speak_is_not_begun() {
    for mechanism in Mechanism::ALL {
        let begun = Exchange::new(mechanism, Arc::new(Sha), Some(binding()), true, DECOY).is_some();
        assert_eq!(begun, MECHANISMS.contains(&mechanism), "{mechanism}");
    }
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?} {DECOY:?} {:?}", keys("pencil"), exchange(Mechanism::Plain));
    assert_eq!(
        shown,
        "ScramKeys { iterations: 4096, .. } Decoy { iterations: 4096, .. } Exchange { mechanism: \"Plain\", .. }"
    );
}

proptest! {
    #[test]
    fn no_message_is_too_odd(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..4),
        prefix in proptest::sample::select(vec!["", "n,,n=", "p=tls-exporter,,n=", "c=biws,r=", "\0"]),
    ) {
        for mechanism in MECHANISMS {
            let mut exchange = exchange(mechanism);
            for message in &messages {
                let message = [prefix.as_bytes(), message].concat();
                if let Step::FetchScram { .. } = exchange.step(Input::Response(&message)) {
                    exchange.step(Input::Scram { keys: Vec::new(), nonce: NONCE.into() });
                }
            }
        }
    }
}
