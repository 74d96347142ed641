//! Checks the arrows between crates: the map in `ARCHITECTURE.md`, kept here as data, against `cargo metadata`.
//!
//! Dependencies of tests are free; everything else points downward, and a third-party crate that shapes an interface
//! is named in one place only.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::shell;

/// A crate of ours and the crates of ours that it may use, without the common prefix.
const MAY_USE: &[(&str, &[&str])] = &[
    ("mail", &[]),
    ("sasl", &["mail"]),
    ("smtp", &["mail", "sasl"]),
    ("pop3", &["mail", "sasl"]),
    ("imap", &["mail", "sasl"]),
    ("tls", &["mail"]),
    ("dns", &["mail", "tls"]),
    ("store", &["mail"]),
    ("submit", &["mail"]),
    ("queue", &["mail", "store"]),
    ("client", &["mail", "smtp", "sasl", "tls"]),
    ("intake", &["mail", "store", "queue", "dns", "submit"]),
    ("delivery", &["queue", "client", "dns", "store", "tls", "mail", "smtp"]),
    ("sender", &["mail", "smtp", "sasl", "client", "tls", "dns", "submit"]),
    ("ffi", &["sender", "mail"]),
    ("server", &["smtp", "imap", "pop3", "sasl", "intake", "queue", "store", "tls", "dns", "submit", "mail"]),
    ("web", &["tls", "mail"]),
    ("testkit", &["mail", "sasl", "smtp", "tls", "dns", "store", "queue", "client", "intake"]),
];

/// Programs may use every crate: they are where things are put together.
const PROGRAMS: &[&str] = &["rohrpost", "xtask"];

/// Crates that take bytes, time and answers as arguments.
const PURE: &[&str] = &["mail", "sasl", "smtp", "imap", "pop3"];

/// What a pure crate may not reach, not even through others.
const IMPURE: &[&str] = &["tokio", "mio", "async-io", "socket2", "rand"];

/// Third-party crates, by the beginning of their names, and the crates of ours that may name them.
const KEPT_TO: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("libsqlite3-sys", &["store"]),
    ("hickory-", &["dns"]),
    ("rustls", &["tls"]),
    ("tokio-rustls", &["tls"]),
    ("webpki-", &["tls"]),
    ("aws-lc-", &["tls", "intake"]),
    ("rcgen", &["tls"]),
    ("x509-parser", &["tls"]),
    ("hyper", &["tls", "web"]),
    ("http-body", &["tls"]),
    ("yasna", &["tls"]),
    ("axum", &["web"]),
    ("askama", &["web"]),
];

/// Where each third-party crate has its reason.
const PAGE: &str = "docs/design/dependencies.md";

const PREFIX: &str = "rohrpost-";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    dependencies: Vec<Dependency>,
}

/// A dependency as the manifest has it.
#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

/// A package as it is built.
#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    kind: Option<String>,
}

/// Prints every arrow that is not on the map.
///
/// # Errors
/// When there is any.
pub(crate) fn run() -> Result<()> {
    let metadata = shell::output(shell::cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("cannot read what `cargo metadata` says")?;
    let page = std::fs::read_to_string(shell::root().join(PAGE)).with_context(|| format!("cannot read {PAGE}"))?;
    let mut faults = faults(&metadata);
    faults.extend(unexplained(&metadata, &page));
    for fault in &faults {
        println!("arrows: {fault}");
    }
    if !faults.is_empty() {
        bail!("arrows: {} are not on the map", faults.len());
    }
    Ok(())
}

fn faults(metadata: &Metadata) -> Vec<String> {
    let members = metadata.packages.iter().filter(|package| metadata.workspace_members.contains(&package.id));
    let mut faults = Vec::new();
    for package in members.filter(|package| !PROGRAMS.contains(&package.name.as_str())) {
        let name = package.name.strip_prefix(PREFIX).unwrap_or(&package.name);
        let Some((_, may_use)) = MAY_USE.iter().find(|(known, _)| *known == name) else {
            faults.push(format!("{} is not on the map", package.name));
            continue;
        };
        faults.extend(package.shipped().filter_map(|other| wrong_arrow(name, may_use, other)));
        if PURE.contains(&name) {
            let reached = reach(&metadata.resolve, &metadata.packages, &package.id);
            faults.extend(
                IMPURE
                    .iter()
                    .filter(|crate_| reached.contains(**crate_))
                    .map(|crate_| format!("{name} is pure and reaches {crate_}")),
            );
        }
    }
    for program in PROGRAMS {
        let package = metadata.packages.iter().find(|package| package.name == *program);
        faults.extend(package.into_iter().flat_map(Package::shipped).filter_map(|other| misplaced(program, other)));
    }
    faults
}

/// Third-party crates that a manifest names and the page does not.
fn unexplained(metadata: &Metadata, page: &str) -> Vec<String> {
    let words: BTreeSet<&str> = page.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).collect();
    let members = metadata.packages.iter().filter(|package| metadata.workspace_members.contains(&package.id));
    let named: BTreeSet<&str> = members.flat_map(|package| &package.dependencies).map(|d| d.name.as_str()).collect();
    let third_party = named.into_iter().filter(|name| !name.starts_with(PREFIX) && !words.contains(name));
    third_party.map(|name| format!("{PAGE} does not say why {name} is here")).collect()
}

impl Package {
    /// What the package is built with, tests aside.
    fn shipped(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev")).map(|d| d.name.as_str())
    }
}

fn wrong_arrow(name: &str, may_use: &[&str], other: &str) -> Option<String> {
    match other.strip_prefix(PREFIX) {
        Some(ours) if may_use.contains(&ours) => None,
        Some(ours) => Some(format!("{name} may not use {ours}")),
        None => misplaced(name, other),
    }
}

/// A third-party crate that is kept to other crates than `name`.
fn misplaced(name: &str, other: &str) -> Option<String> {
    let (_, kept_to) = KEPT_TO.iter().find(|(start, _)| other.starts_with(start))?;
    (!kept_to.contains(&name)).then(|| format!("{name} may not name {other}: it is kept to {}", kept_to.join(", ")))
}

/// The names of all crates that a package is built from, its build scripts and tests aside.
fn reach<'a>(resolve: &'a Resolve, packages: &'a [Package], from: &'a str) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<&str, &Node> = resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let names: BTreeMap<&str, &str> =
        packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
    let mut seen = BTreeSet::from([from]);
    let mut waiting = vec![from];
    while let Some(id) = waiting.pop() {
        let edges = nodes.get(id).map(|node| node.deps.as_slice()).unwrap_or_default();
        let built = edges.iter().filter(|edge| edge.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        waiting.extend(built.map(|edge| edge.pkg.as_str()).filter(|id| seen.insert(id)));
    }
    seen.into_iter().filter_map(|id| names.get(id).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace in which `smtp` depends on `smtp_uses`, which depends on tokio.
    fn metadata(name: &str, uses: &str, kind: &str) -> Metadata {
        let text = format!(
            r#"{{"workspace_members": ["a"],
            "packages": [{{"id": "a", "name": "{name}", "dependencies": [{{"name": "{uses}", "kind": {kind}}}]}},
                         {{"id": "b", "name": "{uses}", "dependencies": []}},
                         {{"id": "c", "name": "tokio", "dependencies": []}}],
            "resolve": {{"nodes": [{{"id": "a", "deps": [{{"pkg": "b", "dep_kinds": [{{"kind": {kind}}}]}}]}},
                                   {{"id": "b", "deps": [{{"pkg": "c", "dep_kinds": [{{"kind": null}}]}}]}}]}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn an_arrow_that_points_up_is_found() {
        assert_eq!(faults(&metadata("rohrpost-store", "rohrpost-queue", "null")), ["store may not use queue"]);
        assert_eq!(faults(&metadata("rohrpost-queue", "rohrpost-store", "null")), Vec::<String>::new());
        assert_eq!(faults(&metadata("rohrpost-store", "rohrpost-queue", "\"dev\"")), Vec::<String>::new());
    }

    #[test]
    fn a_pure_crate_may_not_reach_tokio_through_another() {
        assert_eq!(faults(&metadata("rohrpost-smtp", "innocent", "null")), ["smtp is pure and reaches tokio"]);
    }

    #[test]
    fn a_crate_that_shapes_an_interface_is_named_in_one_place() {
        let fault = "queue may not name rusqlite: it is kept to store";
        assert_eq!(faults(&metadata("rohrpost-queue", "rusqlite", "null")), [fault]);
        assert_eq!(
            faults(&metadata("xtask", "rusqlite", "null")),
            ["xtask may not name rusqlite: it is kept to store"]
        );
    }

    #[test]
    fn a_third_party_crate_without_a_reason_is_found() {
        let metadata = metadata("rohrpost-mail", "time", "\"dev\"");
        assert_eq!(unexplained(&metadata, "| `jiff` | not time_t |").len(), 1);
        assert_eq!(unexplained(&metadata, "| time, jiff |"), Vec::<String>::new());
    }

    #[test]
    fn a_crate_that_is_not_on_the_map_is_found() {
        assert_eq!(faults(&metadata("rohrpost-new", "x", "null")), ["rohrpost-new is not on the map"]);
    }
}
