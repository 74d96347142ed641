//! What the kernel knows of a process: its memory and its descriptors.

use std::process::{Command, Stdio};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// A process of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Octets of memory that are its own and not a file's.
    pub(crate) fn anonymous_octets(self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0)).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux tells it");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("it is a number");
        kib << 10
    }

    /// Descriptors that it has open.
    pub(crate) fn descriptors(self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.0)).expect("it runs").count()
    }

    /// Lowers how many descriptors it may have, as it runs.
    pub(crate) fn limit_descriptors(self, limit: usize) {
        let mut prlimit = Command::new("prlimit");
        prlimit.arg(format!("--pid={}", self.0)).arg(format!("--nofile={limit}:"));
        let status = prlimit.stdin(Stdio::null()).status().expect("prlimit is part of every Debian system");
        assert!(status.success(), "prlimit: {status}");
    }
}

/// Lets this process, and those it starts from now on, have so many descriptors.
///
/// # Panics
/// Where the machine does not allow as many.
pub(crate) fn need_descriptors(count: u64) {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("the kernel knows it");
    assert!(most >= count, "this test needs {count} descriptors in one process, and `ulimit -Hn` allows {most}");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("up to the hard limit everybody may");
}
