//! A whole session of IMAP against any client. The driver says yes to everything, and its messages are the octets of the
//! input.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::{FlatHashes, portions};
use rohrpost_imap::command::ObjectId;
use rohrpost_imap::event::{
    Appended, Changes, Content, Copied, Entry, Event, Expunged, Mail, MailboxChange, MailboxInfo, Page, Parts, Quota,
    Selected, Stored, Uids,
};
use rohrpost_imap::flags::{Flags, SystemFlags};
use rohrpost_imap::profile::{Profile, Timeouts};
use rohrpost_imap::sequence::ranges;
use rohrpost_imap::session::Session;
use rohrpost_mail::mime::{Scanner, Shape};
use rohrpost_mail::{Domain, ListenerTls};
use rohrpost_sasl::server::{AuthVerdict, Decoy, MECHANISMS, TlsFacts};

fuzz_target!(|octets: &[u8]| {
    let Some((kind, octets)) = octets.split_first() else { return };
    let mut run = Run::new(*kind, octets);
    for portion in portions(octets) {
        if !run.feed(portion) {
            return;
        }
    }
    run.session.handle_eof(run.now);
    run.settle();
    assert!(run.session.is_closed());
});

/// Messages that a mailbox has at first.
const MESSAGES: u32 = 7;
/// What stands in front of each message.
const PREFIX: &[u8] = b"Delivered-To: ann@here.test\r\n";
/// Octets of a message that are handed out at a time.
const PIECE_OCTETS: usize = 100;

struct Run {
    session: Session,
    now: Instant,
    message: Bytes,
    shape: Shape,
    /// All mailboxes are one.
    entries: Vec<Entry>,
    vanished: Vec<(u64, u32)>,
    uid_next: u32,
    modseq: u64,
    /// Messages that are being appended.
    appending: u32,
    closed: bool,
}

impl Run {
    /// The first octet of an input picks the listener.
    fn new(kind: u8, message: &[u8]) -> Self {
        let tls = [ListenerTls::Offered, ListenerTls::Required][usize::from(kind & 1)];
        let facts = (kind & 2 != 0).then(TlsFacts::default);
        let profile = Profile { tls, ..PROFILE.clone() };
        let (now, wall) = (Instant::now(), Timestamp::UNIX_EPOCH);
        let mut session = Session::new(Arc::new(profile), facts, now, wall).with_id("a7");
        session.greet(now);
        let mut scanner = Scanner::new();
        scanner.push(message);
        let entry = |uid| Entry { uid, modseq: uid.into(), flags: Flags::default() };
        let mut run = Self {
            session,
            now,
            message: Bytes::copy_from_slice(message),
            shape: scanner.finish(),
            entries: (1..=MESSAGES).map(entry).collect(),
            vanished: Vec::new(),
            uid_next: MESSAGES + 1,
            modseq: MESSAGES.into(),
            appending: 0,
            closed: false,
        };
        run.settle();
        run
    }

    /// Hands in octets until they are taken. False when the session is over.
    fn feed(&mut self, mut octets: &[u8]) -> bool {
        let mut idle = 0;
        while !octets.is_empty() && !self.session.is_closed() {
            let taken = self.session.handle_input(self.now, octets);
            octets = &octets[taken..];
            idle = if self.settle() || taken > 0 { 0 } else { idle + 1 };
            assert!(idle < 3, "the session neither takes octets nor wants anything");
        }
        !self.session.is_closed()
    }

    /// Answers and writes until nothing is left. True when there was something.
    fn settle(&mut self) -> bool {
        let mut busy = false;
        loop {
            let mut more = false;
            while let Some(event) = self.session.poll_event() {
                self.answer(event);
                more = true;
            }
            self.session.handle_input(self.now, b"");
            while let Some(transmit) = self.session.poll_transmit() {
                self.now = transmit.not_before.map_or(self.now, |at| at.max(self.now));
                self.session.handle_timeout(self.now);
                more = true;
            }
            busy |= more;
            if !more {
                return busy;
            }
        }
    }

    fn answer(&mut self, event: Event) {
        assert!(!self.closed, "{event:?} after the end");
        let now = self.now;
        match event {
            Event::Password { .. } => self.session.answer_password(now, AuthVerdict::Right),
            Event::ScramKeys { .. } => self.session.answer_scram(now, Vec::new(), "fyko+d2lbbFgONRv9qkx".to_owned()),
            Event::Authenticated { .. } | Event::AuthFailed { .. } | Event::ClientId(_) => {}
            Event::StartTls => self.session.tls_started(now, TlsFacts::default()),
            Event::Mailboxes => {
                let infos = ["Archive", "Archive/2026", "INBOX"].map(|name| self.info(name)).into();
                self.session.answer_mailboxes(now, Ok(infos));
            }
            Event::Mailbox { name } => self.session.answer_mailbox(now, Ok(self.info(&name))),
            Event::ChangeMailbox(
                MailboxChange::Create { name, .. }
                | MailboxChange::Delete { name }
                | MailboxChange::Rename { to: name, .. }
                | MailboxChange::Subscribe { name, .. },
            ) => self.session.answer_mailbox(now, Ok(self.info(&name))),
            Event::Select { name, .. } => {
                let uids = ranges(self.entries.iter().map(|entry| entry.uid)).collect();
                let selected = Selected { info: self.info(&name), uids, first_unseen: None, keywords: Vec::new() };
                self.session.answer_select(now, Ok(selected));
            }
            Event::Changes { since, .. } => self.session.answer_changes(now, Ok(self.changes(since))),
            Event::Quota => self.session.answer_quota(now, Ok(Quota::default())),
            Event::Closed { .. } => self.closed = true,
            event => self.answer_about_messages(event),
        }
    }

    fn answer_about_messages(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Fetch { uids, parts, .. } => self.session.answer_fetch(now, Ok(self.page(&uids, parts))),
            Event::Octets { from, octets_max, .. } => {
                let whole = [PREFIX, &self.message].concat();
                let from = usize::try_from(from).expect("a place in the message");
                assert!(from < whole.len() && octets_max > 0, "octets behind the end are asked for");
                let to = (from + octets_max.min(PIECE_OCTETS)).min(whole.len());
                self.session.answer_octets(now, Ok(whole[from..to].to_vec().into()));
            }
            Event::TextSearch { uids, queries, .. } => self.session.answer_text(now, Ok(vec![uids; queries.len()])),
            Event::Store { uids, flags, .. } => {
                self.modseq += 1;
                let mut stored = Stored { modseq: Some(self.modseq), ..Stored::default() };
                for entry in self.entries.iter_mut().filter(|entry| holds(&uids, entry.uid)) {
                    (entry.flags, entry.modseq) = (flags.clone(), self.modseq);
                    stored.changed.push(entry.clone());
                }
                self.session.answer_store(now, Ok(stored));
            }
            Event::Expunge { uids, .. } => {
                let is_named = |entry: &Entry| uids.as_ref().is_none_or(|uids| holds(uids, entry.uid));
                let uids = self.remove(|entry| entry.flags.system.contains(SystemFlags::DELETED) && is_named(entry));
                self.session.answer_expunge(now, Ok(Expunged { uids, modseq: self.modseq }));
            }
            Event::Copy { uids, is_move, .. } => {
                let copied = self.entries.iter().filter(|entry| holds(&uids, entry.uid)).map(|entry| entry.uid);
                let pairs = copied.zip(1..).collect();
                if is_move {
                    self.remove(|entry| holds(&uids, entry.uid));
                }
                self.session.answer_copy(now, Ok(Copied { uid_validity: 2, pairs, modseq: self.modseq }));
            }
            event => self.append(event),
        }
    }

    fn append(&mut self, event: Event) {
        match event {
            Event::Append { .. } => {
                self.appending += 1;
                self.session.answer_append(self.now, Ok(()));
            }
            Event::AppendData(_) | Event::AppendEnd => assert!(self.appending > 0, "octets of no message"),
            Event::AppendAbort => self.appending = 0,
            Event::AppendCommit => {
                let uids: Vec<u32> = (self.uid_next..).take(std::mem::take(&mut self.appending) as usize).collect();
                self.modseq += 1;
                for uid in &uids {
                    self.entries.push(Entry { uid: *uid, modseq: self.modseq, flags: Flags::default() });
                    self.uid_next = uid + 1;
                }
                self.session.answer_appended(self.now, Ok(Appended { uid_validity: 1, uids }));
            }
            event => panic!("not answered: {event:?}"),
        }
    }

    fn remove(&mut self, goes: impl Fn(&Entry) -> bool) -> Uids {
        let gone: Vec<u32> = self.entries.iter().filter(|entry| goes(entry)).map(|entry| entry.uid).collect();
        self.modseq += 1;
        self.vanished.extend(gone.iter().map(|uid| (self.modseq, *uid)));
        self.entries.retain(|entry| !goes(entry));
        ranges(gone).collect()
    }

    fn changes(&self, since: u64) -> Changes {
        let entries = self.entries.iter().filter(|entry| entry.modseq > since).cloned().collect();
        let mut vanished: Vec<u32> =
            self.vanished.iter().filter(|(modseq, _)| *modseq > since).map(|(_, uid)| *uid).collect();
        vanished.sort_unstable();
        Changes { modseq: self.modseq, uid_next: self.uid_next, entries, vanished: ranges(vanished).collect() }
    }

    /// Two messages at a time. Of every other one the body is too large for a page.
    fn page(&self, uids: &Uids, parts: Parts) -> Page {
        let mut named = self.entries.iter().filter(|entry| holds(uids, entry.uid));
        let mails = named.by_ref().take(2).map(|entry| Mail {
            entry: entry.clone(),
            octets: (PREFIX.len() + self.message.len()) as u64,
            internal_date: Timestamp::UNIX_EPOCH,
            saved: None,
            email_id: ObjectId::new("M1"),
            thread_id: None,
            shape: parts.shape.then(|| self.shape.clone()),
            prefix: Bytes::from_static(PREFIX),
            content: if entry.uid % 2 == 0 { Content::Here(self.message.clone()) } else { Content::Elsewhere },
        });
        let mails = mails.collect();
        Page { mails, is_complete: named.next().is_none() }
    }

    fn info(&self, name: &str) -> MailboxInfo {
        MailboxInfo {
            id: 1,
            name: name.to_owned(),
            uid_validity: 1,
            uid_next: self.uid_next,
            modseq: self.modseq,
            messages: u32::try_from(self.entries.len()).expect("few"),
            unseen: 0,
            deleted: 0,
            octets: 0,
            deleted_octets: 0,
            special_use: None,
            subscribed: true,
            object_id: ObjectId::new("F1"),
        }
    }
}

fn holds(uids: &Uids, uid: u32) -> bool {
    uids.iter().any(|range| range.contains(&uid))
}

static PROFILE: LazyLock<Profile> = LazyLock::new(|| Profile {
    host_name: Domain::parse("mail.here.test").expect("a domain"),
    software: "Rohrpost".to_owned(),
    tls: ListenerTls::Offered,
    starttls_available: true,
    auth_clear: true,
    auth_tls: true,
    mechanisms: MECHANISMS.to_vec(),
    size_max: 100_000,
    timeouts: Timeouts::default(),
    hashes: Arc::new(FlatHashes),
    decoy: Decoy { key: [0; 32], iterations: 4_096 },
});
