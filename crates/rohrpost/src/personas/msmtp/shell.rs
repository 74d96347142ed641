//! Commands that users put into their configuration: `eval` and `passwordeval`.

use std::{
    io::{self, Read},
    process::{Command, Stdio},
};

use super::limits::OUTPUT_BYTES_MAX;

/// Runs a command line by `/bin/sh` and gives the first line that it prints, without its end. The command reads nothing:
/// what comes on standard input is the message.
///
/// # Errors
/// What the system says; a command that fails, or prints what is not UTF-8, is an error, too. Its output is in none of them.
pub(super) fn first_line(command: &str) -> io::Result<String> {
    let mut child =
        Command::new("/bin/sh").args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let mut output = Vec::new();
    let mut stdout = child.stdout.take().expect("it was asked for");
    let read = stdout.by_ref().take(OUTPUT_BYTES_MAX).read_to_end(&mut output);
    // Whoever prints more is told so by a closed pipe and does not wait for a reader.
    drop(stdout);
    let status = child.wait()?;
    let octets = read? as u64;
    // A command that was cut off may end as it likes.
    if !status.success() && octets < OUTPUT_BYTES_MAX {
        return Err(io::Error::other(format!("the command failed: {status}")));
    }
    let text = String::from_utf8(output).map_err(|_| io::Error::other("the command printed what is not UTF-8"))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_counts_and_blanks_stay() {
        assert_eq!(first_line("printf ' a b \\nc\\n'").unwrap(), " a b ");
        assert_eq!(first_line("true").unwrap(), "");
        assert_eq!(first_line("cat").unwrap(), "", "there is nothing to read");
        assert_eq!(first_line("echo x; yes").unwrap(), "x", "it need not end by itself");
    }

    #[test]
    fn a_command_that_fails_is_an_error_without_its_output() {
        let error = first_line("echo secret; exit 3").unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && !error.contains("secret"), "{error}");
        assert!(first_line("printf '\\377'").unwrap_err().to_string().contains("not UTF-8"));
    }
}
