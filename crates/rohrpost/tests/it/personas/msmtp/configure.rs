//! `--configure`, beside Debian's msmtp: both ask the DNS that this host is set up with.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;

use super::pair::Program;
use crate::peers::Dns;
use crate::personas::host::{Ended, run};

/// A name server on the port where resolvers look for one, at an address of this process's own.
struct NameServer {
    _dns: Dns,
    /// What `/etc/resolv.conf` is for who asks it.
    resolv: NamedTempFile,
}

impl NameServer {
    fn start() -> Self {
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 77, high, low);
        let services = [
            "_submissions._tcp.tls.test,mail.tls.test,465",
            "_submission._tcp.tls.test,mail.tls.test,587",
            "_submission._tcp.starttls.test,mail.provider.test,587",
        ];
        let dns = Dns::answering((address, 53).into(), services.map(|service| format!("--srv-host={service}")));
        let resolv = NamedTempFile::with_prefix("rohrpost-resolv-").expect("a file can be made");
        std::fs::write(resolv.path(), format!("nameserver {address}\n")).expect("it is ours");
        Self { _dns: dns, resolv }
    }

    /// Asks one of the programs for a configuration.
    fn configure(&self, program: Program, address: &str) -> Ended {
        const ENTER: &str = "mount --bind \"$0\" /etc/resolv.conf; exec \"$@\"";
        let mut enter = Command::new("unshare");
        enter.args(["--mount", "--", "/bin/sh", "-ec", ENTER]).arg(self.resolv.path());
        match program {
            Program::Theirs => enter.arg("msmtp"),
            Program::Ours => enter.args([env!("CARGO_BIN_EXE_rohrpost"), "msmtp"]),
        };
        enter.arg(format!("--configure={address}"));
        enter.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        run(enter, b"")
    }
}

/// The keys that both print, without the user: there they differ.
fn keys(ended: &Ended) -> Vec<&str> {
    let wanted = ["account ", "host ", "port ", "tls ", "tls_starttls ", "auth ", "from "];
    ended.output.lines().filter(|line| wanted.iter().any(|key| line.starts_with(key))).collect()
}

#[test]
fn an_account_is_made_from_what_dns_says() {
    let server = NameServer::start();
    for (address, port) in [("ann@tls.test", "port 465"), ("ann@starttls.test", "port 587")] {
        let (theirs, ours) = (server.configure(Program::Theirs, address), server.configure(Program::Ours, address));
        assert!(ours.status.success() && keys(&ours).contains(&port), "{ours:?}");
        assert_eq!(keys(&ours), keys(&theirs), "{ours:?} {theirs:?}");
        let is_foreign = address.ends_with("starttls.test");
        assert_eq!(ours.output.contains("# Attention: "), is_foreign, "{ours:?}");
        assert_eq!(theirs.output.contains("# - warning: "), is_foreign, "{theirs:?}");
    }
    for (address, code) in [("ann@nowhere.test", 68), ("ann", 65)] {
        for program in [Program::Theirs, Program::Ours] {
            let ended = server.configure(program, address);
            assert_eq!((ended.status.code(), ended.output.as_str()), (Some(code), ""), "{program:?} {ended:?}");
        }
    }
}
