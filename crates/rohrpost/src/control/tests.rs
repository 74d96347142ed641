use rohrpost_mail::Secret;
use rohrpost_store::Filter;

use super::*;

#[test]
fn requests_and_answers_survive_the_way_through_the_socket() {
    let request = Request::AccountPassword {
        name: "ann@here.test".parse().unwrap(),
        label: "phone".into(),
        password: Password(Secret::new("secret")),
        replace: true,
    };
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(
        text,
        r#"{"ask":"account-password","name":"ann@here.test","label":"phone","password":"secret","replace":true}"#
    );
    let Request::AccountPassword { password, .. } = serde_json::from_str(&text).unwrap() else { unreachable!() };
    assert_eq!(password.0.expose(), "secret");

    let answer = Answer::Piece(Piece { octets: 3, bytes: vec![0, 255, 7] });
    let text = serde_json::to_string(&answer).unwrap();
    assert_eq!(text, r#"{"answer":"piece","data":{"octets":3,"bytes":"AP8H"}}"#);
    let Answer::Piece(piece) = serde_json::from_str(&text).unwrap() else { unreachable!() };
    assert_eq!(piece.bytes, [0, 255, 7]);
}

#[test]
fn a_password_on_its_way_is_not_shown_in_logs() {
    let request = Request::AccountAdd {
        account: NewAccount {
            name: "ann@here.test".parse().unwrap(),
            addresses: Vec::new(),
            class: "person".into(),
            language: "en".into(),
        },
        password: Password(Secret::new("hunter2")),
    };
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[test]
fn only_requests_that_look_may_open_the_store_for_reading() {
    assert!(!Request::QueueShape.changes());
    assert!(Request::DomainAdd { name: "here.test".parse().unwrap() }.changes());
    let count = |count_only| Request::QueueApply { filter: Filter::default(), verb: VerbWord::Drop, count_only };
    assert!(count(false).changes());
    assert!(!count(true).changes());
}
