//! Delivery status notifications: what a sender is told about the fate of a message.
//!
//! RFC 3464 (the report), RFC 6522 (its frame), RFC 3461 §6 (what was asked for), RFC 6533 (with UTF-8 addresses). One
//! notification tells of all recipients of one message in one round of events. The first part is for people, in English
//! or German; the second for programs; the third returns the message or its header.

mod text;

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::{
    address::Mailbox,
    date,
    domain::Domain,
    encode::{fold, quoted_printable, text_words},
    envelope::{Recipient, Ret},
    header,
    id::QueueId,
    record::Seal,
    reply::{EnhancedStatus, Reply},
};

pub use text::Language;

/// Octets of a message that are returned whole; of a larger one only the header. Delivery rule 40.
pub const RETURNED_BYTES_MAX: usize = 50 * 1024;

/// What became of the message for one recipient. RFC 3464 §2.3.3.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// It will never arrive.
    Failed,
    /// It is late, and still tried.
    Delayed,
    /// It lies in the mailbox.
    Delivered,
    /// It was handed to a server that reports nothing back.
    Relayed,
    /// It was sent on to several others.
    Expanded,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Expanded => "expanded",
        }
    }
}

/// One recipient's share of the news.
#[derive(Clone, Debug)]
pub struct Fate<'a> {
    /// Who.
    pub recipient: &'a Recipient,
    /// What happened.
    pub action: Action,
    /// Why, as digits.
    pub status: EnhancedStatus,
    /// The server that said so, such as `mx.there.test [192.0.2.1]`.
    pub remote: Option<String>,
    /// Its words.
    pub reply: Option<&'a Reply>,
    /// Our words where the reply alone explains nothing: `TLS is required and the server does not offer it`.
    pub note: Option<String>,
    /// How the hop was sealed.
    pub seal: Option<Seal>,
    /// When the last attempt ended.
    pub attempted: Timestamp,
    /// Until when it is tried, for [`Action::Delayed`].
    pub retry_until: Option<Timestamp>,
}

/// All that one notification tells.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// Our name.
    pub reporting_mta: &'a Domain,
    /// The address in From, usually `mailer-daemon@` our name.
    pub from: &'a Mailbox,
    /// The reverse path of the message reported on.
    pub to: &'a Mailbox,
    /// The id of the notification itself; its Message-ID and boundary come from it.
    pub id: QueueId,
    /// The id of the message reported on.
    pub original_id: QueueId,
    /// `ENVID=`, where one was given.
    pub envid: Option<&'a str>,
    /// When the message came.
    pub arrival: Timestamp,
    /// When this is written.
    pub date: Timestamp,
    /// At least one.
    pub fates: Vec<Fate<'a>>,
    /// The message, or as much of it as is at hand; at least its header.
    pub original: &'a [u8],
    /// Whether [`Report::original`] is all of it.
    pub original_is_whole: bool,
    /// `RET=`; without it failures return the whole message where it is small.
    pub ret: Option<Ret>,
    /// The language of the part for people.
    pub language: Language,
}

impl Report<'_> {
    /// The notification as a message. It is ASCII unless an address or the returned header needs UTF-8.
    pub fn to_bytes(&self) -> Vec<u8> {
        let boundary = self.boundary();
        let mut out = self.header(&boundary).into_bytes();
        let mut part = |head: &str, body: &[u8]| {
            out.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
            out.extend_from_slice(body);
            out.extend_from_slice(b"\r\n");
        };
        let text = quoted_printable(text::explain(self).as_bytes());
        part("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable", &text);
        part(self.status_type(), self.status_fields().as_bytes());
        let (head, original) = self.returned();
        part(&head, original);
        out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        out
    }

    /// The gravest news: it gives the subject.
    fn action(&self) -> Action {
        self.fates.iter().map(|fate| fate.action).min().unwrap_or(Action::Failed)
    }

    /// Whether the report itself needs SMTPUTF8 on its way (RFC 6533).
    pub fn needs_smtputf8(&self) -> bool {
        let wide = |mailbox: &Mailbox| mailbox.needs_smtputf8();
        wide(self.to) || self.fates.iter().any(|fate| wide(&fate.recipient.address))
    }

    fn header(&self, boundary: &str) -> String {
        format!(
            "From: Mail Delivery System <{}>\r\nTo: {}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}@{}>\r\n\
             Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\"\r\n\r\n",
            self.from,
            self.to,
            fold("Subject: ".len(), text_words(text::subject(self.action(), self.language))),
            date::rfc5322(self.date),
            self.id,
            self.reporting_mta,
        )
    }

    fn status_type(&self) -> &'static str {
        if self.needs_smtputf8() {
            "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit"
        } else {
            "Content-Type: message/delivery-status"
        }
    }

    /// RFC 3464 §2.2 and §2.3.
    fn status_fields(&self) -> String {
        let mut out = format!("Reporting-MTA: dns; {}\r\n", self.reporting_mta);
        if let Some(envid) = self.envid {
            field(&mut out, "Original-Envelope-Id", envid);
        }
        field(&mut out, "Arrival-Date", &date::rfc5322(self.arrival));
        for fate in &self.fates {
            out.push_str("\r\n");
            self.recipient_fields(fate, &mut out);
        }
        out
    }

    fn recipient_fields(&self, fate: &Fate<'_>, out: &mut String) {
        if let Some(orcpt) = &fate.recipient.orcpt {
            field(out, "Original-Recipient", &format!("{}; {}", orcpt.kind, orcpt.address));
        }
        let kind = if fate.recipient.address.needs_smtputf8() { "utf-8" } else { "rfc822" };
        field(out, "Final-Recipient", &format!("{kind}; {}", fate.recipient.address));
        field(out, "Action", fate.action.as_str());
        field(out, "Status", &fate.status.to_string());
        if let Some(remote) = &fate.remote {
            field(out, "Remote-MTA", &format!("dns; {remote}"));
        }
        match (fate.reply, &fate.note) {
            (Some(reply), _) => field(out, "Diagnostic-Code", &format!("smtp; {reply}")),
            (None, Some(note)) => field(out, "Diagnostic-Code", &format!("X-Rohrpost; {note}")),
            (None, None) => {}
        }
        field(out, "Last-Attempt-Date", &date::rfc5322(fate.attempted));
        if let Some(until) = fate.retry_until {
            field(out, "Will-Retry-Until", &date::rfc5322(until));
        }
        field(out, "X-Rohrpost-Id", &self.original_id.to_string());
        if let Some(seal) = fate.seal {
            field(out, "X-Rohrpost-Seal", seal.as_str());
        }
    }

    /// The third part: its fields, and as much of the message as is returned.
    fn returned(&self) -> (String, &[u8]) {
        let whole = self.original_is_whole
            && self.original.len() <= RETURNED_BYTES_MAX
            && self.ret != Some(Ret::Hdrs)
            && (self.ret == Some(Ret::Full) || self.action() == Action::Failed);
        let content = if whole { self.original } else { header::split(self.original).0 };
        let kind = match (whole, content.is_ascii(), self.needs_smtputf8()) {
            (true, _, true) => "message/global",
            (true, _, false) => "message/rfc822",
            (false, true, _) => "text/rfc822-headers",
            (false, false, _) => "message/global-headers",
        };
        let encoding = if content.is_ascii() { "7bit" } else { "8bit" };
        (format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}"), content)
    }

    /// A line of the original could hold any text, so the boundary grows until none does.
    fn boundary(&self) -> String {
        let mut boundary = format!("=_{}", self.id);
        let holds = |boundary: &str| self.original.windows(boundary.len()).any(|text| text == boundary.as_bytes());
        while holds(&boundary) {
            boundary.push('_');
        }
        boundary
    }
}

/// One field; what a peer said is on one line and without control characters.
fn field(out: &mut String, name: &str, value: &str) {
    let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // Long replies are cut: RFC 5322 §2.1.1 ends a line at 998 octets.
    let end = value.floor_char_boundary(value.len().min(900));
    write!(out, "{name}: {}\r\n", &value[..end]).expect("a String takes all");
}

#[cfg(test)]
mod tests;
