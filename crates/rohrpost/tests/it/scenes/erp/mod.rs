//! A trade software sends its invoices over several ways out, whichever of them works.

mod pipes;

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use nix::sys::signal::Signal;
use rohrpost_sender::testing::{Received, Server};
use rohrpost_testkit::OldTls;
use serde_json::Value;
use tempfile::TempDir;

use crate::peers::rohrpost::ANN;
use crate::peers::{Dns, Installation, Rohrpost, free_address};

/// Invoices of one run.
const INVOICES: usize = 1_000;

/// The trade software's host, with these routes and pipes. DNS leads nowhere.
fn host(tables: &str) -> (Rohrpost, Dns) {
    let dns = Dns::start(&["here.test"]);
    // The listener is there because a server without any has the usual ones; the invoices come by the socket.
    let listener = "[[listener]]\nname = 'mx'\nprotocol = 'smtp'\naddress = '127.0.0.1:0'\ntls = 'off'\n";
    (Installation::new(dns.address, 1, "", &format!("{listener}{tables}")).start(), dns)
}

/// Hands in a letter for each customer from number `first` to `last`, as `merge` does.
fn invoices(rohrpost: &Rohrpost, folder: &Path, first: usize, last: usize) {
    let row = |number| format!("customer{number}@there.test,{number}\n");
    let rows = "email,number\n".to_owned() + &(first..=last).map(row).collect::<String>();
    fs::write(folder.join(format!("rows{first}.csv")), rows).expect("the file can be written");
    fs::write(folder.join("letter.txt"), "Please pay invoice {{ number }}.\n").expect("the file can be written");
    let mut merge = rohrpost.installation.command();
    merge.current_dir(folder).args(["merge", &format!("rows{first}.csv"), "--from", ANN, "--local"]);
    merge.args(["--subject", "Invoice {{ number }}", "--text-file", "letter.txt"]);
    let output = merge.output().expect("it is built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Who got something, each as often as it came.
fn recipients(received: &[Received]) -> Vec<&str> {
    received.iter().flat_map(|mail| mail.recipients.iter().map(String::as_str)).collect()
}

/// The only route as `route list` shows it: its hosts.
fn hosts(rohrpost: &Rohrpost) -> Vec<Value> {
    let route: Value = serde_json::from_str(&rohrpost.ask(&["route", "list", "--json"])).expect("one line of JSON");
    route["hosts"].as_array().expect("a route has hosts").clone()
}

/// Takes connections at an address where nobody was, and passes them on to a server.
fn come_back(address: SocketAddr, server: SocketAddr) {
    let listener = TcpListener::bind(address).expect("nobody is there");
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let far = TcpStream::connect(server).expect("the server runs");
            let [mut near_in, mut far_in] = [&near, &far].map(|stream| stream.try_clone().expect("it is a socket"));
            let (mut near_out, mut far_out) = (near, far);
            std::thread::spawn(move || std::io::copy(&mut near_in, &mut far_out));
            std::thread::spawn(move || std::io::copy(&mut far_in, &mut near_out));
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_hosts_one_is_dead_one_is_too_old_and_every_invoice_arrives_once() {
    let (dead, old, good, back) = (free_address(), OldTls::start(), Server::start().await, Server::start().await);
    let (rohrpost, _dns) = host(&format!(
        "[[route]]\nname = 'invoices'\nsenders = ['{ANN}']\nhost = [\
         {{ host = '{dead}', tls = 'off' }}, {{ host = '{}', tls = 'implicit', trust = 'any' }}, \
         {{ host = '{}', tls = 'off' }}]\n",
        old.address(),
        good.address(),
    ));
    let folder = TempDir::with_prefix("rohrpost-erp-").expect("a directory can be made");
    invoices(&rohrpost, folder.path(), 1, INVOICES);
    good.messages(INVOICES).await;
    rohrpost.ask_until(&["queue", "list"], "an empty queue", |list| list.contains("The queue is empty"));
    let received = good.received();
    let got = recipients(&received);
    assert_eq!((got.len(), got.iter().collect::<BTreeSet<_>>().len()), (INVOICES, INVOICES), "each once");

    let refused = "Connection refused";
    let too_old = "it speaks nothing above TLS 1.1, we need 1.2 or 1.3";
    let last = rohrpost.trace(&format!("customer{INVOICES}@there.test"), &["relayed to", "by", "invoices, ESMTP"]);
    assert!(last.contains("passed over, down since") && last.contains(refused) && last.contains(too_old), "{last}");
    let states = hosts(&rohrpost);
    let state = |place: usize, key: &str| states[place][key].to_string();
    assert_eq!([0, 1, 2].map(|place| state(place, "state")), ["\"down\"", "\"down\"", "\"up\""]);
    assert!(state(0, "why").contains(refused) && state(1, "why").contains(too_old), "{states:?}");
    assert_eq!((state(2, "sent"), state(2, "seal")), (INVOICES.to_string(), "\"cleartext\"".to_owned()));

    come_back(dead, back.address());
    rohrpost.ask(&["route", "retry", "invoices"]);
    let (probe, last) = (INVOICES + 1, INVOICES + 6);
    invoices(&rohrpost, folder.path(), probe, probe);
    assert_eq!(recipients(&back.messages(1).await), [format!("customer{probe}@there.test")], "one message tries it");
    invoices(&rohrpost, folder.path(), probe + 1, last);
    assert_eq!(back.messages(6).await.len(), 6, "traffic has returned to the preferred host");
    assert_eq!(good.received().len(), INVOICES);
    let back_again = format!("relayed to [{}]:{}", dead.ip(), dead.port());
    let trace = rohrpost.trace(&format!("customer{last}@there.test"), &[&back_again]);
    assert!(!trace.contains("passed over"), "{trace}");
    assert_eq!(hosts(&rohrpost)[0]["state"], "up");
}

#[test]
fn without_a_server_the_list_shows_what_the_settings_say() {
    let dns = Dns::start(&["here.test"]);
    let route = "[[route]]\nname = 'out'\nhost = [{ host = 'relay.example.net:587' }, { host = 'mx' }]\n";
    let installation = Installation::new(dns.address, 1, "", route);
    let output = installation.command().args(["route", "list"]).output().expect("it is built");
    let list = String::from_utf8_lossy(&output.stdout);
    assert_eq!(list, "out  to *\n  unknown  relay.example.net:587\n  unknown  mx\n");
}

#[test]
fn mail_that_waits_for_a_route_which_was_renamed_is_missed_at_once() {
    let dead = free_address();
    let (rohrpost, _dns) = host(&format!("[[route]]\nname = 'old'\nhost = [{{ host = '{dead}', tls = 'off' }}]\n"));
    pipes::send(&rohrpost, &["bob@there.test"]);
    let config = rohrpost.installation.data_dir().with_file_name("rohrpost.toml");
    let text = fs::read_to_string(&config).expect("it was written");
    fs::write(&config, text.replace("name = 'old'", "name = 'new'")).expect("it can be written");
    rohrpost.signal(Signal::SIGHUP);
    let line = rohrpost.log().wait_for("mail waits for a route that the settings do not name");
    assert!(line.contains("route=\"old\"") && line.contains("recipients=1") && line.contains("queue route"), "{line}");
}
