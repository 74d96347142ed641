//! curl lists, fetches and deletes, one command a run.

use super::{PostOffice, TRICKY, Way, from_subject};
use crate::peers::rohrpost::{ANN, PASSWORD};

impl PostOffice {
    fn curl(&self, way: Way, path: &str, options: &[&str]) -> (String, Option<i32>) {
        let scheme = if way == Way::Implicit { "pop3s" } else { "pop3" };
        let url = format!("{scheme}://{}/{path}", self.address(way));
        let (user, certificate) = (format!("{ANN}:{PASSWORD}"), self.certificate());
        let mut arguments = vec!["--silent", "--show-error", "--user", &user, "--cacert"];
        let certificate = certificate.display().to_string();
        arguments.extend([certificate.as_str(), &url]);
        arguments.extend(options);
        if way == Way::Stls {
            arguments.push("--ssl-reqd");
        }
        self.run("curl", &arguments)
    }
}

#[test]
fn curl_lists_fetches_and_deletes_by_every_way() {
    let tricky = format!("{TRICKY}\r\n");
    let texts = ["Subject: one\r\n\r\n1\r\n", &tricky, "Subject: three\r\n\r\n3\r\n"];
    let office = PostOffice::with_mail(&texts);
    for (way, left) in Way::ALL.into_iter().zip([3, 2, 1]) {
        let (listed, code) = office.curl(way, "", &[]);
        assert_eq!((listed.lines().count(), code), (left, Some(0)), "{way:?}: {listed}");
        let (text, code) = office.curl(way, &left.to_string(), &[]);
        assert_eq!((from_subject(&text).as_str(), code), (texts[left - 1], Some(0)), "{way:?}");
        let (text, code) = office.curl(way, &left.to_string(), &["--request", "DELE", "--list-only"]);
        assert_eq!(code, Some(0), "{way:?}: {text}");
        assert_eq!(office.left(), left - 1);
    }
}

#[test]
fn curl_logs_in_by_scram_and_with_a_wrong_password_it_does_not() {
    let office = PostOffice::with_mail(&["Subject: one\r\n\r\n1\r\n"]);
    let (text, code) = office.curl(Way::Stls, "1", &["--login-options", "AUTH=PLAIN"]);
    assert_eq!((from_subject(&text).as_str(), code), ("Subject: one\r\n\r\n1\r\n", Some(0)));
    let (text, code) = office.curl(Way::Stls, "1", &["--user", &format!("{ANN}:three red kites")]);
    assert_eq!(code, Some(67), "{text}");
}

#[test]
fn curl_is_refused_in_clear_text_where_tls_is_required() {
    let office = PostOffice::with_mail(&["Subject: one\r\n\r\n1\r\n"]);
    let url = format!("pop3://{}/1", office.pop3);
    let (text, code) = office.run("curl", &["--silent", "--verbose", "--user", &format!("{ANN}:{PASSWORD}"), &url]);
    assert_ne!(code, Some(0), "{text}");
    assert!(!text.contains("Subject: one"), "{text}");
}
