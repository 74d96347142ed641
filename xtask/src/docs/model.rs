//! The settings as a tree, read from the Rust source that deserialises them.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context, bail, ensure};
use syn::{Attribute, Expr, Fields, GenericArgument, Item, Lit, Meta, PathArguments, Type};

/// A table of settings.
#[derive(Debug)]
pub(crate) struct Table {
    /// Paragraphs of the doc comment of its struct.
    pub(crate) about: Vec<String>,
    /// Its settings, in the order of the source.
    pub(crate) settings: Vec<Setting>,
}

/// One setting of a table.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its key.
    pub(crate) key: String,
    /// Paragraphs of its doc comment, without the last if that gave the value.
    pub(crate) about: Vec<String>,
    /// What it takes.
    pub(crate) kind: Kind,
}

/// What a setting takes.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A value.
    Value(Value),
    /// A table, `[key]`.
    Table(Table),
    /// Any number of tables, `[[key]]`.
    Tables(Table),
}

/// The value shown for a setting, in TOML.
#[derive(Debug)]
pub(crate) enum Value {
    /// What holds when the setting is missing.
    Default(String),
    /// One that it may have; without it the setting is unset.
    Example(String),
    /// One that it may have; it must be there.
    Required(String),
}

/// Structs by their names: doc comment and fields.
type Structs = HashMap<String, (Vec<String>, Fields)>;

/// Reads the tree that starts at `Config` in `folder/file.rs`.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Table> {
    let mut structs = Structs::new();
    let modules = fs::read_dir(folder.join("file"))?.map(|entry| entry.map(|entry| entry.path()));
    for file in [Ok(folder.join("file.rs"))].into_iter().chain(modules) {
        let file = file?;
        let source = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        for item in syn::parse_file(&source)?.items {
            if let Item::Struct(item) = item {
                structs.insert(item.ident.to_string(), (paragraphs(&item.attrs), item.fields));
            }
        }
    }
    table(&structs, "Config").context("there is no struct `Config`")?
}

/// The table that the struct `name` describes; none where there is no such struct.
fn table(structs: &Structs, name: &str) -> Option<anyhow::Result<Table>> {
    let (about, fields) = structs.get(name)?;
    let setting = |field: &syn::Field| {
        let key = field.ident.as_ref().context("settings have names")?.to_string();
        let setting = setting(structs, &key, paragraphs(&field.attrs), &field.ty);
        setting.with_context(|| format!("{name}.{key}"))
    };
    let settings = fields.iter().map(setting).collect::<anyhow::Result<_>>();
    Some(settings.map(|settings| Table { about: about.clone(), settings }))
}

fn setting(structs: &Structs, key: &str, mut about: Vec<String>, of: &Type) -> anyhow::Result<Setting> {
    let (outer, inner) = names(of)?;
    let last = about.last().and_then(|last| value(last));
    let kind = match last {
        Some(value) => {
            about.pop();
            Kind::Value(value)
        }
        None => match (outer.as_deref(), table(structs, &inner)) {
            (Some("Vec"), Some(table)) => Kind::Tables(table?),
            (None, Some(table)) => Kind::Table(table?),
            _ => bail!("the doc comment must end with `Default: `, `Example: ` or `Required: ` and a value"),
        },
    };
    ensure!(!about.is_empty(), "the setting has no manual");
    Ok(Setting { key: key.to_owned(), about, kind })
}

/// `Vec<Listener>` is (`Vec`, `Listener`), `Tls` is (none, `Tls`).
fn names(of: &Type) -> anyhow::Result<(Option<String>, String)> {
    let Type::Path(path) = of else { bail!("a type with a plain name is expected") };
    let last = path.path.segments.last().context("a type has a name")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return Ok((None, last.ident.to_string())) };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Ok((Some(last.ident.to_string()), names(inner)?.1)),
        _ => bail!("a type argument is expected"),
    }
}

/// The value in a paragraph such as ``Default: `5` ``.
fn value(paragraph: &str) -> Option<Value> {
    let (kind, rest) = paragraph.split_once(": `")?;
    let toml = rest.strip_suffix('`')?.to_owned();
    match kind {
        "Default" => Some(Value::Default(toml)),
        "Example" => Some(Value::Example(toml)),
        "Required" => Some(Value::Required(toml)),
        _ => None,
    }
}

/// The paragraphs of a doc comment, each in one line.
fn paragraphs(attributes: &[Attribute]) -> Vec<String> {
    let lines: Vec<_> = attributes.iter().filter_map(doc_line).collect();
    let paragraphs = lines.split(String::is_empty).filter(|lines| !lines.is_empty());
    paragraphs.map(|lines| lines.join(" ")).collect()
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(value) = &pair.value else { return None };
    match &value.lit {
        Lit::Str(text) if pair.path.is_ident("doc") => Some(text.value().trim().to_owned()),
        _ => None,
    }
}
