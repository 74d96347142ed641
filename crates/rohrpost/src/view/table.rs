//! Columns that line up.

use std::fmt::Write;

use super::{DIM, Styled};

/// A table with a dim headline; numbers stand right, text left.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

struct Column {
    title: &'static str,
    right: bool,
}

impl Table {
    /// A table with these headings; those that start with `>` head numbers.
    pub(crate) fn new(titles: &[&'static str]) -> Self {
        let column = |title: &&'static str| match title.strip_prefix('>') {
            Some(title) => Column { title, right: true },
            None => Column { title, right: false },
        };
        Self { columns: titles.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row with one cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The whole table, each line ended.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        let titles: Vec<_> = self.columns.iter().map(|column| column.title.to_owned()).collect();
        let widths = self.widths(&titles);
        let _ = writeln!(text, "{}", Styled(DIM, self.line(&titles, &widths)));
        for row in &self.rows {
            let _ = writeln!(text, "{}", self.line(row, &widths));
        }
        text
    }

    fn widths(&self, titles: &[String]) -> Vec<usize> {
        let width = |place: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(place));
            cells.chain([&titles[place]]).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..titles.len()).map(width).collect()
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let cell = |((cell, column), width): ((&String, &Column), &usize)| {
            if column.right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        };
        let cells: Vec<_> = cells.iter().zip(&self.columns).zip(widths).map(cell).collect();
        cells.join("  ").trim_end().to_owned()
    }
}
