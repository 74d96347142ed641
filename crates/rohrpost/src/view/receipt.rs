//! What became of a message that was sent: the receipt, or why nobody got it.

use rohrpost_mail::{Mailbox, Seal, TlsInfo};
use rohrpost_sender::{Error, Note, Outcome, Receipt};

use super::{BAD, DIM, Styled, seal_style};

/// The receipt: one line for each recipient, first the seal; below them what else is worth knowing.
pub(crate) fn receipt(receipt: &Receipt) -> String {
    let clear = |note: &Note| match note {
        Note::Clear { reason } => Some(reason.clone()),
        _ => None,
    };
    let encrypted = receipt.tls.as_ref().map(|TlsInfo { version, group, .. }| format!("{version}, {group}"));
    let manner = encrypted.or_else(|| receipt.notes.iter().find_map(clear)).unwrap_or_default();
    let rows = outcomes(&receipt.recipients, receipt.seal, &manner);
    let note = |note: String| format!("{}\n", Styled(DIM, format!("note: {note}")));
    let unsent = receipt.recipients.iter().filter_map(|(to, outcome)| match outcome {
        Outcome::NotSent { reason, .. } => Some(note(format!("{to}: {reason}"))),
        _ => None,
    });
    let others =
        receipt.notes.iter().filter(|note| !matches!(note, Note::Clear { .. })).map(|told| note(told.to_string()));
    rows + &unsent.chain(others).collect::<String>()
}

/// One line for each recipient, first the seal where it was accepted, else the verdict.
pub(crate) fn outcomes(recipients: &[(Mailbox, Outcome)], seal: Option<Seal>, manner: &str) -> String {
    let width = recipients.iter().map(|(to, _)| to.to_string().chars().count()).max().unwrap_or(0);
    let row = |(to, outcome): &(Mailbox, Outcome)| {
        let (style, word) = match outcome {
            Outcome::Delivered(_) => (seal_style(seal), seal.map_or("local", Seal::as_str)),
            Outcome::Queued => (DIM, "queued"),
            Outcome::Deferred(_) => (BAD, "deferred"),
            Outcome::Refused(_) => (BAD, "refused"),
            Outcome::NotSent { .. } => (BAD, "not sent"),
            Outcome::Unknown => (BAD, "unknown"),
        };
        let word = Styled(style, format!("{word:<10}"));
        let reply = match outcome {
            Outcome::Unknown => Some("no reply to the message".to_owned()),
            outcome => outcome.reply().map(ToString::to_string),
        };
        let to = reply.as_ref().map_or_else(|| to.to_string(), |reply| format!("{:<width$}  {reply}", to.to_string()));
        let manner = if outcome.is_good() && !manner.is_empty() { format!("  {manner}") } else { String::new() };
        format!("{word} {to}{}\n", Styled(DIM, manner))
    };
    recipients.iter().map(row).collect()
}

/// Why nobody got it: each server with what it said, and under it what to do.
pub(crate) fn reasons(error: &Error) -> String {
    let line = |text: String, hint: Option<String>| {
        let hint = hint.map(|hint| format!("{} {hint}\n", Styled(DIM, "    hint:"))).unwrap_or_default();
        format!("{} {text}\n{hint}", Styled(BAD, "rohrpost:"))
    };
    match error.attempts() {
        [] => line(error.to_string(), error.hint()),
        attempts => attempts.iter().map(|attempt| line(attempt.to_string(), attempt.hint())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use rohrpost_mail::Reply;

    use super::*;

    #[test]
    fn the_receipt_says_the_seal_first_and_each_fate() {
        let to = |address: &str| address.parse::<Mailbox>().unwrap();
        let fates = [
            (to("bob@there.test"), Outcome::Delivered(Reply::with(250, 6, 0, "queued as 1"))),
            (to("a-longer-name@there.test"), Outcome::Refused(Reply::with(550, 1, 1, "No"))),
            (to("cy@there.test"), Outcome::Deferred(Reply::with(450, 2, 1, "Later"))),
            (to("dan@there.test"), Outcome::Unknown),
            (to("eve@there.test"), Outcome::NotSent { reason: "lost".into(), temporary: true }),
        ];
        let text = outcomes(&fates, Some(Seal::Cleartext), "not offered");
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string());
    }
}
