//! Commands: from octets to a [`Command`].
//!
//! [`parse`] reads one whole command without its last CRLF; literals stand in it as they came: `{5}`, CRLF, five octets.
//! [`crate::reader`] cuts the octets of a connection into such commands. There is one function for each rule of the
//! grammar (RFC 9051 §9), and every list, depth and text has a bound in [`crate::limits`].
//!
//! Deviation from RFC 9051 §4.3: blanks at the end of a command are passed over, because programs send them.
//!
//! ```
//! use rohrpost_imap::{command::Body, parse::{Dialect, parse}};
//!
//! let command = parse(b"a1 SELECT {5}\r\ninbox", Dialect::default())?;
//! let Body::Select(select) = command.body else { panic!() };
//! assert!(select.mailbox.is_inbox());
//!
//! let bad = parse(b"a2 SELECT", Dialect::default()).unwrap_err();
//! assert_eq!(bad.tag.unwrap().as_str(), "a2");
//! assert_eq!(bad.error.to_string(), "a blank is missing at octet 9");
//! # Ok::<(), rohrpost_imap::parse::BadCommand>(())
//! ```

mod account;
mod append;
mod cursor;
mod date;
mod error;
mod fetch;
mod flag;
mod mailbox;
mod search;
mod select;
mod string;

pub use error::{BadCommand, ParseError};

pub(crate) use append::{AppendHead, append_head, next_message};
pub(crate) use cursor::Cursor;

use crate::command::{Body, Command, Tag};

/// What the client's names are written in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Dialect {
    /// Whether names of mailboxes are UTF-8, as after ENABLE IMAP4rev2 or UTF8=ACCEPT; else they are modified UTF-7.
    pub utf8: bool,
}

/// Reads a command, without its last CRLF. Not APPEND, whose messages never are in one piece with it.
///
/// # Errors
/// [`BadCommand`], with the tag as far as there is one.
pub fn parse(octets: &[u8], dialect: Dialect) -> Result<Command, BadCommand> {
    let mut cursor = Cursor::new(octets, dialect);
    let tag = tag(&mut cursor).map_err(|error| BadCommand::new(None, error))?;
    match body(&mut cursor) {
        Ok(body) => Ok(Command { tag, body }),
        Err(error) => Err(BadCommand::new(Some(tag), error)),
    }
}

/// The tag and its blank.
pub(crate) fn tag(cursor: &mut Cursor<'_>) -> Result<Tag, ParseError> {
    let word = cursor.word(crate::command::is_tag_octet);
    match Tag::new(word) {
        Some(tag) if cursor.take(b' ') => Ok(tag),
        _ => Err(ParseError::Tag),
    }
}

fn body(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    let name = cursor.word(|octet| octet.is_ascii_alphanumeric());
    let body = if name.eq_ignore_ascii_case("UID") {
        cursor.blank()?;
        let name = cursor.word(|octet| octet.is_ascii_alphanumeric());
        find(&UID_COMMANDS, name)?(cursor)?
    } else {
        find(&COMMANDS, name)?(cursor)?
    };
    cursor.end()?;
    Ok(body)
}

/// Reads what stands behind the name of a command.
type Rule = fn(&mut Cursor<'_>) -> Result<Body, ParseError>;

const COMMANDS: [(&str, Rule); 35] = [
    ("FETCH", |cursor| fetch::fetch(cursor, false)),
    ("NOOP", |_| Ok(Body::Noop)),
    ("IDLE", |_| Ok(Body::Idle)),
    ("SELECT", |cursor| select::select(cursor).map(Body::Select)),
    ("STATUS", |cursor| mailbox::status(cursor).map(Body::Status)),
    ("STORE", |cursor| flag::store(cursor, false)),
    ("LIST", |cursor| mailbox::list(cursor).map(Body::List)),
    ("SEARCH", |cursor| search::search(cursor, false)),
    ("COPY", |cursor| flag::copy(cursor, false)),
    ("MOVE", |cursor| flag::move_(cursor, false)),
    ("CAPABILITY", |_| Ok(Body::Capability)),
    ("LOGOUT", |_| Ok(Body::Logout)),
    ("ID", account::id),
    ("STARTTLS", |_| Ok(Body::StartTls)),
    ("AUTHENTICATE", account::authenticate),
    ("LOGIN", account::login),
    ("ENABLE", account::enable),
    ("EXAMINE", |cursor| select::select(cursor).map(Body::Examine)),
    ("CREATE", mailbox::create),
    ("DELETE", |cursor| mailbox::argument(cursor).map(Body::Delete)),
    ("RENAME", mailbox::rename),
    ("SUBSCRIBE", |cursor| mailbox::argument(cursor).map(Body::Subscribe)),
    ("UNSUBSCRIBE", |cursor| mailbox::argument(cursor).map(Body::Unsubscribe)),
    ("LSUB", mailbox::lsub),
    ("NAMESPACE", |_| Ok(Body::Namespace)),
    ("APPEND", |_| Err(ParseError::NoMessage)),
    ("GETQUOTA", account::get_quota),
    ("GETQUOTAROOT", |cursor| mailbox::argument(cursor).map(Body::GetQuotaRoot)),
    ("SETQUOTA", account::set_quota),
    ("CHECK", |_| Ok(Body::Check)),
    ("CLOSE", |_| Ok(Body::Close)),
    ("UNSELECT", |_| Ok(Body::Unselect)),
    ("EXPUNGE", |_| Ok(Body::Expunge)),
    ("SORT", |cursor| search::sort(cursor, false)),
    ("THREAD", |cursor| search::thread(cursor, false)),
];

const UID_COMMANDS: [(&str, Rule); 8] = [
    ("FETCH", |cursor| fetch::fetch(cursor, true)),
    ("STORE", |cursor| flag::store(cursor, true)),
    ("SEARCH", |cursor| search::search(cursor, true)),
    ("COPY", |cursor| flag::copy(cursor, true)),
    ("MOVE", |cursor| flag::move_(cursor, true)),
    ("EXPUNGE", flag::uid_expunge),
    ("SORT", |cursor| search::sort(cursor, true)),
    ("THREAD", |cursor| search::thread(cursor, true)),
];

fn find(table: &[(&str, Rule)], name: &str) -> Result<Rule, ParseError> {
    let known = table.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, rule)| *rule).ok_or(ParseError::UnknownCommand)
}
