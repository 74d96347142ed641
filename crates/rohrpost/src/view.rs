//! What commands show to people: pure functions from answers to text with colours.
//!
//! Colours are always written; [`anstream`] takes them out where the output is no terminal or `NO_COLOR` is set.

pub(crate) mod moving;
pub(crate) mod people;
pub(crate) mod queue;
pub(crate) mod receipt;
pub(crate) mod route;
pub(crate) mod setup;
pub(crate) mod table;
pub(crate) mod trace;

use std::fmt;

use anstyle::{AnsiColor, Style};
use jiff::{SignedDuration, Timestamp};
use rohrpost_mail::Seal;

/// What explains, beside what is said.
pub(crate) const DIM: Style = Style::new().dimmed();
/// Headings and names.
pub(crate) const BOLD: Style = Style::new().bold();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What is fine, but could be better.
pub(crate) const FAIR: Style = AnsiColor::Cyan.on_default().bold();
/// What deserves a look.
pub(crate) const POOR: Style = AnsiColor::Yellow.on_default().bold();
/// What went wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// Text in a style.
pub(crate) struct Styled<T>(pub(crate) Style, pub(crate) T);

impl<T: fmt::Display> fmt::Display for Styled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.0.render(), self.1, self.0.render_reset())
    }
}

/// The colour of a seal.
pub(crate) fn seal_style(seal: Option<Seal>) -> Style {
    match seal {
        Some(Seal::Verified) => GOOD,
        Some(Seal::Encrypted) => FAIR,
        Some(Seal::Cleartext) => POOR,
        None => DIM,
    }
}

/// `2026-11-22 02:13:33 UTC`
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `1.2 KiB`; octets below 1 KiB.
pub(crate) fn size(octets: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    let mut tenths = u128::from(octets) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A span in its two largest units at most: `5 d 3 h`, `12 min`, `40 s`.
pub(crate) fn span(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// `1 recipient`, `3 recipients`
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_read_well() {
        let sizes = [0, 1023, 1024, 1536, 1 << 20, (50 << 20) + (1 << 19), 3 << 30].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "50.5 MiB", "3.0 GiB"]);
        let spans = [0, 59, 60, 3_599, 3_600, 3_660, 86_400, 100_000].map(|s| span(SignedDuration::from_secs(s)));
        assert_eq!(spans, ["0 s", "59 s", "1 min", "59 min", "1 h", "1 h 1 min", "1 d", "1 d 3 h"]);
    }
}
