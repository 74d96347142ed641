//! Why a message, a recipient or a log-in is refused, and the one table from there to replies.

use std::borrow::Cow;

use jiff::{Timestamp, tz::TimeZone};
use rohrpost_mail::{Class, Mailbox, Reply};
use rohrpost_store::StoreError;

use crate::{peers::DoorError, quota::OverLimit};

/// Why something was refused. [`Self::reply`] is the only road from here to the wire.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The reverse path is not one of the account's.
    #[error("the sender address does not belong to the account")]
    SenderNotYours,
    /// It would be a subaddress of the account, but it is somebody else's own address.
    #[error("{0} is somebody else's own address")]
    SubaddressTaken(Mailbox),
    /// Mail from this partner must come inside TLS.
    #[error("this partner's mail must come inside TLS")]
    TlsRequired,
    /// The sender's domain takes no mail at all (RFC 7505), so nobody can answer.
    #[error("the sender's domain has a null MX")]
    SenderNullMx,
    /// The sender's domain does not exist.
    #[error("the sender's domain does not exist")]
    SenderMissing,
    /// DNS gave no answer about the sender's domain.
    #[error("DNS gave no answer about the sender's domain")]
    SenderUnknown,
    /// Neither is the recipient ours, nor may this peer relay.
    #[error("relaying denied")]
    Relay,
    /// There is no such mailbox.
    #[error("no such mailbox")]
    NoMailbox,
    /// The mailbox exists but is switched off.
    #[error("the mailbox is disabled")]
    Disabled,
    /// The mailbox holds as much as it may.
    #[error("the mailbox is full")]
    MailboxFull,
    /// The message alone is larger than what the mailbox may hold.
    #[error("the message is larger than all that the mailbox may hold")]
    LargerThanMailbox,
    /// The recipient's domain takes no mail (RFC 7505).
    #[error("the recipient's domain has a null MX")]
    RecipientNullMx,
    /// A bounce said lately that the recipient does not exist.
    #[error("the recipient is suppressed until {0}")]
    Suppressed(Timestamp),
    /// The next hop of a relay domain could not say whether it knows the recipient.
    #[error("the next hop could not be asked")]
    CalloutUndecided,
    /// An entry of `[[access]]`; its number and its text.
    #[error("access entry {entry} says reject")]
    AccessReject {
        /// Which entry, from 1.
        entry: usize,
        /// What the operator wants to be said.
        text: Option<String>,
    },
    /// An entry of `[[access]]` that defers.
    #[error("access entry {entry} says defer")]
    AccessDefer {
        /// Which entry, from 1.
        entry: usize,
        /// What the operator wants to be said.
        text: Option<String>,
    },
    /// The header's From or Sender is not the account's, or there are several From fields.
    #[error("{0}")]
    FromNotYours(Cow<'static, str>),
    /// The header's From cannot be read.
    #[error("the From field cannot be read")]
    FromBroken,
    /// Too many Received fields.
    #[error("{0} Received fields: the message runs in circles")]
    Loop(usize),
    /// The peer sent more than it may in an hour.
    #[error("rate of the peer")]
    PeerRate,
    /// An account sent more messages with the null path than read receipts explain.
    #[error("rate of the null path")]
    NullPathRate,
    /// A member of a trusted network sent more than it may in an hour.
    #[error("rate of a trusted peer")]
    TrustedRate,
    /// An account reached its limit.
    #[error("{} of {account}", .over.limit.setting())]
    AccountLimit {
        /// The login.
        account: String,
        /// Which limit, and when there is room again.
        over: OverLimit,
    },
    /// The peer has too many connections.
    #[error("{0}")]
    Door(#[from] DoorError),
    /// An octet came before the greeting.
    #[error("the client spoke before the greeting")]
    EarlyTalker,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The account that logged in was removed, renamed or suspended, alone or with its domain, or a password of it taken away.
    #[error("the account was removed, renamed or suspended, or a password of it taken away")]
    LoggedOut,
    /// There is nothing to take more sessions with.
    #[error("overload")]
    Overload,
    /// Session and transaction disagree about what has begun: a fault of ours.
    #[error("there is no transaction")]
    OutOfStep,
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Refusal {
    /// Whose turn it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Overload | Self::OutOfStep | Self::Store(_) | Self::Stopping => Class::Ours,
            refusal if refusal.reply().is_permanent() => Class::Permanent,
            _ => Class::Temporary,
        }
    }

    /// What the peer is told.
    pub fn reply(&self) -> Reply {
        match self {
            Self::SenderNotYours => Reply::with(553, 7, 1, "Sender address does not belong to your account"),
            Self::SubaddressTaken(address) => {
                Reply::with(550, 7, 1, format!("{address} is no subaddress of yours: it belongs to somebody else"))
            }
            Self::TlsRequired => Reply::with(530, 7, 0, "Mail from you is taken inside TLS only: use STARTTLS first"),
            Self::SenderNullMx => Reply::with(550, 7, 27, "Sender domain takes no mail (null MX)"),
            Self::SenderMissing => Reply::with(550, 1, 8, "Sender domain does not exist"),
            Self::SenderUnknown => Reply::with(451, 4, 3, "Sender domain cannot be looked up, try again later"),
            Self::Relay => Reply::with(550, 7, 1, "Relaying denied"),
            Self::NoMailbox => Reply::with(550, 1, 1, "No such mailbox"),
            Self::Disabled => Reply::with(550, 2, 1, "Mailbox is disabled"),
            Self::MailboxFull => Reply::with(452, 2, 2, "Mailbox is full, try again later"),
            Self::LargerThanMailbox => Reply::with(552, 2, 3, "Message is larger than all that the mailbox may hold"),
            Self::RecipientNullMx => Reply::with(556, 1, 10, "Recipient domain takes no mail (null MX)"),
            Self::Suppressed(until) => suppressed(*until),
            Self::CalloutUndecided => Reply::with(451, 4, 1, "Recipient cannot be verified, try again later"),
            Self::AccessReject { text, .. } => {
                Reply::with(550, 7, 1, text.as_deref().unwrap_or("Refused by local policy"))
            }
            Self::AccessDefer { text, .. } => {
                Reply::with(450, 7, 1, text.as_deref().unwrap_or("Deferred by local policy, try again later"))
            }
            Self::FromNotYours(why) => Reply::with(550, 7, 1, why),
            Self::FromBroken => Reply::with(550, 6, 0, "From field cannot be read"),
            Self::Loop(_) => Reply::with(554, 4, 6, "Too many hops, the message runs in circles"),
            Self::PeerRate => Reply::with(450, 7, 1, "Too many messages from your address, try again later"),
            Self::NullPathRate => Reply::with(450, 7, 28, "Too many messages with an empty sender, try again later"),
            Self::TrustedRate => Reply::with(450, 7, 28, "Hourly limit of your address reached, try again later"),
            Self::AccountLimit { account, over } => account_limit(account, over),
            Self::Door(DoorError::Crowd) | Self::Overload => Reply::with(421, 3, 2, "Too busy, try again later"),
            Self::Door(error) => Reply::with(421, 7, 0, format!("Refused: {error}")),
            Self::EarlyTalker => Reply::with(554, 5, 1, "Your client spoke before the greeting"),
            Self::Stopping => Reply::with(421, 3, 2, "Server is stopping, try again later"),
            Self::LoggedOut => Reply::with(421, 7, 0, "Your account or its passwords were changed: log in again"),
            Self::OutOfStep => Reply::with(451, 3, 0, "Internal error, try again later"),
            Self::Store(error) => error.reply(),
        }
    }

    /// Every [`Self::word`], in the order that metrics show them; the last stands for those still unknown.
    pub const WORDS: &'static [&'static str] = &[
        "not-yours",
        "tls-required",
        "sender-domain",
        "relay",
        "recipient",
        "callout",
        "access",
        "content",
        "rate",
        "account-limit",
        "door",
        "early-talker",
        "stopping",
        "store",
        "other",
    ];

    /// A short word for logs and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::SenderNotYours | Self::SubaddressTaken(_) | Self::FromNotYours(_) => "not-yours",
            Self::TlsRequired => "tls-required",
            Self::SenderNullMx | Self::SenderMissing | Self::SenderUnknown => "sender-domain",
            Self::Relay => "relay",
            Self::NoMailbox
            | Self::Disabled
            | Self::MailboxFull
            | Self::LargerThanMailbox
            | Self::RecipientNullMx
            | Self::Suppressed(_) => "recipient",
            Self::CalloutUndecided => "callout",
            Self::AccessReject { .. } | Self::AccessDefer { .. } => "access",
            Self::FromBroken | Self::Loop(_) => "content",
            Self::PeerRate | Self::NullPathRate | Self::TrustedRate => "rate",
            Self::AccountLimit { .. } => "account-limit",
            Self::Door(_) | Self::Overload | Self::LoggedOut => "door",
            Self::EarlyTalker => "early-talker",
            Self::Stopping => "stopping",
            Self::OutOfStep => "other",
            Self::Store(_) => "store",
        }
    }
}

fn suppressed(until: Timestamp) -> Reply {
    let date = until.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d");
    Reply::with(550, 1, 1, format!("Address bounced lately, no mail is sent to it before {date}"))
}

/// 450 rather than 452: clients answer 452 by sending again at once.
fn account_limit(account: &str, over: &OverLimit) -> Reply {
    let (max, setting) = (over.max, over.limit.setting());
    let what = match over.limit {
        crate::quota::Limit::Messages => "messages per hour",
        crate::quota::Limit::Recipients => "recipients per day",
    };
    let at = over.free_at.to_zoned(TimeZone::UTC);
    let at = at.strftime(if over.limit == crate::quota::Limit::Messages { "%H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" });
    let text = format!("Limit of {max} {what} reached for {account}, free again at {at} (submission.limit.{setting})");
    Reply::with(450, 7, 28, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::Limit;

    #[test]
    fn the_account_limit_says_which_until_when_and_which_setting() {
        let over = OverLimit {
            limit: Limit::Messages,
            max: 250,
            free_at: "2026-11-22T14:05:00Z".parse().unwrap(),
            is_second_today: false,
        };
        let refusal = Refusal::AccountLimit { account: "anna@firma.example".into(), over };
        assert_eq!(
            refusal.reply().to_string(),
            "450 4.7.28 Limit of 250 messages per hour reached for anna@firma.example, free again at 14:05 UTC \
             (submission.limit.messages_per_hour)"
        );
        assert_eq!(refusal.class(), Class::Temporary);
    }

    #[test]
    fn our_own_troubles_are_told_apart_from_the_peers() {
        assert_eq!(
            Refusal::Store(StoreError::Full).reply().to_string().split(' ').take(2).collect::<Vec<_>>(),
            ["452", "4.3.1"]
        );
        assert_eq!(Refusal::Store(StoreError::Full).class(), Class::Ours);
        assert_eq!(Refusal::Relay.reply().to_string(), "550 5.7.1 Relaying denied");
        assert_eq!(Refusal::Relay.class(), Class::Permanent);
        assert_eq!(Refusal::SenderUnknown.class(), Class::Temporary);
    }
}
