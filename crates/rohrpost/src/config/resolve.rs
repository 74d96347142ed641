//! What `rohrpost.toml` means: the settings of the crates that do the work.
//!
//! Every fault is collected, so that one run of `rohrpost config check` shows them all. What is allowed but unwise
//! becomes a warning.

mod listeners;
mod outward;
mod routes;
mod sense;
mod users;
mod web;

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    sync::Arc,
};

use rohrpost_intake::settings as intake;
use rohrpost_mail::{Domain, Mailbox, MinTls, dsn::Language};
use rohrpost_smtp::server::Timeouts;
use rohrpost_tls::CertPair;

pub(crate) use self::{listeners::Listener, routes::place, web::Web};
use super::{
    fault::{Fault, KeyPath},
    file,
};

/// A configuration that can be run.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The name of this host.
    pub(crate) host_name: Domain,
    /// Everything durable.
    pub(crate) data_dir: PathBuf,
    /// Whom to become.
    pub(crate) user: String,
    /// Where mail comes in; closed ones too, for what others inherit from them.
    pub(crate) listeners: Vec<Listener>,
    /// Certificates of all listeners.
    pub(crate) certificates: Vec<CertPair>,
    /// The oldest TLS version of all listeners.
    pub(crate) min_tls: MinTls,
    /// Octets a message may have.
    pub(crate) size_max: u64,
    /// How long peers may be silent.
    pub(crate) timeouts: Timeouts,
    /// What may come in.
    pub(crate) intake: intake::Settings,
    /// Which way addresses go.
    pub(crate) rules: Vec<rohrpost_queue::RouteRule>,
    /// How often and how fast.
    pub(crate) queue: rohrpost_queue::Settings,
    /// How mail goes out. Its certificates are filled in when they are loaded.
    pub(crate) delivery: rohrpost_delivery::Settings,
    /// How hosts are found.
    pub(crate) dns: rohrpost_dns::Options,
    /// Resolvers to ask; none: those of the system.
    pub(crate) dns_servers: Vec<std::net::SocketAddr>,
    /// The store.
    pub(crate) store: rohrpost_store::Options,
    /// Octets that the mail of an account may take where nobody says otherwise.
    pub(crate) quota_octets: Option<u64>,
    /// What is logged.
    pub(crate) log: file::Log,
    /// Where figures are shown.
    pub(crate) metrics: Option<std::net::SocketAddr>,
    /// What programs of this host hand in.
    pub(crate) submit: file::Submit,
    /// What is served over HTTPS.
    pub(crate) web: Web,
    /// The file itself, to compare with when it is read anew.
    pub(crate) file: file::Config,
    /// What is allowed but unwise.
    pub(crate) warnings: Vec<String>,
}

/// Says what the file means; relative paths start from `folder`.
pub(crate) fn resolve(config: file::Config, folder: &Path) -> Result<Settings, Vec<Fault>> {
    let mut notes = Notes { folder: folder.to_owned(), faults: Vec::new(), warnings: Vec::new() };
    let settings = notes.settings(config);
    match settings {
        Some(settings) if notes.faults.is_empty() => Ok(Settings { warnings: notes.warnings, ..settings }),
        _ => Err(notes.faults),
    }
}

/// What was found on the way.
struct Notes {
    folder: PathBuf,
    faults: Vec<Fault>,
    warnings: Vec<String>,
}

impl Notes {
    fn settings(&mut self, config: file::Config) -> Option<Settings> {
        let postmaster = self.postmaster(config.postmaster.clone());
        self.check_node(config.node);
        let metrics = self.metrics(&config.metrics);
        let listeners = self.listeners(&config);
        self.check_sense(&config, &listeners);
        let intake = self.intake(&config, postmaster.clone());
        let delivery = self.delivery(&config, postmaster.clone());
        let queue = self.queue(&config);
        let rules = self.rules(&config);
        Some(Settings {
            host_name: config.host_name.clone(),
            data_dir: self.folder.join(&config.data_dir),
            user: config.user.clone(),
            listeners,
            certificates: config.tls.certificates.iter().map(|pair| self.pair(pair)).collect(),
            min_tls: config.tls.min,
            size_max: config.limits.size.0,
            timeouts: Timeouts {
                command: config.limits.command_timeout.0,
                data_block: config.limits.data_timeout.0,
                ..Timeouts::default()
            },
            intake: intake?,
            rules,
            queue,
            delivery: delivery?,
            dns: self.dns(&config),
            dns_servers: config.dns.servers.clone(),
            store: store(&config),
            quota_octets: config.limits.mailboxes.quota.map(|size| size.0),
            log: config.log.clone(),
            metrics,
            submit: self.submit(&config.submit),
            web: self.web(&config.web),
            file: config,
            warnings: Vec::new(),
        })
    }

    fn fault(&mut self, key: KeyPath, message: impl Into<String>) {
        self.faults.push(Fault::new(key, message));
    }

    fn warn(&mut self, message: impl Into<String>) {
        self.warnings.push(message.into());
    }

    /// The value, or a fault at `key`.
    fn value<T, E: Display>(&mut self, key: &KeyPath, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.fault(key.clone(), error.to_string())).ok()
    }

    fn pair(&self, pair: &file::Certificate) -> CertPair {
        CertPair { cert: self.folder.join(&pair.cert), key: self.folder.join(&pair.key) }
    }

    fn postmaster(&mut self, postmaster: Option<Mailbox>) -> Option<Mailbox> {
        if postmaster.is_none() {
            let message = "missing: every mail domain must have somebody who reads postmaster@ (RFC 5321 §4.5.1); \
                           expected an address such as \"ann@example.org\"";
            self.fault(KeyPath::key("postmaster"), message);
        }
        postmaster
    }

    fn check_node(&mut self, node: u16) {
        if node >= rohrpost_mail::id::NODES_MAX {
            let message = format!("expected a number below {}, found {node}", rohrpost_mail::id::NODES_MAX);
            self.fault(KeyPath::key("node"), message);
        }
    }

    fn metrics(&mut self, metrics: &file::Metrics) -> Option<std::net::SocketAddr> {
        let address = metrics.address?;
        if !address.ip().is_loopback() {
            let message = format!("expected a loopback address such as 127.0.0.1:{0}, found {address}", address.port());
            self.fault(KeyPath::key("metrics").then("address"), message);
        }
        Some(address)
    }

    /// What may come in.
    fn intake(&mut self, config: &file::Config, postmaster: Option<Mailbox>) -> Option<intake::Settings> {
        let limits = &config.limits;
        let access: Vec<_> = config.access.iter().enumerate().filter_map(|(at, rule)| self.access(at, rule)).collect();
        let partners = config.require_tls_from.iter().enumerate();
        let key = KeyPath::key("require_tls_from");
        let require_tls_from = partners.filter_map(|(at, text)| self.value(&key.at(at), text.parse())).collect();
        let subaddress = self.subaddress(&config.domains.subaddress);
        if config.trusted_networks.iter().any(|network| network.prefix_len() == 0) {
            self.warn("trusted_networks: everybody may relay through this server");
        }
        let trusted = |network: &ipnet::IpNet| intake::TrustedNetwork {
            network: *network,
            messages_per_hour: limits.trusted_messages_per_hour,
        };
        Some(intake::Settings {
            local_domains: config.domains.local.clone(),
            tls_domains: config.domains.require_tls.clone(),
            relay_domains: config.relay_domain.iter().map(relay_domain).collect(),
            trusted_networks: config.trusted_networks.iter().map(trusted).collect(),
            require_tls_from,
            redirect_all_to: self.redirect(config),
            access,
            mx_limits: peer_limits(&limits.mx, intake::PeerLimits::MX),
            submission_limits: peer_limits(&limits.submission, intake::PeerLimits::SUBMISSION),
            mailbox_limits: mailbox_limits(&limits.mailboxes),
            account_limits: intake::AccountLimits {
                messages_per_hour: limits.account.messages_per_hour,
                recipients_per_day: limits.account.recipients_per_day,
                ..intake::AccountLimits::default()
            },
            x_originating_ip: originating_ip(limits.x_originating_ip),
            subaddress,
            hops_max: limits.hops,
            greeting_delay: limits.greeting_delay.0,
            tarpit: limits.tarpit.0,
            mail_name: mail_name(config),
            aliases: Some(self.folder.join(&config.submit.aliases))
                .filter(|_| !config.submit.aliases.as_os_str().is_empty()),
            received_uid: config.submit.received_uid,
            users: Arc::new(self.users(config)),
            language: language(config.language),
            notices_to: config.notices.to.clone(),
            ..intake::Settings::new(config.host_name.clone(), postmaster?)
        })
    }

    /// Who gets everything. A server that was meant to serve must not keep its mail from people without a word.
    fn redirect(&mut self, config: &file::Config) -> Option<Mailbox> {
        let to = config.redirect_all_to.as_ref()?;
        self.warn(format!("redirect_all_to: this is a test system, all mail goes to {to} and nobody else"));
        Some(to.clone())
    }

    /// The table with whole paths.
    fn submit(&self, submit: &file::Submit) -> file::Submit {
        let whole = |path: &Option<PathBuf>| path.as_ref().map(|path| self.folder.join(path));
        file::Submit { socket: whole(&submit.socket), drop_dir: whole(&submit.drop_dir), ..submit.clone() }
    }

    fn subaddress(&mut self, text: &str) -> Option<char> {
        // What may stand in a local part (RFC 5321 §4.1.2), and in no name.
        let separators = "!#$%&'*+-./=?^_`{|}~";
        let mut chars = text.chars();
        let first = chars.next();
        if chars.next().is_some() || first.is_some_and(|first| !separators.contains(first)) {
            let message = format!("expected one character of {separators}, or none, found {text:?}");
            self.fault(KeyPath::key("domains").then("subaddress"), message);
        }
        first
    }

    fn access(&mut self, index: usize, rule: &file::Access) -> Option<rohrpost_intake::access::AccessRule> {
        use rohrpost_intake::access::{AccessRule, Action, Check};
        let key = KeyPath::item("access", index);
        let mut pattern = |name: &str, text: &Option<String>| match text {
            None => Some(None),
            Some(text) => self.value(&key.then(name), text.parse()).map(Some),
        };
        let (helo, from, to) = (pattern("helo", &rule.helo), pattern("from", &rule.from), pattern("to", &rule.to));
        let action = match rule.action {
            file::AccessAction::Accept => Action::Accept,
            file::AccessAction::Reject => Action::Reject,
            file::AccessAction::Defer => Action::Defer,
        };
        let skip = rule.skip.iter().map(|file::SkipWord::Rate| Check::Rate).collect();
        let text = rule.message.clone();
        Some(AccessRule { client: rule.client, helo: helo?, from: from?, to: to?, action, skip, text })
    }
}

/// What the intake knows of a relay domain.
pub(crate) fn relay_domain(domain: &file::RelayDomain) -> intake::RelayDomain {
    intake::RelayDomain {
        domain: domain.domain.clone(),
        next_hop: domain.next_hop.clone(),
        recipients: match domain.recipients {
            file::RecipientCheck::List => intake::RecipientSource::List,
            file::RecipientCheck::Callout => intake::RecipientSource::Callout,
            file::RecipientCheck::Any => intake::RecipientSource::Any,
        },
        list: domain.list.clone(),
    }
}

/// What is set, over the limits of the kind of listener.
fn peer_limits(set: &file::PeerLimits, unset: intake::PeerLimits) -> intake::PeerLimits {
    intake::PeerLimits {
        connections_per_address: set.connections_per_address.unwrap_or(unset.connections_per_address),
        connections_per_network: set.connections_per_network.unwrap_or(unset.connections_per_network),
        connections_per_minute: set.connections_per_minute.unwrap_or(unset.connections_per_minute),
        messages_per_hour: set.messages_per_hour.unwrap_or(unset.messages_per_hour),
        recipients_per_hour: set.recipients_per_hour.unwrap_or(unset.recipients_per_hour),
        messages_per_connection: set.messages_per_connection.unwrap_or(unset.messages_per_connection),
        recipients_per_message: set.recipients_per_message.unwrap_or(unset.recipients_per_message),
        ..unset
    }
}

fn mailbox_limits(set: &file::MailboxLimits) -> intake::PeerLimits {
    intake::PeerLimits {
        connections_per_address: set.connections_per_address,
        connections_per_network: set.connections_per_network,
        connections_per_minute: set.connections_per_minute,
        sessions_per_account: set.sessions_per_account,
        ..intake::PeerLimits::MAILBOXES
    }
}

fn originating_ip(word: file::OriginatingIp) -> intake::XOriginatingIp {
    match word {
        file::OriginatingIp::Off => intake::XOriginatingIp::Off,
        file::OriginatingIp::Full => intake::XOriginatingIp::Full,
        file::OriginatingIp::Truncated => intake::XOriginatingIp::Truncated,
        file::OriginatingIp::Hashed => intake::XOriginatingIp::Hashed,
    }
}

fn store(config: &file::Config) -> rohrpost_store::Options {
    rohrpost_store::Options {
        node: config.node,
        inline_bytes_max: usize::try_from(config.store.inline_max.0).unwrap_or(usize::MAX),
        free_bytes_min: config.store.free_min.0.max(3 * config.limits.size.0),
        ..rohrpost_store::Options::default()
    }
}

/// The domain of names without one. A host that has none of its own for mail says so in a file that all its mail programs
/// read.
fn mail_name(config: &file::Config) -> Domain {
    let of_host = || std::fs::read_to_string(MAIL_NAME_FILE).ok()?.trim().parse().ok();
    config.submit.mail_name.clone().or_else(of_host).unwrap_or_else(|| config.host_name.clone())
}

/// Where Debian keeps the domain of the host's mail.
const MAIL_NAME_FILE: &str = "/etc/mailname";

/// The language of bounces.
fn language(word: file::Language) -> Language {
    match word {
        file::Language::En => Language::English,
        file::Language::De => Language::German,
    }
}
