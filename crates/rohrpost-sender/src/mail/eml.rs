//! Messages that somebody else wrote, as files hold them.

use std::collections::HashSet;

use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_mail::{
    BodyKind, Envelope, HeaderText, Mailbox, Recipient, ReversePath,
    address_list::mailboxes,
    compose::{Fields, name, with_crlf},
    date, header,
};

use super::{BuildError, Mail, declare_utf8, fields::message_id, new_message_id, source::Segment};

/// Reads it; what is not given about its envelope is read out of its header.
pub(super) fn read(message: Bytes, from: Option<Mailbox>, to: Vec<Recipient>) -> Result<Mail, BuildError> {
    clean(&message)?;
    let message = canonical(message);
    let (head, body) = header::split(&message);
    if head.is_empty() {
        return Err(BuildError::one("header", "the file does not start with the header of a message"));
    }
    let mut faults = Vec::new();
    let author = from.or_else(|| author(head, &mut faults));
    let recipients = if to.is_empty() { recipients(head, &mut faults) } else { once(to) };
    let (Some(author), true) = (author, faults.is_empty()) else { return Err(BuildError { faults }) };

    let (missing, id) = missing_fields(head, &author);
    let is_hidden = |field: &header::Field<'_>| field.is("Bcc") || field.is("Resent-Bcc");
    let shown = header::without(head, is_hidden);
    let head = [missing.as_str().as_bytes(), &shown, b"\r\n"].concat();
    let mut envelope = Envelope { reverse_path: ReversePath::Mailbox(author), ..Envelope::default() };
    // RFC 6532 allows UTF-8 in a header only under SMTPUTF8. Other octets are no matter of that.
    envelope.smtputf8 = !head.is_ascii() && std::str::from_utf8(&head).is_ok();
    declare_utf8(&mut envelope, &recipients);
    if !head.is_ascii() || !body.is_ascii() {
        envelope.body = BodyKind::EightBitMime;
    }
    let segments = vec![Segment::Written(head.into()), Segment::Written(message.slice_ref(body))];
    Ok(Mail::from_segments(envelope, recipients, id.as_ref(), segments))
}

/// Refuses what must not be sent as it is (RFC 5322 §4). A CR alone in a header would become a line end, and what stands
/// behind it a field that nobody wrote, such as Bcc. In a body it is a line end like others.
fn clean(message: &[u8]) -> Result<(), BuildError> {
    let (head, body) = header::split(message);
    let has_bare_cr = |line: &[u8]| line.strip_suffix(b"\r\n").unwrap_or(line).contains(&b'\r');
    if head.contains(&0) || head.split_inclusive(|octet| *octet == b'\n').any(has_bare_cr) {
        return Err(BuildError::one("header", "it holds a NUL or a CR without its LF, which stand in no message"));
    }
    if body.contains(&0) {
        return Err(BuildError::one("body", "it holds a NUL, which stands in no message; attach such data as a file"));
    }
    Ok(())
}

fn canonical(message: Bytes) -> Bytes {
    match with_crlf(&message) {
        std::borrow::Cow::Borrowed(_) => message,
        std::borrow::Cow::Owned(changed) => changed.into(),
    }
}

/// Whom notices of failure go to: the sender, else the first author.
fn author(head: &[u8], faults: &mut Vec<(&'static str, String)>) -> Option<Mailbox> {
    let from = named(head, "From", "from", faults);
    let sender = named(head, "Sender", "sender", faults);
    let author = sender.into_iter().chain(from).next();
    if author.is_none() && faults.is_empty() {
        faults.push(("from", "nobody is named as the author".to_owned()));
    }
    author
}

fn recipients(head: &[u8], faults: &mut Vec<(&'static str, String)>) -> Vec<Recipient> {
    let before = faults.len();
    let mut all = named(head, "To", "to", faults);
    all.extend(named(head, "Cc", "cc", faults));
    all.extend(named(head, "Bcc", "bcc", faults));
    if all.is_empty() && faults.len() == before {
        faults.push(("to", "To, Cc and Bcc name no recipient".to_owned()));
    }
    once(all.into_iter().map(Recipient::new).collect())
}

/// Everybody once, in order.
fn once(mut recipients: Vec<Recipient>) -> Vec<Recipient> {
    let mut known = HashSet::new();
    recipients.retain(|recipient| known.insert(recipient.address.clone()));
    recipients
}

/// The addresses in all fields of a name.
fn named(head: &[u8], name: &str, verb: &'static str, faults: &mut Vec<(&'static str, String)>) -> Vec<Mailbox> {
    let lists = header::fields(head).filter(|field| field.is(name)).map(|field| mailboxes(&field.unfolded()));
    let (mut found, mut broken) = (Vec::new(), None);
    for list in lists {
        match list {
            Ok(list) => found.extend(list),
            Err(error) => broken = Some(error),
        }
    }
    faults.extend(broken.map(|error| (verb, error.to_string())));
    found
}

/// The fields that every message has and this one lacks, and its id, where that can be read.
fn missing_fields(head: &[u8], author: &Mailbox) -> (Fields, Option<HeaderText>) {
    let mut fields = Fields::default();
    if header::count(head, "Date") == 0 {
        let now = HeaderText::new(date::rfc5322(Timestamp::now())).expect("dates hold no control characters");
        fields.tokens(&name::DATE, [&now]);
    }
    let id = if let Some(id) = header::value(head, "Message-ID") {
        message_id(&id).ok()
    } else {
        let id = new_message_id(&author.domain);
        fields.tokens(&name::MESSAGE_ID, [&id]);
        Some(id)
    };
    (fields, id)
}
