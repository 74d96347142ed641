//! FETCH.

use super::{Cursor, ParseError};
use crate::{
    command::{Body, Fetch, FetchItem, FieldName, Part, Partial, Section, SectionText},
    limits::{FETCH_ITEMS_MAX, FIELD_NAMES_MAX, PART_DEPTH_MAX},
};

/// `fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / …) [SP fetch-modifiers]`
pub(super) fn fetch(cursor: &mut Cursor<'_>, uid: bool) -> Result<Body, ParseError> {
    cursor.blank()?;
    let messages = cursor.messages()?;
    cursor.blank()?;
    let items = items(cursor)?;
    let mut fetch = Fetch { uid, messages, items, changed_since: None, vanished: false };
    if cursor.rest().starts_with(b" (") {
        cursor.blank()?;
        modifiers(cursor, &mut fetch)?;
    }
    Ok(Body::Fetch(fetch))
}

fn items(cursor: &mut Cursor<'_>) -> Result<Vec<FetchItem>, ParseError> {
    if cursor.peek() == Some(b'(') {
        return cursor.list("data items", FETCH_ITEMS_MAX, item);
    }
    let mut ahead = cursor.clone();
    if let Some(items) = macro_items(ahead.word(is_item_octet)) {
        *cursor = ahead;
        return Ok(items);
    }
    item(cursor).map(|item| vec![item])
}

/// The macros of RFC 9051 §6.4.5.
fn macro_items(name: &str) -> Option<Vec<FetchItem>> {
    const FULL: [FetchItem; 5] =
        [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Rfc822Size, FetchItem::Envelope, FetchItem::Body];
    let count = [("FAST", 3), ("ALL", 4), ("FULL", 5)].into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    count.map(|(_, count)| FULL[..count].to_vec())
}

/// `fetch-att`
fn item(cursor: &mut Cursor<'_>) -> Result<FetchItem, ParseError> {
    const BARE: [(&str, FetchItem); 14] = [
        ("UID", FetchItem::Uid),
        ("FLAGS", FetchItem::Flags),
        ("INTERNALDATE", FetchItem::InternalDate),
        ("ENVELOPE", FetchItem::Envelope),
        ("BODY", FetchItem::Body),
        ("BODYSTRUCTURE", FetchItem::BodyStructure),
        ("RFC822", FetchItem::Rfc822),
        ("RFC822.HEADER", FetchItem::Rfc822Header),
        ("RFC822.TEXT", FetchItem::Rfc822Text),
        ("RFC822.SIZE", FetchItem::Rfc822Size),
        ("MODSEQ", FetchItem::ModSeq),
        ("EMAILID", FetchItem::EmailId),
        ("THREADID", FetchItem::ThreadId),
        ("SAVEDATE", FetchItem::SaveDate),
    ];
    let at = cursor.at();
    let name = cursor.word(is_item_octet);
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    if cursor.peek() == Some(b'[') {
        return bracketed(cursor, name, at);
    }
    if is("PREVIEW") {
        return Ok(FetchItem::Preview { lazy: cursor.take_word(" (LAZY)") });
    }
    let item = BARE.iter().find(|(known, _)| is(known)).map(|(_, item)| item.clone());
    item.ok_or(ParseError::Word { what: "a data item", at })
}

/// `BODY[…]`, `BINARY[…]` and their kin, from the bracket on.
fn bracketed(cursor: &mut Cursor<'_>, name: &str, at: usize) -> Result<FetchItem, ParseError> {
    cursor.take(b'[');
    match name.to_ascii_uppercase().as_str() {
        "BODY" => section_item(cursor, false),
        "BODY.PEEK" => section_item(cursor, true),
        "BINARY" => binary_item(cursor, false),
        "BINARY.PEEK" => binary_item(cursor, true),
        "BINARY.SIZE" => section_binary(cursor).map(FetchItem::BinarySize),
        _ => Err(ParseError::Word { what: "a data item", at }),
    }
}

fn section_item(cursor: &mut Cursor<'_>, peek: bool) -> Result<FetchItem, ParseError> {
    let section = section(cursor)?;
    Ok(FetchItem::Section { section, partial: partial(cursor)?, peek })
}

fn binary_item(cursor: &mut Cursor<'_>, peek: bool) -> Result<FetchItem, ParseError> {
    let part = section_binary(cursor)?;
    Ok(FetchItem::Binary { part, partial: partial(cursor)?, peek })
}

/// `section` behind its first bracket, with the second.
fn section(cursor: &mut Cursor<'_>) -> Result<Section, ParseError> {
    let (part, dot) = part(cursor)?;
    let text = if dot || part.is_empty() && cursor.peek() != Some(b']') {
        Some(section_text(cursor, !part.is_empty())?)
    } else {
        None
    };
    bracket(cursor)?;
    Ok(Section { part, text })
}

/// `section-msgtext`, and MIME behind the number of a part.
fn section_text(cursor: &mut Cursor<'_>, of_part: bool) -> Result<SectionText, ParseError> {
    let at = cursor.at();
    match cursor.word(is_item_octet).to_ascii_uppercase().as_str() {
        "HEADER" => Ok(SectionText::Header),
        "HEADER.FIELDS" => field_names(cursor).map(SectionText::HeaderFields),
        "HEADER.FIELDS.NOT" => field_names(cursor).map(SectionText::HeaderFieldsNot),
        "TEXT" => Ok(SectionText::Text),
        "MIME" if of_part => Ok(SectionText::Mime),
        _ => Err(ParseError::Word { what: "a section", at }),
    }
}

/// `section-binary` behind its first bracket, with the second.
fn section_binary(cursor: &mut Cursor<'_>) -> Result<Part, ParseError> {
    let (part, dot) = part(cursor)?;
    if dot {
        return Err(cursor.missing("the number of a part"));
    }
    bracket(cursor)?;
    Ok(part)
}

/// `section-part`, perhaps none, and whether a dot stands behind it.
fn part(cursor: &mut Cursor<'_>) -> Result<(Part, bool), ParseError> {
    let mut part = Part::new();
    let mut dot = false;
    while cursor.peek().is_some_and(|octet| octet.is_ascii_digit()) {
        if part.len() == PART_DEPTH_MAX {
            return Err(ParseError::TooMany { what: "levels of parts", max: PART_DEPTH_MAX });
        }
        part.push(cursor.nz_number()?);
        dot = cursor.take(b'.');
        if !dot {
            break;
        }
    }
    Ok((part, dot))
}

fn field_names(cursor: &mut Cursor<'_>) -> Result<Vec<FieldName>, ParseError> {
    cursor.blank()?;
    cursor.list("header fields", FIELD_NAMES_MAX, Cursor::field_name)
}

fn bracket(cursor: &mut Cursor<'_>) -> Result<(), ParseError> {
    cursor.expect(b']', "`]`")
}

/// `partial = "<" number64 "." nz-number64 ">"`, if it is there.
fn partial(cursor: &mut Cursor<'_>) -> Result<Option<Partial>, ParseError> {
    if !cursor.take(b'<') {
        return Ok(None);
    }
    let first = cursor.number64()?;
    cursor.expect(b'.', "`.`")?;
    let at = cursor.at();
    let octets = cursor.number64()?;
    cursor.expect(b'>', "`>`")?;
    if octets == 0 {
        return Err(ParseError::Missing { what: "a number above 0", at });
    }
    Ok(Some(Partial { first, octets }))
}

/// `fetch-modifiers` (RFC 4466 §3), of which there are CHANGEDSINCE and VANISHED.
fn modifiers(cursor: &mut Cursor<'_>, fetch: &mut Fetch) -> Result<(), ParseError> {
    let at = cursor.at();
    cursor.list("modifiers", 2, |cursor| {
        let at = cursor.at();
        if cursor.take_word("CHANGEDSINCE ") {
            fetch.changed_since = Some(cursor.number64()?);
        } else if cursor.take_word("VANISHED") {
            fetch.vanished = true;
        } else {
            return Err(ParseError::Word { what: "a modifier of FETCH", at });
        }
        Ok(())
    })?;
    // RFC 7162 §3.2.6
    if fetch.vanished && (fetch.changed_since.is_none() || !fetch.uid) {
        return Err(ParseError::Word { what: "VANISHED without UID and CHANGEDSINCE", at });
    }
    Ok(())
}

fn is_item_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'.'
}
