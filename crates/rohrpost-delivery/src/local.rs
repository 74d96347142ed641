//! Local delivery: into mailboxes here, and on to wherever aliases and rewritten addresses lead.
//!
//! An address is looked for as it is, then without its subaddress, then as the domain's catch-all. Aliases are followed
//! in one go to the accounts and foreign addresses at their ends, each of them once, so that a loop of aliases ends by
//! itself. A `Delivered-To` of the same address at the top of a message means that it has been here before (RFC 9228).

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use rohrpost_mail::{
    DeliveryRecord, EnhancedStatus, Link, LocalPart, Mailbox, Notify, Outcome, Recipient, ReversePath, Stage,
    dsn::Action, header,
};
use rohrpost_queue::{Job, srs::looks_rewritten};
use rohrpost_store::{Body, Filing, NewMessage, QueuedRecipient, Resolved, Settlement, StoreError, settle::Change};
use tokio::sync::OnceCell;

use crate::{
    bounce::News,
    ledger::Entry,
    limits::{ALIAS_DEPTH_MAX, ALIAS_MEMBERS_MAX, SENT_ON_NAMED_MAX},
    message::Message,
    record::Frame,
    settings::Settings,
    settle::{self, Attempted, Draft, Terms},
    shared::{Shared, daemon, field},
    verdict::{Hop, Judgement, Verdict},
};

/// Where mail lies that no subaddress sends elsewhere.
pub(crate) const INBOX: &str = "INBOX";

/// Delivers a job's recipients. Nothing where the store cannot be read: they rest and are tried again.
pub(crate) async fn file(shared: &Shared, job: &Job, message: &Message) -> Option<Entry> {
    match try_file(shared, job, message).await {
        Ok(entry) => Some(entry),
        Err(error) => {
            tracing::error!(message = %message.id, %error, "local delivery cannot read the store");
            None
        }
    }
}

async fn try_file(shared: &Shared, job: &Job, message: &Message) -> Result<Entry, StoreError> {
    let started = shared.now().steady;
    let (head, _) = message.head().await?;
    let arrived = Arrived { visited: visited(&head), head, shape: OnceCell::new() };
    let (mut drafts, mut forwards) = (Vec::new(), Vec::new());
    for row in &job.recipients {
        let frame = Frame::new(message, started, shared.now());
        let (draft, forward) = deliver(shared, row, message, &arrived, frame).await?;
        drafts.push(draft);
        forwards.push(forward);
    }
    let mut entry = settle::entry(shared, job, message, drafts).await;
    for (row, forward) in job.recipients.iter().zip(forwards) {
        let of_row = |settlement: &&mut Settlement| settlement.n == row.n;
        if let Some(settlement) = entry.settlements.iter_mut().find(of_row) {
            settlement.new.extend(forward);
        }
    }
    Ok(entry)
}

/// What the message itself tells.
struct Arrived {
    /// The start of it, with its header.
    head: Bytes,
    /// Addresses it was delivered to before.
    visited: HashSet<String>,
    /// Its structure, once somebody here gets it.
    shape: OnceCell<Bytes>,
}

fn visited(head: &[u8]) -> HashSet<String> {
    let fields = header::fields(header::split(head).0).filter(|field| field.is("Delivered-To"));
    fields.map(|field| field.unfolded().to_lowercase()).collect()
}

type Delivered = (Draft, Option<NewMessage>);

async fn deliver(
    shared: &Shared,
    row: &QueuedRecipient,
    message: &Message,
    arrived: &Arrived,
    frame: Frame,
) -> Result<Delivered, StoreError> {
    let address = &row.recipient.address;
    if arrived.visited.contains(&address.key()) {
        return Ok((
            refuse(row, frame, EnhancedStatus(5, 4, 6), "the message has been here before: a mail loop"),
            None,
        ));
    }
    if looks_rewritten(address) {
        return Ok((turn_back(shared, row, message, &arrived.head, frame), None));
    }
    let ends = follow(shared, address).await?;
    if !ends.accounts.is_empty() || !ends.foreign.is_empty() {
        return settle_ends(shared, row, message, arrived, ends, frame).await;
    }
    let (status, why) = if ends.was_alias {
        (EnhancedStatus(5, 4, 6), "the alias leads nowhere but to itself")
    } else {
        (EnhancedStatus(5, 1, 1), "no such mailbox here")
    };
    Ok((refuse(row, frame, status, why), None))
}

fn refuse(row: &QueuedRecipient, frame: Frame, status: EnhancedStatus, why: &str) -> Draft {
    let record = DeliveryRecord {
        stage: Some(Stage::Local),
        note: Some(why.to_owned()),
        ..frame.hop(row, &hop(), Outcome::Failed)
    };
    Draft::done(record, Some(News::plain(row, Action::Failed, status, Some(why.to_owned()))))
}

fn hop() -> Hop {
    Hop { link: Link::Local, ..Hop::none("local") }
}

/// A bounce to mail that was forwarded under a rewritten address goes back to the first sender.
fn turn_back(shared: &Shared, row: &QueuedRecipient, message: &Message, head: &[u8], frame: Frame) -> Draft {
    let original = match shared.rewriter.original(&row.recipient.address, frame.at) {
        Ok(original) => original,
        Err(error) => return refuse(row, frame, EnhancedStatus(5, 1, 1), &error.to_string()),
    };
    let recipient = Recipient { address: original, ..row.recipient.clone() };
    let record = DeliveryRecord {
        stage: Some(Stage::Local),
        note: Some(format!("back to {}", recipient.address)),
        ..frame.hop(row, &hop(), Outcome::Expanded { into: 1 })
    };
    let origin = message.origin(&message.envelope.reverse_path, head);
    Draft { change: Change::Replace(shared.recipients(origin, [recipient])), ..Draft::done(record, None) }
}

/// Where an address leads in the end.
#[derive(Debug, Default)]
struct Ends {
    /// Login, the address it was reached by, and its folder.
    accounts: Vec<(String, Mailbox, String)>,
    foreign: Vec<Mailbox>,
    was_alias: bool,
    /// Whether one of the accounts may not have as much mail as it likes.
    is_limited: bool,
}

/// Follows aliases breadth first, each address once.
async fn follow(shared: &Shared, address: &Mailbox) -> Result<Ends, StoreError> {
    let (mut ends, mut seen) = (Ends::default(), HashSet::from([address.key()]));
    let mut level = vec![address.clone()];
    for _ in 0..=ALIAS_DEPTH_MAX {
        let mut next = Vec::new();
        for address in level {
            if is_hosts_own(&shared.settings(), &address) && !shared.router.is_local(&address.domain) {
                next.push(shared.settings().postmaster.clone());
                continue;
            }
            if !shared.router.is_local(&address.domain) {
                ends.foreign.push(address);
                continue;
            }
            let targets = look_up(shared, &address, &mut ends).await?;
            next.extend(
                targets.into_iter().filter(|target| seen.len() < ALIAS_MEMBERS_MAX && seen.insert(target.key())),
            );
        }
        level = next;
    }
    let mut logins = HashSet::new();
    ends.accounts.retain(|(login, _, folder)| logins.insert((login.clone(), folder.clone())));
    Ok(ends)
}

/// The targets of an alias; an account goes straight to the ends.
async fn look_up(shared: &Shared, address: &Mailbox, ends: &mut Ends) -> Result<Vec<Mailbox>, StoreError> {
    let settings = shared.settings();
    let found = shared.store.resolve(address).await?;
    let found = match (found, split_subaddress(address, settings.subaddress)) {
        (found @ (Resolved::Nobody | Resolved::CatchAll(_)), Some((base, detail))) => {
            match shared.store.resolve(&base).await? {
                Resolved::Account { account, octets_max } => {
                    let folder = folder_for(shared, &account.login, &detail).await?;
                    ends.is_limited |= octets_max.is_some();
                    ends.accounts.push((account.login, address.clone(), folder));
                    return Ok(Vec::new());
                }
                Resolved::Alias(alias) => Resolved::Alias(alias),
                _ => found,
            }
        }
        (found, _) => found,
    };
    match found {
        Resolved::Account { account, octets_max } => {
            ends.is_limited |= octets_max.is_some();
            ends.accounts.push((account.login, address.clone(), INBOX.to_owned()));
            Ok(Vec::new())
        }
        // Suspended or not: that is asked where mail comes in, and what was taken then is delivered.
        Resolved::Alias(alias) | Resolved::CatchAll(alias) => {
            ends.was_alias = true;
            Ok(alias.targets)
        }
        // RFC 5321 §4.5.1, RFC 2142: these two reach a person in every domain.
        Resolved::Nobody
            if (is_duty_address(address) || is_hosts_own(&settings, address)) && *address != settings.postmaster =>
        {
            Ok(vec![settings.postmaster.clone()])
        }
        Resolved::Nobody => Ok(Vec::new()),
    }
}

fn is_duty_address(address: &Mailbox) -> bool {
    let local = address.local.as_str();
    local.eq_ignore_ascii_case("postmaster") || local.eq_ignore_ascii_case("abuse")
}

/// The addresses of the server itself, whether or not its name is a mail domain; bounces come from one of them.
fn is_hosts_own(settings: &Settings, address: &Mailbox) -> bool {
    let is_daemon = || *address == daemon(&settings.host_name);
    let is_named = || is_duty_address(address) || is_daemon();
    address.domain.name() == Some(&settings.host_name) && *address != settings.postmaster && is_named()
}

/// `ann+lists@here.test` → `ann@here.test` and `lists`.
fn split_subaddress(address: &Mailbox, separator: Option<char>) -> Option<(Mailbox, String)> {
    let (base, detail) = address.local.as_str().split_once(separator?)?;
    let base = Mailbox { local: LocalPart::new(base).ok()?, domain: address.domain.clone() };
    Some((base, detail.to_owned()))
}

/// The mailbox that a subaddress names where there is one, else INBOX. A stranger chose the name: he neither makes mailboxes nor
/// reaches those that mean something to their owner, such as what was sent (RFC 6154).
async fn folder_for(shared: &Shared, login: &str, detail: &str) -> Result<String, StoreError> {
    let mut mailboxes = shared.store.mailboxes(login).await?;
    mailboxes.retain(|known| known.special_use.is_none() && known.name.to_lowercase() == detail.to_lowercase());
    let found = mailboxes.into_iter().max_by_key(|known| known.name == detail);
    Ok(found.map_or_else(|| INBOX.to_owned(), |known| known.name))
}

/// Files the copies for accounts, and sends on what goes elsewhere.
async fn settle_ends(
    shared: &Shared,
    row: &QueuedRecipient,
    message: &Message,
    arrived: &Arrived,
    ends: Ends,
    frame: Frame,
) -> Result<Delivered, StoreError> {
    let return_path = &message.envelope.reverse_path;
    let room = match &ends.accounts[..] {
        [(login, address, _)] if ends.foreign.is_empty() && ends.is_limited => {
            room_for(shared, message, login, prefix(return_path, address).len()).await?
        }
        // Mail that several get through an alias is filed all the same: nobody waits for another's mailbox.
        _ => Room::Any,
    };
    match room {
        Room::Any | Room::WithinQuota => {}
        Room::NotNow => return Ok((over_quota(shared, row, frame), None)),
        Room::Never => return Ok((refuse(row, frame, EnhancedStatus(5, 2, 3), LARGER_THAN_MAILBOX), None)),
    }
    let shape = match &ends.accounts[..] {
        [] => None,
        _ => Some(arrived.shape.get_or_try_init(|| message.shape()).await?),
    };
    let filing = |(login, address, folder): &(String, Mailbox, String)| Filing {
        account: login.clone(),
        mailbox: folder.clone(),
        shape: shape.cloned(),
        prefix: prefix(return_path, address),
    };
    let mut filings: Vec<Filing> = ends.accounts.iter().map(filing).collect();
    let into = u32::try_from(filings.len() + ends.foreign.len()).unwrap_or(u32::MAX);
    let mut records: Vec<DeliveryRecord> = Vec::new();
    if ends.was_alias {
        records.push(frame.hop(row, &hop(), Outcome::Expanded { into }));
    }
    let filed = |filing: &Filing| Outcome::Filed { mailbox: format!("{}/{}", filing.account, filing.mailbox) };
    records.extend(
        filings
            .iter()
            .map(|filing| DeliveryRecord { stage: Some(Stage::Local), ..frame.hop(row, &hop(), filed(filing)) }),
    );
    let forward = if ends.foreign.is_empty() {
        None
    } else {
        forward(shared, row, message, &arrived.head, &ends, filings.is_empty()).await?
    };
    if !ends.foreign.is_empty() && forward.is_none() {
        // An operator dropped the message between two looks at the store.
        return Ok((Draft::untouched(row), None));
    }
    if let (Some(new), Some(first)) = (&forward, records.first_mut().filter(|_| ends.was_alias)) {
        first.note = Some(sent_on(new));
    }
    let change = match room {
        _ if filings.is_empty() => Change::Done,
        Room::WithinQuota => Change::FileIfRoom(filings.remove(0)),
        _ => Change::File(filings),
    };
    let action = if into > 1 && ends.was_alias { Action::Expanded } else { Action::Delivered };
    // A forwarding to one address passes the wish for news on; whoever gets the message there reports.
    let news = (forward.is_none() || into > 1).then(|| News::plain(row, action, EnhancedStatus(2, 0, 0), None));
    Ok((Draft { change, reroute: None, records, news, due: None, tells_delay: false }, forward))
}

/// The fields that only the copy of an account has.
fn prefix(return_path: &ReversePath, address: &Mailbox) -> Bytes {
    format!("Return-Path: <{return_path}>\r\nDelivered-To: {address}\r\n").into()
}

/// How much room there is for a message in the mailboxes of an account.
#[derive(Clone, Copy, Debug)]
enum Room {
    /// As much as it needs.
    Any,
    /// Enough, unless others are faster: the store looks again.
    WithinQuota,
    /// Not enough before other mail goes.
    NotNow,
    /// Not enough, if there were no other mail.
    Never,
}

const LARGER_THAN_MAILBOX: &str = "the message is larger than all that the mailbox may hold";

async fn room_for(shared: &Shared, message: &Message, login: &str, own_octets: usize) -> Result<Room, StoreError> {
    let octets = message.octets + own_octets as u64;
    let quota = shared.store.mailbox_quota(login).await?;
    if quota.has_room(octets) {
        return Ok(Room::WithinQuota);
    }
    // A notice is short, and that the mailbox is full may be what it tells.
    if message.is_notice(&shared.store).await? {
        return Ok(Room::Any);
    }
    Ok(if quota.is_too_small_for(octets) { Room::Never } else { Room::NotNow })
}

/// A full mailbox gets its mail when there is room, or its sender hears of it.
fn over_quota(shared: &Shared, row: &QueuedRecipient, frame: Frame) -> Draft {
    let note = "the mailbox is full".to_owned();
    let verdict = Verdict::new(Judgement::Later, &Arc::new(hop()), Stage::Local, EnhancedStatus(4, 2, 2), note);
    settle::draft(shared, row, &Attempted { verdict, earlier: Vec::new() }, frame, Terms::default())
}

/// Where a forwarded copy went, for those who follow a message with `trace`.
fn sent_on(new: &NewMessage) -> String {
    let named = new.recipients.iter().take(SENT_ON_NAMED_MAX).map(|new| new.recipient.address.to_string());
    let named = named.collect::<Vec<_>>().join(", ");
    match new.recipients.len().saturating_sub(SENT_ON_NAMED_MAX) {
        0 => format!("sent on as {} to {named}", new.id),
        others => format!("sent on as {} to {named} and {others} others", new.id),
    }
}

/// The copy for addresses elsewhere: a message of its own, under a reverse path of ours (`inbound.md` §12).
async fn forward(
    shared: &Shared,
    row: &QueuedRecipient,
    message: &Message,
    head: &[u8],
    ends: &Ends,
    is_alone: bool,
) -> Result<Option<NewMessage>, StoreError> {
    let Some(queued) = shared.store.message(message.id).await? else { return Ok(None) };
    let mut envelope = message.envelope.clone();
    envelope.reverse_path = forwarding_path(shared, &message.envelope.reverse_path, &row.recipient.address);
    envelope.hold_until = None;
    let only_one = is_alone && ends.foreign.len() == 1;
    let recipient = |address: &Mailbox| {
        // RFC 3461 §5.2.7: one address in the place of another keeps its wishes; many do not multiply a success.
        let notify = if only_one { row.recipient.notify } else { Notify { success: false, ..row.recipient.notify } };
        Recipient { address: address.clone(), orcpt: row.recipient.orcpt.clone(), notify }
    };
    let origin = message.origin(&envelope.reverse_path, head);
    let recipients = shared.recipients(origin, ends.foreign.iter().map(recipient));
    let prefix: Bytes = field("Delivered-To", &row.recipient.address.to_string());
    let mut new = shared.new_message("forward", envelope, recipients, Body::shared(&queued.body, prefix));
    new.message_id = queued.message_id;
    new.received.note = Some(format!("forwarded from {} of {}", row.recipient.address, message.id));
    Ok(Some(new))
}

/// Foreign senders are rewritten to an address in the domain that forwards; our own need not be.
fn forwarding_path(shared: &Shared, sender: &ReversePath, here: &Mailbox) -> ReversePath {
    let (Some(mailbox), Some(domain)) = (sender.mailbox(), here.domain.name()) else { return sender.clone() };
    if shared.router.is_local(&mailbox.domain) {
        return sender.clone();
    }
    let rewritten = shared.rewriter.rewrite(mailbox, domain, shared.now().wall);
    // An address too long to be rewritten keeps its name: better a failed SPF check than a lost message.
    rewritten.map_or_else(|| sender.clone(), ReversePath::Mailbox)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subaddress_is_what_follows_the_first_separator() {
        let split = |address: &str| {
            split_subaddress(&address.parse().unwrap(), Some('+')).map(|(base, detail)| (base.to_string(), detail))
        };
        assert_eq!(split("ann+a+b@here.test"), Some(("ann@here.test".into(), "a+b".into())));
        assert_eq!(split("ann@here.test"), None);
        assert_eq!(split("+x@here.test"), None);
        assert_eq!(split_subaddress(&"ann+a@here.test".parse().unwrap(), None), None);
    }
}
