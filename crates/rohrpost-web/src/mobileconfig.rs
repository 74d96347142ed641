//! A configuration profile for iPhone, iPad and Mac: one mail account, without its password.
//!
//! The identifiers of a profile follow from address and host, so that a second one takes the place of the first. Whether
//! it is signed is not decided here.

use askama::Template;
use rohrpost_mail::Domain;
use rohrpost_tls::crypto::sha256;

use crate::settings::{Encryption, MailSettings, Protocol, Server};

#[derive(Template)]
#[template(path = "mobileconfig.xml")]
struct Profile<'a> {
    settings: &'a MailSettings,
    incoming: &'a Server,
    outgoing: &'a Server,
    identifier: String,
    /// Of the profile and of the account in it.
    uuids: [String; 2],
}

/// The profile for a mailbox; `host` is the server that hands it out. None where mail cannot be both read and sent.
///
/// # Panics
/// Never: text is written into memory.
pub fn document(host: &Domain, settings: &MailSettings) -> Option<String> {
    let (incoming, outgoing) = settings.servers.pair()?;
    let labels: Vec<_> = host.as_str().rsplit('.').collect();
    let identifier = format!("{}.mail.{}", labels.join("."), settings.address);
    let uuids = ["profile", "account"].map(|role| uuid(role, &identifier));
    let profile = Profile { settings, incoming, outgoing, identifier, uuids };
    Some(profile.render().expect("text is written into memory"))
}

/// As the form calls the protocol of the mailbox.
fn kind(server: &Server) -> &'static str {
    match server.protocol {
        Protocol::Pop3 => "EmailTypePOP",
        Protocol::Imap | Protocol::Submission => "EmailTypeIMAP",
    }
}

/// Any TLS: STARTTLS is what Apple's programs do on a port that is not one of implicit TLS.
fn uses_tls(server: &Server) -> bool {
    server.encryption != Encryption::None
}

/// A UUID of version 8 (RFC 9562 §5.8), whose bits are those of a hash.
fn uuid(role: &str, name: &str) -> String {
    let hash = sha256(format!("{role}\0{name}").as_bytes());
    let mut octets: [u8; 16] = hash[..16].try_into().expect("a half of SHA-256 has 16 octets");
    octets[6] = octets[6] & 0x0f | 0x80;
    octets[8] = octets[8] & 0x3f | 0x80;
    let hex = format!("{:032X}", u128::from_be_bytes(octets));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use rohrpost_mail::Mailbox;
    use roxmltree::{Document, Node, ParsingOptions};

    use super::*;
    use crate::settings::tests::{ann, usual};

    fn profile(address: &Mailbox) -> String {
        document(&Domain::parse("mx.here.test").unwrap(), &MailSettings::of(address, &usual())).unwrap()
    }

    /// The value of a key in a dictionary: what stands behind it.
    fn value<'a, 'd>(dictionary: Node<'a, 'd>, key: &str) -> Node<'a, 'd> {
        let named = dictionary.children().find(|node| node.has_tag_name("key") && node.text() == Some(key));
        named.and_then(|node| node.next_sibling_element()).unwrap_or_else(|| panic!("no {key}"))
    }

    #[test]
    fn the_profile_names_the_best_servers_and_no_password() {
        let text = profile(&ann());
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        let plist = Document::parse_with_options(&text, options).unwrap();
        let root = plist.root_element().first_element_child().unwrap();
        assert_eq!(value(root, "PayloadIdentifier").text(), Some("test.here.mx.mail.ann@here.test"));
        let account = value(root, "PayloadContent").first_element_child().unwrap();
        let text_of = |key: &str| value(account, key).text().unwrap();
        assert_eq!(text_of("EmailAccountType"), "EmailTypeIMAP");
        assert_eq!(text_of("IncomingMailServerUsername"), "ann@here.test");
        for (side, port) in [("Incoming", "993"), ("Outgoing", "465")] {
            assert_eq!(text_of(&format!("{side}MailServerHostName")), "mail.here.test");
            assert_eq!(text_of(&format!("{side}MailServerPortNumber")), port);
            assert!(value(account, &format!("{side}MailServerUseSSL")).has_tag_name("true"));
        }
        assert!(!text.contains("<key>IncomingPassword</key>") && !text.contains("<key>OutgoingPassword</key>"));
    }

    #[test]
    fn the_same_mailbox_gets_the_same_profile_and_another_gets_another() {
        assert_eq!(profile(&ann()), profile(&ann()));
        let uuid_of = |name: &str| uuid("profile", name);
        assert_ne!(uuid_of("ann"), uuid_of("bob"));
        assert_eq!(uuid_of("ann").len(), 36);
    }

    #[test]
    fn without_a_way_out_there_is_no_profile() {
        let only_in = &usual()[2..];
        assert!(document(&Domain::parse("mx.here.test").unwrap(), &MailSettings::of(&ann(), only_in)).is_none());
    }
}
