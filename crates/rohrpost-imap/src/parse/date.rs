//! Dates and times.

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::Offset,
};

use super::{Cursor, ParseError};
use crate::response::MONTHS;

/// `date = date-text / DQUOTE date-text DQUOTE`: `1-Feb-1994`
pub(super) fn date(cursor: &mut Cursor<'_>) -> Result<Date, ParseError> {
    let missing = cursor.missing("a date such as 1-Feb-1994");
    let quoted = cursor.take(b'"');
    let date = date_text(cursor).ok_or(missing)?;
    if quoted && !cursor.take(b'"') { Err(missing) } else { Ok(date) }
}

/// `date-time`: `"17-Jul-1996 02:44:25 -0700"`
pub(super) fn date_time(cursor: &mut Cursor<'_>) -> Result<Timestamp, ParseError> {
    let missing = cursor.missing("a date and time such as \"17-Jul-1996 02:44:25 -0700\"");
    date_time_text(cursor).ok_or(missing)
}

fn date_time_text(cursor: &mut Cursor<'_>) -> Option<Timestamp> {
    let quoted = cursor.take(b'"');
    // `date-day-fixed`: a blank stands for a leading zero.
    cursor.take(b' ');
    let date = date_text(cursor)?;
    let time = cursor.take(b' ').then(|| time(cursor))??;
    let zone = cursor.take(b' ').then(|| zone(cursor))??;
    let whole = quoted && cursor.take(b'"');
    date.to_datetime(time).to_zoned(zone.to_time_zone()).ok().filter(|_| whole).map(|zoned| zoned.timestamp())
}

fn date_text(cursor: &mut Cursor<'_>) -> Option<Date> {
    let day = number(cursor, 1..=2)?;
    let month = cursor.take(b'-').then(|| cursor.word(|octet| octet.is_ascii_alphabetic()))?;
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? + 1;
    let year = cursor.take(b'-').then(|| number(cursor, 4..=4))??;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// `time = 2DIGIT ":" 2DIGIT ":" 2DIGIT`. A leap second is the one before.
fn time(cursor: &mut Cursor<'_>) -> Option<Time> {
    let hour = number(cursor, 2..=2)?;
    let minute = cursor.take(b':').then(|| number(cursor, 2..=2))??;
    let second = cursor.take(b':').then(|| number(cursor, 2..=2))??;
    let second = if second == 60 { 59 } else { second };
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, i8::try_from(second).ok()?, 0).ok()
}

/// `zone = ("+" / "-") 4DIGIT`
fn zone(cursor: &mut Cursor<'_>) -> Option<Offset> {
    let west = cursor.take(b'-');
    if !west && !cursor.take(b'+') {
        return None;
    }
    let digits = i32::from(number(cursor, 4..=4)?);
    let (hours, minutes) = (digits / 100, digits % 100);
    let seconds = (hours * 60 + minutes) * 60;
    if minutes < 60 { Offset::from_seconds(if west { -seconds } else { seconds }).ok() } else { None }
}

/// So many digits.
fn number(cursor: &mut Cursor<'_>, digits: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let text = cursor.digits();
    if digits.contains(&text.len()) { text.parse().ok() } else { None }
}
