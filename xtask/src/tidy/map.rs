//! Checks that what the documents name exists: paths and functions in the map, targets of links.

use std::path::Path;

use super::{Finding, Source};

/// The map of the house.
const MAP: &str = "ARCHITECTURE.md";

/// First parts of the paths that the map may name.
const ROOTS: &[&str] = &["crates/", "xtask/", "fuzz/", "docs/", "contrib/", ".ci/", ".cargo/"];

/// All findings in all documents, and the documents that are missing.
pub(super) fn check(root: &Path, sources: &[Source]) -> Vec<Finding> {
    let mut findings = missing_documents(root);
    for source in sources.iter().filter(|source| source.path.extension().is_some_and(|extension| extension == "md")) {
        let is_map = source.path == Path::new(MAP);
        for (number, line) in (1..).zip(source.text.lines()) {
            let mut faults = dead_links(root, source, line);
            if is_map {
                faults.extend(dead_paths(root, line));
            }
            findings.extend(faults.into_iter().map(|what| Finding { path: source.path.clone(), line: number, what }));
        }
    }
    findings
}

fn missing_documents(root: &Path) -> Vec<Finding> {
    let documents = [MAP, "README.md", "README.de.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "deny.toml"];
    let missing = documents.iter().filter(|name| !root.join(name).is_file());
    missing.map(|name| Finding { path: name.into(), line: 0, what: "the document is missing".to_owned() }).collect()
}

/// Links of a line that lead nowhere. Links to other hosts are not followed.
fn dead_links(root: &Path, source: &Source, line: &str) -> Vec<String> {
    let folder = root.join(&source.path);
    let folder = folder.parent().unwrap_or(root);
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.contains(':') && !target.starts_with('#'));
    let files = local.map(|target| target.split('#').next().unwrap_or(target));
    files.filter(|file| !folder.join(file).exists()).map(|file| format!("the link to `{file}` leads nowhere")).collect()
}

/// Paths of a line that do not exist, and functions that are not where it says: `crates/a/src/b.rs::function`.
fn dead_paths(root: &Path, line: &str) -> Vec<String> {
    let quoted = line.split('`').skip(1).step_by(2).filter(|name| ROOTS.iter().any(|start| name.starts_with(start)));
    quoted.filter_map(|name| dead_path(root, name)).collect()
}

fn dead_path(root: &Path, name: &str) -> Option<String> {
    let (path, function) = match name.split_once("::") {
        Some((path, item)) => (path, item.rsplit("::").next()),
        None => (name, None),
    };
    if path.contains(['*', '<', '{', '…']) {
        return None;
    }
    if !root.join(path).exists() {
        return Some(format!("`{path}` does not exist"));
    }
    let function = function?.trim_end_matches("()");
    let text = std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let defined = ["fn", "struct", "enum", "trait", "const", "type", "mod"].iter().any(|kind| {
        text.match_indices(&format!("{kind} {function}"))
            .any(|(at, found)| !text[at + found.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    });
    (!defined).then(|| format!("`{path}` has no `{function}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell;

    #[test]
    fn a_path_or_function_that_is_not_there_is_found() {
        let root = shell::root();
        let here = "`xtask/src/tidy/map.rs::dead_paths` and `xtask/src/tidy/map.rs`, `Session::poll` and `crates/*`";
        assert_eq!(dead_paths(&root, here), Vec::<String>::new());
        assert_eq!(dead_paths(&root, "`xtask/src/gone.rs`"), ["`xtask/src/gone.rs` does not exist"]);
        assert_eq!(
            dead_paths(&root, "`xtask/src/tidy/map.rs::dead_path_s`"),
            ["`xtask/src/tidy/map.rs` has no `dead_path_s`"]
        );
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found_and_other_hosts_are_left_alone() {
        let readme = Source { path: "README.md".into(), text: String::new() };
        let line = "[a](Cargo.toml) [b](https://a.example/b) [c](#here) [d](gone.md#there)";
        assert_eq!(dead_links(&shell::root(), &readme, line), ["the link to `gone.md` leads nowhere"]);
    }
}
