//! A program as a way out: the message on its standard input, the verdict in its exit status.
//!
//! It is started without a shell, with the rights of the server, in `/` and with few variables. It gets the message as it
//! stands in the queue with the line ends of this system, without an envelope line and without dots doubled. It leads a
//! process group of its own, which is killed when its time is up. What it writes to standard error is kept, up to a
//! bound, as the reason.
//!
//! | exit status (sysexits.h) | meaning |
//! |---|---|
//! | 0 | taken, for all recipients of this run |
//! | one of the pipe's `refusals`, usually 65 `EX_DATAERR` and 67 `EX_NOUSER` | refused for good; of several recipients each is asked for alone |
//! | 64, 77, 78, 126, 127, not started | the way itself is at fault: it is down |
//! | anything else, killed by a signal | not now: the next way, then later |
//! | its time was up | nobody knows whether it passed the message on: `after_dot` decides |
//!
//! 68 `EX_NOHOST` is no refusal unless the operator says so: msmtp ends with it when the name of its own relay cannot be
//! looked up. Nor is 69 `EX_UNAVAILABLE`, with which it passes a 4xx on. Programs that do not follow sysexits.h, such as
//! curl, have no refusals at all.

mod argv;

use std::{io, os::unix::process::ExitStatusExt, process::ExitStatus, process::Stdio, sync::Arc, time::Duration};

use rohrpost_mail::{EnhancedStatus, Link, Recipient};
use rohrpost_queue::Signal;
use rohrpost_store::StoreError;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use crate::{
    attempt::Attempt,
    hosts::Fared,
    limits::{PIPE_OUTPUT_BYTES_MAX, PIPE_OUTPUT_WAIT_MAX, REASON_CHARS_MAX},
    message::Message,
    settings::Pipe,
    verdict::{Hop, Judgement, Verdict},
};

/// Where programs are looked for that the program itself starts.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Names of exit statuses, for people.
const NAMES: [(i32, &str); 15] = [
    (64, "EX_USAGE"),
    (65, "EX_DATAERR"),
    (66, "EX_NOINPUT"),
    (67, "EX_NOUSER"),
    (68, "EX_NOHOST"),
    (69, "EX_UNAVAILABLE"),
    (70, "EX_SOFTWARE"),
    (71, "EX_OSERR"),
    (72, "EX_OSFILE"),
    (73, "EX_CANTCREAT"),
    (74, "EX_IOERR"),
    (75, "EX_TEMPFAIL"),
    (76, "EX_PROTOCOL"),
    (77, "EX_NOPERM"),
    (78, "EX_CONFIG"),
];

/// Runs the program for those who still need a host: once for all, or once for each where its arguments name one.
pub(crate) async fn hand_over(attempt: &mut Attempt<'_>, pipe: &Pipe) {
    let (recipients, message) = (attempt.pending(), attempt.message);
    let at_once = if argv::is_for_each(&pipe.argv) { 1 } else { recipients.len() };
    let mut verdicts = Vec::new();
    for group in recipients.chunks(at_once.max(1)) {
        if attempt.shared.is_stopping() {
            break;
        }
        let fate = run(pipe, message, group).await;
        if group.len() > 1 && (fate.is_refusal(pipe) || matches!(fate, Fate::Unfit(_))) {
            for one in group.chunks(1) {
                verdicts.push(run(pipe, message, one).await);
            }
        } else {
            verdicts.extend(group.iter().map(|_| fate.clone()));
        }
    }
    let hop = Arc::new(Hop { peer: Some(pipe.name.clone()), link: Link::Local, ..Hop::none("PIPE") });
    let took = verdicts.iter().any(|fate| matches!(fate, Fate::Ended(0, _)));
    let down = verdicts.iter().find(|fate| fate.is_down() && !took).map(ToString::to_string);
    let verdicts: Vec<Verdict> = verdicts.iter().map(|fate| fate.verdict(pipe, &hop)).collect();
    match down {
        Some(why) => attempt.heard(Fared::Unusable(why), Signal::Unreachable),
        None if verdicts.iter().all(|verdict| verdict.judgement == Judgement::Unfit) => {}
        None => attempt.heard(Fared::answered(&verdicts, Link::Local), Signal::Answered),
    }
    attempt.take_verdicts(verdicts);
}

/// What became of one run.
#[derive(Clone, Debug, thiserror::Error)]
enum Fate {
    /// It could not be asked.
    #[error("the program cannot be started: {0}")]
    NotStarted(String),
    /// It was not asked, since it would misunderstand the question.
    #[error("{0}")]
    Unfit(argv::HyphenError),
    /// The message could not be read to its end; the program was killed.
    #[error("the message cannot be read: {0}")]
    Unreadable(String),
    /// It ended with a status and these words.
    #[error("{}", of_status(*.0, .1))]
    Ended(i32, String),
    /// A signal killed it.
    #[error("the program was killed by signal {}{}", .0, colon(.1))]
    Killed(i32, String),
    /// It took too long.
    #[error("the program was killed after {} s; it may have passed the message on{}", .0.as_secs(), colon(.1))]
    TimedOut(Duration, String),
}

impl Fate {
    fn is_refusal(&self, pipe: &Pipe) -> bool {
        matches!(self, Self::Ended(status, _) if pipe.refusals.contains(status))
    }

    /// Whether the way is at fault, and no message will fare better for now.
    fn is_down(&self) -> bool {
        matches!(self, Self::NotStarted(_) | Self::Ended(64 | 77 | 78 | 126 | 127, _))
    }

    fn verdict(&self, pipe: &Pipe, hop: &Arc<Hop>) -> Verdict {
        use Judgement::{Later, Misconfigured, Refused, Sent, Unfit, Unknown};
        let (judgement, status) = match self {
            Self::Ended(0, _) => (Sent, EnhancedStatus(2, 0, 0)),
            Self::Ended(status, _) if pipe.refusals.contains(status) => (Refused, of_refusal(*status)),
            fate if fate.is_down() => (Misconfigured, EnhancedStatus(4, 3, 5)),
            Self::Unfit(_) => (Unfit, EnhancedStatus(5, 1, 0)),
            Self::TimedOut(..) => (Unknown, EnhancedStatus(4, 4, 7)),
            _ => (Later, EnhancedStatus(4, 3, 0)),
        };
        let note = (judgement != Sent).then(|| self.to_string());
        Verdict { judgement, hop: Arc::clone(hop), stage: None, status, reply: None, note, passed_over: None }
    }
}

fn of_refusal(status: i32) -> EnhancedStatus {
    match status {
        65 => EnhancedStatus(5, 6, 0),
        67 => EnhancedStatus(5, 1, 1),
        68 => EnhancedStatus(5, 1, 2),
        _ => EnhancedStatus(5, 0, 0),
    }
}

fn of_status(status: i32, said: &str) -> String {
    let name = NAMES.iter().find(|(number, _)| *number == status);
    let name = name.map(|(_, name)| format!(" ({name})")).unwrap_or_default();
    format!("the program ended with status {status}{name}{}", colon(said))
}

fn colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

async fn run(pipe: &Pipe, message: &Message, recipients: &[Recipient]) -> Fate {
    let mut command = match command(pipe, message, recipients) {
        Ok(command) => command,
        Err(error) => return Fate::Unfit(error),
    };
    let mut leader = match command.spawn() {
        Ok(child) => Leader(child),
        Err(error) => return Fate::NotStarted(format!("{}: {error}", pipe.argv[0])),
    };
    let mut said = Vec::new();
    let ended = talk(&mut leader.0, message, pipe.timeout, &mut said).await;
    if ended.is_err() {
        leader.kill().await;
    }
    let said = printable(&said);
    match ended {
        Ok(status) => match status.code() {
            Some(code) => Fate::Ended(code, said),
            None => Fate::Killed(status.signal().unwrap_or_default(), said),
        },
        Err(Trouble::Message(error)) => Fate::Unreadable(error.to_string()),
        Err(Trouble::System(error)) => Fate::NotStarted(error.to_string()),
        Err(Trouble::Time) => Fate::TimedOut(pipe.timeout, said),
    }
}

fn command(pipe: &Pipe, message: &Message, recipients: &[Recipient]) -> Result<Command, argv::HyphenError> {
    let sender = message.envelope.reverse_path.mailbox().map(ToString::to_string);
    let recipients: Vec<String> = recipients.iter().map(|recipient| recipient.address.to_string()).collect();
    let id = message.id.to_string();
    let filling = argv::Filling { sender: sender.as_deref().unwrap_or("<>"), recipients: &recipients, id: &id };
    let arguments = filling.fill(&pipe.argv)?;
    let mut command = Command::new(&pipe.argv[0]);
    command.args(&arguments[1..]).current_dir("/").env_clear().envs([("PATH", PATH), ("LANG", "C.UTF-8")]);
    command.env("SENDER", sender.unwrap_or_default()).env("RECIPIENT", recipients.join("\n")).env("QUEUE_ID", id);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    Ok(command)
}

/// Why a run was broken off.
enum Trouble {
    Message(StoreError),
    System(io::Error),
    Time,
}

/// Writes the message, reads what the program says, and waits for its end, for so long at most.
async fn talk(child: &mut Child, message: &Message, time: Duration, said: &mut Vec<u8>) -> Result<ExitStatus, Trouble> {
    let stdin = child.stdin.take().expect("it is a pipe");
    let stderr = child.stderr.take().expect("it is a pipe");
    let mut feeding = Box::pin(feed(stdin, message));
    let mut listening = Box::pin(listen(stderr, said));
    let (mut is_fed, mut is_heard) = (false, false);
    let ending = async {
        loop {
            tokio::select! {
                // A program may end without having read everything.
                status = child.wait() => return status.map_err(Trouble::System),
                result = &mut feeding, if !is_fed => {
                    result.map_err(Trouble::Message)?;
                    is_fed = true;
                }
                () = &mut listening, if !is_heard => is_heard = true,
            }
        }
    };
    let status = timeout(time, ending).await.map_err(|_| Trouble::Time)??;
    if !is_heard {
        // What is missing then is what a process said that outlived the program. The program itself was in time.
        let _ = timeout(PIPE_OUTPUT_WAIT_MAX, listening).await;
    }
    Ok(status)
}

/// A program that has read enough closes its end; whether that was right is for its exit status to say.
async fn feed(mut stdin: ChildStdin, message: &Message) -> Result<(), StoreError> {
    let mut parts = message.parts().await?;
    while let Some(part) = parts.next().await? {
        // Every CR in a stored message is half of a CRLF.
        let lines: Vec<u8> = part.iter().copied().filter(|octet| *octet != b'\r').collect();
        if stdin.write_all(&lines).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Keeps the end of what is said: programs say last what went wrong.
async fn listen(mut stderr: impl AsyncRead + Unpin, said: &mut Vec<u8>) {
    let mut part = [0; 1024];
    while let Ok(count @ 1..) = stderr.read(&mut part).await {
        said.extend_from_slice(&part[..count]);
        said.drain(..said.len().saturating_sub(PIPE_OUTPUT_BYTES_MAX));
    }
}

/// The program, which leads a process group. When it is given up before its end, nobody of the group lives on.
struct Leader(Child);

impl Leader {
    /// Kills the program and all that it started, and waits until it is gone.
    async fn kill(mut self) {
        self.kill_group();
        let _ = self.0.wait().await;
    }

    fn kill_group(&self) {
        // The number is there until the end was seen: it cannot have become somebody else's.
        let group = self.0.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(group) = group {
            // It may have ended in this moment; then there is nobody to kill.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// On one line, without control characters, and not longer than people read.
fn printable(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<String> = text.lines().map(|line| one_line(line.trim())).filter(|line| !line.is_empty()).collect();
    let text = lines.join("; ");
    let surplus = text.chars().count().saturating_sub(REASON_CHARS_MAX);
    if surplus == 0 { text } else { format!("…{}", text.chars().skip(surplus).collect::<String>()) }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_is_one_line_of_its_end_without_control_characters() {
        assert_eq!(
            printable(b"Traceback\n  \x1b[31mline 1\r\n\nKeyError: 'x'\n"),
            "Traceback;  [31mline 1; KeyError: 'x'"
        );
        let long = printable("ü".repeat(1_000).as_bytes());
        assert_eq!((long.chars().count(), long.starts_with('…')), (REASON_CHARS_MAX + 1, true));
        assert_eq!(printable(b"\xff\n"), "\u{fffd}");
    }

    #[test]
    fn only_what_the_operator_calls_a_refusal_is_final() {
        let hop = Arc::new(Hop::none("PIPE"));
        let mut pipe = Pipe::new("x", vec!["/bin/x".into()]);
        let judgement = |fate: Fate, pipe: &Pipe| fate.verdict(pipe, &hop).judgement;
        for status in 0..=255 {
            let expected = match status {
                0 => Judgement::Sent,
                65 | 67 => Judgement::Refused,
                64 | 77 | 78 | 126 | 127 => Judgement::Misconfigured,
                _ => Judgement::Later,
            };
            assert_eq!(judgement(Fate::Ended(status, String::new()), &pipe), expected, "{status}");
        }
        assert_eq!(judgement(Fate::Killed(9, String::new()), &pipe), Judgement::Later);
        assert_eq!(judgement(Fate::TimedOut(Duration::ZERO, String::new()), &pipe), Judgement::Unknown);
        pipe.refusals = vec![1];
        assert_eq!(judgement(Fate::Ended(1, String::new()), &pipe), Judgement::Refused);
        assert_eq!(judgement(Fate::Ended(67, String::new()), &pipe), Judgement::Later);
    }

    #[test]
    fn a_status_is_named_and_followed_by_what_was_said() {
        let text = Fate::Ended(75, "try again".into()).to_string();
        assert_eq!(text, "the program ended with status 75 (EX_TEMPFAIL): try again");
        assert_eq!(Fate::Ended(1, String::new()).to_string(), "the program ended with status 1");
        assert_eq!(Fate::Killed(11, String::new()).to_string(), "the program was killed by signal 11");
    }
}
