//! A business application sends its own mail through the three kinds of server that it knows: plain SMTP, SMTP with TLS
//! whenever it is offered, SMTPS. Postfix is each of the servers.

use std::net::SocketAddr;

use rohrpost_sender::{Error, Kind, Mail, Note, Receipt, Seal, Sender, Server};

use crate::peers::{PeerTls, Postfix};

const HOST: &str = "127.0.0.1";

/// The application, set to one of its kinds, sends to a mailbox of its own for each message.
async fn sends(kind: Result<Server, Error>, to: SocketAddr, whom: &str) -> Result<Receipt, Error> {
    let mail = Mail::new().from("app@firma.test").to(address(whom)).subject(whom).text("4711").build();
    let mail = mail.expect("every word of it is sound");
    let server = kind.expect("the address of the server is sound").port(to.port());
    let sender = Sender::new(server).expect("one server is a way");
    let receipt = sender.send(&mail).await;
    sender.close().await;
    receipt
}

fn address(whom: &str) -> String {
    format!("{whom}@postfix.test")
}

/// Whether the message came inside TLS, by Postfix's own word.
fn came_in_tls(postfix: &Postfix, whom: &str) -> bool {
    postfix.mail(&address(whom), &format!("Subject: {whom}")).contains("with ESMTPS id")
}

#[tokio::test]
async fn a_server_without_tls_takes_mail_in_clear_and_none_from_smtps() {
    let postfix = Postfix::start(PeerTls::None, None);
    for (kind, whom, reason) in
        [(Server::plain(HOST), "plain", "off"), (Server::opportunistic(HOST), "opportunistic", "not offered")]
    {
        let receipt = sends(kind, postfix.smtp, whom).await.unwrap();
        assert_eq!(receipt.notes, [Note::Clear { reason: reason.into() }]);
        assert!(!came_in_tls(&postfix, whom));
    }
    let error = sends(Server::smtps(HOST), postfix.smtp, "smtps").await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Capability, 69), "{error}");
    assert!(error.hint().unwrap().contains("offers no STARTTLS"), "{error}");
}

#[tokio::test]
async fn a_server_with_a_self_signed_certificate_is_enough_for_those_who_ask_for_tls() {
    let postfix = Postfix::start(PeerTls::May, None);
    let receipt = sends(Server::plain(HOST), postfix.smtp, "plain").await.unwrap();
    assert_eq!(receipt.seal, Some(Seal::Cleartext));
    assert!(!came_in_tls(&postfix, "plain"));
    for (kind, whom) in [(Server::opportunistic(HOST), "opportunistic"), (Server::smtps(HOST), "smtps")] {
        let receipt = sends(kind, postfix.smtp, whom).await.unwrap();
        assert_eq!(receipt.seal, Some(Seal::Encrypted), "not verified: {receipt:?}");
        assert!(came_in_tls(&postfix, whom));
    }
}

#[tokio::test]
async fn a_server_that_insists_on_tls_gets_it_or_an_error_that_names_the_setting() {
    let postfix = Postfix::start(PeerTls::Encrypt, None);
    let error = sends(Server::plain(HOST), postfix.smtp, "plain").await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Tls, 69), "{error}");
    assert_eq!(error.reply().unwrap().code, 530);
    assert!(error.hint().unwrap().contains("set tls=starttls"), "{error}");
    assert!(sends(Server::opportunistic(HOST), postfix.smtp, "opportunistic").await.is_ok());
    assert!(came_in_tls(&postfix, "opportunistic"));
}

#[tokio::test]
async fn smtps_works_on_a_port_of_its_own_and_on_one_that_speaks_starttls_and_says_which_it_was() {
    let postfix = Postfix::start(PeerTls::May, None);
    let receipt = sends(Server::smtps(HOST), postfix.smtps, "implicit").await.unwrap();
    assert!(receipt.notes.is_empty(), "{receipt:?}");
    let receipt = sends(Server::smtps(HOST), postfix.smtp, "starttls").await.unwrap();
    assert!(matches!(receipt.notes[..], [Note::OtherForm { speaks: "STARTTLS", .. }]), "{receipt:?}");
    assert!(came_in_tls(&postfix, "implicit") && came_in_tls(&postfix, "starttls"));
}
