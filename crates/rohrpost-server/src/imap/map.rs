//! The store's words for mailboxes as those of the session, and the other way.

use rohrpost_imap::{
    command::{ObjectId, SpecialUse},
    event, flags,
};
use rohrpost_store::{StoreError, mailbox};

pub(super) fn id(id: event::MailboxId) -> mailbox::MailboxId {
    mailbox::MailboxId::from_i64(id)
}

/// The ids of the store are made of letters and digits.
pub(super) fn object_id(id: mailbox::ObjectId) -> Option<ObjectId> {
    ObjectId::new(&id.to_string())
}

pub(super) fn info(info: mailbox::MailboxInfo) -> event::MailboxInfo {
    event::MailboxInfo {
        id: info.id.as_i64(),
        object_id: object_id(info.id.object_id()),
        name: info.name,
        uid_validity: info.uid_validity,
        uid_next: info.uid_next,
        modseq: info.modseq,
        messages: info.messages,
        unseen: info.unseen,
        deleted: info.deleted,
        deleted_octets: info.deleted_octets,
        octets: info.octets,
        special_use: info.special_use.map(special_use),
        subscribed: info.subscribed,
    }
}

pub(super) fn selected(selected: mailbox::Selected) -> event::Selected {
    event::Selected {
        info: info(selected.info),
        uids: selected.uids.to_vec(),
        first_unseen: selected.first_unseen,
        keywords: selected.keywords.iter().map(|keyword| keyword.as_str().into()).collect(),
    }
}

pub(super) fn entry(entry: &mailbox::Entry) -> event::Entry {
    event::Entry { uid: entry.uid, modseq: entry.modseq, flags: flags(&entry.flags) }
}

pub(super) fn changes(changes: mailbox::Changes) -> event::Changes {
    event::Changes {
        modseq: changes.info.modseq,
        uid_next: changes.info.uid_next,
        entries: changes.entries.iter().map(entry).collect(),
        vanished: changes.vanished,
    }
}

pub(super) fn stored(stored: &mailbox::FlagsStored) -> event::Stored {
    event::Stored {
        changed: stored.entries.iter().map(entry).collect(),
        modified: stored.modified.clone(),
        modseq: stored.modseq,
    }
}

pub(super) fn expunged(expunged: mailbox::Expunged) -> event::Expunged {
    event::Expunged { uids: expunged.uids, modseq: expunged.modseq.unwrap_or_default() }
}

pub(super) fn copied(copied: mailbox::Copied) -> event::Copied {
    event::Copied { uid_validity: copied.uid_validity, pairs: copied.pairs, modseq: copied.modseq.unwrap_or_default() }
}

pub(super) fn quota(quota: &mailbox::Quota) -> event::Quota {
    event::Quota { octets: quota.octets, messages: quota.messages, octets_max: quota.octets_max }
}

pub(super) fn operation(operation: event::FlagOperation) -> mailbox::FlagOp {
    match operation {
        event::FlagOperation::Add => mailbox::FlagOp::Add,
        event::FlagOperation::Remove => mailbox::FlagOp::Remove,
        event::FlagOperation::Replace => mailbox::FlagOp::Replace,
    }
}

/// Each system flag here and there.
const FLAGS: [(flags::SystemFlags, mailbox::System); 5] = [
    (flags::SystemFlags::ANSWERED, mailbox::System::ANSWERED),
    (flags::SystemFlags::FLAGGED, mailbox::System::FLAGGED),
    (flags::SystemFlags::DELETED, mailbox::System::DELETED),
    (flags::SystemFlags::SEEN, mailbox::System::SEEN),
    (flags::SystemFlags::DRAFT, mailbox::System::DRAFT),
];

pub(super) fn flags(flags: &mailbox::Flags) -> flags::Flags {
    let mut system = flags::SystemFlags::NONE;
    for (here, there) in FLAGS {
        if flags.system().contains(there) {
            system |= here;
        }
    }
    flags::Flags::new(system, flags.keywords())
}

pub(super) fn flags_to_store(flags: &flags::Flags) -> mailbox::Flags {
    let mut system = mailbox::System::default();
    for (here, there) in FLAGS {
        if flags.system.contains(here) {
            system = system | there;
        }
    }
    mailbox::Flags::new(system, flags.keywords().iter().map(|keyword| &**keyword))
}

/// Each special use here and there.
const SPECIAL_USES: [(SpecialUse, mailbox::SpecialUse); 7] = [
    (SpecialUse::All, mailbox::SpecialUse::All),
    (SpecialUse::Archive, mailbox::SpecialUse::Archive),
    (SpecialUse::Drafts, mailbox::SpecialUse::Drafts),
    (SpecialUse::Flagged, mailbox::SpecialUse::Flagged),
    (SpecialUse::Junk, mailbox::SpecialUse::Junk),
    (SpecialUse::Sent, mailbox::SpecialUse::Sent),
    (SpecialUse::Trash, mailbox::SpecialUse::Trash),
];

fn special_use(of: mailbox::SpecialUse) -> SpecialUse {
    let (here, _) = SPECIAL_USES.iter().find(|(_, there)| *there == of).expect("the table has them all");
    *here
}

pub(super) fn special_use_to_store(of: SpecialUse) -> mailbox::SpecialUse {
    let (_, there) = SPECIAL_USES.iter().find(|(here, _)| *here == of).expect("the table has them all");
    *there
}

/// Why not, in the words of the session.
pub(super) fn refusal(error: &mailbox::MailboxError) -> event::Refusal {
    use event::Refusal;
    use mailbox::MailboxError;
    match error {
        MailboxError::Missing => Refusal::NoMailbox,
        MailboxError::Exists => Refusal::Exists,
        MailboxError::Inbox => Refusal::Cannot("INBOX always exists"),
        MailboxError::BadName => Refusal::Cannot("no mailbox can have this name"),
        MailboxError::TooMany => Refusal::Limit("that would be too many"),
        MailboxError::OverQuota => Refusal::OverQuota,
        MailboxError::Store(StoreError::Corrupt { .. } | StoreError::BodyGone) => Refusal::Damaged,
        _ => Refusal::Unavailable,
    }
}
