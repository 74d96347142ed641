//! `rohrpost mailbox`: what is in the mailboxes here.

use std::{io::Write, process::ExitCode};

use anyhow::Context;
use jiff::Timestamp;

use super::{mismatch, print, print_rows};
use crate::{
    cli::{MailName, MailboxCommand, Place},
    control::{Answer, BodyOf, MailRow, PAGE_ROWS, Request},
    door::Door,
    view,
};

/// Lists a mailbox or prints one of its messages.
pub(super) async fn run(place: &Place, command: MailboxCommand) -> anyhow::Result<ExitCode> {
    let door = Door::find(place)?;
    match command {
        MailboxCommand::List { account, folder, output } => {
            let mut rows: Vec<MailRow> = Vec::new();
            loop {
                let after = rows.last().map_or(0, |row| row.number);
                let request = Request::MailboxList { account: account.clone(), folder: folder.clone(), after };
                let Answer::Mailbox(found) = door.ask(request).await? else { return Err(mismatch()) };
                let last = found.len() < PAGE_ROWS;
                rows.extend(found);
                if last {
                    break;
                }
            }
            print_rows(output, &rows, view::queue::mailbox)?;
        }
        MailboxCommand::Folders { account, output } => {
            let Answer::Mailboxes(rows) = door.ask(Request::MailboxAll { account }).await? else {
                return Err(mismatch());
            };
            print_rows(output, &rows, view::moving::mailboxes)?;
        }
        MailboxCommand::Undelete { account, folder, since } => {
            let since = Timestamp::now().checked_sub(since.0).unwrap_or(Timestamp::MIN);
            let request = Request::MailUndelete { account, mailbox: folder, since };
            let Answer::Count(count) = door.ask(request).await? else { return Err(mismatch()) };
            print(&format!("{} back\n", view::count(count, "message")))?;
        }
        MailboxCommand::Show { account, mail, folder } => {
            let of = match mail {
                MailName::Uid(uid) => BodyOf::Mail { account, mailbox: folder, uid },
                MailName::Id(id) => BodyOf::Filed { account, folder, id },
            };
            print_body(&door, of).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Copies a message to standard output as it is, piece by piece.
pub(super) async fn print_body(door: &Door, of: BodyOf) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut from = 0;
    loop {
        let Answer::Piece(piece) = door.ask(Request::Body { of: of.clone(), from }).await? else {
            return Err(mismatch());
        };
        out.write_all(&piece.bytes).context("standard output")?;
        from += piece.bytes.len() as u64;
        if piece.bytes.is_empty() || from >= piece.octets {
            return out.flush().context("standard output");
        }
    }
}
