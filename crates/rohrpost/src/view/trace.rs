//! `rohrpost trace`: every hop of a message, first the word for how well it was sealed.

use std::fmt::Write;

use anstyle::Style;
use rohrpost_mail::{DeliveryRecord, Direction, Link, Outcome, PolicySource, Stage, TlsInfo, Verification, VerifiedBy};
use rohrpost_store::State;

use super::{BOLD, DIM, POOR, Styled, queue::state_word, seal_style, size, time};
use crate::control::{QueueRow, Trace};

/// Width of the column with the seal.
const WORD: usize = 11;
/// Width of the column with the labels.
const LABEL: usize = 8;

/// The whole trace of one message.
pub(crate) fn render(trace: &Trace) -> String {
    let mut text = head(trace);
    for record in &trace.records {
        text.push('\n');
        text.push_str(&hop(record));
    }
    for row in &trace.waiting {
        text.push('\n');
        text.push_str(&waiting(row));
    }
    text
}

fn head(trace: &Trace) -> String {
    let mut text = format!("{}", Styled(BOLD, trace.id));
    if let Some(sender) = &trace.sender {
        let sender = sender.mailbox().map_or("<>".to_owned(), ToString::to_string);
        let _ = write!(text, "  from {sender}");
    }
    if let Some(received) = trace.records.iter().find(|record| record.direction == Direction::In) {
        let _ = write!(text, ", {}, {}", size(received.octets), time(received.at));
    }
    text.push('\n');
    if let Some(id) = &trace.message_id {
        let _ = writeln!(text, "{}", Styled(DIM, format!("Message-ID {id}")));
    }
    text
}

/// One hop.
pub(crate) fn hop(record: &DeliveryRecord) -> String {
    let mut text = String::new();
    text.push_str(&first(seal_style(record.seal()), word(record)));
    let _ = writeln!(text, "{}", story(record));
    for (label, value) in facts(record) {
        line(&mut text, label, &value);
    }
    text
}

/// The first column: a word, and the blanks behind it.
fn first(style: Style, word: &str) -> String {
    let blank = " ".repeat(WORD.saturating_sub(word.len()).max(2));
    format!("{}{blank}", Styled(style, word))
}

fn line(text: &mut String, label: &str, value: &str) {
    let _ = writeln!(text, "{}{}{value}", " ".repeat(WORD), Styled(DIM, format!("{label:<LABEL$}")));
}

/// The word that stands first.
fn word(record: &DeliveryRecord) -> &'static str {
    match (record.seal(), &record.link) {
        (Some(seal), _) => seal.as_str(),
        (None, _) if is_order(record) => {
            if is_of_queue(record) {
                "queue"
            } else {
                "operator"
            }
        }
        (None, Link::Local) => "local",
        (None, _) => "not sent",
    }
}

/// Whether the record is of something that was done without an attempt, by an operator or the queue itself.
fn is_order(record: &DeliveryRecord) -> bool {
    matches!(record.outcome, Outcome::Noted { .. } | Outcome::Removed { .. })
}

/// Whether nobody told the queue to do it.
fn is_of_queue(record: &DeliveryRecord) -> bool {
    record.protocol == "queue" && matches!(record.outcome, Outcome::Noted { .. })
}

/// What happened, in one sentence.
fn story(record: &DeliveryRecord) -> String {
    let peer = peer(record);
    let who = record.recipient.as_ref().map_or_else(|| "the message".to_owned(), ToString::to_string);
    let toward = if peer.is_empty() { String::new() } else { format!(" at {peer}") };
    match &record.outcome {
        Outcome::Received => {
            let account = record.account.as_ref().map(|account| format!(", logged in as {account}"));
            let from = if peer.is_empty() { String::new() } else { format!(" from {peer}") };
            format!("received{from}{}", account.unwrap_or_default())
        }
        Outcome::Filed { mailbox } => format!("{who} filed in {mailbox}"),
        Outcome::Relayed => format!("{who} relayed to {peer}"),
        Outcome::Expanded { into: 1 } => format!("{who} stands for one other recipient"),
        Outcome::Expanded { into } => format!("{who} stands for {into} other recipients"),
        Outcome::Deferred { until } => format!("{who} deferred{toward}, again at {}", time(*until)),
        Outcome::Failed => format!("{who} failed{toward}"),
        Outcome::Expired => format!("{who} expired: it waited too long"),
        Outcome::Removed { by } => format!("{who} removed from the queue by {by}"),
        Outcome::PossiblyDuplicated => format!("{who} may have been sent twice: connection lost after the final dot"),
        Outcome::Noted { what } => format!("{who} {what}"),
    }
}

/// `mx.there.test [127.0.0.1]:25`; a peer that is only known by its address is not named twice.
fn peer(record: &DeliveryRecord) -> String {
    let address = record.address.map(|address| format!("[{}]:{}", address.ip(), address.port()));
    match (&record.peer, address) {
        (Some(peer), Some(address)) if !peer.starts_with('[') => format!("{peer} {address}"),
        (_, Some(address)) => address,
        (Some(peer), None) => peer.clone(),
        (None, None) => String::new(),
    }
}

/// The lines below the sentence.
fn facts(record: &DeliveryRecord) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    match &record.link {
        Link::Tls(tls) => facts.extend([("tls", cipher(tls)), ("peer", identity(record, tls))]),
        Link::Clear { reason } => facts.push(("tls", format!("none: {reason}"))),
        Link::Local | Link::None => {}
    }
    if let Some(policy) = record.policy {
        let source = record.policy_source.map_or("", source);
        facts.push(("policy", format!("{policy}{source}")));
    }
    if let Some(reply) = &record.reply {
        let stage = record.stage.filter(|_| !reply.is_positive()).map(|stage| format!(" ({})", place(stage)));
        facts.push(("reply", format!("{reply}{}", stage.unwrap_or_default())));
    }
    if let Some(note) = &record.note {
        let stage = record.stage.filter(|_| record.reply.is_none()).map(|stage| format!(" ({})", place(stage)));
        facts.push(("why", format!("{note}{}", stage.unwrap_or_default())));
    }
    facts.push(if is_order(record) { ("at", clock(record)) } else { ("by", manner(record)) });
    facts
}

fn cipher(tls: &TlsInfo) -> String {
    let hybrid = if tls.group.contains("MLKEM") { " (post-quantum)" } else { "" };
    let resumed = if tls.resumed { ", resumed" } else { "" };
    format!("{} {}, key exchange {}{hybrid}{resumed}", tls.version, tls.suite, tls.group)
}

fn identity(record: &DeliveryRecord, tls: &TlsInfo) -> String {
    let name = tls.sni.as_deref().or(record.peer.as_deref()).unwrap_or("peer");
    match &tls.verification {
        Verification::Verified { by } => format!("{name}, proved by {}", proof(*by)),
        Verification::Unverified { reason } => format!("not proved: {reason}"),
        Verification::NoCertificate => "showed no certificate".to_owned(),
    }
}

fn proof(by: VerifiedBy) -> &'static str {
    match by {
        VerifiedBy::WebPki => "a public authority",
        VerifiedBy::Ca => "a private authority",
        VerifiedBy::Dane => "its TLSA records (DANE)",
        VerifiedBy::Pin => "its pinned key",
        VerifiedBy::ClientCa => "its client certificate",
    }
}

fn source(source: PolicySource) -> &'static str {
    match source {
        PolicySource::Operator => ", set by the operator",
        PolicySource::Dane => ", by its TLSA records (DANE)",
        PolicySource::HalfDane => ", by TLSA records under an unsigned MX set",
        PolicySource::Sts => ", by its MTA-STS policy",
        PolicySource::Default => ", nobody asked for more",
    }
}

fn place(stage: Stage) -> &'static str {
    match stage {
        Stage::Dns => "looking for the host",
        Stage::Policy => "no host met the policy",
        Stage::Connect => "connecting",
        Stage::Tls => "in the TLS handshake",
        Stage::Greeting => "greeting",
        Stage::Ehlo => "to EHLO",
        Stage::Starttls => "to STARTTLS",
        Stage::Auth => "to AUTH",
        Stage::Mail => "to MAIL",
        Stage::Rcpt => "to RCPT",
        Stage::Data => "to DATA",
        Stage::Dot => "to the whole message",
        Stage::Local => "filing",
    }
}

/// Route, protocol, attempt and time.
fn manner(record: &DeliveryRecord) -> String {
    let way = match record.direction {
        Direction::In => format!("listener {}, {}", record.route, record.protocol),
        Direction::Out if record.route == record.protocol => record.route.clone(),
        Direction::Out => format!("{}, {}", record.route, record.protocol),
    };
    let attempt = if record.attempt > 1 { format!(", attempt {}", record.attempt) } else { String::new() };
    format!("{way}{attempt}, {} ms, {}", record.millis, clock(record))
}

fn clock(record: &DeliveryRecord) -> String {
    record.at.strftime("%H:%M:%S%.3f UTC").to_string()
}

/// A recipient that still waits.
fn waiting(row: &QueueRow) -> String {
    let mut text = format!("{}{}", first(POOR, state_word(row.state)), row.recipient);
    match row.state {
        State::Waiting if row.kept_in => text.push_str(", held like all that leaves"),
        State::Waiting => {
            let _ = write!(text, ", next attempt {}", time(row.due));
        }
        State::Held | State::Quarantined => {}
    }
    text.push('\n');
    if let Some(last) = &row.last {
        line(&mut text, "why", last);
    }
    line(&mut text, "expires", &time(row.expires));
    text
}

#[cfg(test)]
mod tests;
