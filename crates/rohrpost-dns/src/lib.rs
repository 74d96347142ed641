//! Which hosts take the mail of a domain, and how safely: one question, one answer.
//!
//! The question is [`Resolver::plan`], the answer a [`Plan`]: the hosts in the order in which they are to be tried, their
//! addresses, and for each what its link has to fulfil and who says so. What went wrong is a [`PlanError`] that knows
//! whether to wait or to give up. DNS itself, and the crate that speaks it, do not show outside.
//!
//! There is a small authoritative server in [`zone`] for the demo and for tests.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use rohrpost_dns::{Options, Resolver, zone::{Zone, ZoneServer}};
//!
//! let zone = Zone::new("there.test").mx("there.test", 10, "mx.there.test").a("mx.there.test", [192, 0, 2, 1]);
//! let server = ZoneServer::start([zone]).await?;
//! let resolver = Resolver::with_servers(vec![server.address()], Options::default());
//!
//! let plan = resolver.plan(&"there.test".parse()?, None).await?;
//! assert_eq!(plan.hosts[0].addresses, ["192.0.2.1:25".parse()?]);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

pub mod error;
pub mod limits;
mod lookup;
pub mod options;
pub mod plan;
pub mod resolver;
pub mod services;
mod upstream;
pub mod zone;

pub use error::{LookupFault, PlanError, SystemResolverError, TlsaError};
pub use options::{Options, Validate};
pub use plan::{Plan, PlannedHost};
pub use resolver::{AddressName, Resolver, SenderDomain};
pub use services::Services;
