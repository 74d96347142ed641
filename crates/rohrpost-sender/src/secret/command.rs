//! Secrets that a command prints: a vault, a decrypted file, a keyring.

use std::{fmt, io, process::Stdio, sync::Arc};

use rohrpost_mail::Secret;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::timeout,
};
use zeroize::Zeroizing;

use super::{
    error::{SecretError, shown},
    file::without_line_end,
    limits::{COMMAND_OUTPUT_BYTES_MAX, COMMAND_TIME_MAX, SECRET_BYTES_MAX, STDERR_BYTES_MAX},
};

/// A command whose first line of output is the secret. Its standard input is empty, since ours may be the message.
#[derive(Clone, Eq, PartialEq)]
pub enum CommandLine {
    /// A program and its arguments.
    Argv(Vec<String>),
    /// A line for `/bin/sh`.
    Shell(String),
}

impl CommandLine {
    /// The program's name, for errors. Arguments and shell lines may hold secrets themselves.
    fn name(&self) -> String {
        match self {
            Self::Argv(argv) => argv.first().cloned().unwrap_or_default(),
            Self::Shell(_) => "the password command".to_owned(),
        }
    }

    fn command(&self) -> Command {
        let mut command = match self {
            Self::Argv(argv) => Command::new(argv.first().map_or("", String::as_str)),
            Self::Shell(_) => Command::new("/bin/sh"),
        };
        match self {
            Self::Argv(argv) => command.args(argv.iter().skip(1)),
            Self::Shell(line) => command.args(["-c", line]),
        };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

impl fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandLine({} ***)", self.name())
    }
}

/// Runs the command to its end and takes its first line.
pub(super) async fn first_line(line: &CommandLine) -> Result<Secret, SecretError> {
    let command = line.name();
    let not_started = |error| SecretError::NotStarted { command: command.clone(), error: Arc::new(error) };
    let child = line.command().spawn().map_err(&not_started)?;
    let ended = timeout(COMMAND_TIME_MAX, run(child)).await;
    let ended = ended.map_err(|_| SecretError::TimedOut { command: command.clone() })?.map_err(&not_started)?;
    let unusable = |reason| SecretError::Printed { command: command.clone(), reason };
    let Some((stdout, stderr, status)) = ended else { return Err(unusable("prints without end")) };
    let line = stdout.split_inclusive(|octet| *octet == b'\n').next().unwrap_or_default();
    let text = std::str::from_utf8(line).map_err(|_| unusable("printed what is not UTF-8"));
    let secret = text.as_ref().map_or("", |text| without_line_end(text));
    let stderr = shown(&String::from_utf8_lossy(&stderr), &[secret]);
    if !status.success() {
        return Err(SecretError::Failed { command, status: status.to_string(), stderr });
    }
    match (text, secret) {
        (Err(error), _) => Err(error),
        (_, "") => Err(SecretError::Failed { command, status: "it printed nothing".to_owned(), stderr }),
        _ if secret.len() > SECRET_BYTES_MAX => Err(unusable("printed more than a secret can have")),
        _ => Ok(Secret::new(secret)),
    }
}

type Ended = (Zeroizing<Vec<u8>>, Vec<u8>, std::process::ExitStatus);

/// Reads both outputs, so that neither blocks the command, and waits for its end. Nothing, where there is no end.
async fn run(mut child: Child) -> io::Result<Option<Ended>> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::join!(beginning(stdout, SECRET_BYTES_MAX + 2), beginning(stderr, STDERR_BYTES_MAX));
    match (stdout?.map(Zeroizing::new), stderr?) {
        (Some(stdout), Some(stderr)) => Ok(Some((stdout, stderr, child.wait().await?))),
        _ => Ok(None),
    }
}

/// The first octets of a stream, which is read to its end. Nothing, where that is too far; it is closed then.
async fn beginning(stream: Option<impl AsyncRead + Unpin>, octets_max: usize) -> io::Result<Option<Vec<u8>>> {
    let Some(mut stream) = stream else { return Ok(Some(Vec::new())) };
    let mut octets = Vec::with_capacity(octets_max);
    (&mut stream).take(octets_max as u64).read_to_end(&mut octets).await?;
    let dropped = tokio::io::copy(&mut stream.take(COMMAND_OUTPUT_BYTES_MAX), &mut tokio::io::sink()).await?;
    Ok(Some(octets).filter(|_| dropped < COMMAND_OUTPUT_BYTES_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(line: &str) -> Result<Secret, SecretError> {
        first_line(&CommandLine::Shell(line.to_owned())).await
    }

    #[tokio::test]
    async fn the_first_line_is_the_secret_byte_for_byte() {
        let argv = |argv: &[&str]| CommandLine::Argv(argv.iter().map(ToString::to_string).collect());
        assert_eq!(first_line(&argv(&["printf", " pen cil \nuser: ann\n"])).await.unwrap().expose(), " pen cil ");
        assert_eq!(shell("printf 'pencil\\r\\n'").await.unwrap().expose(), "pencil");
        assert_eq!(shell("printf pencil").await.unwrap().expose(), "pencil");
        assert_eq!(
            shell("echo pencil; yes | head -c 1000000; yes | head -c 1000000 >&2").await.unwrap().expose(),
            "pencil"
        );
    }

    #[tokio::test]
    async fn standard_input_is_empty() {
        assert_eq!(shell("cat; echo pencil").await.unwrap().expose(), "pencil");
    }

    #[tokio::test]
    async fn a_command_that_fails_is_named_with_what_it_said_but_not_with_what_it_printed() {
        let error = shell("echo pencil; echo 'cannot use pencil: \u{1b}[1mlocked' >&2; exit 3").await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("exit status: 3") && text.contains("cannot use ***") && text.contains("locked"),
            "{text}"
        );
        assert!(
            !text.contains("pencil") && !text.contains('\u{1b}') && !format!("{error:?}").contains("pencil"),
            "{text}"
        );
        assert!(!error.is_temporary());
    }

    #[tokio::test]
    async fn nothing_printed_and_nothing_started_are_errors() {
        let error = shell("echo; echo 'no such entry' >&2").await.unwrap_err().to_string();
        assert!(error.contains("printed nothing") && error.contains("no such entry"), "{error}");
        assert!(matches!(shell("printf '\\377\\n'").await, Err(SecretError::Printed { .. })));
        let nowhere = CommandLine::Argv(vec!["/nowhere/at/all".into(), "pencil".into()]);
        let error = first_line(&nowhere).await.unwrap_err();
        assert!(matches!(&error, SecretError::NotStarted { .. }) && !error.to_string().contains("pencil"), "{error}");
        assert!(first_line(&CommandLine::Argv(Vec::new())).await.is_err());
    }

    #[tokio::test]
    async fn a_command_that_prints_without_end_is_not_waited_for() {
        for endless in ["yes", "cat /dev/zero", "echo pencil; yes >&2"] {
            let error = shell(endless).await.unwrap_err();
            assert!(matches!(error, SecretError::Printed { reason: "prints without end", .. }), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_does_not_end_is_given_up() {
        let error = shell("exec sleep 1000000").await.unwrap_err();
        assert!(matches!(error, SecretError::TimedOut { .. }) && error.is_temporary(), "{error}");
    }
}
