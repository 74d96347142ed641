//! What is odd about mail elsewhere: it comes all the same, or it is told that it does not.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Output, Stdio};

use serde_json::Value;

use super::{Desk, json, mbox, text_of};
use crate::peers::rohrpost::ANN;

/// The exit code for what is wrong with data.
const EX_DATAERR: i32 = 65;

impl Desk {
    /// Imports, and gives the exit code with the lines of JSON.
    fn try_import(&self, kind: &str, source: &str) -> (Option<i32>, Vec<Value>) {
        let output = self.run(&["import", kind, &self.text(source), "--account", ANN, "--json"]);
        (output.status.code(), json(&String::from_utf8(output.stdout).expect("it prints text")))
    }

    /// The mailboxes that have mail, with how many messages.
    fn folders(&self, account: &str) -> Vec<(String, u64)> {
        let rows = json(&self.ask(&["mailbox", "folders", account, "--json"]));
        let row = |row: &Value| Some((row["name"].as_str()?.to_owned(), row["messages"].as_u64()?));
        rows.iter().filter_map(row).filter(|(_, messages)| *messages > 0).collect()
    }

    /// Imports into a folder what standard input gives.
    fn import_piped(&self, more: &[&str]) -> Output {
        let mut import = self.command(&[&["import", "mbox", "-", "--account", ANN][..], more].concat());
        import.current_dir(self.0.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = import.spawn().expect("it is built");
        // A command that refuses reads nothing.
        let _ = child.stdin.take().expect("it is a pipe").write_all(mbox(3).as_bytes());
        child.wait_with_output().expect("it ends")
    }
}

fn faults(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["why"].as_str()).collect()
}

#[test]
fn a_tree_of_mbox_files_comes_back_into_the_mailboxes_that_were_exported() {
    let desk = Desk::new();
    fs::write(desk.path("a.mbox"), mbox(2)).expect("the file can be written");
    for name in ["INBOX", "Work", "Work/2026", ".dot", "100%", "mbox", "x.sbd/y", "Kunden/Bäcker"] {
        let state = desk.text("state");
        desk.ask(&["import", "mbox", &desk.text("a.mbox"), "--account", ANN, "--folder", name, "--state", &state]);
    }
    desk.ask(&["export", "mbox", "--account", ANN, &desk.text("out")]);
    desk.ask(&["account", "add", "bob@here.test"]);
    desk.ask(&["import", "mbox", &desk.text("out"), "--account", "bob@here.test"]);
    assert_eq!(desk.folders("bob@here.test").len(), 8);
    assert_eq!(desk.folders("bob@here.test"), desk.folders(ANN));
}

#[test]
fn a_maildir_with_odd_names_comes_whole_and_links_are_told() {
    let desk = Desk::new();
    let write = |path: &[u8]| {
        let path = desk.path("in").join(OsStr::from_bytes(path));
        fs::create_dir_all(path.parent().expect("it lies in cur")).expect("a directory can be made");
        fs::write(path, "Subject: x\n\nx\n").expect("the file can be written");
    };
    let deep = format!("{}cur/1.a", "d/".repeat(60));
    let odd = [&b"cur/1700000009.\xff:2,S"[..], b"cur/1700000009.\xfe:2,S", b"a\xffb/cur/1.a", b".end./cur/1.a"];
    odd.into_iter().chain([&b".end/cur/1.a"[..], b".x..y/cur/1.a", deep.as_bytes()]).for_each(write);
    let levels = format!("{}{}", "d/".repeat(31), ["d"; 29].join("."));
    let wanted = [("INBOX", 2), ("aÿb", 1), (levels.as_str(), 1), ("end", 2), ("x/y", 1)];
    let mut wanted = wanted.map(|(name, messages)| (name.to_owned(), messages));
    wanted.sort();
    let sorted = || {
        let mut folders = desk.folders(ANN);
        folders.sort();
        folders
    };
    assert_eq!(desk.try_import("maildir", "in").0, Some(0));
    assert_eq!(sorted(), wanted);

    std::os::unix::fs::symlink(desk.path("in/cur"), desk.path("in/.Link")).expect("a link can be made");
    std::os::unix::fs::symlink("/etc/hostname", desk.path("in/cur/2.link:2,")).expect("a link can be made");
    let (code, lines) = desk.try_import("maildir", "in");
    assert_eq!(code, Some(EX_DATAERR));
    assert_eq!(faults(&lines), ["a symbolic link, which is not followed"; 2]);
    assert_eq!(sorted(), wanted);
}

#[test]
fn what_thunderbird_had_deleted_is_counted_and_a_line_whose_date_cannot_be_is_told() {
    let desk = Desk::new();
    let deleted = "From - Sun Nov 22 10:00:00 2026\nX-Mozilla-Status: 0009\n\ngone\n\n";
    let doubtful = "From bob@here.test Sun Nov 31 10:00:00 2026\nSubject: lost in another\n\nx\n\n";
    fs::write(desk.path("a.mbox"), [deleted, &mbox(2), deleted].concat()).expect("the file can be written");
    let lines = desk.import("mbox", "a.mbox");
    assert_eq!((&lines[0]["imported"], &lines[0]["deleted"]), (&2.into(), &2.into()));
    fs::write(desk.path("b.mbox"), [&mbox(2), doubtful].concat()).expect("the file can be written");
    let lines = desk.import("mbox", "b.mbox");
    assert_eq!(lines[0]["imported"], 2);
    let told = format!("the line at octet {} looks like the start of a message", mbox(2).len());
    assert!(faults(&lines)[0].starts_with(&told), "{lines:?}");
    // Here it goes with a message that is left out.
    fs::write(desk.path("c.mbox"), [&mbox(1), deleted, doubtful].concat()).expect("the file can be written");
    let (code, lines) = desk.try_import("mbox", "c.mbox");
    assert_eq!((code, faults(&lines).len()), (Some(EX_DATAERR), 1), "{lines:?}");
}

#[test]
fn of_several_files_those_that_are_mail_come_and_the_others_are_told() {
    let desk = Desk::new();
    fs::create_dir(desk.path("in")).expect("a directory can be made");
    fs::write(desk.path("in/a.mbox.gz"), [0x1f, 0x8b, 8, 0]).expect("the file can be written");
    fs::write(desk.path("in/b.mbox"), "Hello\n").expect("the file can be written");
    fs::write(desk.path("in/c.mbox"), mbox(2)).expect("the file can be written");
    let (code, lines) = desk.try_import("mbox", "in");
    assert_eq!(code, Some(EX_DATAERR));
    assert_eq!(desk.folders(ANN), [("c".to_owned(), 2)]);
    let compressed = "compressed: `gzip -dc FILE | rohrpost import mbox - --folder NAME` reads it";
    assert_eq!(faults(&lines), [compressed, "octet 0: expected a line that begins with \"From \""]);
}

#[test]
fn standard_input_is_an_mbox_file_without_a_name() {
    let desk = Desk::new();
    let refused = desk.import_piped(&[]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("say with --folder"));
    for imported in [3, 0] {
        let lines = text_of(&desk.import_piped(&["--folder", "Old", "--json"]));
        assert_eq!(json(&lines)[0]["imported"], imported);
    }
    assert!(desk.path(&format!("{ANN}.imported")).exists());
}

#[test]
fn a_full_quota_stops_an_import_and_what_came_before_is_counted() {
    let desk = Desk::new();
    desk.ask(&["account", "quota", "set", ANN, "25KiB"]);
    fs::write(desk.path("a.mbox"), mbox(1_000)).expect("the file can be written");
    let (code, lines) = desk.try_import("mbox", "a.mbox");
    assert_eq!(code, Some(75));
    assert_eq!(lines[0]["imported"], desk.messages("a"));
    assert!(desk.messages("a") > 0);
}
