//! The answer: hosts in order, with addresses, and what each link has to fulfil.
//!
//! The order is made here, by pure functions; the records come from [`crate::Resolver`].

use std::net::{IpAddr, SocketAddr};

use rand::{Rng, seq::SliceRandom};
use rohrpost_mail::{Domain, Host, Policy, PolicySource};
use rohrpost_tls::Tlsa;

use crate::limits::{ATTEMPT_ADDRESSES_MAX, SITE_BYTES_MAX};

/// Where mail for a domain goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// The domain, or the configured host.
    pub domain: Host,
    /// The hosts, best first; each has at least one address. Never empty.
    pub hosts: Vec<PlannedHost>,
    /// A key that is the same for all domains with the same mail hosts, so that they share connections, rates and gates.
    pub site: String,
    /// Whether the MX records were signed and the signatures are good.
    pub dnssec: bool,
}

/// One host of a [`Plan`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlannedHost {
    /// Its name: what SNI asks for and the certificate is judged by. None for address literals.
    pub name: Option<Domain>,
    /// Preference of its MX record; lower is better. 0 without MX.
    pub preference: u16,
    /// Addresses with port, IPv6 and IPv4 in turn.
    pub addresses: Vec<SocketAddr>,
    /// What its link has to fulfil.
    pub policy: Policy,
    /// Who says so.
    pub source: PolicySource,
    /// Its TLSA records (RFC 7672), where they were asked for and found.
    pub tlsa: Option<Vec<Tlsa>>,
    /// Whether the address records were signed and the signatures are good.
    pub dnssec: bool,
}

impl Plan {
    /// The addresses that attempt number `attempt` (from 0) tries: at most [`ATTEMPT_ADDRESSES_MAX`], and each attempt
    /// starts where the one before it ended, so that a long list is tried to its end.
    pub fn candidates(&self, attempt: usize) -> Vec<(&PlannedHost, SocketAddr)> {
        let each = |host| move |address: &SocketAddr| (host, *address);
        let all: Vec<_> = self.hosts.iter().flat_map(|host| host.addresses.iter().map(each(host))).collect();
        let start = if all.len() > ATTEMPT_ADDRESSES_MAX { attempt * ATTEMPT_ADDRESSES_MAX % all.len() } else { 0 };
        all.iter().cycle().skip(start).take(all.len().min(ATTEMPT_ADDRESSES_MAX)).copied().collect()
    }
}

/// RFC 5321 §5.1: by preference; equals in random order, so that they share the load.
pub(crate) fn order<T>(hosts: &mut [T], preference: impl Fn(&T) -> u16, rng: &mut impl Rng) {
    hosts.shuffle(rng);
    hosts.sort_by_key(preference);
}

/// IPv6 and IPv4 in turn, IPv6 first, each family in random order: where one of them is broken, every other address
/// still works.
pub(crate) fn interleave(addresses: &[IpAddr], rng: &mut impl Rng) -> Vec<IpAddr> {
    let (mut v6, mut v4): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().partition(|address| address.is_ipv6());
    v6.shuffle(rng);
    v4.shuffle(rng);
    let turns = v6.len().max(v4.len());
    let turn = |at: usize| [v6.get(at), v4.get(at)];
    (0..turns).flat_map(turn).flatten().copied().collect()
}

/// The key of a set of hosts: their names in alphabetical order and the port. A long one ends in a digest.
pub(crate) fn site<'a>(names: impl IntoIterator<Item = &'a str>, port: u16) -> String {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    let key = format!("{}:{port}", names.join(","));
    if key.len() <= SITE_BYTES_MAX {
        return key;
    }
    let digest = rohrpost_tls::crypto::sha256_hex(key.as_bytes());
    format!("{},…{}:{port}", names[0], &digest[..16])
}

#[cfg(test)]
mod tests;
