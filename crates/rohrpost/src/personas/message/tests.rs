use super::*;

fn read_in(pieces: usize, input: &[u8], dot_ends: bool) -> Result<(String, String, Facts), MessageError> {
    let mut collector = Collector::new(dot_ends);
    for piece in input.chunks(pieces) {
        collector.push(piece)?;
    }
    let mut message = collector.finish()?;
    let facts = message.facts;
    let mut whole = Vec::new();
    message.reader()?.read_to_end(&mut whole)?;
    assert_eq!(whole.len() as u64, message.octets()?);
    let header = message.header.len();
    let text = |octets: &[u8]| octets.escape_ascii().to_string();
    Ok((text(&whole[..header]), text(&whole[header + 2..]), facts))
}

/// Reads the input whole and in pieces of every small size: header, body and facts are the same.
#[track_caller]
fn read_text(input: &[u8], dot_ends: bool) -> (String, String, Facts) {
    let whole = read_in(input.len().max(1), input, dot_ends).unwrap();
    for pieces in 1..5 {
        assert_eq!(read_in(pieces, input, dot_ends).unwrap(), whole, "{}", input.escape_ascii());
    }
    whole
}

#[test]
fn every_mixture_of_line_ends_becomes_crlf() {
    let table: [(&[u8], &str, &str); 9] = [
        (b"A: b\n\nx\ny\n", "A: b\\r\\n", "x\\r\\ny\\r\\n"),
        (b"A: b\r\n\r\nx\r\n", "A: b\\r\\n", "x\\r\\n"),
        (b"A: b\r\nC: d\n\nx\r\ny\n", "A: b\\r\\nC: d\\r\\n", "x\\r\\ny\\r\\n"),
        (b"A: b\r\r\n\r\nx\r\r\ny\r\r\r\n", "A: b\\r\\n", "x\\r\\ny\\r\\n"),
        (b"A: b\n\n10%\r20%\r100%\n", "A: b\\r\\n", "10%\\r\\n20%\\r\\n100%\\r\\n"),
        (b"A: b\n\nx\r\ry", "A: b\\r\\n", "x\\r\\n\\r\\ny\\r\\n"),
        (b"A: b\n\nno end", "A: b\\r\\n", "no end\\r\\n"),
        (b"A: b\n fold\n\tmore\n\n\n", "A: b\\r\\n fold\\r\\n\\tmore\\r\\n", "\\r\\n"),
        (b"A: b\n\nx\r", "A: b\\r\\n", "x\\r\\n"),
    ];
    for (input, header, body) in table {
        let (head, text, _) = read_text(input, false);
        assert_eq!((head.as_str(), text.as_str()), (header, body), "{}", input.escape_ascii());
    }
}

#[test]
fn a_message_needs_neither_header_nor_body() {
    let table: [(&[u8], &str, &str); 8] = [
        (b"", "", ""),
        (b"\nbody\n", "", "body\\r\\n"),
        (b"no field\n\nx\n", "", "no field\\r\\n\\r\\nx\\r\\n"),
        (b"A: b\nno field\n", "A: b\\r\\n", "no field\\r\\n"),
        (b" fold first: x\n", "", " fold first: x\\r\\n"),
        (b"A: b", "A: b\\r\\n", ""),
        (b"From ann Sun Nov 22\nA: b\n\nx\n", "A: b\\r\\n", "x\\r\\n"),
        (b"Loading 1%\rLoading 2%\n", "", "Loading 1%\\r\\nLoading 2%\\r\\n"),
    ];
    for (input, header, body) in table {
        let (head, text, _) = read_text(input, false);
        assert_eq!((head.as_str(), text.as_str()), (header, body), "{}", input.escape_ascii());
    }
}

#[test]
fn a_dot_alone_ends_the_message_only_where_it_may() {
    let table: [(&[u8], &str, &str); 7] = [
        (b"A: b\n\nx\n.\ny\n", "x\\r\\n", "x\\r\\n.\\r\\ny\\r\\n"),
        (b"A: b\n\nx\r\n.\r\ny\r\n", "x\\r\\n", "x\\r\\n.\\r\\ny\\r\\n"),
        (b"A: b\n\n.\ny\n", "", ".\\r\\ny\\r\\n"),
        (b"A: b\n.\ny\n", "", ".\\r\\ny\\r\\n"),
        (b"A: b\n\n..\n.x\n", "..\\r\\n.x\\r\\n", "..\\r\\n.x\\r\\n"),
        (b"A: b\n\n.\rx\n", ".\\r\\nx\\r\\n", ".\\r\\nx\\r\\n"),
        (b"A: b\n\nx\r.\ny\n", "x\\r\\n.\\r\\ny\\r\\n", "x\\r\\n.\\r\\ny\\r\\n"),
    ];
    for (input, ended, text) in table {
        assert_eq!(read_text(input, true).1, ended, "{}", input.escape_ascii());
        assert_eq!(read_text(input, false).1, text, "{}", input.escape_ascii());
    }
}

#[test]
fn nothing_is_read_behind_the_dot() {
    struct Pipe(Vec<&'static [u8]>);
    impl Read for Pipe {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let piece = if self.0.is_empty() { panic!("it was read beyond the end") } else { self.0.remove(0) };
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }
    assert!(read(Pipe(vec![b"A: b\n\n", b"x\n.\n"]), true).is_ok());
}

#[test]
fn what_the_body_is_made_of_is_noticed() {
    let facts = |body: &[u8]| read_text(&[b"A: b\n\n", body].concat(), false).2;
    assert_eq!(facts(b"plain\n"), Facts::default());
    assert_eq!(facts("Grüße\n€".as_bytes()), Facts { eight_bit: true, ..Facts::default() });
    assert_eq!(facts(b"Gr\xfc\xdfe\n"), Facts { eight_bit: true, not_utf8: true, nul: false });
    assert_eq!(facts(b"cut \xc3\n\xbc\n"), Facts { eight_bit: true, not_utf8: true, nul: false });
    assert_eq!(facts(b"a\0b"), Facts { nul: true, ..Facts::default() });
}

#[test]
fn a_nul_in_a_body_is_encoded_and_in_a_header_refused() {
    let mut message = read(&b"A: b\n\nx\0y\n"[..], false).unwrap().without_nul().unwrap();
    let mut whole = String::new();
    message.reader().unwrap().read_to_string(&mut whole).unwrap();
    assert!(whole.starts_with("A: b\r\n") && whole.ends_with("\r\n\r\nx=00y\r\n"), "{whole:?}");
    assert!(whole.contains("Content-Transfer-Encoding: quoted-printable\r\n"), "{whole:?}");

    let base64 = b"Content-Transfer-Encoding: base64\n\nAA\0A\n";
    let refused = read(&base64[..], false).unwrap().without_nul();
    assert!(matches!(refused, Err(MessageError::Nul)));
    assert!(matches!(read(&b"A: b\0\n\n"[..], false), Err(MessageError::HeaderControl)));
}

#[test]
fn a_bare_cr_in_a_header_is_refused() {
    for input in [&b"A: b\rBcc: c\n\n"[..], b"A: b\n c\rd\n\n"] {
        let refused = read(input, false).unwrap_err();
        assert!(matches!(refused, MessageError::HeaderControl), "{refused}");
        assert_eq!(refused.exit(), Exit::Data);
    }
}

#[test]
fn a_header_has_a_bound_and_a_line_without_end_is_a_body() {
    let many = "A: b\n".repeat(HEADER_FIELDS_MAX + 1);
    assert!(matches!(read(many.as_bytes(), false), Err(MessageError::HeaderTooLong)));
    let long = format!("A: {}\n", "b".repeat(HEADER_BYTES_MAX));
    assert!(matches!(read(long.as_bytes(), false), Err(MessageError::HeaderTooLong)));
    let mut body = read(&vec![b'x'; 3 << 20][..], false).unwrap();
    assert_eq!((body.header.len(), body.octets().unwrap()), (0, (3 << 20) + 4));
}

#[test]
fn input_that_cannot_be_read_is_no_message() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("broken"))
        }
    }
    assert_eq!(read(Broken, false).unwrap_err().exit(), Exit::Io);
}
