//! A dialogue line by line, for what well-behaved clients refuse to do: say AUTH where it is not offered.
//!
//! In clear text over a socket, inside TLS over openssl's `s_client`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use super::DEADLINE;

/// An SMTP session of a test's own.
pub(crate) struct Dialogue {
    output: Box<dyn Write>,
    input: BufReader<Box<dyn Read>>,
    /// The openssl in between.
    child: Option<Child>,
}

impl Dialogue {
    /// Connects in clear text, takes the greeting and says EHLO.
    pub(crate) fn clear(server: SocketAddr) -> Self {
        Self::on(TcpStream::connect(server).expect("the server listens"))
    }

    /// The same on a connection that is there already.
    pub(crate) fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).expect("a minute is a time-out");
        let output = stream.try_clone().expect("a socket can be shared");
        let mut dialogue = Self { output: Box::new(output), input: BufReader::new(Box::new(stream)), child: None };
        assert!(dialogue.reply().starts_with("220 "));
        dialogue.ehlo();
        dialogue
    }

    /// Connects, lets openssl say EHLO and STARTTLS, and says EHLO again inside TLS.
    pub(crate) fn starttls(server: SocketAddr) -> Self {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-quiet", "-crlf", "-starttls", "smtp", "-connect", &server.to_string()]);
        let child = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("openssl is there");
        let output = Box::new(child.stdin.take().expect("it was asked for"));
        let input: Box<dyn Read> = Box::new(child.stdout.take().expect("it was asked for"));
        let mut dialogue = Self { output, input: BufReader::new(input), child: Some(child) };
        dialogue.ehlo();
        dialogue
    }

    /// Says a line and returns the reply: its lines, the codes included, joined by LF.
    pub(crate) fn say(&mut self, line: &str) -> String {
        let ending = if self.child.is_some() { "\n" } else { "\r\n" };
        self.output.write_all(format!("{line}{ending}").as_bytes()).expect("the server listens");
        self.output.flush().expect("the server listens");
        self.reply()
    }

    /// Says a line and asserts how the reply begins.
    #[track_caller]
    pub(crate) fn expect(&mut self, line: &str, start: &str) {
        let reply = self.say(line);
        assert!(reply.starts_with(start), "{line:?} got {reply:?}, not {start:?}");
    }

    fn ehlo(&mut self) {
        let reply = self.say("EHLO it.test");
        assert!(reply.starts_with("250"), "EHLO got {reply:?}");
    }

    fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            let octets = self.input.read_line(&mut line).expect("the server replies in time");
            assert!(octets > 0, "the server closed the connection after {reply:?}");
            reply += line.trim_end();
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
            reply.push('\n');
        }
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
