//! One attempt: the hosts of a destination in their order, until every recipient has its verdict.
//!
//! Between two hosts the attempt asks whether the server is being stopped; it is never dropped in the middle.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use rohrpost_client::{ConnectError, Connection, Endpoint, LinkTls, Outgoing, SendReport};
use rohrpost_dns::PlanError;
use rohrpost_mail::{BodyKind, Class, EnhancedStatus, Host, Link, Policy, Recipient, Stage, seven_bit};
use rohrpost_queue::{Job, Signal};

use crate::{
    limits::{ADDRESSES_MAX, REENCODED_BYTES_MAX, SESSIONS_MAX},
    message::{Message, is_signed},
    settings::{Place, Route, RouteHost, Settings},
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
    let Ok(domain) = Host::parse(job.site.site()) else {
        return everybody(job, &no_host(EnhancedStatus(5, 1, 2), Judgement::Refused, "no such domain".into()));
    };
    let rule = settings.policy_for(&domain);
    let policy = policy.or(rule.map(|rule| rule.policy));
    let plan = match shared.resolver.plan(&domain, policy).await {
        Ok(plan) => plan,
        Err(error) => return everybody(job, &of_plan_error(&error)),
    };
    shared.queue.learn(&job.site, &plan.site);
    let attempts = job.recipients.iter().map(|row| row.attempts).max().unwrap_or_default();
    let candidates = plan.candidates(usize::try_from(attempts).unwrap_or_default());
    let candidates = candidates.into_iter().map(|(host, address)| Candidate::mx(host, address, rule, &settings));
    let mut attempt = Attempt::new(shared, job, message, Peer::Mx);
    for candidate in candidates {
        if !attempt.may_go_on() {
            break;
        }
        attempt.ask(&candidate).await;
    }
    attempt.findings()
}

/// Delivers to hosts of ours.
pub(crate) async fn to_relay(shared: &Shared, job: &Job, message: &Message, route: &Route) -> Findings {
    let settings = shared.settings();
    let mut attempt = Attempt::new(shared, job, message, Peer::Relay);
    for host in &route.hosts {
        if !attempt.may_go_on() {
            break;
        }
        match candidates(shared, host, &settings).await {
            Ok(mut candidates) => {
                while attempt.may_go_on()
                    && let Some(candidate) = candidates.pop_front()
                {
                    attempt.ask(&candidate).await;
                }
            }
            Err(error) => attempt.not_found(&error),
        }
    }
    attempt.findings()
}

/// A route that the settings do not know: the operator can bring it back.
pub(crate) fn no_such_route(job: &Job) -> Findings {
    let note = format!("there is no route {:?} in the settings", job.site.route());
    everybody(job, &no_host(EnhancedStatus(4, 3, 5), Judgement::Misconfigured, note))
}

async fn candidates(shared: &Shared, host: &RouteHost, settings: &Settings) -> Result<VecDeque<Candidate>, PlanError> {
    let candidate = |endpoint| Candidate::relay(host, endpoint, settings);
    match &host.place {
        Place::Unix(path) => Ok([candidate(Endpoint::Unix(path.clone()))].into()),
        Place::Mx | Place::Pipe(_) => Ok(VecDeque::new()),
        Place::Host(name, port) => {
            let plan = shared.resolver.route(name, *port, None).await?;
            Ok(plan.candidates(0).into_iter().map(|(_, address)| candidate(address.into())).collect())
        }
    }
}

fn no_host(status: EnhancedStatus, judgement: Judgement, note: String) -> Verdict {
    Verdict::new(judgement, &Arc::new(Hop::none("ESMTP")), Stage::Dns, status, note)
}

fn of_plan_error(error: &PlanError) -> Verdict {
    let judgement = if error.class() == Class::Permanent { Judgement::Refused } else { Judgement::Later };
    no_host(error.enhanced(), judgement, error.to_string())
}

/// The same verdict for all recipients.
fn everybody(job: &Job, verdict: &Verdict) -> Findings {
    let attempted = || Some(Attempted { verdict: verdict.clone(), earlier: Vec::new() });
    let signal = (verdict.judgement != Judgement::Refused).then_some(Signal::Unreachable);
    Findings { results: job.recipients.iter().map(|_| attempted()).collect(), signal }
}

/// An attempt that is under way.
struct Attempt<'a> {
    shared: &'a Shared,
    job: &'a Job,
    message: &'a Message,
    peer: Peer,
    /// Each recipient's verdicts so far; the last one counts.
    verdicts: Vec<Vec<Verdict>>,
    /// Who still needs another host.
    pending: Vec<usize>,
    addresses: usize,
    sessions: usize,
    signal: Option<Signal>,
}

impl<'a> Attempt<'a> {
    fn new(shared: &'a Shared, job: &'a Job, message: &'a Message, peer: Peer) -> Self {
        let count = job.recipients.len();
        Self {
            shared,
            job,
            message,
            peer,
            verdicts: vec![Vec::new(); count],
            pending: (0..count).collect(),
            addresses: 0,
            sessions: 0,
            signal: None,
        }
    }

    fn may_go_on(&self) -> bool {
        let bounded = self.addresses < ADDRESSES_MAX && self.sessions < SESSIONS_MAX;
        bounded && !self.pending.is_empty() && !self.shared.is_stopping()
    }

    /// Asks one address on behalf of all who still need it.
    async fn ask(&mut self, candidate: &Candidate) {
        self.addresses += 1;
        let rows = self.pending.iter().map(|at| &self.job.recipients[*at]);
        let recipients: Vec<Recipient> = rows.map(|row| row.recipient.clone()).collect();
        match self.deliver(candidate, &recipients).await {
            Ok((hop, report)) => self.take_report(&hop, report),
            Err((hop, error)) => self.take_error(&hop, &error, candidate),
        }
    }

    fn take_report(&mut self, hop: &Arc<Hop>, report: SendReport) {
        self.sessions += 1;
        let failures = report.outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        self.signal = Some(signal_of_failures(failures));
        let note = report.eight_bit_to_seven.then(|| "sent with 8-bit text to a server that takes 7 bits".to_owned());
        for (at, outcome) in std::mem::take(&mut self.pending).into_iter().zip(report.outcomes) {
            let mut verdict = match outcome {
                Ok(reply) => Verdict { note: note.clone(), ..Verdict::sent(hop, reply) },
                Err(failure) => Verdict::of_failure(&failure, self.peer, hop),
            };
            verdict.note = verdict.note.take().or_else(|| note.clone());
            if verdict.may_go_on() {
                self.pending.push(at);
            }
            self.verdicts[at].push(verdict);
        }
    }

    fn take_error(&mut self, hop: &Arc<Hop>, error: &ConnectError, candidate: &Candidate) {
        // Hosts that answered count as sessions; those that fail the policy do not (delivery rule 10).
        let answered = error.reply().is_some() && !matches!(error.stage(), Stage::Starttls | Stage::Tls);
        self.sessions += usize::from(answered);
        if !matches!(self.signal, Some(Signal::Answered)) {
            self.signal = Some(signal_of_connect_error(error));
        }
        let mut verdict = Verdict::of_connect_error(error, self.peer, hop);
        verdict.note = Some(explain(error, candidate));
        self.push_for_pending(&verdict);
    }

    /// The host's name does not lead anywhere.
    fn not_found(&mut self, error: &PlanError) {
        let mut verdict = of_plan_error(error);
        if error.class() == Class::Permanent {
            verdict = Verdict { judgement: Judgement::Misconfigured, status: EnhancedStatus(4, 3, 5), ..verdict };
        }
        self.push_for_pending(&verdict);
        self.signal.get_or_insert(Signal::Unreachable);
    }

    fn push_for_pending(&mut self, verdict: &Verdict) {
        for at in &self.pending {
            self.verdicts[*at].push(verdict.clone());
        }
    }

    fn findings(self) -> Findings {
        let attempted = |mut verdicts: Vec<Verdict>| {
            let verdict = verdicts.pop()?;
            Some(Attempted { verdict, earlier: verdicts })
        };
        Findings { results: self.verdicts.into_iter().map(attempted).collect(), signal: self.signal }
    }

    /// Sends over an open connection, else over a new one; in clear text where rule 20 allows it.
    async fn deliver(
        &self,
        candidate: &Candidate,
        recipients: &[Recipient],
    ) -> Result<(Arc<Hop>, SendReport), (Arc<Hop>, ConnectError)> {
        if let Some(connection) = self.shared.pool.take(&candidate.target) {
            let (hop, report) = self.send(connection, candidate, recipients).await;
            if !report.untouched {
                return Ok((hop, report));
            }
        }
        let connection = self.open(candidate).await?;
        Ok(self.send(connection, candidate, recipients).await)
    }

    async fn open(&self, candidate: &Candidate) -> Result<Connection, (Arc<Hop>, ConnectError)> {
        let failed = |error| (Arc::new(hop_without(candidate)), error);
        let tls = self.shared.tls.with(candidate.certificate.as_ref()).map_err(|error| failed(error.into()))?;
        let error = match Connection::open(&candidate.target, &tls).await {
            Ok(connection) => {
                if let (Link::Tls(_), Some(address)) = (connection.link(), candidate.target.endpoint.address()) {
                    self.shared.fallback.worked(address);
                }
                return Ok(connection);
            }
            Err(error) => error,
        };
        match candidate.target.endpoint.address() {
            Some(address) if candidate.may_fall_back() && error.is_handshake_failure() => {
                if !self.shared.fallback.failed(address, self.shared.now().steady) {
                    return Err(failed(error));
                }
                let mut target = candidate.target.clone();
                target.tls = LinkTls::Fallback;
                Connection::open(&target, &tls).await.map_err(failed)
            }
            _ => Err(failed(error)),
        }
    }

    async fn send(
        &self,
        mut connection: Connection,
        candidate: &Candidate,
        recipients: &[Recipient],
    ) -> (Arc<Hop>, SendReport) {
        let hop = Arc::new(hop_of(&connection, candidate));
        let narrowed = if connection.capabilities().eight_bit_mime { None } else { narrowed(self.message) };
        let message = narrowed.as_ref().unwrap_or(self.message);
        let Message { envelope, octets, .. } = message;
        let outgoing = Outgoing { envelope, recipients, octets: *octets, body: message };
        let report = connection.send(&outgoing).await;
        self.shared.pool.put(connection);
        (hop, report)
    }
}

/// The error, and where the policy made it one: which policy and whose.
fn explain(error: &ConnectError, candidate: &Candidate) -> String {
    let Candidate { policy, source, .. } = candidate;
    if candidate.may_fall_back() && error.is_handshake_failure() {
        return format!("{error}; clear text is not thought of before five minutes have passed");
    }
    let about_tls = matches!(error.stage(), Stage::Starttls | Stage::Tls);
    if about_tls && *policy > Policy::Opportunistic {
        return format!("{error}; the policy is {policy} ({source}), nothing was sent");
    }
    error.to_string()
}

/// The message in seven bits for a server that takes no more, unless that would break a signature or cost too much.
fn narrowed(message: &Message) -> Option<Message> {
    let whole = message.whole().filter(|whole| whole.len() as u64 <= REENCODED_BYTES_MAX)?;
    if whole.is_ascii() || is_signed(whole) {
        return None;
    }
    let mut narrow = message.with_content(Bytes::from(seven_bit::encode(whole).into_owned()));
    narrow.envelope.body = BodyKind::SevenBit;
    Some(narrow)
}

fn hop_without(candidate: &Candidate) -> Hop {
    Hop {
        protocol: candidate.protocol(false, false),
        peer: Some(candidate.peer.clone()),
        address: candidate.target.endpoint.address(),
        account: candidate.target.login.as_ref().map(|login| login.user.clone()),
        policy: Some(candidate.policy),
        source: Some(candidate.source),
        link: Link::None,
        reports: false,
    }
}

fn hop_of(connection: &Connection, candidate: &Candidate) -> Hop {
    let is_logged_in = connection.mechanism().is_some();
    Hop {
        protocol: candidate.protocol(matches!(connection.link(), Link::Tls(_)), is_logged_in),
        account: candidate.target.login.as_ref().filter(|_| is_logged_in).map(|login| login.user.clone()),
        link: connection.link().clone(),
        reports: connection.capabilities().dsn,
        ..hop_without(candidate)
    }
}
