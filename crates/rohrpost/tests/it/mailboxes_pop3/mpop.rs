//! mpop moves mail into a maildir, and logs in by SCRAM-SHA-256.

use super::{PostOffice, TRICKY, Way, texts_in};
use crate::peers::rohrpost::{ANN, PASSWORD};

impl PostOffice {
    fn mpop(&self, way: Way, auth: &str, keep: &str) -> (String, Option<i32>) {
        let tls = match way {
            Way::Clear => "tls off".to_owned(),
            Way::Stls => format!("tls on\ntls_starttls on\ntls_trust_file {}", self.certificate().display()),
            Way::Implicit => format!("tls on\ntls_starttls off\ntls_trust_file {}", self.certificate().display()),
        };
        let maildir = self.path("maildir");
        for folder in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(maildir.join(folder)).expect("a directory can be made");
        }
        let rc = self.write_secret(
            "mpoprc",
            &format!(
                "account ann\nhost localhost\nport {}\nauth {auth}\nuser {ANN}\npasswordeval echo '{PASSWORD}'\n{tls}
delivery maildir {}\nuidls_file {}\nkeep {keep}\n",
                self.address(way).port(),
                maildir.display(),
                self.path("uidls").display(),
            ),
        );
        self.run("mpop", &["--file", &rc.display().to_string(), "ann"])
    }
}

#[test]
fn mpop_moves_mail_by_every_way_and_mechanism() {
    let office = PostOffice::with_mail(&[]);
    let mechanisms = ["user", "plain", "login", "scram-sha-256", "on"];
    let ways = Way::ALL.into_iter().cycle();
    for (way, auth) in ways.zip(mechanisms) {
        office.deliver(&[TRICKY]);
        let (text, code) = office.mpop(way, auth, "off");
        assert_eq!(code, Some(0), "{way:?} {auth}: {text}");
        assert_eq!(office.left(), 0, "{way:?} {auth}: {text}");
    }
    let texts = texts_in(&office.path("maildir/new"));
    assert_eq!(texts, vec![format!("{TRICKY}\r\n"); mechanisms.len()]);
}

#[test]
fn mpop_keeps_mail_and_fetches_only_what_is_new() {
    let office = PostOffice::with_mail(&["Subject: one\r\n\r\n1\r\n"]);
    assert_eq!(office.mpop(Way::Stls, "plain", "on").1, Some(0));
    office.deliver(&["Subject: two\r\n\r\n2\r\n"]);
    let (text, code) = office.mpop(Way::Stls, "plain", "on");
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(texts_in(&office.path("maildir/new")).len(), 2);
    assert_eq!(office.left(), 2);
}
