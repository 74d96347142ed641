//! Commands and responses as imap-codec writes and reads them, which shares no line with us.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary as _, Unstructured};
use imap_codec::{
    CommandCodec,
    decode::Decoder as _,
    encode::{Encoder as _, Fragment},
    imap_types::command::Command,
};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use rohrpost_imap::{command::Body, parse::ParseError, response::Wire};

use crate::{lossy, print, read};

/// Commands by chance, written by imap-codec, are read here; what we print of them imap-codec reads, and what it writes
/// of that is to us the same command again.
#[test]
fn commands_by_chance_mean_the_same_to_imap_codec() {
    let mut runner = TestRunner::deterministic();
    let octets = proptest::collection::vec(any::<u8>(), 0..600);
    let mut compared: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..20_000 {
        let octets = octets.new_tree(&mut runner).unwrap().current();
        let Ok(theirs) = Command::arbitrary(&mut Unstructured::new(&octets)) else { continue };
        if compare(&theirs) {
            *compared.entry(theirs.name()).or_default() += 1;
        }
    }
    assert!(compared.len() > 25 && compared.values().sum::<u32>() > 1_500, "{compared:?}");
}

/// Whether the command is one that both sides know.
fn compare(theirs: &Command<'_>) -> bool {
    let written = encode(theirs);
    let ours = match read(&written, false) {
        Ok(ours) => ours,
        Err(bad) if is_refused_on_purpose(bad.error) => return false,
        Err(bad) => panic!("{bad}: {}", lossy(&written)),
    };
    if matches!(ours.body, Body::Append { .. }) {
        return false;
    }
    let printed = print(&ours, Wire::default());
    let (rest, again) = CommandCodec::default().decode(&printed).unwrap_or_else(|error| {
        panic!("imap-codec: {error:?}: {}", lossy(&printed));
    });
    assert!(rest.is_empty(), "imap-codec leaves {}", lossy(rest));
    let written = encode(&again);
    assert_eq!(read(&written, false), Ok(ours), "{}", lossy(&written));
    true
}

fn encode(command: &Command<'_>) -> Vec<u8> {
    let fragments = CommandCodec::default().encode(command);
    fragments
        .flat_map(|fragment| match fragment {
            Fragment::Line { data } | Fragment::Literal { data, .. } => data,
        })
        .collect()
}

/// What imap-codec writes and we refuse knowingly: names that no mailbox can have, charsets, commands and words of
/// extensions that are not offered, and what is too long.
fn is_refused_on_purpose(error: ParseError) -> bool {
    matches!(
        error,
        ParseError::UnknownCommand
            | ParseError::Mailbox { .. }
            | ParseError::Charset
            | ParseError::Word { .. }
            | ParseError::TooMany { .. }
            | ParseError::TooDeep
            | ParseError::EmptyMessage
            | ParseError::Utf8 { .. }
    ) || matches!(error, ParseError::Missing { what, .. } if OURS_ARE_STRICTER.contains(&what))
}

/// What imap-codec writes although its standard does not: a MODSEQ of 64 bits, UNCHANGEDSINCE twice, `*` among the
/// numbers a client knows (RFC 7162 §3.1.1, §3.1.3, §3.2.5), and a header field without a name.
const OURS_ARE_STRICTER: [&str; 4] = ["a number", "`)`", "a set of numbers without `*`", "the name of a header field"];
