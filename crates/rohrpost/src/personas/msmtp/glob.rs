//! Patterns of `from`, as the shell has them for file names: `?`, `*`, `[abc]`, `[a-z]`, `[!a]`, and `\` before a character
//! that means itself. Letters count in any case, since domains do.

/// Whether a text is a pattern rather than an address.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['?', '*', '['])
}

/// Whether the pattern matches the whole text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    matches_from(&lower(pattern), &lower(text))
}

/// A `*` is tried again with one character more each time the rest does not match: the last star alone need be, so the time
/// is bounded by the product of the lengths.
fn matches_from(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut place, mut star) = (0, 0, None);
    loop {
        match pattern.get(at) {
            Some('*') => {
                at += 1;
                star = Some((at, place));
                continue;
            }
            None if place == text.len() => return true,
            Some(_) if place < text.len() => {
                if let Some(length) = one(&pattern[at..], text[place]) {
                    (at, place) = (at + length, place + 1);
                    continue;
                }
            }
            _ => {}
        }
        match star {
            Some((after, from)) if from < text.len() => {
                (at, place, star) = (after, from + 1, Some((after, from + 1)));
            }
            _ => return false,
        }
    }
}

/// How many characters of the pattern match this one character, if they do.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == c).then_some(2),
        ['[', set @ ..] => match set_end(set) {
            Some(end) => in_set(&set[..end], c).then_some(end + 2),
            None => (c == '[').then_some(1),
        },
        [plain, ..] => (*plain == c).then_some(1),
        [] => None,
    }
}

/// The place of the bracket that ends a set; one that comes first is part of it.
fn set_end(set: &[char]) -> Option<usize> {
    let first = if matches!(set.first(), Some('!' | '^')) { 2 } else { 1 };
    set.iter().skip(first).position(|c| *c == ']').map(|place| place + first)
}

fn in_set(set: &[char], c: char) -> bool {
    let (set, wanted) = match set {
        ['!' | '^', rest @ ..] => (rest, false),
        _ => (set, true),
    };
    let mut rest = set;
    let mut found = false;
    while !rest.is_empty() {
        rest = match rest {
            [low, '-', high, after @ ..] => {
                found |= (*low..=*high).contains(&c);
                after
            }
            [single, after @ ..] => {
                found |= *single == c;
                after
            }
            [] => rest,
        };
    }
    found == wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_the_shell_matches_file_names() {
        let yes = [
            ("joe@x.example", "Joe@X.example"),
            ("*@x.example", "anyone@x.example"),
            ("*", ""),
            ("j?e@*", "jae@y"),
            ("*a*b*c", "xxaxxbxxbxxc"),
            ("[abc]@x", "b@x"),
            ("[a-cx]@x", "x@x"),
            ("[!a]@x", "b@x"),
            ("[]]@x", "]@x"),
            ("\\*@x", "*@x"),
            ("[@x", "[@x"),
        ];
        for (pattern, text) in yes {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        let no = [
            ("joe@x.example", "joe@x.example.org"),
            ("*@x.example", "joe@xx.example"),
            ("j?e", "je"),
            ("[!a]@x", "a@x"),
            ("[a-c]", "d"),
            ("\\*@x", "a@x"),
            ("", "a"),
            ("*b", "abc"),
        ];
        for (pattern, text) in no {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_full_of_stars_is_soon_decided() {
        assert!(!matches(&("a*".repeat(200) + "b"), &"a".repeat(5_000)));
        assert!(matches(&"a*".repeat(200), &"a".repeat(5_000)));
    }
}
