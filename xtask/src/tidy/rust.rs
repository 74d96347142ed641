//! Checks of Rust code, on its syntax tree: lengths, module docs, `unwrap`.
//!
//! Tests are not counted: items under `#[cfg(test)]`, files that such an item declares, and everything below a
//! directory `tests`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item};

use super::{Finding, Source};

/// Lines that one function may have, from `fn` to the closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Lines that one file may have, its tests not counted.
const FILE_LINES_MAX: usize = 800;

/// All findings in all Rust files.
pub(super) fn check(sources: &[Source]) -> Result<Vec<Finding>> {
    let mut files = Vec::new();
    for source in sources.iter().filter(|source| source.path.extension().is_some_and(|extension| extension == "rs")) {
        let tree = syn::parse_file(&source.text).with_context(|| format!("cannot parse {}", source.path.display()))?;
        files.push((source, tree));
    }
    let declared: BTreeSet<PathBuf> = files.iter().flat_map(|(source, tree)| test_files(&source.path, tree)).collect();
    let shipped = files.iter().filter(|(source, _)| !is_test_file(&source.path) && !declared.contains(&source.path));
    Ok(shipped.flat_map(|(source, tree)| check_one(source, tree)).collect())
}

fn is_test_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "tests.rs") || path.iter().any(|part| part == "tests")
}

/// The files that `#[cfg(test)] mod name;` in `path` may mean.
fn test_files(path: &Path, tree: &syn::File) -> Vec<PathBuf> {
    let stem = path.file_stem().unwrap_or_default();
    let parent = path.parent().unwrap_or(Path::new(""));
    let children =
        if ["lib", "main", "mod"].iter().any(|root| stem == *root) { parent.to_owned() } else { parent.join(stem) };
    let modules = tree.items.iter().filter_map(|item| match item {
        Item::Mod(module) if module.content.is_none() && is_test(&module.attrs) => Some(module.ident.to_string()),
        _ => None,
    });
    modules.flat_map(|name| [children.join(format!("{name}.rs")), children.join(name).join("mod.rs")]).collect()
}

fn check_one(source: &Source, tree: &syn::File) -> Vec<Finding> {
    let mut reader = Reader::default();
    reader.visit_file(tree);
    let lines = source.text.lines().count() - reader.test_lines;
    if lines > FILE_LINES_MAX {
        reader.faults.push((0, format!("{lines} lines, at most {FILE_LINES_MAX}: split it along what it does")));
    }
    if !tree.attrs.iter().any(|attribute| attribute.path().is_ident("doc")) {
        reader.faults.push((1, "the module does not say what it is (`//!`)".to_owned()));
    }
    reader.faults.into_iter().map(|(line, what)| Finding { path: source.path.clone(), line, what }).collect()
}

/// Walks a file and notes what is wrong.
#[derive(Default)]
struct Reader {
    /// Line and fault.
    faults: Vec<(usize, String)>,
    /// Lines that belong to tests.
    test_lines: usize,
}

impl Reader {
    /// Whether an item is a test. Its lines are then not counted.
    fn skips(&mut self, attributes: &[Attribute], whole: Span) -> bool {
        let skips = is_test(attributes);
        if skips {
            self.test_lines += line_count(whole);
        }
        skips
    }

    fn measure(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let start = signature.fn_token.span.start().line;
        let lines = block.brace_token.span.close().end().line - start + 1;
        if lines > FUNCTION_LINES_MAX {
            self.faults.push((start, format!("`{}` has {lines} lines, at most {FUNCTION_LINES_MAX}", signature.ident)));
        }
    }
}

impl<'a> Visit<'a> for Reader {
    fn visit_item(&mut self, item: &'a Item) {
        if !self.skips(attributes(item), item.span()) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'a syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'a syn::ImplItemFn) {
        if !self.skips(&function.attrs, function.span()) {
            self.measure(&function.sig, &function.block);
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'a syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        if call.method == "unwrap" && call.args.is_empty() {
            let line = call.method.span().start().line;
            self.faults.push((line, "`unwrap` outside tests: `expect` says why it cannot fail".to_owned()));
        }
        visit::visit_expr_method_call(self, call);
    }
}

fn line_count(span: Span) -> usize {
    span.end().line - span.start().line + 1
}

/// Whether attributes make an item part of the tests.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let listed = attribute.meta.require_list().map(|list| list.tokens.to_string()).unwrap_or_default();
        attribute.path().segments.last().is_some_and(|name| name.ident == "test")
            || (attribute.path().is_ident("cfg") && (listed == "test" || listed.starts_with("all (test")))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let source = Source { path: "src/a.rs".into(), text: text.to_owned() };
        check(&[source]).unwrap().into_iter().map(|finding| finding.what).collect()
    }

    fn function(lines: usize) -> String {
        format!("//! Doc.\nfn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_of_seventy_lines_passes_and_one_more_does_not() {
        assert_eq!(faults(&function(FUNCTION_LINES_MAX)), Vec::<String>::new());
        assert_eq!(faults(&function(FUNCTION_LINES_MAX + 1)), ["`long` has 71 lines, at most 70"]);
    }

    #[test]
    fn tests_count_neither_as_lines_nor_as_users_of_unwrap() {
        let body = "    x.unwrap();\n".repeat(FILE_LINES_MAX);
        assert_eq!(
            faults(&format!("//! Doc.\n#[cfg(test)]\nmod tests {{\nfn f() {{\n{body}}}\n}}\n")),
            Vec::<String>::new()
        );
        assert_eq!(faults("//! Doc.\nfn f() {\n    x.unwrap();\n}\n").len(), 1);
    }

    #[test]
    fn a_file_that_is_too_long_or_says_nothing_of_itself_is_found() {
        assert_eq!(faults(&format!("//! Doc.\n{}", "const _: () = ();\n".repeat(FILE_LINES_MAX))).len(), 1);
        assert_eq!(faults("fn f() {}\n"), ["the module does not say what it is (`//!`)"]);
    }

    #[test]
    fn a_file_that_a_test_module_declares_is_a_test() {
        let lib = Source { path: "src/lib.rs".into(), text: "//! Doc.\n#[cfg(test)]\nmod twin;\n".to_owned() };
        let twin = Source { path: "src/twin.rs".into(), text: "fn f() {\n    x.unwrap();\n}\n".to_owned() };
        assert_eq!(check(&[lib, twin]).unwrap().len(), 0);
    }
}
