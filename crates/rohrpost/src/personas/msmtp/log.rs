//! The line that `logfile` and `syslog` get for each message: what became of it, in words that scripts look for.

use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write},
    os::unix::{fs::OpenOptionsExt, net::UnixDatagram},
    path::Path,
};

use jiff::{Zoned, fmt::strtime};
use rohrpost_mail::Reply;

use super::settings::{Facility, Settings, TimeFormat};
use crate::exit::Exit;

/// The usual form of the time.
const USUAL_TIME: &str = "%b %d %H:%M:%S";
/// Where the system's log listens.
const SYSLOG_SOCKET: &str = "/dev/log";
/// Severities of RFC 5424 §6.2.1: error and informational.
const SEVERITY_FAILED: u8 = 3;
const SEVERITY_SENT: u8 = 6;

/// What became of a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The server.
    pub(super) host: String,
    /// Whether the link was encrypted.
    pub(super) tls: bool,
    /// Who logged in.
    pub(super) user: Option<String>,
    /// The envelope sender.
    pub(super) from: String,
    /// The recipients of the envelope.
    pub(super) recipients: Vec<String>,
    /// Octets of the message, if it arrived.
    pub(super) mail_size: Option<u64>,
    /// What the server said to it.
    pub(super) reply: Option<Reply>,
    /// What went wrong.
    pub(super) error: Option<String>,
    /// How the program ends; none for success.
    pub(super) exit: Option<Exit>,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |on| if on { "on" } else { "off" };
        write!(f, "host={} tls={} auth={}", self.host, on(self.tls), on(self.user.is_some()))?;
        if let Some(user) = &self.user {
            write!(f, " user={}", plain(user))?;
        }
        write!(f, " from={} recipients={}", self.from, self.recipients.join(","))?;
        if let Some(size) = self.mail_size {
            write!(f, " mailsize={size}")?;
        }
        if let Some(reply) = &self.reply {
            write!(f, " smtpstatus={} smtpmsg='{}'", reply.code, plain(&reply.to_string()))?;
        }
        if let Some(error) = &self.error {
            write!(f, " errormsg='{}'", plain(error))?;
        }
        write!(f, " exitcode={}", self.exit.map_or("EX_OK", Exit::name))
    }
}

/// Text of others, which must neither end the line nor its quotes.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().replace('\'', "\"")
}

/// Whether the form of a time can be printed.
pub(super) fn is_time_format(format: &str) -> bool {
    strtime::format(format, &Zoned::default()).is_ok()
}

/// The time in front of the line, with a blank behind it.
fn time(format: &TimeFormat, now: &Zoned) -> String {
    let format = match format {
        TimeFormat::None => return String::new(),
        TimeFormat::Usual => USUAL_TIME,
        TimeFormat::Strftime(format) => format,
    };
    // The form was tried when it was read; a time without a place in it is left out rather than the line.
    strtime::format(format, now).map(|time| time + " ").unwrap_or_default()
}

/// Writes the entry where the settings say. What goes wrong there is no reason to call a sent message unsent.
pub(super) fn write(settings: &Settings, entry: &Entry, now: &Zoned) {
    if let Some(file) = &settings.logfile {
        let line = format!("{}{entry}\n", time(&settings.logfile_time_format, now));
        if let Err(error) = append(file, &line) {
            eprintln!("msmtp: cannot log to {file}: {error}");
            eprintln!("msmtp: log info was: {entry}");
        }
    }
    if let Some(facility) = settings.syslog
        && let Err(error) = to_syslog(Path::new(SYSLOG_SOCKET), facility, entry, now)
    {
        eprintln!("msmtp: cannot log to the system's log: {error}");
    }
}

/// One write for one line, so that processes that write at once do not mix theirs.
fn append(file: &str, line: &str) -> io::Result<()> {
    if file == "-" {
        return io::stdout().write_all(line.as_bytes());
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(file)?.write_all(line.as_bytes())
}

/// The form of RFC 3164 §4.1, which every system's log reads on its socket.
fn to_syslog(socket: &Path, facility: Facility, entry: &Entry, now: &Zoned) -> io::Result<()> {
    let severity = if entry.exit.is_some() { SEVERITY_FAILED } else { SEVERITY_SENT };
    let priority = facility.number * 8 + severity;
    let time = time(&TimeFormat::Strftime("%b %e %H:%M:%S".into()), now);
    let line = format!("<{priority}>{time}msmtp[{}]: {entry}", std::process::id());
    UnixDatagram::unbound()?.send_to(line.as_bytes(), socket).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            host: "mail.example".into(),
            from: "joe@x.example".into(),
            recipients: vec!["a@y.example".into(), "b@y.example".into()],
            ..Entry::default()
        }
    }

    fn now() -> Zoned {
        "2026-11-02T06:07:08[UTC]".parse().unwrap()
    }

    #[test]
    fn the_line_of_a_message_that_went_out_says_who_where_and_how_much() {
        let sent = Entry {
            tls: true,
            user: Some("joe".into()),
            mail_size: Some(139),
            reply: Some(Reply::with(250, 0, 0, "ok")),
            ..entry()
        };
        assert_eq!(
            sent.to_string(),
            "host=mail.example tls=on auth=on user=joe from=joe@x.example recipients=a@y.example,b@y.example \
             mailsize=139 smtpstatus=250 smtpmsg='250 2.0.0 ok' exitcode=EX_OK"
        );
    }

    #[test]
    fn the_line_of_a_failure_has_the_error_and_cannot_be_broken_out_of() {
        let failed = Entry {
            reply: Some(Reply::with(550, 1, 1, "no' exitcode=EX_OK\nNov 02 host=x")),
            error: Some("recipient refused".into()),
            exit: Some(Exit::Data),
            ..entry()
        };
        assert_eq!(
            failed.to_string(),
            "host=mail.example tls=off auth=off from=joe@x.example recipients=a@y.example,b@y.example smtpstatus=550 \
             smtpmsg='550 5.1.1 no\" exitcode=EX_OK / Nov 02 host=x' errormsg='recipient refused' exitcode=EX_DATAERR"
        );
    }

    #[test]
    fn lines_are_appended_with_the_time_in_the_form_that_was_set() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut settings = Settings { logfile: Some(file.path().display().to_string()), ..Settings::default() };
        for format in [TimeFormat::Usual, TimeFormat::None, TimeFormat::Strftime("[%F %T]".into())] {
            settings.logfile_time_format = format;
            write(&settings, &entry(), &now());
        }
        let text = std::fs::read_to_string(file.path()).unwrap();
        let starts: Vec<_> = text.lines().map(|line| line.split("host=").next().unwrap()).collect();
        assert_eq!(starts, ["Nov 02 06:07:08 ", "", "[2026-11-02 06:07:08] "]);
    }

    #[test]
    fn the_systems_log_gets_facility_and_severity() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let log = UnixDatagram::bind(&path).unwrap();
        to_syslog(&path, Facility::named("LOG_MAIL").unwrap(), &entry(), &now()).unwrap();
        let mut octets = [0; 512];
        let count = log.recv(&mut octets).unwrap();
        let line = String::from_utf8_lossy(&octets[..count]);
        assert!(line.starts_with(&format!("<22>Nov  2 06:07:08 msmtp[{}]: host=mail", std::process::id())), "{line}");
    }

    #[test]
    fn forms_of_time_that_cannot_be_printed_are_known() {
        assert!(is_time_format("%Y-%m-%dT%H:%M:%S%z"));
        assert!(!is_time_format("%"));
    }
}
