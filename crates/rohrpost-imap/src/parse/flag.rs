//! Flags, and the commands that change or carry messages.

use super::{Cursor, ParseError};
use crate::{
    command::{Body, Flag, Keyword, Messages, Store, StoreAction, SystemFlag, is_atom_octet},
    limits::{FLAGS_MAX, KEYWORD_OCTETS_MAX},
    mailbox_name::MailboxName,
};

/// `store = "STORE" SP sequence-set [SP store-modifiers] SP store-att-flags` (RFC 7162 §7)
pub(super) fn store(cursor: &mut Cursor<'_>, uid: bool) -> Result<Body, ParseError> {
    cursor.blank()?;
    let messages = cursor.messages()?;
    cursor.blank()?;
    let unchanged_since = unchanged_since(cursor)?;
    let action = action(cursor);
    if !cursor.take_word("FLAGS") {
        return Err(cursor.missing("FLAGS, +FLAGS or -FLAGS"));
    }
    let silent = cursor.take_word(".SILENT");
    cursor.blank()?;
    let flags = if cursor.peek() == Some(b'(') { flag_list(cursor)? } else { bare_flags(cursor)? };
    Ok(Body::Store(Store { uid, messages, unchanged_since, action, silent, flags }))
}

/// `copy = "COPY" SP sequence-set SP mailbox`
pub(super) fn copy(cursor: &mut Cursor<'_>, uid: bool) -> Result<Body, ParseError> {
    let (messages, mailbox) = transfer(cursor)?;
    Ok(Body::Copy { uid, messages, mailbox })
}

/// `move = "MOVE" SP sequence-set SP mailbox`
pub(super) fn move_(cursor: &mut Cursor<'_>, uid: bool) -> Result<Body, ParseError> {
    let (messages, mailbox) = transfer(cursor)?;
    Ok(Body::Move { uid, messages, mailbox })
}

/// `uid-expunge = "UID" SP "EXPUNGE" SP sequence-set`
pub(super) fn uid_expunge(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    cursor.blank()?;
    cursor.messages().map(Body::UidExpunge)
}

/// `flag-list`
pub(super) fn flag_list(cursor: &mut Cursor<'_>) -> Result<Vec<Flag>, ParseError> {
    cursor.list_or_empty("flags", FLAGS_MAX, flag).map(without_doubles)
}

/// `flag-keyword`
pub(super) fn keyword(cursor: &mut Cursor<'_>) -> Result<Keyword, ParseError> {
    let keyword = cursor.atom("a keyword")?;
    if keyword.as_str().len() > KEYWORD_OCTETS_MAX {
        return Err(ParseError::TooMany { what: "octets in a keyword", max: KEYWORD_OCTETS_MAX });
    }
    Ok(keyword)
}

fn transfer(cursor: &mut Cursor<'_>) -> Result<(Messages, MailboxName), ParseError> {
    cursor.blank()?;
    let messages = cursor.messages()?;
    cursor.blank()?;
    Ok((messages, cursor.mailbox()?))
}

/// `"(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")" SP`, if it is there.
fn unchanged_since(cursor: &mut Cursor<'_>) -> Result<Option<u64>, ParseError> {
    if !cursor.take(b'(') {
        return Ok(None);
    }
    if !cursor.take_word("UNCHANGEDSINCE") {
        return Err(cursor.missing("UNCHANGEDSINCE"));
    }
    cursor.blank()?;
    let modseq = cursor.number64()?;
    cursor.close()?;
    cursor.blank()?;
    Ok(Some(modseq))
}

fn action(cursor: &mut Cursor<'_>) -> StoreAction {
    if cursor.take(b'+') {
        StoreAction::Add
    } else if cursor.take(b'-') {
        StoreAction::Remove
    } else {
        StoreAction::Replace
    }
}

fn bare_flags(cursor: &mut Cursor<'_>) -> Result<Vec<Flag>, ParseError> {
    let mut flags = vec![flag(cursor)?];
    // A blank at the end of the command is none before a flag.
    while !cursor.rest().trim_ascii_start().is_empty() {
        if flags.len() == FLAGS_MAX {
            return Err(ParseError::TooMany { what: "flags", max: FLAGS_MAX });
        }
        cursor.blank()?;
        flags.push(flag(cursor)?);
    }
    Ok(without_doubles(flags))
}

/// `flag`, of which a client cannot set `\Recent` nor one that no standard knows.
fn flag(cursor: &mut Cursor<'_>) -> Result<Flag, ParseError> {
    if cursor.peek() != Some(b'\\') {
        return keyword(cursor).map(Flag::Keyword);
    }
    let at = cursor.at();
    let name = cursor.word(|octet| octet == b'\\' || is_atom_octet(octet));
    SystemFlag::from_name(name).map(Flag::System).ok_or(ParseError::Word { what: "a flag", at })
}

/// Keywords are the same in whatever case (RFC 9051 §2.3.2); the first form stays.
fn without_doubles(flags: Vec<Flag>) -> Vec<Flag> {
    let mut once: Vec<Flag> = Vec::with_capacity(flags.len());
    for flag in flags {
        if !once.iter().any(|before| before.as_str().eq_ignore_ascii_case(flag.as_str())) {
            once.push(flag);
        }
    }
    once
}
