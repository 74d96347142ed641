//! A driver in memory, and dialogues written as they look on the wire.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_imap::{
    command::ObjectId,
    event::{
        Appended, Changes, CloseReason, Content, Copied, Entry, Event, Expunged, FlagOperation, Mail, MailboxChange,
        MailboxId, MailboxInfo, Page, Parts, Quota, Refusal, Selected, Stored, TextQuery, Uids,
    },
    flags::{Flags, SystemFlags},
    profile::{Profile, Timeouts},
    sequence::ranges,
    session::Session,
};
use rohrpost_mail::{Domain, ListenerTls, mime::Scanner};
use rohrpost_sasl::{
    Hashes,
    server::{AuthVerdict, Decoy, MECHANISMS, TlsFacts},
};

/// No exchange of SCRAM comes to its end here: rohrpost-sasl has tests of it.
struct NoHashes;

impl Hashes for NoHashes {
    fn sha256(&self, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }

    fn hmac_sha256(&self, _: &[u8], _: &[u8]) -> [u8; 32] {
        [0; 32]
    }

    fn pbkdf2_sha256(&self, _: &[u8], _: &[u8], _: u32) -> [u8; 32] {
        [0; 32]
    }
}

pub(crate) fn profile() -> Profile {
    Profile {
        host_name: Domain::parse("mail.here.test").unwrap(),
        software: "Rohrpost".into(),
        tls: ListenerTls::Offered,
        starttls_available: true,
        auth_clear: false,
        auth_tls: true,
        mechanisms: MECHANISMS.to_vec(),
        size_max: 100_000,
        timeouts: Timeouts::default(),
        hashes: Arc::new(NoHashes),
        decoy: Decoy { key: [7; 32], iterations: 4_096 },
    }
}

/// A message in a mailbox.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) uid: u32,
    modseq: u64,
    pub(crate) flags: Flags,
    prefix: Bytes,
    body: Bytes,
    at: Timestamp,
}

/// A mailbox in memory.
#[derive(Clone, Debug)]
pub(crate) struct Box_ {
    id: MailboxId,
    pub(crate) name: String,
    uid_validity: u32,
    uid_next: u32,
    modseq: u64,
    subscribed: bool,
    special_use: Option<rohrpost_imap::command::SpecialUse>,
    pub(crate) mails: Vec<Kept>,
    vanished: Vec<(u64, u32)>,
}

impl Box_ {
    fn info(&self) -> MailboxInfo {
        let with = |flag| self.mails.iter().filter(move |mail| mail.flags.system.contains(flag));
        let octets = |mail: &Kept| (mail.prefix.len() + mail.body.len()) as u64;
        let count = |n: usize| u32::try_from(n).unwrap();
        MailboxInfo {
            id: self.id,
            name: self.name.clone(),
            uid_validity: self.uid_validity,
            uid_next: self.uid_next,
            modseq: self.modseq,
            messages: count(self.mails.len()),
            unseen: count(self.mails.len() - with(SystemFlags::SEEN).count()),
            deleted: count(with(SystemFlags::DELETED).count()),
            octets: self.mails.iter().map(octets).sum(),
            deleted_octets: with(SystemFlags::DELETED).map(octets).sum(),
            special_use: self.special_use,
            subscribed: self.subscribed,
            object_id: ObjectId::new(&format!("F{}", self.id)),
        }
    }

    pub(crate) fn add(&mut self, flags: Flags, prefix: &str, body: &[u8], at: Timestamp) -> u32 {
        self.modseq += 1;
        let uid = self.uid_next;
        self.uid_next += 1;
        let (prefix, body) = (Bytes::copy_from_slice(prefix.as_bytes()), Bytes::copy_from_slice(body));
        self.mails.push(Kept { uid, modseq: self.modseq, flags, prefix, body, at });
        uid
    }

    /// Messages go.
    pub(crate) fn drop_mails(&mut self, goes: impl Fn(&Kept) -> bool) -> Uids {
        let gone: Vec<u32> = self.mails.iter().filter(|mail| goes(mail)).map(|mail| mail.uid).collect();
        if !gone.is_empty() {
            self.modseq += 1;
            self.vanished.extend(gone.iter().map(|uid| (self.modseq, *uid)));
            self.mails.retain(|mail| !goes(mail));
        }
        ranges(gone).collect()
    }

    pub(crate) fn set_flags(&mut self, uid: u32, flags: Flags) {
        self.modseq += 1;
        let modseq = self.modseq;
        let mail = self.mails.iter_mut().find(|mail| mail.uid == uid).unwrap();
        (mail.flags, mail.modseq) = (flags, modseq);
    }
}

/// What several sessions share.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) boxes: Vec<Box_>,
    next_id: MailboxId,
    /// Octets of a page of FETCH, and of a piece of a message.
    pub(crate) page_octets: usize,
    pub(crate) piece_octets: usize,
    pub(crate) is_full: bool,
    /// Octets that cannot be read.
    pub(crate) is_broken: bool,
    pub(crate) quota: Quota,
    /// Questions that were asked, by their names.
    pub(crate) asked: Vec<&'static str>,
}

impl Account {
    pub(crate) fn new() -> Rc<RefCell<Self>> {
        let mut account = Self {
            boxes: Vec::new(),
            next_id: 1,
            page_octets: 100_000,
            piece_octets: 50,
            is_full: false,
            is_broken: false,
            quota: Quota::default(),
            asked: Vec::new(),
        };
        account.create("INBOX");
        Rc::new(RefCell::new(account))
    }

    pub(crate) fn create(&mut self, name: &str) -> &mut Box_ {
        let id = self.next_id;
        self.next_id += 1;
        let uid_validity = 100 + u32::try_from(id).unwrap();
        self.boxes.push(Box_ {
            id,
            name: name.into(),
            uid_validity,
            uid_next: 1,
            modseq: 1,
            subscribed: false,
            special_use: None,
            mails: Vec::new(),
            vanished: Vec::new(),
        });
        self.boxes.last_mut().unwrap()
    }

    pub(crate) fn named(&mut self, name: &str) -> Option<&mut Box_> {
        self.boxes.iter_mut().find(|found| found.name == name)
    }

    pub(crate) fn inbox(&mut self) -> &mut Box_ {
        self.named("INBOX").unwrap()
    }

    /// Messages of a plain text each, one a minute from the begin of 2026 on.
    pub(crate) fn fill(&mut self, subjects: &[&str]) {
        let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for subject in subjects {
            let minutes = u64::from(self.inbox().uid_next);
            let at = begin + Duration::from_secs(60 * minutes);
            let body = format!("Subject: {subject}\r\nFrom: ann@a.test\r\n\r\nHello {subject}\r\n");
            self.inbox().add(Flags::default(), "", body.as_bytes(), at);
        }
    }

    /// A mailbox is deleted.
    pub(crate) fn delete(&mut self, name: &str) {
        self.boxes.retain(|found| found.name != name);
    }

    fn of(&mut self, id: MailboxId) -> Result<&mut Box_, Refusal> {
        self.boxes.iter_mut().find(|found| found.id == id).ok_or(Refusal::SelectedGone)
    }

    fn change(&mut self, change: MailboxChange) -> Result<MailboxInfo, Refusal> {
        match change {
            MailboxChange::Create { name, .. } if self.named(&name).is_some() => Err(Refusal::Exists),
            MailboxChange::Create { name, special_use } => {
                let made = self.create(&name);
                made.special_use = special_use;
                Ok(made.info())
            }
            MailboxChange::Delete { name } => {
                let place = self.boxes.iter().position(|found| found.name == name).ok_or(Refusal::NoMailbox)?;
                Ok(self.boxes.remove(place).info())
            }
            MailboxChange::Rename { from, to } => {
                let renamed = self.named(&from).ok_or(Refusal::NoMailbox)?;
                renamed.name = to;
                Ok(renamed.info())
            }
            MailboxChange::Subscribe { name, subscribed } => {
                let found = self.named(&name).ok_or(Refusal::NoMailbox)?;
                found.subscribed = subscribed;
                Ok(found.info())
            }
        }
    }

    fn select(&mut self, name: &str) -> Result<Selected, Refusal> {
        let found = self.named(name).ok_or(Refusal::NoMailbox)?;
        let unseen = found.mails.iter().find(|mail| !mail.flags.system.contains(SystemFlags::SEEN));
        Ok(Selected {
            info: found.info(),
            uids: ranges(found.mails.iter().map(|mail| mail.uid)).collect(),
            first_unseen: unseen.map(|mail| mail.uid),
            keywords: vec!["$Forwarded".into()],
        })
    }

    fn changes(&mut self, id: MailboxId, since: u64) -> Result<Changes, Refusal> {
        let found = self.of(id)?;
        let entries = found.mails.iter().filter(|mail| mail.modseq > since).map(entry).collect();
        let mut vanished: Vec<u32> =
            found.vanished.iter().filter(|(modseq, _)| *modseq > since).map(|(_, uid)| *uid).collect();
        vanished.sort_unstable();
        Ok(Changes { modseq: found.modseq, uid_next: found.uid_next, entries, vanished: ranges(vanished).collect() })
    }

    fn fetch(&mut self, id: MailboxId, uids: &Uids, parts: Parts) -> Result<Page, Refusal> {
        let mut room = self.page_octets;
        let mut page = Page { mails: Vec::new(), is_complete: true };
        for kept in self.of(id)?.mails.iter().filter(|mail| uids.iter().any(|range| range.contains(&mail.uid))) {
            if !page.mails.is_empty() && kept.body.len() > room {
                page.is_complete = false;
                break;
            }
            let content = if parts.content && kept.body.len() <= room {
                Content::Here(kept.body.clone())
            } else {
                Content::Elsewhere
            };
            room = room.saturating_sub(kept.body.len());
            page.mails.push(mail(kept, parts, content));
        }
        Ok(page)
    }

    fn octets(&mut self, id: MailboxId, uid: u32, from: u64, octets_max: usize) -> Result<Bytes, Refusal> {
        let (is_broken, piece) = (self.is_broken, self.piece_octets);
        let kept = self.of(id)?.mails.iter().find(|mail| mail.uid == uid).ok_or(Refusal::Expunged)?;
        let whole = [&kept.prefix[..], &kept.body[..]].concat();
        let from = usize::try_from(from).unwrap();
        let to = (from + octets_max.min(piece)).min(whole.len());
        if is_broken { Err(Refusal::Damaged) } else { Ok(whole[from..to].to_vec().into()) }
    }

    fn text(&mut self, id: MailboxId, queries: &[TextQuery]) -> Result<Vec<Uids>, Refusal> {
        let mails = &self.of(id)?.mails;
        let holds = |mail: &&Kept, query: &TextQuery| {
            let text = String::from_utf8_lossy(&mail.body).to_lowercase();
            let text = if query.with_header { text } else { text.split_once("\r\n\r\n").unwrap().1.to_owned() };
            text.contains(&query.text.to_lowercase())
        };
        let hits = |query| ranges(mails.iter().filter(|mail| holds(mail, query)).map(|mail| mail.uid)).collect();
        Ok(queries.iter().map(hits).collect())
    }

    fn store(
        &mut self,
        id: MailboxId,
        uids: &Uids,
        operation: FlagOperation,
        flags: &Flags,
        unchanged_since: Option<u64>,
    ) -> Result<Stored, Refusal> {
        let found = self.of(id)?;
        let modseq = found.modseq + 1;
        let mut stored = Stored::default();
        for mail in found.mails.iter_mut().filter(|mail| uids.iter().any(|range| range.contains(&mail.uid))) {
            if unchanged_since.is_some_and(|since| mail.modseq > since) {
                stored.modified.push(mail.uid);
                continue;
            }
            let before = mail.flags.clone();
            let keywords = || before.keywords().iter().cloned();
            mail.flags = match operation {
                FlagOperation::Replace => flags.clone(),
                FlagOperation::Add => {
                    Flags::new(before.system | flags.system, keywords().chain(flags.keywords().iter().cloned()))
                }
                FlagOperation::Remove => {
                    let left = keywords().filter(|keyword| !flags.has_keyword(keyword));
                    Flags::new(before.system.without(flags.system), left)
                }
            };
            if mail.flags != before {
                mail.modseq = modseq;
                (found.modseq, stored.modseq) = (modseq, Some(modseq));
            }
            stored.changed.push(entry(mail));
        }
        Ok(stored)
    }

    fn expunge(&mut self, id: MailboxId, uids: Option<&Uids>) -> Result<Expunged, Refusal> {
        let found = self.of(id)?;
        let is_named = |uid| uids.is_none_or(|uids| uids.iter().any(|range| range.contains(&uid)));
        let uids = found.drop_mails(|mail| mail.flags.system.contains(SystemFlags::DELETED) && is_named(mail.uid));
        Ok(Expunged { uids, modseq: found.modseq })
    }

    fn copy(&mut self, id: MailboxId, uids: &Uids, target: &str, is_move: bool) -> Result<Copied, Refusal> {
        if self.is_full {
            return Err(Refusal::OverQuota);
        }
        let is_named = |uid: u32| uids.iter().any(|range| range.contains(&uid));
        let copies: Vec<Kept> = self.of(id)?.mails.iter().filter(|mail| is_named(mail.uid)).cloned().collect();
        let to = self.named(target).ok_or(Refusal::NoMailbox)?;
        let mut pairs = Vec::new();
        for copy in copies {
            let there = to.add(copy.flags, "", &copy.body, copy.at);
            pairs.push((copy.uid, there));
        }
        let uid_validity = to.uid_validity;
        let from = self.of(id)?;
        if is_move {
            from.drop_mails(|mail| is_named(mail.uid));
        }
        Ok(Copied { uid_validity, pairs, modseq: from.modseq })
    }
}

fn entry(mail: &Kept) -> Entry {
    Entry { uid: mail.uid, modseq: mail.modseq, flags: mail.flags.clone() }
}

fn mail(kept: &Kept, parts: Parts, content: Content) -> Mail {
    let shape = parts.shape.then(|| {
        let mut scanner = Scanner::new();
        scanner.push(&kept.body);
        scanner.finish()
    });
    Mail {
        entry: entry(kept),
        octets: (kept.prefix.len() + kept.body.len()) as u64,
        internal_date: kept.at,
        saved: Some(kept.at),
        email_id: ObjectId::new(&format!("M{}", kept.uid)),
        thread_id: None,
        shape,
        prefix: kept.prefix.clone(),
        content,
    }
}

/// A session and its driver. `ann` has the password `pencil`; that of `broken` cannot be checked.
pub(crate) struct Wire {
    pub(crate) session: Session,
    pub(crate) account: Rc<RefCell<Account>>,
    pub(crate) now: Instant,
    pending: Vec<u8>,
    output: Vec<u8>,
    selected: Option<MailboxId>,
    /// Messages of an APPEND that is under way: the mailbox, flags, date and octets of each.
    appending: Vec<(String, Flags, Timestamp, Vec<u8>)>,
    pub(crate) closed: Option<CloseReason>,
    pub(crate) wants_handshake: bool,
    /// Octets of the largest piece that was written.
    pub(crate) largest: usize,
    /// Whether responses are written, or pile up.
    pub(crate) reads: bool,
    /// Whether the driver does not know yet that a mailbox was deleted, and finds out when it is asked.
    pub(crate) is_late: bool,
}

impl Wire {
    /// A client inside TLS, not logged in.
    pub(crate) fn connect(account: &Rc<RefCell<Account>>) -> Self {
        Self::with(profile(), Some(TlsFacts::default()), account)
    }

    pub(crate) fn with(profile: Profile, tls: Option<TlsFacts>, account: &Rc<RefCell<Account>>) -> Self {
        let now = Instant::now();
        let wall = "2026-01-02T00:00:00Z".parse().unwrap();
        let mut session = Session::new(Arc::new(profile), tls, now, wall).with_id("a7");
        session.greet(now);
        let mut wire = Self {
            session,
            account: Rc::clone(account),
            now,
            pending: Vec::new(),
            output: Vec::new(),
            selected: None,
            appending: Vec::new(),
            closed: None,
            wants_handshake: false,
            largest: 0,
            reads: true,
            is_late: false,
        };
        wire.pump();
        wire
    }

    /// A client that has logged in.
    pub(crate) fn logged_in(account: &Rc<RefCell<Account>>) -> Self {
        let mut wire = Self::connect(account);
        wire.send(b"l LOGIN ann pencil\r\n");
        assert!(wire.take_output().contains("\r\nl OK "));
        wire
    }

    /// A client with INBOX selected.
    pub(crate) fn selected(account: &Rc<RefCell<Account>>) -> Self {
        let mut wire = Self::logged_in(account);
        wire.send(b"s SELECT INBOX\r\n");
        assert!(wire.take_output().contains("\r\ns OK "));
        wire
    }

    /// A client with another mailbox selected, which has a message, and which somebody else then deletes.
    pub(crate) fn bereft(account: &Rc<RefCell<Account>>) -> Self {
        let at = "2026-01-01T00:00:00Z".parse().unwrap();
        account.borrow_mut().create("Old").add(Flags::default(), "", b"Subject: old\r\n\r\ntext", at);
        let mut wire = Self::logged_in(account);
        wire.send(b"s SELECT Old\r\n");
        assert!(wire.take_output().contains("\r\ns OK "));
        account.borrow_mut().delete("Old");
        wire
    }

    /// Sends lines and compares what comes with what is to come. `…` at the end of a line stands for any rest.
    #[track_caller]
    pub(crate) fn transcript(&mut self, text: &str) {
        for line in text.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
            if let Some(said) = line.strip_prefix("C: ").or_else(|| line.strip_prefix("C:")) {
                assert_eq!(String::from_utf8_lossy(&self.output), "", "before C: {said}");
                self.send(format!("{said}\r\n").as_bytes());
                continue;
            }
            let expected = line.strip_prefix("S: ").or_else(|| line.strip_prefix("S:")).expect("a line of C: or S:");
            let end = self.output.windows(2).position(|pair| pair == b"\r\n");
            let end = end.unwrap_or_else(|| panic!("nothing came where this was to come: {expected}"));
            let came = String::from_utf8(self.output.drain(..end + 2).collect()).unwrap();
            let came = came.trim_end_matches("\r\n");
            match expected.strip_suffix('…') {
                Some(begin) => assert!(came.starts_with(begin), "{came} does not begin with {begin}"),
                None => assert_eq!(came, expected),
            }
        }
        assert_eq!(String::from_utf8_lossy(&self.output), "", "at the end");
    }

    pub(crate) fn send(&mut self, octets: &[u8]) {
        self.pending.extend_from_slice(octets);
        self.pump();
    }

    pub(crate) fn take_output(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.output)).unwrap()
    }

    pub(crate) fn take_octets(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    pub(crate) fn pending_octets(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn advance(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
        self.pump();
    }

    /// What a driver's loop does, until nothing moves.
    pub(crate) fn pump(&mut self) {
        loop {
            self.tell_news();
            let taken = self.session.handle_input(self.now, &self.pending);
            self.pending.drain(..taken);
            if let Some(event) = self.session.poll_event() {
                self.answer(event);
            } else if taken > 0 {
                // What was taken may have made room for more.
            } else if let Some(transmit) = self.reads.then(|| self.session.poll_transmit()).flatten() {
                self.now = self.now.max(transmit.not_before.unwrap_or(self.now));
                self.largest = self.largest.max(transmit.bytes.len());
                self.output.extend_from_slice(&transmit.bytes);
                self.session.handle_timeout(self.now);
            } else {
                return;
            }
        }
    }

    fn tell_news(&mut self) {
        let Some(id) = self.selected else { return };
        let modseq = self.account.borrow_mut().of(id).map(|found| found.modseq);
        match modseq {
            Ok(modseq) => self.session.notify(self.now, id, modseq),
            Err(_) if self.is_late => {}
            Err(_) => self.session.mailbox_gone(self.now, id),
        }
    }

    fn answer(&mut self, event: Event) {
        let account = Rc::clone(&self.account);
        let mut account = account.borrow_mut();
        let now = self.now;
        account.asked.push(name(&event));
        match event {
            Event::Password { user, password, .. } => {
                let verdict = match (user.as_str(), password.expose()) {
                    ("ann", "pencil") => AuthVerdict::Right,
                    ("broken", _) => AuthVerdict::CannotCheck,
                    _ => AuthVerdict::Wrong,
                };
                self.session.answer_password(now, verdict);
            }
            Event::ScramKeys { .. } => self.session.answer_scram(now, Vec::new(), "0123456789abcdef".into()),
            Event::Authenticated { .. } | Event::AuthFailed { .. } | Event::ClientId(_) => {}
            Event::StartTls => self.wants_handshake = true,
            Event::Mailboxes => {
                let infos = account.boxes.iter().map(Box_::info).collect();
                self.session.answer_mailboxes(now, Ok(infos));
            }
            Event::Mailbox { name } => {
                let info = account.named(&name).map(|found| found.info()).ok_or(Refusal::NoMailbox);
                self.session.answer_mailbox(now, info);
            }
            Event::ChangeMailbox(change) => self.session.answer_mailbox(now, account.change(change)),
            Event::Select { name, .. } => {
                let selected = account.select(&name);
                self.selected = selected.as_ref().ok().map(|selected| selected.info.id);
                self.session.answer_select(now, selected);
            }
            Event::Changes { mailbox, since } => self.session.answer_changes(now, account.changes(mailbox, since)),
            Event::Fetch { mailbox, uids, parts } => {
                self.session.answer_fetch(now, account.fetch(mailbox, &uids, parts));
            }
            Event::Octets { mailbox, uid, from, octets_max } => {
                self.session.answer_octets(now, account.octets(mailbox, uid, from, octets_max));
            }
            Event::TextSearch { mailbox, queries, .. } => {
                self.session.answer_text(now, account.text(mailbox, &queries));
            }
            Event::Store { mailbox, uids, operation, flags, unchanged_since } => {
                let stored = account.store(mailbox, &uids, operation, &flags, unchanged_since);
                self.session.answer_store(now, stored);
            }
            Event::Expunge { mailbox, uids } => {
                self.session.answer_expunge(now, account.expunge(mailbox, uids.as_ref()));
            }
            Event::Copy { mailbox, uids, target, is_move } => {
                self.session.answer_copy(now, account.copy(mailbox, &uids, &target, is_move));
            }
            Event::Quota => self.session.answer_quota(now, Ok(account.quota)),
            Event::Closed { reason } => self.closed = Some(reason),
            event => self.append(&mut account, event),
        }
    }

    fn append(&mut self, account: &mut Account, event: Event) {
        match event {
            Event::Append { mailbox, octets, flags, at } => {
                let is_full = account.is_full;
                let answer = match account.named(&mailbox) {
                    None => Err(Refusal::NoMailbox),
                    Some(_) if octets > profile().size_max => Err(Refusal::TooBig),
                    Some(_) if is_full => Err(Refusal::OverQuota),
                    Some(_) => Ok(()),
                };
                if answer.is_ok() {
                    let at = at.unwrap_or("2026-01-02T00:00:00Z".parse().unwrap());
                    self.appending.push((mailbox, flags, at, Vec::new()));
                }
                self.session.answer_append(self.now, answer);
            }
            Event::AppendData(octets) => self.appending.last_mut().unwrap().3.extend_from_slice(&octets),
            Event::AppendEnd => {}
            Event::AppendAbort => self.appending.clear(),
            Event::AppendCommit => {
                let mut appended = Appended::default();
                for (mailbox, flags, at, body) in std::mem::take(&mut self.appending) {
                    let found = account.named(&mailbox).unwrap();
                    appended.uid_validity = found.uid_validity;
                    appended.uids.push(found.add(flags, "", &body, at));
                }
                if let Some(id) = self.selected {
                    self.session.notify(self.now, id, account.of(id).unwrap().modseq);
                }
                self.session.answer_appended(self.now, Ok(appended));
            }
            event => panic!("not answered: {event:?}"),
        }
    }
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Fetch { .. } => "fetch",
        Event::Octets { .. } => "octets",
        Event::Store { .. } => "store",
        Event::TextSearch { .. } => "text",
        Event::Changes { .. } => "changes",
        Event::AppendAbort => "abort",
        _ => "other",
    }
}
