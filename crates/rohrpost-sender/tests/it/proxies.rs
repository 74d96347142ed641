//! Through proxies, and from an address of one's own.

use rohrpost_sender::{Kind, Proxy, Secret, testing::Server as TestServer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{send, server};

/// A proxy for one connection, which it leads to `peer` whatever it is asked for. The task gives what it was asked.
async fn proxy(
    peer: &TestServer,
    play: fn(TcpStream, TcpStream) -> JoinHandle<String>,
) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, peer) = (listener.local_addr().unwrap().to_string(), peer.address());
    let task = tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        play(client, TcpStream::connect(peer).await.unwrap()).await.unwrap()
    });
    (address, task)
}

fn socks5(mut client: TcpStream, mut peer: TcpStream) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut greeting = [0; 3];
        client.read_exact(&mut greeting).await.unwrap();
        assert_eq!(greeting, [5, 1, 0], "no log-in");
        client.write_all(&[5, 0]).await.unwrap();
        let mut head = [0; 5];
        client.read_exact(&mut head).await.unwrap();
        assert_eq!(head[..4], [5, 1, 0, 3], "the name goes unresolved");
        let mut name = vec![0; usize::from(head[4])];
        client.read_exact(&mut name).await.unwrap();
        client.read_u16().await.unwrap();
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
        let _ = copy_bidirectional(&mut client, &mut peer).await;
        String::from_utf8(name).unwrap()
    })
}

async fn head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn http(mut client: TcpStream, mut peer: TcpStream) -> JoinHandle<String> {
    tokio::spawn(async move {
        let request = head(&mut client).await;
        client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await.unwrap();
        let _ = copy_bidirectional(&mut client, &mut peer).await;
        request
    })
}

fn forbidding(mut client: TcpStream, _: TcpStream) -> JoinHandle<String> {
    tokio::spawn(async move {
        let request = head(&mut client).await;
        client.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await.unwrap();
        request
    })
}

const URL: &str = "smtp://mail.far.test:587?tls=opportunistic";

#[tokio::test]
async fn a_message_goes_through_socks5_with_the_name_unresolved() {
    let peer = TestServer::start().await;
    let (address, task) = proxy(&peer, socks5).await;
    let proxy: Proxy = format!("socks5://{address}").parse().unwrap();
    let receipt = send(server(URL).proxy(proxy)).await.unwrap();
    assert_eq!(receipt.server, "mail.far.test:587");
    assert_eq!(task.await.unwrap(), "mail.far.test");
    assert_eq!(peer.received().len(), 1);
}

#[tokio::test]
async fn a_message_goes_through_an_http_proxy_with_its_log_in() {
    let peer = TestServer::start().await;
    let (address, task) = proxy(&peer, http).await;
    let proxy: Proxy = format!("http://{address}").parse().unwrap();
    send(server(URL).proxy(proxy.login("ann", Secret::new("pencil")))).await.unwrap();
    let request = task.await.unwrap();
    let expected = "CONNECT mail.far.test:587 HTTP/1.1\r\nHost: mail.far.test:587\r\n\
        Proxy-Authorization: Basic YW5uOnBlbmNpbA==\r\n\r\n";
    assert_eq!(request, expected);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_in_the_error() {
    let peer = TestServer::start().await;
    let (address, _task) = proxy(&peer, forbidding).await;
    let proxy: Proxy = format!("http://{address}").parse().unwrap();
    let error = send(server(URL).proxy(proxy)).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Connect, 75));
    assert!(error.to_string().contains(&format!("http://{address} refuses the connection with 403")), "{error}");
}

#[tokio::test]
async fn a_proxy_that_is_down_is_named_and_the_server_is_not_blamed() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for scheme in ["socks5", "http"] {
        let proxy: Proxy = format!("{scheme}://{closed}").parse().unwrap();
        let error = send(server(URL).proxy(proxy)).await.unwrap_err();
        assert_eq!((error.kind(), error.sysexit()), (Kind::Connect, 75));
        assert!(error.to_string().contains(&format!("the proxy {scheme}://{closed} cannot be reached: ")), "{error}");
        assert!(error.hint().unwrap().starts_with("Is the proxy's address right"), "{error}");
    }
}

#[tokio::test]
async fn the_source_address_is_the_one_that_was_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let sending = tokio::spawn(async move { send(server(url).source([127, 0, 0, 9].into())).await.is_err() });
    let (stream, from) = listener.accept().await.unwrap();
    drop(stream);
    assert_eq!(from.ip().to_string(), "127.0.0.9");
    assert!(sending.await.unwrap());
}
