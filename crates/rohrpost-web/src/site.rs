//! What is answered to whom: the paths, and the one rule that only hosts and domains of ours are spoken for.

use std::{fmt, sync::Arc};

use axum::{
    Extension, Router,
    body::{Bytes, HttpBody as _},
    extract::{Query, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use rohrpost_mail::{Domain, Mailbox};
use rohrpost_tls::CertStore;
use serde::Deserialize;

use crate::{
    answer, autoconfig,
    autodiscover::{self, Problem, Question, json},
    limits::BODY_BYTES_MAX,
    mobileconfig,
    origin::{NoOrigin, Origin},
    page::{self, Links, Tongue},
    settings::{MailSettings, Servers, Service},
};

/// Who knows which domains have their mailboxes here.
pub trait LocalDomains: Send + Sync {
    /// Whether this one has.
    fn is_local(&self, domain: &Domain) -> bool;
}

/// What is served, and for whom.
#[derive(Clone)]
pub struct Site {
    /// Names that are answered to, beside those of the services and of local domains.
    pub names: Vec<Domain>,
    /// What runs.
    pub services: Vec<Service>,
    /// Domains whose accounts log in with encryption only.
    pub tls_domains: Vec<Domain>,
    /// The domains that are spoken for.
    pub domains: Arc<dyn LocalDomains>,
    /// What profiles are signed with, where one of them is fit for the host.
    pub certificates: CertStore,
}

impl Site {
    /// The pages, for requests that came over TLS.
    pub(crate) fn router(self) -> Router {
        let site = Arc::new(self);
        Router::new()
            .route("/mail/config-v1.1.xml", get(autoconfig))
            .route("/.well-known/autoconfig/mail/config-v1.1.xml", get(autoconfig))
            .route("/mobileconfig", get(profile))
            .route("/setup", get(setup))
            .route("/setup.css", get(answer::style))
            .route("/", get(async || answer::moved("/setup")))
            .fallback(any_case)
            .layer(middleware::from_fn_with_state(site.clone(), admit))
            .with_state(site)
    }

    /// Sends everybody to the same path over TLS, where it is at `port`.
    pub(crate) fn redirects(self, port: u16) -> Router {
        let port = Some(port).filter(|port| *port != 443);
        let redirect = async move |Extension(origin): Extension<Origin>, method: Method, uri: Uri| {
            if !matches!(method, Method::GET | Method::HEAD) {
                return answer::not_allowed(READ, "Only over https.\n");
            }
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            answer::moved(&format!("{}{path}", Origin { port, ..origin }))
        };
        Router::new().fallback(redirect).layer(middleware::from_fn_with_state(Arc::new(self), admit))
    }

    fn answers_to(&self, host: &Domain) -> bool {
        let is_named = self.names.contains(host) || self.services.iter().any(|service| service.host == *host);
        is_named || self.domain_of(host).is_some()
    }

    /// The local domain that a host name stands for: itself, or what is behind `autoconfig.` and `autodiscover.`.
    fn domain_of(&self, host: &Domain) -> Option<Domain> {
        let bare = ["autoconfig.", "autodiscover."].iter().find_map(|prefix| host.as_str().strip_prefix(prefix));
        let bare = bare.and_then(|bare| Domain::parse(bare).ok());
        bare.into_iter().chain([host.clone()]).find(|domain| self.domains.is_local(domain))
    }

    /// The servers for the mailboxes of a domain.
    fn servers(&self, domain: &Domain) -> Servers {
        let servers = Servers::of(&self.services);
        if self.tls_domains.contains(domain) { servers.encrypted() } else { servers }
    }

    /// The settings for an address of a local domain. Whether anybody has it is nobody's business.
    fn settings(&self, text: &str) -> Option<MailSettings> {
        let address = Mailbox::parse(text.trim()).ok()?;
        let servers = self.servers(address.domain.name().filter(|domain| self.domains.is_local(domain))?);
        Some(MailSettings { address, servers })
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("names", &self.names).field("services", &self.services).finish_non_exhaustive()
    }
}

type Ours = State<Arc<Site>>;

/// Where Outlook's question in XML is taken.
const AUTODISCOVER: &str = "/autodiscover/autodiscover.xml";

/// Methods that read.
const READ: &str = "GET, HEAD";

/// Lets in what is for a host of ours: a name that somebody else made point here gets no page. A content that is announced
/// as too long is refused before any of it is read (RFC 9110 §15.5.14).
async fn admit(State(site): Ours, mut request: Request, next: Next) -> Response {
    let origin = match Origin::of(&request) {
        Ok(origin) if site.answers_to(&origin.host) => origin,
        Ok(_) | Err(NoOrigin::Foreign) => return answer::not_ours(),
        Err(NoOrigin::Malformed) => return answer::malformed(),
    };
    if request.body().size_hint().lower() > BODY_BYTES_MAX as u64 {
        return answer::too_long();
    }
    request.extensions_mut().insert(origin);
    next.run(request).await
}

#[derive(Deserialize)]
struct AutoconfigQuery {
    emailaddress: Option<String>,
}

/// Thunderbird's question. Without an address the host says which domain is meant.
async fn autoconfig(
    State(site): Ours,
    Extension(origin): Extension<Origin>,
    Query(query): Query<AutoconfigQuery>,
) -> Response {
    let domain = match query.emailaddress.as_deref() {
        Some(address) => site.settings(address).and_then(|settings| settings.address.domain.name().cloned()),
        None => site.domain_of(&origin.host),
    };
    let found = domain.map(|domain| (site.servers(&domain), domain));
    match found.filter(|(servers, _)| servers.pair().is_some()) {
        Some((servers, domain)) => answer::xml(autoconfig::document(&domain, &servers, &format!("{origin}/setup"))),
        None => answer::text(StatusCode::NOT_FOUND, "No mailbox of this domain is here.\n"),
    }
}

#[derive(Deserialize)]
struct AddressQuery {
    address: Option<String>,
    lang: Option<String>,
}

/// The profile for Apple's programs.
async fn profile(
    State(site): Ours,
    Extension(origin): Extension<Origin>,
    Query(query): Query<AddressQuery>,
) -> Response {
    let settings = query.address.as_deref().and_then(|text| site.settings(text));
    let document = settings.and_then(|settings| mobileconfig::document(&origin.host, &settings));
    let Some(document) = document else {
        return answer::text(StatusCode::NOT_FOUND, "No mailbox of this domain is here.\n");
    };
    let signed = site.certificates.sign_for(&origin.host, document.as_bytes());
    answer::profile(&origin.host, signed.unwrap_or_else(|| document.into_bytes()))
}

/// The page for people; without an address it asks for one.
async fn setup(
    State(site): Ours,
    Extension(origin): Extension<Origin>,
    Query(query): Query<AddressQuery>,
    headers: HeaderMap,
) -> Response {
    let tongue = Tongue::choose(query.lang.as_deref(), &headers);
    let Some(text) = query.address.filter(|text| !text.trim().is_empty()) else {
        return answer::page(StatusCode::OK, page::ask(tongue, false));
    };
    let settings = site.settings(&text);
    let signed = site.certificates.can_sign_for(&origin.host);
    let shown = |settings: &MailSettings| {
        let links = Links::of(&settings.address, &origin.host, origin.port);
        page::show(tongue, settings, &links, signed)
    };
    let page = settings.as_ref().and_then(shown);
    match page {
        Some(page) => answer::page(StatusCode::OK, page),
        None => answer::page(StatusCode::NOT_FOUND, page::ask(tongue, true)),
    }
}

/// Outlook writes the paths of its questions in upper and lower case as it pleases.
async fn any_case(
    State(site): Ours,
    Extension(origin): Extension<Origin>,
    Query(parameters): Query<Vec<(String, String)>>,
    request: Request,
) -> Response {
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
    if let Some(question) = json::Question::read(&path, &parameters) {
        return match *request.method() {
            Method::GET | Method::HEAD => autodiscover_json(&site, &origin, &question),
            _ => answer::not_allowed(READ, "The question comes by GET.\n"),
        };
    }
    if !path.eq_ignore_ascii_case(AUTODISCOVER) {
        return answer::text(StatusCode::NOT_FOUND, "There is no such page.\n");
    }
    if request.method() != Method::POST {
        return answer::not_allowed("POST", "The question comes by POST.\n");
    }
    match axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX).await {
        Ok(content) => autodiscover(&site, &content),
        Err(_) => answer::too_long(),
    }
}

fn autodiscover_json(site: &Site, origin: &Origin, question: &json::Question) -> Response {
    let settings = site.settings(&question.address);
    match question.check(settings.is_some_and(|settings| settings.servers.pair().is_some())) {
        Ok(()) => answer::json(StatusCode::OK, json::document(&format!("{origin}{AUTODISCOVER}"))),
        Err(problem @ json::Problem::UnknownAddress) => answer::json(StatusCode::NOT_FOUND, json::refusal(problem)),
        Err(problem) => answer::json(StatusCode::BAD_REQUEST, json::refusal(problem)),
    }
}

fn autodiscover(site: &Site, content: &Bytes) -> Response {
    let question = match Question::parse(content) {
        Ok(question) => question,
        Err(error) => return answer::text(StatusCode::BAD_REQUEST, &format!("{error}\n")),
    };
    let settings = site.settings(&question.address.to_string());
    let refused = |problem| answer::xml(autodiscover::refusal(problem, Timestamp::now()));
    match settings.filter(|settings| settings.servers.pair().is_some()) {
        Some(_) if !question.is_desktop => refused(Problem::UnknownForm),
        Some(settings) => answer::xml(autodiscover::document(&settings)),
        None => refused(Problem::UnknownAddress),
    }
}

#[cfg(test)]
mod tests;
