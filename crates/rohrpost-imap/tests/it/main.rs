//! Commands and responses as they go over the wire, also as an independent implementation reads them.

mod commands;
mod peer;
mod responses;
mod session;

use rohrpost_imap::{
    command::{Body, Command},
    parse::BadCommand,
    reader::{Input, Reader},
    response::Wire,
};

/// Reads one command as a session does.
///
/// # Panics
/// If there is none, or octets behind it.
fn read(octets: &[u8], utf8: bool) -> Result<Command, BadCommand> {
    let mut reader = Reader::default();
    reader.set_logged_in();
    if utf8 {
        reader.set_utf8();
    }
    let mut rest = octets;
    loop {
        let (taken, input) = reader.read(rest);
        rest = &rest[taken..];
        match input {
            Some(Input::Command(command)) => {
                assert!(
                    rest.is_empty() || matches!(command.body, Body::Append { .. }),
                    "more than a command: {rest:?}"
                );
                return Ok(command);
            }
            Some(Input::Bad(bad)) => return Err(bad),
            Some(Input::Continue) => {}
            other => assert!(taken > 0 && other.is_none(), "no command: {other:?} in {}", lossy(octets)),
        }
    }
}

fn print(command: &Command, wire: Wire) -> Vec<u8> {
    let mut out = Vec::new();
    command.print(&mut out, wire);
    out
}

fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
