//! `--serverinfo`: what the server says of itself, without logging in.

use rohrpost_client::{Capabilities, Connection};
use rohrpost_mail::{Link, TlsInfo, Verification};
use rohrpost_sender::{Relays, Sender};

use super::{connect, environment::Environment, fault::Fault, pretend::colons, settings::Settings, verdict};

/// Connects and asks.
pub(super) async fn ask(settings: &Settings, environment: &Environment) -> Result<String, Fault> {
    let made = connect::servers(settings, environment)?;
    for warning in &made.warnings {
        eprintln!("msmtp: warning: {warning}");
    }
    let fault = |error| Fault::new(verdict::exit(&error, false), error);
    let sender = Sender::new(Relays::failover(made.servers)).map_err(fault)?;
    let connection = sender.connect().await.map_err(fault)?;
    let text = text(settings, &connection);
    connection.quit().await;
    Ok(text)
}

fn text(settings: &Settings, connection: &Connection) -> String {
    let protocol = if settings.lmtp { "LMTP" } else { "SMTP" };
    let capabilities = connection.capabilities();
    let mut text = format!("{protocol} server at {}:\n    {}\n", connection.target().endpoint, capabilities.name);
    if let Link::Tls(info) = connection.link() {
        text.push_str(&tls(info));
    }
    text.push_str("Capabilities:\n");
    text.extend(extensions(capabilities).iter().map(|line| format!("    {line}\n")));
    text
}

fn tls(info: &TlsInfo) -> String {
    let verdict = match &info.verification {
        Verification::Verified { by } => format!("trusted ({by})"),
        Verification::Unverified { reason } => format!("not trusted: {reason}"),
        Verification::NoCertificate => "there is none".to_owned(),
    };
    let fingerprint = info.peer_certificate.as_deref().map(colons).unwrap_or_default();
    format!(
        "TLS session:\n    {}, {}, {}\nTLS certificate:\n    {verdict}\n    SHA256: {fingerprint}\n",
        info.version, info.suite, info.group
    )
}

/// One line for each extension that was offered.
fn extensions(offered: &Capabilities) -> Vec<String> {
    let size = offered.size_max.map_or_else(|| "SIZE: no limit".to_owned(), |max| format!("SIZE: {max} octets"));
    let auth = format!("AUTH: {}", offered.auth_names.join(" "));
    let lines = [
        (offered.size, size),
        (offered.pipelining, "PIPELINING: commands in groups".to_owned()),
        (offered.eight_bit_mime, "8BITMIME: bodies of 8 bits".to_owned()),
        (offered.smtputf8, "SMTPUTF8: addresses and headers in UTF-8".to_owned()),
        (offered.chunking, "CHUNKING: bodies in chunks".to_owned()),
        (offered.dsn, "DSN: delivery status notifications".to_owned()),
        (offered.starttls, "STARTTLS: TLS by the STARTTLS command".to_owned()),
        (offered.require_tls, "REQUIRETLS: TLS on the whole way".to_owned()),
        (!offered.auth_names.is_empty(), auth),
    ];
    lines.into_iter().filter(|(on, _)| *on).map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use rohrpost_mail::{TlsVersion, VerifiedBy};

    use super::*;

    #[test]
    fn what_is_offered_has_a_line() {
        let offered = Capabilities {
            size: true,
            size_max: Some(1000),
            dsn: true,
            auth_names: vec!["PLAIN".into(), "NTLM".into()],
            ..Capabilities::default()
        };
        let expected = ["SIZE: 1000 octets", "DSN: delivery status notifications", "AUTH: PLAIN NTLM"];
        assert_eq!(extensions(&offered), expected);
    }

    #[test]
    fn the_fingerprint_can_be_copied_into_the_configuration() {
        let info = TlsInfo {
            version: TlsVersion::Tls13,
            suite: "TLS_AES_256_GCM_SHA384".into(),
            group: "X25519MLKEM768".into(),
            sni: None,
            peer_certificate: Some("00ff".into()),
            resumed: false,
            verification: Verification::Unverified { reason: "self-signed".into() },
        };
        let text = tls(&info);
        assert!(text.contains("    not trusted: self-signed\n    SHA256: 00:FF\n"), "{text}");
        let known = TlsInfo { verification: Verification::Verified { by: VerifiedBy::WebPki }, ..info };
        assert!(tls(&known).contains("    trusted ("));
    }
}
