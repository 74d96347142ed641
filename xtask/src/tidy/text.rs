//! Checks of any text: marks for later, paths of somebody's machine, white space.

use super::{Finding, Source};

/// Words that say that something is unfinished. Written in two parts so that this file may be checked too.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("todo", "!"),
    concat!("unimple", "mented!"),
];

/// Beginnings of paths that exist on the author's machine only.
const PRIVATE_PATHS: &[&str] =
    &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];

/// All findings in all files.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(check_one).collect()
}

fn check_one(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line: usize, what: String| findings.push(Finding { path: source.path.clone(), line, what });
    for (number, line) in (1..).zip(source.text.split_inclusive('\n')) {
        line_faults(line, |what| find(number, what));
    }
    if !source.text.is_empty() && !source.text.ends_with('\n') {
        find(0, "the last line does not end".to_owned());
    }
    findings
}

fn line_faults(line: &str, mut find: impl FnMut(String)) {
    let content = line.strip_suffix('\n').unwrap_or(line);
    if content.ends_with([' ', '\t', '\r']) {
        find("white space at the end of the line".to_owned());
    }
    for word in UNFINISHED.iter().filter(|word| has_word(content, word)) {
        find(format!("`{word}`: finish it or file it"));
    }
    for path in PRIVATE_PATHS.iter().filter(|path| has_path(content, path)) {
        find(format!("a path below `{path}` exists on one machine only"));
    }
}

/// Whether `word` stands in `line` and is not a part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    line.match_indices(word).any(|(start, _)| {
        !inside(line[..start].chars().next_back()) && !inside(line[start + word.len()..].chars().next())
    })
}

/// Whether a path in `line` begins with `start`.
fn has_path(line: &str, start: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "_-./}~".contains(c);
    line.match_indices(start).any(|(at, _)| !line[..at].chars().next_back().is_some_and(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(line: &str) -> Vec<String> {
        let mut found = Vec::new();
        line_faults(line, |what| found.push(what));
        found
    }

    #[test]
    fn a_mark_for_later_is_found_only_as_a_word_of_its_own() {
        let mark = UNFINISHED[2];
        assert_eq!(faults(&format!("// {mark}: later\n")).len(), 1);
        assert_eq!(faults(&format!("mktemp name.{mark}{mark}\n")), Vec::<String>::new());
    }

    #[test]
    fn a_path_of_one_machine_is_found_but_not_inside_another_path() {
        let private = PRIVATE_PATHS[0];
        assert_eq!(faults(&format!("see \"{private}ann/x\"\n")).len(), 1);
        assert_eq!(faults(&format!("see /srv{private}ann/x\n")), Vec::<String>::new());
    }

    #[test]
    fn white_space_at_the_end_and_a_missing_last_line_end_are_found() {
        assert_eq!(faults("a \n").len(), 1);
        assert_eq!(faults("a\r\n").len(), 1);
        let source = Source { path: "a".into(), text: "a\nb".to_owned() };
        assert_eq!(check_one(&source).len(), 1);
    }
}
