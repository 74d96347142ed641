//! Mail programs as people use them, against our IMAP: what they make of Ann's mailboxes.

mod clients;
mod python;
mod sync;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::peers::rohrpost::{ANN, PASSWORD};
use crate::peers::{Installation, Rohrpost, free_address};

/// A server whose mail is read by IMAP.
struct Server {
    rohrpost: Rohrpost,
    /// The port that wants STARTTLS.
    imap: SocketAddr,
    /// The port inside TLS.
    imaps: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let (imap, imaps) = (free_address(), free_address());
        let tables = format!(
            "[[listener]]\nname = 'imap'\nprotocol = 'imap'\naddress = '{imap}'\n\
             [[listener]]\nname = 'imaps'\nprotocol = 'imap'\naddress = '{imaps}'\ntls = 'implicit'\n\
             [log]\nlevel = 'info,rohrpost_server::connection=debug'\n"
        );
        // Nothing is sent to other hosts here, so nobody needs to answer for them.
        let installation = Installation::new(free_address(), 25, "trusted_networks = ['127.0.0.0/8']\n", &tables);
        Self { rohrpost: installation.start(), imap, imaps }
    }

    /// The certificate, which is its own authority.
    fn certificate(&self) -> PathBuf {
        self.rohrpost.installation.certificate.cert()
    }

    /// Runs a Python program with `imap` (STARTTLS) and `imaps` being logged in already, as the file beside this one says.
    #[track_caller]
    fn python(&self, program: &str) {
        let program = [include_str!("prelude.py"), program].concat();
        let mut python = Command::new("python3");
        python.args(["-c", &program, &self.imap.port().to_string(), &self.imaps.port().to_string()]);
        run(python.arg(self.certificate()).args([ANN, PASSWORD]));
    }
}

/// Runs a program, which must succeed, and returns what it printed.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().expect("it is there: `cargo xtask programs` installs it");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
    text
}
