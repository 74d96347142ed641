//! The facts of a connection, as delivery records have them.

use rohrpost_mail::{TlsInfo, TlsVersion, Verification};
use rustls::{ConnectionCommon, HandshakeKind, ProtocolVersion};

use crate::{leaf::fingerprint, provider::group_name};

/// What binds a log-in to its TLS connection: `tls-exporter` of RFC 9266.
pub type ChannelBindingBytes = [u8; 32];

/// Reads the facts off a connection whose handshake is done.
pub(crate) fn facts<D>(connection: &ConnectionCommon<D>, sni: Option<String>, verification: Verification) -> TlsInfo {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => TlsVersion::Tls13,
        _ => TlsVersion::Tls12,
    };
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    TlsInfo {
        version,
        suite: suite(connection),
        // A resumed session of TLS 1.2 makes no new exchange.
        group: connection.negotiated_key_exchange_group().map_or_else(|| "none".to_owned(), group_name),
        sni,
        peer_certificate: certificate.map(fingerprint),
        resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        verification,
    }
}

/// The suite as IANA names it; rustls marks those of TLS 1.3 in its own way.
fn suite<D>(connection: &ConnectionCommon<D>) -> String {
    let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
    let name = suite.and_then(|suite| suite.as_str()).unwrap_or("unknown");
    name.replace("TLS13_", "TLS_")
}

/// The channel binding. Only in TLS 1.3: RFC 9266 §1 allows it in TLS 1.2 with the extended master secret only, and
/// rustls does not say whether that was used. There a client binds to the certificate instead
/// ([`crate::client::server_end_point`]).
pub(crate) fn channel_binding<D>(connection: &ConnectionCommon<D>) -> Option<ChannelBindingBytes> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()
}
