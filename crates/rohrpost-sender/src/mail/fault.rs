//! Why a mail could not be built.

use std::fmt;

/// Everything that is wrong with what a mail was to be built from, all at once.
///
/// ```
/// use rohrpost_sender::Mail;
///
/// let error = Mail::new().from("anna").to("bob@kunde.example").subject("two\nlines").build().unwrap_err();
/// assert_eq!(error.faults.iter().map(|(field, _)| *field).collect::<Vec<_>>(), ["from", "subject"]);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct BuildError {
    /// The verb of the builder that was given something wrong, and what is wrong with it.
    pub faults: Vec<(&'static str, String)>,
}

impl BuildError {
    pub(super) fn one(field: &'static str, reason: impl fmt::Display) -> Self {
        Self { faults: vec![(field, reason.to_string())] }
    }
}

/// The faults in the order in which they were made, as one line.
impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (field, reason)) in self.faults.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{field}: {reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}
