//! Replies of a server, the same whether they come at once or in portions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::portions;
use rohrpost_mail::Reply;
use rohrpost_smtp::reply::{LINE_BYTES_MAX, LINES_MAX, Parser, ReplyError};

fuzz_target!(|octets: &[u8]| {
    let whole = read([octets].into_iter());
    assert_eq!(whole, read(portions(octets)));
    for reply in whole.0 {
        assert!((200..=599).contains(&reply.code));
        assert!(!reply.text.contains(['\r', '\0']));
        assert!(reply.text.lines().count() <= LINES_MAX && reply.text.len() <= 3 * LINES_MAX * LINE_BYTES_MAX);
    }
});

fn read<'a>(portions: impl Iterator<Item = &'a [u8]>) -> (Vec<Reply>, Option<ReplyError>) {
    let (mut parser, mut replies) = (Parser::default(), Vec::new());
    for portion in portions {
        parser.push(portion);
        loop {
            match parser.next_reply() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
        assert!(parser.unread() <= portion.len() + (3 * LINES_MAX + 1) * LINE_BYTES_MAX);
    }
    (replies, None)
}
