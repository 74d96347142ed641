//! Mail programs ask how a mailbox is set up, and then do what they were told: with curl as the program, and Python as a
//! second reader of what it gets.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::peers::rohrpost::{ANN, PASSWORD};
use crate::peers::{Dns, Installation, Rohrpost, free_address};

/// Reads autoconfig: one line for each server.
const AUTOCONFIG: &str = "
import sys, xml.etree.ElementTree as tree
provider = tree.parse(sys.stdin).getroot().find('emailProvider')
for server in provider.findall('incomingServer') + provider.findall('outgoingServer'):
    print(server.get('type'), *(server.findtext(name) for name in ('hostname', 'port', 'socketType', 'username')))
";

/// Reads a profile: one line for each direction.
const PROFILE: &str = "
import sys, plistlib
account = plistlib.loads(sys.stdin.buffer.read())['PayloadContent'][0]
for way in 'Incoming', 'Outgoing':
    print(*(account[way + 'MailServer' + key] for key in ('HostName', 'PortNumber', 'UseSSL', 'Username')))
";

/// A server that helps with setting up.
struct Helper {
    imaps: SocketAddr,
    pop3: SocketAddr,
    submissions: SocketAddr,
    web: SocketAddr,
    redirect: SocketAddr,
    rohrpost: Rohrpost,
    _dns: Dns,
}

impl Helper {
    fn start() -> Self {
        let [imaps, pop3, submissions, web, redirect] = [(); 5].map(|()| free_address());
        let listener = |name: &str, protocol: &str, address: SocketAddr, tls: &str| {
            format!("[[listener]]\nname = '{name}'\nprotocol = '{protocol}'\naddress = '{address}'\ntls = '{tls}'\n")
        };
        let settings = [
            listener("imaps", "imap", imaps, "implicit"),
            listener("pop3", "pop3", pop3, "required"),
            listener("submissions", "submission", submissions, "implicit"),
            format!("[web]\naddress = '{web}'\nredirect_address = '{redirect}'\nnames = ['localhost']\n"),
        ];
        let dns = Dns::start(&["here.test"]);
        let rohrpost = Installation::new(dns.address, 1, "", &settings.concat()).start();
        Self { imaps, pop3, submissions, web, redirect, rohrpost, _dns: dns }
    }

    /// What curl gets from a host of ours, which it finds wherever it is said to be.
    fn curl(&self, url: &str, options: &[&str]) -> Vec<u8> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--cacert"]).arg(self.rohrpost.installation.certificate.cert());
        curl.args(["--connect-to", "::127.0.0.1:", url]).args(options);
        let output = curl.stdin(Stdio::null()).output().expect("curl is there");
        assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// A page of the web server.
    fn page(&self, path: &str) -> Vec<u8> {
        self.curl(&format!("https://mx.here.test:{}{path}", self.web.port()), &[])
    }

    fn autoconfig(&self, domain: &str) -> Vec<u8> {
        self.page(&format!("/mail/config-v1.1.xml?emailaddress=somebody%40{domain}"))
    }

    /// Changes the settings, and waits until the server has taken them.
    fn reload(&self, from: &str, to: &str) {
        let file = self.rohrpost.installation.data_dir().with_file_name("rohrpost.toml");
        let settings = std::fs::read_to_string(&file).expect("it was written");
        assert!(settings.contains(from), "{settings}");
        std::fs::write(&file, settings.replace(from, to)).expect("it can be written");
        self.rohrpost.signal(Signal::SIGHUP);
        self.rohrpost.tells("RELOADING=1");
        self.rohrpost.tells("READY=1");
    }
}

/// What a program of Python says of a document.
fn python(program: &str, document: &[u8]) -> String {
    let (input, mut output) = std::io::pipe().expect("a pipe can be made");
    let child = Command::new("python3").args(["-c", program]).stdin(input).stdout(Stdio::piped()).spawn();
    std::io::Write::write_all(&mut output, document).expect("Python reads");
    drop(output);
    let read = child.and_then(std::process::Child::wait_with_output).expect("python3 is there");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(document));
    String::from_utf8(read.stdout).expect("it prints text")
}

#[test]
fn what_a_program_is_told_is_what_it_can_log_in_with() {
    let helper = Helper::start();
    let told = python(AUTOCONFIG, &helper.autoconfig("here.test"));
    let [imap, pop3, smtp] = [helper.imaps, helper.pop3, helper.submissions].map(|address| address.port());
    let expected = [
        format!("imap mx.here.test {imap} SSL %EMAILADDRESS%"),
        format!("pop3 mx.here.test {pop3} STARTTLS %EMAILADDRESS%"),
        format!("smtp mx.here.test {smtp} SSL %EMAILADDRESS%"),
    ];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
    let user = format!("{ANN}:{PASSWORD}");
    let log_in = ["--user", &user];
    let listed = helper.curl(&format!("imaps://mx.here.test:{imap}/"), &log_in);
    assert!(String::from_utf8_lossy(&listed).contains("INBOX"));
    helper.curl(&format!("pop3://mx.here.test:{pop3}/"), &[&log_in[..], &["--ssl-reqd"]].concat());
    let from = format!("From: {ANN}");
    let letter = ["--mail-from", ANN, "--mail-rcpt", ANN, "--header", &from, "--form", "=through a sealed tube"];
    helper.curl(&format!("smtps://mx.here.test:{smtp}/"), &[&log_in[..], &letter].concat());
    helper.rohrpost.inbox(&["through a sealed tube"]);
}

#[test]
fn every_form_names_the_same_servers() {
    let helper = Helper::start();
    let shown = helper.rohrpost.ask(&["account", "setup-help", ANN, "--json"]);
    let shown: Value = serde_json::from_str(&shown).expect("it is JSON");
    let port = |way: &str| shown[way][0]["port"].to_string();
    let link = |name: &str| shown[name].as_str().expect("it is a link").to_owned();
    let profile = python(PROFILE, &helper.curl(&link("profile"), &[]));
    let lines = [port("incoming"), port("outgoing")].map(|port| format!("mx.here.test {port} True {ANN}\n"));
    assert_eq!(profile, lines.concat());
    let page = String::from_utf8(helper.curl(&link("page"), &[])).expect("it is text");
    let records = helper.rohrpost.ask(&["domain", "records", "here.test"]);
    let question = "<a><Request><EMailAddress>ann@here.test</EMailAddress></Request></a>";
    let url = format!("https://mx.here.test:{}/Autodiscover/Autodiscover.xml", helper.web.port());
    let outlook = String::from_utf8(helper.curl(&url, &["--data", question])).expect("it is text");
    for address in [helper.imaps, helper.pop3, helper.submissions] {
        let port = address.port();
        assert!(page.contains(&format!("<td>mx.here.test</td><td>{port}</td>")), "{page}");
        assert!(records.contains(&format!(" 1 {port} mx.here.test.")), "{records}");
        assert!(outlook.contains(&format!("<Port>{port}</Port>")), "{outlook}");
    }
}

#[test]
fn a_domain_is_spoken_for_from_when_it_is_added_until_it_is_removed() {
    let helper = Helper::start();
    let is_known = || helper.autoconfig("there.test").starts_with(b"<?xml");
    assert!(!is_known());
    helper.rohrpost.ask(&["domain", "add", "there.test"]);
    assert!(is_known());
    helper.rohrpost.ask(&["domain", "remove", "there.test"]);
    assert!(!is_known());
}

#[test]
fn after_a_reload_only_what_is_still_open_is_told() {
    let helper = Helper::start();
    let count = || python(AUTOCONFIG, &helper.autoconfig("here.test")).lines().count();
    assert_eq!(count(), 3);
    helper.reload("name = 'pop3'\n", "name = 'pop3'\nenabled = false\n");
    assert_eq!(count(), 2);
    assert!(helper.rohrpost.ask(&["domain", "records", "here.test"]).contains("_pop3._tcp.here.test.  "));
}

#[test]
fn who_comes_without_tls_is_sent_to_it_and_w05_other_hosts_are_refused() {
    let helper = Helper::start();
    let url = format!("http://mx.here.test:{}/setup", helper.redirect.port());
    let page = String::from_utf8(helper.curl(&url, &["--location"])).expect("it is text");
    assert!(page.contains("<form action=\"/setup\""), "{page}");
    let status = |host: &str| {
        let options = ["--header", &format!("Host: {host}"), "--output", "/dev/null", "--write-out", "%{http_code}"];
        let url = format!("https://mx.here.test:{}/setup", helper.web.port());
        String::from_utf8(helper.curl(&url, &options)).expect("it is a number")
    };
    assert_eq!(
        ["autoconfig.here.test", "localhost", "evil.test", "127.0.0.1"].map(status),
        ["200", "200", "421", "421"]
    );
}
