//! dnsmasq as the DNS of the domains in `.test`: each has one MX host, `mx.DOMAIN`, at 127.0.0.1.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use super::free_address;
use super::log::Log;

/// A running name server. It knows nothing but what it was told, and asks nobody.
pub(crate) struct Dns {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Dns {
    /// Starts one on a free port.
    pub(crate) fn start(domains: &[&str]) -> Self {
        let records = |domain: &&str| {
            [format!("--mx-host={domain},mx.{domain},10"), format!("--host-record=mx.{domain},127.0.0.1")]
        };
        Self::answering(free_address(), domains.iter().flat_map(records))
    }

    /// Starts one that knows these records, as options of dnsmasq, and waits until it answers.
    pub(crate) fn answering(address: SocketAddr, records: impl IntoIterator<Item = String>) -> Self {
        let mut dnsmasq = Command::new("dnsmasq");
        dnsmasq.args([
            "--keep-in-foreground",
            "--log-facility=-",
            "--conf-file=/dev/null",
            "--pid-file",
            "--user=root",
        ]);
        dnsmasq.args(["--no-resolv", "--no-hosts", "--local=/#/", "--bind-interfaces"]);
        dnsmasq.args([format!("--listen-address={}", address.ip()), format!("--port={}", address.port())]);
        dnsmasq.args(records);
        let (output, input) = std::io::pipe().expect("a pipe can be made");
        let child = dnsmasq.stdin(Stdio::null()).stdout(Stdio::null()).stderr(input).spawn();
        let child = child.expect("dnsmasq is there: `cargo xtask programs` installs it");
        // A command keeps its ends of a pipe; with this one gone the log ends when dnsmasq does.
        drop(dnsmasq);
        Log::follow("dnsmasq", output).wait_for("started, version");
        Self { address, child }
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
