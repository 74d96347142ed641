//! Keys of msmtprc whose effect can be seen from outside, each in a file that both programs read.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Child, Command, Stdio};
use std::thread;

use rohrpost_mail::ListenerTls;
use rohrpost_testkit::{Sink, SinkBuilder, self_signed_tls};
use rohrpost_tls::ca::self_signed;
use tempfile::TempDir;

use super::pair::{Call, Pair, Program};
use crate::peers::DEADLINE;
use crate::personas::host::run;

/// What every account of these tests has.
const ACCOUNT: &str = "host 127.0.0.1\nport PORT\nfrom joe@x.example\n";

const MAIL: &str = "To: bob@y.example\nCc: carol@y.example\nBcc: dave@y.example\nSubject: x\n\nHello.\n";

#[test]
fn what_a_key_does_to_header_and_envelope_is_the_same() {
    let whole = format!("From: Ann <ann@h.example>\nDate: Sun, 22 Nov 2026 10:00:00 +0100\n{MAIL}");
    let pair = Pair::new();
    for lines in [
        "set_from_header off\nset_date_header off\nset_msgid_header off",
        "set_from_header auto\nset_date_header auto\nset_msgid_header auto",
        "remove_bcc_headers off",
        "keepbcc on",
        "undisclosed_recipients on",
        "add_missing_from_header off\nadd_missing_date_header off",
        "allow_from_override off",
        "auto_from on\nmaildomain old.example",
        "dsn_notify failure,delay\ndsn_return full",
        "dsn_notify never\ndsn_return headers",
        "dsn_notify off\ndsn_return off",
        "timeout off",
        "connect_timeout 20",
        "ntlmdomain OFFICE",
        "tls_min_dh_prime_bits 1024",
        "tls_force_sslv3 on",
        "socket",
    ] {
        let config = format!("{ACCOUNT}{lines}\n");
        for input in [MAIL, &whole] {
            let call = Call { config: Some(&config), arguments: &["-t", "-f", "jane@x.example"], input };
            let outcome = pair.same(Sink::builder, &call);
            assert_eq!(outcome.arrived.len(), 1, "{lines}: {outcome:?}");
        }
    }
}

#[test]
fn keys_that_are_younger_than_debians_msmtp_do_what_they_say() {
    for (line, field) in [
        ("from_full_name \"Smith, Joe\"", "From: \"Smith, Joe\" <joe@x.example>\r\n"),
        ("set_to_header on", "To: bob@y.example,\r\n carol@y.example,\r\n dave@y.example\r\n"),
        ("set_to_header undisclosed_recipients", "To: undisclosed-recipients:;\r\n"),
    ] {
        let config = format!("{ACCOUNT}{line}\n");
        let call = Call { config: Some(&config), arguments: &["-t"], input: MAIL };
        let text = Pair::new().at_sink(Program::Ours, Sink::builder(), &call).arrived[0].text();
        assert!(text.contains(field), "{line}: {text}");
        assert_eq!(text.contains("Cc: "), !line.starts_with("set_to_header"), "{line}: {text}");
    }
}

#[test]
fn the_protocol_and_old_words_about_tls_are_the_same() {
    let (pair, tls) = (Pair::new(), self_signed_tls(&["localhost"]));
    let with = |lines: &str| format!("{ACCOUNT}{lines}\n");
    let call = |config: &str, sink: &dyn Fn() -> SinkBuilder| {
        let call = Call { config: Some(config), arguments: &["bob@y.example"], input: MAIL };
        assert_eq!(pair.same(sink, &call).arrived.len(), 1, "{config}");
    };
    call(&with("protocol lmtp"), &|| Sink::builder().lmtp());
    call(&with("protocol lmtp\nprotocol smtp"), &Sink::builder);
    call(&with("tls on\ntls_nocertcheck"), &|| Sink::builder().tls(ListenerTls::Required, &tls));
    call(&with("tls\ntls_nocertcheck\ntls_nostarttls"), &|| Sink::builder().tls(ListenerTls::Implicit, &tls));
}

/// Takes one message as the simplest of servers, and hands back what it heard.
fn take_mail(input: impl Read, mut output: impl Write) -> Vec<String> {
    let (mut heard, mut in_message) = (Vec::new(), false);
    output.write_all(b"220 mx.there.test ESMTP\r\n").expect("somebody listens");
    for line in BufReader::new(input).lines().map_while(Result::ok) {
        let line = line.trim_end_matches('\r');
        heard.push(line.to_owned());
        let is = |command: &str| line.starts_with(command);
        let reply = match line {
            "." => "250 2.6.0 taken",
            _ if in_message => continue,
            "DATA" => "354 go ahead",
            "QUIT" => "221 2.0.0 bye",
            _ if is("EHLO") || is("MAIL") || is("RCPT") => "250 2.1.0 good",
            _ => continue,
        };
        in_message = line == "DATA";
        // A client may go away without waiting for the last word.
        if output.write_all(format!("{reply}\r\n").as_bytes()).is_err() || line == "QUIT" {
            break;
        }
    }
    heard
}

/// Calls the program with this configuration, which must end with this code.
#[track_caller]
fn call(program: Program, config: &str, code: i32) {
    let pair = Pair::new();
    pair.write(".msmtprc", config);
    let ended = pair.call(program, &["bob@y.example".to_owned()], MAIL.as_bytes());
    assert_eq!(ended.status.code(), Some(code), "{program:?} {config}: {ended:?}");
}

#[test]
fn a_unix_socket_takes_the_place_of_the_host() {
    for program in [Program::Theirs, Program::Ours] {
        let folder = TempDir::with_prefix("rohrpost-socket-").expect("a directory can be made");
        let path = folder.path().join("smtp");
        let listener = UnixListener::bind(&path).expect("the directory is ours");
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().expect("somebody comes");
            take_mail(stream.try_clone().expect("a socket can be shared"), stream)
        });
        call(program, &format!("host localhost\nsocket {}\nfrom joe@x.example\n", path.display()), 0);
        let heard = server.join().expect("it ends");
        assert!(heard.contains(&"Hello.".to_owned()), "{program:?}: {heard:?}");
    }
}

#[test]
fn the_connection_comes_from_the_address_that_is_set() {
    for program in [Program::Theirs, Program::Ours] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it listens").port();
        let server = thread::spawn(move || {
            let (stream, client) = listener.accept().expect("somebody comes");
            take_mail(stream.try_clone().expect("a socket can be shared"), stream);
            client.ip()
        });
        let config = format!("host 127.0.0.1\nport {port}\nsource_ip 127.0.0.7\nfrom joe@x.example\n");
        call(program, &config, 0);
        assert_eq!(server.join().expect("it ends"), Ipv4Addr::new(127, 0, 0, 7), "{program:?}");
    }
}

/// A server that speaks TLS 1.2 and nothing newer: openssl, which hands all that it decrypts to us.
struct OldServer {
    openssl: Child,
    port: u16,
}

impl OldServer {
    fn start() -> Self {
        let folder = TempDir::with_prefix("rohrpost-tls12-").expect("a directory can be made");
        let pair = self_signed(["localhost"], 2).write(folder.path(), "old").expect("the directory is ours");
        let mut openssl = Command::new("openssl");
        openssl
            .args(["s_server", "-accept", "127.0.0.1:0", "-tls1_2", "-cert"])
            .arg(pair.cert)
            .arg("-key")
            .arg(pair.key);
        openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut openssl = openssl.spawn().expect("openssl is there: `cargo xtask programs` looks for it");
        let (input, mut output) = (openssl.stdin.take().expect("asked for"), openssl.stdout.take().expect("asked for"));
        let port = accepted_port(&mut output);
        thread::spawn(move || take_mail(output, input));
        Self { openssl, port }
    }
}

/// openssl says where it listens in its first lines.
fn accepted_port(output: &mut impl Read) -> u16 {
    let (mut line, mut octet) = (Vec::new(), [0]);
    loop {
        output.read_exact(&mut octet).expect("it says where it listens");
        if octet == *b"\n" {
            let text = String::from_utf8_lossy(&line).into_owned();
            if let Some((_, port)) = text.strip_prefix("ACCEPT ").and_then(|address| address.rsplit_once(':')) {
                return port.trim().parse().expect("it is a port");
            }
            line.clear();
        } else {
            line.push(octet[0]);
        }
    }
}

impl Drop for OldServer {
    fn drop(&mut self) {
        let _ = self.openssl.kill();
        let _ = self.openssl.wait();
    }
}

#[test]
fn priorities_say_which_versions_of_tls_will_do() {
    for (priorities, code) in [("NORMAL", 0), ("SECURE128:-VERS-TLS1.3:+VERS-TLS1.3", 0), ("NORMAL:-VERS-TLS1.2", 76)] {
        for program in [Program::Theirs, Program::Ours] {
            let server = OldServer::start();
            let config = format!(
                "host localhost\nport {}\nfrom joe@x.example\ntls on\ntls_starttls off\ntls_certcheck off\n\
                 tls_priorities {priorities}\n",
                server.port
            );
            call(program, &config, code);
        }
    }
}

#[test]
fn the_log_of_the_system_gets_one_line_of_the_facility() {
    // `/dev` is another one for this process alone, so that the host's log stays as it is.
    const ENTER: &str = "mount -t tmpfs none /dev; touch /dev/log /dev/null; mount --bind \"$0\" /dev/log; exec \"$@\"";
    for program in [Program::Theirs, Program::Ours] {
        let pair = Pair::new();
        let sink = pair.sink(Sink::builder());
        let log = UnixDatagram::bind(pair.home.path().join("log")).expect("the directory is ours");
        log.set_read_timeout(Some(DEADLINE)).expect("a minute is a time-out");
        let mut enter = Command::new("unshare");
        enter.args(["--mount", "--", "/bin/sh", "-ec", ENTER]).arg(pair.home.path().join("log"));
        enter.arg(match program {
            Program::Theirs => "msmtp",
            Program::Ours => env!("CARGO_BIN_EXE_rohrpost"),
        });
        if program == Program::Ours {
            enter.arg("msmtp");
        }
        enter.args(["--host=127.0.0.1", "--from=joe@x.example", "--syslog=LOG_MAIL", "bob@y.example"]);
        enter.arg(format!("--port={}", sink.address().port()));
        enter.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = run(enter, MAIL.as_bytes());
        assert!(ended.status.success(), "{program:?}: {ended:?}");
        let mut line = [0; 4096];
        let octets = log.recv(&mut line).expect("a line comes");
        let line = String::from_utf8_lossy(&line[..octets]);
        // LOG_MAIL is 2, LOG_INFO is 6 (RFC 5424 §6.2.1).
        assert!(line.starts_with("<22>"), "{program:?}: {line}");
        assert!(line.contains("recipients=bob@y.example") && line.contains("exitcode=EX_OK"), "{program:?}: {line}");
    }
}
