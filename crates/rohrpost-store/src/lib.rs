//! Everything durable: queue, accounts, mailboxes, bodies, delivery records.
//!
//! One SQLite database in a directory, with large bodies in files beside it. One thread writes and commits all that
//! waits at once ([`Store::commit`], [`Store::settle`]); a few connections read. A message is ours from the moment that
//! [`Store::commit`] hands out [`Stored`], and nothing else can make one.
//!
//! This crate knows no SMTP and no schedule: it keeps what it is given, says when something is damaged, and never
//! deletes what it cannot read. Why it is as it is: `docs/design/store.md`.
//!
//! ```
//! # use rohrpost_mail::{*, record::*};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! use rohrpost_store::{NewMessage, NewRecipient, Options, Store};
//!
//! let store = Store::open(dir.path(), Options { free_bytes_min: 0, ..Options::default() })?;
//! let mut writer = store.body_writer();
//! writer.push("Subject: hello\r\n\r\nHello!\r\n".into()).await?;
//! let body = writer.finish("Received: by here.test\r\n".into()).await?;
//!
//! let id = store.new_id();
//! let now = jiff::Timestamp::now();
//! let received = DeliveryRecord::new(id, now, Direction::In, "smtp", Link::Local, Outcome::Received);
//! let bob = NewRecipient {
//!     recipient: Recipient::new("bob@there.test".parse()?),
//!     route: "mx".into(),
//!     site: "there.test".into(),
//!     due: now,
//!     hold: false,
//!     expires: None,
//! };
//! let stored = store
//!     .commit(NewMessage {
//!         id,
//!         envelope: Envelope::default(),
//!         recipients: vec![bob],
//!         body,
//!         received,
//!         message_id: None,
//!         account: None,
//!         expires: now + jiff::SignedDuration::from_hours(120),
//!         counters: vec![],
//!     })
//!     .await?;
//! assert_eq!(stored.id(), id);
//! # Ok(())
//! # }
//! ```

mod batch;
pub mod body;
mod check;
mod clock;
mod counters;
pub mod error;
mod finder;
mod gate;
pub mod health;
mod ids;
mod keeper;
pub mod limits;
pub mod mailbox;
pub mod message;
mod meta;
mod open;
pub mod operate;
pub mod people;
mod quarantine;
pub mod queue;
mod readers;
mod recent;
mod records;
mod row;
mod salvage;
mod schema;
mod search;
pub mod settle;
mod store;
pub mod submissions;
mod writer;

#[cfg(test)]
mod tests;

pub use body::{Body, BodyReader, BodyRef, BodyWriter};
pub use check::CheckReport;
pub use clock::SetBack;
pub use error::{Class, OpenError, StoreError};
pub use finder::Find;
pub use health::Health;
pub use message::{CounterAdd, Filing, NewMessage, NewRecipient, QueuedMessage, Stored};
pub use operate::{Filter, Listed, Page, ShapeRow, Verb};
pub use people::{Account, Alias, Allowance, AppPassword, LocalDomain, Moved, Resolved, ScramSecret};
pub use quarantine::Quarantined;
pub use queue::{Cursor, DueQuery, OverdueQuery, QueuedRecipient, SiteCursor, SiteHead, State};
pub use salvage::{SalvageReport, salvage};
pub use settle::{Change, DigestEntry, NewDigestEntry, Settlement};
pub use store::{Options, Stats, Store};
pub use submissions::{Once, Submission};
