//! Who gets a message: the operands and, with `-t`, the header.
//!
//! The two are united, as in Postfix: Exim takes the operands away instead, and whoever counted on the union would lose
//! recipients there.

use rohrpost_mail::{AddressError, address_list::AddressListError, header};

use crate::{
    exit::Exit,
    personas::addresses::{self, Named},
};

/// Why the recipients cannot be told.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum RecipientsError {
    /// There are none.
    #[error("no recipients")]
    None,
    /// A list cannot be read.
    #[error("{place}: {error}")]
    List {
        /// The field, or the operand.
        place: String,
        /// What is wrong with it.
        error: AddressListError,
    },
}

impl RecipientsError {
    /// How the program ends.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::None => Exit::NoInput,
            Self::List { .. } => Exit::Data,
        }
    }
}

/// Everybody once, in order: bare names of this host as they are written, other addresses in one spelling.
pub(super) fn all(operands: &[String], head: Option<&[u8]>) -> Result<Vec<String>, RecipientsError> {
    let mut lists: Vec<(String, &[u8])> = Vec::new();
    lists.extend(operands.iter().map(|operand| (format!("{operand:?}"), operand.as_bytes())));
    lists.extend(head.map(fields).unwrap_or_default());
    let mut found: Vec<Named> = Vec::new();
    for (place, list) in lists {
        let wrong = |error| RecipientsError::List { place: place.clone(), error };
        for entry in addresses::entries(list).map_err(wrong)? {
            found.push(entry.named().map_err(|error: AddressError| wrong(error.into()))?);
        }
    }
    if found.is_empty() {
        return Err(RecipientsError::None);
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|named| seen.insert(key(named)));
    Ok(found.iter().map(ToString::to_string).collect())
}

/// Two spellings of one recipient have the same key.
fn key(named: &Named) -> String {
    match named {
        Named::Mailbox(mailbox) => mailbox.key(),
        Named::Local(name) => name.to_lowercase(),
    }
}

/// The fields that name recipients: To, Cc and Bcc, or, where the message was sent on by somebody, those of the block that
/// the last one to do so has put on top (RFC 5322 §3.6.6).
fn fields(head: &[u8]) -> Vec<(String, &[u8])> {
    let is_resent = |field: &header::Field<'_>| starts_with(field.name, b"Resent-");
    let names: &[&str] = if header::fields(head).any(|field| is_resent(&field)) {
        &["Resent-To", "Resent-Cc", "Resent-Bcc"]
    } else {
        &["To", "Cc", "Bcc"]
    };
    let is_first = first_block();
    let fields = header::fields(head).take_while(is_first);
    let naming = fields.filter_map(|field| names.iter().find(|name| field.is(name)).map(|name| (name, field.value)));
    naming.map(|(name, value)| ((*name).to_owned(), value)).collect()
}

/// Says for field after field whether the first block of Resent fields still lasts: until one of its fields comes again,
/// or a trace field behind it says that another server follows.
fn first_block() -> impl FnMut(&header::Field<'_>) -> bool {
    let mut seen: Vec<Vec<u8>> = Vec::new();
    move |field| {
        if !starts_with(field.name, b"Resent-") {
            return seen.is_empty() || !["Received", "Return-Path"].iter().any(|name| field.is(name));
        }
        let name = field.name.to_ascii_lowercase();
        let is_new = !seen.contains(&name);
        seen.push(name);
        is_new
    }
}

fn starts_with(name: &[u8], prefix: &[u8]) -> bool {
    name.len() >= prefix.len() && name[..prefix.len()].eq_ignore_ascii_case(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(operands: &[&str], head: Option<&str>) -> Result<String, RecipientsError> {
        let operands: Vec<String> = operands.iter().map(ToString::to_string).collect();
        all(&operands, head.map(str::as_bytes)).map(|found| found.join(" "))
    }

    #[test]
    fn operands_are_lists_and_the_header_counts_only_with_t() {
        assert_eq!(read(&["a@x.test, \"b\"@x.test", "root"], None).unwrap(), "a@x.test b@x.test root");
        assert_eq!(read(&["-alias"], None).unwrap(), "-alias");
        assert_eq!(read(&["\"Doe, J.\" <j@x.test>"], None).unwrap(), "j@x.test");
        let head = "To: a@x.test\r\nSubject: x\r\nCc: g: b@x.test,\r\n c@x.test;\r\nBcc: root\r\n";
        assert_eq!(read(&[], Some(head)).unwrap(), "a@x.test b@x.test c@x.test root");
        assert_eq!(
            read(&["d@x.test", "A@X.TEST", "ROOT"], Some(head)).unwrap(),
            "d@x.test A@x.test ROOT b@x.test c@x.test"
        );
    }

    #[test]
    fn mail_that_was_sent_on_goes_to_those_of_the_last_time_only() {
        let head = "Resent-From: r@x.test\r\nX-Note: 1\r\nResent-To: new@x.test\r\nResent-Bcc: hidden@x.test\r\n\
                    Received: by x\r\nResent-From: q@x.test\r\nResent-Cc: old@x.test\r\nTo: oldest@x.test\r\n";
        assert_eq!(read(&[], Some(head)).unwrap(), "new@x.test hidden@x.test");
        let twice = "Received: by y\r\nResent-To: new@x.test\r\nResent-To: old@x.test\r\n";
        assert_eq!(read(&[], Some(twice)).unwrap(), "new@x.test");
    }

    #[test]
    fn nobody_and_nonsense_are_refused() {
        assert_eq!(read(&[], None), Err(RecipientsError::None));
        assert_eq!(read(&[], Some("Subject: x\r\nTo: undisclosed-recipients:;\r\n")), Err(RecipientsError::None));
        assert_eq!(read(&[""], None), Err(RecipientsError::None));
        let error = read(&[], Some("To: a@x.test\r\nCc: b c\r\n")).unwrap_err().to_string();
        assert!(error.starts_with("Cc: "), "{error}");
        assert!(read(&["<a@x.test"], None).unwrap_err().to_string().starts_with("\"<a@x.test\": "));
    }
}
