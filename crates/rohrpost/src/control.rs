//! What commands ask of a server, and what it answers: one JSON value each way through `control.sock`.
//!
//! The framing, the socket and its permissions are `rohrpost_server`'s. A request is made in [`crate::commands`], goes
//! through [`crate::door`], and is answered by [`crate::operator::Operator`]: in the server or, where none runs, in the
//! command itself.
//!
//! | command | request | its words | answered in |
//! |---|---|---|---|
//! | `queue hold`, `release`, `retry`, `route`, `drop`, `bounce` | [`Request::QueueApply`] with a [`VerbWord`] | `control/queue.rs` | `operator.rs` |
//! | `queue list`, `show`, `shape` | `Request::Queue…` | `control/queue.rs` | `operator.rs` |
//! | `trace`, `mailbox`, `queue show --body` | [`Request::Trace`], [`Request::MailboxList`], [`Request::Body`] | `control/mail.rs` | `operator/mail.rs` |
//! | `account`, `alias`, `domain` | `Request::Account…`, `Request::Alias…`, `Request::Domain…`, [`Request::Quota`] | `control/people.rs` | `operator/accounts.rs`, `operator/aliases.rs`, `operator/domains.rs` |
//! | `import`, `export`, `mailbox undelete` | `Request::Mailbox…`, `Request::Mail…` | `control/moving.rs` | `operator/moving.rs` |
//! | `route list`, `retry` | [`Request::RouteList`], [`Request::RouteRetry`] | `control/route.rs` | `operator/routes.rs` |
//! | `store check` | [`Request::StoreCheck`] | `control/store.rs` | `operator.rs` |

mod answer;
mod mail;
mod moving;
mod people;
mod queue;
mod request;
mod route;
mod store;

pub(crate) use answer::{Answer, Refusal, RefusalKind};
pub(crate) use mail::{BodyOf, MailRow, Piece, Trace};
pub(crate) use moving::{Added, Content, MailIn, MailOut, MailboxRow, Mark, Octets};
pub(crate) use people::{
    AccountChange, AccountRow, AliasRow, DomainChange, DomainRow, LimitRow, NewAccount, Password, QuotaRow, Renamed,
    RoomRow,
};
pub(crate) use queue::{QueueMessage, QueueRow, Shape, VerbWord};
pub(crate) use request::Request;
pub(crate) use route::{HostRow, HostWord, RouteRow};
pub(crate) use store::Checked;

/// Rows of one answer, so that a frame stays small however long the queue is.
pub(crate) const PAGE_ROWS: usize = 1_000;

/// Octets of a message in one answer, before base64.
pub(crate) const PIECE_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests;
