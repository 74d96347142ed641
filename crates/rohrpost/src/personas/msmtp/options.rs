//! The command line of msmtp.
//!
//! Every key of msmtprc that may stand there becomes an option by itself ([`KEYS`]); the others are [`Own`].

use std::path::PathBuf;

use super::{
    environment::Environment,
    fault::Fault,
    getopt::{Given, Spec, Takes, parse},
    keys::{KEYS, Key, Kind, Place, Setting},
};
use crate::exit::Exit;

/// What the caller wants.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// What is to be done.
    pub(super) mode: Mode,
    /// Whether the dialogue is shown.
    pub(super) debug: bool,
    /// The file in the place of the user's own.
    pub(super) file: Option<PathBuf>,
    /// The account.
    pub(super) account: Option<String>,
    /// The address that an account is shown for.
    pub(super) address: Option<String>,
    /// The envelope sender; empty or `<>` for the null path.
    pub(super) from: Option<String>,
    /// Full name in a From field that is added.
    pub(super) full_name: Option<String>,
    /// Whether To, Cc and Bcc name recipients.
    pub(super) read_recipients: bool,
    /// Whether the From field names the sender.
    pub(super) read_envelope_from: bool,
    /// Keys that win over those of the account.
    pub(super) overrides: Vec<Setting>,
    /// Recipients.
    pub(super) recipients: Vec<String>,
    /// Whether one refused recipient leaves the others alone.
    pub(super) partial: bool,
    /// Whether exit codes are those of `rohrpost sendmail`.
    pub(super) rohrpost_exit_codes: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// Send a message.
    Send,
    /// Speak SMTP on standard input and output, and send what comes.
    Smtp,
    /// Show the settings that would be used.
    Pretend,
    /// Show an account for an address.
    Configure,
    /// Show what the server says of itself.
    ServerInfo,
    /// Show which program this is.
    Version,
    /// Show the options.
    Help,
}

/// Options that are no keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Own {
    Mode(Mode),
    Configure,
    Debug,
    File,
    Account,
    FullName,
    ReadRecipients,
    ReadEnvelopeFrom,
    Partial,
    RohrpostExitCodes,
    /// `-b`, of which only `-bm` and `-bs` are this program's business.
    Operation,
    /// For callers of Sendmail.
    Ignored,
}

/// What an option stands for.
#[derive(Clone, Copy)]
enum Meaning {
    Own(Own),
    Key(&'static Key),
}

const OWN: [(Option<char>, Option<&str>, Takes, Own); 25] = [
    (None, Some("version"), Takes::Nothing, Own::Mode(Mode::Version)),
    (None, Some("help"), Takes::Nothing, Own::Mode(Mode::Help)),
    (Some('P'), Some("pretend"), Takes::Nothing, Own::Mode(Mode::Pretend)),
    (None, Some("configure"), Takes::Required, Own::Configure),
    (Some('S'), Some("serverinfo"), Takes::Nothing, Own::Mode(Mode::ServerInfo)),
    (Some('d'), Some("debug"), Takes::Optional, Own::Debug),
    (Some('v'), None, Takes::Nothing, Own::Debug),
    (Some('C'), Some("file"), Takes::Required, Own::File),
    (Some('a'), Some("account"), Takes::Required, Own::Account),
    (Some('F'), None, Takes::Required, Own::FullName),
    (Some('t'), Some("read-recipients"), Takes::Nothing, Own::ReadRecipients),
    (None, Some("read-envelope-from"), Takes::Nothing, Own::ReadEnvelopeFrom),
    (None, Some("partial"), Takes::Nothing, Own::Partial),
    (None, Some("rohrpost-exit-codes"), Takes::Nothing, Own::RohrpostExitCodes),
    (Some('b'), None, Takes::Required, Own::Operation),
    (Some('A'), None, Takes::Required, Own::Ignored),
    (Some('B'), None, Takes::Required, Own::Ignored),
    (Some('G'), None, Takes::Nothing, Own::Ignored),
    (Some('h'), None, Takes::Required, Own::Ignored),
    (Some('i'), None, Takes::Nothing, Own::Ignored),
    (Some('L'), None, Takes::Required, Own::Ignored),
    (Some('m'), None, Takes::Nothing, Own::Ignored),
    (Some('n'), None, Takes::Nothing, Own::Ignored),
    (Some('O'), None, Takes::Required, Own::Ignored),
    (Some('o'), None, Takes::Required, Own::Ignored),
];

/// Letters that stand for keys.
const LETTERS: [(char, &str); 4] = [('f', "from"), ('N', "dsn_notify"), ('R', "dsn_return"), ('X', "logfile")];

fn specs() -> Vec<Spec<Meaning>> {
    let own = OWN.iter().map(|(short, long, takes, own)| Spec {
        short: *short,
        long: long.map(str::to_owned),
        takes: *takes,
        meaning: Meaning::Own(*own),
    });
    let keys = KEYS.iter().filter(|key| key.place == Place::Everywhere).map(|key| Spec {
        short: LETTERS.iter().find(|(_, name)| *name == key.name).map(|(letter, _)| *letter),
        long: Some(key.option()),
        takes: if key.kind == Kind::Switch { Takes::Optional } else { Takes::Required },
        meaning: Meaning::Key(key),
    });
    own.chain(keys).collect()
}

impl Options {
    /// Reads the command line, without the program's name.
    pub(super) fn read(arguments: Vec<String>, environment: &Environment) -> Result<Self, Fault> {
        let (given, recipients) = parse(&specs(), arguments).map_err(|error| Fault::new(Exit::Usage, error))?;
        let mut options = Self {
            mode: Mode::Send,
            debug: false,
            file: None,
            account: None,
            address: None,
            from: None,
            full_name: None,
            read_recipients: false,
            read_envelope_from: false,
            overrides: Vec::new(),
            recipients,
            partial: false,
            rohrpost_exit_codes: false,
        };
        for option in given {
            options.take(option, environment)?;
        }
        if options.account.is_some() && options.names_host() {
            return Err(Fault::new(Exit::Usage, "--host and --account exclude one another"));
        }
        Ok(options)
    }

    /// Whether the server is named on the command line: then no file is read.
    pub(super) fn names_host(&self) -> bool {
        self.overrides.iter().any(|setting| setting.key.name == "host")
    }

    fn take(&mut self, option: Given<Meaning>, environment: &Environment) -> Result<(), Fault> {
        let Given { meaning, spelling, value } = option;
        let value = value.unwrap_or_default();
        let own = match meaning {
            Meaning::Key(key) if key.name == "from" => {
                self.from = Some(value);
                return Ok(());
            }
            Meaning::Key(key) => {
                let bad = |_| Fault::new(Exit::Usage, format!("invalid argument {value} for {spelling}"));
                self.overrides.push(Setting::new(key, &value, environment).map_err(bad)?);
                return Ok(());
            }
            Meaning::Own(own) => own,
        };
        match own {
            Own::Mode(mode) => self.mode = mode,
            Own::Configure => {
                self.mode = Mode::Configure;
                self.address = Some(value);
            }
            Own::Debug => self.debug = true,
            Own::File => self.file = Some(environment.expand_tilde(&value).into()),
            Own::Account => self.account = Some(value),
            Own::FullName => self.full_name = Some(value),
            Own::ReadRecipients => self.read_recipients = true,
            Own::ReadEnvelopeFrom => self.read_envelope_from = true,
            Own::Partial => self.partial = true,
            Own::RohrpostExitCodes => self.rohrpost_exit_codes = true,
            Own::Operation if value == "m" => self.mode = Mode::Send,
            Own::Operation if value == "s" => self.mode = Mode::Smtp,
            Own::Operation => return Err(Fault::new(Exit::Usage, format!("msmtp does not do -b{value}"))),
            Own::Ignored => {}
        }
        Ok(())
    }
}

/// Every option as it is typed.
#[cfg(test)]
pub(super) fn names() -> Vec<String> {
    let both = |spec: Spec<Meaning>| [spec.short.map(|c| format!("-{c}")), spec.long.map(|name| format!("--{name}"))];
    specs().into_iter().flat_map(both).flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{
        super::{environment::testing::host, settings::Settings},
        *,
    };

    fn read(arguments: &str) -> Result<Options, String> {
        let arguments = arguments.split_whitespace().map(str::to_owned).collect();
        Options::read(arguments, &host(Path::new("/srv"))).map_err(|fault| fault.to_string())
    }

    fn settings(arguments: &str) -> Settings {
        let mut settings = Settings::default();
        read(arguments).unwrap().overrides.iter().for_each(|setting| setting.apply(&mut settings));
        settings
    }

    #[test]
    fn keys_are_options_with_hyphens() {
        let set = settings("--host=a.example --tls --tls-starttls=off --timeout 5 -N failure -R hdrs -X ~/log");
        assert!(set.tls.on && !set.tls.starttls && set.dsn_notify.is_some() && set.dsn_return.is_some());
        assert_eq!((set.hosts, set.logfile.as_deref()), (vec!["a.example".to_owned()], Some("/srv/home/log")));
        for hidden in ["--allow-from-override=off", "--ntlmdomain=x", "--tls-nostarttls"] {
            assert!(read(hidden).unwrap_err().starts_with("there is no option"), "{hidden}");
        }
    }

    #[test]
    fn sendmails_options_pass_and_do_nothing() {
        let options = read("-Am -B8BITMIME -bm -G -h 5 -i -L tag -m -n -Ox=y -oi -oem -tv -FJoe a@x.example").unwrap();
        assert_eq!(options.recipients, ["a@x.example"]);
        assert!(options.read_recipients && options.debug && options.overrides.is_empty());
        assert_eq!((options.mode, options.full_name.as_deref()), (Mode::Send, Some("Joe")));
    }

    #[test]
    fn an_empty_sender_is_the_null_path_and_none_is_none() {
        let options =
            |from: &str| Options::read(vec!["-f".into(), from.into()], &host(Path::new("/srv"))).unwrap().from;
        assert_eq!(options("").as_deref(), Some(""));
        assert_eq!(options("a@x").as_deref(), Some("a@x"));
        assert_eq!(read("x").unwrap().from, None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(read("--tls=maybe").unwrap_err(), "invalid argument maybe for --tls");
        assert_eq!(read("--host=a -a b").unwrap_err(), "--host and --account exclude one another");
        assert_eq!(read("-bd").unwrap_err(), "msmtp does not do -bd");
        assert_eq!(read("-q").unwrap_err(), "there is no option -q");
    }

    #[test]
    fn modes_have_their_options() {
        let modes = [
            ("-P", Mode::Pretend),
            ("-S", Mode::ServerInfo),
            ("--ver", Mode::Version),
            ("--help", Mode::Help),
            ("-bs", Mode::Smtp),
            ("--configure=a@x.example", Mode::Configure),
        ];
        for (option, mode) in modes {
            assert_eq!(read(option).unwrap().mode, mode, "{option}");
        }
    }
}
