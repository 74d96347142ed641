//! THREAD (RFC 5256 §3): messages and their answers, by subject or by References.
//!
//! Nothing here walks up or down a thread step by step for each message, and nothing recurses: a mailbox may hold one
//! thread of all its messages, each an answer to the one before.

mod references;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    command::ThreadAlgorithm,
    event::{Mail, Parts},
    response::ThreadNode,
};

/// What must be known of each message.
pub(super) const PARTS: Parts = Parts { facts: true, shape: true, content: false };

/// Messages that are put into threads.
#[derive(Debug)]
pub(super) struct Threading {
    algorithm: ThreadAlgorithm,
    messages: Vec<Message>,
    /// Octets of their texts.
    pub(super) held: usize,
}

/// What of a message decides where it stands.
#[derive(Debug)]
struct Message {
    uid: u32,
    /// Its Date field, or when it arrived.
    sent: Timestamp,
    /// Without brackets; empty where there is none.
    id: Box<str>,
    /// What it answers, oldest first.
    references: Box<[Box<str>]>,
    /// Folded.
    subject: Box<str>,
    is_reply: bool,
}

impl Threading {
    pub(super) fn new(algorithm: ThreadAlgorithm) -> Self {
        Self { algorithm, messages: Vec::new(), held: 0 }
    }

    pub(super) fn push(&mut self, mail: &Mail) {
        let Some(shape) = &mail.shape else { return };
        let by_references = self.algorithm == ThreadAlgorithm::References;
        let message = Message {
            uid: mail.entry.uid,
            sent: shape.sent().unwrap_or(mail.internal_date),
            id: if by_references { shape.message_id().into() } else { Box::default() },
            references: shape.references().filter(|_| by_references).map(Into::into).collect(),
            subject: shape.subject_base().to_lowercase().into(),
            is_reply: shape.is_reply(),
        };
        let references = message.references.iter().map(|id| id.len()).sum::<usize>();
        self.held += message.id.len() + references + message.subject.len();
        self.messages.push(message);
    }

    /// The threads, with UIDs for numbers.
    pub(super) fn into_nodes(mut self) -> Vec<ThreadNode> {
        self.messages.sort_by_key(|message| (message.sent, message.uid));
        match self.algorithm {
            ThreadAlgorithm::OrderedSubject => by_subject(&self.messages),
            ThreadAlgorithm::References => references::threads(&self.messages),
        }
    }
}

/// ORDEREDSUBJECT: the first message of a subject, and all others below it. `messages` are in the order of their dates.
fn by_subject(messages: &[Message]) -> Vec<ThreadNode> {
    let mut threads: Vec<Vec<u32>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for message in messages {
        let place = *places.entry(&message.subject).or_insert(threads.len());
        if place == threads.len() {
            threads.push(Vec::new());
        }
        threads[place].push(message.uid);
    }
    let nodes = |thread: Vec<u32>| {
        let node = |(place, uid)| ThreadNode { depth: u32::from(place > 0), number: Some(uid) };
        thread.into_iter().enumerate().map(node)
    };
    threads.into_iter().flat_map(nodes).collect()
}
