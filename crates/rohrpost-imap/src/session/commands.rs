//! The table of state and command, and the commands that need no question.

use std::time::Instant;

use super::{
    capability,
    state::{Current, Session, State},
};
use crate::{
    command::{Atom, Body, Command},
    event::{CloseReason, Event, Refusal},
    response::{Data, Line, Status},
};

/// What ENABLE knows (RFC 9051 §6.3.1).
const ENABLES: [&str; 4] = ["IMAP4rev2", "CONDSTORE", "QRESYNC", "UTF8=ACCEPT"];

impl Session {
    /// Executes a command. `more` says whether octets follow it in the same input.
    pub(super) fn execute(&mut self, now: Instant, command: Command, more: bool) {
        let Command { tag, body } = command;
        self.current = Some(Current { tag, holds_numbers: holds_numbers(&body) });
        match &self.state {
            State::NotAuthenticated => self.execute_as_stranger(now, body, more),
            State::Authenticated => self.execute_logged_in(now, body),
            State::Selected(view) if view.is_gone && is_about_mail(&body) => self.refuse(now, &Refusal::SelectedGone),
            State::Selected(_) => self.execute_selected(now, body),
            State::Connected | State::Handshake | State::Closed => self.current = None,
        }
    }

    /// RFC 9051 §6.1 and §6.2.
    fn execute_as_stranger(&mut self, now: Instant, body: Body, more: bool) {
        match body {
            Body::StartTls => self.start_tls(now, more),
            Body::Login { user, password } => self.login(now, &user, &password),
            Body::Authenticate { mechanism, initial } => self.authenticate(now, mechanism.as_str(), initial.as_ref()),
            body => self.execute_anywhere(now, body, "Log in first"),
        }
    }

    /// RFC 9051 §6.3.
    fn execute_logged_in(&mut self, now: Instant, body: Body) {
        match body {
            Body::StartTls => self.bad(now, "TLS begins before the log-in, not behind it"),
            Body::Login { .. } | Body::Authenticate { .. } => self.bad(now, "You are logged in already"),
            Body::Enable(names) => self.enable(now, &names),
            Body::Select(select) => self.select(now, select, false),
            Body::Examine(select) => self.select(now, select, true),
            Body::Create { mailbox, special_use } => self.create(now, &mailbox, &special_use),
            Body::Delete(mailbox) => self.delete(now, &mailbox),
            Body::Rename { from, to } => self.rename(&from, &to),
            Body::Subscribe(mailbox) => self.subscribe(&mailbox, true),
            Body::Unsubscribe(mailbox) => self.subscribe(&mailbox, false),
            Body::List(list) => self.list(list),
            Body::Lsub(pattern) => self.lsub(pattern),
            Body::Namespace => {
                self.tell(&Data::Namespace);
                self.ok(now, "NAMESPACE completed");
            }
            Body::Status(status) => self.status(status),
            Body::Append { mailbox, message } => self.append(mailbox, &message),
            Body::Idle => self.idle(now),
            Body::GetQuota(root) => self.quota_of_root(now, &root),
            Body::GetQuotaRoot(mailbox) => self.quota_of_mailbox(&mailbox),
            Body::SetQuota { .. } => {
                self.no(now, crate::response::Code::NoPerm, "Quotas are set by who runs the server");
            }
            body => self.execute_anywhere(now, body, "Select a mailbox first"),
        }
    }

    /// RFC 9051 §6.4.
    fn execute_selected(&mut self, now: Instant, body: Body) {
        match body {
            Body::Check => self.ok(now, "CHECK completed"),
            Body::Close => self.close_mailbox(now),
            Body::Unselect => self.unselect(now, "UNSELECT completed"),
            Body::Expunge => self.expunge(now, None),
            Body::UidExpunge(uids) => self.expunge(now, Some(&uids)),
            Body::Search(search) => self.search(now, &search),
            Body::Fetch(fetch) => self.fetch(now, fetch),
            Body::Store(store) => self.store(now, &store),
            Body::Copy { uid, messages, mailbox } => self.copy(now, uid, &messages, &mailbox, false),
            Body::Move { uid, messages, mailbox } => self.copy(now, uid, &messages, &mailbox, true),
            Body::Sort(sort) => self.sort(now, sort),
            Body::Thread(thread) => self.thread(now, &thread),
            body => self.execute_logged_in(now, body),
        }
    }

    /// RFC 9051 §6.1, in every state; anything else comes at the wrong time.
    fn execute_anywhere(&mut self, now: Instant, body: Body, otherwise: &'static str) {
        match body {
            Body::Capability => {
                let offered = capability::list(&self.profile, self.tls.as_ref(), self.is_logged_in());
                self.tell(&Data::Capability(offered));
                self.ok(now, "CAPABILITY completed");
            }
            Body::Noop => self.ok(now, "NOOP completed"),
            Body::Id(fields) => self.id(now, fields),
            Body::Logout => self.logout(now),
            _ => self.bad(now, otherwise),
        }
    }

    fn logout(&mut self, now: Instant) {
        Line::untagged(Status::Bye, "See you").print(self.output.buffer());
        self.state = State::Authenticated;
        self.ok(now, "LOGOUT completed");
        self.close(CloseReason::Logout);
    }

    /// RFC 2971 §3.3: only the name is told to everybody.
    fn id(&mut self, now: Instant, fields: Vec<(String, Option<String>)>) {
        let told = fields.into_iter().filter_map(|(name, value)| Some((printable(&name), printable(&value?))));
        self.events.push_back(Event::ClientId(told.collect()));
        let software = self.profile.software.clone();
        self.tell(&Data::Id(vec![("name".into(), software)]));
        self.ok(now, "ID completed");
    }

    /// RFC 9051 §6.3.1. QRESYNC brings CONDSTORE with it (RFC 7162 §3.2.3).
    fn enable(&mut self, now: Instant, names: &[Atom]) {
        let known = |name: &Atom| ENABLES.into_iter().find(|known| name.is(known));
        let mut enabled: Vec<String> = Vec::new();
        for name in names.iter().filter_map(known) {
            let was_on = match name {
                "IMAP4rev2" => std::mem::replace(&mut self.enabled.rev2, true),
                "CONDSTORE" => std::mem::replace(&mut self.enabled.condstore, true),
                "QRESYNC" => {
                    self.enabled.condstore = true;
                    std::mem::replace(&mut self.enabled.qresync, true)
                }
                _ => std::mem::replace(&mut self.enabled.utf8, true),
            };
            if !was_on {
                enabled.push(name.into());
            }
        }
        if self.wire().utf8 {
            self.reader.set_utf8();
        }
        self.tell(&Data::Enabled(enabled));
        self.ok(now, "ENABLE completed");
    }

    /// RFC 9051 §6.2.1. What was sent behind it unprotected must not be read as if TLS had brought it.
    fn start_tls(&mut self, now: Instant, more: bool) {
        if self.tls.is_some() {
            return self.bad(now, "TLS is on already");
        }
        if !capability::offers_starttls(&self.profile) {
            return self.bad(now, "STARTTLS is not offered here");
        }
        if more {
            return self.close_with("Nothing may follow STARTTLS before the handshake", CloseReason::Injection);
        }
        self.ok(now, "Begin TLS now");
        self.state = State::Handshake;
        self.output.flush();
        self.events.push_back(Event::StartTls);
    }
}

/// Whether there must be a mailbox for it. CLOSE and UNSELECT only leave it.
fn is_about_mail(body: &Body) -> bool {
    matches!(
        body,
        Body::Check
            | Body::Expunge
            | Body::UidExpunge(_)
            | Body::Search(_)
            | Body::Fetch(_)
            | Body::Store(_)
            | Body::Copy { .. }
            | Body::Move { .. }
            | Body::Sort(_)
            | Body::Thread(_)
    )
}

/// Whether message numbers must stay as they are while the command is answered (RFC 9051 §7.5.1).
fn holds_numbers(body: &Body) -> bool {
    match body {
        Body::Fetch(fetch) => !fetch.uid,
        Body::Store(store) => !store.uid,
        Body::Search(search) => !search.uid,
        Body::Sort(sort) => !sort.uid,
        Body::Thread(thread) => !thread.uid,
        _ => false,
    }
}

/// What a client says of itself, fit for a log.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}
