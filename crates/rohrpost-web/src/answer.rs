//! Responses, each with the headers that keep it from being more than it is: no script, no frame, no guessing of types,
//! nothing kept by caches.

use axum::{
    body::Body,
    http::{HeaderValue, Response as HttpResponse, StatusCode, header},
    response::Response,
};
use rohrpost_mail::Domain;

/// Our own style sheet and forms, and nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("../templates/setup.css");

/// A text for people who look at what programs do.
pub(crate) fn text(status: StatusCode, text: &str) -> Response {
    answer(status, "text/plain; charset=utf-8", text.to_owned())
}

/// A page.
pub(crate) fn page(status: StatusCode, html: String) -> Response {
    answer(status, "text/html; charset=utf-8", html)
}

/// An XML document.
pub(crate) fn xml(document: String) -> Response {
    answer(StatusCode::OK, "application/xml; charset=utf-8", document)
}

/// A JSON document.
pub(crate) fn json(status: StatusCode, document: String) -> Response {
    answer(status, "application/json; charset=utf-8", document)
}

/// A profile for Apple's programs, as a file to be opened.
pub(crate) fn profile(host: &Domain, document: Vec<u8>) -> Response {
    let mut response = answer(StatusCode::OK, "application/x-apple-aspen-config", document);
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{host}.mobileconfig\""));
    let disposition = disposition.expect("a domain is letters, digits, dots and hyphens");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    response
}

/// The style of the pages.
pub(crate) async fn style() -> Response {
    answer(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned())
}

/// It is there. Outlook follows 302 alone.
pub(crate) fn moved(to: &str) -> Response {
    let mut response = text(StatusCode::FOUND, "");
    match HeaderValue::from_str(to) {
        Ok(to) => drop(response.headers_mut().insert(header::LOCATION, to)),
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}

/// The request is none that has one meaning (RFC 9112 §3.2). What follows it on the connection is not looked at.
pub(crate) fn malformed() -> Response {
    closing(text(StatusCode::BAD_REQUEST, "The request does not say clearly which host it is for.\n"))
}

/// The request is for a host that is not ours (RFC 9110 §15.5.20).
pub(crate) fn not_ours() -> Response {
    text(StatusCode::MISDIRECTED_REQUEST, "This host is not served here.\n")
}

/// The request has more content than is taken (RFC 9110 §15.5.14). Its rest is not read.
pub(crate) fn too_long() -> Response {
    closing(text(StatusCode::PAYLOAD_TOO_LARGE, "The question is too long.\n"))
}

/// The path wants another method: one of `allowed` (RFC 9110 §15.5.6).
pub(crate) fn not_allowed(allowed: &'static str, why: &str) -> Response {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, why);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// The connection ends with this response.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn answer(status: StatusCode, kind: &'static str, content: impl Into<Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let mut response = HttpResponse::new(content.into());
    *response.status_mut() = status;
    response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}
