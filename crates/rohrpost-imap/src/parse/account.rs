//! Commands about who the client is and what it may use.

use std::borrow::Cow;

use rohrpost_mail::Secret;

use super::{Cursor, ParseError};
use crate::{
    command::Body,
    limits::{ID_FIELDS_MAX, ID_NAME_OCTETS_MAX, ID_VALUE_OCTETS_MAX, WORDS_MAX},
};

/// `login = "LOGIN" SP userid SP password`
pub(super) fn login(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    cursor.blank()?;
    let user = cursor.text()?;
    cursor.blank()?;
    let password = Secret::new(cursor.text()?);
    Ok(Body::Login { user, password })
}

/// `authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp]`
pub(super) fn authenticate(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    cursor.blank()?;
    let mechanism = cursor.atom("a mechanism")?;
    let initial = if cursor.take(b' ') { cursor.word(|octet| octet.is_ascii_graphic()) } else { "" };
    let initial = Some(initial).filter(|initial| !initial.is_empty()).map(Secret::new);
    Ok(Body::Authenticate { mechanism, initial })
}

/// `enable = "ENABLE" 1*(SP capability)`
pub(super) fn enable(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    cursor.blank()?;
    let mut names = vec![cursor.atom("a capability")?];
    // A blank at the end of the command is none before a name.
    while !cursor.rest().trim_ascii_start().is_empty() {
        if names.len() == WORDS_MAX {
            return Err(ParseError::TooMany { what: "capabilities", max: WORDS_MAX });
        }
        cursor.blank()?;
        names.push(cursor.atom("a capability")?);
    }
    Ok(Body::Enable(names))
}

/// `id = "ID" SP id-params-list` (RFC 2971 §4)
pub(super) fn id(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    cursor.blank()?;
    if cursor.take_word("NIL") {
        return Ok(Body::Id(Vec::new()));
    }
    cursor.list_or_empty("fields of ID", ID_FIELDS_MAX, id_field).map(Body::Id)
}

fn id_field(cursor: &mut Cursor<'_>) -> Result<(String, Option<String>), ParseError> {
    // It goes into logs only: what is no text is made one.
    let text = |octets: Cow<'_, [u8]>| String::from_utf8_lossy(&octets).into_owned();
    let name = text(cursor.string()?);
    cursor.blank()?;
    let value = cursor.nstring()?.map(text);
    if name.len() > ID_NAME_OCTETS_MAX {
        return Err(ParseError::TooMany { what: "octets in the name of an ID field", max: ID_NAME_OCTETS_MAX });
    }
    if value.as_ref().is_some_and(|value| value.len() > ID_VALUE_OCTETS_MAX) {
        return Err(ParseError::TooMany { what: "octets in the value of an ID field", max: ID_VALUE_OCTETS_MAX });
    }
    Ok((name, value))
}

/// `getquota = "GETQUOTA" SP quota-root-name` (RFC 9208 §7)
pub(super) fn get_quota(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    cursor.blank()?;
    cursor.text().map(Body::GetQuota)
}

/// `setquota = "SETQUOTA" SP quota-root-name SP setquota-list` (RFC 9208 §7)
pub(super) fn set_quota(cursor: &mut Cursor<'_>) -> Result<Body, ParseError> {
    cursor.blank()?;
    let root = cursor.text()?;
    cursor.blank()?;
    let limits = cursor.list_or_empty("resources", WORDS_MAX, |cursor| {
        let name = cursor.atom("a resource")?;
        cursor.blank()?;
        Ok((name, cursor.number64()?))
    })?;
    Ok(Body::SetQuota { root, limits })
}
