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

#[cfg(test)]
mod tests {
    use rohrpost_web::Servers;

    use super::*;

    fn settings() -> MailSettings {
        let server = |protocol, host: &str, port, encryption| {
            let host = host.parse().unwrap();
            Server { protocol, host, port, encryption }
        };
        let incoming = vec![
            server(Protocol::Imap, "mail.here.test", 993, Encryption::Implicit),
            server(Protocol::Pop3, "mail.here.test", 110, Encryption::None),
        ];
        let outgoing = vec![server(Protocol::Submission, "out.here.test", 587, Encryption::Starttls)];
        MailSettings { address: "ann@here.test".parse().unwrap(), servers: Servers { incoming, outgoing } }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn help_names_every_server_in_a_line_and_the_pages_where_there_are_any() {
        let host = "mx.here.test".parse().unwrap();
        let links = Links::of(&settings().address, &host, None);
        insta::assert_snapshot!(plain(&help(&settings(), Some(&links), Language::English)));
        insta::assert_snapshot!(plain(&help(&settings(), None, Language::German)));
    }

    #[test]
    fn records_are_lines_of_a_zone_file() {
        let record = |name: &str, kind: &str, data: &str| Record {
            name: name.to_owned(),
            kind: kind.to_owned(),
            data: data.to_owned(),
        };
        let rows = [
            record("_imaps._tcp.here.test", "SRV", "0 1 993 mail.here.test."),
            record("autoconfig.here.test", "CNAME", "mx.here.test."),
        ];
        let text = plain(&records(&rows));
        let lines: Vec<_> = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(
            lines,
            [
                vec!["_imaps._tcp.here.test.", "IN", "SRV", "0", "1", "993", "mail.here.test."],
                vec!["autoconfig.here.test.", "IN", "CNAME", "mx.here.test."],
            ]
        );
    }
}
