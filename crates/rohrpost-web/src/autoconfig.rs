//! Autoconfig: the settings of a domain in the form of Thunderbird's `config-v1.1.xml`.
//!
//! The form has a placeholder for the address, so that nothing of the question stands in the answer.

use askama::Template;
use rohrpost_mail::Domain;

use crate::settings::{Encryption, Protocol, Server, Servers};

#[derive(Template)]
#[template(path = "autoconfig.xml")]
struct ClientConfig<'a> {
    domain: &'a Domain,
    servers: &'a Servers,
    page: &'a str,
}

/// The document for all mailboxes of a domain; `page` is the address of the page for people.
///
/// # Panics
/// Never: text is written into memory.
pub fn document(domain: &Domain, servers: &Servers, page: &str) -> String {
    ClientConfig { domain, servers, page }.render().expect("text is written into memory")
}

/// As the form calls the protocol of an incoming server.
fn kind(server: &Server) -> &'static str {
    match server.protocol {
        Protocol::Imap => "imap",
        Protocol::Pop3 => "pop3",
        Protocol::Submission => "smtp",
    }
}

/// As the form calls the encryption.
fn socket(server: &Server) -> &'static str {
    match server.encryption {
        Encryption::Implicit => "SSL",
        Encryption::Starttls => "STARTTLS",
        Encryption::None => "plain",
    }
}

#[cfg(test)]
mod tests {
    use roxmltree::{Document, Node};

    use super::*;
    use crate::settings::tests::usual;

    fn text<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
        node.children().find(|child| child.has_tag_name(name)).and_then(|child| child.text()).unwrap()
    }

    #[test]
    fn the_document_has_the_form_that_thunderbird_documents() {
        let domain = Domain::parse("here.test").unwrap();
        let text_of = document(&domain, &Servers::of(&usual()), "https://mx.here.test/setup");
        let document = Document::parse(&text_of).unwrap();
        let root = document.root_element();
        assert_eq!((root.tag_name().name(), root.attribute("version")), ("clientConfig", Some("1.1")));
        let provider = root.first_element_child().unwrap();
        assert_eq!((provider.tag_name().name(), provider.attribute("id")), ("emailProvider", Some("here.test")));
        assert_eq!(text(provider, "domain"), "here.test");
        let servers: Vec<_> = provider.children().filter(|node| node.tag_name().name().ends_with("Server")).collect();
        let seen = servers.iter().map(|server| {
            assert_eq!(text(*server, "hostname"), "mail.here.test");
            assert_eq!(text(*server, "username"), "%EMAILADDRESS%");
            assert_eq!(text(*server, "authentication"), "password-cleartext");
            let kind = server.attribute("type").unwrap();
            (server.tag_name().name(), kind, text(*server, "port"), text(*server, "socketType"))
        });
        let expected = [
            ("incomingServer", "imap", "993", "SSL"),
            ("incomingServer", "imap", "143", "STARTTLS"),
            ("incomingServer", "pop3", "995", "SSL"),
            ("incomingServer", "pop3", "110", "STARTTLS"),
            ("outgoingServer", "smtp", "465", "SSL"),
            ("outgoingServer", "smtp", "587", "STARTTLS"),
        ];
        assert!(seen.eq(expected));
    }
}
