//! The two servers of the demo, with their CA and their DNS.

use std::{
    fs,
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_client::{Connection, LinkTls, Login, Outgoing, Target};
use rohrpost_delivery::{Place, Route, RouteHost};
use rohrpost_dns::zone::{Zone, ZoneServer};
use rohrpost_mail::{
    DeliveryRecord, Domain, Envelope, Mailbox, Outcome, QueueId, Recipient, ReversePath, Secret, TlsMode, Trust,
    compose::Message, header::HeaderText,
};
use rohrpost_server::Bound;
use rohrpost_tls::{CertPair, ClientTls, ClientTlsOptions, ca::Ca};
use rohrpost_web::WebSockets;
use tokio::sync::broadcast;

use super::{report::Facts, samples};
use crate::{
    cli,
    config::{self, Settings},
    control::{Answer, NewAccount, Password, Request, Trace},
    random,
    wiring::{Node, Sockets},
};

/// Names that all certificates of the demo are for.
const NAMES: [&str; 9] = [
    "here.test",
    "there.test",
    "mx.here.test",
    "mx.there.test",
    "autoconfig.here.test",
    "autodiscover.here.test",
    "localhost",
    "127.0.0.1",
    "::1",
];

/// Octets that must be free on the disk; less than a real server wants.
const FREE_BYTES_MIN: u64 = 64 << 20;

/// The listeners of each server, in the order of the configuration.
const LISTENERS: [(&str, &str, &str); 8] = [
    ("smtp", "smtp", "offered"),
    ("submission", "submission", "required"),
    ("submissions", "submission", "implicit"),
    ("lmtp", "lmtp", "off"),
    ("imap", "imap", "required"),
    ("imaps", "imap", "implicit"),
    ("pop3", "pop3", "required"),
    ("pop3s", "pop3", "implicit"),
];

/// Everything that is prepared before the servers start.
pub(super) struct Plan {
    dir: PathBuf,
    ca: PathBuf,
    certificate: CertPair,
    password: Secret,
    here: Ports,
    there: Ports,
    relay_to: Option<Route>,
}

/// The bound sockets of one server.
struct Ports {
    listeners: Vec<TcpListener>,
    metrics: TcpListener,
    web: TcpListener,
}

impl Ports {
    fn bind() -> io::Result<Self> {
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        Ok(Self {
            listeners: LISTENERS.iter().map(|_| free()).collect::<Result<_, _>>()?,
            metrics: free()?,
            web: free()?,
        })
    }

    fn address(&self, place: usize) -> io::Result<SocketAddr> {
        self.listeners[place].local_addr()
    }

    fn into_sockets(self) -> Sockets {
        let listeners = self.listeners.into_iter().map(|socket| vec![Bound::Tcp(socket)]).collect();
        // The submit socket lies in the directory of the server, which makes it there.
        let web = WebSockets { https: vec![self.web], redirect: Vec::new() };
        Sockets { listeners, metrics: Some(self.metrics), submit: None, web }
    }
}

/// Makes or finds what the demo keeps in its directory, and binds its ports.
pub(super) fn plan(dir: &Path, command: &cli::Demo) -> anyhow::Result<Plan> {
    let there = dir.join("there");
    fs::create_dir_all(&there).with_context(|| there.display().to_string())?;
    let ca = Ca::open(dir, "Rohrpost demo CA")?;
    let certificate = ca.issue(NAMES).write(dir, "demo")?;
    Ok(Plan {
        dir: dir.to_owned(),
        ca: dir.join("ca.crt"),
        certificate,
        password: password(&dir.join("password"))?,
        here: Ports::bind()?,
        there: Ports::bind()?,
        relay_to: command.relay_to.as_deref().map(relay_to).transpose()?,
    })
}

/// The password of the account: that of an earlier run, else a new one.
fn password(file: &Path) -> anyhow::Result<Secret> {
    if let Ok(known) = fs::read_to_string(file) {
        return Ok(Secret::new(known.trim()));
    }
    let password = random::text();
    let mut open = fs::File::options().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(open, "{password}").with_context(|| file.display().to_string())?;
    Ok(Secret::new(password))
}

/// `HOST:PORT[,tls=MODE]`
fn relay_to(text: &str) -> anyhow::Result<Route> {
    let (host, tls) = match text.split_once(",tls=") {
        Some((host, mode)) => (host, mode.parse::<TlsMode>().context("--relay-to")?),
        None => (text, TlsMode::Opportunistic),
    };
    let place = config::resolve::place(host).context("--relay-to")?;
    if !matches!(place, Place::Host(..)) {
        bail!("--relay-to: expected HOST:PORT[,tls=MODE], found {text:?}");
    }
    let host = RouteHost { tls, trust: Trust::Any, ..RouteHost::new(place) };
    Ok(Route::new("relay-to", vec![host]))
}

/// The running demo.
pub(super) struct World {
    here: Node,
    there: Node,
    /// Answers questions as long as it lives.
    _dns: ZoneServer,
    records: [broadcast::Receiver<Arc<DeliveryRecord>>; 2],
    facts: Facts,
    submission: SocketAddr,
    login: Login,
    ca: PathBuf,
}

impl World {
    /// Starts DNS and both servers, and makes sure that the accounts exist.
    pub(super) async fn start(plan: Plan, command: &cli::Demo) -> anyhow::Result<Self> {
        let dns = ZoneServer::start([zone("here.test"), zone("there.test")]).await?;
        let facts = facts(&plan)?;
        let submission = plan.here.address(1)?;
        let (here_mx, there_mx) = (plan.here.address(0)?.port(), plan.there.address(0)?.port());
        let (dir, there_dir) = (plan.dir.clone(), plan.dir.join("there"));
        let here = write(&dir, &toml("here", &dir, &plan, &plan.here, (dns.address(), there_mx))?)?;
        let there = write(&there_dir, &toml("there", &there_dir, &plan, &plan.there, (dns.address(), here_mx))?)?;
        let mut here = settle(here, &plan);
        here.queue.hold_outgoing = command.hold;
        here.queue.one_way_out = plan.relay_to.is_some();
        here.delivery.relay_to.clone_from(&plan.relay_to);
        let there = settle(there, &plan);
        let there = Node::start(there, plan.there.into_sockets()).await?;
        let here = Node::start(here, plan.here.into_sockets()).await?;
        let is_new = people(&here, "ann@here.test", &plan.password).await?;
        // Programs find a mailbox with nothing in it.
        if is_new && !command.json {
            for request in samples::requests(&ann()) {
                ask(&here, request).await?;
            }
        }
        people(&there, "bob@there.test", &plan.password).await?;
        catch_all(&there).await?;
        let records = [here.records(), there.records()];
        let login = Login::new("ann@here.test", plan.password);
        Ok(Self { here, there, _dns: dns, records, facts, submission, login, ca: plan.ca })
    }

    /// Where everything is.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Sends a message from ann to bob through submission: STARTTLS, AUTH.
    pub(super) async fn send_first(&self) -> anyhow::Result<()> {
        let target = Target {
            name: Some(Domain::parse("mx.here.test")?),
            tls: LinkTls::Starttls,
            trust: Trust::Ca(self.ca.display().to_string()),
            require_trust: true,
            login: Some(self.login.clone()),
            ..Target::new(self.submission, Domain::parse("laptop.here.test")?.into())
        };
        let message = first_message()?;
        let envelope = Envelope { reverse_path: ReversePath::Mailbox(ann()), ..Envelope::default() };
        let recipients = [Recipient::new(bob())];
        let mut connection = Connection::open(&target, &ClientTls::new(ClientTlsOptions::default())?).await?;
        let octets = message.len() as u64;
        let outgoing = Outgoing { envelope: &envelope, recipients: &recipients, octets, body: &message };
        let report = connection.send(&outgoing).await;
        connection.quit().await;
        match report.outcomes.into_iter().next() {
            Some(Ok(_)) => Ok(()),
            Some(Err(failure)) => Err(failure).context("the first message was refused"),
            None => bail!("the first message got no answer"),
        }
    }

    /// Waits until the first message lies in bob's mailbox: its trace on both servers.
    pub(super) async fn follow_first(&mut self) -> anyhow::Result<[Trace; 2]> {
        let [here, there] = &mut self.records;
        let relayed = until(here, |outcome| matches!(outcome, Outcome::Relayed)).await?;
        let filed = until(there, |outcome| matches!(outcome, Outcome::Filed { .. })).await?;
        let trace = |error: crate::control::Refusal| anyhow::anyhow!(error.message);
        let here = self.here.operator().trace_of(relayed).await.map_err(trace)?;
        let there = self.there.operator().trace_of(filed).await.map_err(trace)?;
        Ok([here, there])
    }

    /// Stops both servers gracefully.
    pub(super) async fn stop(self) {
        self.here.stop().await;
        self.there.stop().await;
    }
}

/// The message of the first record with such an outcome.
async fn until(
    records: &mut broadcast::Receiver<Arc<DeliveryRecord>>,
    wanted: impl Fn(&Outcome) -> bool,
) -> anyhow::Result<QueueId> {
    loop {
        let record = records.recv().await.context("delivery has stopped")?;
        if wanted(&record.outcome) && record.recipient.as_ref() == Some(&bob()) {
            return Ok(record.message);
        }
        if let Some(failed) = Some(&record).filter(|record| matches!(record.outcome, Outcome::Failed)) {
            bail!("the first message failed: {}", failed.note.as_deref().unwrap_or("no reason was given"));
        }
    }
}

fn ann() -> Mailbox {
    "ann@here.test".parse().expect("it is an address")
}

fn bob() -> Mailbox {
    "bob@there.test".parse().expect("it is an address")
}

fn first_message() -> anyhow::Result<Bytes> {
    let message = Message {
        from: ann(),
        to: vec![bob()],
        subject: HeaderText::new("A letter by pneumatic post")?,
        date: Timestamp::now(),
        message_id: HeaderText::new(format!("{}@here.test", random::text()))?,
        fields: Vec::new(),
        text: "Dear Bob,\n\nthis letter came through a sealed tube.\n\nAnn\n".to_owned(),
        attachments: Vec::new(),
    };
    Ok(message.to_bytes().into())
}

/// `DOMAIN` with its MX on this host.
fn zone(domain: &str) -> Zone {
    let mx = format!("mx.{domain}");
    Zone::new(domain).mx(domain, 10, &mx).a(&mx, Ipv4Addr::LOCALHOST).a(domain, Ipv4Addr::LOCALHOST)
}

fn facts(plan: &Plan) -> anyhow::Result<Facts> {
    let port = |place| anyhow::Ok(plan.here.address(place)?.to_string());
    Ok(Facts {
        smtp: port(0)?,
        submission: port(1)?,
        submissions: port(2)?,
        lmtp: port(3)?,
        imap: port(4)?,
        imaps: port(5)?,
        pop3: port(6)?,
        pop3s: port(7)?,
        metrics: plan.here.metrics.local_addr()?.to_string(),
        web: format!("https://localhost:{}/setup?address={}", plan.here.web.local_addr()?.port(), ann()),
        submit: plan.dir.join("submit.sock").display().to_string(),
        ca: plan.ca.display().to_string(),
        user: ann().to_string(),
        password: plan.password.expose().to_owned(),
        dir: plan.dir.display().to_string(),
        pid: std::process::id(),
    })
}

/// The configuration of one server, as an operator would write it.
fn toml(
    name: &str,
    dir: &Path,
    plan: &Plan,
    ports: &Ports,
    (dns, mx_port): (SocketAddr, u16),
) -> anyhow::Result<String> {
    let who = if name == "here" { "ann" } else { "bob" };
    let (cert, key) = (text(&plan.certificate.cert), text(&plan.certificate.key));
    let mut toml = format!(
        "# Written by `rohrpost demo` at each start.\n\
         host_name = \"mx.{name}.test\"\npostmaster = \"{who}@{name}.test\"\ndata_dir = {}\n\
         trusted_networks = [\"127.0.0.0/8\", \"::1/128\"]\n\n\
         [tls]\ncertificates = [{{ cert = {cert}, key = {key} }}]\n\n\
         [domains]\nlocal = [\"{name}.test\"]\n\n\
         [submit]\nmail_name = \"{name}.test\"\naliases = \"aliases\"\n\n\
         [dns]\nservers = [\"{dns}\"]\nvalidate = \"off\"\nmx_port = {mx_port}\nmx_denied_networks = []\n\n\
         [limits]\ntrusted_messages_per_hour = 0\n\n\
         [limits.account]\nmessages_per_hour = 0\nrecipients_per_day = 0\n\n\
         [store]\nfree_min = \"64 MiB\"\n\n\
         [metrics]\naddress = \"{}\"\n\n\
         [web]\naddress = \"{}\"\nnames = [\"localhost\"]\n",
        text(dir),
        ports.metrics.local_addr()?,
        ports.web.local_addr()?,
    );
    for (place, (listener, protocol, tls)) in LISTENERS.into_iter().enumerate() {
        toml.push_str(&format!(
            "\n[[listener]]\nname = \"{listener}\"\nprotocol = \"{protocol}\"\naddress = \"{}\"\ntls = \"{tls}\"\n",
            ports.address(place)?,
        ));
        // Mail programs of people are told this name, and find no mx.here.test.
        if !matches!(protocol, "smtp" | "lmtp") {
            toml.push_str("host_name = \"localhost\"\n");
        }
    }
    Ok(toml)
}

/// A path as a TOML string.
fn text(path: &Path) -> String {
    toml::Value::String(path.display().to_string()).to_string()
}

/// Writes the configuration and reads it back, as `serve` would.
fn write(dir: &Path, toml: &str) -> anyhow::Result<Settings> {
    let file = dir.join("rohrpost.toml");
    fs::write(&file, toml).with_context(|| file.display().to_string())?;
    Ok(config::read(&file)?)
}

/// What no configuration can say: less disk will do, and the demo's CA is one that everybody trusts.
fn settle(mut settings: Settings, plan: &Plan) -> Settings {
    settings.store.free_bytes_min = FREE_BYTES_MIN;
    settings.delivery.extra_ca = Some(plan.ca.clone());
    settings
}

/// Makes the account, unless an earlier run did. Whether it is new.
async fn people(node: &Node, name: &str, password: &Secret) -> anyhow::Result<bool> {
    let name: Mailbox = name.parse()?;
    let Answer::Accounts(accounts) = ask(node, Request::AccountList).await? else { bail!("accounts were asked for") };
    if accounts.iter().any(|account| account.name == name.key()) {
        return Ok(false);
    }
    let account = NewAccount { name, addresses: Vec::new(), class: "person".to_owned(), language: "en".to_owned() };
    ask(node, Request::AccountAdd { account, password: Password(password.clone()) }).await?;
    Ok(true)
}

/// Every local part of there.test is bob's.
async fn catch_all(there: &Node) -> anyhow::Result<()> {
    ask(there, Request::AliasSet { name: "@there.test".to_owned(), targets: vec![bob()] }).await?;
    Ok(())
}

async fn ask(node: &Node, request: Request) -> anyhow::Result<Answer> {
    match node.operator().answer(request, "demo").await {
        Answer::Refused(refusal) => bail!(refusal.message),
        answer => Ok(answer),
    }
}
