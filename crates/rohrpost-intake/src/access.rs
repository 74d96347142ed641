//! `[[access]]`: the operator's own word about peers, names, senders and recipients. The first entry that fits wins.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use rohrpost_mail::{Domain, Mailbox, ReversePath};
use rohrpost_queue::DomainPattern;
use serde::Deserialize;

/// One entry: everything that is set must fit.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct AccessRule {
    /// Network or address of the client.
    #[serde(default)]
    pub client: Option<IpNet>,
    /// Name in EHLO.
    #[serde(default)]
    pub helo: Option<Pattern>,
    /// Address or domain of MAIL FROM; `<>` is the null path.
    #[serde(default)]
    pub from: Option<Pattern>,
    /// Address or domain of RCPT TO.
    #[serde(default)]
    pub to: Option<Pattern>,
    /// What to do.
    pub action: Action,
    /// Checks that are left out for an accepted message.
    #[serde(default)]
    pub skip: Vec<Check>,
    /// What a refused client reads, in place of the usual text.
    #[serde(default)]
    pub text: Option<String>,
}

/// What an entry says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Take it; relaying is not allowed by this.
    Accept,
    /// 550 5.7.1
    Reject,
    /// 450 4.7.1
    Defer,
}

/// A check that an entry can switch off.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// Rates of the peer.
    Rate,
}

/// `ann@there.test`, `there.test` (that domain), `*.there.test` (all below it), `*` (all but the null path), `<>`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pattern {
    /// The null path.
    Null,
    /// One address, in any case.
    Mailbox(Mailbox),
    /// Domains.
    Domain(DomainPattern),
}

impl Pattern {
    /// Whether a path fits.
    pub fn fits_path(&self, path: &ReversePath) -> bool {
        match path.mailbox() {
            None => *self == Self::Null,
            Some(mailbox) => self.fits_mailbox(mailbox),
        }
    }

    /// Whether an address fits.
    pub fn fits_mailbox(&self, mailbox: &Mailbox) -> bool {
        match self {
            Self::Null => false,
            Self::Mailbox(wanted) => wanted.key() == mailbox.key(),
            Self::Domain(pattern) => pattern.matches_host(&mailbox.domain),
        }
    }

    /// Whether a domain fits.
    pub fn fits_domain(&self, domain: &Domain) -> bool {
        matches!(self, Self::Domain(pattern) if pattern.matches(domain))
    }
}

/// The text is no [`Pattern`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected an address, a domain, *.domain, * or <>, found {0:?}")]
pub struct PatternError(String);

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError(text.to_owned());
        match text {
            "<>" => Ok(Self::Null),
            _ if text.contains('@') => Mailbox::parse(text).map(Self::Mailbox).map_err(|_| wrong()),
            _ => text.parse().map(Self::Domain).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Mailbox(mailbox) => mailbox.fmt(f),
            Self::Domain(pattern) => pattern.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What is known about a recipient's transaction when the entries are asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The peer's address; none for a unix socket.
    pub client: Option<IpAddr>,
    /// Its name in EHLO.
    pub helo: &'a str,
    /// MAIL FROM.
    pub from: &'a ReversePath,
    /// RCPT TO.
    pub to: &'a Mailbox,
}

/// The first entry that fits, with its place in the list (from 1, as `access test` and logs name it).
pub fn decide<'r>(rules: &'r [AccessRule], question: &Question<'_>) -> Option<(usize, &'r AccessRule)> {
    rules.iter().enumerate().find(|(_, rule)| rule.fits(question)).map(|(at, rule)| (at + 1, rule))
}

impl AccessRule {
    fn fits(&self, question: &Question<'_>) -> bool {
        let helo = || Domain::parse(question.helo).ok();
        self.client.is_none_or(|network| question.client.is_some_and(|client| network.contains(&client.to_canonical())))
            && self.helo.as_ref().is_none_or(|wanted| helo().is_some_and(|name| wanted.fits_domain(&name)))
            && self.from.as_ref().is_none_or(|wanted| wanted.fits_path(question.from))
            && self.to.as_ref().is_none_or(|wanted| wanted.fits_mailbox(question.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(action: Action) -> AccessRule {
        AccessRule { client: None, helo: None, from: None, to: None, action, skip: Vec::new(), text: None }
    }

    #[test]
    fn the_first_entry_that_fits_wins() {
        let rules = [
            AccessRule { from: Some("good@bad.test".parse().unwrap()), ..rule(Action::Accept) },
            AccessRule { from: Some("*.bad.test".parse().unwrap()), ..rule(Action::Reject) },
            AccessRule {
                client: Some("192.0.2.0/24".parse().unwrap()),
                to: Some("ann@here.test".parse().unwrap()),
                ..rule(Action::Defer)
            },
        ];
        let decide = |client: &str, from: &str, to: &str| {
            let question = Question {
                client: Some(client.parse().unwrap()),
                helo: "x",
                from: &from.parse().unwrap(),
                to: &to.parse().unwrap(),
            };
            super::decide(&rules, &question).map(|(at, rule)| (at, rule.action))
        };
        assert_eq!(decide("::1", "GOOD@bad.test", "ann@here.test"), Some((1, Action::Accept)));
        assert_eq!(decide("::1", "evil@mx.bad.test", "ann@here.test"), Some((2, Action::Reject)));
        assert_eq!(decide("::ffff:192.0.2.9", "x@y.test", "Ann@here.test"), Some((3, Action::Defer)));
        assert_eq!(decide("192.0.2.9", "x@y.test", "bob@here.test"), None);
        assert_eq!(decide("::1", "", "bob@here.test"), None);
    }

    #[test]
    fn patterns_print_as_they_are_read() {
        for text in ["<>", "ann@there.test", "there.test", "*.there.test", "*"] {
            assert_eq!(text.parse::<Pattern>().unwrap().to_string(), text);
        }
        assert!("a b".parse::<Pattern>().is_err());
    }
}
