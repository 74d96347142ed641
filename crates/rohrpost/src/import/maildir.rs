//! Reads Maildir trees: `cur` and `new` of one folder, sub-folders as `.A.B` beside them (Maildir++), or as directories in
//! directories, as mbsync and Dovecot's `LAYOUT=fs` have them.
//!
//! Only directories and files are looked at: no symbolic link leads elsewhere. `tmp` holds what was never delivered.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use jiff::Timestamp;
use rohrpost_imap::mailbox_name::MailboxName;

use super::{
    limits::{DEPTH_MAX, LINE_BYTES_MAX},
    marks::Marks,
};

/// A folder of a tree.
#[derive(Clone, Debug, Eq, PartialEq)]
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
    pub(crate) unique: String,
    /// The letters of its flags.
    pub(crate) letters: String,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// All folders of a tree, by name.
///
/// # Errors
/// A directory cannot be read, or there is no Maildir in the tree.
pub(crate) fn folders(root: &Path) -> io::Result<Vec<Folder>> {
    let mut found = Vec::new();
    walk(root, &[], &mut found)?;
    if found.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "expected a Maildir: there is no directory \"cur\" in it",
        ));
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn walk(path: &Path, name: &[String], found: &mut Vec<Folder>) -> io::Result<()> {
    if path.join("cur").is_dir() {
        found.push(Folder { name: name.to_vec(), path: path.to_owned() });
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let Ok(below) = entry.file_name().into_string() else { continue };
        if !entry.file_type()?.is_dir() || ["cur", "new", "tmp"].contains(&below.as_str()) {
            continue;
        }
        // `.A.B` has all its parts in one name; `A` is one of them.
        let parts = below.strip_prefix('.').map_or_else(|| vec![below.as_str()], |parts| parts.split('.').collect());
        if parts.iter().any(|part| part.is_empty()) || name.len() + parts.len() > DEPTH_MAX {
            continue;
        }
        let name: Vec<_> = name.iter().cloned().chain(parts.into_iter().map(decoded)).collect();
        walk(&entry.path(), &name, found)?;
    }
    Ok(())
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
///
/// # Errors
/// A directory cannot be read.
pub(crate) fn entries(folder: &Folder) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for place in ["cur", "new"] {
        let entries = match fs::read_dir(folder.path.join(place)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if entry.file_type()?.is_file() && !name.starts_with('.') {
                let (unique, letters) = divided(&name);
                found.push(Entry { unique: unique.to_owned(), letters: letters.to_owned(), path: entry.path() });
            }
        }
    }
    found.sort();
    Ok(found)
}

/// `1.2.host,S=3:2,FS` is `1.2.host,S=3` with `FS`. Where a colon cannot stand, programs write `;` or `!`.
fn divided(name: &str) -> (&str, &str) {
    [":2,", ";2,", "!2,"].iter().find_map(|mark| name.rsplit_once(mark)).unwrap_or((name, ""))
}

/// The flags of a message; lower-case letters are the folder's own keywords.
pub(crate) fn marks(entry: &Entry, keywords: &Keywords) -> Marks {
    let mut marks = Marks::default();
    marks.add_maildir(entry.letters.as_bytes());
    entry.letters.bytes().filter_map(|letter| keywords.name(letter)).for_each(|name| marks.add(name));
    marks
}

/// When a message came: the time that its name begins with or that of its file, whichever is earlier. A server that files
/// an old message sets the file's time, and a copy that was not told to keep times has a new one.
pub(crate) fn arrived(entry: &Entry, metadata: &fs::Metadata) -> Option<Timestamp> {
    let seconds = entry.unique.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
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
        folders(root).unwrap().into_iter().map(|folder| folder.name.join("/")).collect()
    }

    #[test]
    fn folders_of_both_layouts_are_found_by_their_names() {
        let plus = tree(&["", ".Sent", ".Work.2026", ".Entw&APw-rfe", ".v1&AC4-0", "..bad"]);
        assert_eq!(names(plus.path()), ["", "Entwürfe", "Sent", "Work/2026", "v1.0"]);
        let nested = tree(&["INBOX", "Archive/2026", "a&b"]);
        assert_eq!(names(nested.path()), ["Archive/2026", "INBOX", "a&b"]);
        assert!(folders(tempfile::tempdir().unwrap().path()).is_err());
    }

    #[test]
    fn nothing_outside_of_the_tree_is_read() {
        let (dir, other) = (tree(&[""]), tree(&["x"]));
        fs::write(other.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(other.path().join("secret"), dir.path().join("cur/1:2,")).unwrap();
        std::os::unix::fs::symlink(other.path(), dir.path().join(".Other")).unwrap();
        let found = folders(dir.path()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(entries(&found[0]).unwrap(), []);
    }

    #[test]
    fn flags_stand_in_the_name_and_keywords_are_letters() {
        let dir = tree(&[""]);
        for name in ["cur/2.b:2,FSa", "cur/1.a:2,", "new/3.c", "tmp/4.d", "cur/.hidden"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        fs::write(dir.path().join(KEYWORDS_FILE), "0 $Label1\n1 unused\n99 bad\nnonsense\n").unwrap();
        let folder = &folders(dir.path()).unwrap()[0];
        let (found, keywords) = (entries(folder).unwrap(), Keywords::of(folder));
        assert_eq!(found.iter().map(|entry| entry.unique.as_str()).collect::<Vec<_>>(), ["1.a", "2.b", "3.c"]);
        assert_eq!(marks(&found[1], &keywords).names(), ["$Label1", "\\Flagged", "\\Seen"]);
    }

    #[test]
    fn the_earlier_of_name_and_file_is_when_it_came() {
        let dir = tree(&[""]);
        let at = |name: &str, modified: u64| {
            let path = dir.path().join("cur").join(name);
            let file = fs::File::create(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(modified)).unwrap();
            let (unique, letters) = divided(name);
            let entry = Entry { unique: unique.into(), letters: letters.into(), path };
            arrived(&entry, &file.metadata().unwrap()).unwrap().as_second()
        };
        assert_eq!(at("1000.a:2,S", 500), 500);
        assert_eq!(at("1000.a:2,S", 5000), 1000);
        assert_eq!(at("msg.a", 700), 700);
        assert_eq!(at("99999999999999999999.a", 700), 700);
    }
}
