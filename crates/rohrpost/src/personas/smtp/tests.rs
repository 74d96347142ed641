use std::{cell::RefCell, rc::Rc};

use super::*;

/// Keeps what it is given, or refuses it.
#[derive(Clone, Default)]
struct Desk {
    kept: Rc<RefCell<Vec<String>>>,
    refuses_with: Option<Exit>,
}

impl Office for Desk {
    type Proof = ();

    fn send(
        &mut self,
        envelope: Envelope,
        recipients: Vec<To>,
        mut message: Message,
    ) -> anyhow::Result<((), Option<QueueId>)> {
        if let Some(exit) = self.refuses_with {
            return Err(Failure::new(exit, "no room").into());
        }
        let mut text = String::new();
        message.reader()?.read_to_string(&mut text)?;
        let to = recipients.iter().map(|to| to.address.clone()).collect::<Vec<_>>().join(",");
        self.kept.borrow_mut().push(format!("{} -> {to}: {text}", envelope.reverse_path));
        Ok(((), None))
    }
}

/// What the program at the other end is told, how we end where it is no success, and what was kept.
fn talk(input: &str, desk: &Desk) -> (String, Option<Exit>, Vec<String>) {
    let mut output = Vec::new();
    let ended = converse(&"h.test".parse().unwrap(), input.as_bytes(), &mut output, desk.clone());
    (String::from_utf8(output).unwrap(), ended.err().map(|error| exit::code_of(&error)), desk.kept.take())
}

const MESSAGE: &str =
    "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<postmaster>\r\nDATA\r\nSubject: s\r\n\r\n..dot\r\n.\r\n";

#[test]
fn messages_are_handed_over_one_by_one() {
    let (said, exit, kept) = talk(&format!("EHLO h\r\n{MESSAGE}{MESSAGE}QUIT\r\n"), &Desk::default());
    assert!(said.starts_with("220 h.test ESMTP"), "{said}");
    for keyword in ["STARTTLS", "AUTH", "CHUNKING", "SIZE"] {
        assert!(!said.contains(keyword), "{said}");
    }
    assert!(said.ends_with("250 2.6.0 Message queued as 0000000000000\r\n221 2.0.0 Bye\r\n"), "{said}");
    assert_eq!(exit, None);
    assert_eq!(kept, ["a@x.test -> b@x.test,postmaster: Subject: s\r\n\r\n.dot\r\n"; 2]);
}

#[test]
fn whoever_ends_lines_with_lf_is_answered_so() {
    let (said, exit, kept) = talk(&format!("EHLO h\n{}QUIT\n", MESSAGE.replace("\r\n", "\n")), &Desk::default());
    let (greeting, rest) = said.split_once("\r\n").unwrap();
    assert!(greeting.starts_with("220 ") & !rest.contains('\r') & rest.ends_with("221 2.0.0 Bye\n"), "{said:?}");
    assert_eq!((exit, kept.len()), (None, 1));
}

#[test]
fn a_line_end_may_come_in_two_pieces() {
    struct OneByOne<'a>(&'a [u8]);
    impl Read for OneByOne<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }
    for input in [format!("EHLO h\r\n{MESSAGE}QUIT\r\n"), format!("EHLO h\r\n{MESSAGE}QUIT\r\n").replace('\r', "")] {
        let (desk, mut output) = (Desk::default(), Vec::new());
        converse(&"h.test".parse().unwrap(), OneByOne(input.as_bytes()), &mut output, desk.clone()).unwrap();
        assert_eq!(desk.kept.take().len(), 1, "{input:?}: {}", output.escape_ascii());
    }
}

#[test]
fn a_mixture_of_line_ends_is_refused_in_both_directions() {
    for mixed in ["EHLO h\r\nNOOP\n", "EHLO h\nNOOP\r\n"] {
        let (said, _, _) = talk(mixed, &Desk::default());
        assert!(said.contains("500 5.5.2 "), "{mixed:?}: {said}");
    }
}

#[test]
fn lf_dot_lf_is_text_to_a_caller_who_speaks_crlf() {
    let smuggled =
        "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\nA: b\r\n\r\nx\n.\nMAIL FROM:<c@x.test>\r\n.\r\nQUIT\r\n";
    let (_, exit, kept) = talk(&format!("EHLO h\r\n{smuggled}"), &Desk::default());
    assert_eq!(exit, None);
    assert_eq!(kept.len(), 1);
    assert!(kept[0].ends_with("x\r\n.\r\nMAIL FROM:<c@x.test>\r\n"), "{kept:?}");
}

#[test]
fn the_end_of_the_input_is_a_failure_only_within_a_message() {
    let begun = "EHLO h\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\nSubject: s\r\n\r\nhal";
    let (_, exit, kept) = talk(begun, &Desk::default());
    assert_eq!((exit, kept.len()), (Some(Exit::Data), 0));
    assert_eq!(talk("EHLO h\r\n", &Desk::default()).1, None);
    assert_eq!(talk(&format!("EHLO h\r\n{MESSAGE}"), &Desk::default()).1, None);
    assert_eq!(talk("", &Desk::default()).1, None);
}

#[test]
fn a_refusal_is_told_in_the_words_of_smtp() {
    let refused = |exit| talk(&format!("EHLO h\r\n{MESSAGE}"), &Desk { refuses_with: Some(exit), ..Desk::default() }).0;
    assert!(refused(Exit::TempFail).ends_with("451 4.3.0 no room\r\n"));
    assert!(refused(Exit::NoUser).ends_with("550 5.1.1 no room\r\n"));
    assert!(refused(Exit::NoPermission).ends_with("550 5.7.1 no room\r\n"));
    assert!(refused(Exit::Unavailable).ends_with("554 5.0.0 no room\r\n"));
}

#[test]
fn http_is_turned_away() {
    let (said, exit, _) = talk("\x16\x03\x01\r\n", &Desk::default());
    assert!(said.contains("554 5.5.2"), "{said}");
    assert_eq!(exit, Some(Exit::Protocol));
}
