//! Sends the message of standard input, which is read to its end before anybody is connected to.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    os::unix::fs::FileExt,
    sync::Arc,
};

use jiff::{Timestamp, Zoned};
use rohrpost_mail::{BodyKind, Envelope, Mailbox, Recipient, ReversePath, Secret, TlsInfo};
use rohrpost_sender::{Error, Login, Mail, Outcome, Receipt, Relays, Sender, Source};
use tempfile::SpooledData;

use super::{
    accounts::Chosen,
    block_on, choose, connect,
    envelope::{Parties, given_sender},
    environment::Environment,
    fault::Fault,
    header::{self, Facts},
    hint,
    log::{self, Entry},
    options::Options,
    password, pretend,
    settings::{Auth, Fingerprint, Settings},
    show, verdict,
};
use crate::{
    exit::Exit,
    personas::message::{self, Message},
    random,
};

/// Sends it by the account that options and sender choose.
pub(super) fn run(options: &Options, environment: &Environment) -> Result<(), Fault> {
    if options.recipients.is_empty() && !options.read_recipients {
        return Err(Fault::new(Exit::Usage, "no recipients found"));
    }
    // Only a sender that stands in the message makes the account wait for the message.
    let early = if options.read_envelope_from { Some(read()?) } else { None };
    let sender = early.as_ref().map(|message| given_sender(options, &message.header)).transpose()?.flatten();
    let chosen = choose(options, sender.as_deref(), environment)?;
    if options.debug {
        show(&pretend::account(options, &chosen, environment))?;
    }
    let login = login(&chosen.settings, environment)?;
    let message = early.map_or_else(read, Ok)?;
    dispatch(options, &chosen, login.as_ref(), message, environment)
}

/// Sends a message of a dialogue, by the account of the sender that `options` name.
pub(super) fn one(options: &Options, message: Message, environment: &Environment) -> Result<(), Fault> {
    let message = message.without_nul().map_err(|error| Fault::new(error.exit(), error))?;
    let chosen = choose(options, None, environment)?;
    let login = login(&chosen.settings, environment)?;
    dispatch(options, &chosen, login.as_ref(), message, environment)
}

/// Connects, sends, and says how it ended.
fn dispatch(
    options: &Options,
    chosen: &Chosen,
    login: Option<&Login>,
    message: Message,
    environment: &Environment,
) -> Result<(), Fault> {
    let letter = Letter::new(options, &chosen.settings, environment, message)?;
    let sender = sender_of(options, &chosen.settings, login, environment)?;
    let result = block_on(async {
        let result = sender.send(&letter.mail).await;
        sender.close().await;
        result
    })?;
    let exit = result.as_ref().err().map(|error| verdict::exit(error, options.rohrpost_exit_codes));
    log::write(&chosen.settings, &entry(&chosen.settings, &letter, &result, exit), &Zoned::now());
    report(options, chosen, &result, exit)
}

fn read() -> Result<Message, Fault> {
    let message = message::read(io::stdin().lock(), false).and_then(Message::without_nul);
    message.map_err(|error| Fault::new(error.exit(), error))
}

/// The log-in of the account. The password is asked for before the message is read and the server connected to, so that
/// neither waits for a person.
fn login(settings: &Settings, environment: &Environment) -> Result<Option<Login>, Fault> {
    let Some(user) = connect::user(settings)? else { return Ok(None) };
    let is_external = settings.auth == Auth::Only("external");
    let password = if is_external { Secret::new("") } else { password::find(settings, user, environment)? };
    if connect::crosses_in_clear(settings) {
        eprintln!("msmtp: warning: without tls, everybody on the way can read the password");
    }
    Ok(connect::login(settings, user, password))
}

fn sender_of(
    options: &Options,
    settings: &Settings,
    login: Option<&Login>,
    environment: &Environment,
) -> Result<Sender, Fault> {
    let made = connect::servers(settings, environment)?;
    for warning in made.warnings {
        eprintln!("msmtp: warning: {warning}");
    }
    let terms = made.servers.into_iter().map(|server| server.all_or_nothing(!options.partial).login(login.cloned()));
    Sender::new(Relays::failover(terms)).map_err(|error| Fault::new(verdict::exit(&error, false), error))
}

/// A message that is ready to go.
struct Letter {
    mail: Mail,
    envelope: Envelope,
    recipients: Vec<Recipient>,
}

impl Letter {
    fn new(options: &Options, settings: &Settings, environment: &Environment, message: Message) -> Result<Self, Fault> {
        let parties = Parties { options, settings, head: &message.header, environment };
        let (mut envelope, recipients) = parties.find()?;
        let domain = parties.mail_domain();
        let from = match &envelope.reverse_path {
            ReversePath::Mailbox(mailbox) => mailbox.clone(),
            // Who sends with the null path and names no author is the host itself.
            ReversePath::Null => Mailbox::parse(&format!("postmaster@{}", domain?))
                .map_err(|error| Fault::new(Exit::Config, format!("mail name: {error}")))?,
        };
        let addresses: Vec<_> = recipients.iter().map(|recipient| recipient.address.clone()).collect();
        let facts = Facts {
            from: &from,
            full_name: options.full_name.as_deref().or(settings.from_full_name.as_deref()),
            recipients: &addresses,
            unique: &random::text(),
            now: Timestamp::now(),
        };
        let head = header::rewritten(&message.header, settings, &facts);
        if message.facts.eight_bit || !head.is_ascii() {
            envelope.body = BodyKind::EightBitMime;
        }
        envelope.smtputf8 |= !head.is_ascii();
        let source = source(head, message.into_body());
        let source =
            source.map_err(|error| Fault::new(Exit::Io, format!("the message cannot be read again: {error}")))?;
        Ok(Self { mail: Mail::raw(envelope.clone(), recipients.clone(), source), envelope, recipients })
    }
}

/// Header and body as one source that can be read again for each server.
fn source(mut head: Vec<u8>, body: SpooledData) -> io::Result<Source> {
    head.extend_from_slice(b"\r\n");
    match body {
        SpooledData::InMemory(body) => {
            head.extend_from_slice(body.get_ref());
            Ok(Source::from(head))
        }
        SpooledData::OnDisk(file) => {
            let octets = head.len() as u64 + file.metadata()?.len();
            let file = Arc::new(file);
            Ok(Source::reader(octets, move || {
                Ok(Cursor::new(head.clone()).chain(FromStart { file: Arc::clone(&file), at: 0 }))
            }))
        }
    }
}

/// Reads a file from its start, whoever else reads it.
struct FromStart {
    file: Arc<File>,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(octets, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

fn entry(settings: &Settings, letter: &Letter, result: &Result<Receipt, Error>, exit: Option<Exit>) -> Entry {
    let taken = |receipt: &Receipt| {
        receipt.recipients.iter().find(|(_, to)| to.is_good()).and_then(|(_, to)| to.reply().cloned())
    };
    Entry {
        host: settings.socket.as_ref().map_or_else(|| settings.hosts.join(","), |path| path.display().to_string()),
        tls: settings.tls.on,
        user: settings.user.clone().filter(|_| settings.auth != Auth::Off),
        from: letter.envelope.reverse_path.to_string(),
        recipients: letter.recipients.iter().map(|to| to.address.to_string()).collect(),
        mail_size: result.is_ok().then(|| letter.mail.octets()),
        reply: result.as_ref().map_or_else(|error| error.reply().cloned(), taken),
        error: result.as_ref().err().map(ToString::to_string),
        exit,
    }
}

/// What to put in the place of a pin by SHA-1 or MD5. The certificate has that pin, or nothing would have been sent.
fn advice(settings: &Settings, tls: Option<&TlsInfo>) -> Option<String> {
    let Some(Fingerprint::Old(_)) = settings.tls.fingerprint.as_ref().filter(|_| settings.tls.certcheck) else {
        return None;
    };
    let sha256 = pretend::colons(tls?.peer_certificate.as_deref()?);
    Some(format!(
        "tls_fingerprint is by SHA-1 or MD5, which are broken; put this in its place: tls_fingerprint {sha256}"
    ))
}

/// Shows the dialogue where that was asked for, names refused recipients, and says how it ended.
fn report(
    options: &Options,
    chosen: &Chosen,
    result: &Result<Receipt, Error>,
    exit: Option<Exit>,
) -> Result<(), Fault> {
    match result {
        Ok(receipt) => {
            if let Some(advice) = advice(&chosen.settings, receipt.tls.as_ref()) {
                eprintln!("msmtp: warning: {advice}");
            }
            if options.debug {
                // The mail is sent, whatever becomes of the dialogue.
                let _ = show(&format!("{}\n", receipt.transcript));
            }
            for (recipient, outcome) in &receipt.recipients {
                if let Outcome::Refused(reply) | Outcome::Deferred(reply) = outcome {
                    eprintln!("msmtp: {recipient}: {reply}");
                }
            }
            Ok(())
        }
        Err(error) => {
            if options.debug {
                show(&format!("{}\n", error.transcript()))?;
            }
            let hint = hint::of(error, &chosen.settings.tls).map(|hint| format!("\n{hint}")).unwrap_or_default();
            let message = format!("{error}{hint}\ncould not send mail ({})", chosen.origin);
            Err(Fault::new(exit.unwrap_or(Exit::Software), message))
        }
    }
}
