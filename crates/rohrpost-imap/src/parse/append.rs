//! APPEND, piece by piece: what stands in front of each message.

use super::{Cursor, Dialect, ParseError, date, flag};
use crate::{command::AppendMessage, mailbox_name::MailboxName};

/// APPEND up to the announced literal.
#[derive(Debug)]
pub(crate) enum AppendHead {
    /// The literal is the name of the mailbox: more is to come before a message.
    Mailbox,
    /// The literal is the first message.
    Message(MailboxName, AppendMessage),
}

/// Reads APPEND behind its tag, up to and with the announcement of a literal and its line end. `None` if the command
/// is another one.
pub(crate) fn append_head(cursor: &mut Cursor<'_>) -> Result<Option<AppendHead>, ParseError> {
    if !cursor.take_word("APPEND ") {
        return Ok(None);
    }
    if cursor.peek() == Some(b'{') && is_announcement(cursor.rest()) {
        return Ok(Some(AppendHead::Mailbox));
    }
    let mailbox = cursor.mailbox()?;
    cursor.blank()?;
    message(cursor).map(|message| Some(AppendHead::Message(mailbox, message)))
}

/// Reads what stands behind a message: another one's announcement with its line end, or nothing where the command ends.
/// `utf8` says whether the message before was one of `UTF8 (…)`, whose parenthesis is still to come.
pub(crate) fn next_message(octets: &[u8], utf8: bool) -> Result<Option<AppendMessage>, ParseError> {
    let mut cursor = Cursor::new(octets, Dialect::default());
    if utf8 {
        cursor.close()?;
    }
    if cursor.end().is_ok() {
        return Ok(None);
    }
    let mut cursor = Cursor::new(&octets[usize::from(utf8)..], Dialect::default());
    cursor.blank()?;
    message(&mut cursor).map(Some)
}

/// `append-message = [SP flag-list] [SP date-time] SP append-data`, without its first blank.
fn message(cursor: &mut Cursor<'_>) -> Result<AppendMessage, ParseError> {
    let mut flags = Vec::new();
    if cursor.peek() == Some(b'(') {
        flags = flag::flag_list(cursor)?;
        cursor.blank()?;
    }
    let mut at = None;
    if cursor.peek() == Some(b'"') {
        at = Some(date::date_time(cursor)?);
        cursor.blank()?;
    }
    let utf8 = cursor.take_word("UTF8 (");
    let binary = cursor.take(b'~');
    let (octets, synchronizing) = announcement(cursor).ok_or(ParseError::NoMessage)?;
    match octets {
        0 => Err(ParseError::EmptyMessage),
        octets => Ok(AppendMessage { flags, at, octets, synchronizing, binary, utf8 }),
    }
}

/// `{12}` or `{12+}` with its line end, at the end of the octets.
fn announcement(cursor: &mut Cursor<'_>) -> Option<(u64, bool)> {
    if !cursor.take(b'{') {
        return None;
    }
    let octets = cursor.digits().parse().ok()?;
    let synchronizing = !cursor.take(b'+');
    let closed = cursor.take(b'}');
    cursor.take(b'\r');
    (closed && cursor.take(b'\n') && cursor.rest().is_empty()).then_some((octets, synchronizing))
}

/// Whether these octets are the announcement of a literal and nothing more.
fn is_announcement(octets: &[u8]) -> bool {
    announcement(&mut Cursor::new(octets, Dialect::default())).is_some()
}
