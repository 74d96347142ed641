//! The report to the sender of a message that some of its recipients do not get.
//!
//! Delivery makes its reports when an attempt has failed. These are about recipients that never came into the queue; the
//! program that named them was told that all is well, and has gone.

use jiff::Timestamp;
use rohrpost_mail::{
    BodyKind, DeliveryRecord, EnhancedStatus, Envelope, LocalPart, Mailbox, Recipient,
    dsn::{Action, Fate, Report},
};
use rohrpost_queue::{Origin, redirect::redirect};
use rohrpost_store::{Body, NewMessage};

use super::{Closing, Denied};

/// The report; none where nobody was refused, nobody is to be told, or nobody wants to know (RFC 3461 §4.1).
pub(super) fn about(closing: &Closing, now: Timestamp) -> Option<NewMessage> {
    let to = closing.envelope.reverse_path.mailbox()?;
    let wanted = closing.refused.iter().filter(|denied| denied.recipient.notify.failure);
    let fates: Vec<_> = wanted.map(|denied| fate(denied, now)).collect();
    if fates.is_empty() {
        return None;
    }
    let (config, id) = (closing.intake.config(), closing.intake.store().new_id());
    let host_name = &config.settings.host_name;
    let local = LocalPart::new("mailer-daemon").expect("it is a local part");
    let from = Mailbox { local, domain: host_name.clone().into() };
    let report = Report {
        reporting_mta: host_name,
        from: &from,
        to,
        id,
        original_id: closing.message_id,
        envid: closing.envelope.envid.as_deref(),
        arrival: now,
        date: now,
        fates,
        original: &closing.head,
        original_is_whole: false,
        ret: closing.envelope.ret,
        language: config.settings.language,
    };
    let (mut bytes, smtputf8) = (report.to_bytes(), report.needs_smtputf8());
    let redirected = config.settings.redirect_all_to.as_ref().map(|all_to| redirect(all_to, [to]));
    bytes.splice(0..0, redirected.iter().flat_map(|redirected| redirected.field.bytes()));
    let note = redirected.as_ref().map(|redirected| redirected.note.clone());
    let recipient = redirected.map_or_else(|| Recipient::new(to.clone()), |redirected| redirected.recipient);
    let body = if bytes.is_ascii() { BodyKind::SevenBit } else { BodyKind::EightBitMime };
    let require_tls = closing.envelope.require_tls;
    let (queue, router) = (closing.intake.queue().settings(), closing.intake.router());
    let destination = router.ways(Origin::own()).to(&recipient.address);
    Some(NewMessage {
        id,
        envelope: Envelope { body, smtputf8, require_tls, ..Envelope::default() },
        recipients: vec![queue.recipient(recipient, destination, now, true)],
        received: DeliveryRecord { note, ..DeliveryRecord::written_here(id, now, "bounce", bytes.len() as u64) },
        body: Body::from_bytes(bytes),
        message_id: Some(format!("<{id}@{host_name}>")),
        account: None,
        expires: queue.schedule.expires(now, true),
        counters: Vec::new(),
    })
}

fn fate(denied: &Denied, now: Timestamp) -> Fate<'_> {
    Fate {
        recipient: &denied.recipient,
        action: Action::Failed,
        status: denied.reply.enhanced.unwrap_or(EnhancedStatus(5, 0, 0)),
        remote: None,
        reply: Some(&denied.reply),
        note: None,
        seal: None,
        attempted: now,
        retry_until: None,
    }
}
