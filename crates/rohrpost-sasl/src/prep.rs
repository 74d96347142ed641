//! User names and passwords in the one spelling that is compared: RFC 8265.
//!
//! The same password typed on two keyboards can be two strings of code points. [`password`] is the profile
//! `OpaqueString` (RFC 8265 §4.2), [`user`] is `UsernameCasePreserved` (§3.4): logins are mail addresses or plain names,
//! and their case is the business of whoever looks the account up.

use precis_profiles::{OpaqueString, UsernameCasePreserved, precis_core::profile::Profile as _};

use crate::limits;

/// Why a text cannot be a user name or password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepError {
    /// There is none.
    #[error("it is empty")]
    Empty,
    /// It has more octets than it may have.
    #[error("it has more than {0} octets")]
    TooLong(usize),
    /// It holds control characters or others that RFC 8265 does not allow; in a user name also blanks.
    #[error("it holds characters that RFC 8265 does not allow")]
    Characters,
}

/// A password as it is hashed and compared: composed (NFC), other blanks as U+0020, no control characters.
pub fn password(text: &str) -> Result<String, PrepError> {
    prepared(text, limits::PASSWORD_BYTES_MAX, |text| OpaqueString::new().enforce(text).map(Into::into).ok())
}

/// A user name as it is looked up: composed (NFC), full-width letters narrowed, no blanks and control characters.
pub fn user(text: &str) -> Result<String, PrepError> {
    prepared(text, limits::USER_BYTES_MAX, |text| UsernameCasePreserved::new().enforce(text).map(Into::into).ok())
}

/// Printable ASCII is its own form in both profiles, so that nearly all texts skip the tables.
fn prepared(text: &str, bytes_max: usize, enforce: impl Fn(&str) -> Option<String>) -> Result<String, PrepError> {
    match text {
        "" => Err(PrepError::Empty),
        _ if text.len() > bytes_max => Err(PrepError::TooLong(bytes_max)),
        _ if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => enforce(text).ok_or(PrepError::Characters),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_whatever_keyboard_it_was_typed_on() {
        assert_eq!(password("Jo\u{308}rg\u{a0}s").as_deref(), Ok("J\u{f6}rg s"));
        assert_eq!(password("correct horse battery staple").as_deref(), Ok("correct horse battery staple"));
        assert_eq!(user("jo\u{308}rg@here.test").as_deref(), Ok("j\u{f6}rg@here.test"));
        assert_eq!(user("Ann@here.test").as_deref(), Ok("Ann@here.test"));
    }

    #[test]
    fn what_rfc_8265_forbids_is_refused() {
        assert_eq!((password(""), user("")), (Err(PrepError::Empty), Err(PrepError::Empty)));
        for text in ["a\0b", "a\r\nb", "a\u{7f}", "\u{200b}x\u{7}"] {
            assert_eq!(password(text), Err(PrepError::Characters), "{text:?}");
            assert_eq!(user(text), Err(PrepError::Characters), "{text:?}");
        }
        assert_eq!(user("ann smith"), Err(PrepError::Characters));
        assert_eq!(user(&"a".repeat(256)), Err(PrepError::TooLong(255)));
        assert_eq!(password(&"a".repeat(1_025)), Err(PrepError::TooLong(1_024)));
    }
}
