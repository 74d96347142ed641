//! Modified UTF-7 (RFC 3501 §5.1.3): printable ASCII stands for itself, `&` is `&-`, all else is UTF-16 in base64 with `,`
//! for `/`, between `&` and `-`.

use base64::{
    Engine as _,
    alphabet::IMAP_MUTF7,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::NameError;
use crate::limits::MAILBOX_NAME_OCTETS_MAX;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Reads a name or pattern. Only what [`print()`] writes is taken, so that no name has two forms.
pub(super) fn decode(octets: &[u8]) -> Result<String, NameError> {
    // In base64, a letter of two octets of UTF-8 can be five octets here.
    if octets.len() > 5 * MAILBOX_NAME_OCTETS_MAX {
        return Err(NameError::TooLong);
    }
    let mut text = String::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((plain, behind)) = split_once(rest, b'&') {
        push_plain(&mut text, plain)?;
        let (encoded, behind) = split_once(behind, b'-').ok_or(NameError::Encoding)?;
        push_encoded(&mut text, encoded)?;
        rest = behind;
    }
    push_plain(&mut text, rest)?;
    let mut again = Vec::with_capacity(octets.len());
    print(&mut again, &text);
    if again == octets { Ok(text) } else { Err(NameError::Encoding) }
}

/// Writes a name or pattern.
pub fn print(out: &mut Vec<u8>, text: &str) {
    let is_plain = |letter: char| matches!(letter, ' '..='~');
    let mut rest = text;
    while !rest.is_empty() {
        let (plain, behind) = rest.split_at(rest.find(|letter| !is_plain(letter)).unwrap_or(rest.len()));
        for octet in plain.bytes() {
            out.push(octet);
            if octet == b'&' {
                out.push(b'-');
            }
        }
        let (other, behind) = behind.split_at(behind.find(is_plain).unwrap_or(behind.len()));
        if !other.is_empty() {
            let utf16: Vec<u8> = other.encode_utf16().flat_map(u16::to_be_bytes).collect();
            out.push(b'&');
            out.extend_from_slice(BASE64.encode(utf16).as_bytes());
            out.push(b'-');
        }
        rest = behind;
    }
}

fn split_once(octets: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    memchr::memchr(at, octets).map(|place| (&octets[..place], &octets[place + 1..]))
}

fn push_plain(text: &mut String, plain: &[u8]) -> Result<(), NameError> {
    match std::str::from_utf8(plain) {
        Ok(plain) if plain.is_ascii() => text.push_str(plain),
        _ => return Err(NameError::Encoding),
    }
    Ok(())
}

fn push_encoded(text: &mut String, encoded: &[u8]) -> Result<(), NameError> {
    if encoded.is_empty() {
        text.push('&');
        return Ok(());
    }
    let octets = BASE64.decode(encoded).map_err(|_| NameError::Encoding)?;
    let (units, rest) = octets.as_chunks::<2>();
    let letters: Result<String, _> = char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit))).collect();
    match letters {
        Ok(letters) if rest.is_empty() => text.push_str(&letters),
        _ => return Err(NameError::Encoding),
    }
    Ok(())
}
