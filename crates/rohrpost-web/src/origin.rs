//! Whom a request is for: its origin, read strictly (RFC 9110 §7.2, RFC 9112 §3.2 and §3.3).
//!
//! Two readers of one request, a proxy and this server say, must not come to two hosts. So a request that names its host
//! twice, nowhere or in an odd way is refused, whatever else is in it. Whether the host is one of ours, the
//! [site](crate::Site) knows. Where a request ends, hyper decides: of its strictness only tests speak here.

use std::fmt;

use axum::{
    extract::Request,
    http::{
        HeaderValue, Method, Uri, header,
        uri::{Authority, Scheme},
    },
};
use rohrpost_mail::Domain;

/// The host and the port that a request is for, shown as the beginning of a URL.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Origin {
    pub(crate) host: Domain,
    /// None: the usual one.
    pub(crate) port: Option<u16>,
}

/// Why a request has no origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoOrigin {
    /// It names none, several, or one that none can be: 400.
    Malformed,
    /// It is for something that is no domain or not reached by HTTP, and so none of ours: 421.
    Foreign,
}

impl Origin {
    /// The origin of a request. Where its target is a whole URL, that counts and not the field `Host`, which must be there
    /// all the same (RFC 9112 §3.2.2). Deviation from RFC 9112 §3.2: a request of HTTP/1.0 must have the field, too, as
    /// nothing else says whose page it asks for.
    pub(crate) fn of(request: &Request) -> Result<Self, NoOrigin> {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(NoOrigin::Malformed) };
        let host = HeaderValue::to_str(host).map_err(|_| NoOrigin::Malformed)?;
        let host = Self::read(host);
        match authority(request.method(), request.uri())? {
            Some(authority) if host != Err(NoOrigin::Malformed) => Self::read(authority.as_str()),
            _ => host,
        }
    }

    /// Reads `uri-host [ ":" port ]` (RFC 9110 §7.2). Names of users have no place in it (RFC 9110 §4.2.4).
    fn read(text: &str) -> Result<Self, NoOrigin> {
        if text.starts_with('[') {
            return Err(NoOrigin::Foreign);
        }
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        if !host.bytes().all(is_of_name) || !port.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(NoOrigin::Malformed);
        }
        let port = if port.is_empty() { None } else { Some(port.parse().map_err(|_| NoOrigin::Malformed)?) };
        let host = Domain::parse(host).map_err(|_| NoOrigin::Foreign)?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// What the target of a request says of its host, in each of the four forms of RFC 9112 §3.2. That of CONNECT is for
/// proxies.
fn authority<'a>(method: &Method, target: &'a Uri) -> Result<Option<&'a Authority>, NoOrigin> {
    let is_asterisk = target.path() == "*" && *method == Method::OPTIONS;
    match (target.scheme(), target.authority()) {
        (None, None) if target.path().starts_with('/') || is_asterisk => Ok(None),
        (Some(scheme), authority) if [Scheme::HTTP, Scheme::HTTPS].contains(scheme) => Ok(authority),
        (Some(_), _) => Err(NoOrigin::Foreign),
        _ => Err(NoOrigin::Malformed),
    }
}

/// `reg-name` of RFC 3986 §3.2.2.
fn is_of_name(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&octet)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    /// What a request with this target and these hosts is for.
    fn origin(target: &str, hosts: &[&str]) -> Result<String, NoOrigin> {
        origin_of(Method::GET, target, hosts)
    }

    fn origin_of(method: Method, target: &str, hosts: &[&str]) -> Result<String, NoOrigin> {
        let request = Request::builder().method(method).uri(target);
        let request = hosts.iter().fold(request, |request, host| request.header(header::HOST, *host));
        Origin::of(&request.body(Body::empty()).unwrap()).map(|origin| origin.to_string())
    }

    #[test]
    fn a_host_is_a_name_and_perhaps_a_port() {
        for (host, url) in [
            ("here.test", "https://here.test"),
            ("HERE.test:8443", "https://here.test:8443"),
            ("here.test:", "https://here.test"),
        ] {
            assert_eq!(origin("/setup", &[host]).as_deref(), Ok(url));
        }
        for host in ["", "[::1]:80", "a_b!.test"] {
            assert_eq!(origin("/setup", &[host]), Err(NoOrigin::Foreign), "{host}");
        }
        for host in
            ["a b", "here.test:0x50", "here.test:+80", "here.test:65536", "ann@here.test", "here.test/x", "a:b:c"]
        {
            assert_eq!(origin("/setup", &[host]), Err(NoOrigin::Malformed), "{host}");
        }
    }

    #[test]
    fn a_request_names_its_host_once() {
        assert_eq!(origin("/setup", &[]), Err(NoOrigin::Malformed));
        assert_eq!(origin("http://here.test/setup", &[]), Err(NoOrigin::Malformed));
        for target in ["/setup", "http://here.test/setup"] {
            for hosts in [["here.test", "here.test"], ["here.test", "evil.test"]] {
                assert_eq!(origin(target, &hosts), Err(NoOrigin::Malformed), "{target} {hosts:?}");
            }
        }
    }

    #[test]
    fn the_host_of_a_whole_url_counts_and_not_the_field() {
        assert_eq!(origin("http://here.test/setup", &["evil.test"]).as_deref(), Ok("https://here.test"));
        assert_eq!(origin("https://evil.test/", &["here.test"]).as_deref(), Ok("https://evil.test"));
        assert_eq!(origin("https://here.test:8443/", &[""]).as_deref(), Ok("https://here.test:8443"));
        assert_eq!(origin("http://here.test/", &["a b"]), Err(NoOrigin::Malformed));
        assert_eq!(origin("http://ann@here.test/", &["here.test"]), Err(NoOrigin::Malformed));
        assert_eq!(origin("ftp://here.test/", &["here.test"]), Err(NoOrigin::Foreign));
    }

    #[test]
    fn nobody_is_connected_to_elsewhere() {
        assert_eq!(origin_of(Method::CONNECT, "here.test:443", &["here.test:443"]), Err(NoOrigin::Malformed));
        assert_eq!(origin("*", &["here.test"]), Err(NoOrigin::Malformed));
        assert!(origin_of(Method::OPTIONS, "*", &["here.test"]).is_ok());
    }
}
