//! Several ways out, and which comes first.

use std::{
    iter,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rohrpost_mail::ReversePath;

use crate::{
    error::{ConfigError, Error},
    lane::Lane,
    server::Server,
};

/// The servers of a [`Sender`](crate::Sender), and the order in which they are tried.
///
/// A message moves on to the next server when one cannot be reached, fails in TLS or AUTH, says 4xx up to RCPT, or refuses
/// us rather than the recipient: any 5xx up to MAIL, "relaying denied" at RCPT. A recipient that a server refuses for its
/// address (5.1.x, 5.2.x) stays refused. Nothing moves on behind the final dot.
///
/// ```
/// use rohrpost_sender::{Relays, Sender, Server};
///
/// let near = Server::url("smtp://relay.firma.example")?;
/// let far = Server::url("smtps://mail.provider.example")?.rate("250/h".parse()?);
/// let sender = Sender::new(Relays::failover([near, far]))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Relays(Choice);

#[derive(Clone, Debug)]
enum Choice {
    List { servers: Vec<Server>, takes_turns: bool },
    BySender(Vec<(String, Relays)>),
}

impl Relays {
    /// In this order, the first first.
    pub fn failover(servers: impl IntoIterator<Item = Server>) -> Self {
        Self(Choice::List { servers: servers.into_iter().collect(), takes_turns: false })
    }

    /// Each message begins with the next server; the others are its fallback.
    pub fn round_robin(servers: impl IntoIterator<Item = Server>) -> Self {
        Self(Choice::List { servers: servers.into_iter().collect(), takes_turns: true })
    }

    /// By the sender of the envelope: a whole address, a domain, or `*` for all others, in any case of letters. An address
    /// comes before its domain, both before `*`. Mail from anybody else is an error of kind
    /// [`Config`](crate::Kind::Config).
    pub fn by_sender<K: Into<String>>(choices: impl IntoIterator<Item = (K, Relays)>) -> Self {
        let lower = |(key, relays): (K, Relays)| (key.into().to_lowercase(), relays);
        Self(Choice::BySender(choices.into_iter().map(lower).collect()))
    }
}

impl From<Server> for Relays {
    fn from(server: Server) -> Self {
        Self::failover([server])
    }
}

/// The same with a lane to each server.
#[derive(Debug)]
pub(crate) enum Ways {
    List { lanes: Vec<Arc<Lane>>, turn: Option<AtomicUsize> },
    BySender(Vec<(String, Ways)>),
}

impl Ways {
    pub(crate) fn new(relays: Relays) -> Result<Self, ConfigError> {
        match relays.0 {
            Choice::List { servers, .. } if servers.is_empty() => Err(ConfigError::NoServer("anybody".to_owned())),
            Choice::List { servers, takes_turns } => {
                let lanes = servers.into_iter().map(|server| Lane::new(server).map(Arc::new));
                let turn = takes_turns.then(AtomicUsize::default);
                Ok(Self::List { lanes: lanes.collect::<Result<_, _>>()?, turn })
            }
            Choice::BySender(choices) => {
                let ways = choices.into_iter().map(|(key, relays)| Ok((key, Self::new(relays)?)));
                Ok(Self::BySender(ways.collect::<Result<_, ConfigError>>()?))
            }
        }
    }

    /// The lanes for a message from this sender, in the order in which they are to be tried.
    pub(crate) fn order(&self, sender: &ReversePath) -> Result<Vec<Arc<Lane>>, Error> {
        match self {
            Self::List { lanes, turn } => {
                let begin = turn.as_ref().map_or(0, |turn| turn.fetch_add(1, Ordering::Relaxed) % lanes.len());
                Ok(lanes[begin..].iter().chain(&lanes[..begin]).cloned().collect())
            }
            Self::BySender(choices) => {
                let keys = keys(sender);
                let find = |key: &String| choices.iter().find(|(known, _)| known == key);
                let (_, ways) = keys.iter().find_map(find).ok_or_else(|| ConfigError::NoServer(sender.to_string()))?;
                ways.order(sender)
            }
        }
    }

    /// Every lane.
    pub(crate) fn lanes(&self) -> Box<dyn Iterator<Item = &Arc<Lane>> + Send + '_> {
        match self {
            Self::List { lanes, .. } => Box::new(lanes.iter()),
            Self::BySender(choices) => Box::new(choices.iter().flat_map(|(_, ways)| ways.lanes())),
        }
    }
}

/// What a sender is looked up by, the most exact first.
fn keys(sender: &ReversePath) -> Vec<String> {
    let exact = sender.mailbox().map(|mailbox| [mailbox.to_string(), mailbox.domain.to_string()]);
    exact.into_iter().flatten().map(|key| key.to_lowercase()).chain(iter::once("*".to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str) -> Server {
        Server::new(name).unwrap()
    }

    fn order(ways: &Ways, sender: &str) -> Vec<String> {
        let lanes = ways.order(&sender.parse().unwrap()).unwrap();
        lanes.iter().map(|lane| lane.name().trim_end_matches(".test:587").to_owned()).collect()
    }

    #[test]
    fn failover_begins_at_the_front_and_round_robin_takes_turns() {
        let servers = || ["a.test", "b.test", "c.test"].map(server);
        let failover = Ways::new(Relays::failover(servers())).unwrap();
        assert_eq!(
            (order(&failover, ""), order(&failover, "")),
            (vec!["a".into(), "b".into(), "c".into()], vec!["a".into(), "b".into(), "c".into()])
        );
        let turns = Ways::new(Relays::round_robin(servers())).unwrap();
        let firsts: Vec<String> = (0..4).map(|_| order(&turns, "").swap_remove(0)).collect();
        assert_eq!(firsts, ["a", "b", "c", "a"]);
        assert_eq!(order(&turns, ""), ["b", "c", "a"]);
    }

    #[test]
    fn a_sender_is_found_by_address_then_domain_then_star() {
        let relays = Relays::by_sender([
            ("*", Relays::from(server("rest.test"))),
            ("Here.test", Relays::from(server("here.test"))),
            ("ann@here.test", Relays::from(server("ann.test"))),
        ]);
        let ways = Ways::new(relays).unwrap();
        let first = |sender: &str| order(&ways, sender).swap_remove(0);
        assert_eq!(
            [first("Ann@here.test"), first("bob@here.test"), first("x@y.test"), first("")],
            ["ann", "here", "rest", "rest"]
        );
        let only = Ways::new(Relays::by_sender([("here.test", Relays::from(server("here.test")))])).unwrap();
        let error = only.order(&"eve@there.test".parse().unwrap()).unwrap_err();
        assert_eq!(error.kind(), crate::Kind::Config);
        assert!(error.to_string().contains("eve@there.test"), "{error}");
    }

    #[test]
    fn a_list_without_a_server_is_refused() {
        assert!(Ways::new(Relays::failover([])).is_err());
    }
}
