//! Writes a Maildir: INBOX is the directory itself, other mailboxes are sub-folders as Maildir++ has them, `.Work.2026`, in
//! modified UTF-7. Flags stand in the names, keywords are letters that `dovecot-keywords` explains, as many as there are
//! letters, and a file's time is when its message came. A message is written in `tmp` and moved when it is whole.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rohrpost_imap::mailbox_name::print_utf7;

use super::{Form, lines::LocalLines, state::At, sync_folder};
use crate::{
    control::{MailOut, MailboxRow},
    import::{
        maildir::{ENCODED_DOT, KEYWORDS_FILE},
        marks::{keywords, maildir_letters},
    },
};

/// Keywords that a folder has letters for: `a` to `z`.
const KEYWORDS_MAX: usize = 26;

/// The directory of an export.
pub(super) struct Tree {
    root: PathBuf,
    open: Option<Folder>,
}

/// The sub-folder that is being written.
struct Folder {
    path: PathBuf,
    uid_validity: u32,
    /// The keywords that have letters, in the order of these.
    keywords: Vec<String>,
    /// Those that came when no letter was left, and how many of them were told.
    left_out: Vec<String>,
    told: usize,
    letter: Option<Letter>,
}

/// The message that is being written.
struct Letter {
    name: String,
    at: SystemTime,
    lines: LocalLines,
    file: BufWriter<File>,
    part: PathBuf,
}

impl Tree {
    /// In this directory.
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), open: None }
    }

    fn folder(&mut self) -> io::Result<&mut Folder> {
        self.open.as_mut().ok_or_else(|| io::Error::other("no mailbox is open"))
    }
}

impl Form for Tree {
    fn open(&mut self, mailbox: &MailboxRow, at: &At) -> io::Result<()> {
        let path = self.root.join(folder_name(&mailbox.name));
        // The directory itself is a Maildir also where INBOX does not go along.
        for (folder, part) in
            [&self.root, &path].into_iter().flat_map(|folder| ["tmp", "new", "cur"].map(|part| (folder, part)))
        {
            fs::create_dir_all(folder.join(part))?;
        }
        if path != self.root {
            // What tells Courier and Dovecot that this is a sub-folder and no Maildir of its own.
            File::create(path.join("maildirfolder"))?;
        }
        let uid_validity = mailbox.uid_validity;
        let (keywords, left_out) = (Vec::new(), Vec::new());
        let mut folder = Folder { path, uid_validity, keywords, left_out, told: 0, letter: None };
        folder.clear_behind(at.uid)?;
        folder.read_keywords()?;
        self.open = Some(folder);
        Ok(())
    }

    fn begin(&mut self, mail: &MailOut) -> io::Result<()> {
        self.folder()?.begin(mail)
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let Some(letter) = &mut self.folder()?.letter else { return Ok(()) };
        let mut local = Vec::with_capacity(octets.len());
        letter.lines.push(octets, &mut local);
        letter.file.write_all(&local)
    }

    fn end(&mut self) -> io::Result<()> {
        let folder = self.folder()?;
        let Some(mut letter) = folder.letter.take() else { return Ok(()) };
        let mut local = Vec::new();
        letter.lines.finish(&mut local);
        letter.file.write_all(&local)?;
        letter.file.flush()?;
        let file = letter.file.get_ref();
        file.set_modified(letter.at)?;
        file.sync_all()?;
        fs::rename(&letter.part, folder.path.join("cur").join(letter.name))
    }

    fn sync(&mut self) -> io::Result<u64> {
        let folder = self.folder()?;
        folder.write_keywords()?;
        sync_folder(&folder.path.join("cur"))?;
        Ok(0)
    }

    fn keywords_left_out(&mut self) -> Vec<String> {
        let Some(folder) = &mut self.open else { return Vec::new() };
        let new = folder.left_out[folder.told..].to_vec();
        folder.told = folder.left_out.len();
        new
    }

    fn close(&mut self) -> io::Result<()> {
        match self.open.take() {
            Some(folder) => sync_folder(&folder.path),
            None => Ok(()),
        }
    }
}

impl Folder {
    fn begin(&mut self, mail: &MailOut) -> io::Result<()> {
        let seconds = mail.at.as_second();
        // The UID tells the messages of a page that was not whole from those before.
        let unique = format!("{}.V{}U{}.rohrpost", seconds.max(0), self.uid_validity, mail.uid);
        let mut letters = maildir_letters(&mail.flags);
        letters.extend(keywords(&mail.flags, true).filter_map(|keyword| self.letter_of(keyword)));
        let part = self.path.join("tmp").join(&unique);
        let file = BufWriter::new(File::create(&part)?);
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or_default());
        let name = format!("{unique}:2,{letters}");
        self.letter = Some(Letter { name, at, lines: LocalLines::default(), file, part });
        Ok(())
    }

    /// The letter of a keyword. The alphabet has room for 26 of them; the names of the others are noted.
    fn letter_of(&mut self, keyword: &str) -> Option<char> {
        let at = |known: &[String]| known.iter().position(|known| known.eq_ignore_ascii_case(keyword));
        let place = at(&self.keywords).or_else(|| {
            if self.keywords.len() < KEYWORDS_MAX {
                self.keywords.push(keyword.to_owned());
                return Some(self.keywords.len() - 1);
            }
            if at(&self.left_out).is_none() {
                self.left_out.push(keyword.to_owned());
            }
            None
        })?;
        u8::try_from(place).ok().map(|place| char::from(b'a' + place))
    }

    /// Removes messages behind this UID: those of a page that was not whole, whose flags may differ by now.
    fn clear_behind(&self, uid: u32) -> io::Result<()> {
        for entry in fs::read_dir(self.path.join("cur"))? {
            let entry = entry?;
            let mark = format!(".V{}U", self.uid_validity);
            let name = entry.file_name().into_string().unwrap_or_default();
            let found = name.split_once(&mark).and_then(|(_, rest)| rest.split('.').next()?.parse::<u32>().ok());
            if found.is_some_and(|found| found > uid) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn read_keywords(&mut self) -> io::Result<()> {
        let text = match fs::read_to_string(self.path.join(KEYWORDS_FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            text => text?,
        };
        self.keywords = text.lines().filter_map(|line| line.split_once(' ')).map(|(_, name)| name.to_owned()).collect();
        Ok(())
    }

    fn write_keywords(&self) -> io::Result<()> {
        if self.keywords.is_empty() {
            return Ok(());
        }
        let lines = self.keywords.iter().enumerate().map(|(number, name)| format!("{number} {name}"));
        let text = lines.collect::<Vec<_>>().join("\n") + "\n";
        let part = self.path.join("tmp").join(KEYWORDS_FILE);
        fs::write(&part, text)?;
        File::open(&part)?.sync_all()?;
        fs::rename(part, self.path.join(KEYWORDS_FILE))
    }
}

/// `.Work.2026` for `Work/2026`; nothing for INBOX.
fn folder_name(mailbox: &str) -> String {
    if mailbox == "INBOX" {
        return String::new();
    }
    let level = |level: &str| level.split('.').map(encoded).collect::<Vec<_>>().join(ENCODED_DOT);
    let levels = mailbox.split('/').map(level);
    format!(".{}", levels.collect::<Vec<_>>().join("."))
}

/// In modified UTF-7.
fn encoded(text: &str) -> String {
    let mut octets = Vec::new();
    print_utf7(&mut octets, text);
    String::from_utf8(octets).expect("modified UTF-7 is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_that_no_letter_is_left_for_are_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(dir.path());
        let row = MailboxRow {
            name: "INBOX".into(),
            special_use: None,
            messages: 2,
            unseen: 0,
            octets: 0,
            uid_validity: 1,
            uid_next: 3,
        };
        tree.open(&row, &At::default()).unwrap();
        let mut page = |uid, numbers: std::ops::Range<usize>| {
            let flags = numbers.map(|number| format!("key{number:02}")).collect();
            tree.begin(&MailOut { uid, flags, at: jiff::Timestamp::UNIX_EPOCH, octets: 0, content: None }).unwrap();
            tree.end().unwrap();
            tree.keywords_left_out()
        };
        assert_eq!(page(1, 0..27), ["key26"]);
        assert_eq!(page(2, 20..29), ["key27", "key28"]);
        assert!(dir.path().join("cur/0.V1U2.rohrpost:2,uvwxyz").exists());
    }

    #[test]
    fn names_of_sub_folders_can_be_read_back() {
        assert_eq!(folder_name("INBOX"), "");
        assert_eq!(folder_name("Work/2026"), ".Work.2026");
        assert_eq!(folder_name("Entwürfe"), ".Entw&APw-rfe");
        assert_eq!(folder_name("v1.0/a&b"), ".v1&AC4-0.a&-b");
        assert_eq!(folder_name(".."), ".&AC4-&AC4-");
    }
}
