//! Commands about mailboxes that are not selected.

use std::borrow::Cow;

use super::{Cursor, ParseError};
use crate::{
    command::{Body, List, ListReturn, ListSelection, SpecialUse, Status, StatusItem, is_atom_octet},
    limits::{LIST_PATTERNS_MAX, WORDS_MAX},
    mailbox_name::MailboxName,
};

/// `SP mailbox`
pub(super) fn argument(cursor: &mut Cursor<'_>) -> Result<MailboxName, ParseError> {
    cursor.blank()?;
    cursor.mailbox()
}

/// `create = "CREATE" SP mailbox [create-params]` (RFC 4466 §3), of which there is USE (RFC 6154 §3).
pub(super) fn create(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    let mailbox = argument(cursor)?;
    let mut special_use = Vec::new();
    if cursor.take_word(" (") {
        if !cursor.take_word("USE ") {
            return Err(cursor.missing("USE"));
        }
        special_use = cursor.list_or_empty("special uses", WORDS_MAX, special_use_attribute)?;
        cursor.close()?;
    }
    Ok(Body::Create { mailbox, special_use })
}

/// `rename = "RENAME" SP mailbox SP mailbox`
pub(super) fn rename(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    let from = argument(cursor)?;
    let to = argument(cursor)?;
    Ok(Body::Rename { from, to })
}

/// `status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"`
pub(super) fn status(cursor: &mut Cursor<'_>) -> Result<Status, ParseError> {
    let mailbox = argument(cursor)?;
    cursor.blank()?;
    Ok(Status { mailbox, items: status_items(cursor)? })
}

/// `lsub = "LSUB" SP mailbox SP list-mailbox` (RFC 3501 §9)
pub(super) fn lsub(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    let reference = reference(cursor)?;
    cursor.list_pattern(&reference).map(Body::Lsub)
}

/// `list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]`
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<List, ParseError> {
    let mut extended = false;
    let mut selection = ListSelection::default();
    if cursor.rest().starts_with(b" (") {
        cursor.blank()?;
        selection = self::selection(cursor)?;
        extended = true;
    }
    let reference = reference(cursor)?;
    let mut patterns = Vec::new();
    if cursor.peek() == Some(b'(') {
        extended = true;
        patterns = cursor.list("patterns", LIST_PATTERNS_MAX, |cursor| cursor.list_pattern(&reference))?;
    } else {
        patterns.push(cursor.list_pattern(&reference)?);
    }
    let mut returns = ListReturn::default();
    if cursor.take_word(" RETURN ") {
        extended = true;
        returns = self::returns(cursor)?;
    }
    Ok(List { extended, selection, patterns, returns })
}

/// The reference with the blanks around it, as it was written.
fn reference<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, [u8]>, ParseError> {
    cursor.blank()?;
    let reference = cursor.astring()?;
    cursor.blank()?;
    Ok(reference)
}

/// `list-select-opts`
fn selection(cursor: &mut Cursor<'_>) -> Result<ListSelection, ParseError> {
    let at = cursor.at();
    let mut selection = ListSelection::default();
    cursor.list_or_empty("selection options", WORDS_MAX, |cursor| {
        let at = cursor.at();
        match cursor.atom("a selection option")? {
            word if word.is("SUBSCRIBED") => selection.subscribed = true,
            word if word.is("REMOTE") => selection.remote = true,
            word if word.is("RECURSIVEMATCH") => selection.recursive_match = true,
            word if word.is("SPECIAL-USE") => selection.special_use = true,
            _ => return Err(ParseError::Word { what: "a selection option", at }),
        }
        Ok(())
    })?;
    // RFC 5258 §3.1: it says how others select, and cannot stand without one.
    if selection.recursive_match && !selection.subscribed && !selection.special_use {
        return Err(ParseError::Word { what: "RECURSIVEMATCH alone", at });
    }
    Ok(selection)
}

/// `list-return-opts` behind RETURN
fn returns(cursor: &mut Cursor<'_>) -> Result<ListReturn, ParseError> {
    let mut returns = ListReturn::default();
    cursor.list_or_empty("return options", WORDS_MAX, |cursor| {
        let at = cursor.at();
        match cursor.atom("a return option")? {
            word if word.is("SUBSCRIBED") => returns.subscribed = true,
            word if word.is("CHILDREN") => returns.children = true,
            word if word.is("SPECIAL-USE") => returns.special_use = true,
            word if word.is("STATUS") => {
                cursor.blank()?;
                returns.status = status_items(cursor)?;
            }
            _ => return Err(ParseError::Word { what: "a return option", at }),
        }
        Ok(())
    })?;
    Ok(returns)
}

/// `"(" status-att *(SP status-att) ")"`: each item once.
fn status_items(cursor: &mut Cursor<'_>) -> Result<Vec<StatusItem>, ParseError> {
    let mut items = cursor.list("items of STATUS", WORDS_MAX, |cursor| {
        let at = cursor.at();
        let name = cursor.word(is_atom_octet);
        StatusItem::from_name(name).ok_or(ParseError::Word { what: "an item of STATUS", at })
    })?;
    let mut seen = Vec::new();
    items.retain(|item| {
        let first = !seen.contains(item);
        seen.push(*item);
        first
    });
    Ok(items)
}

/// `use-attr` (RFC 6154 §6)
fn special_use_attribute(cursor: &mut Cursor<'_>) -> Result<SpecialUse, ParseError> {
    let at = cursor.at();
    let name = cursor.word(|octet| octet == b'\\' || is_atom_octet(octet));
    SpecialUse::from_name(name).ok_or(ParseError::Word { what: "a special use", at })
}
