//! What can be written, and cannot be meant: settings with which nobody gets in, or no mail.

use std::net::IpAddr;

use rohrpost_mail::{Domain, ListenerTls};
use rohrpost_server::Service;

use super::{Listener, Notes, listeners::is_on_this_host};
use crate::{
    config::{KeyPath, file},
    sockets::ListenAt,
};

/// The least that a server may refuse beyond. RFC 5321 §4.5.3.1.8.
const RECIPIENTS_MIN: usize = 100;

impl Notes {
    pub(super) fn check_sense(&mut self, config: &file::Config, listeners: &[Listener]) {
        self.check_host_name(KeyPath::key("host_name"), &config.host_name);
        self.check_limits(&config.limits);
        for (index, listener) in config.listener.iter().enumerate() {
            if let Some(name) = &listener.host_name {
                self.check_host_name(KeyPath::item("listener", index).then("host_name"), name);
            }
        }
        for (index, listener) in listeners.iter().enumerate().filter(|(_, listener)| listener.enabled) {
            self.check_place(index, listener, &listeners[..index]);
            self.check_log_in(index, listener);
        }
    }

    /// An address can be written like a domain, but is none.
    fn check_host_name(&mut self, key: KeyPath, name: &Domain) {
        if name.as_str().parse::<IpAddr>().is_ok() {
            self.fault(key, format!("expected a name such as \"mx.example.org\", found the address {name}"));
        }
    }

    fn check_limits(&mut self, limits: &file::Limits) {
        let key = |name: &str| KeyPath::key("limits").then(name);
        let spans = [("command_timeout", limits.command_timeout), ("data_timeout", limits.data_timeout)];
        for (name, _) in spans.into_iter().filter(|(_, span)| span.0.is_zero()) {
            self.fault(key(name), "expected more than \"0 s\": every session would end at once");
        }
        if limits.hops == 0 {
            self.fault(key("hops"), "expected a number above 0: all mail of other servers would be taken for a loop");
        }
        self.check_peers(&key("mx"), &limits.mx);
        self.check_peers(&key("submission"), &limits.submission);
        let mailboxes = &limits.mailboxes;
        let connections =
            [mailboxes.connections_per_address, mailboxes.connections_per_network, mailboxes.connections_per_minute];
        self.check_connections(&key("mailboxes"), connections.map(Some));
    }

    fn check_peers(&mut self, key: &KeyPath, peers: &file::PeerLimits) {
        let connections = [peers.connections_per_address, peers.connections_per_network, peers.connections_per_minute];
        self.check_connections(key, connections);
        if peers.messages_per_connection == Some(0) {
            self.fault(key.then("messages_per_connection"), "expected a number above 0: no mail could come in");
        }
        if peers.recipients_per_message.is_some_and(|recipients| recipients < RECIPIENTS_MIN) {
            let message = format!("expected {RECIPIENTS_MIN} at least (RFC 5321 §4.5.3.1.8)");
            self.fault(key.then("recipients_per_message"), message);
        }
    }

    fn check_connections(&mut self, key: &KeyPath, connections: [Option<u32>; 3]) {
        let names = ["connections_per_address", "connections_per_network", "connections_per_minute"];
        for (name, _) in names.into_iter().zip(connections).filter(|(_, number)| *number == Some(0)) {
            let message = "expected a number above 0: nobody could connect; `enabled = false` closes a listener";
            self.fault(key.then(name), message);
        }
    }

    /// No two sockets can be bound to one place.
    fn check_place(&mut self, index: usize, listener: &Listener, others: &[Listener]) {
        let is_port = |at: &ListenAt| !matches!(at, ListenAt::Tcp(address) if address.port() == 0);
        for at in listener.at.iter().filter(|at| is_port(at)) {
            if let Some(other) = others.iter().find(|other| other.enabled && other.at.contains(at)) {
                let message = format!("the listener {:?} is at {at} already", other.name);
                self.fault(KeyPath::item("listener", index).then("address"), message);
            }
        }
    }

    /// Mail is read by those who logged in, so a listener for it where nobody can is of no use.
    fn check_log_in(&mut self, index: usize, listener: &Listener) {
        let reads_mail = matches!(listener.service, Service::Imap | Service::Pop3);
        let in_tls = listener.tls != ListenerTls::Off && listener.auth_tls != Some(false);
        let in_clear = listener.tls != ListenerTls::Required
            && listener.tls != ListenerTls::Implicit
            && (listener.auth_clear || listener.auth_tls != Some(false) && listener.at.iter().any(is_on_this_host));
        if reads_mail && !in_tls && !in_clear {
            let message = "nobody can log in here: it has no TLS, or `auth` forbids it there, and passwords in clear text \
                           are not taken; set `tls`, or `auth = { clear = true }`";
            self.fault(KeyPath::item("listener", index), message);
        }
    }
}
