//! What a server asks of those who send through it, and which programs can give it.

use rohrpost_mail::{Link, TlsInfo, TlsVersion, Trust, Verification};
use rohrpost_sender::{Error, Sender, Server};
use serde::Serialize;

use super::programs::Program;

/// A server as we found it.
#[derive(Debug)]
pub(super) struct Found {
    /// The TLS of our own connection; nothing where none was used.
    tls: Option<TlsInfo>,
}

/// How a program would fare there.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "verdict", content = "why", rename_all = "lowercase")]
pub(super) enum Verdict {
    /// Nothing stands against it.
    Works,
    /// It depends on what cannot be seen from here.
    Unsure(String),
    /// It would not get through as it is.
    Fails(String),
}

/// Connects as `send` would, but takes any certificate: whether it is to be trusted is a finding.
pub(super) async fn look(server: Server) -> Result<Found, Error> {
    let server = server.trust(Trust::Any);
    let connection = Sender::new(server)?.connect().await?;
    let tls = match connection.link() {
        Link::Tls(info) => Some(info.clone()),
        _ => None,
    };
    connection.quit().await;
    Ok(Found { tls })
}

impl Found {
    /// One line about it.
    pub(super) fn line(&self) -> String {
        let Some(tls) = &self.tls else { return "in clear text".to_owned() };
        let trust = match untrusted(tls) {
            None => "its certificate is trusted".to_owned(),
            Some(reason) => format!("its certificate is not trusted: {reason}"),
        };
        format!("{} with {}; {trust}", tls.version, tls.group)
    }

    /// How this program would fare.
    pub(super) fn judge(&self, program: &Program) -> Verdict {
        let Some(tls) = &self.tls else { return Verdict::Works };
        let Some(library) = &program.library else { return without_tls(program) };
        let [tls12, tls13] = library.speaks();
        let refused = match (tls.version, tls12, tls13) {
            (_, Some(false), _) => Some(Verdict::Fails("it speaks nothing above TLS 1.1".to_owned())),
            (_, None, _) => Some(Verdict::Unsure("the release of its TLS library is not known".to_owned())),
            (TlsVersion::Tls13, Some(true), Some(false) | None) => {
                Some(Verdict::Unsure("it speaks TLS 1.2 and needs a server that does, too".to_owned()))
            }
            _ => None,
        };
        let distrusts = || untrusted(tls).filter(|_| program.verifies);
        match (refused, distrusts()) {
            (Some(verdict), _) => verdict,
            (None, Some(reason)) => {
                Verdict::Fails(format!("it looks at the certificate, which is not trusted: {reason}"))
            }
            (None, None) => Verdict::Works,
        }
    }
}

fn without_tls(program: &Program) -> Verdict {
    if program.name == "sendmail" {
        return Verdict::Unsure("it hands mail to the server of this host, whose TLS counts".to_owned());
    }
    Verdict::Fails("it has no TLS".to_owned())
}

fn untrusted(tls: &TlsInfo) -> Option<String> {
    match &tls.verification {
        Verification::Verified { .. } => None,
        Verification::Unverified { reason } => Some(reason.clone()),
        Verification::NoCertificate => Some("there is none".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::library::{Family, Library},
        *,
    };

    fn found(version: TlsVersion, reason: Option<&str>) -> Found {
        let verification = match reason {
            Some(reason) => Verification::Unverified { reason: reason.to_owned() },
            None => Verification::Verified { by: rohrpost_mail::VerifiedBy::WebPki },
        };
        let (suite, group) = ("TLS_AES_256_GCM_SHA384".into(), "X25519".into());
        let tls = TlsInfo { version, suite, group, sni: None, peer_certificate: None, resumed: false, verification };
        Found { tls: Some(tls) }
    }

    fn program(name: &str, openssl: Option<&str>, verifies: bool) -> Program {
        let library = openssl.map(|version| Library { family: Family::OpenSsl, version: Some(version.to_owned()) });
        Program { name: name.to_owned(), path: format!("/usr/bin/{name}").into(), version: None, library, verifies }
    }

    fn fails(verdict: &Verdict, why: &str) -> bool {
        matches!(verdict, Verdict::Fails(reason) if reason.contains(why))
    }

    #[test]
    fn old_libraries_and_none_fail_where_tls_is_used() {
        let server = found(TlsVersion::Tls13, None);
        assert_eq!(server.judge(&program("curl", Some("3.0.19"), true)), Verdict::Works);
        assert!(fails(&server.judge(&program("curl", Some("0.9.8"), true)), "nothing above TLS 1.1"));
        assert!(fails(&server.judge(&program("perl", None, true)), "no TLS"));
        assert!(matches!(server.judge(&program("curl", Some("1.0.2"), true)), Verdict::Unsure(_)));
        assert!(matches!(server.judge(&program("sendmail", None, false)), Verdict::Unsure(_)));
        assert_eq!(found(TlsVersion::Tls12, None).judge(&program("curl", Some("1.0.2"), true)), Verdict::Works);
        assert_eq!(Found { tls: None }.judge(&program("perl", None, true)), Verdict::Works);
    }

    #[test]
    fn programs_that_look_at_the_certificate_fail_where_it_is_not_trusted() {
        let server = found(TlsVersion::Tls13, Some("self-signed"));
        assert!(fails(&server.judge(&program("curl", Some("3.0.19"), true)), "self-signed"));
        assert_eq!(server.judge(&program("python3", Some("3.0.19"), false)), Verdict::Works);
    }
}
