//! The pages for people, in English and German, without any script.

use askama::{Template, filters::urlencode_strict};
use axum::http::{HeaderMap, header};
use rohrpost_mail::{Domain, Mailbox, dsn::Language};
use serde::Serialize;

use crate::{
    qr,
    settings::{Encryption, MailSettings, Protocol, Server},
};

/// Where a mailbox has its pages.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Links {
    /// For people.
    pub page: String,
    /// The profile for Apple's programs.
    pub profile: String,
}

impl Links {
    /// Those of an address on a web server; without a port that of HTTPS.
    ///
    /// # Panics
    /// Never: text is written into memory.
    pub fn of(address: &Mailbox, host: &Domain, port: Option<u16>) -> Self {
        let port = port.filter(|port| *port != 443).map_or_else(String::new, |port| format!(":{port}"));
        let address = urlencode_strict(address.to_string()).expect("text is written into memory");
        let link = |path: &str| format!("https://{host}{port}{path}?address={address}");
        Self { page: link("/setup"), profile: link("/mobileconfig") }
    }
}

/// The language of a page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Tongue(Language);

impl Tongue {
    /// The one that was chosen, else the first of the browser's that we speak, else English.
    pub(crate) fn choose(chosen: Option<&str>, headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let known = chosen.into_iter().chain(accepted.split(',')).find_map(|tag| {
            let end = tag.find(['-', ';']).unwrap_or(tag.len());
            tag[..end].trim().to_ascii_lowercase().parse().ok()
        });
        Self(known.unwrap_or_default())
    }
}

#[derive(Template)]
#[template(path = "ask.html")]
struct Ask {
    language: Language,
    is_unknown: bool,
}

#[derive(Template)]
#[template(path = "show.html")]
struct Show<'a> {
    language: Language,
    settings: &'a MailSettings,
    incoming: &'a Server,
    outgoing: &'a Server,
    is_signed: bool,
    /// For the camera of an iPhone.
    profile_code: Option<String>,
    /// For Thunderbird on Android.
    thunderbird_code: Option<String>,
}

/// The page that asks for an address, because there was none or because it `is_unknown`.
///
/// # Panics
/// Never: text is written into memory.
pub(crate) fn ask(Tongue(language): Tongue, is_unknown: bool) -> String {
    Ask { language, is_unknown }.render().expect("text is written into memory")
}

/// The page of a mailbox; none where mail cannot be both read and sent.
///
/// # Panics
/// Never: text is written into memory.
pub(crate) fn show(
    Tongue(language): Tongue,
    settings: &MailSettings,
    links: &Links,
    is_signed: bool,
) -> Option<String> {
    let (incoming, outgoing) = settings.servers.pair()?;
    let show = Show {
        language,
        settings,
        incoming,
        outgoing,
        is_signed,
        profile_code: qr::svg(&links.profile),
        thunderbird_code: qr::thunderbird(settings).and_then(|text| qr::svg(&text)),
    };
    Some(show.render().expect("text is written into memory"))
}

/// The name of a protocol.
fn name(server: &Server) -> &'static str {
    match server.protocol {
        Protocol::Imap => "IMAP",
        Protocol::Pop3 => "POP3",
        Protocol::Submission => "SMTP",
    }
}

/// `imaps`, `smtp`: the scheme of a URL.
fn scheme(server: &Server) -> &'static str {
    match (server.protocol, server.encryption == Encryption::Implicit) {
        (Protocol::Imap, true) => "imaps",
        (Protocol::Imap, false) => "imap",
        (Protocol::Pop3, true) => "pops",
        (Protocol::Pop3, false) => "pop",
        (Protocol::Submission, true) => "smtps",
        (Protocol::Submission, false) => "smtp",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::ann;

    #[test]
    fn links_name_the_port_only_where_it_is_another() {
        let host = Domain::parse("mx.here.test").unwrap();
        let page = |port| Links::of(&ann(), &host, port).page;
        assert_eq!(page(Some(8443)), "https://mx.here.test:8443/setup?address=ann%40here.test");
        assert_eq!(page(Some(443)), "https://mx.here.test/setup?address=ann%40here.test");
        assert_eq!(page(None), page(Some(443)));
    }

    #[test]
    fn the_browser_says_the_language_unless_somebody_chose() {
        let choose = |chosen, accepted: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, accepted.parse().unwrap())]);
            Tongue::choose(chosen, &headers).0
        };
        assert_eq!(choose(None, "fr-FR,fr;q=0.9, de-AT;q=0.8, en;q=0.7"), Language::German);
        assert_eq!(choose(None, "en-GB,de"), Language::English);
        assert_eq!(choose(None, "fr"), Language::English);
        assert_eq!(choose(Some("de"), "en"), Language::German);
        assert_eq!(choose(Some("xx"), "de"), Language::German);
    }
}
