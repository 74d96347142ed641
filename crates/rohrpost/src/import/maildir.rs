//! Reads Maildir trees: `cur` and `new` of one folder, sub-folders as `.A.B` beside them (Maildir++), or as directories in
//! directories, as mbsync and Dovecot's `LAYOUT=fs` have them.
//!
//! Only directories and files are read: no symbolic link leads elsewhere. `tmp` holds what was never delivered. What
//! should be mail and is not read is told as a [`Fault`].

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use jiff::Timestamp;
use memchr::memmem;
use rohrpost_imap::mailbox_name::MailboxName;

use super::{
    limits::{DEPTH_MAX, LINE_BYTES_MAX},
    marks::Marks,
    report::Fault,
};

/// A folder of a tree.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Folder {
    /// Its name by its parts; none for the tree itself.
    pub(crate) name: Vec<String>,
    /// Where `cur` and `new` are.
    pub(crate) path: PathBuf,
}

/// A message file.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Entry {
    /// Its name without flags, which stays the same as long as the message exists.
    pub(crate) unique: Vec<u8>,
    /// The letters of its flags.
    pub(crate) letters: Vec<u8>,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// What a directory holds, and what in it was not read.
#[derive(Debug)]
pub(crate) struct Held<T> {
    /// What it holds.
    pub(crate) found: Vec<T>,
    /// What was not read.
    pub(super) faults: Vec<Fault>,
}

/// All folders of a tree, by name.
///
/// # Errors
/// The tree cannot be read, or there is no Maildir in it.
pub(crate) fn folders(root: &Path) -> io::Result<Held<Folder>> {
    let mut tree = Held { found: Vec::new(), faults: Vec::new() };
    walk(root, &[], &mut tree)?;
    if tree.found.is_empty() && tree.faults.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "expected a Maildir: there is no directory \"cur\" in it",
        ));
    }
    tree.found.sort();
    Ok(tree)
}

fn walk(path: &Path, name: &[String], tree: &mut Held<Folder>) -> io::Result<()> {
    let is_folder = is_directory(&path.join("cur")) || is_directory(&path.join("new"));
    if is_folder {
        tree.found.push(Folder { name: name.to_vec(), path: path.to_owned() });
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let (path, below, kind) = (entry.path(), entry.file_name(), entry.file_type()?);
        if kind.is_symlink() && path.is_dir() {
            tree.faults.push(Fault::lost(&path, NO_LINKS));
        }
        if !kind.is_dir() || is_folder && ["cur", "new", "tmp"].iter().any(|part| below == *part) {
            continue;
        }
        let name: Vec<_> = name.iter().cloned().chain(parts(&below)).collect();
        if name.len() > DEPTH_MAX {
            tree.faults.push(Fault::lost(&path, format!("more than {DEPTH_MAX} folders within each other")));
        } else if let Err(error) = walk(&path, &name, tree) {
            tree.faults.push(Fault::lost(&path, error));
        }
    }
    Ok(())
}

/// Why a link is passed over: it could lead to mail of others, which whoever calls may read.
const NO_LINKS: &str = "a symbolic link, which is not followed";

fn is_directory(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// What a directory adds to the name of its folder. `.A.B` has all parts in one name; `A` is one of them.
fn parts(directory: &OsStr) -> Vec<String> {
    let name = text_of(directory);
    let parts: Vec<_> = match name.strip_prefix('.') {
        Some(parts) => parts.split('.').filter(|part| !part.is_empty()).map(decoded).collect(),
        None => vec![decoded(&name)],
    };
    // The name may be dots alone.
    if parts.is_empty() { vec![name] } else { parts }
}

/// What is not UTF-8 is Latin-1, in which older programs named their folders.
pub(super) fn text_of(name: &OsStr) -> String {
    name.to_str().map_or_else(|| name.as_bytes().iter().copied().map(char::from).collect(), str::to_owned)
}

/// A part of a name as people read it: Maildir++ writes it as IMAP does (RFC 3501 §5.1.3), others as it is. A dot, which
/// parts the names of directories there, is what [`ENCODED_DOT`] says.
fn decoded(part: &str) -> String {
    let piece = |piece: &str| match MailboxName::from_utf7(piece.as_bytes()) {
        Ok(name) => name.as_str().to_owned(),
        Err(_) => piece.to_owned(),
    };
    part.split(ENCODED_DOT).map(piece).collect::<Vec<_>>().join(".")
}

/// A dot within a part of a name, where dots part the names of directories. No other program writes this: UTF-7 encodes no
/// ASCII.
pub(crate) const ENCODED_DOT: &str = "&AC4-";

/// The messages of a folder, the oldest name first.
pub(crate) fn entries(folder: &Folder) -> Held<Entry> {
    let mut held = Held { found: Vec::new(), faults: Vec::new() };
    for place in ["cur", "new"] {
        let path = folder.path.join(place);
        // One may be missing, and that a link is there was told.
        if is_directory(&path)
            && let Err(error) = look_into(&path, &mut held)
        {
            held.faults.push(Fault::lost(&path, error));
        }
    }
    held.found.sort();
    held
}

fn look_into(path: &Path, held: &mut Held<Entry>) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let (path, name, kind) = (entry.path(), entry.file_name(), entry.file_type()?);
        if name.as_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_file() {
            held.found.push(Entry::new(name, path));
        } else {
            held.faults.push(Fault::lost(&path, if kind.is_symlink() { NO_LINKS } else { "expected a file" }));
        }
    }
    Ok(())
}

impl Entry {
    /// `1.2.host,S=3:2,FS` is `1.2.host,S=3` with `FS`. Where a colon cannot stand, programs write `;` or `!`.
    fn new(name: OsString, path: PathBuf) -> Self {
        let mut unique = name.into_vec();
        let mark = [":2,", ";2,", "!2,"].iter().find_map(|mark| memmem::rfind(&unique, mark.as_bytes()));
        let letters = mark.map(|at| unique.split_off(at).split_off(3)).unwrap_or_default();
        Self { unique, letters, path }
    }
}

/// The flags of a message; lower-case letters are the folder's own keywords.
pub(crate) fn marks(entry: &Entry, keywords: &Keywords) -> Marks {
    let mut marks = Marks::default();
    marks.add_maildir(&entry.letters);
    entry.letters.iter().filter_map(|letter| keywords.name(*letter)).for_each(|name| marks.add(name));
    marks
}

/// When a message came: the time that its name begins with or that of its file, whichever is earlier. A server that files
/// an old message sets the file's time, and a copy that was not told to keep times has a new one.
pub(crate) fn arrived(entry: &Entry, metadata: &fs::Metadata) -> Option<Timestamp> {
    let digits = entry.unique.split(|octet| !octet.is_ascii_digit()).next().unwrap_or_default();
    let seconds = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    let named = seconds.filter(|seconds| *seconds > 0).and_then(|seconds| Timestamp::from_second(seconds).ok());
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let modified = modified.and_then(|since| Timestamp::from_second(i64::try_from(since.as_secs()).ok()?).ok());
    named.into_iter().chain(modified).min()
}

/// What the lower-case letters of a folder's file names stand for, as Dovecot notes it in `dovecot-keywords`: a number and
/// a name in each line, 0 for `a`.
#[derive(Debug, Default)]
pub(crate) struct Keywords(Vec<(u8, String)>);

/// Where Dovecot notes them.
pub(crate) const KEYWORDS_FILE: &str = "dovecot-keywords";

impl Keywords {
    /// Of a folder; none where it has no such file.
    pub(crate) fn of(folder: &Folder) -> Self {
        let Ok(file) = fs::File::open(folder.path.join(KEYWORDS_FILE)) else { return Self::default() };
        let mut text = String::new();
        match io::Read::read_to_string(&mut io::Read::take(file, LINE_BYTES_MAX as u64), &mut text) {
            Ok(_) => Self::parse(&text),
            Err(_) => Self::default(),
        }
    }

    fn parse(text: &str) -> Self {
        let entry = |line: &str| {
            let (number, name) = line.split_once(' ')?;
            let number = number.parse::<u8>().ok().filter(|number| *number < 26)?;
            Some((b'a' + number, name.to_owned()))
        };
        Self(text.lines().filter_map(entry).collect())
    }

    fn name(&self, letter: u8) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == letter).map(|(_, name)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn tree(folders: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for folder in folders {
            for part in ["cur", "new", "tmp"] {
                fs::create_dir_all(dir.path().join(folder).join(part)).unwrap();
            }
        }
        dir
    }

    fn names(root: &Path) -> Vec<String> {
        let tree = folders(root).unwrap();
        assert!(tree.faults.is_empty(), "{:?}", tree.faults);
        tree.found.into_iter().map(|folder| folder.name.join("/")).collect()
    }

    #[test]
    fn folders_of_both_layouts_are_found_by_their_names() {
        let plus = tree(&["", ".Sent", ".Work.2026", ".Entw&APw-rfe", ".v1&AC4-0"]);
        assert_eq!(names(plus.path()), ["", "Entwürfe", "Sent", "Work/2026", "v1.0"]);
        let nested = tree(&["INBOX", "Archive/2026", "a&b"]);
        assert_eq!(names(nested.path()), ["Archive/2026", "INBOX", "a&b"]);
        assert!(folders(tempfile::tempdir().unwrap().path()).is_err());
    }

    #[test]
    fn folders_with_odd_names_are_found_too() {
        let odd = tree(&["", ".end.", ".x..y", "..bad", "..."]);
        assert_eq!(names(odd.path()), ["", "...", "bad", "end", "x/y"]);
        let latin = tempfile::tempdir().unwrap();
        fs::create_dir_all(latin.path().join(OsStr::from_bytes(b"B\xfccher")).join("cur")).unwrap();
        assert_eq!(names(latin.path()), ["Bücher"]);
        let deep = tree(&[&["d"; 60].join("/")]);
        assert_eq!(names(deep.path()), [["d"; 60].join("/")]);
        let without_cur = tempfile::tempdir().unwrap();
        fs::create_dir_all(without_cur.path().join("Work/new")).unwrap();
        assert_eq!(names(without_cur.path()), ["Work"]);
    }

    #[test]
    fn folders_that_are_too_deep_are_told() {
        let deep = tree(&["", &["d"; DEPTH_MAX + 1].join("/")]);
        let tree = folders(deep.path()).unwrap();
        assert_eq!((tree.found.len(), tree.faults.len()), (1, 1));
        assert!(tree.faults[0].is_lost && tree.faults[0].place.ends_with("d/d"), "{:?}", tree.faults);
    }

    #[test]
    fn nothing_outside_of_the_tree_is_read_and_what_points_there_is_told() {
        let (dir, other) = (tree(&[""]), tree(&["x"]));
        fs::create_dir_all(dir.path().join(".Half/new")).unwrap();
        fs::write(other.path().join("secret"), "x").unwrap();
        let link = |from: &str, to: &str| {
            std::os::unix::fs::symlink(other.path().join(from), dir.path().join(to)).unwrap();
        };
        link("secret", "cur/1:2,");
        link("x", ".Other");
        link("x/cur", ".Half/cur");
        link("secret", "dovecot.index");
        let tree = folders(dir.path()).unwrap();
        let mut told: Vec<_> = tree.faults.into_iter().map(|fault| (fault.place, fault.why)).collect();
        assert_eq!(tree.found.len(), 2);
        for folder in &tree.found {
            let held = entries(folder);
            assert_eq!(held.found, []);
            told.extend(held.faults.into_iter().map(|fault| (fault.place, fault.why)));
        }
        told.sort();
        let wanted = [".Half/cur", ".Other", "cur/1:2,"];
        let wanted = wanted.map(|name| (dir.path().join(name).display().to_string(), NO_LINKS.to_owned()));
        assert_eq!(told, wanted);
    }

    #[test]
    fn a_message_whose_name_is_no_utf8_is_one_like_others() {
        let dir = tree(&[""]);
        fs::write(dir.path().join("cur").join(OsStr::from_bytes(b"1700000009.\xff:2,S")), "x").unwrap();
        fs::create_dir(dir.path().join("cur/2.directory")).unwrap();
        let held = entries(&folders(dir.path()).unwrap().found[0]);
        assert_eq!((held.found.len(), held.faults.len()), (1, 1));
        assert_eq!(
            (held.found[0].unique.as_slice(), held.found[0].letters.as_slice()),
            (&b"1700000009.\xff"[..], &b"S"[..])
        );
    }

    #[test]
    fn flags_stand_in_the_name_and_keywords_are_letters() {
        let dir = tree(&[""]);
        for name in ["cur/2.b:2,FSa", "cur/1.a:2,", "new/3.c", "tmp/4.d", "cur/.hidden"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        fs::write(dir.path().join(KEYWORDS_FILE), "0 $Label1\n1 unused\n99 bad\nnonsense\n").unwrap();
        let folder = &folders(dir.path()).unwrap().found[0];
        let (found, keywords) = (entries(folder).found, Keywords::of(folder));
        assert_eq!(found.iter().map(|entry| entry.unique.as_slice()).collect::<Vec<_>>(), [b"1.a", b"2.b", b"3.c"]);
        assert_eq!(marks(&found[1], &keywords).names(), ["$Label1", "\\Flagged", "\\Seen"]);
    }

    #[test]
    fn the_earlier_of_name_and_file_is_when_it_came() {
        let dir = tree(&[""]);
        let at = |name: &str, modified: u64| {
            let path = dir.path().join("cur").join(name);
            let file = fs::File::create(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(modified)).unwrap();
            arrived(&Entry::new(name.into(), path), &file.metadata().unwrap()).unwrap().as_second()
        };
        assert_eq!(at("1000.a:2,S", 500), 500);
        assert_eq!(at("1000.a:2,S", 5000), 1000);
        assert_eq!(at("msg.a", 700), 700);
        assert_eq!(at("99999999999999999999.a", 700), 700);
    }
}
