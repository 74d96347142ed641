//! A server that speaks nothing above TLS 1.1, played by openssl: no library of ours can.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use tempfile::TempDir;

/// A running server of that kind. Dropped, it ends.
#[derive(Debug)]
pub struct OldTls {
    address: String,
    child: Child,
    /// It would end with a closed pipe.
    _output: Lines<BufReader<ChildStdout>>,
    _directory: TempDir,
}

impl OldTls {
    /// Starts it on a free port of loopback, with a certificate of its own for `localhost`.
    ///
    /// # Panics
    /// openssl is not there, or does not say where it listens.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let pair = rohrpost_tls::ca::self_signed(["localhost"], 2).write(directory.path(), "old").expect("it is ours");
        let mut openssl = Command::new("openssl");
        openssl.args(["s_server", "-accept", "127.0.0.1:0", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-cert"]);
        openssl.arg(pair.cert).arg("-key").arg(pair.key);
        // At the end of its input it would end, too.
        let openssl = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = openssl.spawn().expect("openssl is there: `cargo xtask programs` installs it");
        let mut output = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        let mut lines = output.by_ref().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("ACCEPT ")?.to_owned()));
        Self { address: address.expect("openssl says where"), child, _output: output, _directory: directory }
    }

    /// Where it waits for TLS from the first octet, with the port.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for OldTls {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
