//! The base subject: RFC 5256 §2.1.

use super::word;

/// Octets of a subject that are looked at. Brackets are taken off one by one, each time from its beginning.
const SUBJECT_OCTETS_MAX: usize = 1_000;

/// A subject without what replies and forwards put around it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Base {
    pub(super) text: String,
    /// Whether anything said that it is a reply or a forward.
    pub(super) is_reply: bool,
}

/// The base of a Subject field.
pub(super) fn of_field(value: &[u8]) -> Base {
    let value = &value[..value.len().min(SUBJECT_OCTETS_MAX)];
    let decoded = word::decode(value);
    let spaced = decoded.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    base(&spaced)
}

fn base(subject: &str) -> Base {
    let mut is_reply = false;
    let mut text = subject;
    loop {
        text = without_trailers(text, &mut is_reply);
        text = without_leaders(text, &mut is_reply);
        let inner = strip_prefix(text, "[fwd:").and_then(|inner| inner.strip_suffix(']'));
        let Some(inner) = inner else { return Base { text: text.to_owned(), is_reply } };
        is_reply = true;
        text = inner;
    }
}

/// `(fwd)` and blanks at the end.
fn without_trailers<'a>(mut text: &'a str, is_reply: &mut bool) -> &'a str {
    loop {
        text = text.trim_end_matches(' ');
        let Some(start) = text.len().checked_sub(5).filter(|start| text.is_char_boundary(*start)) else { return text };
        if !text[start..].eq_ignore_ascii_case("(fwd)") {
            return text;
        }
        *is_reply = true;
        text = &text[..start];
    }
}

/// `Re:`, `[list] Fwd [2]:` and `[list]` at the beginning, unless nothing is left behind the last one.
fn without_leaders<'a>(mut text: &'a str, is_reply: &mut bool) -> &'a str {
    loop {
        text = text.trim_start_matches(' ');
        if let Some(rest) = after_reply(text) {
            *is_reply = true;
            text = rest;
            continue;
        }
        match after_blob(text) {
            Some(rest) if !rest.is_empty() => text = rest,
            _ => return text,
        }
    }
}

/// What follows brackets and `re:`, `fw:` or `fwd:`.
fn after_reply(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(behind) = after_blob(rest) {
        rest = behind;
    }
    let rest = ["re", "fwd", "fw"].into_iter().find_map(|word| strip_prefix(rest, word))?.trim_start_matches(' ');
    after_blob(rest).unwrap_or(rest).strip_prefix(':')
}

/// What follows `[…]` and blanks.
fn after_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']']).filter(|end| inner.as_bytes()[*end] == b']')?;
    Some(inner[end + 1..].trim_start_matches(' '))
}

/// In any case of letters.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(subject: &str) -> (String, bool) {
        let base = of_field(subject.as_bytes());
        (base.text, base.is_reply)
    }

    #[test]
    fn replies_and_forwards_have_the_subject_of_their_thread() {
        for subject in [
            "Re: lunch",
            "RE :lunch",
            "re[2]: lunch",
            "Fwd: Re: [list] lunch (fwd)",
            "[list] re: [x] Fw: lunch  ( fwd) (FWD)",
            "[Fwd: lunch]",
            "[fwd: re: [Fwd: lunch (fwd)] ] ",
            "=?utf-8?q?Re=3A_lunch?=",
        ] {
            let (text, is_reply) = of(subject);
            assert!(is_reply, "{subject}");
            assert!(text == "lunch" || text == "lunch ( fwd)", "{subject}: {text}");
        }
    }

    #[test]
    fn what_is_no_reply_stays() {
        assert_eq!(of("lunch"), ("lunch".to_owned(), false));
        assert_eq!(of("[list] lunch\r\n\tat  noon"), ("lunch at noon".to_owned(), false));
        assert_eq!(of("[only a list]"), ("[only a list]".to_owned(), false));
        assert_eq!(of("Regarding: x"), ("Regarding: x".to_owned(), false));
        assert_eq!(of("=?iso-8859-1?q?Gr=FC=DFe?="), ("Grüße".to_owned(), false));
        assert_eq!(of(""), (String::new(), false));
        assert_eq!(of("Re:"), (String::new(), true));
    }

    #[test]
    fn brackets_without_end_take_no_time() {
        of(&"[a]".repeat(80_000));
        of(&"[fwd:".repeat(50_000));
    }
}
