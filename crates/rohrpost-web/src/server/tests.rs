use std::{net::Ipv4Addr, path::Path};

use rohrpost_mail::{Domain, Trust};
use rohrpost_tls::{CertStore, ClientTls, ClientTlsOptions, ConnectOptions, ServerTlsOptions, ca::Ca};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::{LocalDomains, settings::tests::usual};

struct HereTest;

impl LocalDomains for HereTest {
    fn is_local(&self, domain: &Domain) -> bool {
        domain.as_str() == "here.test"
    }
}

/// A running server, and where its two sockets are.
struct Running {
    server: WebServer,
    https: SocketAddr,
    redirect: SocketAddr,
    authority: Ca,
    folder: tempfile::TempDir,
}

fn site(certificates: &CertStore) -> (Site, ServerTls) {
    let site = Site {
        names: Vec::new(),
        services: usual(),
        tls_domains: Vec::new(),
        domains: Arc::new(HereTest),
        certificates: certificates.clone(),
    };
    (site, ServerTls::new(ServerTlsOptions::new(certificates.clone(), "web")).unwrap())
}

fn start() -> Running {
    let free = || std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (https, redirect) = (free(), free());
    let folder = tempfile::tempdir().unwrap();
    let authority = Ca::open(folder.path(), "Test authority").unwrap();
    let (site, tls) = site(&CertStore::from_pem([authority.issue(["here.test"])]).unwrap());
    let addresses = (https.local_addr().unwrap(), redirect.local_addr().unwrap());
    let sockets = WebSockets { https: vec![https], redirect: vec![redirect] };
    let server = WebServer::start(sockets, site, tls).unwrap();
    Running { server, https: addresses.0, redirect: addresses.1, authority, folder }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The end of the connection is what counts, however it comes.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn over_tls(at: SocketAddr, ca: &Path, request: &str) -> String {
    let client = ClientTls::new(ClientTlsOptions::default()).unwrap();
    let trust = Trust::Ca(ca.join("ca.crt").display().to_string());
    let options = ConnectOptions::new("here.test".parse().unwrap(), trust).require_trust();
    let stream = TcpStream::connect(at).await.unwrap();
    converse(client.connect(stream, &options).await.unwrap().0, request).await
}

const ASK: &str = "GET /setup HTTP/1.1\r\nHost: here.test\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn pages_are_served_in_tls_and_everybody_else_is_sent_there() {
    let running = start();
    let page = over_tls(running.https, running.folder.path(), ASK).await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    let sent = converse(TcpStream::connect(running.redirect).await.unwrap(), ASK).await;
    assert!(sent.contains(&format!("location: https://here.test:{}/setup\r\n", running.https.port())), "{sent}");
}

#[tokio::test]
async fn a_reload_changes_what_is_served_and_a_stop_waits_for_nobody_who_is_idle() {
    let running = start();
    let (site, tls) = site(&CertStore::from_pem([running.authority.issue(["here.test"])]).unwrap());
    running.server.reload(Site { services: Vec::new(), ..site }, tls);
    let ask = ASK.replace("/setup", "/mail/config-v1.1.xml");
    let answer = over_tls(running.https, running.folder.path(), &ask).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let mut idle = TcpStream::connect(running.redirect).await.unwrap();
    idle.write_all(ASK.replace("Connection: close\r\n", "").as_bytes()).await.unwrap();
    let mut octet = [0];
    idle.read_exact(&mut octet).await.unwrap();
    // Long before the idle one would have been closed for being silent.
    timeout(HEADER_TIME_MAX / 2, running.server.stop(Duration::from_mins(1))).await.unwrap();
    assert!(converse(idle, "").await.starts_with("TTP/1.1 302 "));
    assert!(TcpStream::connect(running.https).await.is_err());
}

#[tokio::test]
async fn who_opens_too_many_connections_gets_no_more_and_gets_them_again_after_closing() {
    let running = start();
    let connect = async || TcpStream::connect(running.redirect).await.unwrap();
    let mut open = Vec::new();
    for _ in 0..ADDRESS_CONNECTIONS_MAX {
        open.push(connect().await);
    }
    assert_eq!(converse(connect().await, ASK).await, "");
    drop(open);
    // The server learns of the ends one by one.
    let again = async { while converse(connect().await, ASK).await.is_empty() {} };
    timeout(Duration::from_mins(1), again).await.unwrap();
}

#[tokio::test]
async fn a_header_that_is_too_long_or_no_http_is_refused() {
    let running = start();
    for octets in ["\0\0\0\0\r\n\r\n".to_owned(), format!("GET /{} HTTP/1.1\r\n", "a".repeat(2 * HEADER_BYTES_MAX))] {
        let mut stream = TcpStream::connect(running.redirect).await.unwrap();
        // It may be refused before all of it is written.
        let _ = stream.write_all(octets.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    }
}

/// The status lines that the octets get from the socket without TLS, until it closes.
async fn statuses(running: &Running, octets: &str) -> Vec<String> {
    let answer = converse(TcpStream::connect(running.redirect).await.unwrap(), octets).await;
    answer.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).map(|line| line[..3].to_owned()).collect()
}

#[tokio::test]
async fn what_two_readers_could_read_in_two_ways_is_no_request() {
    let running = start();
    for header in [
        "Host: here.test\r\nHost: here.test",
        "Host: here.test\r\nHost: evil.test",
        "Accept: */*",
        "Host: here.test\r\n evil.test",
        "Host: here.test\r\nX: a\r\n\tb",
        "Host : here.test",
        "Host: here.test\rX: a",
        "Host: here.test\0",
        "Host: here.test\r\n\r: a",
        "Host: here.test\r\nContent-Length: 1\r\nContent-Length: 2",
        "Host: here.test\r\nContent-Length: 1, 1",
        "Host: here.test\r\nContent-Length: +1",
        "Host: here.test\r\nContent-Length: 0x1",
        "Host: here.test\r\nTransfer-Encoding: identity",
        "Host: here.test\r\nTransfer-Encoding: chunked, gzip",
        "Host: here.test\r\nTransfer-Encoding: xchunked",
    ] {
        // What follows must not be taken for a request of its own.
        let octets = format!("GET /setup HTTP/1.1\r\n{header}\r\n\r\n{ASK}");
        assert_eq!(statuses(&running, &octets).await, ["400"], "{header:?}");
    }
    let whole = "GET http://here.test/setup HTTP/1.1\r\nHost: here.test\r\nHost: here.test\r\n\r\n";
    assert_eq!(statuses(&running, whole).await, ["400"]);
    let old = "GET /setup HTTP/1.0\r\nHost: here.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(statuses(&running, old).await, ["400"]);
}

#[tokio::test]
async fn of_two_lengths_the_chunks_count_and_nothing_follows_them() {
    let running = start();
    let fields = ["Content-Length: 6", "Transfer-Encoding: chunked"];
    for (first, second) in [(fields[0], fields[1]), (fields[1], fields[0])] {
        let octets = format!("GET / HTTP/1.1\r\nHost: here.test\r\n{first}\r\n{second}\r\n\r\n0\r\n\r\n{ASK}");
        assert_eq!(statuses(&running, &octets).await, ["302"], "{first}, {second}");
    }
}

#[tokio::test]
async fn the_target_of_a_request_may_be_a_whole_url() {
    let running = start();
    let octets = "GET http://here.test/setup?lang=de HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n";
    let answer = converse(TcpStream::connect(running.redirect).await.unwrap(), octets).await;
    let to = format!("location: https://here.test:{}/setup?lang=de\r\n", running.https.port());
    assert!(answer.contains(&to), "{answer}");
    let page = over_tls(running.https, running.folder.path(), &octets.replace("http:", "https:")).await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("lang=\"de\""), "{page}");
}

#[tokio::test]
async fn a_content_that_is_announced_as_too_long_is_refused_before_it_comes() {
    let running = start();
    let ask = |path: &str, length: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: here.test\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n")
    };
    for path in ["/autodiscover/autodiscover.xml", "/setup", "/elsewhere"] {
        let answer = over_tls(running.https, running.folder.path(), &ask(path, "99999999999")).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{path}: {answer}");
    }
    assert_eq!(statuses(&running, &ask("/", "99999999999")).await, ["413"]);
    assert_eq!(statuses(&running, &ask("/", "99999999999999999999")).await, ["400"]);
}
