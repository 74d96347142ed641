//! Redirect mode, for test systems: whatever comes in goes to one address, and a field says whom it was for.
//!
//! Intake and delivery ask here for what takes the place of a message's recipients. Pure: which address it is comes in
//! as an argument. The field names recipients of blind copies too; a test system has no other way to show them.

use std::fmt::Write;

use rohrpost_mail::{Mailbox, Recipient};

use crate::limits::ORIGINAL_RECIPIENTS_MAX;

/// The field that names the recipients a message had.
pub const ORIGINAL_TO: &str = "X-Rohrpost-Original-To";

/// What takes the place of a message's recipients.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redirected {
    /// The one who gets it now. What was asked for the others (RFC 3461) is not asked for this one.
    pub recipient: Recipient,
    /// The field that names the others, with its line end.
    pub field: String,
    /// What the trace says of it.
    pub note: String,
}

/// Puts the address `to` in the place of `originals`.
pub fn redirect<'a>(to: &Mailbox, originals: impl IntoIterator<Item = &'a Mailbox>) -> Redirected {
    let mut originals = originals.into_iter();
    let named: Vec<String> = originals.by_ref().take(ORIGINAL_RECIPIENTS_MAX).map(ToString::to_string).collect();
    let others = originals.count();
    // One address a line: RFC 5322 §2.1.1 ends lines at 998 octets, and no address is as long.
    let mut field = format!("{ORIGINAL_TO}: {}", named.join(",\r\n "));
    if others > 0 {
        let _ = write!(field, "\r\n (and {others} others)");
    }
    field.push_str("\r\n");
    let first = named.first().map_or("nobody", String::as_str);
    let note = match named.len() + others {
        0 | 1 => format!("redirected to {to}; it was for {first}"),
        2 => format!("redirected to {to}; it was for {first} and 1 other"),
        all => format!("redirected to {to}; it was for {first} and {} others", all - 1),
    };
    Redirected { recipient: Recipient::new(to.clone()), field, note }
}

#[cfg(test)]
mod tests {
    use rohrpost_mail::header;

    use super::*;

    fn mailboxes(count: usize) -> Vec<Mailbox> {
        (0..count).map(|n| format!("bob{n}@there.test").parse().unwrap()).collect()
    }

    #[test]
    fn one_field_names_all_recipients_one_a_line() {
        let redirected = redirect(&"qa@here.test".parse().unwrap(), &mailboxes(2));
        assert_eq!(redirected.recipient.address.to_string(), "qa@here.test");
        assert_eq!(redirected.field, "X-Rohrpost-Original-To: bob0@there.test,\r\n bob1@there.test\r\n");
        assert_eq!(redirected.note, "redirected to qa@here.test; it was for bob0@there.test and 1 other");
    }

    #[test]
    fn a_thousand_recipients_make_no_endless_field() {
        let redirected = redirect(&"qa@here.test".parse().unwrap(), &mailboxes(1_000));
        assert_eq!(header::fields(redirected.field.as_bytes()).count(), 1);
        assert_eq!(redirected.field.lines().count(), ORIGINAL_RECIPIENTS_MAX + 1);
        assert!(redirected.field.ends_with("bob99@there.test\r\n (and 900 others)\r\n"), "{}", redirected.field);
    }

    #[test]
    fn an_address_that_looks_like_a_field_stays_within_its_own() {
        let odd: Mailbox = "\"a: b, c\"@there.test".parse().unwrap();
        let redirected = redirect(&"qa@here.test".parse().unwrap(), [&odd]);
        assert_eq!(redirected.field, "X-Rohrpost-Original-To: \"a: b, c\"@there.test\r\n");
    }
}
