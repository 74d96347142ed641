//! A message on its way past the servers of a sender: who has it, who still waits. Pure.

use std::borrow::Cow;

use rohrpost_client::{Failure, Mechanism, SessionError};
use rohrpost_mail::{Class, Link, Mailbox, Recipient, Stage};

use crate::{
    error::{self, Attempt, Cause, Error, dialogues},
    lane::Passage,
    mail::Mail,
    receipt::{Note, Outcome, Receipt, facts},
};

/// What is known of each recipient, and of each server so far.
pub(crate) struct Journey<'a> {
    mail: &'a Mail,
    /// In the order of the message; the last outcome of those who wait is kept in case no other server is left.
    outcomes: Vec<Option<Outcome>>,
    /// The places of those who wait.
    waiting: Vec<usize>,
    taken: Option<Taken>,
    /// Every server that was asked, in order.
    stops: Vec<Stop>,
    notes: Vec<Note>,
}

/// The first server that took the message for somebody.
struct Taken {
    server: String,
    link: Link,
    mechanism: Option<Mechanism>,
}

/// A server that was asked.
struct Stop {
    server: String,
    /// It took the message for somebody.
    took: bool,
    /// Why it did not take it for everybody.
    cause: Option<Cause>,
    transcript: String,
}

impl<'a> Journey<'a> {
    pub(crate) fn new(mail: &'a Mail) -> Self {
        let count = mail.recipients().len();
        Self {
            mail,
            outcomes: vec![None; count],
            waiting: (0..count).collect(),
            taken: None,
            stops: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Those who wait, in their order. At first that is everybody.
    pub(crate) fn waiting(&self) -> Cow<'a, [Recipient]> {
        let all = self.mail.recipients();
        if self.waiting.len() == all.len() {
            return Cow::Borrowed(all);
        }
        self.waiting.iter().map(|place| all[*place].clone()).collect()
    }

    /// Whether nobody waits.
    pub(crate) fn is_over(&self) -> bool {
        self.waiting.is_empty()
    }

    /// No connection to this server came about.
    pub(crate) fn failed(&mut self, attempt: Attempt) {
        if attempt.cause.is_refused_login() {
            tracing::error!(server = attempt.server, error = %attempt.cause, "the log-in was refused");
        } else {
            tracing::warn!(server = attempt.server, error = %attempt.cause, "the server was passed over");
        }
        let Attempt { server, cause, transcript } = attempt;
        self.stops.push(Stop { server, took: false, cause: Some(cause), transcript });
    }

    /// The server was asked for everybody who waits.
    pub(crate) fn passed(&mut self, server: &str, passage: Passage) {
        let Passage { report, link, mechanism, wants_tls, transcript, notes } = passage;
        let is_settled = report.outcomes.iter().any(|outcome| outcome.as_ref().is_err_and(|error| !may_move_on(error)));
        let mut still_waiting = Vec::new();
        let mut taken_for = Vec::new();
        for (place, outcome) in self.waiting.iter().copied().zip(&report.outcomes) {
            self.outcomes[place] = Some(Outcome::of(outcome));
            match outcome {
                Ok(_) => taken_for.push(place),
                // All or nobody: they move on together, or not at all.
                Err(failure) if failure.error == SessionError::Withheld && is_settled => {}
                Err(failure) if may_move_on(failure) => still_waiting.push(place),
                Err(_) => {}
            }
        }
        self.waiting = still_waiting;
        let took = !taken_for.is_empty();
        if took {
            self.notes.extend(notes);
            self.take(Taken { server: server.to_owned(), link, mechanism }, &taken_for);
        }
        let cause = worst(report.outcomes).map(|failure| Cause::Sent { failure, wants_tls });
        self.stops.push(Stop { server: server.to_owned(), took, cause, transcript });
    }

    /// The end: a receipt where somebody got it, else the error.
    pub(crate) fn finish(self) -> Result<Receipt, Error> {
        let last = self.stops.iter().rev().find_map(|stop| stop.cause.as_ref().map(|cause| (&stop.server, cause)));
        let unreached = last.map_or_else(unasked, |(server, cause)| Outcome::NotSent {
            reason: format!("{server}: {cause}"),
            temporary: cause.class() != error::Class::Permanent,
        });
        let outcomes = self.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| unreached.clone()));
        let addresses = self.mail.recipients().iter().map(|recipient| recipient.address.clone());
        let recipients: Vec<_> = addresses.zip(outcomes).collect();
        let Some(Taken { server, link, mechanism }) = self.taken else {
            let is_final = self.waiting.is_empty() && is_final(&recipients);
            return Err(Error::after(self.stops.into_iter().filter_map(Stop::attempt).collect(), recipients, is_final));
        };
        let (seal, tls) = facts(&link);
        Ok(Receipt {
            id: self.mail.message_id().to_owned(),
            server,
            seal,
            tls,
            auth: mechanism,
            queued: false,
            recipients,
            notes: self.notes.into_iter().chain(passed_over(&self.stops)).collect(),
            transcript: dialogues(self.stops.iter().map(|stop| (&*stop.server, &*stop.transcript))),
        })
    }

    fn take(&mut self, taken: Taken, places: &[usize]) {
        if self.taken.is_none() {
            self.taken = Some(taken);
            return;
        }
        let recipients = places.iter().map(|place| self.mail.recipients()[*place].address.clone()).collect();
        self.notes.push(Note::Through { server: taken.server, recipients });
    }
}

impl Stop {
    fn attempt(self) -> Option<Attempt> {
        let Self { server, cause, transcript, .. } = self;
        cause.map(|cause| Attempt { server, cause, transcript })
    }
}

/// Whether a server refused somebody for good, and none said "not now" to anybody.
fn is_final(recipients: &[(Mailbox, Outcome)]) -> bool {
    let any = |wanted: fn(&Outcome) -> bool| recipients.iter().any(|(_, outcome)| wanted(outcome));
    any(|outcome| matches!(outcome, Outcome::Refused(_))) && !any(|outcome| matches!(outcome, Outcome::Deferred(_)))
}

/// Why there was more than one server. What the last one did not take stands with its recipients.
fn passed_over(stops: &[Stop]) -> impl Iterator<Item = Note> {
    let (last, earlier) = stops.split_last().map_or((None, stops), |(last, earlier)| (Some(last), earlier));
    let told = earlier.iter().chain(last.filter(|stop| !stop.took));
    told.filter_map(|Stop { server, took, cause, .. }| {
        let (server, reason) = (server.clone(), cause.as_ref()?.to_string());
        Some(if *took { Note::Partly { server, reason } } else { Note::PassedOver { server, reason } })
    })
}

fn unasked() -> Outcome {
    Outcome::NotSent { reason: "no server was asked".to_owned(), temporary: false }
}

/// Whether another server may be asked for this recipient: this one surely does not have the message, and said nothing about
/// the recipient or the message that would hold for others, too.
fn may_move_on(failure: &Failure) -> bool {
    if failure.possible_duplicate {
        return false;
    }
    match &failure.error {
        SessionError::BodyUnreadable | SessionError::Refused { stage: Stage::Data | Stage::Dot, .. } => false,
        SessionError::Refused { .. } if failure.class == Class::Permanent => failure.is_servers_fault(),
        _ => true,
    }
}

/// The failure that tells most: one that leaves everything open, else one that may pass, else any.
fn worst(outcomes: Vec<rohrpost_client::Outcome>) -> Option<Failure> {
    let rank = |failure: &Failure| {
        let is_its_own = failure.error != SessionError::Withheld;
        (failure.possible_duplicate, is_its_own, failure.class != Class::Permanent)
    };
    outcomes
        .into_iter()
        .filter_map(Result::err)
        .reduce(|best, next| if rank(&next) > rank(&best) { next } else { best })
}
