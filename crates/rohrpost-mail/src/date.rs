//! Dates as headers have them.

use jiff::{Timestamp, tz::TimeZone};

/// `Sun, 22 Nov 2026 10:00:00 +0000` (RFC 5322 §3.3), in UTC, so that no header tells where its writer is.
pub fn rfc5322(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// `2026-11-22 10:00 UTC`, for texts that people read.
pub fn readable(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `22.11.2026, 10:00 Uhr (UTC)`, for texts that people read in German.
pub fn readable_german(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%d.%m.%Y, %H:%M Uhr (UTC)").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_print_in_utc() {
        let at = "2026-11-02T01:02:03Z".parse().unwrap();
        assert_eq!(super::rfc5322(at), "Mon, 02 Nov 2026 01:02:03 +0000");
        assert_eq!(super::readable(at), "2026-11-02 01:02 UTC");
        assert_eq!(super::readable_german(at), "02.11.2026, 01:02 Uhr (UTC)");
    }
}
