//! The Debian packages and the manual pages: judged by Debian's own tools, and used on a copy of this host.
//!
//! They are made of the program that lies beside `xtask`: `cargo xtask test` builds all programs before it tests.

mod host;
mod packages;
mod pages;
mod profile;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program of this build.
fn rohrpost() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("rohrpost");
    assert!(binary.is_file(), "{} is missing: build the workspace first", binary.display());
    binary
}

/// A task of this workspace.
fn xtask() -> Command {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
}

/// What a command printed, standard output first; it must have ended well.
#[track_caller]
fn output(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("`cargo xtask programs` installs it");
    let text = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}\n{text}");
    text.into_owned()
}
