//! Message ids, as threads are built from them: RFC 5256 §2.1 and §3.

use super::{lexer::Lexer, limits::REFERENCES_MAX};

/// Octets of an id. RFC 5322 §2.1.1 leaves no more in a line.
const ID_OCTETS_MAX: usize = 998;

/// The first valid id in a field.
pub(super) fn first_id(value: &[u8]) -> Option<String> {
    Ids { lexer: Lexer::new(value) }.next()
}

/// The ids of the messages that this one follows, oldest first.
pub(super) fn references(references: Option<&[u8]>, in_reply_to: Option<&[u8]>) -> Vec<String> {
    let mut found = Vec::new();
    for id in references.into_iter().flat_map(|value| Ids { lexer: Lexer::new(value) }) {
        if found.len() == REFERENCES_MAX {
            // The first one says which thread it is, the last ones where in it.
            found.remove(1);
        }
        found.push(id);
    }
    if found.is_empty() {
        found.extend(in_reply_to.and_then(first_id));
    }
    found
}

/// The valid ids of a field, without angle brackets.
struct Ids<'a> {
    lexer: Lexer<'a>,
}

impl Iterator for Ids<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            self.lexer.take_while(|octet| octet != b'<');
            if !self.lexer.eat(b'<') {
                return None;
            }
            if let Some(id) = id(&mut self.lexer) {
                return Some(id);
            }
        }
    }
}

/// `"a.b"@x` is the same id as `a.b@x` (RFC 5256 §2.1), so needless quotes go.
fn id(lexer: &mut Lexer<'_>) -> Option<String> {
    let mut id = Vec::new();
    lexer.skip();
    if lexer.peek() == Some(b'"') {
        let mut local = Vec::new();
        lexer.quoted(&mut local);
        let needless = local.iter().all(|octet| octet.is_ascii_graphic() && !b"()<>[]:;@\\,\"".contains(octet));
        id = if needless { local } else { [b"\"", local.as_slice(), b"\""].concat() };
    }
    loop {
        lexer.blanks();
        let piece = lexer.take_while(|octet| !octet.is_ascii_whitespace() && octet != b'>' && octet != b'<');
        id.extend_from_slice(piece);
        if piece.is_empty() || id.len() > ID_OCTETS_MAX {
            break;
        }
    }
    let is_valid = lexer.eat(b'>') && id.len() <= ID_OCTETS_MAX && is_id(&id);
    is_valid.then(|| String::from_utf8_lossy(&id).into_owned())
}

/// Something on both sides of an `@`, and no blank, which would part it in two.
fn is_id(id: &[u8]) -> bool {
    let at = memchr::memrchr(b'@', id).unwrap_or(0);
    at > 0 && at + 1 < id.len() && !id.iter().any(|octet| octet.is_ascii_whitespace() || octet.is_ascii_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(value: &str) -> Vec<String> {
        references(Some(value.as_bytes()), None)
    }

    #[test]
    fn ids_are_found_among_anything_else() {
        assert_eq!(ids("<a@x>\r\n <b@y>,<c@\r\n z> junk <no at> <> <@x> <d@> <e@w"), ["a@x", "b@y", "c@z"]);
        assert_eq!(ids(r#"<"01KF8.CE"@x.example> <"a b"@x> <"a@b"@x>"#), ["01KF8.CE@x.example", "\"a@b\"@x"]);
    }

    #[test]
    fn in_reply_to_serves_where_there_are_no_references() {
        assert_eq!(references(None, Some(b"Your message of Monday <a@x> <b@x>")), ["a@x"]);
        assert_eq!(references(Some(b"none"), Some(b"<a@x>")), ["a@x"]);
        assert_eq!(references(None, None), Vec::<String>::new());
    }

    #[test]
    fn of_a_long_thread_the_first_and_the_last_ones_are_kept() {
        let value: String = (0..500).flat_map(|at| [at.to_string(), "@x> <".to_owned()]).collect();
        let kept = ids(&format!("<{value}"));
        assert_eq!(kept.len(), REFERENCES_MAX);
        assert_eq!((kept[0].as_str(), kept[1].as_str(), kept[99].as_str()), ("0@x", "401@x", "499@x"));
    }
}
