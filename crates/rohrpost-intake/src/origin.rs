//! `X-Originating-IP`: where a submitting client was, as far as the operator wants it told.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use jiff::{Timestamp, tz::TimeZone};

use crate::{networks, settings::XOriginatingIp};

/// The field with its line end; nothing where it is off.
pub fn field(mode: XOriginatingIp, key: &[u8; 32], address: IpAddr, now: Timestamp) -> Option<String> {
    let address = address.to_canonical();
    let value = match mode {
        XOriginatingIp::Off => return None,
        XOriginatingIp::Full => format!("[{address}]"),
        XOriginatingIp::Truncated => format!("[{}]", networks::truncated(address)),
        XOriginatingIp::Hashed => hashed(key, address, now),
    };
    Some(format!("X-Originating-IP: {value}\r\n"))
}

/// A keyed hash that changes daily. Only who has the key can try all addresses and so resolve it.
pub fn hashed(key: &[u8; 32], address: IpAddr, day: Timestamp) -> String {
    let day = day.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), format!("{day} {address}").as_bytes());
    let half = tag.as_ref().first_chunk().expect("HMAC-SHA-256 gives 32 octets");
    format!("{:032x}", u128::from_be_bytes(*half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_tells_as_much_as_it_says() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let field = |mode, address: &str, now| super::field(mode, &[1; 32], address.parse().unwrap(), now);
        assert_eq!(field(XOriginatingIp::Off, "192.0.2.7", now), None);
        assert_eq!(field(XOriginatingIp::Full, "::ffff:192.0.2.7", now).unwrap(), "X-Originating-IP: [192.0.2.7]\r\n");
        assert_eq!(field(XOriginatingIp::Truncated, "192.0.2.7", now).unwrap(), "X-Originating-IP: [192.0.2.0]\r\n");
        assert_eq!(
            field(XOriginatingIp::Truncated, "2001:db8:1:2::7", now).unwrap(),
            "X-Originating-IP: [2001:db8:1::]\r\n"
        );
        let hashed = field(XOriginatingIp::Hashed, "192.0.2.7", now).unwrap();
        assert!(!hashed.contains("192"), "{hashed}");
        assert_eq!(field(XOriginatingIp::Hashed, "192.0.2.7", now).unwrap(), hashed);
        let tomorrow = now + jiff::SignedDuration::from_hours(24);
        assert_ne!(field(XOriginatingIp::Hashed, "192.0.2.7", tomorrow).unwrap(), hashed);
    }
}
