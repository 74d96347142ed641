//! Channel binding where nothing can be exported: openssl as a server that has nothing newer than TLS 1.2.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdout, Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rohrpost_client::{Connection, LinkTls, Login, Target};
use rohrpost_mail::{Secret, Trust};
use rohrpost_tls::{ca::Ca, crypto};

use crate::{target, tls};

/// What the client says comes out of its standard output, among much else; what goes in is said to the client.
struct Openssl {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    _dir: tempfile::TempDir,
}

impl Openssl {
    fn start(pair: &rohrpost_tls::PemPair) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        std::fs::write(&cert, &pair.cert).unwrap();
        std::fs::write(&key, &pair.key).unwrap();
        let mut child = Command::new("openssl")
            .args(["s_server", "-tls1_2", "-naccept", "1", "-accept", "127.0.0.1:0", "-cert"])
            .arg(cert)
            .arg("-key")
            .arg(key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is there: `cargo xtask programs` installs it");
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, output, _dir: dir }
    }

    /// What stands behind `start` in the next line that starts so.
    fn hear(&mut self, start: &str) -> String {
        let heard =
            self.output.by_ref().map(Result::unwrap).find_map(|line| line.strip_prefix(start).map(str::to_owned));
        heard.unwrap_or_else(|| panic!("nothing starts with {start}"))
    }

    fn say(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{text}\r\n").as_bytes()).unwrap();
    }

    /// Goes through SCRAM up to *client-final*, whose channel binding it gives.
    fn binding(mut self) -> Vec<u8> {
        self.say("220 mx.test");
        self.hear("EHLO");
        self.say("250-mx.test\r\n250 AUTH SCRAM-SHA-256-PLUS");
        let first = decoded(&self.hear("AUTH SCRAM-SHA-256-PLUS "));
        let nonce = first.split_once(",r=").unwrap().1.to_owned();
        self.say(&format!("334 {}", STANDARD.encode(format!("r={nonce}server,s=AAAA,i=4096"))));
        // `c=` in base64
        let last = decoded(&format!("Yz{}", self.hear("Yz")));
        self.say("535 5.7.8 enough");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        STANDARD.decode(last.strip_prefix("c=").unwrap().split(',').next().unwrap()).unwrap()
    }
}

fn decoded(text: &str) -> String {
    String::from_utf8(STANDARD.decode(text.trim_end()).unwrap()).unwrap()
}

#[tokio::test]
async fn in_tls_1_2_a_log_in_is_bound_to_the_certificate() {
    let pair = Ca::new("Test authority").issue(["mx.test"]);
    let mut server = Openssl::start(&pair);
    let address: std::net::SocketAddr = server.hear("ACCEPT ").trim_end().parse().unwrap();
    let login = Some(Login::new("ann", Secret::new("pencil")));
    let target = Target { tls: LinkTls::Implicit, trust: Trust::Any, login, ..target(address) };
    let (binding, opened) = tokio::join!(tokio::task::spawn_blocking(|| server.binding()), async {
        Connection::open(&target, &tls()).await
    });
    assert!(opened.is_err(), "it was refused");
    let der: String = pair.cert.lines().filter(|line| !line.starts_with("-----")).collect();
    let expected = [b"p=tls-server-end-point,,", &crypto::sha256(&STANDARD.decode(der).unwrap())[..]].concat();
    assert_eq!(binding.unwrap(), expected);
}
