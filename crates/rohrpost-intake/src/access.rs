//! `[[access]]`: the operator's own word about peers, names, senders and recipients. The first entry that fits wins.

use std::net::IpAddr;

use ipnet::IpNet;
use rohrpost_mail::{Domain, Mailbox, ReversePath};
use rohrpost_queue::AddressPattern;
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
    pub helo: Option<AddressPattern>,
    /// Address or domain of MAIL FROM; `<>` is the null path.
    #[serde(default)]
    pub from: Option<AddressPattern>,
    /// Address or domain of RCPT TO.
    #[serde(default)]
    pub to: Option<AddressPattern>,
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
}
