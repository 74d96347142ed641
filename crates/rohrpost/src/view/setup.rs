//! Set-up help as text, in English and German.

use std::fmt::Write as _;

use rohrpost_mail::dsn::Language;
use rohrpost_web::{Encryption, Links, MailSettings, Protocol, Record, Server};
use serde::Serialize;

use super::{BOLD, DIM, POOR, Styled};

/// Set-up help as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Help {
    /// The servers.
    #[serde(flatten)]
    pub(crate) settings: MailSettings,
    /// The pages, where any are served.
    #[serde(flatten)]
    pub(crate) links: Option<Links>,
}

/// The words of one language.
struct Words {
    incoming: &'static str,
    outgoing: &'static str,
    user: &'static str,
    password: &'static str,
    own: &'static str,
    page: &'static str,
    profile: &'static str,
    clear: &'static str,
}

const ENGLISH: Words = Words {
    incoming: "incoming",
    outgoing: "outgoing",
    user: "user name",
    password: "password",
    own: "the account's own, for both",
    page: "page",
    profile: "Apple",
    clear: "not encrypted",
};

const GERMAN: Words = Words {
    incoming: "Posteingang",
    outgoing: "Postausgang",
    user: "Benutzername",
    password: "Kennwort",
    own: "das des Kontos, für beide",
    page: "Seite",
    profile: "Apple",
    clear: "unverschlüsselt",
};

/// The servers of a mailbox, the best first.
pub(crate) fn help(settings: &MailSettings, links: Option<&Links>, language: Language) -> String {
    let words = match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    };
    let mut text = format!("{}\n\n", Styled(BOLD, &settings.address));
    let sides = [(words.incoming, &settings.servers.incoming), (words.outgoing, &settings.servers.outgoing)];
    let host_width = settings.servers.iter().map(|server| server.host.as_str().len()).max().unwrap_or(0);
    for (label, servers) in sides {
        for (place, server) in servers.iter().enumerate() {
            let label = if place == 0 { label } else { "" };
            let line = line(server, host_width, words);
            let _ = writeln!(text, "  {label:<13} {line}");
        }
    }
    let _ = writeln!(text, "  {:<13} {}", words.user, settings.address);
    let _ = writeln!(text, "  {:<13} {}", words.password, words.own);
    if let Some(links) = links {
        let _ = writeln!(text, "  {:<13} {}", words.page, links.page);
        let _ = writeln!(text, "  {:<13} {}", words.profile, links.profile);
    }
    text
}

/// One server in one line.
fn line(server: &Server, host_width: usize, words: &Words) -> String {
    let name = match server.protocol {
        Protocol::Imap => "IMAP",
        Protocol::Pop3 => "POP3",
        Protocol::Submission => "SMTP",
    };
    let encryption = match server.encryption {
        Encryption::None => Styled(POOR, words.clear).to_string(),
        encryption => encryption.label().to_owned(),
    };
    format!("{name}  {:<host_width$}  {:>5}  {encryption}", server.host.as_str(), server.port)
}

/// Records as a zone file has them.
pub(crate) fn records(rows: &[Record]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0) + 1;
    let line = |row: &Record| format!("{:<width$}  IN  {:<5}  {}\n", format!("{}.", row.name), row.kind, row.data);
    let lines: String = rows.iter().map(line).collect();
    format!("{}{lines}", Styled(DIM, "; lets mail programs find their servers (RFC 6186, RFC 8314)\n"))
}
