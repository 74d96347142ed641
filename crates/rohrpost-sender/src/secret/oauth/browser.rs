//! Consent in a browser on this host, which comes back to a port of ours: RFC 8252 with PKCE (RFC 7636).

use std::{io, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use rohrpost_mail::Secret;
use rohrpost_tls::crypto;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use url::Url;

use super::{
    super::{
        SecretError,
        error::shown,
        limits::{BROWSER_HEAD_BYTES_MAX, BROWSER_HEAD_TIME_MAX, CONSENT_TIME_MAX},
    },
    Prompt,
    endpoint::{Endpoint, TokenAnswer},
};

/// Octets of randomness in the verifier and the state: RFC 7636 §7.1 asks for 32.
const RANDOM_BYTES: usize = 32;

/// Shows an address, waits for the browser to come back with a code, and turns that into tokens.
pub(super) async fn consent(endpoint: &Endpoint, show: impl FnOnce(Prompt<'_>)) -> Result<TokenAnswer, SecretError> {
    let loopback = |error| SecretError::Loopback(Arc::new(error));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(loopback)?;
    let port = listener.local_addr().map_err(loopback)?.port();
    let attempt = Attempt {
        state: BASE64URL.encode(crypto::random::<RANDOM_BYTES>()),
        verifier: Secret::new(BASE64URL.encode(crypto::random::<RANDOM_BYTES>())),
        redirect: format!("http://{}:{port}/", endpoint.provider.redirect_host),
    };
    show(Prompt::Browser { address: attempt.address(endpoint)?.as_str() });
    let coming = come_back(&listener, &attempt.state, endpoint);
    let code = timeout(CONSENT_TIME_MAX, coming).await.map_err(|_| SecretError::ConsentTimedOut)??;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", &attempt.redirect),
        ("code_verifier", attempt.verifier.expose()),
    ];
    endpoint.token(&form).await?.map_err(|refusal| refusal.error)
}

/// What makes one request for consent different from every other.
struct Attempt {
    state: String,
    verifier: Secret,
    redirect: String,
}

impl Attempt {
    /// Where the browser is sent. RFC 6749 §4.1.1, RFC 7636 §4.3.
    fn address(&self, endpoint: &Endpoint) -> Result<Url, SecretError> {
        let mut url = endpoint.provider.authorization.clone().ok_or(SecretError::NoEndpoint)?;
        let own = endpoint.provider.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &endpoint.client_id)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("scope", &endpoint.provider.scope)
            .append_pair("state", &self.state)
            .append_pair("code_challenge", &challenge(self.verifier.expose()))
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(own);
        Ok(url)
    }
}

/// RFC 7636 §4.2: only who knows the verifier can use the code.
fn challenge(verifier: &str) -> String {
    BASE64URL.encode(crypto::sha256(verifier.as_bytes()))
}

/// What a browser brings.
#[derive(Debug, Eq, PartialEq)]
enum Visit {
    /// The code, which buys the tokens.
    Code(Secret),
    /// The person or the provider said no.
    Refused(String),
    /// Something else: an icon, another program, somebody who guesses.
    Other,
}

/// Answers browsers until one brings what was asked for.
async fn come_back(listener: &TcpListener, state: &str, endpoint: &Endpoint) -> Result<Secret, SecretError> {
    loop {
        let (mut stream, _) = listener.accept().await.map_err(|error| SecretError::Loopback(Arc::new(error)))?;
        // A browser that says nothing, or goes away, keeps the next one from nothing.
        let Ok(Ok(line)) = timeout(BROWSER_HEAD_TIME_MAX, request_line(&mut stream)).await else { continue };
        let visit = visit(&line, state);
        let (status, text) = match &visit {
            Visit::Code(_) => ("200 OK", "Thank you. This window can be closed."),
            Visit::Refused(_) => ("200 OK", "No consent was given. This window can be closed."),
            Visit::Other => ("404 Not Found", "Nothing is here."),
        };
        let page = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        );
        // Whether the person sees the page is not what counts.
        let _ = timeout(BROWSER_HEAD_TIME_MAX, stream.write_all(page.as_bytes())).await;
        match visit {
            Visit::Code(code) => return Ok(code),
            Visit::Refused(words) => return Err(SecretError::Refused { endpoint: endpoint.name(), words }),
            Visit::Other => {}
        }
    }
}

/// The first line of a request, once its head is complete.
async fn request_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > BROWSER_HEAD_BYTES_MAX || stream.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let line = head.split(|octet| *octet == b'\r').next().unwrap_or_default();
    String::from_utf8(line.to_vec()).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Reads `GET /?code=…&state=… HTTP/1.1` (RFC 6749 §4.1.2). What does not bring our state is none of ours.
fn visit(line: &str, state: &str) -> Visit {
    let target = line.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let Ok(url) = Url::parse("http://127.0.0.1/").expect("this is an address").join(target) else {
        return Visit::Other;
    };
    let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let ours = value("state").is_some_and(|given| crypto::equal(given.as_bytes(), state.as_bytes()));
    match (ours, value("code"), value("error")) {
        (true, Some(code), None) if !code.is_empty() => Visit::Code(Secret::new(code)),
        (true, _, Some(error)) => {
            let description = value("error_description").unwrap_or_default();
            Visit::Refused(shown(&format!("{error}\n{description}"), &[]))
        }
        _ => Visit::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn only_a_visit_with_our_state_counts() {
        let code = |text: &str| Visit::Code(Secret::new(text));
        assert_eq!(visit("GET /?code=a%2Fb&state=xyz HTTP/1.1", "xyz"), code("a/b"));
        assert_eq!(visit("GET /?state=xyz&code=a HTTP/1.1", "xyz"), code("a"));
        for line in [
            "GET /?code=a&state=other HTTP/1.1",
            "GET /?code=a HTTP/1.1",
            "GET /?code=&state=xyz HTTP/1.1",
            "POST /?code=a&state=xyz HTTP/1.1",
            "GET /favicon.ico HTTP/1.1",
            "GET http://[ HTTP/1.1",
            "",
        ] {
            assert_eq!(visit(line, "xyz"), Visit::Other, "{line}");
        }
        let no = visit("GET /?error=access_denied&error_description=no%0Away&state=xyz HTTP/1.1", "xyz");
        assert_eq!(no, Visit::Refused("access_denied / no / way".into()));
    }
}
