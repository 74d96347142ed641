//! fetchmail moves mail here, or copies it and remembers what it has.

use super::{PostOffice, TRICKY, Way, from_subject};
use crate::peers::rohrpost::{ANN, PASSWORD};

impl PostOffice {
    /// Fetches into a file. The exit code is 0 where something came and 1 where nothing was there.
    fn fetchmail(&self, way: Way, keep: &str) -> (String, Option<i32>) {
        let tls = match way {
            Way::Clear => "sslproto ''",
            Way::Stls => "sslproto 'tls1.2+' sslcertck",
            Way::Implicit => "ssl sslcertck",
        };
        let rc = self.write_secret(
            "fetchmailrc",
            &format!(
                "poll localhost service {} protocol POP3 uidl timeout 60
  user '{ANN}' password '{PASSWORD}' {keep} mda \"cat >> {}\" {tls} sslcertfile '{}'\n",
                self.address(way).port(),
                self.path("fetched").display(),
                self.certificate().display(),
            ),
        );
        let (rc, pid, ids) = (rc.display().to_string(), self.path("pid"), self.path("ids"));
        let (pid, ids) = (pid.display().to_string(), ids.display().to_string());
        self.run("fetchmail", &["--fetchmailrc", &rc, "--pidfile", &pid, "--idfile", &ids, "--nosyslog", "--verbose"])
    }

    fn fetched(&self) -> String {
        std::fs::read_to_string(self.path("fetched")).unwrap_or_default()
    }
}

#[test]
fn fetchmail_moves_mail_by_every_way() {
    let office = PostOffice::with_mail(&[]);
    for way in Way::ALL {
        let subject = format!("Subject: {way:?}\r\n\r\n.dot\r\n");
        office.deliver(&[&subject, TRICKY]);
        let (text, code) = office.fetchmail(way, "no keep");
        assert_eq!(code, Some(0), "{way:?}: {text}");
        assert_eq!(office.left(), 0, "{way:?}: {text}");
        let fetched = office.fetched();
        assert!(from_subject(&fetched).contains(&subject), "{fetched}");
    }
    let dots = from_subject(&office.fetched()).matches(TRICKY).count();
    assert_eq!(dots, 3, "{}", office.fetched());
}

#[test]
fn fetchmail_keeps_mail_and_fetches_only_what_is_new() {
    let office = PostOffice::with_mail(&["Subject: one\r\n\r\n1\r\n", "Subject: two\r\n\r\n2\r\n"]);
    assert_eq!(office.fetchmail(Way::Implicit, "keep").1, Some(0));
    let (text, code) = office.fetchmail(Way::Implicit, "keep");
    assert_eq!(code, Some(1), "nothing is new: {text}");
    office.deliver(&["Subject: three\r\n\r\n3\r\n"]);
    let (text, code) = office.fetchmail(Way::Implicit, "keep");
    assert_eq!(code, Some(0), "{text}");
    let fetched = office.fetched();
    for subject in ["one", "two", "three"] {
        assert_eq!(fetched.matches(&format!("Subject: {subject}\n")).count(), 1, "{subject}: {fetched}");
    }
    assert_eq!(office.left(), 3);
}
