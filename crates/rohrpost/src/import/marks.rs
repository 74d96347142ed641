//! Flags and dates as other programs write them down: letters of `Status`, Mozilla's bits, Maildir's letters, dates of
//! `From ` lines and header fields.

use std::collections::BTreeSet;

use jiff::{
    Timestamp,
    civil::{Date, Time},
    fmt::rfc2822,
    tz::{Offset, TimeZone},
};
use rohrpost_mail::header;

use super::limits::{KEYWORD_BYTES_MAX, KEYWORDS_MAX};

/// Flags of one message by their IMAP names (RFC 9051 §2.3.2): `\Seen`, `$Forwarded`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Marks(BTreeSet<String>);

/// Letters of `Status`, `X-Status` and of Maildir names, with their flags. Of a Maildir name `P` is the one that was
/// passed on, and `S` seen; in `Status`, `R` is read. Letters not named say nothing that an IMAP server keeps.
const STATUS: [(u8, &str); 5] =
    [(b'R', "\\Seen"), (b'A', "\\Answered"), (b'F', "\\Flagged"), (b'D', "\\Deleted"), (b'T', "\\Draft")];
const MAILDIR: [(u8, &str); 6] = [
    (b'D', "\\Draft"),
    (b'F', "\\Flagged"),
    (b'P', "$Forwarded"),
    (b'R', "\\Answered"),
    (b'S', "\\Seen"),
    (b'T', "\\Deleted"),
];

/// Bits of `X-Mozilla-Status`, which Thunderbird writes.
const MOZILLA: [(u16, &str); 4] =
    [(0x0001, "\\Seen"), (0x0002, "\\Answered"), (0x0004, "\\Flagged"), (0x1000, "$Forwarded")];

/// The bit of a message that was deleted and is only still in the file.
const MOZILLA_EXPUNGED: u16 = 0x0008;

impl Marks {
    /// Sets a flag. A name that no flag can have (RFC 9051 §9, `flag-keyword`) or that is one too many is passed over.
    pub(crate) fn add(&mut self, flag: &str) {
        let name = flag.strip_prefix('\\').unwrap_or(flag);
        let is_atom = |octet: u8| octet.is_ascii_graphic() && !b"(){%*\"\\]".contains(&octet);
        let fits = !name.is_empty() && name.len() <= KEYWORD_BYTES_MAX && name.bytes().all(is_atom);
        if fits && self.0.len() < KEYWORDS_MAX {
            self.0.insert(flag.to_owned());
        }
    }

    /// Sets those that the letters of `Status` or `X-Status` stand for.
    pub(crate) fn add_status(&mut self, letters: &[u8]) {
        self.add_letters(letters, &STATUS);
    }

    /// Sets those that the letters of a Maildir name stand for.
    pub(crate) fn add_maildir(&mut self, letters: &[u8]) {
        self.add_letters(letters, &MAILDIR);
    }

    fn add_letters(&mut self, letters: &[u8], table: &[(u8, &str)]) {
        table.iter().filter(|(letter, _)| letters.contains(letter)).for_each(|(_, flag)| self.add(flag));
    }

    /// Sets those of `X-Mozilla-Status`. False if the message was deleted.
    pub(crate) fn add_mozilla(&mut self, hex: &str) -> bool {
        let Ok(bits) = u16::from_str_radix(hex.trim(), 16) else { return true };
        MOZILLA.iter().filter(|(bit, _)| bits & bit != 0).for_each(|(_, flag)| self.add(flag));
        bits & MOZILLA_EXPUNGED == 0
    }

    /// Their names.
    pub(crate) fn names(self) -> Vec<String> {
        self.0.into_iter().collect()
    }
}

/// The letters of a Maildir name for these flags, in the order of the alphabet as the format wants it.
pub(crate) fn maildir_letters(flags: &[String]) -> String {
    letters(flags, &MAILDIR)
}

/// The letters of `Status` and `X-Status` for these flags: what is read stands in the first, `O` says that it is not new.
pub(crate) fn status_letters(flags: &[String]) -> (String, String) {
    let all = letters(flags, &STATUS);
    let read = if all.contains('R') { "RO" } else { "O" };
    (read.to_owned(), all.replace('R', ""))
}

fn letters(flags: &[String], table: &[(u8, &str)]) -> String {
    let set = |name: &str| flags.iter().any(|flag| flag.eq_ignore_ascii_case(name));
    table.iter().filter(|(_, flag)| set(flag)).map(|(letter, _)| char::from(*letter)).collect()
}

/// The keywords among these flags: all that no letter stands for.
pub(crate) fn keywords(flags: &[String], in_maildir: bool) -> impl Iterator<Item = &str> {
    let has_letter = move |flag: &str| {
        let table = if in_maildir { MAILDIR.as_slice() } else { STATUS.as_slice() };
        table.iter().any(|(_, name)| name.eq_ignore_ascii_case(flag))
    };
    flags.iter().map(String::as_str).filter(move |flag| !flag.starts_with('\\') && !has_letter(flag))
}

/// When a `From ` line says that the message came: `From ann@here.test Sun Nov 22 10:00:00 2026`, with or without an
/// offset before or behind the year. Without one it is UTC. None if the line has no date: then it begins no message.
pub(crate) fn from_line(line: &[u8]) -> Option<Timestamp> {
    let line = str::from_utf8(line.strip_prefix(b"From ")?).ok()?;
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (at, month) = words.iter().enumerate().find_map(|(at, word)| {
        // A sender may be called `may`, so the day must follow.
        let day_follows = words.get(at + 1).is_some_and(|day| day.parse::<i8>().is_ok());
        day_follows.then(|| month(word)).flatten().map(|month| (at, month))
    })?;
    let day = words[at + 1].parse().ok()?;
    let time = clock(words.get(at + 2)?)?;
    let rest = &words[at + 3..];
    let is_year = |word: &&&str| word.len() == 4 && word.bytes().all(|octet| octet.is_ascii_digit());
    let year = rest.iter().take(3).find(is_year)?.parse().ok()?;
    let offset = rest.iter().take(3).find_map(|word| offset(word)).unwrap_or(Offset::UTC);
    let at = Date::new(year, month, day).ok()?.to_datetime(time);
    at.to_zoned(TimeZone::fixed(offset)).ok().map(|at| at.timestamp())
}

fn month(word: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let place = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(word))?;
    i8::try_from(place + 1).ok()
}

/// `10:00:00`, `10:00`
fn clock(word: &str) -> Option<Time> {
    let mut parts = word.splitn(3, ':');
    let mut next = |missing| parts.next().map_or(missing, |part| part.parse::<i8>().ok());
    let (hour, minute, second) = (next(None)?, next(None)?, next(Some(0))?);
    // A leap second is the one before.
    Time::new(hour, minute, second.min(59), 0).ok()
}

/// `+0100`
fn offset(word: &str) -> Option<Offset> {
    let (sign, digits) = match word.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: i32 = digits.parse().ok().filter(|_| digits.len() == 4)?;
    Offset::from_seconds(sign * (digits / 100 * 3_600 + digits % 100 * 60)).ok()
}

/// When the header says that the message came: the date of its topmost `Received`, else `Date`.
pub(crate) fn of_header(header: &[u8]) -> Option<Timestamp> {
    let received = header::value(header, "Received").and_then(|field| {
        let (_, date) = field.rsplit_once(';')?;
        rfc5322(date)
    });
    received.or_else(|| rfc5322(&header::value(header, "Date")?))
}

/// A date of a header field (RFC 5322 §3.3).
pub(crate) fn rfc5322(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_lines_have_a_date_in_many_forms() {
        let at = |line: &str| from_line(line.as_bytes()).map(|at| at.to_string());
        let noon = Some("2026-11-22T10:00:00Z".to_owned());
        assert_eq!(at("From ann@here.test Sun Nov 22 10:00:00 2026\n"), noon);
        assert_eq!(at("From - Sun Nov 22 10:00:00 2026\r\n"), noon);
        assert_eq!(at("From ann@here.test  Sun Nov 22 12:00 CEST 2026 +0200\n"), noon);
        assert_eq!(at("From 17@xxx Sun Nov 22 11:00:00 +0100 2026"), noon);
        assert_eq!(at("From may Sun Nov 22 10:00:00 2026"), noon);
        for prose in ["From here on it is easy.", "From Nov 22 on", "From a Sun Nov 99 10:00:00 2026", "from x", ""] {
            assert_eq!(at(prose), None, "{prose}");
        }
    }

    #[test]
    fn the_date_of_arrival_comes_before_that_of_writing() {
        let header =
            b"Received: by mx; Sun, 22 Nov 2026 11:00:00 +0100 (CET)\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n";
        assert_eq!(of_header(header).unwrap().to_string(), "2026-11-22T10:00:00Z");
        assert_eq!(of_header(b"Date: Mon, 21 Nov 2026 10:00:00 GMT\r\n").unwrap().to_string(), "2026-11-21T10:00:00Z");
        assert_eq!(of_header(b"Received: by mx\r\nDate: yesterday\r\n"), None);
    }

    #[test]
    fn flags_survive_the_way_into_letters_and_back() {
        let flags = ["$Forwarded", "\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"].map(str::to_owned);
        let mut marks = Marks::default();
        marks.add_maildir(maildir_letters(&flags).as_bytes());
        assert_eq!(marks.names(), flags);
        assert_eq!(maildir_letters(&flags), "DFPRST");

        let mut marks = Marks::default();
        let (status, more) = status_letters(&flags);
        marks.add_status(status.as_bytes());
        marks.add_status(more.as_bytes());
        assert_eq!(marks.names(), flags[1..]);
        assert_eq!(keywords(&flags, false).collect::<Vec<_>>(), ["$Forwarded"]);
        assert_eq!(keywords(&flags, true).count(), 0);
    }

    #[test]
    fn what_cannot_be_the_name_of_a_flag_is_passed_over() {
        let mut marks = Marks::default();
        for flag in ["ok", "", "two words", "brace{", "\\", "ümlaut"] {
            marks.add(flag);
        }
        marks.add(&"x".repeat(KEYWORD_BYTES_MAX + 1));
        assert_eq!(marks.clone().names(), ["ok"]);
        (0..1_000).for_each(|n| marks.add(&format!("k{n}")));
        assert_eq!(marks.names().len(), KEYWORDS_MAX);
    }

    #[test]
    fn thunderbirds_bits_are_flags_and_what_it_deleted_stays_away() {
        let mut marks = Marks::default();
        assert!(marks.add_mozilla("1003"));
        assert_eq!(marks.names(), ["$Forwarded", "\\Answered", "\\Seen"]);
        assert!(!Marks::default().add_mozilla("0009"));
        assert!(Marks::default().add_mozilla("nonsense"));
    }
}
