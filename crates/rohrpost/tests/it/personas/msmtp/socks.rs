//! A SOCKS5 proxy in front of the server: both programs go through it, and neither looks the server's name up itself.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use rohrpost_testkit::Sink;

use super::pair::{Call, Pair, Program};

/// A name that only the proxy knows.
const NAME: &str = "behind.invalid";

/// A proxy for one connection, which leads it to `server` whatever it asks for. It ends with the name that was asked for.
fn proxy(server: SocketAddr) -> (u16, JoinHandle<io::Result<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let port = listener.local_addr().expect("it listens").port();
    (port, thread::spawn(move || serve(listener.accept()?.0, server)))
}

/// RFC 1928 §3, §4 and §6, for connections without a log-in to a name.
fn serve(mut client: TcpStream, server: SocketAddr) -> io::Result<String> {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting)?;
    client.read_exact(&mut vec![0; usize::from(greeting[1])])?;
    client.write_all(&[5, 0])?;
    let mut request = [0; 5];
    client.read_exact(&mut request)?;
    assert_eq!(request[..4], [5, 1, 0, 3], "CONNECT to a name");
    let mut name = vec![0; usize::from(request[4])];
    client.read_exact(&mut name)?;
    client.read_exact(&mut [0; 2])?;
    client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 25])?;
    let mut server = TcpStream::connect(server)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let upward = thread::spawn(move || io::copy(&mut from_client, &mut to_server));
    io::copy(&mut server, &mut client)?;
    drop(client.shutdown(std::net::Shutdown::Both));
    drop(upward.join());
    Ok(String::from_utf8_lossy(&name).into_owned())
}

#[test]
fn the_proxy_finds_the_server() {
    for program in [Program::Theirs, Program::Ours] {
        let pair = Pair::new();
        let sink = pair.sink(Sink::builder());
        let (port, asked) = proxy(sink.address());
        let config = format!("host {NAME}\nfrom joe@x.example\nproxy_host 127.0.0.1\nproxy_port {port}\n");
        pair.write(".msmtprc", &config);
        let ended = pair.call(program, &["bob@y.example".to_owned()], b"Subject: x\n\nHello.\n");
        assert_eq!(ended.status.code(), Some(0), "{program:?}: {ended:?}");
        assert_eq!(asked.join().expect("the proxy ends").expect("nothing broke"), NAME, "{program:?}");
        assert_eq!(sink.received().len(), 1, "{program:?}");
    }
}

#[test]
fn an_empty_proxy_is_none() {
    let config = "host 127.0.0.1\nport PORT\nfrom joe@x.example\nproxy_host 127.0.0.1\nproxy_port 1\nproxy_host\n";
    let call = Call { config: Some(config), arguments: &["bob@y.example"], input: "Subject: x\n\nHello.\n" };
    assert_eq!(Pair::new().same(Sink::builder, &call).arrived.len(), 1);
}
