//! Names of mailboxes: which are taken, and how `INBOX` is written.

use super::MailboxError;
use crate::limits;

/// The mailbox that always exists.
pub const INBOX: &str = "INBOX";
/// Parts the levels of a name.
pub const SEPARATOR: char = '/';

/// Brings a name into the one form in which it is stored: `INBOX` is upper case wherever it is the first level (RFC 9051
/// §5.1). Whoever calls has brought it into NFC.
///
/// # Errors
/// [`MailboxError::BadName`] for an empty level, control characters, or a name that is too long or too deep.
pub(crate) fn canonical(name: &str) -> Result<String, MailboxError> {
    let levels = name.split(SEPARATOR);
    let is_level = |level: &str| !level.is_empty() && !level.chars().any(char::is_control);
    if name.len() > limits::MAILBOX_NAME_BYTES_MAX
        || levels.clone().count() > limits::MAILBOX_LEVELS_MAX
        || !levels.clone().all(is_level)
    {
        return Err(MailboxError::BadName);
    }
    let first = levels.clone().next().unwrap_or_default();
    Ok(if first.eq_ignore_ascii_case(INBOX) { INBOX.to_owned() + &name[INBOX.len()..] } else { name.to_owned() })
}

/// The names above a name, from the top down.
pub(crate) fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices(SEPARATOR).map(|(at, _)| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inbox_is_one_mailbox_however_it_is_written() {
        assert_eq!(canonical("inBox").unwrap(), "INBOX");
        assert_eq!(canonical("inbox/Rechnungen").unwrap(), "INBOX/Rechnungen");
        assert_eq!(canonical("Inboxes").unwrap(), "Inboxes");
        assert_eq!(canonical("Entwürfe").unwrap(), "Entwürfe");
    }

    #[test]
    fn names_that_would_hurt_are_refused() {
        let deep = "a/".repeat(limits::MAILBOX_LEVELS_MAX) + "a";
        let long = "a".repeat(limits::MAILBOX_NAME_BYTES_MAX + 1);
        for name in ["", "/", "a//b", "a/", "/a", "a\r\nb", "a\0", &deep, &long] {
            assert!(matches!(canonical(name), Err(MailboxError::BadName)), "{name:?}");
        }
    }

    #[test]
    fn parents_come_from_the_top_down() {
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(parents("a").count(), 0);
    }
}
