//! One TLS for everything Rohrpost does: which algorithms, which certificates, and what a peer's certificate is worth.
//!
//! This crate is the only one that configures rustls. It has no opinion on *when* TLS is to be used: listeners and
//! routes decide that ([`rohrpost_mail::TlsMode`], [`rohrpost_mail::Policy`]). It answers three questions:
//!
//! - **Which certificate do we show?** [`CertStore`] holds PEM pairs, picks one by SNI and follows the files.
//! - **How do we answer and open a connection?** [`ServerTls`] and [`ClientTls`]; each hands back the stream, the facts
//!   of the connection ([`rohrpost_mail::TlsInfo`]) and, in TLS 1.3, its channel binding.
//! - **What is the peer's certificate worth?** Always judged, always recorded with the reason in words ([`Distrust`]);
//!   a connection fails by it only where the caller asks for that.
//!
//! TLS 1.2 and 1.3 only, hybrid post-quantum key exchange (X25519MLKEM768) first, no 0-RTT, no renegotiation, no
//! compression. Sessions are resumed only among connections of equal settings.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use rohrpost_mail::{MinTls, Trust};
//! use rohrpost_tls::{CertStore, ClientTls, ClientTlsOptions, ConnectOptions, ServerTls, ServerTlsOptions, ca::Ca};
//!
//! let ca = Ca::new("Demo authority");
//! let certificates = CertStore::from_pem([ca.issue(["mx.here.test"])])?;
//! let server = ServerTls::new(ServerTlsOptions::new(certificates, "mx"))?;
//! let client = ClientTls::new(ClientTlsOptions::default())?;
//!
//! let (ours, theirs) = tokio::io::duplex(16 * 1024);
//! let options = ConnectOptions::new("mx.here.test".parse()?, Trust::System);
//! let (accepted, connected) = tokio::join!(server.accept(theirs), client.connect(ours, &options));
//! let (_stream, info, _binding) = connected?;
//! assert_eq!(info.group, "X25519MLKEM768");
//! # accepted?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

pub mod ca;
mod cert_error;
pub mod certificates;
pub mod client;
mod cms;
pub mod crypto;
mod dane;
pub mod error;
pub mod http;
mod info;
mod judge;
mod leaf;
pub mod limits;
mod pem;
mod provider;
pub mod server;
mod signing;
#[cfg(test)]
mod testing;
mod untrusted;
mod verifier;

pub use ca::PemPair;
pub use cert_error::CertError;
pub use certificates::{CertPair, CertStore, CertificateInfo};
pub use client::{ClientTls, ClientTlsOptions, ConnectOptions, TlsClientStream};
pub use dane::Tlsa;
pub use error::TlsError;
pub use info::ChannelBindingBytes;
pub use judge::Distrust;
pub use provider::install_provider;
pub use server::{ClientAuth, ServerTls, ServerTlsOptions, TlsServerStream};
pub use signing::SigningKey;
pub use untrusted::{PeerCertificate, Untrusted};
