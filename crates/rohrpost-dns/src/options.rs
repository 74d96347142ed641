//! The settings of a [`crate::Resolver`].

use std::{net::IpAddr, str::FromStr, time::Duration};

use ipnet::IpNet;
use rohrpost_mail::Domain;

/// Who checks the signatures of DNSSEC (RFC 4035).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Validate {
    /// A resolver on loopback that validates is believed its AD bit; else signatures are checked in this process, unless
    /// the resolver strips them: then nothing counts as signed, with a warning.
    #[default]
    Auto,
    /// Signatures are checked in this process.
    On,
    /// Nothing counts as signed.
    Off,
}

impl FromStr for Validate {
    type Err = ValidateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err(ValidateError),
        }
    }
}

/// The text is none of the words.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected auto, on or off")]
pub struct ValidateError;

/// How a [`crate::Resolver`] asks and what it leaves out.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who checks signatures. Default: auto.
    pub validate: Validate,
    /// How long one query may take; it is repeated once. Default: 5 s.
    pub timeout: Duration,
    /// The port of MX hosts. Default: 25; another one is for demos and tests.
    pub mx_port: u16,
    /// Networks that no MX record may lead to. Default: [`Options::denied_networks`].
    pub mx_denied_networks: Vec<IpNet>,
    /// Names of this host: an MX set is cut off where one of them stands.
    pub own_names: Vec<Domain>,
    /// Addresses of this host, with the same effect.
    pub own_addresses: Vec<IpAddr>,
    /// Whether mail goes to `user@[192.0.2.1]`. Default: no.
    pub address_literals: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            validate: Validate::default(),
            timeout: Duration::from_secs(5),
            mx_port: 25,
            mx_denied_networks: Self::denied_networks(),
            own_names: Vec::new(),
            own_addresses: Vec::new(),
            address_literals: false,
        }
    }
}

impl Options {
    /// Loopback, unspecified, multicast, link-local and broadcast addresses: an MX record that points there is a mistake
    /// or an attempt to reach services of ours.
    pub fn denied_networks() -> Vec<IpNet> {
        const DENIED: [&str; 10] = [
            "0.0.0.0/8",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "224.0.0.0/4",
            "255.255.255.255/32",
            "::/128",
            "::1/128",
            "::ffff:0:0/96",
            "fe80::/10",
            "ff00::/8",
        ];
        DENIED.iter().map(|network| network.parse().expect("these are networks")).collect()
    }

    pub(crate) fn is_denied(&self, address: IpAddr) -> bool {
        self.mx_denied_networks.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_its_like_are_denied_by_default() {
        let options = Options::default();
        for address in ["127.0.0.1", "0.0.0.0", "169.254.1.1", "224.0.0.1", "::", "::1", "fe80::1", "::ffff:127.0.0.1"]
        {
            assert!(options.is_denied(address.parse().unwrap()), "{address}");
        }
        for address in ["192.0.2.1", "10.0.0.1", "2001:db8::1", "fd00::1"] {
            assert!(!options.is_denied(address.parse().unwrap()), "{address}");
        }
    }
}
