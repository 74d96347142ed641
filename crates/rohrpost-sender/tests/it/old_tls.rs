//! A server that speaks nothing above TLS 1.1.

use rohrpost_sender::{
    Kind, Relays,
    testing::{Server as TestServer, Tls},
};
use rohrpost_testkit::OldTls;

use crate::{send, server};

#[tokio::test]
async fn a_server_with_nothing_above_tls_1_1_is_told_and_passed_over() {
    let old = OldTls::start();
    let url = format!("smtps://{}", old.address());
    let error = send(server(&url)).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Tls, 69), "{error}");
    assert!(error.to_string().contains("no TLS version that we accept"), "{error}");
    assert!(error.hint().unwrap().contains("nothing above TLS 1.1"), "{error}");

    let good = TestServer::builder().tls(Tls::Implicit).start().await;
    let receipt = send(Relays::failover([server(&url), server(good.url())])).await.unwrap();
    assert_eq!(receipt.server, good.address().to_string());
}
