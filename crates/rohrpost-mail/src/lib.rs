//! The words every other crate of Rohrpost shares.
//!
//! Addresses, domains, envelopes, replies, ids, the vocabulary of transport security, and the delivery record that
//! every hop of every message leaves. Everything here is a value: built once, valid from then on, printed the same way
//! everywhere. There is no clock, no randomness, no file and no socket in this crate; the time comes in as
//! [`jiff::Timestamp`].
//!
//! ```
//! use rohrpost_mail::{Mailbox, Seal};
//!
//! let ann: Mailbox = "Ann@Bücher.example".parse()?;
//! assert_eq!(ann.to_string(), "Ann@xn--bcher-kva.example");
//! assert_eq!(Seal::Encrypted.to_string(), "encrypted");
//! # Ok::<(), rohrpost_mail::AddressError>(())
//! ```

/// Serialises a type by `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

pub mod address;
pub mod address_list;
pub mod class;
pub mod compose;
pub mod date;
pub mod dkim;
pub mod domain;
pub mod dsn;
pub mod encode;
pub mod envelope;
pub mod header;
pub mod id;
pub mod mime;
pub mod policy;
pub mod received;
pub mod record;
pub mod reply;
pub mod secret;
pub mod seven_bit;

pub use address::{AddressError, ForwardPath, LocalPart, Mailbox, ReversePath};
pub use class::Class;
pub use domain::{Domain, DomainError, Host};
pub use envelope::{BodyKind, Envelope, Notify, Orcpt, Recipient, Ret};
pub use header::{HeaderText, HeaderTextError};
pub use id::QueueId;
pub use policy::{ListenerTls, MinTls, Policy, PolicySource, TlsMode, Trust};
pub use record::{
    DeliveryRecord, Direction, Link, Outcome, Seal, Stage, TlsInfo, TlsVersion, Verification, VerifiedBy,
};
pub use reply::{EnhancedStatus, Reply, Severity};
pub use secret::Secret;
