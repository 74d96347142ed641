//! What a program says, line by line, and waiting for one of the lines.

use std::io::{BufRead, BufReader, PipeReader};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::DEADLINE;

/// How long to wait for a line that may never come.
const MOMENT: Duration = Duration::from_millis(200);

/// The output of a running program. Clones share it.
#[derive(Clone)]
pub(crate) struct Log {
    shared: Arc<(Mutex<Said>, Condvar)>,
    /// Whose output it is, for messages.
    name: &'static str,
}

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    /// The program has closed its output: it has ended.
    ended: bool,
}

impl Log {
    /// Reads in a thread of its own until the program has ended.
    pub(crate) fn follow(name: &'static str, output: PipeReader) -> Self {
        let log = Self { shared: Arc::default(), name };
        let writer = log.clone();
        std::thread::spawn(move || writer.read(output));
        log
    }

    /// Waits for a line that contains `text`, said before or after the call, and hands it back.
    ///
    /// # Panics
    /// When the program ends without having said it, or the deadline passes. The message holds all it said.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_for_line(text, |line| line.contains(text))
    }

    /// Waits for a line of which `fits` is true; `what` names it in messages.
    pub(crate) fn wait_for_line(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        let (said, changed) = &*self.shared;
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = 0;
        loop {
            if let Some(line) = said.lines[seen..].iter().find(|line| fits(line)) {
                return line.clone();
            }
            seen = said.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!said.ended, "{} ended and never said {what:?}:\n{}", self.name, said.lines.join("\n"));
            assert!(!left.is_zero(), "{} did not say {what:?} in time:\n{}", self.name, said.lines.join("\n"));
            said = changed.wait_timeout(said, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until there are more lines than `count`, though only a moment: not everything that happens is logged.
    pub(crate) fn wait_for_more_than(&self, count: usize) {
        let (said, changed) = &*self.shared;
        let said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = |said: &mut Said| said.lines.len() <= count && !said.ended;
        drop(changed.wait_timeout_while(said, MOMENT, quiet));
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }

    fn read(&self, output: PipeReader) {
        let (said, changed) = &*self.shared;
        // A line that is no text is kept with its bad octets replaced: logs quote what peers send.
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            said.lock().unwrap_or_else(PoisonError::into_inner).lines.push(line);
            changed.notify_all();
        }
        said.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        changed.notify_all();
    }
}
