//! `rohrpost.toml(5)`: the tree of settings as a manual page.

use super::roff::{Roff, bold, escape};
use crate::docs::model::{Kind, Table, Value};

/// Writes every table, the outer one first.
pub(super) fn write(config: &Table, roff: &mut Roff) {
    roff.name("rohrpost.toml", "configuration of the mail server Rohrpost");
    roff.section("Synopsis");
    roff.paragraph("`/etc/rohrpost/rohrpost.toml`");
    roff.section("Description");
    config.about.iter().for_each(|paragraph| roff.paragraph(paragraph));
    roff.paragraph("`rohrpost config sample` prints a commented sample, `rohrpost config check` says what is wrong.");
    roff.section("At the top");
    write_table(config, "", roff);
}

/// The values of a table, then the tables within it, each in a section of its own.
fn write_table(table: &Table, prefix: &str, roff: &mut Roff) {
    for setting in &table.settings {
        if let Kind::Value(value) = &setting.kind {
            let (first, more) = setting.about.split_first().map_or(("", &[][..]), |(first, more)| (first, more));
            roff.item(&format!("{} {}", bold(&setting.key), escape(&standing(value))), first);
            for paragraph in more {
                roff.inner_paragraph(paragraph);
            }
        }
    }
    for setting in &table.settings {
        let (heading, inner) = match &setting.kind {
            Kind::Value(_) => continue,
            Kind::Table(inner) => (format!("[{prefix}{}]", setting.key), inner),
            Kind::Tables(inner) => (format!("[[{prefix}{}]]", setting.key), inner),
        };
        roff.section_named(&heading);
        setting.about.iter().chain(&inner.about).for_each(|paragraph| roff.paragraph(paragraph));
        write_table(inner, &format!("{prefix}{}.", setting.key), roff);
    }
}

/// What holds when nobody sets it.
fn standing(value: &Value) -> String {
    match value {
        Value::Default(toml) => format!("(default {toml})"),
        Value::Example(toml) => format!("(unset; such as {toml})"),
        Value::Required(toml) => format!("(required; such as {toml})"),
    }
}
