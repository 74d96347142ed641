use std::collections::HashSet;

use axum::body::{Body, to_bytes};
use rohrpost_mail::ListenerTls;
use rohrpost_tls::{PemPair, ca};

use super::*;
use crate::{
    Protocol,
    settings::tests::{service, usual},
};

struct Only(HashSet<&'static str>);

impl LocalDomains for Only {
    fn is_local(&self, domain: &Domain) -> bool {
        self.0.contains(domain.as_str())
    }
}

/// A site of mx.here.test with the mailboxes of here.test, and this certificate.
fn site_with(pair: PemPair) -> Site {
    Site {
        names: vec![Domain::parse("mx.here.test").unwrap()],
        services: usual(),
        tls_domains: Vec::new(),
        domains: Arc::new(Only(HashSet::from(["here.test"]))),
        certificates: CertStore::from_pem([pair]).unwrap(),
    }
}

fn site() -> Site {
    site_with(ca::self_signed(["mx.here.test"], 2))
}

struct Answered {
    status: u16,
    headers: HeaderMap,
    text: Vec<u8>,
}

impl Answered {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn ask(router: Router, request: Request) -> Answered {
    use hyper_util::service::TowerToHyperService;

    let service = TowerToHyperService::new(router);
    let response = hyper::service::Service::call(&service, request).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    Answered { status: parts.status.as_u16(), headers: parts.headers, text }
}

fn request(method: Method, host: &str, path: &str, content: &str) -> Request {
    let request = Request::builder().method(method).uri(path).header("Host", host);
    request.header("Accept-Language", "de-AT,de;q=0.9,en;q=0.8").body(Body::from(content.to_owned())).unwrap()
}

async fn get_from(host: &str, path: &str) -> Answered {
    ask(site().router(), request(Method::GET, host, path, "")).await
}

async fn outlook_asks(path: &str, address: &str) -> Answered {
    let content = format!("<Autodiscover><Request><EMailAddress>{address}</EMailAddress></Request></Autodiscover>");
    ask(site().router(), request(Method::POST, "autodiscover.here.test", path, &content)).await
}

#[tokio::test]
async fn thunderbird_gets_the_settings_of_a_domain_by_address_or_by_host() {
    for path in ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"] {
        let by_address = get_from("mx.here.test", &format!("{path}?emailaddress=ann%40here.test")).await;
        assert_eq!((by_address.status, by_address.header("content-type")), (200, "application/xml; charset=utf-8"));
        let by_host = get_from("autoconfig.here.test", path).await;
        assert!(by_host.text().contains("<hostname>mail.here.test</hostname>"));
        assert!(by_host.text().contains("https://autoconfig.here.test/setup"));
        assert_eq!(get_from("mx.here.test", path).await.status, 404, "no domain is meant");
    }
}

#[tokio::test]
async fn w05_only_own_hosts_are_answered() {
    let path = "/mail/config-v1.1.xml?emailaddress=ann%40here.test";
    for host in ["evil.test", "here.test.evil.test", "autoconfig.evil.test", "127.0.0.1", ""] {
        assert_eq!(get_from(host, path).await.status, 421, "{host:?}");
    }
    for host in ["here.test", "HERE.test", "mx.here.test:8443", "autoconfig.here.test", "mail.here.test"] {
        assert_eq!(get_from(host, path).await.status, 200, "{host:?}");
    }
    let without_host = Request::builder().uri("/setup").body(Body::empty()).unwrap();
    assert_eq!(ask(site().router(), without_host).await.status, 400);
    let redirected = ask(site().redirects(443), request(Method::GET, "evil.test", "/setup", "")).await;
    assert_eq!((redirected.status, redirected.header("location")), (421, ""));
}

#[tokio::test]
async fn w05_domains_of_others_are_not_spoken_for() {
    for address in ["ann@evil.test", "ann@[127.0.0.1]", "ann", "%00@here.test", "ann@here.test%0d%0aX: y"] {
        let address = address.replace('@', "%40").replace(' ', "%20");
        let path = format!("/mail/config-v1.1.xml?emailaddress={address}");
        assert_eq!(get_from("here.test", &path).await.status, 404, "{address}");
        assert_eq!(get_from("here.test", &format!("/setup?address={address}")).await.status, 404, "{address}");
        assert_eq!(get_from("here.test", &format!("/mobileconfig?address={address}")).await.status, 404, "{address}");
    }
    let answered = outlook_asks("/autodiscover/autodiscover.xml", "ann@evil.test").await;
    assert!(answered.text().contains("<ErrorCode>500</ErrorCode>"));
}

#[tokio::test]
async fn w05_an_address_that_nobody_has_is_answered_like_any_other() {
    for path in ["/mail/config-v1.1.xml?emailaddress=", "/setup?address=", "/mobileconfig?address="] {
        let of = async |name: &str| get_from("mx.here.test", &format!("{path}{name}%40here.test")).await;
        let (known, unknown) = (of("ann").await, of("nobody").await);
        assert_eq!((known.status, unknown.status), (200, 200));
        assert_eq!(known.text().lines().count(), unknown.text().lines().count());
    }
}

#[tokio::test]
async fn outlook_is_answered_whatever_the_case_of_its_path() {
    for path in ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/AutoDiscover.XML"] {
        let answered = outlook_asks(path, "ann@here.test").await;
        assert_eq!(answered.status, 200, "{path}");
        assert!(answered.text().contains("<LoginName>ann@here.test</LoginName>"));
    }
    let looked = get_from("autodiscover.here.test", "/autodiscover/autodiscover.xml").await;
    assert_eq!((looked.status, looked.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn outlook_learns_where_its_question_is_taken() {
    let path = "/autodiscover/autodiscover.json?Email=ann%40here.test&Protocol=Autodiscoverv1&RedirectCount=1";
    let answered = get_from("autodiscover.here.test:8443", path).await;
    assert_eq!((answered.status, answered.header("content-type")), (200, "application/json; charset=utf-8"));
    assert!(answered.text().contains("\"https://autodiscover.here.test:8443/autodiscover/autodiscover.xml\""));
    let path = "/AutoDiscover/autodiscover.json/v1.0/ann%40here.test?protocol=AutodiscoverV1";
    assert_eq!(get_from("here.test", path).await.status, 200);
}

#[tokio::test]
async fn outlook_is_told_in_its_form_that_there_is_no_exchange() {
    let path = "/autodiscover/autodiscover.json";
    for (query, status, code) in [
        ("Email=ann%40here.test&Protocol=ActiveSync", 400, "InvalidProtocol"),
        ("Email=ann%40here.test", 400, "MandatoryParameterMissing"),
        ("Email=ann%40evil.test&Protocol=AutodiscoverV1", 404, "UserNotFound"),
        ("Protocol=AutodiscoverV1", 404, "UserNotFound"),
    ] {
        let answered = get_from("here.test", &format!("{path}?{query}")).await;
        assert_eq!(answered.status, status, "{query}");
        assert!(answered.text().contains(&format!("{{\"ErrorCode\":\"{code}\"")), "{}", answered.text());
    }
    let posted = ask(site().router(), request(Method::POST, "here.test", path, "")).await;
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn w05_outlooks_question_is_bounded_and_has_no_entities() {
    let path = "/autodiscover/autodiscover.xml";
    let ask_with = |content: String| ask(site().router(), request(Method::POST, "here.test", path, &content));
    assert_eq!(ask_with("a".repeat(BODY_BYTES_MAX + 1)).await.status, 413);
    let bomb = "<!DOCTYPE a [<!ENTITY b \"ann@here.test\">]><a><EMailAddress>&b;</EMailAddress></a>";
    assert_eq!(ask_with(bomb.to_owned()).await.status, 400);
}

#[tokio::test]
async fn people_get_their_page_in_their_language_and_no_script_runs_there() {
    let path = "/setup?address=ann%40here.test";
    let german = get_from("mx.here.test", path).await;
    assert!(german.text().contains("Posteingang, IMAP") && german.text().contains("lang=\"de\""));
    assert!(get_from("mx.here.test", &format!("{path}&lang=en")).await.text().contains("Incoming mail, IMAP"));
    assert!(german.header("content-security-policy").starts_with("default-src 'none';"));
    assert_eq!((german.header("x-content-type-options"), german.header("referrer-policy")), ("nosniff", "no-referrer"));
    assert!(!german.text().contains("<script") && !german.text().contains("style=\""));
}

#[tokio::test]
async fn what_an_address_holds_is_text_in_the_page() {
    let path = "/setup?lang=en&address=%22%3Cb%3E%22%40here.test";
    let page = get_from("mx.here.test", path).await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("\"<b>\"@") && page.text().contains("&#60;b&#62;"));
}

#[tokio::test]
async fn a_page_is_asked_for_an_address_where_there_is_none() {
    let page = get_from("here.test", "/setup").await;
    assert!(page.status == 200 && page.text().contains("<form action=\"/setup\""));
    assert_eq!(get_from("here.test", "/").await.header("location"), "/setup");
    assert_eq!(get_from("here.test", "/setup/").await.status, 404);
    assert!(get_from("here.test", "/setup.css").await.header("content-type").starts_with("text/css"));
}

#[tokio::test]
async fn a_profile_is_signed_where_a_certificate_can_and_the_page_says_where_not() {
    let authority = ca::Ca::new("Test authority");
    let sites = [site(), site_with(authority.issue(["mx.here.test"])), site_with(authority.issue(["other.test"]))];
    for (site, signed) in sites.into_iter().zip([false, true, false]) {
        let path = "/mobileconfig?address=ann%40here.test";
        let profile = ask(site.clone().router(), request(Method::GET, "mx.here.test", path, "")).await;
        assert_eq!(profile.header("content-type"), "application/x-apple-aspen-config");
        assert_eq!(profile.header("content-disposition"), "attachment; filename=\"mx.here.test.mobileconfig\"");
        assert_eq!(profile.text.starts_with(b"<?xml"), !signed);
        let path = "/setup?lang=en&address=ann%40here.test";
        let page = ask(site.router(), request(Method::GET, "mx.here.test", path, "")).await;
        assert_eq!(page.text().contains("It is not signed"), !signed);
    }
}

#[tokio::test]
async fn who_comes_in_clear_text_is_sent_to_the_same_page_in_tls() {
    let path = "/mail/config-v1.1.xml?emailaddress=ann%40here.test";
    let ask_at = |port, method| ask(site().redirects(port), request(method, "autoconfig.here.test:80", path, ""));
    let sent = ask_at(443, Method::GET).await;
    assert_eq!((sent.status, sent.header("location")), (302, &*format!("https://autoconfig.here.test{path}")));
    let other = ask_at(8443, Method::HEAD).await;
    assert_eq!(other.header("location"), format!("https://autoconfig.here.test:8443{path}"));
    assert_eq!(ask_at(443, Method::POST).await.status, 405);
}

#[tokio::test]
async fn a_domain_that_requires_tls_is_sent_to_no_port_without() {
    let mut services = usual();
    services.retain(|service| service.port != 110 && service.port != 995);
    let clear = ListenerTls::Off;
    services.push(Service { auth_clear: true, ..service(Protocol::Pop3, 110, clear) });
    let recommended = Site { services, ..site() };
    let required = Site { tls_domains: vec![Domain::parse("here.test").unwrap()], ..recommended.clone() };
    for (site, told) in [(recommended, true), (required, false)] {
        let answered = ask(site.router(), request(Method::GET, "here.test", "/mail/config-v1.1.xml", "")).await;
        assert_eq!(answered.text().contains("<socketType>plain</socketType>"), told);
    }
}

#[tokio::test]
async fn a_telephone_is_not_sent_to_exchange() {
    let schema = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";
    let content = format!(
        "<a><EMailAddress>ann@here.test</EMailAddress><AcceptableResponseSchema>{schema}</AcceptableResponseSchema></a>"
    );
    let request = request(Method::POST, "here.test", "/autodiscover/autodiscover.xml", &content);
    assert!(ask(site().router(), request).await.text().contains("<ErrorCode>601</ErrorCode>"));
}

#[tokio::test]
async fn where_nothing_can_be_set_up_nothing_is_promised() {
    let site = Site { services: Vec::new(), ..site() };
    for path in ["/mail/config-v1.1.xml?emailaddress=", "/setup?address=", "/mobileconfig?address="] {
        let path = format!("{path}ann%40here.test");
        assert_eq!(ask(site.clone().router(), request(Method::GET, "here.test", &path, "")).await.status, 404);
    }
}
