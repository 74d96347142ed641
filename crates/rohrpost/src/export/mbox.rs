//! Writes mbox files, one for each mailbox: mboxrd, which every reader of mbox understands and which alone can be read back
//! exactly. A line that begins with any number of `>` and `From ` gets one `>` more.
//!
//! `Status`, `X-Status` and `X-Keywords` say the flags; fields of these names that the message has are left out, as they
//! would be read as flags. A file has its name when it is whole; until then it ends in `.part`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Seek, Write},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};
use rohrpost_mail::header;

use super::{Form, as_file_name, lines::LocalLines, state::At, sync_folder};
use crate::{
    control::{MailOut, MailboxRow},
    import::{
        limits::HEADER_BYTES_MAX,
        marks::{keywords, status_letters},
        mbox::is_of_the_file,
    },
};

/// The files of an export.
pub(super) struct Files {
    folder: PathBuf,
    open: Option<Open>,
}

/// The file that is being written.
struct Open {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
    letter: Letter,
}

/// The message that is being written.
#[derive(Default)]
struct Letter {
    lines: LocalLines,
    /// Its header, until that has been written.
    header: Option<Vec<u8>>,
    /// Flags and date, for its header.
    flags: Vec<String>,
    at: Timestamp,
    quoter: Quoter,
}

impl Files {
    /// In this directory.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), open: None }
    }

    fn open_file(&mut self) -> io::Result<&mut Open> {
        self.open.as_mut().ok_or_else(|| io::Error::other("no mailbox is open"))
    }
}

impl Form for Files {
    fn open(&mut self, mailbox: &MailboxRow, at: &At) -> io::Result<()> {
        let levels: Vec<_> = mailbox.name.split('/').map(as_file_name).collect();
        let named = |ending: &str| self.folder.join(levels.join("/") + ending);
        let (path, part) = (named(".mbox"), named(".mbox.part"));
        fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&part)?;
        // What stands behind is of a page that was not whole on disk.
        file.set_len(at.point)?;
        file.seek(io::SeekFrom::End(0))?;
        self.open = Some(Open { path, part, file: BufWriter::new(file), letter: Letter::default() });
        Ok(())
    }

    fn begin(&mut self, mail: &MailOut) -> io::Result<()> {
        let (flags, at) = (mail.flags.clone(), mail.at);
        self.open_file()?.letter = Letter { header: Some(Vec::new()), flags, at, ..Letter::default() };
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let Open { letter, file, .. } = self.open_file()?;
        letter.write(octets, file)
    }

    fn end(&mut self) -> io::Result<()> {
        let Open { letter, file, .. } = self.open_file()?;
        std::mem::take(letter).end(file)
    }

    fn sync(&mut self) -> io::Result<u64> {
        let file = &mut self.open_file()?.file;
        file.flush()?;
        file.get_ref().sync_data()?;
        file.stream_position()
    }

    fn close(&mut self) -> io::Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        open.file.flush()?;
        open.file.get_ref().sync_all()?;
        fs::rename(&open.part, &open.path)?;
        sync_folder(open.path.parent().unwrap_or(&self.folder))
    }
}

impl Letter {
    fn write(&mut self, octets: &[u8], file: &mut impl Write) -> io::Result<()> {
        let mut local = Vec::with_capacity(octets.len());
        self.lines.push(octets, &mut local);
        self.local(&local, file)
    }

    fn end(mut self, file: &mut impl Write) -> io::Result<()> {
        let mut local = Vec::new();
        self.lines.finish(&mut local);
        self.local(&local, file)?;
        if let Some(header) = self.header.take() {
            self.head(&header, file)?;
        }
        self.quoter.end(file)
    }

    /// Takes text with local line ends.
    fn local(&mut self, text: &[u8], file: &mut impl Write) -> io::Result<()> {
        let Some(header) = &mut self.header else { return self.quoter.write(text, file) };
        let looked_at = header.len().saturating_sub(1);
        header.extend_from_slice(text);
        let is_empty = header.first() == Some(&b'\n');
        let end = memchr::memmem::find(&header[looked_at..], b"\n\n").map(|at| looked_at + at + 1);
        let end = if is_empty { Some(0) } else { end };
        let Some(end) = end.or_else(|| (header.len() >= HEADER_BYTES_MAX).then_some(header.len())) else {
            return Ok(());
        };
        let whole = self.header.take().unwrap_or_default();
        let (header, rest) = whole.split_at(end);
        self.head(header, file)?;
        self.quoter.write(rest.strip_prefix(b"\n").unwrap_or(rest), file)
    }

    /// Writes the `From ` line and the header up to its empty line.
    fn head(&self, header: &[u8], file: &mut impl Write) -> io::Result<()> {
        let date = self.at.to_zoned(TimeZone::UTC).strftime("%a %b %e %H:%M:%S %Y");
        writeln!(file, "From {} {date}", sender(header))?;
        let mut is_own = false;
        for line in header.split_inclusive(|octet| *octet == b'\n') {
            if !line.starts_with(b" ") && !line.starts_with(b"\t") {
                is_own = is_of_the_file(line);
            }
            if !is_own {
                file.write_all(line)?;
            }
        }
        if header.last().is_some_and(|last| *last != b'\n') {
            file.write_all(b"\n")?;
        }
        let (status, more) = status_letters(&self.flags);
        writeln!(file, "Status: {status}")?;
        if !more.is_empty() {
            writeln!(file, "X-Status: {more}")?;
        }
        let words: Vec<_> = keywords(&self.flags, false).collect();
        if !words.is_empty() {
            writeln!(file, "X-Keywords: {}", words.join(" "))?;
        }
        file.write_all(b"\n")
    }
}

/// Who sent a message, as one word.
fn sender(header: &[u8]) -> String {
    let address = ["Return-Path", "From"].iter().find_map(|name| {
        let value = header::value(header, name)?;
        let inner = value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(address, _)| address);
        let word = inner.unwrap_or(&value).trim();
        let is_word = word.contains('@') && word.bytes().all(|octet| octet.is_ascii_graphic());
        is_word.then(|| word.to_owned())
    });
    address.unwrap_or_else(|| "MAILER-DAEMON".to_owned())
}

/// Puts a `>` before lines that would begin a message.
#[derive(Debug)]
struct Quoter {
    /// The start of a line that may still become one of these; `None` within a line.
    held: Option<Vec<u8>>,
}

/// Octets of a line that are held back. More `>` than that no mail program has ever put before a line.
const HELD_MAX: usize = 1_000;

impl Default for Quoter {
    fn default() -> Self {
        Self { held: Some(Vec::new()) }
    }
}

impl Quoter {
    fn write(&mut self, mut text: &[u8], file: &mut impl Write) -> io::Result<()> {
        while let Some((first, rest)) = text.split_first() {
            let Some(held) = &mut self.held else {
                let end = memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1);
                file.write_all(&text[..end])?;
                self.held = (text[end - 1] == b'\n').then(Vec::new);
                text = &text[end..];
                continue;
            };
            held.push(*first);
            text = rest;
            let word = &held[held.iter().take_while(|octet| **octet == b'>').count()..];
            if b"From ".starts_with(word) && held.len() < HELD_MAX {
                if word == b"From " {
                    file.write_all(b">")?;
                } else {
                    continue;
                }
            }
            file.write_all(held)?;
            self.held = (*first == b'\n').then(Vec::new);
        }
        Ok(())
    }

    /// Ends the last line, and the message with an empty one.
    fn end(self, file: &mut impl Write) -> io::Result<()> {
        match self.held {
            Some(held) if held.is_empty() => {}
            Some(held) => {
                file.write_all(&held)?;
                file.write_all(b"\n")?;
            }
            None => file.write_all(b"\n")?,
        }
        file.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(message: &str, flags: &[&str], portion: usize) -> String {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let at = "2026-11-02T10:00:00Z".parse().unwrap();
        let mut letter = Letter { header: Some(Vec::new()), flags, at, ..Letter::default() };
        let mut file = Vec::new();
        message.as_bytes().chunks(portion).for_each(|octets| letter.write(octets, &mut file).unwrap());
        letter.end(&mut file).unwrap();
        String::from_utf8(file).unwrap()
    }

    #[test]
    fn lines_that_would_begin_a_message_are_quoted_however_the_octets_come() {
        let message = "From: Ann <ann@here.test>\r\nStatus: x\r\n y\r\nA: 1\r\n\r\nFrom one\r\n>>From two\r\nFromage\r\n> x\r\nFrom";
        let wanted = "From ann@here.test Mon Nov  2 10:00:00 2026\nFrom: Ann <ann@here.test>\nA: 1\nStatus: RO\n\
            X-Status: A\nX-Keywords: $Label1 work\n\n>From one\n>>>From two\nFromage\n> x\nFrom\n\n";
        for portion in 1..=message.len() {
            let flags = ["\\Seen", "\\Answered", "$Label1", "work"];
            assert_eq!(written(message, &flags, portion), wanted, "{portion}");
        }
    }

    #[test]
    fn messages_without_header_or_text_are_written_too() {
        let head = "From MAILER-DAEMON Mon Nov  2 10:00:00 2026\n";
        assert_eq!(written("", &[], 1), format!("{head}Status: O\n\n\n"));
        assert_eq!(written("\r\nx\r\n", &[], 1), format!("{head}Status: O\n\nx\n\n"));
        assert_eq!(written("A: 1", &[], 1), format!("{head}A: 1\nStatus: O\n\n\n"));
        assert_eq!(written("A: 1\r\n\r\n", &[], 9), format!("{head}A: 1\nStatus: O\n\n\n"));
        assert_eq!(written("From: <a b@c>\r\n\r\n", &[], 9), format!("{head}From: <a b@c>\nStatus: O\n\n\n"));
    }

    #[test]
    fn a_line_of_quotation_marks_alone_is_written_as_it_is() {
        let line = ">".repeat(10 * HELD_MAX);
        assert!(written(&format!("\r\n{line}\r\n"), &[], 77).ends_with(&format!("\n\n{line}\n\n")));
    }
}
