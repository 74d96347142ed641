//! What a submitted message must be, and what is repaired about it: RFC 6409 §6.1, §8.
//!
//! Everything is decided on the parsed header: blanks before a colon, folding, groups, comments and encoded names change
//! nothing about which addresses From names.

use std::borrow::Cow;

use jiff::Timestamp;
use rohrpost_mail::{
    Domain, Host, Mailbox, QueueId, address_list, date,
    header::{self, Field},
    seven_bit,
};
use rohrpost_store::Account;

use crate::{directory::without_detail, refusal::Refusal};

/// Text lines may have this many octets without CRLF (RFC 5321 §4.5.3.1.6).
const LINE_BYTES_MAX: usize = 998;

/// Whether an address is one the account may send from: its own, one in a domain of its own, or a subaddress of its own,
/// whose mail it gets as well. `mark` is what sets a subaddress off, if anything does.
pub fn belongs_to(account: &Account, address: &Mailbox, mark: Option<char>) -> bool {
    let in_domains = |domain: &Domain| account.domains.iter().any(|own| own == domain.as_str());
    let is_own = |address: &Mailbox| account.addresses.iter().any(|own| own.key() == address.key());
    let base = || mark.and_then(|mark| without_detail(address, mark));
    is_own(address) || address.domain.name().is_some_and(in_domains) || base().is_some_and(|base| is_own(&base))
}

/// Checks that a header speaks for nobody but the account: one From, and every address in From, Sender and
/// Resent-From, Resent-Sender is its own.
pub fn check_author(head: &[u8], account: &Account, mark: Option<char>) -> Result<(), Refusal> {
    let mut froms = 0;
    for field in header::fields(head) {
        let is_from = field.is("From");
        froms += usize::from(is_from);
        if is_from || ["Sender", "Resent-From", "Resent-Sender"].iter().any(|name| field.is(name)) {
            check_addresses(&field, account, mark, is_from)?;
        }
    }
    match froms {
        1 => Ok(()),
        0 => Err(Refusal::FromNotYours("The message needs a From field".into())),
        _ => Err(Refusal::FromNotYours("The message has more than one From field".into())),
    }
}

fn check_addresses(
    field: &Field<'_>,
    account: &Account,
    mark: Option<char>,
    must_name_one: bool,
) -> Result<(), Refusal> {
    let addresses = address_list::mailboxes(&field.unfolded()).map_err(|_| Refusal::FromBroken)?;
    if must_name_one && addresses.is_empty() {
        return Err(Refusal::FromBroken);
    }
    match addresses.iter().find(|address| !belongs_to(account, address, mark)) {
        None => Ok(()),
        Some(foreign) => {
            let name = String::from_utf8_lossy(field.name);
            Err(Refusal::FromNotYours(Cow::Owned(format!("{name} address {foreign} does not belong to your account"))))
        }
    }
}

/// Checks that the From of a message relayed for a trusted network is in a local domain. One without From is judged by
/// its reverse path.
pub fn check_local_author(
    head: &[u8],
    sender: Option<&Mailbox>,
    is_local: impl Fn(&Host) -> bool,
) -> Result<(), Refusal> {
    let mut authors: Vec<Mailbox> = Vec::new();
    let mut froms = 0;
    for field in header::fields(head).filter(|field| field.is("From")) {
        froms += 1;
        authors.extend(address_list::mailboxes(&field.unfolded()).map_err(|_| Refusal::FromBroken)?);
    }
    if froms == 0 {
        authors.extend(sender.cloned());
    }
    match authors.iter().find(|author| !is_local(&author.domain)) {
        None => Ok(()),
        Some(foreign) => Err(Refusal::FromNotYours(format!("From address {foreign} is in no domain of ours").into())),
    }
}

/// The fields that a submitted message must not keep: hidden recipients, and what only we may say.
fn is_unwanted(field: &Field<'_>) -> bool {
    ["Bcc", "Resent-Bcc", "Return-Path", "X-Originating-IP"].iter().any(|name| field.is(name))
}

/// The header of a submitted message without what must go, with Date and Message-ID where they were missing.
pub fn repair_header<'a>(head: &'a [u8], id: QueueId, host: &Domain, now: Timestamp) -> Cow<'a, [u8]> {
    let mut repaired = header::without(head, is_unwanted);
    if header::value(head, "Message-ID").is_none_or(|value| value.is_empty()) {
        put_before(&mut repaired, "Message-ID", &format!("Message-ID: <{id}@{host}>\r\n"));
    }
    if header::value(head, "Date").is_none_or(|value| value.is_empty()) {
        put_before(&mut repaired, "Date", &format!("Date: {}\r\n", date::rfc5322(now)));
    }
    repaired
}

/// Puts a field on top, in the place of an empty one.
fn put_before(head: &mut Cow<'_, [u8]>, name: &str, field: &str) {
    let rest = header::without(head, |field| field.is(name));
    *head = Cow::Owned([field.as_bytes(), &rest].concat());
}

/// A whole submitted message after its header was repaired: long lines, and octets beyond ASCII that no MIME declares,
/// become quoted-printable. One that its author signed stays as it is, for the signature would break.
pub fn repair_body(message: &[u8]) -> Cow<'_, [u8]> {
    let (head, body) = header::split(message);
    let undeclared = header::value(head, "MIME-Version").is_none() && !body.is_ascii();
    let long = || body.split(|byte| *byte == b'\n').any(|line| line.len() > LINE_BYTES_MAX + 1);
    let is_signed = header::count(head, "DKIM-Signature") > 0;
    if is_signed || !(undeclared || long()) {
        return Cow::Borrowed(message);
    }
    seven_bit::encode(message)
}

/// What the intake wants to know of a header, in one walk over it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    /// How many Received fields there are.
    pub hops: usize,
    /// The Message-ID with its angle brackets, when it is printable.
    pub message_id: Option<String>,
}

impl Facts {
    /// Reads a header.
    pub fn of(head: &[u8]) -> Self {
        let mut facts = Self::default();
        for field in header::fields(head) {
            if field.is("Received") {
                facts.hops += 1;
            } else if facts.message_id.is_none() && field.is("Message-ID") {
                let id = field.unfolded();
                facts.message_id = (!id.is_empty() && !id.chars().any(char::is_control)).then_some(id);
            }
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> Account {
        Account {
            login: "ann@here.test".into(),
            addresses: vec!["ann@here.test".parse().unwrap()],
            domains: vec!["ann.test".into()],
            ..Account::default()
        }
    }

    fn check(header: &str) -> Option<u16> {
        check_author(header.as_bytes(), &ann(), Some('+')).err().map(|refusal| refusal.reply().code)
    }

    #[test]
    fn a07_own_addresses_pass_however_they_are_spelt() {
        for from in [
            "From: ann@here.test\r\n",
            "from : \"Ann, the boss\"\r\n <ANN@here.test>\r\n",
            "From: =?utf-8?q?J=C3=B6rg?= <any@ann.test>\r\nSender: ann@here.test\r\n",
            "From: ann+shop@here.test\r\n",
            "From: team: ann@here.test, x@ann.test;\r\n",
        ] {
            assert_eq!(check(from), None, "{from}");
        }
    }

    #[test]
    fn without_subaddresses_a_detail_makes_another_address() {
        let shop = "ann+shop@here.test".parse().unwrap();
        assert!(belongs_to(&ann(), &shop, Some('+')));
        assert!(!belongs_to(&ann(), &shop, Some('-')));
        assert!(!belongs_to(&ann(), &shop, None));
    }

    #[test]
    fn a07_foreign_addresses_are_refused_wherever_they_stand() {
        for header in [
            "From: boss@here.test\r\n",
            "From: ann@here.test, boss@here.test\r\n",
            "From: ann@here.test\r\nSender: boss@here.test\r\n",
            "From: ann@here.test\r\nFrom: boss@here.test\r\n",
            "From: ann@here.test\r\nfrom : ann@here.test\r\n",
            "From: boss@here.test\r\nResent-From: ann@here.test\r\n",
            "From: ann@here.test\r\nResent-From: boss@here.test\r\n",
            "From: ann@here.test <boss@here.test>\r\n",
            "From:\r\n boss@here.test\r\n",
            "From: x: boss@here.test;\r\n",
            "Subject: no From\r\n",
            "From: undisclosed:;\r\n",
            "From: ann@here.test <\r\n",
        ] {
            assert_eq!(check(header), Some(550), "{header}");
        }
    }

    #[test]
    fn trusted_networks_speak_for_local_domains_only() {
        let local = |host: &Host| host.name().is_some_and(|name| name.as_str() == "here.test");
        let check = |header: &str, sender: &str| {
            let sender: Option<Mailbox> = sender.parse().ok();
            check_local_author(header.as_bytes(), sender.as_ref(), local).is_ok()
        };
        assert!(check("From: printer@here.test\r\n", "x@there.test"));
        assert!(!check("From: printer@there.test\r\n", "x@here.test"));
        assert!(check("Subject: x\r\n", "x@here.test"));
        assert!(!check("Subject: x\r\n", "x@there.test"));
        assert!(check("Subject: a bounce\r\n", ""));
    }

    #[test]
    fn what_is_missing_is_added_and_hidden_recipients_go() {
        let header = b"From: ann@here.test\r\nBcc: secret@there.test\r\nbcc : more@there.test,\r\n third@there.test\r\nX-Originating-IP: [::1]\r\nDate:\r\n";
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let repaired = repair_header(header, QueueId::from_i64(1), &"mx.here.test".parse().unwrap(), now);
        assert_eq!(
            String::from_utf8_lossy(&repaired),
            "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <0000000000001@mx.here.test>\r\nFrom: ann@here.test\r\n"
        );
        let whole = b"Date: x\r\nMessage-ID: <y>\r\n";
        assert!(matches!(repair_header(whole, QueueId::from_i64(1), &"a.b".parse().unwrap(), now), Cow::Borrowed(_)));
    }

    #[test]
    fn bodies_are_made_fit_unless_they_are_signed_or_fit_already() {
        let eight = "Subject: x\r\n\r\nGr\u{fc}\u{df}e\r\n";
        assert!(repair_body(eight.as_bytes()).is_ascii());
        let long = format!("Subject: x\r\n\r\n{}\r\n", "x".repeat(2_000));
        assert!(repair_body(long.as_bytes()).split(|byte| *byte == b'\n').all(|line| line.len() < 1_000));
        let mime = format!("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n{eight}");
        let signed = format!("DKIM-Signature: v=1\r\n{eight}");
        for untouched in [mime, signed, "Subject: x\r\n\r\nplain\r\n".into()] {
            assert!(matches!(repair_body(untouched.as_bytes()), Cow::Borrowed(_)), "{untouched}");
        }
    }

    #[test]
    fn h08_hops_are_counted_and_the_message_id_is_found() {
        let header = format!("{}Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n", "Received: x\r\n".repeat(100));
        assert_eq!(Facts::of(header.as_bytes()), Facts { hops: 100, message_id: Some("<a@b>".into()) });
    }
}
