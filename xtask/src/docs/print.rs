//! The tree of settings as a page for people and as a commented sample.

use std::fmt::Write;

use super::model::{Kind, Setting, Table, Value};

/// Columns of the sample.
const WIDTH: usize = 100;

/// `docs/configuration.md`
pub(crate) fn reference(config: &Table) -> String {
    let mut text = String::from(
        "# Configuration: `rohrpost.toml`\n\n\
         <!-- Made by `cargo xtask docs` from the doc comments in crates/rohrpost/src/config/file; change those. -->\n",
    );
    prose(&mut text, &config.about);
    text.push_str(
        "\n`rohrpost config sample` prints a commented sample, `rohrpost config check` says what is wrong and where.\n\n\
         ## At the top\n",
    );
    page(&mut text, config, "");
    text
}

/// The values of a table, then the tables within it, each with a heading of its own.
fn page(text: &mut String, table: &Table, prefix: &str) {
    for setting in &table.settings {
        if let Kind::Value(value) = &setting.kind {
            let _ = write!(text, "\n**`{}`** · {}\n", setting.key, standing(value));
            prose(text, &setting.about);
        }
    }
    for (heading, setting, inner) in tables(table, prefix) {
        let _ = write!(text, "\n## `{heading}`\n");
        prose(text, &setting.about);
        prose(text, &inner.about);
        page(text, inner, &format!("{prefix}{}.", setting.key));
    }
}

fn prose(text: &mut String, paragraphs: &[String]) {
    for paragraph in paragraphs {
        let _ = write!(text, "\n{paragraph}\n");
    }
}

/// What the value of a setting is when nobody sets it.
fn standing(value: &Value) -> String {
    match value {
        Value::Default(toml) => format!("default `{toml}`"),
        Value::Example(toml) => format!("unset; such as `{toml}`"),
        Value::Required(toml) => format!("required; such as `{toml}`"),
    }
}

/// The tables within a table, with their headings.
fn tables<'a>(table: &'a Table, prefix: &str) -> Vec<(String, &'a Setting, &'a Table)> {
    let inner = |setting: &'a Setting| match &setting.kind {
        Kind::Value(_) => None,
        Kind::Table(inner) => Some((format!("[{prefix}{}]", setting.key), setting, inner)),
        Kind::Tables(inner) => Some((format!("[[{prefix}{}]]", setting.key), setting, inner)),
    };
    table.settings.iter().filter_map(inner).collect()
}

/// `docs/rohrpost.sample.toml`: what is set out with `#` and no blank behind it is a setting at its default.
pub(crate) fn sample(config: &Table) -> String {
    let mut text = String::new();
    for paragraph in &config.about {
        comment(&mut text, paragraph);
        text.push_str("#\n");
    }
    comment(&mut text, "Take away the # before a setting to change it. Those without a # must be set.");
    settings(&mut text, config, "", false);
    text
}

/// One table of the sample; `out` when it stands in one that is set out, as all of `[[…]]` are.
fn settings(text: &mut String, table: &Table, prefix: &str, out: bool) {
    for setting in &table.settings {
        let Kind::Value(value) = &setting.kind else { continue };
        text.push('\n');
        setting.about.iter().for_each(|paragraph| comment(text, paragraph));
        let (mark, toml) = match value {
            Value::Default(toml) | Value::Example(toml) => ("#", toml),
            Value::Required(toml) => (if out { "#" } else { "" }, toml),
        };
        let _ = writeln!(text, "{mark}{} = {toml}", setting.key);
    }
    for (heading, setting, inner) in tables(table, prefix) {
        text.push('\n');
        setting.about.iter().chain(&inner.about).for_each(|paragraph| comment(text, paragraph));
        let out = out || matches!(setting.kind, Kind::Tables(_));
        let _ = writeln!(text, "{}{heading}", if out { "#" } else { "" });
        settings(text, inner, &format!("{prefix}{}.", setting.key), out);
    }
}

/// A paragraph as comment lines of at most [`WIDTH`] columns.
fn comment(text: &mut String, paragraph: &str) {
    let mut line = String::from("#");
    for word in paragraph.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = String::from("#");
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(text, "{line}");
}
