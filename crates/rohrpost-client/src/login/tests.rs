use std::net::SocketAddr;

use rohrpost_mail::{Secret, TlsVersion, VerifiedBy};

use super::*;

const FAR: [u8; 4] = [192, 0, 2, 1];
const NEAR: [u8; 4] = [127, 0, 0, 1];

fn target(address: [u8; 4], tls: LinkTls, trust: Trust) -> Target {
    let ehlo_name = Host::parse("here.test").unwrap();
    Target { tls, trust, ..Target::new(SocketAddr::from((address, 587)), ehlo_name) }
}

fn tls(verification: Verification) -> Link {
    let (suite, group) = (String::new(), String::new());
    let version = TlsVersion::Tls13;
    Link::Tls(TlsInfo { version, suite, group, sni: None, peer_certificate: None, resumed: false, verification })
}

fn clear() -> Link {
    Link::Clear { reason: "not offered".into() }
}

fn password() -> Credential {
    Credential::Password(Secret::new("pencil"))
}

#[test]
fn a_c10_a_password_needs_tls_that_meets_the_trust() {
    let stranger = || tls(Verification::Unverified { reason: "self-signed".into() });
    let known = || tls(Verification::Verified { by: VerifiedBy::WebPki });
    let cases = [
        (FAR, LinkTls::Starttls, Trust::System, known(), true),
        (FAR, LinkTls::Starttls, Trust::System, stranger(), false),
        (FAR, LinkTls::IfOffered, Trust::System, stranger(), false),
        (FAR, LinkTls::Starttls, Trust::Any, stranger(), true),
        (FAR, LinkTls::IfOffered, Trust::Any, clear(), false),
        (FAR, LinkTls::Off, Trust::Any, clear(), false),
        (NEAR, LinkTls::IfOffered, Trust::System, clear(), true),
        (NEAR, LinkTls::Fallback, Trust::Any, clear(), false),
    ];
    for (address, mode, trust, link, expected) in cases {
        let target = target(address, mode, trust);
        assert_eq!(carries(&target, &link, &password()).is_ok(), expected, "{target:?} {link:?}");
    }
    let allowed = Target { allow_clear: true, ..target(FAR, LinkTls::Off, Trust::Any) };
    assert_eq!(carries(&allowed, &clear(), &password()).unwrap(), Carries::Everything);
    let fallback = Target { allow_clear: true, ..target(FAR, LinkTls::Fallback, Trust::Any) };
    assert!(carries(&fallback, &clear(), &password()).is_err());
}

#[test]
fn clear_text_carries_scram_where_the_target_says_so_and_a_token_never() {
    let token = Credential::Token(Secret::new("ya29"));
    let scram = Target { scram_in_clear: true, ..target(FAR, LinkTls::Off, Trust::Any) };
    let reason = || "not offered".to_owned();
    assert_eq!(carries(&scram, &clear(), &password()).unwrap(), Carries::ScramOnly { reason: reason() });
    assert_eq!(carries(&scram, &clear(), &token).unwrap(), Carries::ScramOnly { reason: reason() });
    let allowed = Target { allow_clear: true, ..scram };
    assert_eq!(carries(&allowed, &clear(), &password()).unwrap(), Carries::Everything);
    assert_eq!(carries(&allowed, &clear(), &token).unwrap(), Carries::ScramOnly { reason: reason() });
    let here = target(NEAR, LinkTls::Off, Trust::Any);
    assert_eq!(carries(&here, &clear(), &token).unwrap(), Carries::Everything);
}

#[test]
fn a_certificate_counts_inside_tls_only() {
    let showing = Target { client_certificate: Some("partner".into()), ..target(NEAR, LinkTls::Off, Trust::Any) };
    let login = Login::new("ann", Secret::new("pencil"));
    let secured = tls(Verification::Verified { by: VerifiedBy::WebPki });
    for (link, expected) in [(clear(), false), (secured, true)] {
        let ground = Ground { target: &showing, link: &link, binding: None };
        assert_eq!(ground.means(&login, &Carries::Everything).shows_certificate, expected);
    }
}
