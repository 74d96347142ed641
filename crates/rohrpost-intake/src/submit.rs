//! What programs of this host hand in, by the submit socket or the drop directory.
//!
//! Such a program is known by the user who runs it, as the kernel says. It needs no password, may name any sender unless
//! the operator narrows that ([`crate::users`]), and has no limits but those of a message. Its message passes the same
//! [`Transaction`] as all others. Three things are its own:
//!
//! - names without a domain: the host's aliases say who reads their mail ([`crate::aliases_file`]), else they are at the
//!   host's mail name;
//! - its id: a repeated submission gets its old answer and is not stored again ([`Store::commit_once`]);
//! - refused recipients: as long as one is taken, the message is, and its sender gets a report about the others.
//!
//! How the octets get here is the business of `rohrpost-server`.
//!
//! [`Store::commit_once`]: rohrpost_store::Store::commit_once

mod attempt;
mod exit;
mod report;
mod targets;

use std::{sync::Arc, time::Instant};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use rohrpost_mail::{Class, Envelope, ForwardPath, Orcpt, QueueId, Recipient, Reply};
use rohrpost_queue::schedule;
use rohrpost_store::{NewMessage, Once, StoreError, Submission};
pub use rohrpost_submit::{Accepted, Mode, Options, Refused, RefusedRecipient, To};

use crate::{
    Intake, Peer, Refusal, Role, Transaction,
    limits::{RETURNED_HEAD_BYTES_MAX, SUBMIT_RECIPIENTS_MAX},
};

/// Whether its texts are such as an SMTP session would let through: they go into other people's reports and sessions.
fn is_fit(options: &Options) -> bool {
    let plain = |text: &str, octets_max| text.len() <= octets_max && !text.chars().any(char::is_control);
    let kind = |kind: &str| kind.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    let original = |orcpt: &Orcpt| {
        plain(&orcpt.kind, ORCPT_BYTES_MAX) && kind(&orcpt.kind) && plain(&orcpt.address, ORCPT_BYTES_MAX)
    };
    options.envelope.envid.as_deref().is_none_or(|envid| plain(envid, ENVID_BYTES_MAX))
        && options.recipients.iter().filter_map(|to| to.orcpt.as_ref()).all(original)
}

/// Octets of an envelope id: RFC 3461 §4.4.
const ENVID_BYTES_MAX: usize = 100;
/// Octets of an original recipient: RFC 3461 §4.2 allows 500 for the whole parameter.
const ORCPT_BYTES_MAX: usize = 500;

/// Which way a message came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// By the submit socket: its program waits for the answer.
    Socket,
    /// By the drop directory: its program was told that all is well, so a refusal must go to the sender by mail.
    Drop,
}

impl Way {
    /// As records and logs have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Socket => "submit",
            Self::Drop => "drop",
        }
    }
}

/// Whose program hands a message in.
#[derive(Clone, Debug)]
pub struct Submitter {
    /// The user, as the kernel says.
    pub uid: u32,
    /// Which way.
    pub way: Way,
    /// Name of the session in logs.
    pub session: Arc<str>,
}

/// What [`Intake::submit`] found.
pub enum Begun {
    /// The content may come.
    New(Box<Submitting>),
    /// It was here before, and would be refused now: its old answer.
    Repeated(Accepted),
}

/// A message on its way in; the content is yet to come. Dropped, it leaves nothing behind.
pub struct Submitting {
    intake: Intake,
    peer: Peer,
    id: [u8; 16],
    way: Way,
    transaction: Box<Transaction>,
    refused: Vec<Denied>,
    /// The start of the message, as far as a report may return it.
    head: BytesMut,
}

/// A recipient that was refused for good.
struct Denied {
    /// As the program named it.
    asked: String,
    recipient: Recipient,
    sysexit: u8,
    /// In the words of a server.
    reply: Reply,
}

impl Intake {
    /// Begins a message of a program of this host.
    ///
    /// Whether it was here before is asked only when it is to be refused: whoever takes it finds out by the commit.
    ///
    /// # Errors
    /// Nobody of its recipients can be reached, or there is no room.
    pub async fn submit(&self, submitter: &Submitter, id: [u8; 16], options: Options) -> Result<Begun, Refused> {
        match self.begin(submitter, id, options).await {
            Ok(submitting) => Ok(Begun::New(submitting)),
            Err(refused) => self.unless_known(submitter.uid, id, Err(refused)).await.map(Begun::Repeated),
        }
    }

    async fn begin(&self, submitter: &Submitter, id: [u8; 16], options: Options) -> Result<Box<Submitting>, Refused> {
        if !is_fit(&options) {
            return Err(exit::unfit());
        }
        let Options { mut envelope, recipients, mode } = options;
        let (config, first) = (self.config(), self.queue().settings().schedule.first);
        let shown = config.settings.users.path(submitter.uid, envelope.reverse_path);
        envelope.reverse_path = shown.map_err(|refusal| exit::refused(&refusal))?;
        envelope.hold_until = match mode {
            Mode::Background | Mode::Interactive => None,
            Mode::Queue => Some(schedule::later(Timestamp::now(), first)),
        };
        let (targets, refused) = targets::expand(&config, recipients).await?;
        let peer = peer(submitter, &config.settings.host_name);
        let transaction = self.mail(&peer, envelope).await.map_err(|refusal| exit::refused(&refusal))?;
        let (way, intake) = (submitter.way, self.clone());
        let mut submitting = Submitting { intake, peer, id, way, transaction, refused, head: BytesMut::new() };
        submitting.address(targets).await?;
        Ok(Box::new(submitting))
    }

    /// The answer; where it is a refusal of what was taken before, the one of that time.
    async fn unless_known(
        &self,
        uid: u32,
        id: [u8; 16],
        answer: Result<Accepted, Refused>,
    ) -> Result<Accepted, Refused> {
        let Err(refused) = answer else { return answer };
        let known = self.store().submission_answer(uid, id).await.map_err(of_store)?;
        known.map_or(Err(refused), |old| answer_of_old(&old))
    }
}

impl Submitting {
    /// Takes content in canonical form: every line ends with CRLF, none stands alone.
    pub async fn push(&mut self, content: Bytes) {
        if self.way == Way::Drop || !self.refused.is_empty() {
            let room = RETURNED_HEAD_BYTES_MAX - self.head.len();
            self.head.extend_from_slice(&content[..content.len().min(room)]);
        }
        self.transaction.push(&self.peer, content).await;
    }

    /// All the content is there: checks, repairs, and puts the message and its answer on stable storage.
    ///
    /// # Errors
    /// The message is not taken. On the way of the drop directory that is only said for the time being, or when nobody
    /// can be told: a message that is refused for good goes back to its sender.
    pub async fn finish(self: Box<Self>) -> Result<Accepted, Refused> {
        let (intake, uid, id) = (self.intake.clone(), self.uid(), self.id);
        let answer = self.close().await;
        intake.unless_known(uid, id, answer).await
    }

    async fn close(self: Box<Self>) -> Result<Accepted, Refused> {
        let Self { intake, peer, id, way, transaction, refused, head } = *self;
        let envelope = transaction.envelope().clone();
        let (message_id, taken) = (transaction.id(), transaction.recipients().to_vec());
        let mut submission = Closing { intake, peer, id, envelope, message_id, refused, head };
        if taken.is_empty() {
            return submission.give_back().await;
        }
        match transaction.into_message(&submission.peer).await {
            Ok(message) => submission.commit(Some(message)).await,
            Err(refusal) if way == Way::Drop && refusal.class() == Class::Permanent => {
                submission.refused.extend(taken.into_iter().map(|recipient| exit::denied(recipient, &refusal)));
                submission.give_back().await
            }
            Err(refusal) => Err(exit::refused(&refusal)),
        }
    }

    /// The content cannot be taken, for a reason that its reader found.
    ///
    /// # Errors
    /// As [`Self::finish`]: on the way of the drop directory the message goes back to its sender.
    pub async fn reject(self: Box<Self>, sysexit: u8, reply: Reply) -> Result<Accepted, Refused> {
        let (uid, refused) = (self.uid(), Refused { sysexit, text: reply.to_string() });
        let Self { intake, peer, id, way, transaction, refused: mut denied, head } = *self;
        if way == Way::Socket {
            return intake.unless_known(uid, id, Err(refused)).await;
        }
        let taken = transaction.recipients().iter().cloned();
        denied.extend(taken.map(|recipient| Denied {
            asked: recipient.address.to_string(),
            recipient,
            sysexit,
            reply: reply.clone(),
        }));
        let (envelope, message_id) = (transaction.envelope().clone(), transaction.id());
        Closing { intake, peer, id, envelope, message_id, refused: denied, head }.give_back().await
    }

    fn uid(&self) -> u32 {
        self.peer.uid.expect("a submitter has one")
    }

    /// Who gets it? A recipient that cannot be decided on now refuses the whole message for now.
    async fn address(&mut self, targets: Vec<targets::Target>) -> Result<(), Refused> {
        for targets::Target { asked, recipient } in targets {
            let Recipient { address, orcpt, notify } = recipient.clone();
            let path = ForwardPath::Mailbox(address);
            match self.transaction.rcpt(&self.peer, &path, orcpt, notify, Instant::now()).await {
                Ok(()) => {}
                Err(refusal) if refusal.class() == Class::Permanent => {
                    self.refused.push(Denied { asked, ..exit::denied(recipient, &refusal) });
                }
                Err(refusal) => return Err(exit::refused(&refusal)),
            }
        }
        match self.refused.first() {
            Some(first) if self.way == Way::Socket && self.transaction.recipients().is_empty() => Err(first.told()),
            None if self.transaction.recipients().is_empty() => Err(exit::no_recipients()),
            _ => Ok(()),
        }
    }
}

/// A submission whose content is complete.
struct Closing {
    intake: Intake,
    peer: Peer,
    id: [u8; 16],
    envelope: Envelope,
    message_id: QueueId,
    refused: Vec<Denied>,
    head: BytesMut,
}

impl Closing {
    /// Nobody gets it: the sender is told. One that cannot be told leaves the message where it is.
    async fn give_back(self) -> Result<Accepted, Refused> {
        match (self.envelope.reverse_path.mailbox(), self.refused.first()) {
            (Some(_), _) => self.commit(None).await,
            (None, Some(first)) => Err(first.told()),
            (None, None) => Err(exit::no_recipients()),
        }
    }

    /// Commits the message, the report about those who do not get it, and the answer, all or nothing.
    async fn commit(self, message: Option<NewMessage>) -> Result<Accepted, Refused> {
        let now = Timestamp::now();
        let ids = message.iter().map(|message| message.id).collect();
        let answer = Accepted { ids, refused: self.refused.iter().map(Denied::plain).collect() };
        let messages: Vec<_> = message.into_iter().chain(report::about(&self, now)).collect();
        let announced: Vec<_> = messages.iter().map(|message| self.intake.queue().announce(message)).collect();
        let submission = Submission {
            uid: self.peer.uid.expect("a submitter has one"),
            id: self.id,
            at: now,
            answer: serde_json::to_string(&answer).expect("it is plain data"),
        };
        match self.intake.store().commit_once(messages, submission).await.map_err(of_store)? {
            Once::Stored(_) => {
                announced.into_iter().for_each(rohrpost_queue::Announced::arrived);
                Ok(answer)
            }
            Once::Repeated(old) => answer_of_old(&old),
        }
    }
}

impl Denied {
    /// For the program.
    fn plain(&self) -> RefusedRecipient {
        RefusedRecipient { address: self.asked.clone(), sysexit: self.sysexit, text: self.reply.to_string() }
    }

    /// The refusal of a message that nobody else gets.
    fn told(&self) -> Refused {
        Refused { sysexit: self.sysexit, text: format!("{}: {}", self.asked, self.reply) }
    }
}

/// A program of this host as a peer.
fn peer(submitter: &Submitter, host_name: &rohrpost_mail::Domain) -> Peer {
    Peer {
        session: submitter.session.clone(),
        listener: submitter.way.as_str().into(),
        role: Role::Submission,
        host_name: host_name.clone(),
        address: None,
        name: None,
        is_nameless: false,
        trusted: None,
        helo: String::new(),
        is_extended: true,
        is_tls_offered: false,
        tls: None,
        account: None,
        uid: Some(submitter.uid),
    }
}

fn of_store(error: StoreError) -> Refused {
    exit::refused(&Refusal::from(error))
}

/// An answer as an earlier life of the server wrote it.
fn answer_of_old(text: &str) -> Result<Accepted, Refused> {
    serde_json::from_str(text).map_err(|error| of_store(StoreError::Statement(error.to_string())))
}

const _: () = assert!(SUBMIT_RECIPIENTS_MAX >= 100, "RFC 5321 §4.5.3.1.8");
