use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;
use crate::testing::{client, filed_ca, server};

/// Answers one connection with `answer`, whatever is asked; the task gives what was asked.
async fn web(pair: crate::PemPair, answer: String) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok((mut stream, ..)) = server(pair).accept(stream).await else { return String::new() };
        let mut asked = Vec::new();
        while !asked.ends_with(b"a=b+%26") {
            if stream.read_buf(&mut asked).await.unwrap() == 0 {
                break;
            }
        }
        // A client that has read enough may be gone already.
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        String::from_utf8(asked).unwrap()
    });
    (port, task)
}

/// Posts `a=b &` to a server that gives this answer.
async fn post(answer: String) -> (Result<HttpResponse, HttpError>, String) {
    let filed = filed_ca();
    let (port, task) = web(filed.ca.issue(["127.0.0.1"]), answer).await;
    let http = HttpClient::new(client(), filed.trust.clone());
    let url = format!("https://127.0.0.1:{port}/token?x=y#z").parse().unwrap();
    (http.post_form(&url, &[("a", "b &")]).await, task.await.unwrap())
}

#[tokio::test]
async fn a_form_is_posted_and_the_answer_read_whatever_its_status() {
    let (answer, asked) = post("HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\n{}".into()).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (400, &b"{}"[..]));
    assert!(asked.starts_with("POST /token?x=y HTTP/1.1\r\nhost: 127.0.0.1:"), "{asked}");
    assert!(asked.contains("content-type: application/x-www-form-urlencoded\r\n"), "{asked}");
    assert!(asked.ends_with("\r\n\r\na=b+%26"), "{asked}");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off_and_a_short_one_is_noticed() {
    let endless = "HTTP/1.1 200 OK\r\n\r\n".to_owned() + &"x".repeat(HTTP_BODY_BYTES_MAX + 1);
    assert!(matches!(post(endless).await.0, Err(HttpError::TooLong)));
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx".to_owned();
    assert!(matches!(post(short).await.0, Err(HttpError::Incomplete)));
    assert!(matches!(post("220 mx.test ESMTP\r\n".into()).await.0, Err(HttpError::Protocol(_))));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let answer = "HTTP/1.1 307 Elsewhere\r\nLocation: https://evil.test/\r\nContent-Length: 0\r\n\r\n".to_owned();
    assert_eq!(post(answer).await.0.unwrap().status, 307);
}

#[tokio::test]
async fn a_stranger_is_told_nothing() {
    let (port, task) = web(filed_ca().ca.issue(["127.0.0.1"]), String::new()).await;
    let trusted = filed_ca();
    let http = HttpClient::new(client(), trusted.trust.clone());
    let url = format!("https://127.0.0.1:{port}/").parse().unwrap();
    let error = http.post_form(&url, &[("a", "b &")]).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls(TlsError::Untrusted(_))), "{error}");
    assert_eq!(task.await.unwrap(), "");
}

#[tokio::test]
async fn nothing_is_asked_in_clear_text() {
    let http = HttpClient::new(client(), Trust::System);
    for url in ["http://127.0.0.1/token?secret", "file:///token?secret"] {
        let error = http.post_form(&url.parse().unwrap(), &[]).await.unwrap_err();
        assert!(matches!(error, HttpError::Address(_)) && !error.to_string().contains("secret"), "{error}");
        assert_eq!(error.class(), Class::Ours);
    }
}
