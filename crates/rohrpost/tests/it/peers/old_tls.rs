//! A server that speaks nothing above TLS 1.1, played by openssl: no library of ours can.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::Certificate;

/// Ends with the test.
pub(crate) struct OldTls {
    /// Where it waits for TLS from the first octet.
    pub(crate) address: String,
    child: Child,
    /// It would end with a closed pipe.
    _output: Lines<BufReader<ChildStdout>>,
    _certificate: Certificate,
}

impl OldTls {
    /// Starts it on a free port of loopback.
    pub(crate) fn start() -> Self {
        let certificate = Certificate::for_host("old.test");
        let mut openssl = Command::new("openssl");
        openssl.args(["s_server", "-accept", "127.0.0.1:0", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-cert"]);
        openssl.arg(certificate.cert()).arg("-key").arg(certificate.key());
        // At the end of its input it would end, too.
        let openssl = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = openssl.spawn().expect("openssl is there: `cargo xtask programs` installs it");
        let mut output = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        let mut lines = output.by_ref().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("ACCEPT ")?.to_owned()));
        Self { address: address.expect("openssl says where"), child, _output: output, _certificate: certificate }
    }
}

impl Drop for OldTls {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
