//! Where the password comes from: `password`, `passwordeval`, `~/.netrc`, the system's `netrc`, the terminal, in this order.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::fd::AsFd,
};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use rohrpost_mail::Secret;

use super::{environment::Environment, fault::Fault, file, netrc, settings::Settings, shell};
use crate::exit::Exit;

/// Finds the password of `user` on the first host of the settings.
pub(super) fn find(settings: &Settings, user: &str, environment: &Environment) -> Result<Secret, Fault> {
    if let Some(password) = &settings.password {
        return Ok(password.clone());
    }
    if let Some(command) = &settings.passwordeval {
        let password =
            shell::first_line(command).map_err(|error| Fault::new(Exit::Io, format!("passwordeval: {error}")))?;
        return Ok(Secret::new(password));
    }
    let host = settings.hosts.first().map_or("localhost", String::as_str);
    let home = environment.home().map(|home| home.join(".netrc"));
    for path in home.into_iter().chain([environment.system_file("netrc")]) {
        // A file that cannot be read holds nothing for this user.
        let Ok(text) = file::read_text(&path) else { continue };
        if let Some(password) = netrc::password(&text, host, user) {
            return Ok(password);
        }
    }
    ask(&format!("password for {user} at {host}: ")).map_err(|error| {
        let message = format!("no password for {user} at {host}, and no terminal to ask for it: {error}");
        Fault::new(Exit::NoPermission, message)
    })
}

/// Asks at the terminal, which shows nothing of what is typed.
fn ask(prompt: &str) -> io::Result<Secret> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    (&terminal).write_all(prompt.as_bytes())?;
    let silence = Silence::new(&terminal)?;
    let mut line = String::new();
    BufReader::new(&terminal).read_line(&mut line)?;
    drop(silence);
    (&terminal).write_all(b"\n")?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

/// A terminal without echo; dropping it brings the echo back.
struct Silence<'a> {
    terminal: &'a File,
    before: nix::sys::termios::Termios,
}

impl<'a> Silence<'a> {
    fn new(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal.as_fd())?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(terminal.as_fd(), SetArg::TCSAFLUSH, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        let restored = tcsetattr(self.terminal.as_fd(), SetArg::TCSAFLUSH, &self.before);
        if let Err(error) = restored {
            tracing::debug!(%error, "the terminal stays without echo");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::environment::testing::host, *};

    #[test]
    fn the_first_source_that_has_a_password_wins() {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        for (place, password) in [(host.home().unwrap().join(".netrc"), "home"), (host.system_file("netrc"), "system")]
        {
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, format!("machine mail.example login joe password {password}\n")).unwrap();
        }
        let mut settings = Settings { hosts: vec!["mail.example".into()], ..Settings::default() };
        let found = |settings: &Settings| find(settings, "joe", &host).unwrap().expose().to_owned();
        assert_eq!(found(&settings), "home");
        fs::remove_file(host.home().unwrap().join(".netrc")).unwrap();
        assert_eq!(found(&settings), "system");
        settings.passwordeval = Some("echo evaluated".into());
        assert_eq!(found(&settings), "evaluated");
        settings.password = Some(Secret::new("written"));
        assert_eq!(found(&settings), "written");
    }

    #[test]
    fn a_command_that_fails_is_not_passed_over() {
        let host = host(std::path::Path::new("/nowhere"));
        let settings = Settings { passwordeval: Some("false".into()), ..Settings::default() };
        assert_eq!(find(&settings, "joe", &host).unwrap_err().exit, Exit::Io);
    }
}
