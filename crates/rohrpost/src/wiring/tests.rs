use std::{os::unix::fs::PermissionsExt, path::Path};

use rohrpost_tls::ca::Ca;

use super::*;
use crate::{
    config,
    control::{Answer, Request},
};

/// The settings of a small server in `dir`, with these lines behind the usual ones.
fn settings(dir: &Path, lines: &str) -> Settings {
    let toml = format!(
        "host_name = \"mx.here.test\"\npostmaster = \"ann@here.test\"\ndata_dir = \"data\"\n{lines}\n\
         [[listener]]\nname = \"mx\"\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\n\
         [dns]\nservers = [\"127.0.0.1:9\"]\n"
    );
    config::parse(&dir.join("rohrpost.toml"), &toml).unwrap()
}

async fn start(dir: &Path) -> (Node, std::net::SocketAddr) {
    let settings = settings(dir, "");
    let sockets = Sockets::bind(&settings).unwrap();
    let Bound::Tcp(socket) = &sockets.listeners[0][0] else { panic!("a TCP socket was asked for") };
    let address = socket.local_addr().unwrap();
    (Node::start(settings, sockets).await.unwrap(), address)
}

async fn domains(node: &Node) -> Vec<String> {
    match node.operator().answer(Request::DomainList, "test").await {
        Answer::Domains(rows) => rows.into_iter().map(|row| row.name).collect(),
        other => panic!("{other:?}"),
    }
}

/// The names in the certificate that a listener shows.
async fn shown(address: std::net::SocketAddr, ca: &Path) -> rohrpost_mail::Verification {
    let target = rohrpost_client::Target {
        name: Some("mx.here.test".parse().unwrap()),
        tls: rohrpost_client::LinkTls::Starttls,
        trust: rohrpost_mail::Trust::Ca(ca.display().to_string()),
        ..rohrpost_client::Target::new(address, "client.test".parse().unwrap())
    };
    let tls = rohrpost_tls::ClientTls::new(rohrpost_tls::ClientTlsOptions::default()).unwrap();
    let connection = rohrpost_client::Connection::open(&target, &tls).await.unwrap();
    match connection.link() {
        rohrpost_mail::Link::Tls(info) => info.verification.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_brings_domains_and_certificates() {
    let dir = tempfile::tempdir().unwrap();
    let (node, address) = start(dir.path()).await;
    assert!(domains(&node).await.is_empty());

    let ca = Ca::open(dir.path(), "test").unwrap();
    ca.issue(["mx.here.test"]).write(dir.path(), "mx").unwrap();
    let lines = "limits.greeting_delay = \"0 s\"\nlimits.tarpit = \"0 s\"\n\
        [domains]\nlocal = [\"here.test\"]\n[tls]\ncertificates = [{ cert = \"mx.crt\", key = \"mx.key\" }]";
    node.reload(settings(dir.path(), lines), [0; 32]).await.unwrap();
    assert_eq!(domains(&node).await, ["here.test"]);
    let verified = rohrpost_mail::Verification::Verified { by: rohrpost_mail::VerifiedBy::Ca };
    assert_eq!(shown(address, &dir.path().join("ca.crt")).await, verified);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_a_command_that_reads_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), "");
    let command = rohrpost_store::Store::open(&settings.data_dir, settings.store.clone()).unwrap();
    let sockets = Sockets::bind(&settings).unwrap();
    let mut start = Box::pin(Node::start(settings, sockets));
    tokio::select! {
        biased;
        _ = &mut start => panic!("it did not wait"),
        () = tokio::task::yield_now() => {}
    }
    drop(command);
    start.await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_owns_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (node, _) = start(dir.path()).await;
    let settings = settings(dir.path(), "");
    let sockets = Sockets::bind(&settings).unwrap();
    let Err(error) = Node::start(settings, sockets).await else { panic!("two servers in one directory") };
    assert!(format!("{error:#}").ends_with("is in use by another process"), "{error:#}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_of_this_host_have_a_socket_and_a_drop_directory_unless_that_is_off() {
    let dir = tempfile::tempdir().unwrap();
    let (node, _) = start(dir.path()).await;
    let data = dir.path().join("data");
    assert_eq!(std::fs::metadata(data.join("submit.sock")).unwrap().permissions().mode() & 0o777, 0o666);
    assert_eq!(std::fs::metadata(data.join("drop")).unwrap().permissions().mode() & 0o7777, 0o3733);
    node.stop().await;

    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), "[submit]\nenabled = false");
    let sockets = Sockets::bind(&settings).unwrap();
    let node = Node::start(settings, sockets).await.unwrap();
    let data = dir.path().join("data");
    assert!(!data.join("submit.sock").exists() && !data.join("drop").exists());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_may_lie_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path(), "[submit]\nsocket = \"run/submit.sock\"\ndrop_dir = \"spool/drop\"");
    // The user that root becomes; every host has this one.
    settings.user = "root".to_owned();
    let sockets = Sockets::bind(&settings).unwrap();
    let node = Node::start(settings, sockets).await.unwrap();
    assert!(dir.path().join("run/submit.sock").exists() && dir.path().join("spool/drop/taking").exists());
    node.stop().await;
}

#[test]
fn a_certificate_with_the_key_of_another_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::new("test");
    ca.issue(["mx.here.test"]).write(dir.path(), "mx").unwrap();
    ca.issue(["mx.there.test"]).write(dir.path(), "other").unwrap();
    let check = |key: &str| {
        let lines = format!("[tls]\ncertificates = [{{ cert = \"mx.crt\", key = \"{key}\" }}]");
        check(&settings(dir.path(), &lines))
    };
    assert!(check("mx.key").is_ok());
    let error = format!("{:#}", check("other.key").unwrap_err());
    assert!(error.contains("other.key"), "{error}");
}

#[test]
fn a_certificate_that_is_not_there_is_named_with_its_setting() {
    let dir = tempfile::tempdir().unwrap();
    let pair = "{ cert = \"gone.crt\", key = \"gone.key\" }";
    let listener = "[[listener]]\nname = \"own\"\nprotocol = \"smtp\"\naddress = \"[::1]:0\"";
    for (setting, lines) in [
        ("tls.certificates", format!("[tls]\ncertificates = [{pair}]")),
        ("listener own: certificate", format!("{listener}\ncertificate = {pair}")),
    ] {
        let error = format!("{:#}", check(&settings(dir.path(), &lines)).unwrap_err());
        assert!(error.starts_with(setting) && error.contains("gone.crt"), "{error}");
    }
}
