//! What a client of IMAP says: cut into commands, read, printed, and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::{assert_one_line, portions};
use rohrpost_imap::command::{Body, Command};
use rohrpost_imap::reader::{Input, Reader};
use rohrpost_imap::response::Wire;

fuzz_target!(|octets: &[u8]| {
    let Some((kind, octets)) = octets.split_first() else { return };
    let utf8 = kind & 1 != 0;
    let accept = kind & 2 != 0;
    let at_once = read(std::iter::once(octets), utf8, accept);
    let in_portions = read(portions(octets), utf8, accept);
    assert_eq!(at_once, in_portions, "a packet's end made a difference");
    for said in &at_once {
        if let Said::Command(command) = said {
            assert_round_trip(command, utf8);
        }
    }
});

/// What a client said. The octets of a message are the same in however many pieces they come.
#[derive(Debug, PartialEq)]
enum Said {
    Command(Command),
    Octets(Vec<u8>),
    Other(String),
}

fn read<'a>(portions: impl Iterator<Item = &'a [u8]>, utf8: bool, accept: bool) -> Vec<Said> {
    let mut reader = reader(utf8);
    let mut said = Vec::new();
    for mut octets in portions {
        loop {
            let (taken, input) = reader.read(octets);
            octets = &octets[taken..];
            match input {
                Some(input) => note(&mut said, input),
                None if octets.is_empty() => break,
                None => {}
            }
            // Where no message waits for it, a decision changes nothing.
            match (said.last(), accept) {
                (Some(Said::Command(Command { body: Body::Append { .. }, .. })), false) => reader.refuse_append(),
                _ => reader.accept_message(),
            }
        }
    }
    said
}

fn note(said: &mut Vec<Said>, input: Input<'_>) {
    match input {
        Input::Command(command) => said.push(Said::Command(command)),
        Input::Octets(octets) => match said.last_mut() {
            Some(Said::Octets(before)) => before.extend_from_slice(octets),
            _ => said.push(Said::Octets(octets.to_vec())),
        },
        Input::Bad(bad) => {
            let line = bad.line();
            assert_one_line(&line.text);
            said.push(Said::Other(format!("{line:?}")));
        }
        other => said.push(Said::Other(format!("{other:?}"))),
    }
}

fn assert_round_trip(command: &Command, utf8: bool) {
    let mut printed = Vec::new();
    command.print(&mut printed, Wire { utf8 });
    let mut reader = reader(utf8);
    let mut octets = &printed[..];
    loop {
        let (taken, input) = reader.read(octets);
        octets = &octets[taken..];
        match input {
            Some(Input::Command(again)) => return assert_eq!(&again, command),
            Some(other) => panic!("{other:?} of {}", String::from_utf8_lossy(&printed)),
            None => assert!(taken > 0, "not whole: {}", String::from_utf8_lossy(&printed)),
        }
    }
}

fn reader(utf8: bool) -> Reader {
    let mut reader = Reader::default();
    reader.set_logged_in();
    if utf8 {
        reader.set_utf8();
    }
    reader
}
