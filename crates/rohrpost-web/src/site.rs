//! What is answered to whom: the paths, and the one rule that only hosts and domains of ours are spoken for.

use std::{fmt, sync::Arc};

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use jiff::Timestamp;
use rohrpost_mail::{Domain, Mailbox};
use rohrpost_tls::CertStore;
use serde::Deserialize;

use crate::{
    answer, autoconfig,
    autodiscover::{self, Problem, Question},
    limits::BODY_BYTES_MAX,
    mobileconfig,
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

/// The host that a request is for, one of ours; as the beginning of a URL.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Origin {
    host: Domain,
    port: Option<u16>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
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
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(middleware::from_fn_with_state(site.clone(), only_ours))
            .with_state(site)
    }

    /// Sends everybody to the same path over TLS, where it is at `port`.
    pub(crate) fn redirects(self, port: u16) -> Router {
        let port = Some(port).filter(|port| *port != 443);
        Router::new().fallback(async move |request: Request| {
            let Some(origin) = self.origin(request.headers()) else { return answer::not_ours() };
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                return answer::text(StatusCode::METHOD_NOT_ALLOWED, "Only over https.\n");
            }
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            answer::moved(&format!("{}{path}", Origin { port, ..origin }))
        })
    }

    /// The host that the header names, where it is ours.
    fn origin(&self, headers: &HeaderMap) -> Option<Origin> {
        let text = headers.get(header::HOST)?.to_str().ok()?;
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let host = Domain::parse(host).ok()?;
        self.answers_to(&host).then_some(Origin { host, port })
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

/// Refuses what is for other hosts: a name that somebody else made point here gets no page.
async fn only_ours(State(site): Ours, mut request: Request, next: Next) -> Response {
    let Some(origin) = site.origin(request.headers()) else { return answer::not_ours() };
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

/// Outlook writes the path of its question in upper and lower case as it pleases.
async fn any_case(State(site): Ours, request: Request) -> Response {
    if !request.uri().path().eq_ignore_ascii_case("/autodiscover/autodiscover.xml") {
        return answer::text(StatusCode::NOT_FOUND, "There is no such page.\n");
    }
    if request.method() != Method::POST {
        return answer::only_post();
    }
    match axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX).await {
        Ok(content) => autodiscover(&site, &content),
        Err(_) => answer::text(StatusCode::PAYLOAD_TOO_LARGE, "The question is too long.\n"),
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
