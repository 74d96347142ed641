//! A server that speaks nothing above TLS 1.1, played by openssl: no library of ours can.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use rohrpost_sender::{
    Kind, Relays,
    testing::{Server as TestServer, Tls},
};

use crate::{send, server};

/// Ends with the test.
struct OldServer {
    child: Child,
    address: String,
    /// It would end with a closed pipe.
    _output: Lines<BufReader<ChildStdout>>,
}

impl OldServer {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let pair = rohrpost_tls::ca::self_signed(["localhost"], 2).write(directory.path(), "old").unwrap();
        let mut openssl = Command::new("openssl");
        openssl.args(["s_server", "-accept", "127.0.0.1:0", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-cert"]);
        openssl.arg(pair.cert).arg("-key").arg(pair.key);
        // At the end of its input it would end, too.
        let mut child = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = output.by_ref().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("ACCEPT ")?.to_owned())).unwrap();
        Self { child, address, _output: output }
    }
}

impl Drop for OldServer {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn a_server_with_nothing_above_tls_1_1_is_told_and_passed_over() {
    let old = OldServer::start();
    let url = format!("smtps://{}", old.address);
    let error = send(server(&url)).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Tls, 69), "{error}");
    assert!(error.to_string().contains("no TLS version that we accept"), "{error}");
    assert!(error.hint().unwrap().contains("nothing above TLS 1.1"), "{error}");

    let good = TestServer::builder().tls(Tls::Implicit).start().await;
    let receipt = send(Relays::failover([server(&url), server(good.url())])).await.unwrap();
    assert_eq!(receipt.server, good.address().to_string());
}
