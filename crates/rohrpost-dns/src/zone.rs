//! A small authoritative DNS server on loopback, for the demo and for tests.
//!
//! It answers by UDP and TCP from zones made by [`Zone`], and misbehaves on demand ([`Fault`]). It does no recursion,
//! transfers nothing and signs nothing; it is no server for the internet.

mod answer;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hickory_proto::rr::{
    Name, RData, RecordType,
    rdata::{A, AAAA, CNAME, MX, NULL, PTR, SRV, TLSA, TXT},
};
use rohrpost_tls::Tlsa;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinSet,
};

/// Questions that [`ZoneServer::questions`] remembers.
const QUESTIONS_MAX: usize = 1_000;
/// Octets of a question; more are cut off and answered with FORMERR.
const QUESTION_BYTES_MAX: usize = 4_096;
/// How often a pair of free ports is looked for.
const BIND_ATTEMPTS: usize = 16;

/// What goes wrong when a name is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// SERVFAIL
    ServerFailure,
    /// REFUSED
    Refused,
    /// No answer at all.
    Silence,
    /// Octets that are no answer.
    Garbage,
    /// By UDP only that there is more (TC); the whole answer by TCP.
    Truncation,
}

/// A zone being written. Names are absolute, without the trailing dot.
///
/// # Panics
/// Its methods panic on names that DNS cannot have: zones are written by us.
#[derive(Clone, Debug)]
pub struct Zone {
    origin: Name,
    records: HashMap<Name, BTreeMap<u16, Vec<RData>>>,
    faults: HashMap<(Name, Option<u16>), Fault>,
    authentic: bool,
    ttl: u32,
}

impl Zone {
    /// An empty zone: whatever is asked for below `origin` does not exist.
    pub fn new(origin: &str) -> Self {
        Self { origin: name(origin), records: HashMap::new(), faults: HashMap::new(), authentic: false, ttl: 0 }
    }

    /// An IPv4 address.
    #[must_use]
    pub fn a(self, owner: &str, address: impl Into<Ipv4Addr>) -> Self {
        self.record(owner, RData::A(A(address.into())))
    }

    /// An IPv6 address.
    #[must_use]
    pub fn aaaa(self, owner: &str, address: impl Into<Ipv6Addr>) -> Self {
        self.record(owner, RData::AAAA(AAAA(address.into())))
    }

    /// A mail host; `"."` makes it a null MX (RFC 7505).
    #[must_use]
    pub fn mx(self, owner: &str, preference: u16, host: &str) -> Self {
        self.record(owner, RData::MX(MX::new(preference, name(host))))
    }

    /// A server of a service (RFC 2782); `"."` says that there is none.
    #[must_use]
    pub fn srv(self, owner: &str, priority: u16, weight: u16, host: &str, port: u16) -> Self {
        self.record(owner, RData::SRV(SRV::new(priority, weight, port, name(host))))
    }

    /// `MX 0 .`
    #[must_use]
    pub fn null_mx(self, owner: &str) -> Self {
        self.mx(owner, 0, ".")
    }

    /// Another name for everything.
    #[must_use]
    pub fn cname(self, owner: &str, target: &str) -> Self {
        self.record(owner, RData::CNAME(CNAME(name(target))))
    }

    /// A text.
    #[must_use]
    pub fn txt(self, owner: &str, text: &str) -> Self {
        self.record(owner, RData::TXT(TXT::new(vec![text.to_owned()])))
    }

    /// A TLSA record (RFC 6698 §2.1).
    #[must_use]
    pub fn tlsa(self, owner: &str, tlsa: &Tlsa) -> Self {
        let Tlsa { usage, selector, matching, data } = tlsa.clone();
        self.record(owner, RData::TLSA(TLSA::new(usage.into(), selector.into(), matching.into(), data)))
    }

    /// The name of an address; the zone must be that of the reverse tree, such as `127.in-addr.arpa`.
    #[must_use]
    pub fn ptr(self, address: IpAddr, host: &str) -> Self {
        let owner = Name::from(address).to_ascii();
        self.record(&owner, RData::PTR(PTR(name(host))))
    }

    /// A record of any type with any octets in it, also such as its type forbids.
    #[must_use]
    pub fn raw(self, owner: &str, record_type: u16, octets: &[u8]) -> Self {
        let code = RecordType::Unknown(record_type);
        let rdata = if octets.is_empty() { NULL::new() } else { NULL::with(octets.to_vec()) };
        self.record(owner, RData::Unknown { code, rdata })
    }

    /// What goes wrong when this name is asked for, whatever the type.
    #[must_use]
    pub fn fault(mut self, owner: &str, fault: Fault) -> Self {
        self.faults.insert((name(owner), None), fault);
        self
    }

    /// What goes wrong when this name is asked for a record type, such as 15 for MX.
    #[must_use]
    pub fn fault_of_type(mut self, owner: &str, record_type: u16, fault: Fault) -> Self {
        self.faults.insert((name(owner), Some(record_type)), fault);
        self
    }

    /// Answers claim to be validated (the AD bit), as those of a validating resolver.
    #[must_use]
    pub fn authentic(mut self) -> Self {
        self.authentic = true;
        self
    }

    /// Seconds for which answers may be kept. Default: 0, since tests change their zones.
    #[must_use]
    pub fn ttl(mut self, seconds: u32) -> Self {
        self.ttl = seconds;
        self
    }

    fn record(mut self, owner: &str, data: RData) -> Self {
        let record_type = u16::from(data.record_type());
        self.records.entry(name(owner)).or_default().entry(record_type).or_default().push(data);
        self
    }
}

fn name(text: &str) -> Name {
    let absolute = if text.ends_with('.') { text.to_owned() } else { format!("{text}.") };
    Name::from_ascii(absolute).expect("the zones of the demo and of tests have valid names").to_lowercase()
}

/// A question that came in: name without the trailing dot, and type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The name, lower case.
    pub name: String,
    /// The type, such as `MX`.
    pub record_type: String,
}

/// A running server. It stops when it is dropped.
#[derive(Debug)]
pub struct ZoneServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    zones: Mutex<Vec<Zone>>,
    questions: Mutex<VecDeque<Question>>,
}

impl ZoneServer {
    /// Starts on a free port of 127.0.0.1, the same for UDP and TCP.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(zones: impl IntoIterator<Item = Zone>) -> io::Result<Self> {
        let (udp, tcp) = bind().await?;
        let address = udp.local_addr()?;
        let shared = Arc::new(Shared { zones: Mutex::new(zones.into_iter().collect()), questions: Mutex::default() });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&shared)));
        tasks.spawn(serve_tcp(tcp, Arc::clone(&shared)));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves other zones from now on.
    pub fn replace(&self, zones: impl IntoIterator<Item = Zone>) {
        *lock(&self.shared.zones) = zones.into_iter().collect();
    }

    /// The last questions that came in, oldest first.
    pub fn questions(&self) -> Vec<Question> {
        lock(&self.shared.questions).iter().cloned().collect()
    }
}

impl Shared {
    /// What to send back; nothing for silence. By UDP a long answer is cut off.
    fn answer(&self, question: &[u8], udp: bool) -> Option<Vec<u8>> {
        let zones = lock(&self.zones);
        let (question, reply) = answer::answer(&zones, question, udp);
        if let Some(question) = question {
            let mut questions = lock(&self.questions);
            if questions.len() == QUESTIONS_MAX {
                questions.pop_front();
            }
            questions.push_back(question);
        }
        reply
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The port that the system picks for UDP may be taken for TCP.
async fn bind() -> io::Result<(UdpSocket, TcpListener)> {
    let mut attempts = 0;
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if attempts == BIND_ATTEMPTS => return Err(error),
            Err(_) => attempts += 1,
        }
    }
}

async fn serve_udp(socket: UdpSocket, shared: Arc<Shared>) {
    let mut question = vec![0; QUESTION_BYTES_MAX];
    loop {
        // An error here is the echo of an answer to somebody who has gone.
        let Ok((octets, peer)) = socket.recv_from(&mut question).await else { continue };
        if let Some(reply) = shared.answer(&question[..octets], true) {
            drop(socket.send_to(&reply, peer).await);
        }
    }
}

async fn serve_tcp(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let shared = Arc::clone(&shared);
                connections.spawn(async move { drop(serve_connection(stream, &shared).await) });
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// RFC 1035 §4.2.2: each message follows its length.
async fn serve_connection(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    loop {
        let octets = usize::from(stream.read_u16().await?).min(QUESTION_BYTES_MAX);
        let mut question = vec![0; octets];
        stream.read_exact(&mut question).await?;
        let Some(reply) = shared.answer(&question, false) else { continue };
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), &reply[..]].concat()).await?;
    }
}
