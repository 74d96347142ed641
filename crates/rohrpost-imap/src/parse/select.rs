//! SELECT and EXAMINE.

use super::{Cursor, ParseError};
use crate::{
    command::{QResync, Select},
    sequence::SequenceSet,
};

/// `select = "SELECT" SP mailbox [select-params]` (RFC 4466 §3)
pub(super) fn select(cursor: &mut Cursor<'_>) -> Result<Select, ParseError> {
    cursor.blank()?;
    let mut select = Select { mailbox: cursor.mailbox()?, condstore: false, qresync: None };
    if cursor.rest().starts_with(b" (") {
        cursor.blank()?;
        cursor.open()?;
        parameter(cursor, &mut select)?;
        while cursor.take(b' ') {
            parameter(cursor, &mut select)?;
        }
        cursor.close()?;
    }
    Ok(select)
}

/// Each parameter may stand once, so that their number has a bound.
fn parameter(cursor: &mut Cursor<'_>, select: &mut Select) -> Result<(), ParseError> {
    let at = cursor.at();
    if !select.condstore && cursor.take_word("CONDSTORE") {
        select.condstore = true;
    } else if select.qresync.is_none() && cursor.take_word("QRESYNC") {
        cursor.blank()?;
        select.qresync = Some(qresync(cursor)?);
    } else {
        return Err(ParseError::Word { what: "a parameter of SELECT", at });
    }
    Ok(())
}

/// `"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"` (RFC 7162 §7)
fn qresync(cursor: &mut Cursor<'_>) -> Result<QResync, ParseError> {
    cursor.open()?;
    let uid_validity = cursor.nz_number()?;
    cursor.blank()?;
    let at = cursor.at();
    let modseq = cursor.number64()?;
    if modseq == 0 {
        return Err(ParseError::Missing { what: "a MODSEQ above 0", at });
    }
    let mut qresync = QResync { uid_validity, modseq, known_uids: None, sequence_match: None };
    let mut more = cursor.take(b' ');
    if more && cursor.peek() != Some(b'(') {
        qresync.known_uids = Some(set_without_star(cursor)?);
        more = cursor.take(b' ');
    }
    if more {
        cursor.open()?;
        let numbers = set_without_star(cursor)?;
        cursor.blank()?;
        qresync.sequence_match = Some((numbers, set_without_star(cursor)?));
        cursor.close()?;
    }
    cursor.close()?;
    Ok(qresync)
}

fn set_without_star(cursor: &mut Cursor<'_>) -> Result<SequenceSet, ParseError> {
    let at = cursor.at();
    let set = cursor.sequence_set()?;
    if set.has_star() { Err(ParseError::Missing { what: "a set of numbers without `*`", at }) } else { Ok(set) }
}
