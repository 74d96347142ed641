//! S20: ten thousand connections that stand and say next to nothing, and a server that has no descriptor left.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;

use super::Target;
use super::process::{Process, need_descriptors};
use crate::peers::rohrpost::ANN;
use crate::peers::{DEADLINE, Dialogue};

const CONNECTIONS: usize = 10_000;
/// How many come from one address: as many as every listener allows, so that this limit is not what saves the server.
const PER_ADDRESS: usize = 20;
/// Memory that a standing connection may cost; about 10 KiB were measured.
const OCTETS_EACH_MAX: u64 = 16 << 10;
/// How long a message of somebody else may take meanwhile, on a busy machine too; a quarter of a second was measured.
const DELAY_MAX: Duration = Duration::from_secs(5);
/// Pauses of the accept loop that are waited for, and how long each of them is.
const PAUSES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// The crowd, and the runtime that it lives in.
struct Crowd {
    runtime: Runtime,
    streams: Vec<TcpStream>,
}

impl Crowd {
    /// Connects so many to each of these, from addresses in as many networks as it takes.
    fn gather(servers: &[(SocketAddr, usize)]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let servers = servers.iter().flat_map(|&(server, count)| std::iter::repeat_n(server, count));
        let streams = runtime.block_on(async {
            let mut streams = Vec::new();
            for (n, server) in servers.enumerate() {
                streams.push(connect(address(n / PER_ADDRESS), server).await);
            }
            streams
        });
        Self { runtime, streams }
    }

    /// Each says its one octet: to a server that greets first, after the first octet of the greeting.
    fn say_one_octet(&mut self, greeted: usize) {
        let streams = &mut self.streams;
        self.runtime.block_on(async {
            for stream in streams.iter_mut().take(greeted) {
                let read = tokio::time::timeout(DEADLINE, stream.read_u8()).await;
                assert_eq!(read.expect("it is greeted").expect("it is let in"), b'2');
            }
            for (n, stream) in streams.iter_mut().enumerate() {
                // The first octet of EHLO, or of a handshake's record.
                stream.write_u8(if n < greeted { b'E' } else { 22 }).await.expect("the connection stands");
            }
        });
    }
}

/// The nth address of the attacker, alone in its /24.
fn address(n: usize) -> Ipv4Addr {
    let [.., high, low] = u32::try_from(n).expect("there are few").to_be_bytes();
    Ipv4Addr::new(127, 1 + high, low, 7)
}

async fn connect(from: Ipv4Addr, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("there are descriptors left");
    socket.bind((from, 0).into()).expect("all of 127.0.0.0/8 is ours");
    socket.connect(server).await.expect("the server listens")
}

/// Waits until the process has at least, or at most, so many descriptors.
fn wait_for_descriptors(process: Process, what: &str, fits: impl Fn(usize) -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !fits(process.descriptors()) {
        assert!(Instant::now() < deadline, "{what}: it has {} descriptors", process.descriptors());
        std::thread::yield_now();
    }
}

#[test]
fn s20_ten_thousand_slow_connections_keep_nobody_else_out_and_cost_little_memory() {
    need_descriptors(CONNECTIONS as u64 + 500);
    let target = Target::start();
    let server = Process(target.rohrpost.id());
    // What is made at the first message is not the crowd's, and neither is the wait of a stranger for its greeting.
    target.by_server().send().expect_success();
    let (before, idle) = (server.anonymous_octets(), server.descriptors());

    let greeted = CONNECTIONS / 10 * 7;
    let mut crowd = Crowd::gather(&[(target.mx, greeted), (target.submissions, CONNECTIONS - greeted)]);
    crowd.say_one_octet(greeted);
    wait_for_descriptors(server, "all are let in", |open| open >= CONNECTIONS);
    for subject in ["first", "second", "third"] {
        let start = Instant::now();
        target.by_server().subject(subject).send().expect_success();
        assert!(start.elapsed() < DELAY_MAX, "{subject} took {:?}", start.elapsed());
    }
    target.by_ann().subject("from Ann").send().expect_success();
    assert!(server.descriptors() >= CONNECTIONS, "the crowd still stands");
    let each = server.anonymous_octets().saturating_sub(before) / CONNECTIONS as u64;
    assert!(each <= OCTETS_EACH_MAX, "each connection costs {each} octets");

    drop(crowd);
    wait_for_descriptors(server, "all are gone", |open| open < idle + 50);
    target.rohrpost.inbox(&["Subject: from Ann"]);
}

#[test]
fn s20_a_server_without_a_descriptor_left_waits_serves_whom_it_has_and_comes_back() {
    let target = Target::start();
    let server = Process(target.rohrpost.id());
    target.by_server().send().expect_success();
    let mut there_before = Dialogue::clear(target.mx);
    server.limit_descriptors(server.descriptors() + 10);

    let start = Instant::now();
    let crowd = Crowd::gather(&[(target.mx, 50)]);
    let pauses = || target.rohrpost.log().lines().iter().filter(|line| line.contains("accepting pauses")).count();
    while pauses() < PAUSES as usize {
        assert!(start.elapsed() < DEADLINE, "{} pauses only", pauses());
        std::thread::yield_now();
    }
    assert!(start.elapsed() >= (PAUSES - 1) * PAUSE, "{PAUSES} pauses took {:?}: it spins", start.elapsed());
    // A sender whose domain would have to be looked up is told to come back later: that takes a descriptor too.
    there_before.expect("MAIL FROM:<>", "250");
    there_before.expect(&format!("RCPT TO:<{ANN}>"), "250");
    there_before.expect("DATA", "354");
    there_before.expect("Subject: in spite of all\r\n\r\nHello.\r\n.", "250");

    drop(crowd);
    target.by_server().subject("afterwards").send().expect_success();
    target.rohrpost.inbox(&["Subject: afterwards"]);
}
