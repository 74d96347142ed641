//! `rohrpost send`: one message, one server, a receipt.

use std::{
    io::{IsTerminal, Read},
    path::Path,
    process::ExitCode,
};

use anyhow::Context;
use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_client::{
    ConnectError, Connection, Failure as Refused, Login, Outcome, Outgoing, SendReport, ServerUrl, Target,
};
use rohrpost_mail::{
    BodyKind, Class, Domain, Envelope, Host, Link, Mailbox, Recipient, Reply, ReversePath, Seal, Trust,
    compose::{Attachment, Message},
    header::HeaderText,
};
use rohrpost_tls::{ClientTls, ClientTlsOptions};
use serde::Serialize;

use super::{people::password_in, print, print_json};
use crate::{
    cli,
    exit::{Exit, Failure},
    random,
    view::{BAD, DIM, Styled, seal_style},
};

/// Sends the message and prints the receipt.
pub(super) async fn run(command: &cli::Send) -> anyhow::Result<ExitCode> {
    let message = message(command)?;
    let targets = targets(command).await?;
    let mut connection = connect(&targets).await?;
    let link = connection.link().clone();
    let (envelope, recipients) = (envelope(command), recipients(command));
    let octets = message.len() as u64;
    let outgoing = Outgoing { envelope: &envelope, recipients: &recipients, octets, body: &message };
    let report = connection.send(&outgoing).await;
    let insists = |outcome: &Outcome| outcome.as_ref().is_err_and(|failure| connection.wants_tls(failure));
    let wants_tls = report.outcomes.iter().any(insists);
    connection.quit().await;
    if command.output.json {
        print_json(recipients.iter().zip(&report.outcomes).map(|(to, outcome)| Receipt::of(to, outcome, &link)))?;
    } else {
        print(&receipt(&recipients, &report, &link))?;
    }
    if wants_tls {
        eprintln!("The server insists on TLS, and the URL says not to use it: take tls=off out of --server.");
        return Ok(Exit::NoPermission.into());
    }
    Ok(exit(&report).map_or(ExitCode::SUCCESS, ExitCode::from))
}

/// The message as it goes over the wire.
fn message(command: &cli::Send) -> anyhow::Result<Bytes> {
    let text = |text: &str, what: &str| {
        HeaderText::new(text).map_err(|error| Failure::new(Exit::Data, format!("{what}: {error}")))
    };
    let mut fields = Vec::new();
    if !command.cc.is_empty() {
        let copies = command.cc.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        fields.push(("Cc", text(&copies, "--cc")?));
    }
    let message = Message {
        from: command.from.clone(),
        to: command.to.clone(),
        subject: text(&command.subject, "--subject")?,
        date: Timestamp::now(),
        message_id: text(&format!("{}@{}", random::text(), command.from.domain), "--from")?,
        fields,
        text: body()?,
        attachments: command.attach.iter().map(|file| attachment(file)).collect::<Result<_, _>>()?,
    };
    Ok(message.to_bytes().into())
}

/// The text from standard input.
fn body() -> anyhow::Result<String> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        eprintln!("Write your message; Ctrl-D ends it.");
    }
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).context("standard input")?;
    String::from_utf8(bytes).map_err(|_| Failure::new(Exit::Data, "standard input is not UTF-8").into())
}

fn attachment(file: &Path) -> anyhow::Result<Attachment> {
    let data =
        std::fs::read(file).map_err(|error| Failure::new(Exit::NoInput, format!("{}: {error}", file.display())))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let content_type = HeaderText::new(content_type(file)).context("content types hold no line breaks")?;
    let name = HeaderText::new(name)
        .map_err(|error| Failure::new(Exit::Data, format!("the name of {}: {error}", file.display())))?;
    Ok(Attachment { name, content_type, data })
}

/// The usual types by the end of the name; the rest is octets, which every mail program offers to save.
fn content_type(file: &Path) -> &'static str {
    let end = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match end.as_str() {
        "txt" | "log" | "md" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "html" | "htm" => "text/html; charset=utf-8",
        "pdf" => "application/pdf",
        "json" => "application/json",
        "xml" => "application/xml",
        "zip" => "application/zip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "ics" => "text/calendar; charset=utf-8",
        "eml" => "message/rfc822",
        _ => "application/octet-stream",
    }
}

/// The server's addresses and the terms.
async fn targets(command: &cli::Send) -> anyhow::Result<Vec<Target>> {
    let mut server: ServerUrl =
        command.server.parse().map_err(|error| Failure::new(Exit::Usage, format!("--server: {error}")))?;
    if let Some(login) = login(command, &server)? {
        server = server.with_login(login);
    }
    let mut targets =
        server.targets(our_name()).await.map_err(|error| Failure::new(Exit::NoHost, format!("{server}: {error}")))?;
    for target in &mut targets {
        target.allow_clear = command.allow_clear;
        if let Some(ca) = &command.ca {
            target.trust = Trust::Ca(ca.display().to_string());
            target.require_trust = true;
        }
    }
    Ok(targets)
}

/// User and password from the options; none where the URL says it all or nobody logs in.
fn login(command: &cli::Send, server: &ServerUrl) -> anyhow::Result<Option<Login>> {
    let user = command.user.as_deref().or(server.user());
    let password = match &command.password_file {
        Some(file) => Some(password_in(file)?),
        None => command.password.clone(),
    };
    match (user, password) {
        (Some(user), Some(password)) => Ok(Some(Login::new(user, password))),
        (None, Some(_)) if command.password_file.is_some() => {
            Err(Failure::new(Exit::Usage, "--password-file needs --user, or USER@ in the URL").into())
        }
        (Some(_), None) if command.user.is_some() => {
            Err(Failure::new(Exit::Usage, "--user needs --password-file or ROHRPOST_PASSWORD").into())
        }
        _ => Ok(None),
    }
}

/// What we call ourselves in EHLO: the host's full name, else an address literal (RFC 5321 §4.1.1.1).
fn our_name() -> Host {
    let name: Option<String> = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let full = name.filter(|name| name.contains('.')).and_then(|name| Domain::parse(&name).ok());
    full.map_or(Host::Literal([127, 0, 0, 1].into()), Host::Name)
}

async fn connect(targets: &[Target]) -> anyhow::Result<Connection> {
    let tls = ClientTls::new(ClientTlsOptions::default())?;
    Connection::open_first(targets, &tls).await.map_err(|error| {
        let exit = connect_exit(&error);
        Failure::new(exit, error).into()
    })
}

/// How a failed connection ends the program.
fn connect_exit(error: &ConnectError) -> Exit {
    match (error, error.class()) {
        (ConnectError::Tls(_) | ConnectError::PasswordInClear { .. } | ConnectError::PasswordToStranger { .. }, _) => {
            Exit::NoPermission
        }
        (ConnectError::NoMechanism { .. }, _) => Exit::Unavailable,
        (_, Class::Ours) => Exit::System,
        (error, Class::Permanent) if error.stage() == rohrpost_mail::Stage::Auth => Exit::NoPermission,
        (_, Class::Permanent) => Exit::Unavailable,
        (_, _) => Exit::TempFail,
    }
}

fn envelope(command: &cli::Send) -> Envelope {
    let utf8 = recipients(command).iter().map(|to| &to.address).chain([&command.from]).any(Mailbox::needs_smtputf8);
    Envelope {
        reverse_path: ReversePath::Mailbox(command.from.clone()),
        body: BodyKind::SevenBit,
        smtputf8: utf8,
        ..Envelope::default()
    }
}

/// Everybody once, in the order of the command line.
fn recipients(command: &cli::Send) -> Vec<Recipient> {
    let mut all: Vec<Recipient> = Vec::new();
    for address in [&command.to, &command.cc, &command.bcc].into_iter().flatten() {
        if !all.iter().any(|known| known.address.key() == address.key()) {
            all.push(Recipient::new(address.clone()));
        }
    }
    all
}

/// One recipient of the receipt, in JSON.
#[derive(Serialize)]
struct Receipt<'a> {
    recipient: &'a Mailbox,
    accepted: bool,
    seal: Option<Seal>,
    link: &'a Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'a Reply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<'a> Receipt<'a> {
    fn of(recipient: &'a Recipient, outcome: &'a Outcome, link: &'a Link) -> Self {
        let reply = outcome.as_ref().map_or_else(Refused::reply, Some);
        let error = outcome.as_ref().err().map(ToString::to_string);
        let accepted = outcome.is_ok();
        Self { recipient: &recipient.address, accepted, seal: link.seal(), link, reply, error }
    }
}

/// The receipt for people: one line for each recipient, first the seal.
fn receipt(recipients: &[Recipient], report: &SendReport, link: &Link) -> String {
    let word = link.seal().map_or("local", Seal::as_str);
    let manner = match link {
        Link::Tls(tls) => format!("  {}, {}", tls.version, tls.group),
        Link::Clear { reason } => format!("  {reason}"),
        Link::Local | Link::None => String::new(),
    };
    let width = recipients.iter().map(|to| to.address.to_string().chars().count()).max().unwrap_or(0);
    let row = |(to, outcome): (&Recipient, &Outcome)| match outcome {
        Ok(reply) => {
            let word = Styled(seal_style(link.seal()), format!("{word:<10}"));
            format!("{word} {:<width$}  {reply}{}\n", to.address.to_string(), Styled(DIM, &manner))
        }
        Err(failure) => {
            let word = Styled(BAD, format!("{:<10}", verdict(failure)));
            format!("{word} {:<width$}  {failure}\n", to.address.to_string())
        }
    };
    recipients.iter().zip(&report.outcomes).map(row).collect()
}

/// What became of a recipient that was not accepted, in one word.
fn verdict(failure: &Refused) -> &'static str {
    match failure.class {
        _ if failure.possible_duplicate => "unknown",
        Class::Permanent => "refused",
        _ => "deferred",
    }
}

/// How the program ends: by the worst that befell a recipient; none when everybody was accepted.
fn exit(report: &SendReport) -> Option<Exit> {
    let failures = || report.outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    failures().next()?;
    let refused = |failure: &&Refused| failure.class == Class::Permanent && !failure.possible_duplicate;
    match failures().find(refused) {
        Some(failure) if failure.stage() == rohrpost_mail::Stage::Rcpt => Some(Exit::NoUser),
        Some(_) => Some(Exit::Unavailable),
        None => Some(Exit::TempFail),
    }
}

#[cfg(test)]
mod tests;
