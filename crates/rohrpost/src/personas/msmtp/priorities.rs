//! `tls_priorities`: the part of a `GnuTLS` priority string that says which TLS versions will do.
//!
//! `NORMAL:-VERS-TLS1.2` or `SECURE128:-VERS-ALL:+VERS-TLS1.3` mean the same here as there. Ciphers, groups and signatures
//! are chosen by the TLS library; what names them is handed back, so that the user can be told.

use rohrpost_mail::MinTls;

/// What a priority string asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Priorities {
    /// The oldest version that will do.
    pub(super) min: MinTls,
    /// The parts that have no effect.
    pub(super) ignored: Vec<String>,
}

/// Why no connection could meet a priority string.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum PrioritiesError {
    /// Neither 1.2 nor 1.3 is left.
    #[error("it leaves neither TLS 1.2 nor TLS 1.3, and older versions are not spoken")]
    NoVersion,
    /// 1.2 is left and 1.3 is not.
    #[error("it excludes TLS 1.3, which cannot be switched off")]
    WithoutTls13,
}

/// Reads a priority string.
pub(super) fn read(text: &str) -> Result<Priorities, PrioritiesError> {
    let (mut tls12, mut tls13) = (true, true);
    let mut ignored = Vec::new();
    for part in text.split(':').filter(|part| !part.is_empty()) {
        let on = part.starts_with('+');
        match part.trim_start_matches(['+', '-', '!']).to_ascii_uppercase().as_str() {
            "VERS-TLS1.2" => tls12 = on,
            "VERS-TLS1.3" => tls13 = on,
            "VERS-ALL" | "VERS-TLS-ALL" => (tls12, tls13) = (on, on),
            "NONE" => (tls12, tls13) = (false, false),
            word if is_level(word) || word.starts_with("VERS-") || word.starts_with('%') => {}
            _ => ignored.push(part.to_owned()),
        }
    }
    match (tls12, tls13) {
        (true, true) => Ok(Priorities { min: MinTls::Tls12, ignored }),
        (false, true) => Ok(Priorities { min: MinTls::Tls13, ignored }),
        (true, false) => Err(PrioritiesError::WithoutTls13),
        (false, false) => Err(PrioritiesError::NoVersion),
    }
}

/// Levels that leave both versions on. What they say of ciphers is met by everything that is spoken here.
fn is_level(word: &str) -> bool {
    matches!(word, "NORMAL" | "PERFORMANCE" | "PFS" | "SYSTEM" | "@SYSTEM") || word.starts_with("SECURE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn min(text: &str) -> Result<MinTls, PrioritiesError> {
        read(text).map(|priorities| priorities.min)
    }

    #[test]
    fn versions_are_taken_away_and_added_in_order() {
        assert_eq!(min("NORMAL"), Ok(MinTls::Tls12));
        assert_eq!(min("SECURE256:-VERS-TLS1.0:-VERS-TLS1.1"), Ok(MinTls::Tls12));
        assert_eq!(min("NORMAL:-VERS-TLS1.2"), Ok(MinTls::Tls13));
        assert_eq!(min("NORMAL:!VERS-TLS1.2"), Ok(MinTls::Tls13));
        assert_eq!(min("NORMAL:-VERS-ALL:+VERS-TLS1.3"), Ok(MinTls::Tls13));
        assert_eq!(min("NORMAL:-VERS-TLS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"), Ok(MinTls::Tls12));
        assert_eq!(min("NORMAL:-VERS-TLS1.3"), Err(PrioritiesError::WithoutTls13));
        assert_eq!(min("NORMAL:-VERS-ALL:+VERS-TLS1.0"), Err(PrioritiesError::NoVersion));
    }

    #[test]
    fn what_has_no_effect_is_handed_back() {
        let read = read("SECURE128:-CIPHER-ALL:+AES-256-GCM:%SERVER_PRECEDENCE:-VERS-TLS1.1").unwrap();
        assert_eq!(read.ignored, ["-CIPHER-ALL", "+AES-256-GCM"]);
    }
}
