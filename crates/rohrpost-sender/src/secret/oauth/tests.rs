use std::{collections::HashMap, sync::Arc};

use rohrpost_tls::{CertStore, ServerTls, ServerTlsOptions, ca::Ca};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use url::{Url, form_urlencoded};

use super::*;

type Form = HashMap<String, String>;

/// A provider that answers each form by a function, and keeps what it was asked.
struct Web {
    base: Url,
    trust: Trust,
    dir: tempfile::TempDir,
    asked: Arc<Mutex<Vec<Form>>>,
}

impl Web {
    async fn start(answer: impl Fn(&str, &Form) -> (u16, String) + Send + Sync + 'static) -> Self {
        rohrpost_tls::install_provider();
        let dir = tempfile::tempdir().unwrap();
        let ca = Ca::open(dir.path(), "Test authority").unwrap();
        let certificates = CertStore::from_pem([ca.issue(["127.0.0.1"])]).unwrap();
        let tls = ServerTls::new(ServerTlsOptions::new(certificates, "id")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (path, form, mut stream) = request(&tls, stream).await;
                let (status, body) = answer(&path, &form);
                kept.lock().unwrap().push(form);
                let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        Self { trust: Trust::Ca(dir.path().join("ca.crt").display().to_string()), base, dir, asked }
    }

    fn options(&self) -> OAuthOptions {
        let provider = Provider::new(self.base.join("token").unwrap(), "mail")
            .authorization(self.base.join("authorize").unwrap())
            .device(self.base.join("device").unwrap());
        OAuthOptions::new(provider, "our-client", self.dir.path().join("store")).trust(self.trust.clone())
    }

    fn oauth(&self) -> OAuth {
        OAuth::new(self.options()).unwrap()
    }

    /// One whose person has given consent a while ago.
    async fn consented(&self, refresh: &str) -> OAuth {
        let grant = Grant { refresh: Secret::new(refresh), access: None, expires: 0 };
        Store::new(self.dir.path().join("store")).save(&grant).await.unwrap();
        self.oauth()
    }

    fn asked(&self) -> Vec<Form> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads a request: path, form, and the stream to answer on.
async fn request(tls: &ServerTls, stream: TcpStream) -> (String, Form, rohrpost_tls::TlsServerStream<TcpStream>) {
    let (mut stream, ..) = tls.accept(stream).await.unwrap();
    let mut text = String::new();
    loop {
        let mut octets = Vec::new();
        assert!(stream.read_buf(&mut octets).await.unwrap() > 0, "the request is incomplete");
        text += std::str::from_utf8(&octets).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split_once("content-length: ").unwrap().1.split("\r\n").next().unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            let form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            return (head.split(' ').nth(1).unwrap().to_owned(), form, stream);
        }
    }
}

/// Tokens `access-1`, `access-2` and so on, each for a refresh token that is good once.
fn rotating(life: u64) -> impl Fn(&str, &Form) -> (u16, String) {
    let count = Mutex::new(0);
    move |_, form| {
        let mut count = count.lock().unwrap();
        if form.get("refresh_token") != Some(&format!("refresh-{count}")) {
            return (400, r#"{"error": "invalid_grant", "error_description": "used before"}"#.into());
        }
        *count += 1;
        let answer = format!(r#""access_token": "access-{count}", "refresh_token": "refresh-{count}""#);
        (200, format!(r#"{{{answer}, "expires_in": {life}, "token_type": "Bearer"}}"#))
    }
}

async fn token(oauth: &OAuth, again: bool) -> String {
    oauth.token(again).await.unwrap().expose().to_owned()
}

#[tokio::test]
async fn a_token_is_used_until_a_minute_before_its_end() {
    let web = Web::start(rotating(3_600)).await;
    let oauth = web.consented("refresh-0").await;
    assert_eq!((token(&oauth, false).await, token(&oauth, false).await), ("access-1".into(), "access-1".into()));
    let form = web.asked().pop().unwrap();
    assert_eq!((form["grant_type"].as_str(), form["client_id"].as_str()), ("refresh_token", "our-client"));
    assert_eq!(token(&web.oauth(), false).await, "access-1", "the next process finds it in the store");
    assert_eq!(web.asked().len(), 1);

    let web = Web::start(rotating(60)).await;
    let oauth = web.consented("refresh-0").await;
    assert_eq!((token(&oauth, false).await, token(&oauth, false).await), ("access-1".into(), "access-2".into()));
}

#[tokio::test]
async fn a_token_that_a_server_refused_is_replaced_once_for_all_who_share_it() {
    let web = Web::start(rotating(3_600)).await;
    let (one, other) = (web.consented("refresh-0").await, web.oauth());
    assert_eq!((token(&one, false).await, token(&other, false).await), ("access-1".into(), "access-1".into()));
    assert_eq!(token(&one, true).await, "access-2");
    assert_eq!(token(&other, true).await, "access-2", "the other one had the old one refused");
    assert_eq!(web.asked().len(), 2);
}

#[tokio::test]
async fn two_at_once_use_a_refresh_token_once() {
    let web = Web::start(rotating(3_600)).await;
    let (one, other) = (web.consented("refresh-0").await, web.oauth());
    let (first, second) = tokio::join!(token(&one, false), token(&other, false));
    assert_eq!((first, second, web.asked().len()), ("access-1".into(), "access-1".into(), 1));
}

#[tokio::test]
async fn without_consent_a_person_is_needed() {
    let web = Web::start(rotating(3_600)).await;
    let error = web.oauth().token(false).await.unwrap_err();
    assert!(matches!(error, SecretError::NoConsent { .. }) && web.asked().is_empty(), "{error}");
    let error = web.consented("withdrawn").await.token(false).await.unwrap_err();
    assert!(matches!(error, SecretError::NoConsent { .. }) && !error.is_temporary(), "{error}");
}

#[tokio::test]
async fn a_provider_in_trouble_is_asked_again_later() {
    let web = Web::start(|_, _| (503, "<html>".into())).await;
    let error = web.consented("refresh-0").await.token(false).await.unwrap_err();
    assert!(error.is_temporary() && error.to_string().contains("status 503"), "{error}");
    let web = Web::start(|_, _| (200, r#"{"token_type": "Bearer"}"#.into())).await;
    assert!(matches!(web.consented("refresh-0").await.token(false).await, Err(SecretError::Answer { .. })));
}

#[tokio::test]
async fn a_provider_that_repeats_our_secrets_does_not_bring_them_into_errors() {
    let web = Web::start(|_, form| {
        let (refresh, client) = (&form["refresh_token"], &form["client_secret"]);
        (401, format!(r#"{{"error": "invalid_client", "error_description": "not {refresh} of {client}"}}"#))
    })
    .await;
    web.consented("pencil-1").await;
    let oauth = OAuth::new(web.options().client_secret(Secret::new("pencil-2"))).unwrap();
    let error = oauth.token(false).await.unwrap_err();
    assert!(error.to_string().ends_with("refused: invalid_client / not *** of ***"), "{error}");
    assert!(!format!("{error:?} {oauth:?} {:?}", web.options()).contains("pencil"));
}

#[tokio::test]
async fn a_code_that_is_entered_elsewhere_gives_consent() {
    let asked = Mutex::new(0);
    let web = Web::start(move |path, form| {
        if path == "/device" {
            assert_eq!(form["scope"], "mail");
            let answer =
                r#""device_code": "device", "user_code": "ABCD-EFGH", "verification_url": "https://id.test/device""#;
            return (200, format!(r#"{{{answer}, "expires_in": 900, "interval": 0}}"#));
        }
        assert_eq!(form["device_code"], "device");
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        match *asked {
            1 => (400, r#"{"error": "authorization_pending"}"#.into()),
            2 => (502, String::new()),
            _ => (200, r#"{"access_token": "access", "refresh_token": "refresh", "expires_in": 3600}"#.into()),
        }
    })
    .await;
    let oauth = web.oauth();
    let mut shown = String::new();
    let show = |prompt: Prompt<'_>| shown = format!("{prompt:?}");
    oauth.authorize(Flow::Device, show).await.unwrap();
    assert!(shown.contains("https://id.test/device") && shown.contains("ABCD-EFGH"), "{shown}");
    assert_eq!((token(&oauth, false).await, web.asked().len()), ("access".into(), 4));
}

#[tokio::test]
async fn a_person_who_says_no_ends_it() {
    let device =
        r#"{"device_code": "device-7", "user_code": "ABCD", "verification_uri": "https://id.test", "interval": 0}"#;
    let web = Web::start(move |path, _| match path {
        "/device" => (200, device.into()),
        _ => (400, r#"{"error": "access_denied"}"#.into()),
    })
    .await;
    let error = web.oauth().authorize(Flow::Device, |_| {}).await.unwrap_err();
    assert!(matches!(&error, SecretError::Refused { words, .. } if words == "access_denied"), "{error}");
}

/// Goes where the person would go, says yes, and comes back as a browser does.
async fn browse(address: Url) {
    let value = |name: &str| address.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!((value("response_type"), value("code_challenge_method")), ("code".into(), "S256".into()));
    let redirect = Url::parse(&value("redirect_uri")).unwrap();
    let back = format!("/?code={}&state={}", value("code_challenge"), value("state"));
    for (target, status) in [("/favicon.ico", "404"), ("/?code=stolen&state=guessed", "404"), (back.as_str(), "200")] {
        let mut stream = TcpStream::connect(("127.0.0.1", redirect.port().unwrap())).await.unwrap();
        stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {answer}");
    }
}

#[tokio::test]
async fn a_browser_on_this_host_gives_consent() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
    let web = Web::start(|_, form| {
        // The test's browser hands back the challenge as the code, so that the verifier can be checked against it.
        assert_eq!(form["code"], BASE64URL.encode(rohrpost_tls::crypto::sha256(form["code_verifier"].as_bytes())));
        assert!(form["redirect_uri"].starts_with("http://127.0.0.1:"));
        (200, r#"{"access_token": "access", "refresh_token": "refresh"}"#.into())
    })
    .await;
    let oauth = web.oauth();
    let show = |prompt: Prompt<'_>| {
        let Prompt::Browser { address } = prompt else { panic!("{prompt:?}") };
        tokio::spawn(browse(Url::parse(address).unwrap()));
    };
    oauth.authorize(Flow::Code, show).await.unwrap();
    assert_eq!(token(&oauth, false).await, "access");
}

#[tokio::test]
async fn consent_without_a_refresh_token_is_none() {
    let device =
        r#"{"device_code": "device-7", "user_code": "ABCD", "verification_uri": "https://id.test", "interval": 0}"#;
    let web = Web::start(move |path, _| match path {
        "/device" => (200, device.into()),
        _ => (200, r#"{"access_token": "access"}"#.into()),
    })
    .await;
    let error = web.oauth().authorize(Flow::Device, |_| {}).await.unwrap_err();
    assert!(matches!(error, SecretError::NoRefreshToken { .. }), "{error}");
}

#[tokio::test]
async fn a_provider_without_an_address_for_the_flow_is_not_asked() {
    let web = Web::start(rotating(60)).await;
    let provider = Provider::new(web.base.clone(), "mail");
    let oauth = OAuth::new(OAuthOptions::new(provider, "our-client", "/nowhere")).unwrap();
    for flow in [Flow::Device, Flow::Code] {
        assert!(matches!(oauth.authorize(flow, |_| {}).await, Err(SecretError::NoEndpoint)), "{flow:?}");
    }
    assert!(web.asked().is_empty());
}

/// A mail server that takes `access-2` only, and one message after it; gives the lines that it was told.
async fn mail_server() -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let mut told = Vec::new();
        while !told.iter().any(|line| line == ".") {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 mx.test\r\n").await.unwrap();
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap() > 0 {
                let before = told.last().cloned().unwrap_or_default();
                told.push(std::mem::take(&mut line).trim_end().to_owned());
                stream.write_all(reply(&before, told.last().unwrap()).as_bytes()).await.unwrap();
            }
        }
        told
    });
    (port, task)
}

fn reply(before: &str, line: &str) -> &'static str {
    // `user=ann@here.test`, the separators and the token
    let good = "AUTH XOAUTH2 dXNlcj1hbm5AaGVyZS50ZXN0AWF1dGg9QmVhcmVyIGFjY2Vzcy0yAQE=";
    match line {
        "DATA" => "354 go on\r\n",
        "" if before.starts_with("AUTH") => "535 5.7.8 no\r\n",
        _ if line.starts_with("EHLO") => "250-mx.test\r\n250 AUTH XOAUTH2\r\n",
        _ if line == good => "235 welcome\r\n",
        _ if line.starts_with("AUTH") => "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n",
        _ if ["MAIL", "RCPT", "QUIT", "."].iter().any(|word| line.starts_with(word)) => "250 ok\r\n",
        _ => "",
    }
}

#[tokio::test]
async fn a_mail_server_that_refuses_a_token_gets_the_next_one_and_then_the_mail() {
    let web = Web::start(rotating(3_600)).await;
    let oauth = web.consented("refresh-0").await;
    let (port, told) = mail_server().await;
    let login = crate::Login::new("ann@here.test", oauth);
    let sender = crate::Sender::url(&format!("smtp://127.0.0.1:{port}"), login).unwrap();
    let mail = crate::Mail::new().from("ann@here.test").to("bob@there.test").text("Hi").build().unwrap();
    let receipt = sender.send(&mail).await.unwrap();
    assert_eq!(receipt.auth, Some(crate::Mechanism::XOAuth2));
    drop(sender);
    let told = told.await.unwrap();
    assert_eq!(told.iter().filter(|line| line.starts_with("AUTH")).count(), 2, "{told:?}");
    assert_eq!(web.asked().len(), 2);
}
