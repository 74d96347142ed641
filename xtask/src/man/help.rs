//! What a persona prints for `--help`, as parts of a manual page.
//!
//! `sendmail` and `msmtp` have command lines that clap cannot describe, and their help is written by hand. A test of
//! theirs keeps it complete, so the pages are made from it.

use super::roff::{Roff, bold, escape, italic};

/// The ways to call the program, and what is said about its options.
#[derive(Debug)]
pub(super) struct Help<'a> {
    /// Below `Usage:`.
    pub(super) forms: Vec<&'a str>,
    blocks: Vec<Vec<&'a str>>,
}

/// Splits a help text at its empty lines.
pub(super) fn read(help: &str) -> Help<'_> {
    let lines: Vec<_> = help.lines().collect();
    let mut blocks: Vec<Vec<_>> =
        lines.split(|line| line.is_empty()).filter(|block| !block.is_empty()).map(<[_]>::to_vec).collect();
    let usage = blocks.iter().position(|block| block[0].starts_with("Usage:"));
    let forms = usage.map(|usage| blocks.drain(..=usage).next_back().unwrap_or_default()).unwrap_or_default();
    let forms = forms.into_iter().map(|line| line.trim_start_matches("Usage:").trim()).filter(|form| !form.is_empty());
    Help { forms: forms.collect(), blocks }
}

impl Help<'_> {
    /// Writes the options onto a page.
    pub(super) fn write(&self, roff: &mut Roff) {
        for block in &self.blocks {
            match block.as_slice() {
                [heading, options @ ..] if heading.ends_with(':') => {
                    roff.part(heading.trim_end_matches(':'));
                    self::options(options, roff);
                }
                options if options[0].starts_with("  ") => self::options(options, roff),
                text => {
                    roff.paragraph(&text.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "));
                }
            }
        }
    }
}

/// Lines such as `  -f, --from=ADDRESS   sender`, some with more text on the next, further in.
fn options(lines: &[&str], roff: &mut Roff) {
    let mut items: Vec<(&str, String)> = Vec::new();
    for line in lines {
        let is_further_in = line.starts_with("   ");
        match items.last_mut() {
            Some((_, text)) if is_further_in => {
                text.push(' ');
                text.push_str(line.trim());
            }
            _ => {
                let (option, text) = parts(line.trim());
                items.push((option, text.to_owned()));
            }
        }
    }
    for (option, text) in items {
        roff.item(&term(option), text.trim());
    }
}

/// The options, and what stands behind two blanks or more and is no option.
fn parts(line: &str) -> (&str, &str) {
    let gaps = line.match_indices("  ").map(|(gap, _)| (line[..gap].trim_end(), line[gap..].trim_start()));
    gaps.into_iter().find(|(_, text)| !text.starts_with('-')).unwrap_or((line, ""))
}

/// Options bold, what stands for a value in italics.
fn term(option: &str) -> String {
    let is_value = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let words = option.split_inclusive(' ').map(|word| {
        if !word.starts_with('-') {
            return if word.chars().any(|c| c.is_ascii_uppercase()) { italic(word) } else { escape(word) };
        }
        let (name, value) = word.split_at(word.find(is_value).unwrap_or(word.len()));
        bold(name) + &escape(value)
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "\
Does this and that.

Usage: sendmail [OPTIONS]
       mailq

  -f, -r ADDRESS     sender
  -N never|success
                     which notices
  -bp  -q  list; run

General:
  --file=FILE        a file

Others are
  --accepted.
";

    #[test]
    fn a_help_text_becomes_options_and_paragraphs() {
        let help = read(HELP);
        assert_eq!(help.forms, ["sendmail [OPTIONS]", "mailq"]);
        let mut roff = Roff::default();
        help.write(&mut roff);
        assert_eq!(
            roff.finish(),
            ".TP\n\\fB\\-f\\fR, \\fB\\-r\\fR \\fIADDRESS\\fR\nsender\n.TP\n\\fB\\-N\\fR never|success\nwhich notices\n\
             .TP\n\\fB\\-bp\\fR  \\fB\\-q\\fR\nlist; run\n.SS \"General\"\n.TP\n\\fB\\-\\-file\\fR=FILE\na file\n.PP\nOthers are \\-\\-accepted.\n"
        );
    }
}
