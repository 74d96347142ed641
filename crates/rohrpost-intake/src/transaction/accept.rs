//! From the final dot to the proof that the message is stored.

use bytes::{BufMut, BytesMut};
use jiff::Timestamp;
use rohrpost_mail::{
    DeliveryRecord, Direction, Outcome, Reply, header,
    received::{Received, Source},
};
use rohrpost_queue::{
    redirect::{self, Redirected},
    routing::LOCAL,
};
use rohrpost_store::{BodyWriter, CounterAdd, NewMessage, NewRecipient};

use super::{Accepted, Body, Transaction, held::Held};
use crate::{author, content::Facts, notices, origin, peer::Peer, refusal::Refusal};

pub(super) async fn finish(transaction: &mut Transaction, peer: &Peer) -> Result<Accepted, Refusal> {
    let message = message(transaction, peer).await?;
    let now = message.received.at;
    let announced = transaction.intake.queue().announce(&message);
    let stored = transaction.intake.store().commit(message).await?;
    announced.arrived();
    keep_count(transaction, peer, now);
    Ok(Accepted { stored, recipients: transaction.taken })
}

/// The message as it is to be stored: checked, repaired, with its trace fields on top.
pub(super) async fn message(transaction: &mut Transaction, peer: &Peer) -> Result<NewMessage, Refusal> {
    let writer = written(transaction, peer).await?;
    let facts = check_content(transaction, peer, header::split(writer.head()).0)?;
    let now = Timestamp::now();
    let octets = writer.octets();
    let mut fields = trace_fields(transaction, peer, now);
    let note = redirect(transaction, &mut fields);
    let recipients = routed(transaction, peer, writer.head(), now);
    let body = writer.finish(fields.freeze()).await?;
    Ok(NewMessage {
        id: transaction.id,
        recipients,
        body,
        received: DeliveryRecord { note, ..record(transaction, peer, now, octets) },
        message_id: facts.message_id,
        account: peer.account.as_ref().map(|account| account.login.clone()),
        expires: expires(transaction, now),
        counters: counters(transaction, now),
        envelope: std::mem::take(&mut transaction.envelope),
    })
}

/// The writer with all the content in it.
async fn written(transaction: &mut Transaction, peer: &Peer) -> Result<BodyWriter, Refusal> {
    match std::mem::replace(&mut transaction.body, Body::None) {
        Body::None if peer.is_submitting() => {
            // Nothing at all is judged and repaired like any other submitted message.
            let writer = transaction.intake.store().body_writer();
            Held::new(writer, transaction.intake.held(), transaction.intake.authors())
                .finish(peer, transaction.id)
                .await
        }
        Body::None => Ok(transaction.intake.store().body_writer()),
        Body::Streaming(writer) => Ok(writer),
        Body::Held(held) => Box::pin(held.finish(peer, transaction.id)).await,
        Body::Refused(refusal) => Err(refusal),
    }
}

fn check_content(transaction: &Transaction, peer: &Peer, head: &[u8]) -> Result<Facts, Refusal> {
    let facts = Facts::of(head);
    if facts.hops >= transaction.intake.config().settings.hops_max {
        return Err(Refusal::Loop(facts.hops));
    }
    if peer.account.is_none() && peer.trusted.is_some() && transaction.is_relayed {
        let directory = transaction.intake.directory();
        let sender = transaction.envelope.reverse_path.mailbox();
        author::check_local_author(head, sender, |host| directory.is_local(host))?;
    }
    Ok(facts)
}

/// The fields that go on top: Received, and X-Originating-IP where the operator wants it.
fn trace_fields(transaction: &Transaction, peer: &Peer, now: Timestamp) -> BytesMut {
    let config = transaction.intake.config();
    let source = match (&peer.account, peer.uid, peer.address) {
        (Some(_), ..) => Source::Authenticated,
        (None, Some(uid), _) if config.settings.received_uid => Source::User(uid),
        (None, _, None) => Source::Local,
        (None, _, Some(address)) => {
            Source::Peer { helo: &peer.helo, name: peer.name.as_ref(), address: address.ip().to_canonical() }
        }
    };
    let received = Received {
        source,
        by: &peer.host_name,
        with: peer.with(transaction.envelope.smtputf8),
        tls: peer.tls.as_ref(),
        id: transaction.id,
        recipient: (transaction.recipients.len() == 1).then(|| &transaction.recipients[0].address),
        at: now,
    };
    let mut fields = BytesMut::from(received.field().as_bytes());
    if let (Some(_), Some(address)) = (&peer.account, peer.address) {
        let settings = &config.settings;
        if let Some(field) = origin::field(settings.x_originating_ip, &settings.x_originating_ip_key, address.ip(), now)
        {
            fields.put_slice(field.as_bytes());
        }
    }
    fields
}

/// Where the operator wants all mail at one address, that address takes the place of the recipients. Whether the peer may
/// send to them was asked before and is not changed by it. What the record says of it.
fn redirect(transaction: &mut Transaction, fields: &mut BytesMut) -> Option<String> {
    let config = transaction.intake.config();
    let to = config.settings.redirect_all_to.as_ref()?;
    let originals = transaction.recipients.iter().map(|recipient| &recipient.address);
    let Redirected { recipient, field, note } = redirect::redirect(to, originals);
    fields.put_slice(field.as_bytes());
    transaction.recipients = vec![recipient];
    Some(note)
}

/// Each recipient with its route, its first attempt and whether it is held.
fn routed(transaction: &mut Transaction, peer: &Peer, head: &[u8], now: Timestamp) -> Vec<NewRecipient> {
    let (config, queue) = (transaction.intake.config(), transaction.intake.queue().settings());
    let is_null = transaction.envelope.reverse_path.mailbox().is_none();
    let due = transaction.envelope.hold_until.unwrap_or(now).max(now);
    let due = peer.account.as_ref().map_or(due, |account| due.max(transaction.intake.release_at(account, now)));
    let recipients = std::mem::take(&mut transaction.recipients).into_iter();
    let ways = transaction.intake.router().ways(peer.origin(&transaction.envelope.reverse_path, head));
    recipients
        .map(|recipient| {
            let destination = ways.to(&recipient.address);
            let hold = config.settings.hold && destination.route != LOCAL;
            NewRecipient { hold, ..queue.recipient(recipient, destination, due, is_null) }
        })
        .collect()
}

/// How the message came in. The record is part of the commit, so its duration ends where the commit begins.
fn record(transaction: &Transaction, peer: &Peer, now: Timestamp, octets: u64) -> DeliveryRecord {
    let listener = peer.listener.to_string();
    DeliveryRecord {
        protocol: peer.with(transaction.envelope.smtputf8).map_or("local".to_owned(), |with| with.to_string()),
        peer: who(peer),
        address: peer.address,
        account: peer.account.as_ref().map(|account| account.login.clone()),
        reply: Some(accepted_reply(transaction)),
        octets,
        millis: transaction.begun.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
        ..DeliveryRecord::new(transaction.id, now, Direction::In, listener, peer.link(), Outcome::Received)
    }
}

/// What the other side called itself, where that tells more than its account; a program of this host is its user's.
fn who(peer: &Peer) -> Option<String> {
    let helo = || Some(peer.helo.clone()).filter(|helo| !helo.is_empty() && peer.account.is_none());
    peer.uid.map(|uid| format!("uid {uid}")).or_else(helo)
}

/// What the session tells the client once the commit is done.
fn accepted_reply(transaction: &Transaction) -> Reply {
    Reply::with(250, 6, 0, format!("queued as {}", transaction.id))
}

fn expires(transaction: &Transaction, now: Timestamp) -> Timestamp {
    let is_null = transaction.envelope.reverse_path.mailbox().is_none();
    let from = transaction.envelope.hold_until.unwrap_or(now).max(now);
    transaction.intake.queue().settings().schedule.expires(from, is_null)
}

fn counters(transaction: &Transaction, now: Timestamp) -> Vec<CounterAdd> {
    let minute = now.as_second().div_euclid(60);
    let counts = transaction.reservation.as_ref().map(crate::quota::Reservation::counts);
    let counts = counts.into_iter().flatten().filter(|(_, count)| *count > 0);
    counts.map(|(key, count)| CounterAdd { key, minute, count }).collect()
}

fn keep_count(transaction: &mut Transaction, peer: &Peer, now: Timestamp) {
    let (Some(reservation), Some(account)) = (transaction.reservation.take(), &peer.account) else { return };
    let limits = transaction.intake.limits_of(account);
    for crossing in reservation.keep(&limits, now) {
        notices::limit_nears(&transaction.intake, account, crossing);
    }
}
