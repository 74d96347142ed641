//! Attacks on the running program, by the numbers of the attack list, and on the machine below it.
//!
//! Most attacks are tried on the pure sessions and on the server's listeners, beside their code. Here are those that need
//! the whole process: its memory, its descriptors, its disk.

mod cross_protocol;
mod crowd;
mod full_disk;
mod process;

use std::net::SocketAddr;

use crate::peers::rohrpost::{ANN, PASSWORD};
use crate::peers::{Dns, Installation, PeerTls, Rohrpost, Swaks, free_address};

/// A server that the whole world can reach.
struct Target {
    /// For other servers: TLS offered.
    mx: SocketAddr,
    /// For accounts: TLS from the first octet.
    submissions: SocketAddr,
    rohrpost: Rohrpost,
    _dns: Dns,
}

impl Target {
    fn start() -> Self {
        Self::with("", |_| ())
    }

    /// With more tables; `prepare` is called before the server starts.
    fn with(tables: &str, prepare: impl FnOnce(&Installation)) -> Self {
        let dns = Dns::start(&["here.test", "postfix.test"]);
        let [mx, submissions] = [(); 2].map(|()| free_address());
        let settings = format!(
            "
[[listener]]
name = 'mx'
protocol = 'smtp'
address = '{mx}'
tls = 'offered'

[[listener]]
name = 'submissions'
protocol = 'submission'
address = '{submissions}'
tls = 'implicit'
{tables}"
        );
        // Nothing is sent from here: no MX host has port 1.
        let installation = Installation::new(dns.address, 1, "", &settings);
        prepare(&installation);
        Self { mx, submissions, rohrpost: installation.start(), _dns: dns }
    }

    /// A message from another server; it has a name in the DNS.
    fn by_server(&self) -> Swaks {
        Swaks::new(self.mx, "bob@postfix.test", ANN)
    }

    /// A message that Ann sends to herself with her mail program.
    fn by_ann(&self) -> Swaks {
        Swaks::new(self.submissions, ANN, ANN).tls(PeerTls::Implicit).login("PLAIN", ANN, PASSWORD)
    }
}
