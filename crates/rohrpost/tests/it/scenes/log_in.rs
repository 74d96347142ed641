//! Our client logs in at Exim, by each mechanism that both have.

use rohrpost_client::{Connection, Credential, LinkTls, Login, Mechanism, Target};
use rohrpost_mail::{Host, Secret};
use rohrpost_tls::{CertPair, ClientTls, ClientTlsOptions};

use crate::peers::{Exim, PeerTls};

fn password(text: &str) -> Credential {
    Credential::Password(Secret::new(text))
}

fn token(text: &str) -> Credential {
    Credential::Token(Secret::new(text))
}

#[tokio::test]
async fn exim_takes_the_right_password_or_token_by_each_mechanism_and_no_other() {
    rohrpost_tls::install_provider();
    let exim = Exim::start(PeerTls::None, None);
    let tls = ClientTls::new(ClientTlsOptions::default()).unwrap();
    for (mechanism, credential, code) in [
        (Mechanism::CramMd5, password("pencil"), None),
        (Mechanism::CramMd5, password("pen"), Some(535)),
        (Mechanism::Plain, password("pencil"), None),
        (Mechanism::Plain, password("pen"), Some(535)),
        (Mechanism::Login, password("pencil"), None),
        (Mechanism::Login, password("pen"), Some(535)),
        (Mechanism::OAuthBearer, token("ya29"), None),
        (Mechanism::OAuthBearer, token("ya28"), Some(535)),
        (Mechanism::XOAuth2, token("ya29"), None),
        (Mechanism::XOAuth2, token("ya28"), Some(535)),
    ] {
        let login = Login { user: "ann".into(), credential, mechanism: Some(mechanism) };
        let target = Target { login: Some(login), ..Target::new(exim.smtp, Host::parse("here.test").unwrap()) };
        match Connection::open(&target, &tls).await {
            Ok(connection) => assert_eq!((connection.mechanism(), code), (Some(mechanism), None)),
            Err(error) => assert_eq!(error.reply().map(|reply| reply.code), code, "{mechanism}: {error}"),
        }
    }
}

#[tokio::test]
async fn exim_knows_us_by_the_certificate_that_we_show() {
    rohrpost_tls::install_provider();
    let exim = Exim::start(PeerTls::May, None);
    let client_cert = Some(CertPair { cert: exim.certificate.cert(), key: exim.certificate.key() });
    let showing = ClientTls::new(ClientTlsOptions { client_cert, ..ClientTlsOptions::default() }).unwrap();
    let target = Target {
        login: Some(Login::certificate("ann")),
        tls: LinkTls::Starttls,
        client_certificate: Some("ours".into()),
        ..Target::new(exim.smtp, Host::parse("here.test").unwrap())
    };
    let connection = Connection::open(&target, &showing).await.unwrap();
    assert_eq!(connection.mechanism(), Some(Mechanism::External));
    let bare = ClientTls::new(ClientTlsOptions::default()).unwrap();
    let error = Connection::open(&target, &bare).await.unwrap_err();
    assert_eq!(error.reply().map(|reply| reply.code), Some(535), "{error}");
}
