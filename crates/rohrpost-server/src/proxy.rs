//! The PROXY protocol, versions 1 and 2: a load balancer tells where the client really is.
//!
//! The header is believed only from configured networks, and is mandatory there: whoever else sends one is a client that
//! speaks no SMTP. Pure: octets in, address out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Octets of a line of version 1, CRLF included, as the specification has it.
pub const LINE_BYTES_MAX: usize = 107;
/// Octets behind the fixed part of version 2 that are taken: addresses, and what balancers say about TLS.
pub const ADDED_BYTES_MAX: usize = 2_048;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const FIXED_BYTES: usize = 16;

/// What a header says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Where the client is; nothing where the balancer speaks for itself (its health checks).
    pub source: Option<SocketAddr>,
    /// Octets of the header.
    pub octets: usize,
}

/// Why octets are no header.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// They start like neither version.
    #[error("no PROXY header")]
    NoHeader,
    /// A line of version 1 that is too long or says nonsense.
    #[error("bad PROXY line")]
    BadLine,
    /// Version 2 with an unknown version, command or length.
    #[error("bad PROXY header")]
    BadBinary,
}

/// Reads a header at the start of `input`; nothing while it is incomplete.
pub fn parse(input: &[u8]) -> Result<Option<Header>, ProxyError> {
    let starts_like = |start: &[u8]| input.iter().zip(start).all(|(a, b)| a == b);
    if starts_like(SIGNATURE) {
        return parse_binary(input);
    }
    if starts_like(b"PROXY ") {
        return parse_line(input);
    }
    Err(ProxyError::NoHeader)
}

fn parse_line(input: &[u8]) -> Result<Option<Header>, ProxyError> {
    let window = &input[..input.len().min(LINE_BYTES_MAX)];
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return if input.len() < LINE_BYTES_MAX { Ok(None) } else { Err(ProxyError::BadLine) };
    };
    let line = std::str::from_utf8(&input[..end]).map_err(|_| ProxyError::BadLine)?;
    let words: Vec<_> = line.split(' ').collect();
    let source = match words[..] {
        ["PROXY", "UNKNOWN", ..] => None,
        ["PROXY", "TCP4", source, target, port, target_port] => {
            Some(line_address::<Ipv4Addr>(source, target, port, target_port)?)
        }
        ["PROXY", "TCP6", source, target, port, target_port] => {
            Some(line_address::<Ipv6Addr>(source, target, port, target_port)?)
        }
        _ => return Err(ProxyError::BadLine),
    };
    Ok(Some(Header { source, octets: end + 2 }))
}

fn line_address<A: std::str::FromStr + Into<IpAddr>>(
    source: &str,
    target: &str,
    port: &str,
    target_port: &str,
) -> Result<SocketAddr, ProxyError> {
    let address = |text: &str| text.parse::<A>().map_err(|_| ProxyError::BadLine);
    let number = |text: &str| text.parse::<u16>().map_err(|_| ProxyError::BadLine);
    address(target)?;
    number(target_port)?;
    Ok(SocketAddr::new(address(source)?.into(), number(port)?))
}

fn parse_binary(input: &[u8]) -> Result<Option<Header>, ProxyError> {
    let Some(fixed) = input.first_chunk::<FIXED_BYTES>() else { return Ok(None) };
    let added = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    let (version, command) = (fixed[12] >> 4, fixed[12] & 15);
    if version != 2 || command > 1 || added > ADDED_BYTES_MAX {
        return Err(ProxyError::BadBinary);
    }
    let Some(body) = input.get(FIXED_BYTES..FIXED_BYTES + added) else { return Ok(None) };
    let source = match (command, fixed[13]) {
        (0, _) => None,
        (_, 0x11) => Some(binary_address::<4, 12>(body)?),
        (_, 0x21) => Some(binary_address::<16, 36>(body)?),
        // Families that are no TCP over IP: the connection's own address counts.
        _ => None,
    };
    Ok(Some(Header { source, octets: FIXED_BYTES + added }))
}

/// Source and target address of `N` octets each, then two ports.
fn binary_address<const N: usize, const ALL: usize>(body: &[u8]) -> Result<SocketAddr, ProxyError>
where
    [u8; N]: Into<IpAddr>,
{
    let all = body.first_chunk::<ALL>().ok_or(ProxyError::BadBinary)?;
    let source = *all.first_chunk::<N>().ok_or(ProxyError::BadBinary)?;
    Ok(SocketAddr::new(source.into(), u16::from_be_bytes([all[2 * N], all[2 * N + 1]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[0x20 | command, family], &length, body].concat()
    }

    fn source(input: &[u8]) -> Option<SocketAddr> {
        let header = parse(input).unwrap().unwrap();
        assert_eq!(header.octets, input.len());
        header.source
    }

    #[test]
    fn lines_of_version_1_are_read() {
        let address = "192.0.2.1:56324".parse().ok();
        assert_eq!(source(b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 25\r\n"), address);
        assert_eq!(source(b"PROXY TCP6 2001:db8::1 ::1 5 25\r\n"), "[2001:db8::1]:5".parse().ok());
        assert_eq!(source(b"PROXY UNKNOWN\r\n"), None);
        assert_eq!(source(b"PROXY UNKNOWN ffff::1 ::2 1 2\r\n"), None);
        let more = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 25\r\nEHLO x\r\n";
        assert_eq!(parse(more).unwrap().unwrap().octets, more.len() - 8);
    }

    #[test]
    fn headers_of_version_2_are_read() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 7, 0xdc, 0x04, 0, 25];
        assert_eq!(source(&binary(1, 0x11, &v4)), "192.0.2.1:56324".parse().ok());
        let junk = [&v4[..], &[0xff; 2_000]].concat();
        assert_eq!(source(&binary(1, 0x11, &junk)), "192.0.2.1:56324".parse().ok(), "TLVs are skipped");
        let mut v6 = [0; 36];
        v6[15] = 1;
        v6[33] = 9;
        assert_eq!(source(&binary(1, 0x21, &v6)), "[::1]:9".parse().ok());
        assert_eq!(source(&binary(0, 0x11, &v4)), None, "LOCAL");
        assert_eq!(source(&binary(1, 0x31, &[0; 216])), None, "a unix socket");
    }

    #[test]
    fn a_header_may_come_octet_by_octet() {
        let line = b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 25\r\n";
        let binary = binary(1, 0x11, &[1; 12]);
        for whole in [&line[..], &binary] {
            for end in 0..whole.len() {
                assert_eq!(parse(&whole[..end]), Ok(None), "{end}");
            }
            assert!(parse(whole).unwrap().is_some());
        }
    }

    #[test]
    fn s18_nonsense_is_refused_at_once() {
        let long = [b"PROXY TCP4 ", &[b'1'; 200][..]].concat();
        for line in [
            &b"EHLO x\r\n"[..],
            b"PROXX",
            b"PROXY TCP4 192.0.2.1\r\n",
            b"PROXY TCP4 ::1 ::1 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.7 99999 25\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.7 1 25 extra\r\n",
            b"PROXY UDP4 192.0.2.1 198.51.100.7 1 25\r\n",
            b"PROXY TCP4 \xff 198.51.100.7 1 25\r\n",
            &long,
            &binary(1, 0x11, &[0; 11]),
            &binary(2, 0x11, &[0; 12]),
            &binary(1, 0x21, &[0; 12]),
        ] {
            assert!(parse(line).is_err(), "{line:?}");
        }
        let mut endless = binary(1, 0x11, &[]);
        endless[14..16].copy_from_slice(&u16::MAX.to_be_bytes());
        assert_eq!(parse(&endless), Err(ProxyError::BadBinary), "refused before its 65,535 octets are read");
        let mut version3 = binary(1, 0x11, &[0; 12]);
        version3[12] = 0x31;
        assert_eq!(parse(&version3), Err(ProxyError::BadBinary));
    }
}
