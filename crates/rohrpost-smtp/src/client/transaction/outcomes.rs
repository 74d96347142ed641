//! What became of each recipient so far.

use rohrpost_mail::{Class, EnhancedStatus, Stage};

use super::super::error::{Outcome, SessionError};

/// Whom a reply is about, by place in the list of recipients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Whom {
    /// One of them.
    One(usize),
    /// All who have no outcome yet.
    All,
}

/// The outcomes, in the order of the recipients. A first outcome is the last: whatever is said later changes nothing.
#[derive(Debug)]
pub(super) struct Outcomes {
    each: Vec<Option<Outcome>>,
    accepted: Vec<usize>,
}

impl Outcomes {
    /// With the outcomes that are known before a word is said.
    pub(super) fn new(each: Vec<Option<Outcome>>) -> Self {
        Self { each, accepted: Vec::new() }
    }

    /// Takes note that the server agreed to RCPT. After a refused MAIL that means nothing.
    pub(super) fn accept(&mut self, place: usize) {
        if self.is_open(place) {
            self.accepted.push(place);
        }
    }

    /// Gives an outcome to those who have none.
    pub(super) fn decide(&mut self, whom: Whom, outcome: &Outcome) {
        let undecided = match whom {
            Whom::One(place) => &mut self.each[place..=place],
            Whom::All => &mut self.each[..],
        };
        for one in undecided {
            one.get_or_insert_with(|| outcome.clone());
        }
    }

    /// The recipients that the server agreed to, in order.
    pub(super) fn accepted(&self) -> &[usize] {
        &self.accepted
    }

    /// Whether this recipient has no outcome yet.
    pub(super) fn is_open(&self, place: usize) -> bool {
        self.each[place].is_none()
    }

    /// Whether everybody has an outcome.
    pub(super) fn are_decided(&self) -> bool {
        self.each.iter().all(Option::is_some)
    }

    /// Whether somebody has one.
    pub(super) fn is_anybody_decided(&self) -> bool {
        self.each.iter().any(Option::is_some)
    }

    /// The outcomes of a transaction that is over.
    pub(super) fn finish(mut self) -> Vec<Outcome> {
        self.forgive_552();
        let decided = |outcome: Option<Outcome>| outcome.expect("a transaction ends when all recipients are decided");
        self.each.into_iter().map(decided).collect()
    }

    /// RFC 5321 §4.5.3.1.10: a 552 to RCPT can mean "too many recipients". It does where others were accepted and no
    /// enhanced status says otherwise.
    fn forgive_552(&mut self) {
        if self.accepted.is_empty() {
            return;
        }
        for failure in self.each.iter_mut().flatten().filter_map(|outcome| outcome.as_mut().err()) {
            if let SessionError::Refused { stage: Stage::Rcpt, reply } = &failure.error {
                let too_many = matches!(reply.enhanced, None | Some(EnhancedStatus(5, 5, 3)));
                if reply.code == 552 && too_many {
                    failure.class = Class::Temporary;
                }
            }
        }
    }
}
