//! The host that the server lives on: systemd starts and stops it, programs beside it bring mail through a unix socket.

mod lmtp;
mod systemd;

use crate::peers::{Dns, Installation};

/// A server with these tables, and the DNS that it asks. Nothing is sent in these stories: no MX host has port 1.
fn installation(tables: &str) -> (Installation, Dns) {
    let dns = Dns::start(&["here.test"]);
    (Installation::new(dns.address, 1, "", tables), dns)
}
