//! Mail on its way in and out as a whole: `import`, `export`, and the commands about people.
//!
//! Python's `mailbox` module, which is nobody's here, writes what is imported and reads what was exported.

mod imap;
mod odd;
mod people;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::peers::rohrpost::ANN;
use crate::peers::{DEADLINE, Installation, free_address};

/// Writes a Maildir or mbox files with Python: all flags, dates, sub-folders, umlauts, quoted lines.
const WRITE: &str = include_str!("write.py");
/// Prints what it reads there: one line of JSON for each message, sorted.
const READ: &str = include_str!("read.py");

/// A store without a server, and room for files.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(TempDir::with_prefix("rohrpost-moving-").expect("a directory can be made"));
        fs::write(desk.path("password"), "three blue kites\n").expect("the file can be written");
        desk.ask(&["account", "add", ANN, "--password-file", &desk.text("password")]);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).into_os_string().into_string().expect("it is UTF-8")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
        command.arg("--dir").arg(self.path("data")).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("it is built")
    }

    /// What a command prints. It must succeed.
    #[track_caller]
    fn ask(&self, arguments: &[&str]) -> String {
        text_of(&self.run(arguments))
    }

    /// What a command says is wrong.
    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).expect("it prints text")
    }

    fn import(&self, kind: &str, source: &str) -> Vec<serde_json::Value> {
        json(&self.ask(&["import", kind, &self.text(source), "--account", ANN, "--json"]))
    }

    /// How many messages a mailbox has.
    #[track_caller]
    fn messages(&self, mailbox: &str) -> u64 {
        let rows = json(&self.ask(&["mailbox", "folders", ANN, "--json"]));
        let row = rows.iter().find(|row| row["name"] == mailbox);
        row.and_then(|row| row["messages"].as_u64()).unwrap_or_default()
    }
}

fn json(lines: &str) -> Vec<serde_json::Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

#[track_caller]
fn text_of(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout.clone()).expect("it prints text")
}

fn python(script: &str, kind: &str, path: &Path) -> String {
    text_of(&Command::new("python3").args(["-c", script, kind]).arg(path).output().expect("python3 is there"))
}

/// A file with so many short messages.
fn mbox(messages: usize) -> String {
    let message = |number| {
        format!(
            "From ann@here.test Sun Nov 22 10:00:00 2026\nMessage-ID: <{number}@here.test>\nSubject: {number}\n\n\
             This is number {number}.\n\n"
        )
    };
    (1..=messages).map(message).collect()
}

#[test]
fn a_maildir_comes_back_as_it_was() {
    let desk = Desk::new();
    python(WRITE, "maildir", &desk.path("in"));
    desk.import("maildir", "in");
    desk.ask(&["export", "maildir", "--account", ANN, &desk.text("out")]);
    let (before, after) = (python(READ, "maildir", &desk.path("in")), python(READ, "maildir", &desk.path("out")));
    assert_eq!(before.lines().count(), 9);
    assert_eq!(after, before);
}

#[test]
fn mbox_files_come_back_as_they_were() {
    let desk = Desk::new();
    fs::create_dir(desk.path("in")).expect("a directory can be made");
    python(WRITE, "mbox", &desk.path("in"));
    let files = ["INBOX.mbox", "Entwürfe.mbox", "Kunden.mbox"].map(|name| desk.text(&format!("in/{name}")));
    let mut arguments = vec!["import", "mbox", "--account", ANN, "--folder", "Entwürfe=Entwürfe"];
    arguments.extend(files.iter().map(String::as_str));
    desk.ask(&arguments);
    desk.ask(&["export", "mbox", "--account", ANN, &desk.text("out")]);
    let (before, after) = (python(READ, "mbox", &desk.path("in")), python(READ, "mbox", &desk.path("out")));
    assert_eq!(before.lines().count(), 9);
    assert_eq!(after, before);
}

#[test]
fn a_message_of_40_mib_goes_in_and_out_through_a_running_server() {
    let server = Installation::new(free_address(), 25, "", "").start();
    let folder = TempDir::with_prefix("rohrpost-moving-").expect("a directory can be made");
    let (source, target) = (folder.path().join("big.mbox"), folder.path().join("out"));
    let text = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n".repeat((40 << 20) / 65);
    fs::write(&source, format!("From a@b.test Sun Nov 22 10:00:00 2026\nSubject: big\n\n{text}\n")).expect("it fits");
    let source = source.to_str().expect("it is UTF-8");
    server.ask(&["import", "mbox", source, "--account", ANN, "--folder", "Big"]);
    let target = target.to_str().expect("it is UTF-8");
    server.ask(&["export", "maildir", "--account", ANN, "--folder", "Big", target]);
    let mut entries = fs::read_dir(format!("{target}/.Big/cur")).expect("it was exported");
    let file = entries.next().expect("there is a message").expect("it can be read").path();
    let whole = fs::read_to_string(file).expect("it is text");
    assert!(whole == format!("Subject: big\n\n{text}"));
}

/// Waits until the journal has a line more than it had.
fn wait_for_line(child: &mut Child, journal: &Path, lines: usize) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let found = fs::read_to_string(journal).unwrap_or_default().lines().count();
        if found > lines || child.try_wait().expect("it is our child").is_some() {
            return;
        }
        assert!(Instant::now() < deadline, "nothing is noted in {}", journal.display());
        std::thread::yield_now();
    }
}

#[test]
fn an_import_that_is_killed_again_and_again_has_each_message_once() {
    const MESSAGES: usize = 3_000;
    const KILLS: usize = 8;

    let desk = Desk::new();
    fs::write(desk.path("all.mbox"), mbox(MESSAGES)).expect("the file can be written");
    let journal = desk.path("all.mbox.imported");
    for _ in 0..KILLS {
        let lines = fs::read_to_string(&journal).unwrap_or_default().lines().count();
        let source = desk.text("all.mbox");
        let mut import = desk.command(&["import", "mbox", &source, "--account", ANN, "--folder", "All"]);
        let mut child = import.stdout(Stdio::null()).spawn().expect("it is built");
        wait_for_line(&mut child, &journal, lines);
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
    }
    desk.ask(&["import", "mbox", &desk.text("all.mbox"), "--account", ANN, "--folder", "All"]);
    desk.ask(&["export", "mbox", "--account", ANN, "--folder", "All", &desk.text("out")]);
    let exported = fs::read_to_string(desk.path("out/All.mbox")).expect("it was exported");
    let mut subjects: Vec<usize> =
        exported.lines().filter_map(|line| line.strip_prefix("Subject: ")?.parse().ok()).collect();
    subjects.sort_unstable();
    assert!(subjects.iter().copied().eq(1..=MESSAGES), "{} messages", subjects.len());
}

#[test]
fn what_was_imported_is_known_and_duplicates_are_left_out_on_request() {
    let desk = Desk::new();
    fs::write(desk.path("a.mbox"), mbox(3)).expect("the file can be written");
    fs::write(desk.path("b.mbox"), mbox(5)).expect("the file can be written");
    let import = |file: &str, more: &[&str]| {
        let file = desk.text(file);
        let arguments = [&["import", "mbox", &file, "--account", ANN, "--folder", "Old", "--json"][..], more].concat();
        let line = json(&desk.ask(&arguments)).remove(0);
        ["imported", "known", "duplicates"].map(|figure| line[figure].as_u64().expect("it is a number"))
    };
    assert_eq!(import("a.mbox", &["--dry-run"]), [3, 0, 0]);
    assert_eq!(desk.messages("Old"), 0);
    assert_eq!(import("a.mbox", &[]), [3, 0, 0]);
    assert_eq!(import("a.mbox", &[]), [0, 3, 0]);
    assert_eq!(import("b.mbox", &["--skip-duplicates", "--dry-run"]), [2, 0, 3]);
    assert_eq!(import("b.mbox", &["--skip-duplicates"]), [2, 0, 3]);
    assert_eq!(desk.messages("Old"), 5);
    fs::write(desk.path("a.mbox"), mbox(4)).expect("the file can be written");
    assert_eq!(import("a.mbox", &[]), [1, 3, 0]);
}

#[test]
fn an_export_goes_nowhere_where_files_of_others_are() {
    let desk = Desk::new();
    let refused = desk.refused(&["export", "mbox", "--account", ANN, desk.0.path().to_str().expect("it is UTF-8")]);
    assert!(refused.contains("is not empty"), "{refused}");
    let refused = desk.refused(&["export", "mbox", "--account", "bob@here.test", &desk.text("out")]);
    assert!(refused.contains("there is no account bob@here.test"), "{refused}");
    assert!(!desk.path("out").exists());
}

#[test]
fn a_message_that_cannot_be_read_is_named_and_the_others_come() {
    let desk = Desk::new();
    python(WRITE, "maildir", &desk.path("in"));
    fs::write(desk.path("in/cur/1.nul:2,"), "Subject: x\n\na\0b\n").expect("the file can be written");
    let lines = desk.import("maildir", "in");
    let fault = lines.iter().find(|line| line.get("place").is_some()).expect("the NUL is told");
    assert!(fault["place"].as_str().expect("it is text").ends_with("cur/1.nul:2,"), "{fault}");
    assert_eq!(fault["why"], "1 NUL left out; the rest is imported");
    let refused = desk.refused(&["import", "mbox", &desk.text("in/cur/1.nul:2,"), "--account", ANN]);
    assert!(refused.contains("octet 0: expected a line that begins with \"From \""), "{refused}");
}
