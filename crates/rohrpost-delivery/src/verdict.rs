//! What a dialogue means for a recipient: sent, refused for good, or to be tried again. Pure.
//!
//! A server that DNS named judges the address (delivery rule 13): its 5xx to RCPT or the message is final. A relay that
//! the operator named is ours to set up (rule 14): what looks like a fault of the set-up is never turned into a bounce.

use std::{net::SocketAddr, sync::Arc};

use rohrpost_client::{ConnectError, Failure, SessionError};
use rohrpost_mail::{Class, EnhancedStatus, Link, Policy, PolicySource, Reply, Stage};
use rohrpost_queue::{Signal, gate::asks_to_slow_down};

/// What all recipients of one connection have in common.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    /// `ESMTPS`, `LMTP`, … (RFC 3848), or `local`.
    pub(crate) protocol: String,
    pub(crate) peer: Option<String>,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) account: Option<String>,
    pub(crate) policy: Option<Policy>,
    pub(crate) source: Option<PolicySource>,
    pub(crate) link: Link,
    /// Whether the peer reports back itself (RFC 3461).
    pub(crate) reports: bool,
}

impl Hop {
    /// A hop that no peer took part in.
    pub(crate) fn none(protocol: &str) -> Self {
        Self {
            protocol: protocol.to_owned(),
            peer: None,
            address: None,
            account: None,
            policy: None,
            source: None,
            link: Link::None,
            reports: false,
        }
    }
}

/// What is to be done about a recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Judgement {
    /// The next server took it.
    Sent,
    /// Never.
    Refused,
    /// Not now.
    Later,
    /// The connection was lost after the final dot.
    Unknown,
    /// Not now, and the operator should look: a relay of ours is set up wrongly.
    Misconfigured,
    /// Not by this way of a route, whose fault it is not: another one may take it. If none is left, never.
    Unfit,
}

/// The judgement with its reasons.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) judgement: Judgement,
    pub(crate) hop: Arc<Hop>,
    pub(crate) stage: Option<Stage>,
    pub(crate) status: EnhancedStatus,
    pub(crate) reply: Option<Reply>,
    pub(crate) note: Option<String>,
    /// Which hosts were not asked before, and why: for the record, which explains the choice.
    pub(crate) passed_over: Option<String>,
}

/// Who is on the other side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Peer {
    /// A host that DNS named.
    Mx,
    /// A host that the operator named.
    Relay,
}

impl Verdict {
    /// A verdict without a reply.
    pub(crate) fn new(
        judgement: Judgement,
        hop: &Arc<Hop>,
        stage: Stage,
        status: EnhancedStatus,
        note: String,
    ) -> Self {
        Self {
            judgement,
            hop: Arc::clone(hop),
            stage: Some(stage),
            status,
            reply: None,
            note: Some(note),
            passed_over: None,
        }
    }

    /// The message was taken.
    pub(crate) fn sent(hop: &Arc<Hop>, reply: Reply) -> Self {
        let status = reply.enhanced.unwrap_or(EnhancedStatus(2, 0, 0));
        let stage = Some(Stage::Dot);
        Self {
            judgement: Judgement::Sent,
            hop: Arc::clone(hop),
            stage,
            status,
            reply: Some(reply),
            note: None,
            passed_over: None,
        }
    }

    /// There was no connection that could take the message: never final.
    pub(crate) fn of_connect_error(error: &ConnectError, peer: Peer, hop: &Arc<Hop>) -> Self {
        let judgement = match peer {
            Peer::Relay if is_set_up_wrongly(error) => Judgement::Misconfigured,
            Peer::Relay | Peer::Mx => Judgement::Later,
        };
        Self {
            judgement,
            hop: Arc::clone(hop),
            stage: Some(error.stage()),
            status: later_status(judgement, error.enhanced()),
            reply: error.reply().cloned(),
            note: Some(error.to_string()),
            passed_over: None,
        }
    }

    /// A recipient did not get the message in a session.
    pub(crate) fn of_failure(failure: &Failure, peer: Peer, hop: &Arc<Hop>) -> Self {
        let judgement = judge(failure, peer);
        let status = match judgement {
            Judgement::Refused => failure.enhanced(),
            judgement => later_status(judgement, failure.enhanced()),
        };
        Self {
            judgement,
            hop: Arc::clone(hop),
            stage: Some(failure.stage()),
            status,
            reply: failure.reply().cloned(),
            note: failure.reply().is_none().then(|| failure.to_string()),
            passed_over: None,
        }
    }

    /// Whether another host may be asked.
    pub(crate) fn may_go_on(&self) -> bool {
        matches!(self.judgement, Judgement::Later | Judgement::Misconfigured | Judgement::Unfit)
    }
}

/// Delivery rule 14: the operator can fix it, so nothing bounces for it before its time is up.
fn later_status(judgement: Judgement, status: EnhancedStatus) -> EnhancedStatus {
    match judgement {
        Judgement::Misconfigured => EnhancedStatus(4, 3, 5),
        _ => EnhancedStatus(4, status.1, status.2),
    }
}

fn judge(failure: &Failure, peer: Peer) -> Judgement {
    if failure.possible_duplicate {
        return Judgement::Unknown;
    }
    match (failure.class, peer) {
        // Delivery rule 14.
        (Class::Permanent, Peer::Relay) if failure.is_servers_fault() => Judgement::Misconfigured,
        (Class::Permanent, _) => Judgement::Refused,
        (Class::Temporary | Class::Ours, _) => Judgement::Later,
    }
}

/// Whether a failed connection to a relay is more than bad luck: a refusal, a certificate, a password.
fn is_set_up_wrongly(error: &ConnectError) -> bool {
    match error {
        ConnectError::Session(SessionError::NotOffered(_)) => true,
        ConnectError::Session(error) => error.reply().is_some_and(Reply::is_permanent),
        ConnectError::Connect { .. } | ConnectError::TimedOut { .. } => false,
        _ => true,
    }
}

/// What a failed connection tells the gate.
pub(crate) fn signal_of_connect_error(error: &ConnectError) -> Signal {
    match error.reply() {
        Some(reply) if asks_to_slow_down(reply) => Signal::TooFast,
        Some(reply) if reply.code == 421 => Signal::Overloaded,
        _ => Signal::Unreachable,
    }
}

/// What a session tells the gate: the worst that any recipient met.
pub(crate) fn signal_of_failures<'a>(failures: impl Iterator<Item = &'a Failure>) -> Signal {
    let mut worst = Signal::Answered;
    for failure in failures {
        match failure.reply() {
            Some(reply) if asks_to_slow_down(reply) => return Signal::TooFast,
            Some(reply) if reply.code == 421 => worst = Signal::Overloaded,
            None if matches!(failure.error, SessionError::TimedOut { .. }) => worst = Signal::Overloaded,
            _ => {}
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(stage: Stage, code: u16, enhanced: Option<EnhancedStatus>, text: &str) -> Failure {
        Failure::from(SessionError::Refused { stage, reply: Reply::new(code, enhanced, text) })
    }

    fn judged(peer: Peer, stage: Stage, code: u16, enhanced: Option<EnhancedStatus>, text: &str) -> Judgement {
        judge(&failure(stage, code, enhanced, text), peer)
    }

    #[test]
    fn a_5xx_of_an_mx_host_is_final_and_a_4xx_is_not() {
        for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Dot] {
            assert_eq!(judged(Peer::Mx, stage, 550, None, "no"), Judgement::Refused, "{stage}");
            assert_eq!(judged(Peer::Mx, stage, 450, None, "later"), Judgement::Later, "{stage}");
        }
    }

    #[test]
    fn a_c16_a_relay_that_refuses_us_is_ours_to_fix() {
        let table: &[(Stage, u16, Option<EnhancedStatus>, &str, Judgement)] = &[
            (Stage::Mail, 550, Some(EnhancedStatus(5, 1, 8)), "sender unknown", Judgement::Misconfigured),
            (Stage::Rcpt, 550, Some(EnhancedStatus(5, 7, 1)), "relaying denied", Judgement::Misconfigured),
            (Stage::Rcpt, 554, None, "Relay access denied", Judgement::Misconfigured),
            (Stage::Rcpt, 550, None, "please log in first", Judgement::Misconfigured),
            (Stage::Rcpt, 530, Some(EnhancedStatus(5, 5, 1)), "?", Judgement::Misconfigured),
            (Stage::Rcpt, 550, Some(EnhancedStatus(5, 1, 1)), "relay: unknown user", Judgement::Refused),
            (Stage::Rcpt, 552, Some(EnhancedStatus(5, 2, 2)), "full", Judgement::Refused),
            (Stage::Rcpt, 550, None, "No such user", Judgement::Refused),
            (Stage::Data, 554, Some(EnhancedStatus(5, 7, 1)), "spam", Judgement::Refused),
            (Stage::Dot, 550, Some(EnhancedStatus(5, 7, 1)), "spam", Judgement::Refused),
            (Stage::Rcpt, 450, None, "later", Judgement::Later),
        ];
        for (stage, code, enhanced, text, expected) in table {
            assert_eq!(judged(Peer::Relay, *stage, *code, *enhanced, text), *expected, "{stage} {code} {text}");
        }
    }

    #[test]
    fn a_c16_a_relay_that_greets_with_554_defers_with_435_and_an_mx_host_defers_too() {
        let error = ConnectError::Session(SessionError::Refused {
            stage: Stage::Greeting,
            reply: Reply::new(554, None, "no service for you"),
        });
        let hop = Arc::new(Hop::none("ESMTP"));
        let relay = Verdict::of_connect_error(&error, Peer::Relay, &hop);
        assert_eq!((relay.judgement, relay.status), (Judgement::Misconfigured, EnhancedStatus(4, 3, 5)));
        let mx = Verdict::of_connect_error(&error, Peer::Mx, &hop);
        assert_eq!((mx.judgement, mx.status), (Judgement::Later, EnhancedStatus(4, 0, 0)));
    }

    #[test]
    fn a_lost_reply_to_the_dot_is_neither_success_nor_failure() {
        let failure = Failure { possible_duplicate: true, ..failure(Stage::Dot, 550, None, "") };
        assert_eq!(judge(&failure, Peer::Mx), Judgement::Unknown);
    }

    #[test]
    fn the_next_host_of_a_route_is_asked_for_faults_of_this_one_and_for_nothing_else() {
        let table: &[(Stage, u16, Option<EnhancedStatus>, &str, bool)] = &[
            (Stage::Mail, 421, None, "closing", true),
            (Stage::Mail, 451, None, "greylisted", true),
            (Stage::Mail, 550, Some(EnhancedStatus(5, 7, 1)), "not you", true),
            (Stage::Rcpt, 450, Some(EnhancedStatus(4, 2, 0)), "later", true),
            (Stage::Rcpt, 421, None, "closing", true),
            (Stage::Rcpt, 554, Some(EnhancedStatus(5, 7, 1)), "relaying denied", true),
            (Stage::Rcpt, 550, Some(EnhancedStatus(5, 1, 1)), "no such user", false),
            (Stage::Rcpt, 550, Some(EnhancedStatus(5, 1, 10)), "null MX", false),
            (Stage::Rcpt, 552, Some(EnhancedStatus(5, 2, 2)), "full", false),
            (Stage::Data, 451, None, "not now", true),
            (Stage::Data, 554, None, "no", false),
            (Stage::Dot, 452, None, "disk full", true),
            (Stage::Dot, 552, Some(EnhancedStatus(5, 3, 4)), "too large", false),
        ];
        let hop = Arc::new(Hop::none("ESMTP"));
        let goes_on = |failure: &Failure| Verdict::of_failure(failure, Peer::Relay, &hop).may_go_on();
        for (stage, code, enhanced, text, expected) in table {
            assert_eq!(goes_on(&failure(*stage, *code, *enhanced, text)), *expected, "{stage} {code} {text}");
        }
        let lost = Failure { possible_duplicate: true, ..Failure::from(SessionError::Lost { stage: Stage::Dot }) };
        assert!(!goes_on(&lost), "nobody knows whether it was taken");
        for stage in [Stage::Greeting, Stage::Ehlo, Stage::Starttls, Stage::Auth] {
            for code in [454, 554] {
                let error = ConnectError::Session(SessionError::Refused { stage, reply: Reply::new(code, None, "no") });
                assert!(Verdict::of_connect_error(&error, Peer::Relay, &hop).may_go_on(), "{stage} {code}");
            }
        }
    }

    #[test]
    fn the_gate_hears_the_worst() {
        let slow = failure(Stage::Mail, 421, None, "too many connections");
        let busy = failure(Stage::Rcpt, 421, None, "shutting down");
        let plain = failure(Stage::Rcpt, 550, None, "no such user");
        assert_eq!(signal_of_failures([&plain].into_iter()), Signal::Answered);
        assert_eq!(signal_of_failures([&plain, &busy].into_iter()), Signal::Overloaded);
        assert_eq!(signal_of_failures([&busy, &slow].into_iter()), Signal::TooFast);
    }
}
