//! TLS libraries by what programs and packages say of them, and which versions of TLS each can do.

use std::fmt;

use serde::Serialize;

/// Whose library it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(super) enum Family {
    #[serde(rename = "OpenSSL")]
    OpenSsl,
    #[serde(rename = "LibreSSL")]
    LibreSsl,
    #[serde(rename = "GnuTLS")]
    GnuTls,
    #[serde(rename = "NSS")]
    Nss,
    #[serde(rename = "rustls")]
    Rustls,
}

impl Family {
    /// With the words that programs print before a version.
    const ALL: [(Self, &'static str); 5] = [
        (Self::OpenSsl, "OpenSSL"),
        (Self::LibreSsl, "LibreSSL"),
        (Self::GnuTls, "GnuTLS"),
        (Self::Nss, "NSS"),
        (Self::Rustls, "rustls"),
    ];

    /// The family of a shared library, by its file name.
    pub(super) fn of_file(name: &str) -> Option<Self> {
        match name.split(".so").next()? {
            "libssl" => Some(Self::OpenSsl),
            "libgnutls" => Some(Self::GnuTls),
            "libssl3" => Some(Self::Nss),
            _ => None,
        }
    }

    /// The first releases with TLS 1.2 and with TLS 1.3 switched on.
    fn since(self) -> [[u32; 3]; 2] {
        match self {
            Self::OpenSsl => [[1, 0, 1], [1, 1, 1]],
            Self::LibreSsl => [[2, 0, 0], [3, 2, 0]],
            Self::GnuTls => [[2, 0, 0], [3, 6, 5]],
            Self::Nss => [[3, 15, 1], [3, 39, 0]],
            Self::Rustls => [[0, 0, 0], [0, 0, 0]],
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, word) = Self::ALL.iter().find(|(family, _)| family == self).expect("all are listed");
        f.write_str(word)
    }
}

/// A library and its release, where that is known. Our own, rustls, does 1.2 and 1.3 in every release that we have used.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Library {
    pub(super) family: Family,
    pub(super) version: Option<String>,
}

impl Library {
    /// Finds the first library that a text speaks of: `OpenSSL/3.0.19`, `GnuTLS 3.7.9`, `(SecureTransport) LibreSSL/3.3.6`.
    pub(super) fn in_text(text: &str) -> Option<Self> {
        let found = Family::ALL.iter().filter_map(|(family, word)| text.find(word).map(|at| (at, *family, *word)));
        let (at, family, word) = found.min_by_key(|(at, ..)| *at)?;
        Some(Self { family, version: version(&text[at + word.len()..]) })
    }

    /// Whether it does TLS 1.2 and TLS 1.3; nothing where its release is not known.
    pub(super) fn speaks(&self) -> [Option<bool>; 2] {
        let release = match &self.version {
            Some(version) => release(version),
            None => (self.family == Family::Rustls).then_some([0, 0, 0]),
        };
        self.family.since().map(|since| release.map(|release| release >= since))
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{} {version}", self.family),
            None if self.family == Family::Rustls => self.family.fmt(f),
            None => write!(f, "{}, release unknown", self.family),
        }
    }
}

/// The version right behind a name: `/3.0.19 zlib/1` gives `3.0.19`.
fn version(text: &str) -> Option<String> {
    let text = text.trim_start_matches(['/', ' ', '-']);
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(text.len());
    let version = &text[..end];
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

/// The first version number in a text, such as what `--version` prints.
pub(super) fn first_version(text: &str) -> Option<String> {
    text.split_whitespace().find_map(|word| {
        let word = word.trim_start_matches(['v', '(']).trim_end_matches([')', ',', ';']);
        (word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')).then(|| word.to_owned())
    })
}

/// The numbers of a release: `3.7.9-2+deb12u5` and `1.1.1w` are 3.7.9 and 1.1.1. An epoch before a colon is Debian's.
fn release(version: &str) -> Option<[u32; 3]> {
    let upstream = version.split_once(':').map_or(version, |(_, upstream)| upstream);
    let mut numbers = upstream.split(['.', '-', '+', '~']).map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..digits].parse().ok()
    });
    Some([numbers.next()??, numbers.next().flatten().unwrap_or(0), numbers.next().flatten().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_in_what_programs_print() {
        let found = |text| Library::in_text(text).map(|library| library.to_string());
        let curl = "curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.19 zlib/1.2.13";
        assert_eq!(found(curl).as_deref(), Some("OpenSSL 3.0.19"));
        assert_eq!(found("curl 8.1 (SecureTransport) LibreSSL/3.3.6").as_deref(), Some("LibreSSL 3.3.6"));
        assert_eq!(found("OpenSSL 1.1.1w  11 Sep 2023").as_deref(), Some("OpenSSL 1.1.1w"));
        assert_eq!(found("TLS/SSL library: GnuTLS\n").as_deref(), Some("GnuTLS, release unknown"));
        assert_eq!(found("no such thing"), None);
    }

    #[test]
    fn each_release_knows_what_it_speaks() {
        let speaks = |family, version: &str| Library { family, version: Some(version.to_owned()) }.speaks();
        assert_eq!(speaks(Family::OpenSsl, "3.0.19"), [Some(true), Some(true)]);
        assert_eq!(speaks(Family::OpenSsl, "1.1.1w"), [Some(true), Some(true)]);
        assert_eq!(speaks(Family::OpenSsl, "1.0.2g-1ubuntu4"), [Some(true), Some(false)]);
        assert_eq!(speaks(Family::OpenSsl, "0.9.8zh"), [Some(false), Some(false)]);
        assert_eq!(speaks(Family::GnuTls, "3.7.9-2+deb12u5"), [Some(true), Some(true)]);
        assert_eq!(speaks(Family::GnuTls, "3.5.18"), [Some(true), Some(false)]);
        assert_eq!(speaks(Family::Nss, "2:3.87.1-1"), [Some(true), Some(true)], "an epoch is no release");
        assert_eq!(Library { family: Family::GnuTls, version: None }.speaks(), [None, None]);
    }

    #[test]
    fn files_of_libraries_have_their_family() {
        assert_eq!(Family::of_file("libssl.so.3"), Some(Family::OpenSsl));
        assert_eq!(Family::of_file("libgnutls.so.30"), Some(Family::GnuTls));
        assert_eq!(Family::of_file("libssl3.so"), Some(Family::Nss));
        assert_eq!(Family::of_file("libgnutlsxx.so.30"), None);
    }

    #[test]
    fn versions_are_found_in_what_programs_print() {
        let first = |text| first_version(text);
        assert_eq!(first("msmtp version 1.8.23\nPlatform: x").as_deref(), Some("1.8.23"));
        assert_eq!(first("git version 2.39.5").as_deref(), Some("2.39.5"));
        assert_eq!(first("Mutt 2.2.12 (2023-09-09)").as_deref(), Some("2.2.12"));
        assert_eq!(first("s-nail v14.9.24, 2022-03-27").as_deref(), Some("14.9.24"));
        assert_eq!(first("This is perl 5, version 36 (v5.36.0) built").as_deref(), Some("5.36.0"));
        assert_eq!(first("none"), None);
    }
}
