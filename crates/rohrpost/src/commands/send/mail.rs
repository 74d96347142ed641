//! The message that `send` sends, from its options, files and standard input.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use anyhow::Context;
use rohrpost_mail::{Mailbox, Recipient, address_list::mailboxes};
use rohrpost_sender::{BuildError, Builder, DkimKey, Mail, Template};

use super::limits::{EML_BYTES_MAX, TEXT_BYTES_MAX};
use crate::{
    cli::{Content, Notices, Pair, People, Send},
    exit::{Exit, Failure},
};

/// The message, with all that is wrong with it at once.
pub(super) fn of(command: &Send) -> anyhow::Result<Mail> {
    let Send { people, content, notices, look, .. } = command;
    let mail = match (content.eml, content.template.is_empty()) {
        (true, _) => written_elsewhere(people)?,
        (false, true) => plain(builder(people, content)?, content)?,
        (false, false) => filled(builder(people, content)?, content)?,
    };
    let Notices { notify, ret, envid, require_tls } = notices.clone();
    let notices = rohrpost_sender::Notices { notify, ret: ret.map(Into::into), envid, require_tls };
    let mail = mail.noticed(notices).map_err(|error| wrong(&error, option))?;
    let keys = keys(&content.dkim_key)?;
    if look.dry_run {
        for key in &keys {
            eprintln!("dkim    {} TXT {}", key.record_name(), key.record());
        }
    }
    mail.signed(&keys).context("the message")
}

/// The keys that sign it.
fn keys(options: &[Pair<':'>]) -> Result<Vec<DkimKey>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| format!("--dkim-key: {error}");
    let key = |Pair { name: selector, value }: &Pair<':'>| match value.split_once(':') {
        Some((domain, file)) => {
            DkimKey::read(selector, domain, file).map_err(|error| Failure::new(Exit::Config, wrong(&error)))
        }
        None => Err(Failure::new(Exit::Usage, wrong(&"expected SELECTOR:DOMAIN:FILE"))),
    };
    options.iter().map(key).collect()
}

/// All but subject, texts and further fields.
fn builder(people: &People, content: &Content) -> Result<Builder, Failure> {
    let People { from, to, cc, bcc, reply_to } = people;
    let author: Vec<String> = from.iter().cloned().collect();
    let mail = Mail::new().from(author).to(&**to).cc(&**cc).bcc(&**bcc).reply_to(&**reply_to);
    let mail = content.attach.iter().try_fold(mail, |mail, file| Ok(mail.attach(readable("--attach", file)?)))?;
    let inline = content.inline.iter();
    inline.into_iter().try_fold(mail, |mail, shown| {
        let file = PathBuf::from(&shown.value);
        Ok(mail.inline(&shown.name, readable("--inline", &file)?))
    })
}

/// A file that cannot be read is told before anything is built.
fn readable<'a>(option: &str, file: &'a Path) -> Result<&'a Path, Failure> {
    let not_regular = || io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
    // Looked at before it is opened: to open a pipe is to wait for whoever writes into it.
    let opened =
        fs::metadata(file).and_then(|about| about.is_file().then(|| File::open(file)).ok_or_else(not_regular)?);
    opened.map(|_| file).map_err(|error| unreadable(option, file, error))
}

/// Its name without what would steer a terminal.
fn shown(file: &Path) -> String {
    let plain = |sign: char| if sign.is_control() { sign.escape_default().to_string() } else { sign.to_string() };
    file.display().to_string().chars().map(plain).collect()
}

fn unreadable(option: &str, file: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::NoInput, format!("{option}: {}: {error}", shown(file)))
}

fn plain(mail: Builder, content: &Content) -> anyhow::Result<Mail> {
    let mail = content.subject.iter().fold(mail, Builder::subject);
    let mail = content.header.iter().fold(mail, header);
    let html = content.html.as_deref().map(|file| text_in("--html", file)).transpose()?;
    let text = match &content.text_file {
        Some(file) => Some(text_in("--text-file", file)?),
        None => typed(html.is_some())?,
    };
    let mail = html.into_iter().fold(mail, Builder::html);
    let mail = text.into_iter().fold(mail, Builder::text);
    mail.build().map_err(|error| wrong(&error, option).into())
}

/// A field for which the builder has a verb, and no option of ours, is what the verb makes it.
fn header(mail: Builder, Pair { name, value }: &Pair<':'>) -> Builder {
    let value = value.trim();
    match &*name.to_ascii_lowercase() {
        "sender" => mail.sender(value),
        "message-id" => mail.message_id(value),
        "in-reply-to" => mail.in_reply_to(value),
        "references" => mail.references(value),
        _ => mail.header(name, value),
    }
}

fn text_in(option: &str, file: &Path) -> Result<String, Failure> {
    let octets = File::open(file).and_then(|opened| within(opened, TEXT_BYTES_MAX));
    let octets = octets.map_err(|error| unreadable(option, file, error))?;
    let wrong = |what: &str| Failure::new(Exit::Data, format!("{option}: {} {what}", shown(file)));
    let octets = octets.ok_or_else(|| wrong(&too_long(TEXT_BYTES_MAX)))?;
    String::from_utf8(octets).map_err(|_| wrong("is not UTF-8"))
}

/// All octets of a reader; none if they are more than so many.
fn within(reader: impl Read, octets_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut octets = Vec::new();
    let count = reader.take(octets_max + 1).read_to_end(&mut octets)?;
    Ok(Some(octets).filter(|_| count as u64 <= octets_max))
}

fn too_long(octets_max: u64) -> String {
    format!("has more than {} MiB; --attach sends files of any size", octets_max >> 20)
}

/// The text from standard input. Where there is HTML it may be missing, and then nobody is asked for it.
fn typed(may_be_missing: bool) -> anyhow::Result<Option<String>> {
    let is_terminal = io::stdin().is_terminal();
    if may_be_missing && is_terminal {
        return Ok(None);
    }
    if is_terminal {
        eprintln!("Write your message; Ctrl-D ends it.");
    }
    let text = String::from_utf8(standard_input(TEXT_BYTES_MAX)?);
    let text = text.map_err(|_| Failure::new(Exit::Data, "standard input is not UTF-8"))?;
    Ok(Some(text).filter(|text| !(may_be_missing && text.is_empty())))
}

fn standard_input(octets_max: u64) -> anyhow::Result<Vec<u8>> {
    let octets = within(io::stdin().lock(), octets_max).context("standard input")?;
    let wrong = || Failure::new(Exit::Data, format!("standard input {}", too_long(octets_max)));
    Ok(octets.ok_or_else(wrong)?)
}

/// One mail from templates, with the values of `--set`.
fn filled(mail: Builder, content: &Content) -> anyhow::Result<Mail> {
    let mut template = Template::new(mail);
    let (mut text_file, mut html_file) = (None, None);
    for file in &content.template {
        let is_html = file.extension().is_some_and(|end| end.eq_ignore_ascii_case("html"));
        let one = if is_html { &mut html_file } else { &mut text_file };
        if one.replace(file).is_some() {
            let form = if is_html { "the HTML" } else { "the text" };
            return Err(
                Failure::new(Exit::Usage, format!("--template {}: {form} has one already", file.display())).into()
            );
        }
        let text = text_in("--template", file)?;
        template = if is_html { template.html(&text) } else { template.text(&text) };
    }
    let template = content.subject.iter().fold(template, |template, subject| template.subject(subject));
    let add = |template: Template, field: &crate::cli::Pair<':'>| template.header(&field.name, field.value.trim());
    let template = content.header.iter().fold(template, add);
    let values: BTreeMap<&str, &str> = content.set.iter().map(|set| (&*set.name, &*set.value)).collect();
    let place = |verb: &str| match (verb, text_file, html_file) {
        ("text", Some(from), _) | ("html", _, Some(from)) => format!("--template {}", from.display()),
        _ => option(verb),
    };
    let mut mails = template.merge([values]).map_err(|error| wrong(&error, place))?;
    let mail = mails.next().expect("one row makes one mail");
    // Here a row is what --set says.
    let in_our_words = |mut error: BuildError| {
        for (_, reason) in &mut error.faults {
            *reason = reason.replace("the row has no ", "no --set gives ");
        }
        error
    };
    mail.map_err(|error| wrong(&in_our_words(error.error), place).into())
}

/// A whole message, to those whom the options name, else to those whom its header names.
fn written_elsewhere(people: &People) -> anyhow::Result<Mail> {
    let parsed = |text: &String, option: &str| -> Result<Vec<Mailbox>, Failure> {
        mailboxes(text).map_err(|error| Failure::new(Exit::Data, format!("{option}: {text:?}: {error}")))
    };
    let mut recipients: Vec<Recipient> = Vec::new();
    for (option, list) in [("--to", &people.to), ("--cc", &people.cc), ("--bcc", &people.bcc)] {
        for text in list {
            recipients.extend(parsed(text, option)?.into_iter().map(Recipient::new));
        }
    }
    let author = people.from.as_ref().map(|text| parsed(text, "--from")).transpose()?;
    let author = match author.as_deref() {
        None => None,
        Some([one]) => Some(one.clone()),
        Some(_) => return Err(Failure::new(Exit::Data, "--from: one address sends it").into()),
    };
    let mail = Mail::from_eml_as(standard_input(EML_BYTES_MAX)?, author, recipients);
    mail.map_err(|error| wrong(&error, |field| format!("standard input: {field}")).into())
}

/// Every fault in a line of its own, with where it came from.
fn wrong(error: &BuildError, place: impl Fn(&str) -> String) -> Failure {
    let fault = |(field, reason): &(&str, String)| format!("{}: {}", place(field), in_options(reason));
    let faults: Vec<String> = error.faults.iter().map(fault).collect();
    let message = match &*faults {
        [one] => one.clone(),
        all => format!("the message cannot be built:\n  {}", all.join("\n  ")),
    };
    Failure::new(Exit::Data, message)
}

/// "use `reply_to`" of the builder, in words of the command line.
fn in_options(reason: &str) -> String {
    let verb = reason.split_once("use `").and_then(|(before, verb)| Some((before, verb.strip_suffix('`')?)));
    match verb {
        Some((before, verb @ ("from" | "to" | "cc" | "bcc" | "reply_to" | "subject"))) => {
            format!("{before}use {}", option(verb))
        }
        Some((before, _)) => format!("{before}there is no option for it"),
        None => reason.to_owned(),
    }
}

/// The option that a verb of the builder has here.
fn option(verb: &str) -> String {
    format!("--{}", verb.replace('_', "-"))
}
