//! `[[listener]]`

use std::{collections::HashSet, path::PathBuf};

use ipnet::IpNet;
use rohrpost_mail::{Domain, ListenerTls};
use rohrpost_server::Service;
use rohrpost_smtp::server::{BareNewline, Extensions, Protocol};
use rohrpost_tls::CertPair;

use super::Notes;
use crate::{
    config::{KeyPath, file},
    privileges,
    sockets::{ListenAt, SocketAccess},
};

/// A listener as it is meant.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    /// Its name.
    pub(crate) name: String,
    /// What it serves.
    pub(crate) service: Service,
    /// Where.
    pub(crate) at: Vec<ListenAt>,
    /// Whom its unix sockets let in.
    pub(crate) access: SocketAccess,
    /// Whether it is open.
    pub(crate) enabled: bool,
    /// How its links are encrypted.
    pub(crate) tls: ListenerTls,
    /// Passwords in clear text.
    pub(crate) auth_clear: bool,
    /// Log-ins inside TLS; none: inherited.
    pub(crate) auth_tls: Option<bool>,
    /// Whether clients must log in.
    pub(crate) require_auth: bool,
    /// Another name than the host's.
    pub(crate) host_name: Option<Domain>,
    /// Another certificate than those of the host.
    pub(crate) certificate: Option<CertPair>,
    /// Authorities of client certificates.
    pub(crate) client_ca: Option<PathBuf>,
    /// What is offered.
    pub(crate) extensions: Extensions,
    /// What is offered to some networks instead.
    pub(crate) extensions_for: Vec<(IpNet, Extensions)>,
    /// Proxies.
    pub(crate) proxy_networks: Vec<IpNet>,
    /// What happens to a bare CR or LF.
    pub(crate) bare_newline: BareNewline,
}

impl Notes {
    /// All listeners; the usual ones where the file names none.
    pub(super) fn listeners(&mut self, config: &file::Config) -> Vec<Listener> {
        if config.listener.is_empty() {
            return usual().iter().enumerate().map(|(at, listener)| self.listener(at, listener)).collect();
        }
        let mut names = HashSet::new();
        for (index, listener) in config.listener.iter().enumerate() {
            if listener.name.is_empty() || !names.insert(&listener.name) {
                let message = format!("expected a name that no other listener has, found {:?}", listener.name);
                self.fault(KeyPath::item("listener", index).then("name"), message);
            }
        }
        config.listener.iter().enumerate().map(|(at, listener)| self.listener(at, listener)).collect()
    }

    fn listener(&mut self, index: usize, listener: &file::Listener) -> Listener {
        let key = KeyPath::item("listener", index);
        let at = self.places(&key.then("address"), &listener.address);
        let tls = listener.tls.unwrap_or_else(|| usual_tls(listener.protocol, &at));
        self.look_at(listener, tls, &at);
        let service = service(listener.protocol);
        self.refuse_what_only_smtp_has(&key, service, listener);
        let (extensions, extensions_for) = self.extensions(&key.then("extensions"), service, &listener.extensions);
        Listener {
            name: listener.name.clone(),
            service,
            access: self.socket_access(&key, listener, &at),
            enabled: listener.enabled,
            tls,
            auth_clear: listener.auth.clear,
            auth_tls: listener.auth.tls,
            require_auth: listener.require_auth.unwrap_or(service == Service::Mail(Protocol::Submission)),
            host_name: listener.host_name.clone(),
            certificate: listener.certificate.as_ref().map(|pair| self.pair(pair)),
            client_ca: listener.client_ca.as_ref().map(|file| self.folder.join(file)),
            extensions,
            extensions_for,
            proxy_networks: listener.proxy_networks.clone(),
            bare_newline: match listener.bare_newline {
                file::BareNewlines::Normalize => BareNewline::Normalize,
                file::BareNewlines::Reject => BareNewline::Reject,
            },
            at,
        }
    }

    /// To ask for something that this listener cannot do is a mistake.
    fn refuse_what_only_smtp_has(&mut self, key: &KeyPath, service: Service, listener: &file::Listener) {
        if let Service::Mail(_) = service {
            return;
        }
        let set = [
            ("require_auth", listener.require_auth.is_some()),
            ("extensions", listener.extensions != file::Extensions::default()),
        ];
        for (name, _) in set.into_iter().filter(|(_, is_set)| *is_set) {
            self.fault(key.then(name), "only smtp, submission and lmtp have it: mail is read by those who logged in");
        }
    }

    pub(super) fn places(&mut self, key: &KeyPath, address: &file::OneOrMany) -> Vec<ListenAt> {
        let place = |(index, text): (usize, &String)| {
            let at = match address {
                file::OneOrMany::One(_) => self.value(key, text.parse())?,
                file::OneOrMany::Many(_) => self.value(&key.at(index), text.parse())?,
            };
            match at {
                ListenAt::Unix(path) => Some(ListenAt::Unix(self.folder.join(path))),
                at => Some(at),
            }
        };
        address.as_slice().iter().enumerate().filter_map(place).collect()
    }

    /// Whom the unix sockets of a listener let in. Other sockets have neither mode nor group: to ask for one there is a
    /// mistake.
    fn socket_access(&mut self, key: &KeyPath, listener: &file::Listener, at: &[ListenAt]) -> SocketAccess {
        let (mode, group) = (key.then("mode"), key.then("group"));
        if !at.iter().any(|at| matches!(at, ListenAt::Unix(_))) {
            let set = [(&mode, &listener.mode), (&group, &listener.group)];
            for (key, _) in set.into_iter().filter(|(_, value)| value.is_some()) {
                self.fault(key.clone(), "only a unix socket has one, and no address of this listener is \"unix:PATH\"");
            }
        }
        let usual = SocketAccess::default();
        SocketAccess {
            mode: listener.mode.as_ref().and_then(|text| self.value(&mode, text.parse())).unwrap_or(usual.mode),
            group: listener.group.as_ref().and_then(|name| self.value(&group, privileges::group_named(name))),
        }
    }

    /// Warns of what is allowed but unwise.
    fn look_at(&mut self, listener: &file::Listener, tls: ListenerTls, at: &[ListenAt]) {
        let name = &listener.name;
        if listener.auth.clear && !at.iter().all(is_on_this_host) {
            self.warn(format!("listener {name}: auth.clear lets passwords cross the network in clear text"));
        }
        let public = listener.protocol == file::ProtocolWord::Smtp && at.iter().any(|at| port(at) == Some(25));
        if public && tls == ListenerTls::Required {
            let message = "a public MX must not demand TLS (RFC 3207 §4): mail from servers without it is lost";
            self.warn(format!("listener {name}: {message}"));
        }
    }

    /// What a listener offers to everybody, and to some networks.
    fn extensions(
        &mut self,
        key: &KeyPath,
        service: Service,
        set: &file::Extensions,
    ) -> (Extensions, Vec<(IpNet, Extensions)>) {
        let usual = match service {
            Service::Mail(protocol) => Extensions::of(protocol),
            Service::Imap | Service::Pop3 => return (Extensions::of(Protocol::Smtp), Vec::new()),
        };
        let all = self.without(&key.then("disable"), usual, &set.disable);
        let mut some = Vec::new();
        for (index, rule) in set.disable_for.iter().enumerate() {
            let left = self.without(&key.then("disable_for").at(index).then("disable"), all, &rule.disable);
            some.extend(rule.networks.iter().map(|network| (*network, left)));
        }
        (all, some)
    }

    fn without(&mut self, key: &KeyPath, mut offered: Extensions, words: &[String]) -> Extensions {
        for (index, word) in words.iter().enumerate() {
            let known = KEYWORDS.iter().find(|(keyword, _)| keyword.eq_ignore_ascii_case(word));
            if let Some((_, flag)) = known {
                *flag(&mut offered) = false;
            } else {
                let keywords = KEYWORDS.map(|(keyword, _)| keyword).join(", ");
                self.fault(key.at(index), format!("expected one of {keywords}, found {word:?}"));
            }
        }
        offered
    }
}

/// The flag of one extension.
type Flag = fn(&mut Extensions) -> &mut bool;

/// Keywords that can be switched off.
const KEYWORDS: [(&str, Flag); 11] = [
    ("PIPELINING", |offered| &mut offered.pipelining),
    ("8BITMIME", |offered| &mut offered.eightbitmime),
    ("ENHANCEDSTATUSCODES", |offered| &mut offered.enhancedstatuscodes),
    ("SMTPUTF8", |offered| &mut offered.smtputf8),
    ("CHUNKING", |offered| &mut offered.chunking),
    ("DSN", |offered| &mut offered.dsn),
    ("LIMITS", |offered| &mut offered.limits),
    ("FUTURERELEASE", |offered| &mut offered.futurerelease),
    ("SIZE", |offered| &mut offered.size),
    ("STARTTLS", |offered| &mut offered.starttls),
    ("AUTH", |offered| &mut offered.auth),
];

/// Port 25 for the world, 465 and 587 for accounts that send, 993 for those that read.
fn usual() -> [file::Listener; 4] {
    let listener = |name: &str, protocol, port: u16| file::Listener {
        name: name.to_owned(),
        protocol,
        address: file::OneOrMany::Many(vec![format!("0.0.0.0:{port}"), format!("[::]:{port}")]),
        mode: None,
        group: None,
        enabled: true,
        tls: None,
        auth: file::Auth::default(),
        require_auth: None,
        host_name: None,
        certificate: None,
        client_ca: None,
        extensions: file::Extensions::default(),
        proxy_networks: Vec::new(),
        bare_newline: file::BareNewlines::Normalize,
    };
    // Strangers have no business logging in at the MX.
    let mx = file::Listener {
        auth: file::Auth { clear: false, tls: Some(false) },
        ..listener("mx", file::ProtocolWord::Smtp, 25)
    };
    [
        mx,
        listener("submissions", file::ProtocolWord::Submission, 465),
        listener("submission", file::ProtocolWord::Submission, 587),
        listener("imaps", file::ProtocolWord::Imap, 993),
    ]
}

/// How a listener encrypts when nobody says.
fn usual_tls(protocol: file::ProtocolWord, at: &[ListenAt]) -> ListenerTls {
    match protocol {
        _ if at.iter().any(|at| matches!(port(at), Some(465 | 993 | 995))) => ListenerTls::Implicit,
        file::ProtocolWord::Smtp => ListenerTls::Offered,
        file::ProtocolWord::Submission | file::ProtocolWord::Imap | file::ProtocolWord::Pop3 => ListenerTls::Required,
        file::ProtocolWord::Lmtp => ListenerTls::Off,
    }
}

fn service(word: file::ProtocolWord) -> Service {
    match word {
        file::ProtocolWord::Smtp => Protocol::Smtp.into(),
        file::ProtocolWord::Submission => Protocol::Submission.into(),
        file::ProtocolWord::Lmtp => Protocol::Lmtp.into(),
        file::ProtocolWord::Imap => Service::Imap,
        file::ProtocolWord::Pop3 => Service::Pop3,
    }
}

fn port(at: &ListenAt) -> Option<u16> {
    match at {
        ListenAt::Tcp(address) => Some(address.port()),
        ListenAt::Unix(_) | ListenAt::Systemd(_) => None,
    }
}

pub(super) fn is_on_this_host(at: &ListenAt) -> bool {
    match at {
        ListenAt::Tcp(address) => address.ip().is_loopback(),
        ListenAt::Unix(_) => true,
        ListenAt::Systemd(_) => false,
    }
}
