//! What was said on a connection, for whoever looks for a fault.
//!
//! Secrets and message texts never come here: AUTH lines arrive masked, of the body only its existence is told.

use std::collections::VecDeque;

use rohrpost_mail::Reply;

use super::limits::{TRANSCRIPT_LINE_BYTES_MAX, TRANSCRIPT_LINES_MAX};

/// The last lines of a dialogue.
#[derive(Debug, Default)]
pub(super) struct Transcript(VecDeque<String>);

impl Transcript {
    /// A line of ours.
    pub(super) fn client(&mut self, line: &str) {
        self.add("C: ", line);
    }

    /// Something that happened and was not said.
    pub(super) fn event(&mut self, what: &str) {
        self.add("-- ", what);
    }

    /// A reply of the server. Challenges of AUTH are masked: some hold what identifies an account.
    pub(super) fn server(&mut self, reply: &Reply) {
        if reply.code == 334 {
            return self.add("S: ", "334 ***");
        }
        let enhanced = reply.enhanced.map(|status| format!("{status} ")).unwrap_or_default();
        let mut lines = reply.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let mark = if lines.peek().is_some() { '-' } else { ' ' };
            self.add("S: ", format!("{}{mark}{enhanced}{line}", reply.code).trim_end());
        }
    }

    fn add(&mut self, who: &str, line: &str) {
        if self.0.len() == TRANSCRIPT_LINES_MAX {
            self.0.pop_front();
        }
        let end = line.floor_char_boundary(TRANSCRIPT_LINE_BYTES_MAX);
        self.0.push_back([who, &line[..end]].concat());
    }
}

/// One line each, without an end after the last.
impl std::fmt::Display for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, line) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            f.write_str(line)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_stay_and_long_ones_are_cut() {
        let mut transcript = Transcript::default();
        for number in 0..=TRANSCRIPT_LINES_MAX {
            transcript.client(&format!("NOOP {number}"));
        }
        transcript.client(&"ü".repeat(TRANSCRIPT_LINE_BYTES_MAX));
        let text = transcript.to_string();
        assert_eq!(text.lines().count(), TRANSCRIPT_LINES_MAX);
        assert!(text.starts_with("C: NOOP 2\n"), "{text}");
        assert_eq!(text.lines().last().unwrap().len(), "C: ".len() + TRANSCRIPT_LINE_BYTES_MAX);
    }

    #[test]
    fn replies_look_as_on_the_wire_and_challenges_are_masked() {
        let mut transcript = Transcript::default();
        transcript.server(&Reply::new(250, None, "mx.test\nSIZE 1"));
        transcript.server(&Reply::with(550, 1, 1, "nobody"));
        transcript.server(&Reply::new(334, None, "YW5u"));
        assert_eq!(transcript.to_string(), "S: 250-mx.test\nS: 250 SIZE 1\nS: 550 5.1.1 nobody\nS: 334 ***");
    }
}
