//! A SOCKS5 proxy in front of the server: both programs go through it, and neither looks the server's name up itself.

use rohrpost_testkit::Sink;

use super::pair::{Call, Pair, Program};
use crate::peers::Socks;

/// A name that only the proxy knows.
const NAME: &str = "behind.invalid";

#[test]
fn the_proxy_finds_the_server() {
    for program in [Program::Theirs, Program::Ours] {
        let pair = Pair::new();
        let sink = pair.sink(Sink::builder());
        let server = sink.address();
        let proxy = Socks::start(move |name, _| (name == NAME).then_some(server));
        let port = proxy.address.port();
        let config = format!("host {NAME}\nfrom joe@x.example\nproxy_host 127.0.0.1\nproxy_port {port}\n");
        pair.write(".msmtprc", &config);
        let ended = pair.call(program, &["bob@y.example".to_owned()], b"Subject: x\n\nHello.\n");
        assert_eq!(ended.status.code(), Some(0), "{program:?}: {ended:?}");
        assert_eq!(sink.received().len(), 1, "{program:?}");
    }
}

#[test]
fn an_empty_proxy_is_none() {
    let config = "host 127.0.0.1\nport PORT\nfrom joe@x.example\nproxy_host 127.0.0.1\nproxy_port 1\nproxy_host\n";
    let call = Call { config: Some(config), arguments: &["bob@y.example"], input: "Subject: x\n\nHello.\n" };
    assert_eq!(Pair::new().same(Sink::builder, &call).arrived.len(), 1);
}
