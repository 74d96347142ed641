//! How much memory a server holds: the anonymous pages of its process and of every process below it.

use std::{fs, io};

/// Mebibytes of anonymous memory that `pid` and its descendants hold. File pages are the kernel's to take back.
pub(crate) fn anonymous_mib(pid: u32) -> io::Result<f64> {
    let kib: u64 = family(pid)?.into_iter().filter_map(|pid| rss_anon_kib(pid).ok()).sum();
    #[allow(clippy::cast_precision_loss, reason = "no machine has 2^53 KiB")]
    Ok(kib as f64 / 1024.0)
}

fn rss_anon_kib(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().map_err(io::Error::other)
}

/// The process and all its descendants.
fn family(root: u32) -> io::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // The second field is a name in brackets that may hold anything; the parent is the second one after it.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    let mut family = vec![root];
    let mut at = 0;
    while at < family.len() {
        let here = family[at];
        family.extend(parents.iter().filter(|(_, parent)| *parent == here).map(|(pid, _)| *pid));
        at += 1;
    }
    Ok(family)
}
