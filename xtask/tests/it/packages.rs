//! The packages themselves: what is in them, and what Debian's tools say about that.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::{output, rohrpost, xtask};

/// How long the packages of other runs are left alone: they may be in use.
const KEPT: Duration = Duration::from_hours(1);

/// Both packages, in a folder of their own.
pub(crate) struct Packages {
    folder: PathBuf,
}

impl Packages {
    /// Makes them of the program of this build, once for all tests of a run: the first builds, the others wait for it.
    pub(crate) fn build() -> Self {
        let run = std::env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| std::process::id().to_string());
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        fs::create_dir_all(&place).expect("a directory can be made");
        let lock = File::create(place.join("lock")).expect("a file can be made");
        lock.lock().expect("it can be locked");
        let folder = place.join(run);
        if !folder.is_dir() {
            remove_old(&place);
            let _ = fs::remove_dir_all(place.join("partial"));
            make(&place.join("partial"));
            fs::rename(place.join("partial"), &folder).expect("it can be renamed");
        }
        Self { folder }
    }

    /// Where they lie.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of one of them.
    fn file(&self, package: &str) -> PathBuf {
        let files =
            fs::read_dir(self.folder()).expect("it is a folder").map(|entry| entry.expect("it can be read").path());
        let begins = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(package));
        files.into_iter().find(begins).expect("the package was made")
    }

    /// Modes, owners and names of what is in one of them.
    fn contents(&self, package: &str) -> String {
        output(Command::new("dpkg-deb").arg("--contents").arg(self.file(package)))
    }
}

/// Packs loosely: here nobody minds the size.
fn make(folder: &Path) {
    let mut deb = xtask();
    deb.arg("deb").arg("--binary").arg(rohrpost()).arg("--folder").arg(folder);
    output(deb.env("DPKG_DEB_COMPRESSOR_TYPE", "gzip").env("DPKG_DEB_COMPRESSOR_LEVEL", "1"));
}

/// Removes what earlier runs left.
fn remove_old(place: &Path) {
    for entry in fs::read_dir(place).expect("it is a folder").flatten() {
        let age =
            entry.metadata().and_then(|metadata| metadata.modified()).map(|time| time.elapsed().unwrap_or_default());
        if entry.path().is_dir() && age.is_ok_and(|age| age > KEPT) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[test]
fn lintian_finds_nothing() {
    let packages = Packages::build();
    let mut lintian = Command::new("lintian");
    lintian.args(["--fail-on", "error,warning", "--show-overrides", "--tag-display-limit", "0", "--allow-root"]);
    let said = output(lintian.arg(packages.file("rohrpost_")).arg(packages.file("rohrpost-msmtp_")));
    assert!(!said.lines().any(|line| line.starts_with("O:")), "nothing is to be excused: {said}");
}

#[test]
fn the_packages_hold_what_programs_of_a_host_look_for() {
    let packages = Packages::build();
    let contents = packages.contents("rohrpost_");
    for line in [
        "-rwxr-xr-x root/root ./usr/bin/rohrpost",
        "-rw-r--r-- root/root ./etc/rohrpost/rohrpost.toml",
        "-rw-r--r-- root/root ./etc/apparmor.d/rohrpost",
        "-rw-r--r-- root/root ./usr/lib/sysusers.d/rohrpost.conf",
        "-rw-r--r-- root/root ./usr/lib/tmpfiles.d/rohrpost.conf",
        "-rw-r--r-- root/root ./usr/share/bash-completion/completions/rohrpost",
        "-rw-r--r-- root/root ./usr/share/man/man1/rohrpost-send.1.gz",
        "-rw-r--r-- root/root ./usr/share/man/man5/rohrpost.toml.5.gz",
        "lrwxrwxrwx root/root ./usr/lib/sendmail -> ../sbin/sendmail",
        "lrwxrwxrwx root/root ./usr/share/man/man1/sendmail.1.gz -> rohrpost-sendmail.1.gz",
    ] {
        let (kind, name) = line.rsplit_once(" ./").expect("it is a path");
        let is_there = |entry: &str| entry.starts_with(kind) && entry.ends_with(&format!(" ./{name}"));
        assert!(contents.lines().any(is_there), "{line} is not in\n{contents}");
    }
    assert!(contents.contains("system/rohrpost.service\n"), "{contents}");
    assert!(!contents.contains("msmtp ->"), "msmtp has a package of its own: {contents}");
    assert!(packages.contents("rohrpost-msmtp_").contains(" ./usr/bin/msmtp -> rohrpost\n"));
}

#[test]
fn every_library_in_the_program_is_named_with_its_licence() {
    let packages = Packages::build();
    let tree = TempDir::with_prefix("rohrpost-tree-").expect("a directory can be made");
    output(Command::new("dpkg-deb").arg("--extract").arg(packages.file("rohrpost_")).arg(tree.path()));
    let copyright = fs::read_to_string(tree.path().join("usr/share/doc/rohrpost/copyright")).expect("it is there");
    for paragraph in ["\nFiles: vendor/rustls-0", "\nFiles: vendor/aws-lc-sys-", "\nLicense: Expat\n MIT License\n"] {
        assert!(copyright.contains(paragraph), "{paragraph} is not in the copyright file");
    }
    let names: Vec<_> = copyright.lines().filter_map(|line| line.strip_prefix("License: ")).collect();
    for name in names.iter().flat_map(|names| names.split(" and ").flat_map(|names| names.split(" or "))) {
        assert!(copyright.contains(&format!("\nLicense: {name}\n ")), "the text of {name} is missing");
    }
}

#[test]
fn the_scripts_of_the_packages_are_sound() {
    let packages = Packages::build();
    for package in ["rohrpost_", "rohrpost-msmtp_"] {
        let control = TempDir::with_prefix("rohrpost-control-").expect("a directory can be made");
        output(Command::new("dpkg-deb").arg("--control").arg(packages.file(package)).arg(control.path()));
        for script in ["preinst", "postinst", "prerm", "postrm"].map(|script| control.path().join(script)) {
            if script.is_file() {
                // Quotes in what debhelper writes are debhelper's affair.
                output(Command::new("shellcheck").args(["--severity", "error"]).arg(script));
            }
        }
    }
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/debian/rohrpost.postrm");
    output(Command::new("shellcheck").arg(ours));
}
