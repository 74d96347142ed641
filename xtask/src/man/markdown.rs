//! The Markdown that our own `docs` are written in, as parts of a manual page.
//!
//! Not all of Markdown: headings, paragraphs, lists, tables and blocks of code, each as we write them.

use super::roff::{Roff, inline};

/// What stands under one heading of a document.
#[derive(Debug)]
pub(super) struct Chapter<'a> {
    /// The heading; empty for what stands before the first.
    pub(super) heading: &'a str,
    lines: Vec<&'a str>,
}

/// The chapters of a document, by its headings of the second level. The title is left out.
pub(super) fn chapters(document: &str) -> Vec<Chapter<'_>> {
    let mut chapters = vec![Chapter { heading: "", lines: Vec::new() }];
    for line in document.lines().filter(|line| !line.starts_with("# ")) {
        match (line.strip_prefix("## "), chapters.last_mut()) {
            (None, Some(chapter)) => chapter.lines.push(line),
            (heading, _) => chapters.push(Chapter { heading: heading.unwrap_or_default(), lines: Vec::new() }),
        }
    }
    chapters
}

impl Chapter<'_> {
    /// Writes it onto a page, without its heading.
    pub(super) fn write(&self, roff: &mut Roff) {
        let mut rest = self.lines.as_slice();
        while let Some((first, after)) = rest.split_first() {
            let fenced = first.starts_with("```");
            let end = if fenced {
                after.iter().position(|line| line.starts_with("```")).map_or(rest.len(), |end| end + 2)
            } else {
                rest.iter().position(|line| line.is_empty() || line.starts_with("```")).unwrap_or(rest.len())
            };
            let (block, after) = rest.split_at(end.max(1));
            match block {
                [""] => {}
                [_, code @ .., _] if fenced => roff.verbatim(code.iter().copied()),
                _ => text(block, roff),
            }
            rest = after;
        }
    }
}

/// A block without an empty line in it: a table, or paragraphs and entries of a list.
fn text(block: &[&str], roff: &mut Roff) {
    if block[0].starts_with('|') {
        return table(block, roff);
    }
    let mut entries: Vec<String> = Vec::new();
    for line in block {
        match entries.last_mut() {
            Some(entry) if entry_of_list(line).is_none() => *entry = format!("{entry} {}", line.trim()),
            _ => entries.push((*line).to_owned()),
        }
    }
    for entry in entries {
        match entry_of_list(&entry) {
            Some(entry) => roff.bullet(entry),
            None => roff.paragraph(&entry),
        }
    }
}

/// What stands behind `- ` or `1. `.
fn entry_of_list(line: &str) -> Option<&str> {
    let (mark, entry) = line.split_once(' ')?;
    let number = mark.strip_suffix('.').is_some_and(|number| number.parse::<u8>().is_ok());
    (mark == "-" || number).then_some(entry)
}

/// The first column names what the others are about. Where it has no heading the others are compared, so each shows
/// its own; else the second explains the first, and only further ones do.
fn table(rows: &[&str], roff: &mut Roff) {
    let Some((head, rows)) = rows.split_first() else { return };
    let head = cells(head);
    for row in rows.iter().skip(1) {
        let row = cells(row);
        let compares = head[0].is_empty() && head.len() > 2;
        let text = |(column, cell): (usize, &String)| {
            if column == 1 && !compares { cell.clone() } else { format!("{}: {cell}", head[column]) }
        };
        let columns = row.iter().take(head.len()).enumerate().skip(1).filter(|(_, cell)| !cell.is_empty());
        let parts: Vec<_> = columns.map(text).collect();
        roff.item(&inline(row.first().map_or("", String::as_str)), &parts.join("; "));
    }
}

fn cells(row: &str) -> Vec<String> {
    row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(document: &str) -> String {
        let mut roff = Roff::default();
        for chapter in chapters(document) {
            chapter.write(&mut roff);
        }
        roff.finish()
    }

    #[test]
    fn a_document_is_cut_at_its_headings() {
        let headings: Vec<_> =
            chapters("# Title\n\nFirst.\n\n## Two\nx\n## Three\n").iter().map(|chapter| chapter.heading).collect();
        assert_eq!(headings, ["", "Two", "Three"]);
    }

    #[test]
    fn paragraphs_and_lists_are_joined_over_their_lines() {
        assert_eq!(page("One\ntwo.\n\n- a\n  b\n- c\n"), { ".PP\nOne two.\n.IP \\(bu 2\na b\n.IP \\(bu 2\nc\n" });
    }

    #[test]
    fn a_table_is_a_list_of_terms() {
        assert_eq!(page("| a | b |\n|---|---|\n| `x` | y |\n"), ".TP\n\\fBx\\fR\ny\n");
        assert_eq!(page("| a | b | c |\n|---|---|---|\n| x | y | z |\n"), ".TP\nx\ny; c: z\n");
        assert_eq!(page("| | Postfix | here |\n|---|---|---|\n| x | y | z |\n"), ".TP\nx\nPostfix: y; here: z\n");
    }

    #[test]
    fn code_stays_as_it_is() {
        assert_eq!(page("```sh\na\n\n  b\n```\nc\n"), ".PP\n.RS 4\n.nf\na\n  b\n.fi\n.RE\n.PP\nc\n");
    }
}
