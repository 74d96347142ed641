//! QUOTA (RFC 9208): how full the account is. One with a limit has one quota root for all mailboxes, with an empty name;
//! one without has none.

use std::time::Instant;

use super::state::{Question, Session};
use crate::{
    event::{Event, Quota, Refusal},
    mailbox_name::MailboxName,
    response::{self, Code, Data, QuotaResource},
};

/// Octets of the unit of STORAGE (RFC 9208 §5.1).
const STORAGE_UNIT_OCTETS: u64 = 1_024;

impl Session {
    /// GETQUOTA
    pub(super) fn quota_of_root(&mut self, now: Instant, root: &str) {
        if root.is_empty() {
            self.ask(Question::Quota(None), Event::Quota);
        } else {
            self.no(now, Code::NonExistent, "There is one quota root, and its name is empty");
        }
    }

    /// GETQUOTAROOT: which root a mailbox has, whether there is such a mailbox or not (RFC 9208 §4.1.2).
    pub(super) fn quota_of_mailbox(&mut self, mailbox: &MailboxName) {
        self.ask(Question::Quota(Some(mailbox.clone())), Event::Quota);
    }

    /// Answers [`Event::Quota`].
    pub fn answer_quota(&mut self, now: Instant, quota: Result<Quota, Refusal>) {
        let mailbox = match self.question.take() {
            Some(Question::Quota(mailbox)) => mailbox,
            other => return self.question = other,
        };
        match quota {
            Ok(quota) => self.tell_quota(now, mailbox, quota),
            Err(refusal) => self.refuse(now, &refusal),
        }
        self.go_on(now);
    }

    /// A QUOTA response lists at least one resource (RFC 9208 §7), and Thunderbird logs out when there is none: without a
    /// limit there is no root to tell of.
    fn tell_quota(&mut self, now: Instant, mailbox: Option<MailboxName>, quota: Quota) {
        let storage = quota.octets_max.map(|octets_max| QuotaResource {
            name: "STORAGE",
            used: quota.octets.div_ceil(STORAGE_UNIT_OCTETS),
            limit: octets_max / STORAGE_UNIT_OCTETS,
        });
        if storage.is_none() && mailbox.is_none() {
            return self.no(now, Code::NonExistent, "There is no limit, so there is no quota root");
        }
        if let Some(mailbox) = mailbox {
            let roots = storage.iter().map(|_| String::new()).collect();
            self.tell(&Data::QuotaRoot(mailbox, roots));
        }
        if let Some(storage) = storage {
            self.tell(&Data::Quota(response::Quota { root: String::new(), resources: vec![storage] }));
        }
        self.ok(now, "Quota told");
    }
}
