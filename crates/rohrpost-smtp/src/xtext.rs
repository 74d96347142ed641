//! xtext (RFC 3461 §4): how ENVID, ORCPT and AUTH carry characters that a parameter must not hold.
//!
//! Printable ASCII stands for itself, but for `+` and `=`; any octet may be written `+` and two upper-case hex digits.
//! What decodes here holds no control characters, so that a value can never break out of the line, header or log it is
//! written to.

use std::fmt::Write as _;

/// Why a text is no xtext.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum XtextError {
    /// `+` without two hex digits, `=`, or a blank.
    #[error("+ stands before two upper-case hex digits, and = must be written +3D")]
    Encoding,
    /// A control character, written plainly or encoded.
    #[error("control characters must not be encoded")]
    Control,
    /// The octets are not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
}

/// Reads xtext. Characters beyond ASCII may stand for themselves (RFC 6533 §3).
///
/// # Errors
/// [`XtextError`] for the first character that must not stand where it does.
pub fn decode(text: &str) -> Result<String, XtextError> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => {
                let (high, low) = (rest.next().and_then(hex_digit), rest.next().and_then(hex_digit));
                octets.push(high.zip(low).map(|(high, low)| high << 4 | low).ok_or(XtextError::Encoding)?);
            }
            b'=' | b' ' => return Err(XtextError::Encoding),
            byte => octets.push(byte),
        }
    }
    let text = String::from_utf8(octets).map_err(|_| XtextError::NotUtf8)?;
    if text.chars().any(char::is_control) { Err(XtextError::Control) } else { Ok(text) }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Writes xtext: the inverse of [`decode`].
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'+' | b'=') {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "+{byte:02X}").expect("writing to a String never fails");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for text in ["QQ314159", "a+b=c@here.test", "two words", "jörg", "\\x{20AC}", "+", ""] {
            assert_eq!(decode(&encode(text)).as_deref(), Ok(text));
        }
        assert_eq!(encode("a+b=c d"), "a+2Bb+3Dc+20d");
        assert_eq!(decode("jörg").as_deref(), Ok("jörg"));
    }

    #[test]
    fn what_could_break_a_line_or_is_no_xtext_is_refused() {
        for text in ["+0D+0A", "+00", "a+7F", "+C2+85"] {
            assert_eq!(decode(text), Err(XtextError::Control), "{text}");
        }
        for text in ["+", "+G0", "+0", "+0d", "a=b", "a b"] {
            assert_eq!(decode(text), Err(XtextError::Encoding), "{text}");
        }
        assert_eq!(decode("+FF"), Err(XtextError::NotUtf8));
    }
}
