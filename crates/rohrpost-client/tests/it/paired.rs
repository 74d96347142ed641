//! Log-in with our own server at the other end, inside TLS.

use rohrpost_client::{ConnectError, Connection, LinkTls, Login, Mechanism, SessionError, Target};
use rohrpost_mail::{ListenerTls, Secret};
use rohrpost_sasl::server::MECHANISMS;
use rohrpost_testkit::{Sink, SinkBuilder, self_signed_tls};

use crate::{target, tls};

/// A server that knows `ann` and her password `pencil`.
fn server(offered: &[Mechanism]) -> SinkBuilder {
    let tls = self_signed_tls(&["mx.test"]);
    Sink::builder().tls(ListenerTls::Implicit, &tls).login("ann", "pencil").mechanisms(offered)
}

async fn log_in(server: SinkBuilder, password: &str) -> Result<Option<Mechanism>, ConnectError> {
    log_in_as(server, Login::new("ann", Secret::new(password))).await
}

async fn log_in_as(server: SinkBuilder, login: Login) -> Result<Option<Mechanism>, ConnectError> {
    let server = server.start().await;
    let target = Target { tls: LinkTls::Implicit, login: Some(login), ..target(server.address()) };
    Connection::open(&target, &tls()).await.map(|connection| connection.mechanism())
}

#[tokio::test]
async fn the_strongest_mechanism_that_is_offered_logs_in() {
    let all = [Mechanism::Login, Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha256Plus];
    for count in 1..=all.len() {
        let used = log_in(server(&all[..count]), "pencil").await.unwrap();
        assert_eq!(used, Some(all[count - 1]));
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_by_each_mechanism() {
    for mechanism in MECHANISMS.iter().filter(|mechanism| !mechanism.is_plus()) {
        let error = log_in(server(&[*mechanism]), "wrong").await.unwrap_err();
        assert_eq!(error.reply().map(|reply| reply.code), Some(535), "{mechanism}");
    }
}

/// The test listens on loopback, where a password may be shown: only SCRAM is offered, so that the binding decides.
#[tokio::test]
async fn scram_plus_finds_out_who_sits_between() {
    let only = [Mechanism::ScramSha256Plus];
    let error = log_in(server(&only).intercepted(), "pencil").await.unwrap_err();
    assert!(matches!(error, ConnectError::Session(SessionError::Refused { .. } | SessionError::Sasl(_))), "{error}");
    assert!(log_in(server(&only), "pencil").await.is_ok());
}

/// A client that says "I could bind and was not asked to" while it was asked is taken for one that was deceived.
#[tokio::test]
async fn scram_without_plus_works_where_plus_is_offered_and_passed_over() {
    let login = Login { mechanism: Some(Mechanism::ScramSha256), ..Login::new("ann", Secret::new("pencil")) };
    let both = [Mechanism::ScramSha256Plus, Mechanism::ScramSha256];
    assert_eq!(log_in_as(server(&both), login).await.unwrap(), Some(Mechanism::ScramSha256));
}
