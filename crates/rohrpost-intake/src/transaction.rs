//! One message on its way in, from MAIL to the commit.
//!
//! Dropped at any point before [`Transaction::finish`] it leaves nothing behind: the body is removed and what was counted
//! against an account is given back. Once the commit is asked for, it is not undone by a dropped session.
//!
//! What few messages need to wait for (DNS, callouts, files) is boxed: the future of an ordinary message then stays small,
//! which is cheaper to allocate than its rare parts are to box.

mod accept;
pub(crate) mod held;

use std::{collections::HashSet, time::Instant};

use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_mail::{Envelope, ForwardPath, Mailbox, Notify, Orcpt, QueueId, Recipient, Reply};
use rohrpost_store::{BodyWriter, NewMessage, Stored};

use self::held::Held;
use crate::{
    Intake,
    access::{self, Action, Check, Question},
    directory,
    directory::Place,
    names,
    peer::Peer,
    quota::Reservation,
    refusal::Refusal,
    settings::TlsPartner,
};

/// A message on its way in.
pub struct Transaction {
    intake: Intake,
    /// When MAIL came.
    begun: Instant,
    id: QueueId,
    envelope: Envelope,
    /// Octets that it will have, as far as is known: at least one.
    octets: u64,
    recipients: Vec<Recipient>,
    seen: HashSet<Mailbox>,
    /// RCPTs that were answered 250, duplicates too: LMTP owes a reply for each.
    taken: usize,
    is_relayed: bool,
    reservation: Option<Reservation>,
    sender_check: Option<Refusal>,
    body: Body,
}

/// What there is of the content.
enum Body {
    /// Nothing yet.
    None,
    /// It goes straight to the store.
    Streaming(BodyWriter),
    /// It is held in memory until its header, or all of it, can be repaired.
    Held(Held),
    /// It cannot be taken; the rest is read and dropped, for the refusal comes after the final dot.
    Refused(Refusal),
}

/// A message that is on stable storage.
#[derive(Debug)]
pub struct Accepted {
    /// The proof, for the session.
    pub stored: Stored,
    /// For LMTP: what each recipient gets told, in the order of the RCPTs that were accepted.
    pub recipients: usize,
}

impl Accepted {
    /// The name of the message.
    pub fn id(&self) -> QueueId {
        self.stored.id()
    }

    /// One positive reply for each recipient (RFC 2033 §4.2): all of them share one commit.
    pub fn replies(&self) -> Vec<Reply> {
        vec![Reply::with(250, 0, 0, format!("queued as {}", self.id())); self.recipients]
    }
}

impl Transaction {
    /// MAIL: may this peer send from there?
    pub(crate) async fn begin(intake: Intake, peer: &Peer, envelope: Envelope) -> Result<Box<Self>, Refusal> {
        let begun = Instant::now();
        intake.check_health()?;
        let config = intake.config();
        intake.directory().refresh(&config.settings).await?;
        let client = peer.address.map(|address| address.ip());
        let is_partners = |partner: &TlsPartner| partner.fits(client, envelope.reverse_path.mailbox());
        let is_clear = peer.tls.is_none() && peer.uid.is_none() && !peer.is_mta_in_front();
        if is_clear && config.settings.require_tls_from.iter().any(is_partners) {
            return Err(Refusal::TlsRequired);
        }
        let mut sender_check = None;
        match (&peer.account, envelope.reverse_path.mailbox()) {
            (Some(account), Some(sender)) => Box::pin(intake.authors().check_sender(account, sender)).await?,
            (Some(account), None) => intake.count_null_path(&account.login)?,
            (None, Some(sender)) if peer.is_stranger() && !intake.directory().is_local(&sender.domain) => {
                if let Some(domain) = sender.domain.name() {
                    sender_check = Box::pin(names::check_sender(intake.resolver(), domain)).await.err();
                }
            }
            _ => {}
        }
        let id = intake.store().new_id();
        Ok(Box::new(Self {
            intake,
            begun,
            id,
            envelope,
            octets: 1,
            recipients: Vec::new(),
            seen: HashSet::new(),
            taken: 0,
            is_relayed: false,
            reservation: None,
            sender_check,
            body: Body::None,
        }))
    }

    /// `SIZE=` of MAIL: the octets that the message will have, as its sender says (RFC 1870 §6).
    pub fn declare_size(&mut self, octets: u64) {
        self.octets = octets.max(1);
    }

    /// The name the message will have.
    pub fn id(&self) -> QueueId {
        self.id
    }

    /// RCPT: may this peer send there, and does it exist?
    pub async fn rcpt(
        &mut self,
        peer: &Peer,
        path: &ForwardPath,
        orcpt: Option<Orcpt>,
        notify: Notify,
        now: Instant,
    ) -> Result<(), Refusal> {
        let wall = Timestamp::now();
        let config = self.intake.config();
        let address = match path {
            ForwardPath::Mailbox(mailbox) => mailbox.clone(),
            ForwardPath::Postmaster => config.settings.postmaster.clone(),
        };
        let skips_rate = self.ask_access(peer, &address)?;
        let directory = self.intake.directory();
        let place = directory.place(&config.settings, &config.relays, &address, self.octets, (now, wall)).await?;
        let is_relayed = place == Place::Elsewhere && *path != ForwardPath::Postmaster;
        if is_relayed {
            Box::pin(self.check_relay(peer, &address, wall)).await?;
        }
        let is_role = matches!(place, Place::Postmaster(_))
            || !is_relayed && (*path == ForwardPath::Postmaster || directory::is_role(&address));
        if let (false, Some(refusal)) = (is_role, &self.sender_check) {
            return Err(refusal.clone());
        }
        let address = if let Place::Postmaster(target) = place { target } else { address };
        if !self.seen.contains(&address) {
            self.count(peer, is_role || skips_rate, (now, wall)).await?;
            self.is_relayed |= is_relayed;
            self.seen.insert(address.clone());
            self.recipients.push(Recipient { address, orcpt, notify });
        }
        self.taken += 1;
        Ok(())
    }

    /// DATA or the first BDAT: is there still room?
    pub fn data(&self) -> Result<(), Refusal> {
        self.intake.check_health()
    }

    /// Content, normalised. A failure is kept for the answer to the final dot, so that the rest is read and dropped.
    pub async fn push(&mut self, peer: &Peer, bytes: Bytes) {
        if matches!(self.body, Body::None) {
            let writer = self.intake.store().body_writer();
            self.body = if peer.is_submitting() {
                Body::Held(Held::new(writer, self.intake.held(), self.intake.authors()))
            } else {
                Body::Streaming(writer)
            };
        }
        let pushed: Result<(), Refusal> = match &mut self.body {
            Body::Streaming(writer) => writer.push(bytes).await.map_err(Refusal::from),
            Body::Held(held) => {
                held.push(&bytes);
                Ok(())
            }
            Body::None | Body::Refused(_) => Ok(()),
        };
        let released = match pushed {
            Ok(()) => self.release_when_large(peer).await,
            refused => refused,
        };
        if let Err(refusal) = released {
            self.body = Body::Refused(refusal);
        }
    }

    /// The final dot: checks, repairs and commits.
    pub async fn finish(mut self: Box<Self>, peer: &Peer) -> Result<Accepted, Refusal> {
        accept::finish(&mut self, peer).await
    }

    /// The end of a message that its caller commits.
    pub(crate) async fn into_message(mut self: Box<Self>, peer: &Peer) -> Result<NewMessage, Refusal> {
        accept::message(&mut self, peer).await
    }

    /// The envelope but for its recipients.
    pub(crate) fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Who gets it so far.
    pub(crate) fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// Asks `[[access]]`; tells whether rates are to be left out.
    fn ask_access(&self, peer: &Peer, to: &Mailbox) -> Result<bool, Refusal> {
        let config = self.intake.config();
        let client = peer.address.map(|address| address.ip());
        let question = Question { client, helo: &peer.helo, from: &self.envelope.reverse_path, to };
        let Some((entry, rule)) = access::decide(&config.settings.access, &question) else { return Ok(false) };
        tracing::info!(session = %peer.session, entry, action = ?rule.action, "access entry decides");
        let text = rule.text.clone();
        match rule.action {
            Action::Accept => Ok(rule.skip.contains(&Check::Rate)),
            Action::Reject => Err(Refusal::AccessReject { entry, text }),
            Action::Defer => Err(Refusal::AccessDefer { entry, text }),
        }
    }

    async fn check_relay(&self, peer: &Peer, to: &Mailbox, wall: Timestamp) -> Result<(), Refusal> {
        if !peer.may_relay() {
            return Err(Refusal::Relay);
        }
        let Some(account) = &peer.account else { return Ok(()) };
        if let Some(domain) = to.domain.name()
            && self.intake.goes_by_mx(to, peer.origin(&self.envelope.reverse_path, b""))
        {
            names::check_recipient(self.intake.resolver(), domain).await?;
        }
        if account.class != "bulk" {
            return Ok(());
        }
        match self.intake.store().suppressed_until(&account.login, to, wall).await? {
            Some(until) => Err(Refusal::Suppressed(until)),
            None => Ok(()),
        }
    }

    /// Counts the recipient, and the message with the first, against whoever sends.
    async fn count(&mut self, peer: &Peer, is_exempt: bool, now: (Instant, Timestamp)) -> Result<(), Refusal> {
        let messages = u32::from(self.recipients.is_empty());
        match (&peer.account, peer.address) {
            (Some(account), _) => Box::pin(self.intake.count_for(account, &mut self.reservation, now.1)).await,
            (None, Some(address)) if !is_exempt && !peer.is_mta_in_front() => {
                self.intake.count_peer(peer, address.ip(), messages, now.0)
            }
            _ => Ok(()),
        }
    }

    /// Lets a held message go on to the store once it is larger than what can be repaired as a whole.
    async fn release_when_large(&mut self, peer: &Peer) -> Result<(), Refusal> {
        if !matches!(&self.body, Body::Held(held) if held.is_large()) {
            return Ok(());
        }
        let Body::Held(held) = std::mem::replace(&mut self.body, Body::None) else { return Ok(()) };
        let writer = held.release(peer, self.id).await?;
        self.body = Body::Streaming(writer);
        Ok(())
    }
}
