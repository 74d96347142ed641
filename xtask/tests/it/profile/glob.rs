//! Patterns of paths as profiles have them: `*`, `**`, `?`, `[…]`, `{a,b}` and `@{VARIABLE}`.

use std::collections::HashMap;

/// The values of variables.
pub(super) struct Variables(HashMap<String, Vec<String>>);

impl Variables {
    /// Reads lines such as `@{run}=/run/ /var/run/`.
    pub(super) fn read(profile: &str) -> Self {
        let mut variables = HashMap::<_, Vec<_>>::new();
        for (name, values) in
            profile.lines().filter(|line| line.starts_with("@{")).filter_map(|line| line.split_once('='))
        {
            let name = name.trim_end_matches('+').trim().to_owned();
            variables.entry(name).or_default().extend(values.split_whitespace().map(str::to_owned));
        }
        Self(variables)
    }

    /// All patterns without variables and without alternatives that a pattern stands for.
    pub(super) fn expand(&self, pattern: &str) -> Vec<String> {
        if let Some((start, end)) =
            pattern.find("@{").and_then(|start| Some((start, start + pattern[start..].find('}')?)))
        {
            let values = self.0.get(&pattern[start..=end]).map(Vec::as_slice).unwrap_or_default();
            let filled = values.iter().map(|value| [&pattern[..start], value, &pattern[end + 1..]].concat());
            // `@{PROC}/x` has a slash too many where the value ends with one.
            return filled.flat_map(|pattern| self.expand(&pattern.replace("//", "/"))).collect();
        }
        match alternatives(pattern) {
            None => vec![pattern.to_owned()],
            Some((before, all, after)) => {
                all.iter().flat_map(|one| self.expand(&[before, one, after].concat())).collect()
            }
        }
    }
}

/// The first `{…}`: what stands before, what it offers, what stands behind.
fn alternatives(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let start = pattern.find('{')?;
    let (mut depth, mut from, mut all) = (0_u32, start + 1, Vec::new());
    for (at, letter) in pattern.char_indices().skip_while(|(at, _)| *at < start) {
        match letter {
            '{' => depth += 1,
            ',' if depth == 1 => {
                all.push(&pattern[from..at]);
                from = at + 1;
            }
            '}' if depth == 1 => {
                all.push(&pattern[from..at]);
                return Some((&pattern[..start], all, &pattern[at + 1..]));
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Whether a path fits a pattern that has been expanded.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return path.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    let mut letters = path.chars();
    match first {
        '*' => {
            let (deep, rest) = rest.strip_prefix('*').map_or((false, rest), |rest| (true, rest));
            let reach = if deep { path.len() } else { path.find('/').unwrap_or(path.len()) };
            (0..=reach).any(|end| path.is_char_boundary(end) && matches(rest, &path[end..]))
        }
        '?' => letters.next().is_some_and(|letter| letter != '/') && matches(rest, letters.as_str()),
        '[' => {
            let (set, rest) = rest.split_once(']').expect("the compiler has read it");
            letters.next().is_some_and(|letter| is_in(set, letter)) && matches(rest, letters.as_str())
        }
        _ => letters.next() == Some(first) && matches(rest, letters.as_str()),
    }
}

/// Whether a letter is in `0-9a`.
fn is_in(set: &str, letter: char) -> bool {
    let set: Vec<_> = set.chars().collect();
    set.contains(&letter) || set.windows(3).any(|range| range[1] == '-' && (range[0]..=range[2]).contains(&letter))
}

#[test]
fn patterns_match_as_profiles_mean_them() {
    let variables = Variables::read("@{PROC}=/proc/\n@{pid}={[1-9],[1-9][0-9]}\n@{run}=/run/ /var/run/\n");
    let table = [
        ("/etc/*", "/etc/hosts", true),
        ("/etc/*", "/etc/ssl/x", false),
        ("/etc/**", "/etc/ssl/x", true),
        ("@{PROC}/@{pid}/maps", "/proc/42/maps", true),
        ("@{PROC}/@{pid}/maps", "/proc/self/maps", false),
        ("@{run}/x", "/var/run/x", true),
        ("/{usr/,}lib{,32}/*.so", "/lib32/a.so", true),
        ("/{usr/,}lib{,32}/*.so", "/lib64/a.so", false),
    ];
    for (pattern, path, expected) in table {
        let found = variables.expand(pattern).iter().any(|pattern| matches(pattern, path));
        assert_eq!(found, expected, "{pattern} {path}");
    }
}
