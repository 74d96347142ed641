//! What counts as one peer: IPv4 by /32 and /24, IPv6 by /64 and /48.
//!
//! One subscriber of an IPv6 provider owns a /64 at least, so a single IPv6 address says nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network, given by its first address.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Network(IpAddr, u8);

/// One IPv4 address, or one IPv6 /64.
pub(crate) fn narrow(address: IpAddr) -> Network {
    cut(address, 32, 64)
}

/// The IPv4 /24 or IPv6 /48 around an address.
pub(crate) fn wide(address: IpAddr) -> Network {
    cut(address, 24, 48)
}

fn cut(address: IpAddr, v4_bits: u8, v6_bits: u8) -> Network {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(v4_bits)).unwrap_or(0);
            Network(Ipv4Addr::from_bits(v4.to_bits() & mask).into(), v4_bits)
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(v6_bits)).unwrap_or(0);
            Network(Ipv6Addr::from_bits(v6.to_bits() & mask).into(), v6_bits)
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// The first address of the /24 or /48 around an address: what `x_originating_ip = "truncated"` writes.
pub(crate) fn truncated(address: IpAddr) -> IpAddr {
    wide(address).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_is_one_peer_and_a_mapped_address_is_the_v4_one() {
        let cut = |text: &str| (narrow(text.parse().unwrap()).to_string(), wide(text.parse().unwrap()).to_string());
        assert_eq!(cut("192.0.2.77"), ("192.0.2.77/32".into(), "192.0.2.0/24".into()));
        assert_eq!(cut("::ffff:192.0.2.77"), cut("192.0.2.77"));
        assert_eq!(cut("2001:db8:1:2:3::4"), ("2001:db8:1:2::/64".into(), "2001:db8:1::/48".into()));
    }
}
