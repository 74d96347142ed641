//! getmail moves mail into an mbox, or copies it and remembers what it has.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use super::{PostOffice, TRICKY, Way, from_subject, run};
use crate::peers::rohrpost::{ANN, PASSWORD};

/// The user of that name on every Debian system: getmail wants one with a name.
const NOBODY: u32 = 65_534;

impl PostOffice {
    /// A folder of a user who is not root: for root getmail writes no mail.
    fn getmails_folder(&self) -> PathBuf {
        let folder = self.path("getmail");
        if !folder.exists() {
            std::fs::create_dir(&folder).expect("a directory can be made");
            std::fs::write(folder.join("mbox"), "").expect("the file can be written");
            std::fs::copy(self.certificate(), folder.join("cert.pem")).expect("the file can be copied");
            for path in [folder.clone(), folder.join("mbox"), folder.join("cert.pem")] {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("root gives away what it owns");
            }
        }
        folder
    }

    fn getmail(&self, way: Way, delete: bool) -> (String, Option<i32>) {
        let folder = self.getmails_folder();
        let kind = if way == Way::Implicit { "SimplePOP3SSLRetriever" } else { "SimplePOP3Retriever" };
        let authority = if way == Way::Implicit { "ca_certs = cert.pem" } else { "" };
        let settings = format!(
            "[retriever]\ntype = {kind}\nserver = localhost\nport = {}\nusername = {ANN}\npassword = {PASSWORD}\n{authority}
[destination]\ntype = Mboxrd\npath = {}\n
[options]\ndelete = {delete}\nread_all = false\n",
            self.address(way).port(),
            folder.join("mbox").display()
        );
        std::fs::write(folder.join("getmailrc"), settings).expect("the file can be written");
        let mut getmail = Command::new("getmail");
        getmail.args(["--rcfile", "getmailrc", "--getmaildir"]).arg(&folder);
        run(getmail.env("HOME", &folder).current_dir(&folder).uid(NOBODY).gid(NOBODY))
    }

    fn mbox(&self) -> String {
        std::fs::read_to_string(self.getmails_folder().join("mbox")).expect("getmail has written it")
    }
}

#[test]
fn getmail_moves_mail_in_clear_text_and_inside_tls() {
    let office = PostOffice::with_mail(&[]);
    for way in [Way::Clear, Way::Implicit] {
        office.deliver(&[TRICKY]);
        let (text, code) = office.getmail(way, true);
        assert_eq!(code, Some(0), "{way:?}: {text}");
        assert_eq!(office.left(), 0, "{way:?}: {text}");
    }
    assert_eq!(from_subject(&office.mbox()).matches(TRICKY).count(), 2, "{}", office.mbox());
}

#[test]
fn getmail_keeps_mail_and_fetches_only_what_is_new() {
    let office = PostOffice::with_mail(&["Subject: one\r\n\r\n1\r\n"]);
    assert_eq!(office.getmail(Way::Implicit, false).1, Some(0));
    office.deliver(&["Subject: two\r\n\r\n2\r\n"]);
    let (text, code) = office.getmail(Way::Implicit, false);
    assert_eq!(code, Some(0), "{text}");
    let mbox = office.mbox();
    for subject in ["one", "two"] {
        assert_eq!(mbox.matches(&format!("Subject: {subject}\n")).count(), 1, "{mbox}");
    }
    assert_eq!(office.left(), 2);
}
