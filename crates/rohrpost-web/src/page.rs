//! The pages for people, in English and German, without any script.

use askama::Template;
use axum::http::{HeaderMap, header};
use rohrpost_mail::dsn::Language;

use crate::{
    qr,
    settings::{Encryption, MailSettings, Protocol, Server},
};

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
pub(crate) fn show(Tongue(language): Tongue, settings: &MailSettings, origin: &str, is_signed: bool) -> Option<String> {
    let (incoming, outgoing) = settings.servers.pair()?;
    let profile = format!("{origin}/mobileconfig?address={}", urlencoded(&settings.address.to_string()));
    let show = Show {
        language,
        settings,
        incoming,
        outgoing,
        is_signed,
        profile_code: qr::svg(&profile),
        thunderbird_code: qr::thunderbird(settings).and_then(|text| qr::svg(&text)),
    };
    Some(show.render().expect("text is written into memory"))
}

/// A text as the value of a query.
fn urlencoded(text: &str) -> String {
    askama::filters::urlencode_strict(text).map(|encoded| encoded.to_string()).expect("text is written into memory")
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
