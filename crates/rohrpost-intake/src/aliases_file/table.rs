//! The syntax of a file of aliases.
//!
//! ```text
//! # a comment
//! root:        ann, bob@b.example,     a line that begins with a blank goes on
//!              "carl the cook"
//! staff:       :include:/etc/mail/staff
//! ann:         \ann, ann@phone.example  the backslash: Ann herself, and no alias any more
//! ```

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
};

use rohrpost_mail::{LocalPart, Mailbox};

use super::key;

/// All entries of a file, by name.
#[derive(Debug, Default)]
pub(super) struct Table(HashMap<String, Entry>);

/// One alias.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where it begins, from 1.
    pub(super) line: usize,
    pub(super) values: Vec<Value>,
}

/// One of the things that an alias stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Value {
    /// A name of this host, which may be an alias too.
    Name(String),
    /// `\name`: a name that is no alias here.
    Final(String),
    Address(Mailbox),
    /// `:include:/path`
    Include(PathBuf),
    Bad(BadValue),
}

/// A value that no alias can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BadValue {
    /// `|command`
    Command,
    /// `/file`
    File,
    /// `pipe:NAME`, and no such way out is declared.
    Pipe,
    /// Neither a name nor an address.
    Unreadable,
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Command => "a command, which is never run",
            Self::File => "a file, which is never written to",
            Self::Pipe => "a pipe that is not declared",
            Self::Unreadable => "a value that is no address",
        })
    }
}

impl Table {
    /// Reads a file. Lines that are no entry are nothing; the last entry of a name counts.
    pub(super) fn parse(text: &str) -> Self {
        let mut entries = HashMap::new();
        for (line, text) in logical_lines(text) {
            let Some((name, values)) = split_name(&text) else { continue };
            entries.insert(key(&name), Entry { line, values: list(values) });
        }
        Self(entries)
    }

    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.0.get(&key(name))
    }

    /// Values that refuse their alias, with its line.
    pub(super) fn refused(&self) -> impl Iterator<Item = (usize, BadValue)> {
        self.0.values().flat_map(|entry| {
            entry.values.iter().filter_map(|value| match value {
                Value::Bad(bad) => Some((entry.line, *bad)),
                _ => None,
            })
        })
    }
}

/// Lines with those that go on from them, without comments, each with the number of its first.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let goes_on = line.starts_with([' ', '\t']);
        let is_empty = line.trim().is_empty() || line.trim_start().starts_with('#');
        match lines.last_mut() {
            _ if is_empty => {}
            Some((_, before)) if goes_on => {
                before.push(' ');
                before.push_str(line.trim());
            }
            _ if goes_on => {}
            _ => lines.push((number, line.to_owned())),
        }
    }
    lines
}

/// `name: values`; the name may stand in quotes.
fn split_name(line: &str) -> Option<(String, &str)> {
    let (name, values) = match line.strip_prefix('"') {
        Some(quoted) => {
            let (name, rest) = quoted.split_once('"')?;
            (name, rest.trim_start().strip_prefix(':')?)
        }
        None => line.split_once(':')?,
    };
    let name = name.trim();
    (!name.is_empty()).then(|| (name.to_owned(), values))
}

/// Values parted by commas or line ends, as in an entry or an included list.
pub(super) fn list(text: &str) -> Vec<Value> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.flat_map(split_commas).filter(|text| !text.is_empty()).map(value).collect()
}

/// Cuts at commas outside of quotes.
fn split_commas(line: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                parts.push(line[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(line[start..].trim());
    parts
}

fn value(text: &str) -> Value {
    // Quotes around all of it change nothing but what commas mean: `"|cmd a,b"` is a command as well.
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text).trim_start();
    match inner.as_bytes().first() {
        Some(b'|') => return Value::Bad(BadValue::Command),
        Some(b'/') => return Value::Bad(BadValue::File),
        _ => {}
    }
    if let Some(path) = inner.strip_prefix(":include:").map(|path| Path::new(path.trim())) {
        return if path.is_absolute() { Value::Include(path.to_owned()) } else { Value::Bad(BadValue::Unreadable) };
    }
    if inner.starts_with("pipe:") {
        return Value::Bad(BadValue::Pipe);
    }
    if let Some(name) = inner.strip_prefix('\\') {
        return name_or(name, Value::Final);
    }
    match Mailbox::parse(text) {
        Ok(address) => Value::Address(address),
        Err(_) => name_or(inner, Value::Name),
    }
}

/// A name, if it is one that can stand before an `@`.
fn name_or(text: &str, wrap: impl FnOnce(String) -> Value) -> Value {
    let good = !text.contains(['@', '<', '>', ':', ';', '|', '/']) && LocalPart::new(text).is_ok();
    if good { wrap(text.to_owned()) } else { Value::Bad(BadValue::Unreadable) }
}
