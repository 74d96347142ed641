//! The programs that send one message to a sink, and how each is told the same thing.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;

use super::{CURL, program::Program};
use crate::{
    figures::OURS,
    servers::{Sinks, scratch},
};

const FROM: &str = "ann@here.test";
const TO: &str = "sink@there.test";

/// What is sent: the text, for those who make a message of it, and the message.
pub(crate) struct Letter {
    text: PathBuf,
    message: PathBuf,
    /// Keeps both.
    _dir: TempDir,
}

impl Letter {
    /// In files: a few lines, as programs send them.
    pub(crate) fn write() -> Result<Self> {
        let dir = TempDir::new_in(scratch())?;
        let (text, message) = (dir.path().join("text"), dir.path().join("message"));
        let lines = "The backup of tonight is complete.\n".repeat(12);
        std::fs::write(&text, &lines)?;
        std::fs::write(&message, format!("From: {FROM}\nTo: {TO}\nSubject: backup\n\n{lines}").replace('\n', "\r\n"))?;
        Ok(Self { text, message, _dir: dir })
    }

    /// Our `sendmail`, by that name, for the server with these settings.
    pub(crate) fn sendmail(&self, settings: &Path) -> Program {
        Program {
            called: Some("sendmail"),
            environment: vec![("ROHRPOST_CONFIG", settings.to_owned())],
            ..self.program(OURS, env!("CARGO_BIN_EXE_rohrpost"), &["-i", "-f", FROM, TO])
        }
    }

    /// curl, to this URL.
    pub(crate) fn curl_to(&self, url: &str) -> Program {
        let message = ["--silent", "--mail-from", FROM, "--mail-rcpt", TO, "--upload-file", "-", url];
        self.program(CURL, "curl", &message)
    }

    fn program(&self, name: &'static str, file: &str, arguments: &[&str]) -> Program {
        Program {
            name,
            file: file.into(),
            called: None,
            arguments: arguments.iter().map(ToString::to_string).collect(),
            environment: Vec::new(),
            input: self.message.clone(),
        }
    }
}

/// How the link is encrypted, and whom it must lead to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Security {
    Clear,
    StartTlsAny,
    StartTlsCa,
    ImplicitAny,
    ImplicitCa,
}

impl Security {
    fn has_starttls(self) -> bool {
        matches!(self, Self::StartTlsAny | Self::StartTlsCa)
    }

    fn trusts_any(self) -> bool {
        matches!(self, Self::StartTlsAny | Self::ImplicitAny)
    }
}

/// Everybody who sends this letter to a sink.
pub(crate) struct Senders<'a> {
    pub(crate) letter: &'a Letter,
    pub(crate) sinks: &'a Sinks,
    pub(crate) security: Security,
}

impl Senders<'_> {
    /// `rohrpost send`, which makes the message of its text.
    pub(crate) fn ours(&self) -> Program {
        let ca = self.ca();
        let tls = match self.security {
            Security::Clear => "off",
            Security::StartTlsAny | Security::StartTlsCa => "starttls",
            Security::ImplicitAny | Security::ImplicitCa => "implicit",
        };
        let server = format!("smtp://localhost:{}", self.port());
        let mut arguments = vec!["send", "--from", FROM, "--to", TO, "--subject", "backup", "--server", &server];
        arguments.extend(["--tls", tls]);
        match self.security {
            Security::Clear => {}
            security if security.trusts_any() => arguments.extend(["--trust", "any"]),
            _ => arguments.extend(["--ca", &ca]),
        }
        let program = self.letter.program(OURS, env!("CARGO_BIN_EXE_rohrpost"), &arguments);
        Program { input: self.letter.text.clone(), ..program }
    }

    pub(crate) fn curl(&self) -> Program {
        let ca = self.ca();
        let scheme =
            if matches!(self.security, Security::ImplicitAny | Security::ImplicitCa) { "smtps" } else { "smtp" };
        let mut program = self.letter.curl_to(&format!("{scheme}://localhost:{}", self.port()));
        let mut tell = |more: &[&str]| program.arguments.extend(more.iter().map(ToString::to_string));
        if self.security.has_starttls() {
            tell(&["--ssl-reqd"]);
        }
        match self.security {
            Security::Clear => {}
            security if security.trusts_any() => tell(&["--insecure"]),
            _ => tell(&["--cacert", &ca]),
        }
        program
    }

    pub(crate) fn msmtp(&self) -> Program {
        let (port, ca) = (format!("--port={}", self.port()), format!("--tls-trust-file={}", self.ca()));
        let from = format!("--from={FROM}");
        let tls = if self.security == Security::Clear { "--tls=off" } else { "--tls=on" };
        let starttls = if self.security.has_starttls() { "--tls-starttls=on" } else { "--tls-starttls=off" };
        let trust = if self.security.trusts_any() { "--tls-certcheck=off" } else { &ca };
        let arguments = ["--file=/dev/null", "--host=localhost", &port, &from, tls, starttls, trust, TO];
        self.letter.program("msmtp", "msmtp", &arguments)
    }

    pub(crate) fn swaks(&self) -> Program {
        let (server, ca) = (format!("localhost:{}", self.port()), self.ca());
        let mut arguments = vec!["--server", &server, "--from", FROM, "--to", TO, "--data", "-", "--silent", "3"];
        match self.security {
            Security::Clear => {}
            Security::StartTlsAny | Security::StartTlsCa => arguments.push("--tls"),
            Security::ImplicitAny | Security::ImplicitCa => arguments.push("--tls-on-connect"),
        }
        if matches!(self.security, Security::StartTlsCa | Security::ImplicitCa) {
            arguments.extend(["--tls-verify", "--tls-ca-path", &ca]);
        }
        self.letter.program("swaks", "swaks", &arguments)
    }

    /// Python's smtplib.
    pub(crate) fn python(&self) -> Program {
        let context = if self.security.trusts_any() {
            "ssl._create_unverified_context()".to_owned()
        } else {
            format!("ssl.create_default_context(cafile={:?})", self.ca())
        };
        let port = self.port();
        let open = match self.security {
            Security::Clear => format!("server = smtplib.SMTP('localhost', {port})"),
            Security::StartTlsAny | Security::StartTlsCa => {
                format!("import ssl\nserver = smtplib.SMTP('localhost', {port})\nserver.starttls(context={context})")
            }
            Security::ImplicitAny | Security::ImplicitCa => {
                format!("import ssl\nserver = smtplib.SMTP_SSL('localhost', {port}, context={context})")
            }
        };
        let script = format!(
            "import smtplib, sys\n{open}\nserver.sendmail('{FROM}', ['{TO}'], sys.stdin.buffer.read())\nserver.quit()\n"
        );
        self.letter.program("Python", "python3", &["-c", &script])
    }

    fn port(&self) -> u16 {
        let sink = match self.security {
            Security::Clear => &self.sinks.plain,
            Security::StartTlsAny | Security::StartTlsCa => &self.sinks.starttls,
            Security::ImplicitAny | Security::ImplicitCa => &self.sinks.implicit,
        };
        sink.address.port()
    }

    fn ca(&self) -> String {
        self.sinks.ca().display().to_string()
    }
}
