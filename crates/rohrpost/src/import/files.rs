//! Which mbox files a command means, and which folder each of them is.
//!
//! Of a directory these are the files in it and below that begin as an mbox file does: the tree that `export mbox` writes;
//! that of Thunderbird, where what is below `Work` lies in `Work.sbd`; that of Apple Mail, where `Work.mbox` is a directory
//! with a file `mbox`. A file that ought to be mail is read whatever it begins with, so that it is told what is wrong with
//! it. What programs keep beside their mail, such as `Work.msf`, is passed over.

use std::{
    fs::{self, File},
    io::{self, Read, Seek as _},
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::{limits::DEPTH_MAX, maildir::text_of, mbox::compressed_by, report::Fault};
use crate::{
    exit::{Exit, Failure},
    export::{STATE_FILE, level_of_file_name},
};

/// What stands for standard input.
const STANDARD_INPUT: &str = "-";

/// An mbox file.
#[derive(Debug)]
pub(super) struct MboxFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The folder that it is, its levels parted by `/`; none for standard input, which has no name.
    pub(super) folder: Option<String>,
    /// Its length.
    pub(super) octets: u64,
    /// What standard input gave.
    copy: Option<File>,
}

/// The files that are meant, and what in their directories cannot be read.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) found: Vec<MboxFile>,
    pub(super) faults: Vec<Fault>,
}

impl MboxFile {
    /// Opens it.
    pub(super) fn open(&mut self) -> io::Result<File> {
        self.copy.take().map_or_else(|| File::open(&self.path), Ok)
    }

    fn new(path: PathBuf, above: &[String], octets: u64) -> Self {
        let folder = Some(folder_of(&path, above));
        Self { path, folder, octets, copy: None }
    }

    /// Reads standard input into a file without a name: the reader goes back and forth.
    fn of_standard_input() -> io::Result<Self> {
        let mut copy = tempfile::tempfile()?;
        let octets = io::copy(&mut io::stdin().lock(), &mut copy)?;
        copy.rewind()?;
        Ok(Self { path: "standard input".into(), folder: None, octets, copy: Some(copy) })
    }
}

impl Files {
    /// Looks for them. A path is that of a file, of a directory, or `-`.
    pub(super) fn find(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut files = Self::default();
        for path in paths {
            if is_standard_input(path) {
                files.found.push(MboxFile::of_standard_input().context("standard input")?);
                continue;
            }
            let context = || path.display().to_string();
            let metadata = fs::metadata(path).with_context(context)?;
            if metadata.is_dir() {
                files.tree(path).with_context(context)?;
            } else if metadata.is_file() {
                // It is opened when it is its turn; whether that may be done is told before anything is imported.
                File::open(path).with_context(context)?;
                files.found.push(MboxFile::new(path.clone(), &[], metadata.len()));
            } else {
                return Err(Failure::new(Exit::Data, format!("{}: expected a file", path.display())).into());
            }
        }
        Ok(files)
    }

    fn tree(&mut self, root: &Path) -> anyhow::Result<()> {
        let mut tree = Self::default();
        tree.walk(root, &[])?;
        if tree.found.is_empty() && tree.faults.is_empty() {
            return Err(Failure::new(Exit::Data, "expected mbox files: there is none in it").into());
        }
        tree.found.sort_by(|one, other| one.folder.cmp(&other.folder).then_with(|| one.path.cmp(&other.path)));
        self.found.append(&mut tree.found);
        self.faults.append(&mut tree.faults);
        Ok(())
    }

    fn walk(&mut self, directory: &Path, above: &[String]) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let looked = if kind.is_dir() {
                self.directory(&path, above)
            } else if kind.is_file() {
                self.file(&path, above)
            } else {
                let leads_somewhere = kind.is_symlink() && path.exists();
                if leads_somewhere { Err(io::Error::other("a symbolic link, which is not followed")) } else { Ok(()) }
            };
            if let Err(error) = looked {
                self.faults.push(Fault::lost(&path, error));
            }
        }
        Ok(())
    }

    fn directory(&mut self, path: &Path, above: &[String]) -> io::Result<()> {
        if path.join("cur").is_dir() {
            return Err(io::Error::other("a Maildir, which `import maildir` reads"));
        }
        if above.len() == DEPTH_MAX {
            return Err(io::Error::other(format!("more than {DEPTH_MAX} folders within each other")));
        }
        let name = text_of(path.file_name().unwrap_or_default());
        let level = level_of_file_name(name.strip_suffix(".sbd").unwrap_or(&name));
        self.walk(path, &[above, &[level]].concat())
    }

    fn file(&mut self, path: &Path, above: &[String]) -> io::Result<()> {
        let name = text_of(path.file_name().unwrap_or_default());
        if name == STATE_FILE {
            return Err(io::Error::other("an export was stopped there: the same command, run again, ends it"));
        }
        let mut start = Vec::new();
        let mut file = File::open(path)?;
        (&mut file).take(6).read_to_end(&mut start)?;
        let ought_to_be = !name.contains('.') || [".mbox", ".mbx"].iter().any(|ending| name.ends_with(ending));
        let is_mbox = ought_to_be || start.starts_with(b"From ") || compressed_by(&start).is_some();
        // What a stopped export was writing is not whole.
        if is_mbox && !name.ends_with(".mbox.part") {
            self.found.push(MboxFile::new(path.to_owned(), above, file.metadata()?.len()));
        }
        Ok(())
    }
}

/// Whether a path stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

/// The folder that a file is, below these.
fn folder_of(path: &Path, above: &[String]) -> String {
    let name = text_of(path.file_name().unwrap_or_default());
    let package = path.parent().and_then(Path::file_name).map(text_of);
    let package = package.as_deref().and_then(|name| name.strip_suffix(".mbox"));
    let (above, level) = match (name.as_str(), package) {
        ("mbox", Some(package)) => (above.split_last().map_or(above, |(_, above)| above), level_of_file_name(package)),
        // What the inbox in a home directory is called.
        ("mbox", None) if above.is_empty() => (above, "INBOX".to_owned()),
        _ => {
            let bare = [".mbox", ".mbx"].iter().find_map(|ending| name.strip_suffix(ending));
            (above, level_of_file_name(bare.unwrap_or(&name)))
        }
    };
    [above, &[level]].concat().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "From ann@here.test Sun Nov 22 10:00:00 2026\n\nx\n";

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    /// The folders found in a tree, and the files at fault.
    fn found(root: &Path) -> (Vec<String>, Vec<String>) {
        let files = Files::find(&[root.to_owned()]).unwrap();
        let named = |place: &String| place.strip_prefix(root.to_str().unwrap()).unwrap().to_owned();
        let mut faults: Vec<_> = files.faults.iter().map(|fault| named(&fault.place)).collect();
        faults.sort();
        (files.found.into_iter().filter_map(|file| file.folder).collect(), faults)
    }

    #[test]
    fn the_trees_of_an_export_of_thunderbird_and_of_apple_mail_are_read() {
        let names = ["INBOX.mbox", "Work.mbox", "Work/2026.mbox", "%2Edot.mbox", "mbox.mbox", "100%.mbox", "a%41.mbox"];
        let exported = tree(&names.map(|name| (name, MAIL)));
        let wanted = [".dot", "100%", "INBOX", "Work", "Work/2026", "a%41", "mbox"].map(str::to_owned);
        assert_eq!(found(exported.path()), (wanted.to_vec(), vec![]));

        let thunderbird = tree(&[
            ("Inbox", MAIL),
            ("Inbox.msf", "// <!-- <mdb:mork"),
            ("msgFilterRules.dat", "version"),
            ("Work", ""),
            ("Work.sbd/v1.0", MAIL),
            ("Work.sbd/v1.0.sbd/Deep", MAIL),
        ]);
        let wanted = ["Inbox", "Work", "Work/v1.0", "Work/v1.0/Deep"].map(str::to_owned);
        assert_eq!(found(thunderbird.path()), (wanted.to_vec(), vec![]));

        let apple =
            tree(&[("Work.mbox/mbox", MAIL), ("Work.mbox/table_of_contents.plist", "bplist00"), ("mbox", MAIL)]);
        assert_eq!(found(apple.path()).0, ["INBOX", "Work"]);
        assert_eq!(found(&apple.path().join("Work.mbox")).0, ["Work"]);
    }

    #[test]
    fn what_ought_to_be_mail_is_never_passed_over_in_silence() {
        let dir = tree(&[
            ("broken.mbox", "Hello"),
            ("Sent", "Hello"),
            ("Maildir/cur/1", "x"),
            (".rohrpost-export", "{}"),
            ("Work.mbox.part", MAIL),
            ("notes.txt", "Hello"),
        ]);
        fs::write(dir.path().join("packed.mbox.gz"), [0x1f, 0x8b, 8]).unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("link")).unwrap();
        std::os::unix::fs::symlink("/nowhere", dir.path().join("lock")).unwrap();
        let (found, faults) = found(dir.path());
        assert_eq!(found, ["Sent", "broken", "packed.mbox.gz"]);
        assert_eq!(faults, ["/.rohrpost-export", "/Maildir", "/link"]);
        assert!(Files::find(&[tempfile::tempdir().unwrap().path().to_owned()]).is_err());
    }
}
