//! The mailboxes of an account on another server, read over IMAP: only looked at (`EXAMINE`, `BODY.PEEK`), never changed.
//!
//! [`link`] opens the connection, [`login`] logs in, [`response`] reads what the server says. Mailboxes are read one after
//! the other, in pages of UIDs; each message streams through a [`Spool`](super::spool::Spool). What was imported is known
//! again by UIDVALIDITY and UID, so that a run that goes on fetches nothing twice.

mod link;
mod login;
mod response;

use std::{
    collections::{HashSet, VecDeque},
    vec,
};

use anyhow::Context;
use rohrpost_imap::mailbox_name::MailboxName;

use self::{
    link::{Link, quoted},
    response::{Fetched, Listed},
};
use super::{
    folders::Mapping,
    marks::{self, Marks},
    report::Fault,
    source::{Found, Step},
    sum::Key,
};
use crate::{
    cli::Other,
    exit::{Exit, Failure},
};

/// Messages that one command asks for.
const PAGE_MESSAGES: usize = 100;

/// Mailboxes that repeat what others have: Gmail's "All Mail" and its kin (RFC 6154 §2). `--only` reads them all the same.
const REPEATED: [&str; 2] = ["\\All", "\\Flagged"];

/// Reads them.
pub(super) struct ImapSource {
    link: Link,
    /// Whose account on which server, for what is noted.
    whose: String,
    mapping: Mapping,
    mailboxes: vec::IntoIter<Listed>,
    /// The mailboxes that repeat others, to be told.
    left_out: vec::IntoIter<Listed>,
    open: Option<OpenMailbox>,
    done: u64,
    messages: u64,
}

/// The mailbox that is being read.
struct OpenMailbox {
    /// Its name there, as people read it.
    name: String,
    /// The mailbox here.
    target: String,
    uid_validity: u32,
    /// UIDs that were not asked for yet.
    ahead: VecDeque<u32>,
    /// UIDs that were asked for and have not come. Those that never come were expunged.
    asked: HashSet<u32>,
    /// Whether the server is still answering the last question.
    is_answering: bool,
}

impl ImapSource {
    /// Connects, logs in and lists the mailboxes. Also gives a name for what is noted about this account.
    pub(super) async fn connect(other: &Other, mapping: Mapping) -> anyhow::Result<(Self, String)> {
        let (link, whose) = link::open(other).await?;
        let name = whose.replace(['/', '@'], "-");
        Ok((Self::over(link, whose, &other.only, mapping).await?, name))
    }

    /// Lists what there is to be read.
    async fn over(mut link: Link, whose: String, only: &[String], mapping: Mapping) -> anyhow::Result<Self> {
        let (mailboxes, left_out) = wanted(listed(&mut link).await?, only)?;
        let mut messages = 0;
        for mailbox in &mailboxes {
            messages += link.messages(&mailbox.wire).await?;
        }
        let (mailboxes, left_out) = (mailboxes.into_iter(), left_out.into_iter());
        Ok(Self { link, whose, mapping, mailboxes, left_out, open: None, done: 0, messages })
    }

    pub(super) fn progress(&self) -> (u64, u64) {
        (self.done, self.messages)
    }

    pub(super) async fn next(&mut self, known: impl Fn(&Key) -> bool) -> anyhow::Result<Option<Step>> {
        if let Some(mailbox) = self.left_out.next() {
            // Gmail's archived mail is nowhere else.
            let why = "left out, as it repeats other mailboxes; what is only there comes with --only".to_owned();
            return Ok(Some(Step::Bad(Fault { place: mailbox.name, why, is_lost: false })));
        }
        loop {
            let Some(open) = &mut self.open else {
                let Some(mailbox) = self.mailboxes.next() else {
                    self.link.end().await;
                    return Ok(None);
                };
                let context = format!("the mailbox {:?}", mailbox.name);
                self.open = Some(self.examine(mailbox).await.context(context)?);
                continue;
            };
            if open.is_answering {
                match self.link.fetched().await.with_context(|| format!("the mailbox {:?}", open.name))? {
                    // Some servers tell news of other messages in between.
                    Some(fetched) if fetched.has_body && open.asked.remove(&fetched.uid) => {
                        self.done += 1;
                        return Ok(Some(open.step(fetched, &self.whose)));
                    }
                    Some(_) => {}
                    None => open.is_answering = false,
                }
                continue;
            }
            let Some(uid) = open.ahead.front().copied() else {
                self.open = None;
                continue;
            };
            if known(&open.key(&self.whose, uid)) {
                open.ahead.pop_front();
                self.done += 1;
                return Ok(Some(Step::Known(open.target.clone())));
            }
            let page = open.page(&self.whose, &known);
            self.link.ask(&format!("UID FETCH {page} (UID FLAGS INTERNALDATE BODY.PEEK[])")).await?;
            open.is_answering = true;
        }
    }

    async fn examine(&mut self, mailbox: Listed) -> anyhow::Result<OpenMailbox> {
        let uid_validity = self.link.examine(&mailbox.wire).await?;
        let ahead = self.link.uids().await?.into();
        let target = self.mapping.target(&mailbox.name, &mailbox.attributes);
        Ok(OpenMailbox { name: mailbox.name, target, uid_validity, ahead, asked: HashSet::new(), is_answering: false })
    }
}

impl OpenMailbox {
    fn key(&self, whose: &str, uid: u32) -> Key {
        Key::of(format!("{whose} {} {} {uid}", self.uid_validity, self.name).as_bytes())
    }

    /// The next UIDs to ask for, up to the next that is known.
    fn page(&mut self, whose: &str, known: impl Fn(&Key) -> bool) -> String {
        self.asked.clear();
        let mut page = Vec::new();
        while let Some(uid) = self.ahead.front().copied()
            && page.len() < PAGE_MESSAGES
            && !known(&self.key(whose, uid))
        {
            self.ahead.pop_front();
            self.asked.insert(uid);
            page.push(uid.to_string());
        }
        page.join(",")
    }

    fn step(&self, fetched: Fetched, whose: &str) -> Step {
        let place = format!("{}, UID {}", self.name, fetched.uid);
        let Some(letter) = fetched.letter else {
            return Step::Bad(Fault { place, why: "the server does not give it".to_owned(), is_lost: true });
        };
        let mut flags = Marks::default();
        fetched.flags.iter().filter(|flag| !flag.eq_ignore_ascii_case("\\Recent")).for_each(|flag| flags.add(flag));
        let at = fetched.at.or_else(|| marks::of_header(&letter.header));
        let (key, mailbox) = (self.key(whose, fetched.uid), self.target.clone());
        Step::Mail(Box::new(Found { key, place, mailbox, flags: flags.names(), at, note: None, letter }))
    }
}

/// The mailboxes that can be opened.
async fn listed(link: &mut Link) -> anyhow::Result<Vec<Listed>> {
    let mut listed = link.list(&format!("LIST {} {}", quoted("")?, quoted("*")?)).await?;
    listed.retain(|mailbox| !mailbox.has("\\Noselect") && !mailbox.has("\\NonExistent"));
    for mailbox in &mut listed {
        // What cannot be read as a name here is at least a name there.
        let name = MailboxName::from_utf7(mailbox.wire.as_bytes());
        let name = name.map_or_else(|_| mailbox.wire.clone(), |name| name.to_string());
        mailbox.name = match mailbox.separator {
            Some(separator) if separator != '/' => name.replace('/', "_").replace(separator, "/"),
            _ => name,
        };
    }
    listed.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(listed)
}

/// Those that were asked for, else all; but apart those that only repeat others.
fn wanted(mut mailboxes: Vec<Listed>, only: &[String]) -> Result<(Vec<Listed>, Vec<Listed>), Failure> {
    if only.is_empty() {
        let is_repeated = |mailbox: &Listed| REPEATED.iter().any(|repeated| mailbox.has(repeated));
        return Ok(mailboxes.into_iter().partition(|mailbox| !is_repeated(mailbox)));
    }
    if let Some(missing) = only.iter().find(|name| !mailboxes.iter().any(|mailbox| mailbox.name == **name)) {
        return Err(Failure::new(Exit::Data, format!("there is no mailbox {missing:?} there")));
    }
    mailboxes.retain(|mailbox| only.contains(&mailbox.name));
    Ok((mailboxes, Vec::new()))
}

#[cfg(test)]
mod tests;
