//! One attempt: the hosts of a destination in their order, until every recipient has its verdict.
//!
//! The hosts that DNS names are asked here; those of a route in `route.rs`, which says when it is whose turn. Between two
//! hosts the attempt asks whether the server is being stopped; it is never dropped in the middle.

use std::sync::Arc;

use rohrpost_client::{ConnectError, SendReport};
use rohrpost_dns::PlanError;
use rohrpost_mail::{Class, EnhancedStatus, Host, Policy, Recipient, Stage};
use rohrpost_queue::{Job, Signal};

use crate::{
    hosts::Fared,
    limits::{ADDRESSES_MAX, SESSIONS_MAX},
    message::Message,
    session::{deliver, explain},
    settings::{Route, Settings},
    settle::Attempted,
    shared::Shared,
    verdict::{Hop, Judgement, Peer, Verdict, signal_of_connect_error, signal_of_failures},
    way::Candidate,
};

/// What an attempt found out: a result per recipient, none for those that were not reached because the server stops.
pub(crate) struct Findings {
    pub(crate) results: Vec<Option<Attempted>>,
    /// What the gate is told.
    pub(crate) signal: Option<Signal>,
}

/// Delivers to the hosts that DNS names. `policy` is for this job alone.
pub(crate) async fn to_mx(shared: &Shared, job: &Job, message: &Message, policy: Option<Policy>) -> Findings {
    let settings = shared.settings();
    let mut attempt = Attempt::new(shared, job, message);
    attempt.ask_mx(&settings, policy, None).await;
    attempt.findings()
}

/// A route that the settings do not know: the operator can bring it back.
pub(crate) fn no_such_route(shared: &Shared, job: &Job, message: &Message) -> Findings {
    let note = format!("there is no route {:?} in the settings", job.site.route());
    let mut attempt = Attempt::new(shared, job, message);
    attempt.give_up(&without_host(EnhancedStatus(4, 3, 5), Judgement::Misconfigured, note));
    attempt.findings()
}

/// A verdict before any host was found.
pub(crate) fn without_host(status: EnhancedStatus, judgement: Judgement, note: String) -> Verdict {
    Verdict::new(judgement, &Arc::new(Hop::none("ESMTP")), Stage::Dns, status, note)
}

/// The settings of a route name a local address, and the host has none that can be reached from there.
pub(crate) fn no_family(host: &str) -> Verdict {
    let note = format!("{host} has no address of the family of source_address");
    without_host(EnhancedStatus(4, 4, 4), Judgement::Later, note)
}

fn of_plan_error(error: &PlanError) -> Verdict {
    let judgement = if error.class() == Class::Permanent { Judgement::Refused } else { Judgement::Later };
    without_host(error.enhanced(), judgement, error.to_string())
}

/// An attempt that is under way.
pub(crate) struct Attempt<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) job: &'a Job,
    pub(crate) message: &'a Message,
    /// Each recipient's verdicts so far; the last one counts.
    verdicts: Vec<Vec<Verdict>>,
    /// Who still needs another host.
    pending: Vec<usize>,
    /// Of the host whose turn it is.
    addresses: usize,
    sessions: usize,
    fared: Fared,
    signal: Option<Signal>,
    /// Hosts of the route that were not asked, and why.
    passed_over: Vec<(String, String)>,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(shared: &'a Shared, job: &'a Job, message: &'a Message) -> Self {
        let count = job.recipients.len();
        Self {
            shared,
            job,
            message,
            verdicts: vec![Vec::new(); count],
            pending: (0..count).collect(),
            addresses: 0,
            sessions: 0,
            fared: Fared::Untried,
            signal: None,
            passed_over: Vec::new(),
        }
    }

    /// Whether somebody still needs a host, and there is time.
    pub(crate) fn may_go_on(&self) -> bool {
        !self.pending.is_empty() && !self.shared.is_stopping()
    }

    /// Who still needs a host.
    pub(crate) fn pending(&self) -> Vec<Recipient> {
        self.pending.iter().map(|at| self.job.recipients[*at].recipient.clone()).collect()
    }

    /// Asks the hosts that DNS names; `route` is the one that they are a way of, if it is not DNS alone that leads there.
    pub(crate) async fn ask_mx(&mut self, settings: &Settings, policy: Option<Policy>, route: Option<&Route>) {
        let Ok(domain) = Host::parse(self.job.site.site()) else {
            let status = EnhancedStatus(5, 1, 2);
            return self.give_up(&without_host(status, Judgement::Refused, "no such domain".into()));
        };
        let rule = settings.policy_for(&domain);
        let policy = policy.or(rule.map(|rule| rule.policy));
        let plan = match self.shared.resolver.plan(&domain, policy).await {
            Ok(plan) => plan,
            Err(error) => return self.give_up(&of_plan_error(&error)),
        };
        if route.is_none() {
            self.shared.queue.learn(&self.job.site, &plan.site);
        }
        let attempts = self.job.recipients.iter().map(|row| row.attempts).max().unwrap_or_default();
        let hosts = plan.candidates(usize::try_from(attempts).unwrap_or_default()).into_iter();
        let candidates = hosts.map(|(host, address)| Candidate::mx(host, address, rule, settings));
        let candidates: Vec<_> = match route {
            Some(route) => candidates.filter_map(|candidate| candidate.on(route)).collect(),
            None => candidates.collect(),
        };
        if candidates.is_empty() {
            return self.give_up(&no_family("the destination"));
        }
        self.ask_all(candidates, Peer::Mx).await;
    }

    /// Asks the addresses of one host, or of the hosts that DNS names.
    pub(crate) async fn ask_all(&mut self, candidates: Vec<Candidate>, peer: Peer) {
        (self.addresses, self.sessions) = (0, 0);
        for candidate in candidates {
            if !self.may_go_on() || self.addresses >= ADDRESSES_MAX || self.sessions >= SESSIONS_MAX {
                return;
            }
            self.addresses += 1;
            match deliver(self.shared, self.message, &candidate, &self.pending()).await {
                Ok((hop, report)) => self.take_report(&hop, report, peer),
                Err((hop, error)) => self.take_error(&hop, &error, &candidate, peer),
            }
        }
    }

    /// How the host fared whose turn it was; the next one's begins.
    pub(crate) fn end_turn(&mut self) -> Fared {
        std::mem::replace(&mut self.fared, Fared::Untried)
    }

    /// A host of the route is not asked.
    pub(crate) fn pass_over(&mut self, host: String, why: String) {
        self.passed_over.push((host, why));
    }

    /// It is asked after all.
    pub(crate) fn ask_after_all(&mut self, host: &str) {
        self.passed_over.retain(|(name, _)| name != host);
    }

    /// The name of a server of ours does not lead anywhere: whatever DNS says, that is no verdict on the recipients.
    pub(crate) fn not_found(&mut self, error: &PlanError) {
        let mut verdict = of_plan_error(error);
        if error.class() == Class::Permanent {
            verdict = Verdict { judgement: Judgement::Misconfigured, status: EnhancedStatus(4, 3, 5), ..verdict };
        }
        self.give_up(&verdict);
        self.fared = Fared::Unusable(error.to_string());
    }

    /// The same verdict for all who still need a host: none can be reached, or there never will be one.
    pub(crate) fn give_up(&mut self, verdict: &Verdict) {
        self.push_for_pending(verdict);
        if verdict.judgement == Judgement::Refused {
            self.pending.clear();
        } else {
            self.signal.get_or_insert(Signal::Unreachable);
        }
    }

    /// What a host said about those that it was asked for, in the order of [`Attempt::pending`].
    pub(crate) fn take_verdicts(&mut self, verdicts: Vec<Verdict>) {
        for (at, verdict) in std::mem::take(&mut self.pending).into_iter().zip(verdicts) {
            if verdict.may_go_on() {
                self.pending.push(at);
            }
            self.verdicts[at].push(verdict);
        }
    }

    /// How the host fares whose turn it is, and what the gate hears of it.
    pub(crate) fn heard(&mut self, fared: Fared, signal: Signal) {
        self.fared = fared;
        self.signal = Some(signal);
    }

    /// Keeps a destination that cannot be reached, or asks for patience, from closing the gate of a whole route.
    pub(crate) fn spare_the_gate(&mut self) {
        self.signal = self.signal.filter(|signal| *signal == Signal::Answered);
    }

    fn take_report(&mut self, hop: &Arc<Hop>, report: SendReport, peer: Peer) {
        self.sessions += 1;
        let failures = report.outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        let signal = signal_of_failures(failures);
        let note = report.eight_bit_to_seven.then(|| "sent with 8-bit text to a server that takes 7 bits".to_owned());
        let verdict = |outcome| match outcome {
            Ok(reply) => Verdict { note: note.clone(), ..Verdict::sent(hop, reply) },
            Err(failure) => {
                let verdict = Verdict::of_failure(&failure, peer, hop);
                Verdict { note: verdict.note.clone().or_else(|| note.clone()), ..verdict }
            }
        };
        let verdicts: Vec<Verdict> = report.outcomes.into_iter().map(verdict).collect();
        self.heard(Fared::answered(&verdicts, hop.link.clone()), signal);
        self.take_verdicts(verdicts);
    }

    fn take_error(&mut self, hop: &Arc<Hop>, error: &ConnectError, candidate: &Candidate, peer: Peer) {
        // Hosts that answered count as sessions; those that fail the policy do not (delivery rule 10).
        let answered = error.reply().is_some() && !matches!(error.stage(), Stage::Starttls | Stage::Tls);
        self.sessions += usize::from(answered);
        if !matches!(self.signal, Some(Signal::Answered)) {
            self.signal = Some(signal_of_connect_error(error));
        }
        let why = explain(error, candidate);
        if !matches!(self.fared, Fared::Answered { .. }) {
            self.fared = Fared::Unusable(why.clone());
        }
        let verdict = Verdict { note: Some(why), ..Verdict::of_connect_error(error, peer, hop) };
        self.push_for_pending(&verdict);
    }

    /// The same verdict for all who still need a host; another one may follow.
    pub(crate) fn push_for_pending(&mut self, verdict: &Verdict) {
        for at in &self.pending {
            self.verdicts[*at].push(verdict.clone());
        }
    }

    pub(crate) fn findings(self) -> Findings {
        let is_complete = self.passed_over.is_empty();
        let passed_over = (!is_complete).then(|| {
            let passed_over = self.passed_over.iter().map(|(host, why)| format!("{host} passed over, {why}"));
            passed_over.collect::<Vec<_>>().join("; ")
        });
        let attempted = |mut verdicts: Vec<Verdict>| {
            let mut verdict = verdicts.pop()?;
            if verdict.judgement == Judgement::Unfit {
                verdict.judgement = if is_complete { Judgement::Refused } else { Judgement::Later };
            }
            verdict.passed_over.clone_from(&passed_over);
            Some(Attempted { verdict, earlier: verdicts })
        };
        Findings { results: self.verdicts.into_iter().map(attempted).collect(), signal: self.signal }
    }
}
