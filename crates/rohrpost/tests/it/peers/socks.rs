//! A SOCKS5 proxy that knows a few names, and leads to nothing else. A program that goes through it looks no name up
//! itself, finds servers at ports that a test does not have, and reaches nobody outside.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// RFC 1928 §6: a reply with a code and no address to speak of.
const fn reply(code: u8) -> [u8; 10] {
    [5, code, 0, 1, 0, 0, 0, 0, 0, 0]
}

const SUCCEEDED: u8 = 0;
const NOT_ALLOWED: u8 = 2;

/// A running proxy. It ends with the test.
pub(crate) struct Socks {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
}

impl Socks {
    /// Starts one on a free port. `way` says where a name and a port lead to.
    pub(crate) fn start(way: impl Fn(&str, u16) -> Option<SocketAddr> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (way, heard) = (Arc::new(way), asked.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (way, heard) = (way.clone(), heard.clone());
                // A client that breaks off says so itself.
                thread::spawn(move || serve(client, &*way, &heard));
            }
        });
        Self { address, asked }
    }

    /// What was asked for so far, whether there was a way or not.
    pub(crate) fn asked(&self) -> Vec<(String, u16)> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// RFC 1928 §3, §4 and §6, for connections without a log-in to a name.
fn serve(
    mut client: TcpStream,
    way: &impl Fn(&str, u16) -> Option<SocketAddr>,
    asked: &Mutex<Vec<(String, u16)>>,
) -> io::Result<()> {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting)?;
    client.read_exact(&mut vec![0; usize::from(greeting[1])])?;
    client.write_all(&[5, 0])?;
    let mut request = [0; 5];
    client.read_exact(&mut request)?;
    assert_eq!(request[..4], [5, 1, 0, 3], "CONNECT to a name");
    let (mut name, mut port) = (vec![0; usize::from(request[4])], [0; 2]);
    client.read_exact(&mut name)?;
    client.read_exact(&mut port)?;
    let (name, port) = (String::from_utf8_lossy(&name).into_owned(), u16::from_be_bytes(port));
    let server = way(&name, port);
    asked.lock().unwrap_or_else(PoisonError::into_inner).push((name, port));
    let Some(server) = server else { return client.write_all(&reply(NOT_ALLOWED)) };
    let server = TcpStream::connect(server)?;
    client.write_all(&reply(SUCCEEDED))?;
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    let upward = thread::spawn(move || carry(from_client, &to_server));
    carry(server, &client);
    drop(upward.join());
    Ok(())
}

/// Carries what one side says to the other, and then that it has said all.
fn carry(mut from: TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
