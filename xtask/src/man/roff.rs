//! A manual page as man(7) wants it.

/// A page that grows downwards.
#[derive(Debug, Default)]
pub(super) struct Roff(String);

impl Roff {
    /// A page with its title line; `name` as in `NAME(1)`.
    pub(super) fn page(name: &str, section: u8, date: &str, version: &str) -> Self {
        Self(format!(".TH {} {section} {date} \"Rohrpost {version}\" Rohrpost\n", name.to_uppercase()))
    }

    /// Goes on with what another writer began.
    pub(super) fn after(page: String) -> Self {
        Self(page)
    }

    /// A section.
    pub(super) fn section(&mut self, heading: &str) {
        self.0.push_str(&format!(".SH \"{}\"\n", escape(&heading.to_uppercase())));
    }

    /// A section whose heading keeps its letters, such as the name of a table.
    pub(super) fn section_named(&mut self, heading: &str) {
        self.0.push_str(&format!(".SH \"{}\"\n", escape(heading)));
    }

    /// A part of a section.
    pub(super) fn part(&mut self, heading: &str) {
        self.0.push_str(&format!(".SS \"{}\"\n", escape(heading)));
    }

    /// A paragraph, marked up as in Markdown.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.begin_paragraph();
        self.line(&inline(text));
    }

    /// A further paragraph of an item.
    pub(super) fn inner_paragraph(&mut self, text: &str) {
        self.0.push_str(".IP\n");
        self.line(&inline(text));
    }

    /// A term and what it means; the term is roff already, the text as in Markdown.
    pub(super) fn item(&mut self, term: &str, text: &str) {
        self.0.push_str(".TP\n");
        self.line(term);
        self.line(&inline(text));
    }

    /// An entry of a list with a mark before it.
    pub(super) fn bullet(&mut self, text: &str) {
        self.0.push_str(".IP \\(bu 2\n");
        self.line(&inline(text));
    }

    /// Lines that stay as they are.
    pub(super) fn verbatim<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) {
        self.begin_paragraph();
        self.0.push_str(".RS 4\n.nf\n");
        lines.into_iter().for_each(|line| self.line(&escape(line)));
        self.0.push_str(".fi\n.RE\n");
    }

    /// Lines of a synopsis, each by itself.
    pub(super) fn forms<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) {
        self.0.push_str(".nf\n");
        lines.into_iter().for_each(|line| self.line(&escape(line)));
        self.0.push_str(".fi\n");
    }

    /// The name of a page and what it is about, for the index of whatis(1).
    pub(super) fn name(&mut self, names: &str, about: &str) {
        self.section("Name");
        self.line(&format!("{} \\- {}", escape(names), escape(about)));
    }

    /// Other pages, such as `rohrpost(1)`.
    pub(super) fn see_also(&mut self, pages: &[String]) {
        self.section("See also");
        let last = pages.len().saturating_sub(1);
        for (index, page) in pages.iter().enumerate() {
            let (name, section) = page.split_once('(').unwrap_or((page, ""));
            let comma = if index < last { "," } else { "" };
            self.0.push_str(&format!(".BR {} ({section}{comma}\n", escape(name)));
        }
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// A heading begins a paragraph already.
    fn begin_paragraph(&mut self) {
        let last = self.0.lines().next_back().unwrap_or_default();
        if !last.starts_with(".SH") && !last.starts_with(".SS") {
            self.0.push_str(".PP\n");
        }
    }

    /// One line of text. One that begins like an order to roff gets a mark of no width before it.
    fn line(&mut self, roff: &str) {
        if roff.is_empty() {
            return;
        }
        if roff.starts_with(['.', '\'']) {
            self.0.push_str("\\&");
        }
        self.0.push_str(roff);
        self.0.push('\n');
    }
}

/// Text in which nothing is an order to roff. A hyphen may be typed after, so it must not become a dash.
pub(super) fn escape(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq")
}

/// Text in bold.
pub(super) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escape(text))
}

/// Text in italics.
pub(super) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escape(text))
}

/// A line of Markdown: code and strong text become bold, links their text.
pub(super) fn inline(markdown: &str) -> String {
    let mut roff = String::new();
    for (index, part) in markdown.split('`').enumerate() {
        if index % 2 == 1 {
            roff.push_str(&bold(part));
            continue;
        }
        for (index, part) in without_links(part).split("**").enumerate() {
            roff.push_str(&if index % 2 == 1 { bold(part) } else { escape(part) });
        }
    }
    roff
}

/// `[text](place)` as `text`: the places are files of the repository, which the reader of a page may not have.
fn without_links(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, label, after)) = link(rest) {
        text.push_str(before);
        text.push_str(label);
        rest = after;
    }
    text + rest
}

/// The first link: what stands before it, its text, what stands behind.
fn link(markdown: &str) -> Option<(&str, &str, &str)> {
    let (head, tail) = markdown.split_once("](")?;
    let (before, label) = head.rsplit_once('[')?;
    let (_, after) = tail.split_once(')')?;
    Some((before, label, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_an_order_to_roff() {
        let mut roff = Roff::default();
        roff.paragraph(".so /etc/passwd");
        roff.paragraph("'br C:\\x \"y\" --tls");
        assert_eq!(roff.finish(), ".PP\n\\&.so /etc/passwd\n.PP\n\\&'br C:\\ex \\(dqy\\(dq \\-\\-tls\n");
    }

    #[test]
    fn code_and_strong_text_are_bold_and_links_are_their_text() {
        assert_eq!(inline("**Rows** of `a**b`, see [the hand-off](x.md)."), {
            "\\fBRows\\fR of \\fBa**b\\fR, see the hand\\-off."
        });
    }

    #[test]
    fn the_first_paragraph_of_a_section_is_begun_by_its_heading() {
        let mut roff = Roff::default();
        roff.section("Name");
        roff.paragraph("a");
        roff.paragraph("b");
        assert_eq!(roff.finish(), ".SH \"NAME\"\na\n.PP\nb\n");
    }

    #[test]
    fn other_pages_stand_in_one_list() {
        let mut roff = Roff::default();
        roff.see_also(&["rohrpost(1)".to_owned(), "rohrpost.toml(5)".to_owned()]);
        assert_eq!(roff.finish(), ".SH \"SEE ALSO\"\n.BR rohrpost (1),\n.BR rohrpost.toml (5)\n");
    }
}
