//! Dialogues as text, played by the client's side against a server.
//!
//! ```text
//! S: 220 mx.here.test
//! C: EHLO a.example
//! S: 250 mx.here.test
//! C: MAIL FROM:<ann@here.test>
//! C: RCPT TO:<bob@there.test>
//! S: 250
//! S: 250 2.1.5
//! ```
//!
//! - `C:` is sent with CRLF behind it, `C+` without. Lines of `C:` that follow one another go out in one write: that is
//!   pipelining. `\r`, `\n`, `\0`, `\\` and `\xHH` stand for what they do elsewhere.
//! - `S:` is one whole reply of one or many lines. The code must be the same, and one of its lines must start with the
//!   text behind the code.
//! - `S: (closed)` waits for the server to close the connection.
//! - Empty lines and lines that start with `#` are read over.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Octets of a reply; a test that needs more does not compare texts.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// Plays a dialogue.
///
/// # Panics
/// When the server says something else, with the line of the transcript and what came.
pub async fn play<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, text: &str) {
    let mut pending = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let at = || format!("line {} of the transcript, {line:?}", number + 1);
        match line.get(..2) {
            Some("C:") => pending.extend([unescape(argument(line)).as_slice(), b"\r\n"].concat()),
            Some("C+") => pending.extend(unescape(argument(line))),
            Some("S:") => {
                flush(stream, &mut pending).await;
                expect(stream, argument(line), &at()).await;
            }
            _ => assert!(line.is_empty() || line.starts_with('#'), "{} is neither C: nor S:", at()),
        }
    }
    flush(stream, &mut pending).await;
}

/// One reply, its lines without code and separator; the code by itself. `None` when the server has closed.
///
/// # Panics
/// When what comes is no reply.
pub async fn reply<S: AsyncRead + Unpin>(stream: &mut S) -> Option<(u16, Vec<String>)> {
    let mut lines = Vec::new();
    loop {
        let line = line(stream).await?;
        let code = line.get(..3).and_then(|code| code.parse().ok());
        let code = code.unwrap_or_else(|| panic!("{line:?} is no reply"));
        lines.push(line.get(4..).unwrap_or_default().to_owned());
        if line.as_bytes().get(3) != Some(&b'-') {
            return Some((code, lines));
        }
    }
}

/// One line without its CRLF, octet by octet: what follows it may be for TLS. `None` at the end of the connection.
pub(crate) async fn line<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.ok()?);
        assert!(line.len() < REPLY_BYTES_MAX, "a line of more than {REPLY_BYTES_MAX} octets");
    }
    line.truncate(line.len() - 2);
    Some(String::from_utf8_lossy(&line).into_owned())
}

/// The octets that a line with escapes stands for.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        let (octet, after) = match (octet, after) {
            (b'\\', [b'r', after @ ..]) => (b'\r', after),
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            (b'\\', [b'0', after @ ..]) => (0, after),
            (b'\\', [b'\\', after @ ..]) => (b'\\', after),
            (b'\\', [b'x', high, low, after @ ..]) => (hex(*high) << 4 | hex(*low), after),
            plain => plain,
        };
        octets.push(octet);
        rest = after;
    }
    octets
}

fn hex(digit: u8) -> u8 {
    let value = char::from(digit).to_digit(16).unwrap_or_else(|| panic!("{:?} is no hex digit", char::from(digit)));
    u8::try_from(value).expect("a hex digit is less than 16")
}

/// What stands behind the mark, without the one blank between them.
fn argument(line: &str) -> &str {
    line[2..].strip_prefix(' ').unwrap_or(&line[2..])
}

async fn flush<S: AsyncWrite + Unpin>(stream: &mut S, pending: &mut Vec<u8>) {
    if pending.is_empty() {
        return;
    }
    // A server that has closed shows in the reply that does not come.
    let _ = stream.write_all(pending).await;
    let _ = stream.flush().await;
    pending.clear();
}

async fn expect<S: AsyncRead + Unpin>(stream: &mut S, expected: &str, at: &str) {
    let found = reply(stream).await;
    if expected == "(closed)" {
        assert!(found.is_none(), "{at}: found {found:?} instead of the end");
        return;
    }
    let Some((code, lines)) = found else { panic!("{at}: the server has closed the connection") };
    let (expected_code, text) = expected.split_at_checked(3).unwrap_or((expected, ""));
    let same = code.to_string() == expected_code && lines.iter().any(|line| line.starts_with(text.trim_start()));
    assert!(same, "{at}: found {code} {lines:?}");
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    async fn against(answers: &[u8], text: &str) -> Vec<u8> {
        let (mut ours, mut theirs) = duplex(4096);
        theirs.write_all(answers).await.unwrap();
        theirs.shutdown().await.unwrap();
        play(&mut ours, text).await;
        drop(ours);
        let mut heard = Vec::new();
        theirs.read_to_end(&mut heard).await.unwrap();
        heard
    }

    #[tokio::test]
    async fn a_dialogue_that_fits_passes_and_sends_its_lines() {
        let answers = b"220 mx ready\r\n250-mx\r\n250-SIZE 1000\r\n250 HELP\r\n";
        let heard =
            against(answers, "S: 220 mx\nC: EHLO a\n# a comment\n\nS: 250 SIZE\nC+ QU\\x49T\\r\\n\nS: (closed)").await;
        assert_eq!(heard, b"EHLO a\r\nQUIT\r\n");
    }

    #[tokio::test]
    #[should_panic(expected = "line 1 of the transcript, \"S: 250 2.0.0\": found 250 [\"2.1.0 OK\"]")]
    async fn another_text_fails() {
        against(b"250 2.1.0 OK\r\n", "S: 250 2.0.0").await;
    }

    #[tokio::test]
    #[should_panic(expected = "the server has closed the connection")]
    async fn a_closed_connection_is_no_reply() {
        against(b"", "S: 250").await;
    }
}
