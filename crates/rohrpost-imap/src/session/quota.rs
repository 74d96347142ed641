//! QUOTA (RFC 9208): how full the account is. There is one quota root, with an empty name, for all mailboxes.

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
            self.ask(Question::Quota, Event::Quota);
        } else {
            self.no(now, Code::NonExistent, "There is one quota root, and its name is empty");
        }
    }

    /// GETQUOTAROOT: which root a mailbox has, whether there is such a mailbox or not (RFC 9208 §4.1.2).
    pub(super) fn quota_of_mailbox(&mut self, mailbox: &MailboxName) {
        self.tell(&Data::QuotaRoot(mailbox.clone(), vec![String::new()]));
        self.ask(Question::Quota, Event::Quota);
    }

    /// Answers [`Event::Quota`].
    pub fn answer_quota(&mut self, now: Instant, quota: Result<Quota, Refusal>) {
        match self.question.take() {
            Some(Question::Quota) => {}
            other => return self.question = other,
        }
        match quota {
            Ok(quota) => {
                self.tell(&Data::Quota(response::Quota { root: String::new(), resources: resources(quota) }));
                self.ok(now, "Quota told");
            }
            Err(refusal) => self.refuse(now, &refusal),
        }
        self.go_on(now);
    }
}

/// A resource without limit is not listed.
fn resources(quota: Quota) -> Vec<QuotaResource> {
    let storage = |octets_max: u64| QuotaResource {
        name: "STORAGE",
        used: quota.octets.div_ceil(STORAGE_UNIT_OCTETS),
        limit: octets_max / STORAGE_UNIT_OCTETS,
    };
    quota.octets_max.map(storage).into_iter().collect()
}
