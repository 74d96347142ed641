//! Who sends the message and who gets it.
//!
//! Deviation from msmtp: an address without a domain gets that of `maildomain`, else the host's mail name. msmtp hands
//! `root` to the server as it is, and most servers refuse it then.

use std::path::Path;

use rohrpost_mail::{Domain, Envelope, Mailbox, Recipient, ReversePath};

use super::{
    aliases::Aliases, environment::Environment, fault::Fault, file::read_text, glob, header, options::Options,
    settings::Settings,
};
use crate::{exit::Exit, personas::addresses::Named};

/// What the sender and the recipients are found from.
pub(super) struct Parties<'a> {
    /// The command line.
    pub(super) options: &'a Options,
    /// The account.
    pub(super) settings: &'a Settings,
    /// The message's header.
    pub(super) head: &'a [u8],
    /// The host.
    pub(super) environment: &'a Environment,
}

impl Parties<'_> {
    /// The envelope, and those who get the message.
    pub(super) fn find(&self) -> Result<(Envelope, Vec<Recipient>), Fault> {
        let reverse_path = self.reverse_path()?;
        let recipients = self.recipients()?;
        let smtputf8 = recipients.iter().chain(reverse_path.mailbox()).any(Mailbox::needs_smtputf8);
        let notify = self.settings.dsn_notify.unwrap_or_default();
        let recipients =
            recipients.into_iter().map(|address| Recipient { notify, ..Recipient::new(address) }).collect();
        let envelope = Envelope { reverse_path, ret: self.settings.dsn_return, smtputf8, ..Envelope::default() };
        Ok((envelope, recipients))
    }

    /// The domain of addresses that have none.
    pub(super) fn mail_domain(&self) -> Result<Domain, Fault> {
        let text = self.settings.maildomain.clone().unwrap_or_else(|| self.environment.expand_patterns("%M"));
        Domain::parse(&text).map_err(|error| Fault::new(Exit::Config, format!("mail name {text:?}: {error}")))
    }

    /// The sender of the caller, unless the account forbids it; then that of the account. The obsolete `auto_from` wins
    /// over both.
    fn reverse_path(&self) -> Result<ReversePath, Fault> {
        let settings = self.settings;
        let missing = || Fault::new(Exit::Config, "envelope-from address is missing");
        if settings.auto_from {
            let user = self.environment.user_name().ok_or_else(missing)?;
            return self.sender(user);
        }
        let own = settings.from.as_deref().map(|from| self.environment.expand_patterns(from));
        if let Some(given) = given_sender(self.options, self.head)? {
            let matches_own = || own.as_ref().is_none_or(|own| glob::is_pattern(own) && glob::matches(own, &given));
            if settings.allow_from_override || matches_own() {
                return self.sender(&given);
            }
        }
        let own = own.filter(|own| !glob::is_pattern(own)).ok_or_else(missing)?;
        match header::author(self.head)? {
            Some(author) if own.contains("%F") => self.sender(&own.replace("%F", &author.to_string())),
            _ if own.contains("%F") => Err(missing()),
            _ => self.sender(&own),
        }
    }

    /// Reads a sender; empty or in empty brackets it is the null path.
    fn sender(&self, text: &str) -> Result<ReversePath, Fault> {
        if matches!(text, "" | "<>") {
            return Ok(ReversePath::Null);
        }
        match &header::addresses(text.as_bytes(), "envelope-from")?[..] {
            [only] => Ok(ReversePath::Mailbox(self.qualified(only)?)),
            _ => Err(Fault::new(Exit::Usage, format!("{text:?} is not one envelope-from address"))),
        }
    }

    /// Those of the command line and, where that was asked for, those of the header, each once.
    fn recipients(&self) -> Result<Vec<Mailbox>, Fault> {
        let mut wanted = Vec::new();
        for operand in &self.options.recipients {
            wanted.extend(header::addresses(operand.as_bytes(), "recipient")?);
        }
        if self.options.read_recipients {
            wanted.extend(header::recipients(self.head)?);
        }
        let mut all: Vec<Mailbox> = Vec::new();
        for name in self.without_aliases(wanted)? {
            let mailbox = self.qualified(&name)?;
            if !all.iter().any(|known| known.key() == mailbox.key()) {
                all.push(mailbox);
            }
        }
        if all.is_empty() { Err(Fault::new(Exit::Usage, "no recipients found")) } else { Ok(all) }
    }

    fn without_aliases(&self, wanted: Vec<Named>) -> Result<Vec<Named>, Fault> {
        let Some(file) = &self.settings.aliases else { return Ok(wanted) };
        let wrong = |exit, error: &dyn std::fmt::Display| Fault::new(exit, format!("{}: {error}", file.display()));
        let aliases: Aliases = aliases_in(file)?.parse().map_err(|error| wrong(Exit::Config, &error))?;
        let names: Vec<_> = wanted.iter().map(ToString::to_string).collect();
        let targets = aliases.expand(&names).map_err(|error| wrong(Exit::Config, &error))?;
        let read = |target: &String| header::addresses(target.as_bytes(), &file.display().to_string());
        Ok(targets.iter().map(read).collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn qualified(&self, named: &Named) -> Result<Mailbox, Fault> {
        match named {
            Named::Mailbox(mailbox) => Ok(mailbox.clone()),
            Named::Local(local) => {
                let address = format!("{local}@{}", self.mail_domain()?);
                Mailbox::parse(&address).map_err(|error| Fault::new(Exit::Data, format!("{address}: {error}")))
            }
        }
    }
}

/// The sender that the caller names: on the command line, or in the From field where that is to be read.
pub(super) fn given_sender(options: &Options, head: &[u8]) -> Result<Option<String>, Fault> {
    match &options.from {
        Some(from) => Ok(Some(from.clone())),
        None if options.read_envelope_from => Ok(header::author(head)?.map(|author| author.to_string())),
        None => Ok(None),
    }
}

fn aliases_in(file: &Path) -> Result<String, Fault> {
    read_text(file).map_err(|error| Fault::new(Exit::Io, format!("{}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::{super::environment::testing::host, *};

    /// Sender and recipients for a command line, an account and a header; `box` is the mail name.
    fn find(arguments: &str, settings: &Settings, head: &str) -> Result<String, String> {
        let environment = host(Path::new("/nowhere"));
        let arguments = arguments.split_whitespace().map(str::to_owned).collect();
        let options = Options::read(arguments, &environment).unwrap();
        let parties = Parties { options: &options, settings, head: head.as_bytes(), environment: &environment };
        let (envelope, recipients) = parties.find().map_err(|fault| format!("{} {fault}", fault.exit as u8))?;
        let recipients: Vec<_> = recipients.iter().map(|to| to.address.to_string()).collect();
        Ok(format!("{} -> {}", envelope.reverse_path, recipients.join(" ")))
    }

    fn from(text: &str) -> Settings {
        Settings { from: Some(text.into()), ..Settings::default() }
    }

    const HEAD: &str = "From: Ann <ann@h.example>\r\nTo: to@h.example\r\nBcc: root\r\n";

    #[test]
    fn the_caller_names_the_sender_unless_the_account_forbids_it() {
        let strict = |text: &str| Settings { allow_from_override: false, ..from(text) };
        let sent = |arguments: &str, settings: Settings| find(&format!("{arguments} b@x.example"), &settings, HEAD);
        let sender = |arguments: &str, settings| sent(arguments, settings).unwrap().replace(" -> b@x.example", "");
        assert_eq!(sender("", from("%U@x.example")), "joe@x.example");
        assert_eq!(sender("-f a@x.example", from("joe@x.example")), "a@x.example");
        assert_eq!(sender("-f root", from("joe@x.example")), "root@box");
        assert_eq!(sender("-f <>", from("joe@x.example")), "");
        assert_eq!(sender("--from=", from("joe@x.example")), "");
        assert_eq!(sender("--read-envelope-from", from("joe@x.example")), "ann@h.example");
        assert_eq!(sender("-f a@x.example", strict("joe@x.example")), "joe@x.example");
        assert_eq!(sender("--read-envelope-from", strict("joe@x.example")), "joe@x.example");
        assert_eq!(sender("-f a@x.example", strict("*@x.example")), "a@x.example");
        assert_eq!(sender("", from("%F")), "ann@h.example");
        let auto = Settings { auto_from: true, maildomain: Some("m.example".into()), ..Settings::default() };
        assert_eq!(sender("", auto), "joe@m.example");
        let missing = "78 envelope-from address is missing";
        assert_eq!(sent("", Settings::default()).unwrap_err(), missing);
        assert_eq!(sent("", from("*@x.example")).unwrap_err(), missing, "a pattern is no address");
        assert_eq!(sent("-f a@y.example", strict("*@x.example")).unwrap_err(), missing);
        assert!(sent("-f a@x,b@x", from("x@y")).unwrap_err().starts_with("64 "));
    }

    #[test]
    fn recipients_come_from_operands_and_header_each_once() {
        let to = |arguments: &str| {
            find(arguments, &from("a@x.example"), HEAD).map(|text| text.replace("a@x.example -> ", ""))
        };
        assert_eq!(to("b@x.example,c@x.example b@X.example").unwrap(), "b@x.example c@x.example");
        assert_eq!(to("-t").unwrap(), "to@h.example root@box");
        assert_eq!(to("-t b@x.example").unwrap(), "b@x.example to@h.example root@box");
        assert_eq!(to("").unwrap_err(), "64 no recipients found");
        assert!(to("<b@x.example").unwrap_err().starts_with("65 recipient: "));
    }

    #[test]
    fn aliases_change_the_envelope() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "root: joe@y.example, hostmaster\ndefault: all@y.example\n").unwrap();
        let with = |file: &Path| Settings { aliases: Some(file.to_owned()), ..from("a@x.example") };
        let found = find("-t x", &with(file.path()), HEAD).unwrap();
        assert_eq!(found, "a@x.example -> all@y.example to@h.example joe@y.example");
        assert!(
            find("x", &with(Path::new("/nowhere/aliases")), HEAD).unwrap_err().starts_with("74 /nowhere/aliases: ")
        );
    }
}
