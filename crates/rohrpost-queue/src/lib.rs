//! What waits and until when: states, schedule, gates, leases.
//!
//! The queue itself is rows in the store; this crate decides which of them a worker gets next. In memory it holds the
//! *active window* (at most [`limits::WINDOW_ROWS_MAX`] recipients), the *gates* of the sites and the leases; all else
//! is an index range in the store. It sends nothing and settles nothing: `rohrpost-delivery` takes a [`Job`], does it,
//! commits a settlement to the store and tells [`Queue::settled`].
//!
//! ```text
//! intake ──announce()─▶ ┌────────┐ ──next()──▶ worker ──▶ store.settle() ──settled()──▶ (left, or due later)
//!                       │ window │
//! store  ──keeper──────▶└────────┘ ◀──report()── how the site took it (gate)
//! ```
//!
//! - [`schedule`]: when the next attempt is due (pure);
//! - [`gate`]: how many attempts at once, how fast, and whether at all (pure);
//! - [`leap`]: what follows when the clock is set (pure);
//! - [`rate`]: `250/h` (pure);
//! - [`redirect`]: whom all mail of a test system goes to (pure);
//! - [`routing`]: which way an address goes, shared by intake and delivery (pure);
//! - [`srs`]: rewritten reverse paths of forwarded mail (pure);
//! - [`window`]: the active window (pure), driven by [`Queue`].
//!
//! Legal states of a row are drawn in `docs/design/queue.md`.

mod announced;
pub mod clock;
pub mod gate;
pub mod job;
mod keeper;
pub mod leap;
pub mod limits;
pub mod queue;
pub mod rate;
pub mod redirect;
pub mod routing;
pub mod schedule;
pub mod srs;
pub mod window;

pub use announced::Announced;
pub use clock::{Clock, Now};
pub use gate::{GateLimits, Signal};
pub use job::{Duty, Handed, Job, RowKey};
pub use queue::{Queue, QueueStats, RouteSettings, Settings};
pub use rate::{Pace, Rate};
pub use routing::{
    AccountPattern, AddressPattern, Destination, DomainPattern, HeaderPattern, Origin, RouteRule, Router,
};
pub use schedule::{Next, Schedule};
pub use window::{GateKey, SiteKey};
