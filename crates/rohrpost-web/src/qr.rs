//! Codes to scan: QR codes as SVG, and the text in them that Thunderbird for Android reads.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

use crate::settings::{Encryption, MailSettings, Protocol, Server};

/// The form's number for a password that is protected by TLS alone.
const PASSWORD: i32 = 1;

/// Light modules around the code: what the standard asks for.
const QUIET: i32 = 4;

/// The code for a text, as an SVG element; none where the text is too long for one.
pub(crate) fn svg(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = code.size() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    Some(format!(
        "<svg class=\"code\" viewBox=\"0 0 {side} {side}\" role=\"img\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

/// What Thunderbird for Android reads from a code: the form of "Export for Mobile", version 1, of Thunderbird on desktops.
/// None where mail cannot be both read and sent, or where the address is not ASCII, which the form does not take.
pub(crate) fn thunderbird(settings: &MailSettings) -> Option<String> {
    let (incoming, outgoing) = settings.servers.pair()?;
    let address = settings.address.to_string();
    if !address.is_ascii() {
        return None;
    }
    let name = settings.address.local.as_str();
    // One code of one; then the incoming server, and the outgoing one with whom it is for.
    let account =
        serde_json::json!([1, [1, 1], server(incoming, &address), [[server(outgoing, &address), [address, name]]]]);
    Some(account.to_string())
}

fn server(server: &Server, user: &str) -> serde_json::Value {
    let protocol = i32::from(server.protocol == Protocol::Pop3);
    let encryption = match server.encryption {
        Encryption::None => 0,
        Encryption::Starttls => 2,
        Encryption::Implicit => 3,
    };
    serde_json::json!([protocol, server.host.as_str(), server.port, encryption, PASSWORD, user])
}

#[cfg(test)]
mod tests {
    use rohrpost_mail::Mailbox;

    use super::*;
    use crate::settings::tests::{ann, usual};

    #[test]
    fn the_account_has_the_form_that_thunderbird_for_android_documents() {
        let text = thunderbird(&MailSettings::of(&ann(), &usual())).unwrap();
        let expected = r#"[1,[1,1],[0,"mail.here.test",993,3,1,"ann@here.test"],[[[0,"mail.here.test",465,3,1,"ann@here.test"],["ann@here.test","ann"]]]]"#;
        assert_eq!(text, expected);
        let starttls = [usual()[0].clone(), usual()[2].clone()];
        assert!(thunderbird(&MailSettings::of(&ann(), &starttls)).unwrap().contains(r#"[1,"mail.here.test",110,2,1,"#));
        let foreign = Mailbox::parse("käthe@here.test").unwrap();
        assert_eq!(thunderbird(&MailSettings::of(&foreign, &usual())), None);
    }

    #[test]
    fn a_code_is_an_element_of_squares_and_a_novel_is_none() {
        let code = svg("https://mx.here.test/").unwrap();
        assert!(code.starts_with("<svg ") && code.ends_with("</svg>") && code.contains("h1v1h-1z"));
        assert_eq!(svg(&"a".repeat(3_000)), None);
    }
}
