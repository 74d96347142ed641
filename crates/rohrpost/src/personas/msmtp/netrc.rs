//! `.netrc`: log-ins by machine, as FTP clients have kept them since BSD.
//!
//! Only `machine`, `default`, `login` and `password` count; `account` is read over, `macdef` up to its empty line.

use rohrpost_mail::Secret;

/// The password of `user` on `machine`: of the entry that names both, else of one for the machine that names nobody, else of
/// the default entry.
pub(super) fn password(text: &str, machine: &str, user: &str) -> Option<Secret> {
    let entries = entries(text);
    let of_user = |entry: &&Entry| entry.login.as_deref().is_none_or(|login| login == user);
    let of_machine = |entry: &&Entry| entry.machine.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(machine));
    let named = |entry: &&Entry| of_machine(entry) && entry.login.is_some();
    let found = entries.iter().filter(of_user);
    let exact = found.clone().find(named);
    let machine = || found.clone().find(of_machine);
    let default = || found.clone().find(|entry| entry.machine.is_none());
    exact.or_else(machine).or_else(default)?.password.clone()
}

#[derive(Default)]
struct Entry {
    /// None for `default`.
    machine: Option<String>,
    login: Option<String>,
    password: Option<Secret>,
}

fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut words = Words { rest: text };
    while let Some(word) = words.next() {
        match word.as_str() {
            "machine" => entries.push(Entry { machine: Some(words.next().unwrap_or_default()), ..Entry::default() }),
            "default" => entries.push(Entry::default()),
            "macdef" => words.skip_macro(),
            "login" => {
                let login = words.next();
                entries.last_mut().into_iter().for_each(|entry| entry.login.clone_from(&login));
            }
            "password" => {
                let password = words.next().map(Secret::new);
                entries.last_mut().into_iter().for_each(|entry| entry.password.clone_from(&password));
            }
            "account" => drop(words.next()),
            _ => {}
        }
    }
    entries
}

/// Words, split at blanks, quoted or with backslashes where they hold blanks themselves. `#` begins a comment.
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    /// A macro ends with an empty line, or with the file.
    fn skip_macro(&mut self) {
        self.rest = self.rest.find("\n\n").map_or("", |end| &self.rest[end..]);
    }
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        while self.rest.starts_with('#') {
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        }
        let (mut word, mut quoted, mut escaped) = (String::new(), false, false);
        let mut end = self.rest.len();
        for (place, c) in self.rest.char_indices() {
            match c {
                _ if escaped => {
                    escaped = false;
                    word.push(c);
                }
                '\\' => escaped = true,
                '"' => quoted = !quoted,
                c if c.is_whitespace() && !quoted => {
                    end = place;
                    break;
                }
                c => word.push(c),
            }
        }
        let some = end > 0;
        self.rest = &self.rest[end..];
        some.then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# mine\nmachine mail.example login ann password one\n\
        machine mail.example\n  login \"joe smith\"\n  password \"two words\"\n\
        macdef init\nmachine trap.example login ann password trap\n\n\
        machine other.example password anyone account x\nmachine q.example login ann password a\\\"b\n\
        default login ann password last";

    fn of(machine: &str, user: &str) -> Option<String> {
        password(FILE, machine, user).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn the_entry_for_machine_and_user_wins() {
        assert_eq!(of("mail.example", "ann").as_deref(), Some("one"));
        assert_eq!(of("Mail.Example", "joe smith").as_deref(), Some("two words"));
        assert_eq!(of("other.example", "whoever").as_deref(), Some("anyone"));
        assert_eq!(of("q.example", "ann").as_deref(), Some("a\"b"));
    }

    #[test]
    fn the_default_is_for_all_other_machines_and_macros_are_no_entries() {
        assert_eq!(of("trap.example", "ann").as_deref(), Some("last"));
        assert_eq!(of("elsewhere.example", "ann").as_deref(), Some("last"));
        assert_eq!(of("mail.example", "nobody"), None);
    }
}
