//! The file of `aliases`: which addresses stand for a recipient without a domain.
//!
//! Only the envelope changes; To and Cc stay as they are. This is msmtp's own small format (`name: address, address`), not
//! the `/etc/aliases` of a server: no commands, no files, no include.

use std::{collections::BTreeMap, str::FromStr};

use super::limits::{ALIAS_DEPTH_MAX, RECIPIENTS_MAX};

/// What each local name stands for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Aliases(BTreeMap<String, Vec<String>>);

/// What is wrong with the file or with what it leads to.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum AliasError {
    /// A line without a colon, without a name or without a target.
    #[error("line {0}: expected \"name: address, …\"")]
    Syntax(usize),
    /// The name stands there twice.
    #[error("line {line}: {name} was already defined")]
    Twice {
        /// The second of the two.
        line: usize,
        /// What is defined.
        name: String,
    },
    /// An alias leads to itself.
    #[error("{0} leads back to itself")]
    Loop(String),
    /// More than anybody sends to.
    #[error("the aliases lead to more than {RECIPIENTS_MAX} recipients")]
    TooMany,
}

impl FromStr for Aliases {
    type Err = AliasError;

    fn from_str(text: &str) -> Result<Self, AliasError> {
        let mut aliases = BTreeMap::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.split('#').next().unwrap_or_default().trim();
            if text.is_empty() {
                continue;
            }
            let (name, targets) = text.split_once(':').ok_or(AliasError::Syntax(line))?;
            let name = name.trim().to_lowercase();
            let targets: Vec<_> = targets.split(',').map(|target| target.trim().to_owned()).collect();
            if name.is_empty() || name.contains(char::is_whitespace) || targets.iter().any(String::is_empty) {
                return Err(AliasError::Syntax(line));
            }
            if aliases.insert(name.clone(), targets).is_some() {
                return Err(AliasError::Twice { line, name });
            }
        }
        Ok(Self(aliases))
    }
}

impl Aliases {
    /// The recipients with every local name replaced, each once. A name that nothing is known of goes to `default`, or stays
    /// as it is where there is none.
    pub(super) fn expand(&self, recipients: &[String]) -> Result<Vec<String>, AliasError> {
        let mut all = Vec::new();
        for recipient in recipients {
            self.expand_one(recipient, 0, &mut all)?;
        }
        Ok(all)
    }

    fn expand_one(&self, recipient: &str, depth: usize, all: &mut Vec<String>) -> Result<(), AliasError> {
        if depth > ALIAS_DEPTH_MAX {
            return Err(AliasError::Loop(recipient.to_owned()));
        }
        let targets = || self.0.get(&recipient.to_lowercase()).or_else(|| self.0.get("default"));
        if let Some(targets) = (!recipient.contains('@')).then(targets).flatten() {
            return targets.iter().try_for_each(|target| self.expand_one(target, depth + 1, all));
        }
        if all.len() == RECIPIENTS_MAX {
            return Err(AliasError::TooMany);
        }
        if !all.iter().any(|known| known == recipient) {
            all.push(recipient.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(file: &str, recipients: &[&str]) -> Result<Vec<String>, AliasError> {
        let recipients: Vec<_> = recipients.iter().map(ToString::to_string).collect();
        file.parse::<Aliases>()?.expand(&recipients)
    }

    const FILE: &str = "# who gets what\nroot: joe@x.example, jane@x.example # both\ncron: root\n\
        Mark : mark@x.example\ndefault: admin@x.example\n";

    #[test]
    fn local_names_are_replaced_and_addresses_stay() {
        assert_eq!(expand(FILE, &["ROOT"]).unwrap(), ["joe@x.example", "jane@x.example"]);
        assert_eq!(expand(FILE, &["cron", "mark"]).unwrap(), ["joe@x.example", "jane@x.example", "mark@x.example"]);
        assert_eq!(expand(FILE, &["nobody"]).unwrap(), ["admin@x.example"]);
        assert_eq!(expand("cron: nobody\ndefault: a@x.example", &["cron"]).unwrap(), ["a@x.example"]);
        assert_eq!(expand(FILE, &["root@y.example", "root@y.example"]).unwrap(), ["root@y.example"]);
        assert_eq!(expand("a: b@x.example", &["nobody"]).unwrap(), ["nobody"]);
    }

    #[test]
    fn loops_and_broken_lines_are_named() {
        assert!(matches!(expand("a: b\nb: a\n", &["a"]), Err(AliasError::Loop(_))));
        assert!(matches!(expand("default: root\n", &["cron"]), Err(AliasError::Loop(_))));
        assert_eq!(expand("\na\n", &["a"]), Err(AliasError::Syntax(2)));
        assert_eq!(expand("a: b@x,,c@x", &["a"]), Err(AliasError::Syntax(1)));
        assert_eq!(expand("a: b@x\nA: c@x", &["a"]), Err(AliasError::Twice { line: 2, name: "a".into() }));
    }
}
