//! Marionette, by which Mozilla's programs are driven: `LENGTH:` and as many octets of JSON, one answer a command.
//!
//! A command is `[0, number, name, parameters]`, its answer `[1, number, error, value]`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::peers::DEADLINE;

/// What a person does, for all scripts.
const STEPS: &str = include_str!("steps.js");

/// A session in the program's main window.
pub(super) struct Marionette {
    stream: BufReader<TcpStream>,
    /// Commands so far.
    count: u64,
}

impl Marionette {
    /// Connects and may do what the program itself may.
    pub(super) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it said that it listens");
        // Scripts give up first, and say more.
        stream.set_read_timeout(Some(2 * DEADLINE)).expect("two minutes are a time-out");
        let mut marionette = Self { stream: BufReader::new(stream), count: 0 };
        let greeting = marionette.packet();
        assert_eq!(greeting["marionetteProtocol"], 3);
        marionette.must("WebDriver:NewSession", &json!({ "timeouts": { "script": DEADLINE.as_millis() } }));
        marionette.must("Marionette:SetContext", &json!({ "value": "chrome" }));
        marionette
    }

    /// Runs one of the steps, and says what it ends with.
    pub(super) fn step(&mut self, name: &str, arguments: &[&str]) -> Result<Value, String> {
        let script = format!("{STEPS}\nreturn {name}(...arguments);");
        self.command("WebDriver:ExecuteScript", &json!({ "script": script, "args": arguments }))
    }

    /// Writes what the window shows into a file, as PNG.
    pub(super) fn screenshot(&mut self, file: &Path) {
        let shown = self.must("WebDriver:TakeScreenshot", &json!({ "full": false, "hash": false }));
        let image = BASE64_STANDARD.decode(shown.as_str().expect("it is text")).expect("it is Base64");
        std::fs::write(file, image).expect("the file can be written");
    }

    fn must(&mut self, name: &str, parameters: &Value) -> Value {
        self.command(name, parameters).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn command(&mut self, name: &str, parameters: &Value) -> Result<Value, String> {
        self.count += 1;
        let command = json!([0, self.count, name, parameters]).to_string();
        write!(self.stream.get_mut(), "{}:{command}", command.len()).expect("it listens");
        let mut answer = self.packet();
        assert_eq!(answer[1], self.count, "{answer}");
        match answer[2].take() {
            Value::Null => Ok(answer[3]["value"].take()),
            error => Err(format!("{}: {}", error["error"], error["message"])),
        }
    }

    fn packet(&mut self) -> Value {
        let mut length = Vec::new();
        self.stream.read_until(b':', &mut length).expect("it answers");
        let length = std::str::from_utf8(&length).ok().and_then(|length| length.strip_suffix(':')?.parse().ok());
        let mut packet = vec![0; length.expect("a packet begins with its length")];
        self.stream.read_exact(&mut packet).expect("it says all of it");
        serde_json::from_slice(&packet).expect("it is JSON")
    }
}
