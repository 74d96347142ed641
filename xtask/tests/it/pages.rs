//! The manual pages and the completions of shells.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{output, rohrpost, xtask};

/// The pages of a section, but for those that only lead to another.
fn pages(folder: &TempDir, section: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.path().join(section)).expect("pages were written");
    let files = files.map(|entry| entry.expect("it can be read").path());
    let is_whole = |page: &PathBuf| !fs::read_to_string(page).expect("it is text").starts_with(".so ");
    files.filter(is_whole).collect()
}

#[test]
fn the_manual_pages_are_well_made() {
    let folder = TempDir::with_prefix("rohrpost-man-").expect("a directory can be made");
    output(xtask().arg("man").arg(folder.path()).arg("--binary").arg(rohrpost()));
    let commands = pages(&folder, "man1");
    assert!(commands.len() > 20, "one for each command: {commands:?}");
    output(Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).args(commands).args(pages(&folder, "man5")));
}

#[test]
fn a_page_says_what_the_help_and_the_documents_say() {
    let folder = TempDir::with_prefix("rohrpost-man-").expect("a directory can be made");
    output(xtask().arg("man").arg(folder.path()).arg("--binary").arg(rohrpost()));
    for (page, words) in [
        ("man1/rohrpost.1", ["rohrpost-send(1)", "EX_TEMPFAIL", "ROHRPOST_CONFIG"]),
        ("man1/rohrpost-send.1", ["--attach", "Invoice 4711", "rohrpost(1)"]),
        ("man1/sendmail.1", ["-oi", "progress bars", "rohrpost.toml(5)"]),
        ("man1/msmtp.1", ["--read-envelope-from", "All or nothing", "msmtprc"]),
        ("man5/rohrpost.toml.5", ["[[listener]]", "host_name", "rohrpost(1)"]),
    ] {
        let mandoc =
            Command::new("mandoc").args(["-T", "utf8", "-O", "width=500", page]).current_dir(folder.path()).output();
        let text = String::from_utf8(mandoc.expect("it is there").stdout).expect("it is text");
        // A bold letter is printed twice, with a step back between.
        let text: String = text.split('\u{8}').map(|part| part.strip_suffix(|_| true).unwrap_or(part)).collect();
        for word in words {
            assert!(text.contains(word), "{page}: {word} is missing in\n{text}");
        }
    }
}

#[test]
fn the_shells_understand_their_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = output(Command::new(rohrpost()).args(["completions", shell]));
        assert!(script.contains("--attach") || script.contains("-l attach"), "{shell}: {script}");
    }
    let script = Command::new(rohrpost()).args(["completions", "bash"]).stdout(Stdio::piped()).spawn();
    let script = script.expect("it starts").stdout.expect("it is piped");
    output(Command::new("bash").arg("-n").stdin(script));
}
