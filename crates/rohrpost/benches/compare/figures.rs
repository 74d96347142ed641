//! What was measured, and how it is told.

use std::fmt::{self, Write as _};

/// One row of the report: the same job done by several programs, in turn, round after round.
pub(crate) struct Row {
    /// What was done.
    pub(crate) job: String,
    /// The unit of the figures, such as `messages/s`.
    pub(crate) unit: &'static str,
    /// The figures of each program, one a round.
    pub(crate) columns: Vec<(&'static str, Vec<f64>)>,
    /// What was hoped for.
    pub(crate) goals: Vec<Goal>,
}

/// A ratio that is to be reached, or a figure that must not be passed.
pub(crate) enum Goal {
    /// Ours divided by this column's, round by round: more is better.
    AtLeast { times: f64, column: &'static str },
    /// The same where less is better.
    NoMoreThan { times: f64, column: &'static str },
    /// Our own figure.
    AtMost(f64),
    /// One of the two is enough.
    Either(Box<[Goal; 2]>),
}

/// The middle of the figures; NaN of none.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

impl Row {
    /// The figures of one program.
    fn column(&self, name: &str) -> &[f64] {
        self.columns.iter().find(|(column, _)| *column == name).map_or(&[], |(_, figures)| figures)
    }

    /// Our figures.
    fn ours(&self) -> &[f64] {
        self.column(OURS)
    }

    /// Ratios of each round: noise that slows both cancels out.
    fn ratios(&self, column: &str) -> Vec<f64> {
        self.ours().iter().zip(self.column(column)).map(|(ours, theirs)| ours / theirs).collect()
    }

    fn verdict(&self, goal: &Goal) -> String {
        let (text, reached) = self.judge(goal);
        format!("{text} {}", if reached { "✓" } else { "**missed**" })
    }

    /// How near we came, in words, and whether that is near enough.
    fn judge(&self, goal: &Goal) -> (String, bool) {
        match goal {
            Goal::AtLeast { times, column } => {
                let ratio = median(&self.ratios(column));
                (format!("{ratio:.2} × {column} (goal ≥ {times} ×)"), ratio >= *times)
            }
            Goal::NoMoreThan { times, column } => {
                let ratio = median(&self.ratios(column));
                (format!("{ratio:.2} × {column} (goal ≤ {times} ×)"), ratio <= *times)
            }
            Goal::AtMost(most) => {
                let figure = median(self.ours());
                (format!("{figure:.1} (goal ≤ {most})"), figure <= *most)
            }
            Goal::Either(goals) => {
                let [(one, is_one), (other, is_other)] = [self.judge(&goals[0]), self.judge(&goals[1])];
                (format!("{one} or {other}"), is_one || is_other)
            }
        }
    }
}

/// The column of this program.
pub(crate) const OURS: &str = "Rohrpost";

/// A line of a Markdown table.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cells = String::new();
        for (name, figures) in &self.columns {
            let low = figures.iter().copied().fold(f64::INFINITY, f64::min);
            let high = figures.iter().copied().fold(0.0, f64::max);
            let digits = usize::from(high < 100.0);
            write!(cells, "{name} {:.digits$} ({low:.digits$}–{high:.digits$})<br>", median(figures))?;
        }
        let goals: Vec<_> = self.goals.iter().map(|goal| self.verdict(goal)).collect();
        write!(f, "| {} | {} | {} | {} |", self.job, self.unit, cells.trim_end_matches("<br>"), goals.join("<br>"))
    }
}
