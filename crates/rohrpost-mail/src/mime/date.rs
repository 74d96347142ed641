//! The Date field: RFC 5322 §3.3, its obsolete forms (§4.3), and what programs wrote that read neither.

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::Offset,
};

use super::lexer::Lexer;

const MONTHS: [&[u8; 3]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// Hours that the zones with names are ahead of UTC. RFC 5322 §4.3; any other name means UTC there too.
const ZONES: [(&[u8], i32); 10] = [
    (b"est", -5),
    (b"edt", -4),
    (b"cst", -6),
    (b"cdt", -5),
    (b"mst", -7),
    (b"mdt", -6),
    (b"pst", -8),
    (b"pdt", -7),
    (b"cet", 1),
    (b"cest", 2),
];

/// When the field says it is, and by how many seconds its clock is ahead of UTC.
///
/// RFC 5256 §2.2: without a time it is midnight, without a zone it is UTC.
pub(super) fn parse(value: &[u8]) -> Option<(Timestamp, i32)> {
    let mut read = Read::default();
    let mut lexer = Lexer::new(value);
    loop {
        lexer.skip();
        let separator = |octet: u8| octet.is_ascii_whitespace() || matches!(octet, b',' | b'(');
        let word = lexer.take_while(|octet| !separator(octet));
        if !word.is_empty() {
            read.word(word);
        } else if lexer.peek().is_some() {
            lexer.bump();
        } else {
            return read.finish();
        }
    }
}

#[derive(Default)]
struct Read {
    day: Option<i8>,
    month: Option<i8>,
    year: Option<i16>,
    time: Option<Time>,
    offset_seconds: i32,
}

impl Read {
    fn word(&mut self, word: &[u8]) {
        match word[0] {
            b'+' | b'-' => self.offset_seconds = offset(word).unwrap_or(self.offset_seconds),
            // As `22-Nov-2026`.
            b'0'..=b'9' if word.contains(&b'-') => {
                word.split(|octet| *octet == b'-').filter(|piece| !piece.is_empty()).for_each(|piece| self.word(piece));
            }
            b'0'..=b'9' if word.contains(&b':') => self.time = self.time.or(time(word)),
            b'0'..=b'9' => self.number(word),
            _ => self.name(word),
        }
    }

    fn number(&mut self, digits: &[u8]) {
        let Some(number) = number(digits) else { return };
        if self.day.is_none() && digits.len() <= 2 {
            self.day = i8::try_from(number).ok();
        } else if self.year.is_none() {
            // RFC 5322 §4.3.
            let century = match digits.len() {
                2 if number < 50 => 2000,
                2 | 3 => 1900,
                _ => 0,
            };
            self.year = Some(number + century);
        }
    }

    fn name(&mut self, word: &[u8]) {
        let word = word.to_ascii_lowercase();
        if let Some((_, hours)) = ZONES.iter().find(|(name, _)| *name == word) {
            self.offset_seconds = hours * 3600;
        } else if let Some(month) = MONTHS.iter().position(|month| word.starts_with(*month)) {
            self.month = self.month.or(i8::try_from(month + 1).ok());
        }
    }

    fn finish(self) -> Option<(Timestamp, i32)> {
        let date = Date::new(self.year?, self.month?, self.day?).ok()?;
        let offset = Offset::from_seconds(self.offset_seconds).ok()?;
        let at = offset.to_timestamp(date.to_datetime(self.time.unwrap_or(Time::midnight()))).ok()?;
        Some((at, self.offset_seconds))
    }
}

/// `hh:mm` or `hh:mm:ss`; a leap second is the one before it.
fn time(word: &[u8]) -> Option<Time> {
    let mut pieces = word.splitn(3, |octet| *octet == b':').map(|digits| i8::try_from(number(digits)?).ok());
    let (hour, minute) = (pieces.next()??, pieces.next()??);
    let second = pieces.next().flatten().unwrap_or(0).min(59);
    Time::new(hour, minute, second, 0).ok()
}

/// `+hhmm`
fn offset(word: &[u8]) -> Option<i32> {
    let (sign, digits) = word.split_first()?;
    let number = i32::from(number(digits).filter(|_| digits.len() == 4)?);
    let seconds = (number / 100 * 60 + number % 100) * 60;
    Some(if *sign == b'-' { -seconds } else { seconds })
}

fn number(digits: &[u8]) -> Option<i16> {
    let all = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| all)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(value: &str) -> String {
        parse(value.as_bytes()).map_or("none".to_owned(), |(at, _)| at.to_string())
    }

    #[test]
    fn dates_are_read_in_all_their_forms() {
        assert_eq!(utc("Sun, 22 Nov 2026 10:00:05 +0130"), "2026-11-22T08:30:05Z");
        assert_eq!(utc("22 Nov 2026 10:00 (a comment) EST"), "2026-11-22T15:00:00Z");
        assert_eq!(utc("Sun,\r\n 1 March 99 23:59:60 -0000"), "1999-03-01T23:59:59Z");
        assert_eq!(utc("Sun Nov 22 10:00:00 2026"), "2026-11-22T10:00:00Z");
        assert_eq!(utc("22-Nov-2026 10:00:00 GMT"), "2026-11-22T10:00:00Z");
        assert_eq!(utc("Wed, 1 Jan 20 10:00:00 Z"), "2020-01-01T10:00:00Z");
        assert_eq!(utc("1 Jan 2020"), "2020-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for value in ["", "today", "31 Feb 2026", "1 Jan", "1 Jan 2026 10:00 +99999 x", "99 Jan 2026", "1 Jan 99999"] {
            let expected = if value.contains("+99999") { "2026-01-01T10:00:00Z" } else { "none" };
            assert_eq!(utc(value), expected, "{value}");
        }
        assert_eq!(utc("1 Jan 2026 10:00 +9999"), "none");
    }
}
