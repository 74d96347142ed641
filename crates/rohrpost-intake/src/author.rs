//! Who may write as whom: an account as itself, a host of a trusted network as anybody of ours.
//!
//! Everything is decided on the parsed header: blanks before a colon, folding, groups, comments and encoded names change
//! nothing about which addresses From names. Only subaddresses are looked up, since `ann+shop@` is ann's until somebody
//! else has that very address.

use std::{borrow::Cow, sync::Arc};

use rohrpost_mail::{
    Host, Mailbox, address_list,
    header::{self, Field},
};
use rohrpost_store::{Account, Resolved, Store};

use crate::{directory::without_detail, limits::SUBADDRESSES_MAX, refusal::Refusal, users::Users};

/// What an account has to do with an address, as far as the account itself says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Claim {
    /// It is one of its addresses, or in one of its domains.
    Own,
    /// It is a subaddress of one of its addresses. So its mail comes to the account, unless it is somebody else's own.
    Subaddress,
    /// It is none of these.
    Foreign,
}

impl Claim {
    /// The claim of `account` on `address`; `mark` is what sets a subaddress off, if anything does.
    pub fn of(account: &Account, address: &Mailbox, mark: Option<char>) -> Self {
        let has = |address: &Mailbox| account.addresses.iter().any(|own| own.key() == address.key());
        let has_domain =
            || address.domain.name().is_some_and(|name| account.domains.iter().any(|own| own == name.as_str()));
        let base = || mark.and_then(|mark| without_detail(address, mark));
        if has(address) || has_domain() {
            Self::Own
        } else if base().is_some_and(|base| has(&base)) {
            Self::Subaddress
        } else {
            Self::Foreign
        }
    }
}

/// Judges what accounts and users of this host write as, with the store to ask whose a subaddress is.
#[derive(Clone, Debug)]
pub(crate) struct Authors {
    store: Store,
    mark: Option<char>,
    users: Arc<Users>,
}

impl Authors {
    /// `mark` is what sets a subaddress off, if anything does.
    pub(crate) fn new(store: Store, mark: Option<char>, users: Arc<Users>) -> Self {
        Self { store, mark, users }
    }

    /// The header of a user's message as it goes out: checked, with other addresses where they are set.
    pub(crate) fn header_of_user<'a>(&self, uid: u32, head: &'a [u8]) -> Result<Cow<'a, [u8]>, Refusal> {
        self.users.header(uid, head)
    }

    /// Checks the reverse path of an account's message.
    pub(crate) async fn check_sender(&self, account: &Account, sender: &Mailbox) -> Result<(), Refusal> {
        match Claim::of(account, sender, self.mark) {
            Claim::Own => Ok(()),
            Claim::Subaddress => self.check_subaddress(account, sender).await,
            Claim::Foreign => Err(Refusal::SenderNotYours),
        }
    }

    /// Checks that a header speaks for nobody but the account.
    pub(crate) async fn check_header(&self, account: &Account, head: &[u8]) -> Result<(), Refusal> {
        for subaddress in header_subaddresses(head, account, self.mark)? {
            self.check_subaddress(account, &subaddress).await?;
        }
        Ok(())
    }

    /// Refuses a subaddress that is another account's own address, or an alias that leads to others too: whoever writes
    /// as it would speak for them. A catch-all stands behind the base address and takes nothing away.
    async fn check_subaddress(&self, account: &Account, subaddress: &Mailbox) -> Result<(), Refusal> {
        let leads_to_account = |target: &Mailbox| Claim::of(account, target, None) == Claim::Own;
        let is_free = match self.store.resolve(subaddress).await? {
            Resolved::Account { account: owner, .. } => owner.login == account.login,
            Resolved::Alias(alias) => alias.targets.iter().all(leads_to_account),
            Resolved::CatchAll(_) | Resolved::Nobody => true,
        };
        if is_free { Ok(()) } else { Err(Refusal::SubaddressTaken(subaddress.clone())) }
    }
}

/// Checks that a header has one From, and that every address in From, Sender and Resent-From, Resent-Sender is claimed by
/// the account. Hands back the subaddresses among them, each once: whose they are is still to be asked.
pub fn header_subaddresses(head: &[u8], account: &Account, mark: Option<char>) -> Result<Vec<Mailbox>, Refusal> {
    let mut subaddresses = Vec::new();
    let mut froms = 0;
    for field in header::fields(head).filter(speaks_for_somebody) {
        let addresses = addresses_of(&field)?;
        froms += usize::from(field.is("From"));
        for address in addresses {
            match Claim::of(account, &address, mark) {
                Claim::Own => {}
                Claim::Subaddress if subaddresses.contains(&address) => {}
                Claim::Subaddress if subaddresses.len() < SUBADDRESSES_MAX => subaddresses.push(address),
                Claim::Subaddress => return Err(not_yours("The header names too many subaddresses")),
                Claim::Foreign => return Err(foreign(&field, &address)),
            }
        }
    }
    match froms {
        1 => Ok(subaddresses),
        0 => Err(not_yours("The message needs a From field")),
        _ => Err(not_yours("The message has more than one From field")),
    }
}

/// Checks each address that a header speaks for; `fault` says what is wrong with one.
pub(crate) fn check_each(head: &[u8], fault: impl Fn(&Mailbox) -> Option<Refusal>) -> Result<(), Refusal> {
    for field in header::fields(head).filter(speaks_for_somebody) {
        if let Some(fault) = addresses_of(&field)?.iter().find_map(&fault) {
            return Err(fault);
        }
    }
    Ok(())
}

fn speaks_for_somebody(field: &Field<'_>) -> bool {
    ["From", "Sender", "Resent-From", "Resent-Sender"].iter().any(|name| field.is(name))
}

/// The addresses of a field. From must name one: RFC 5322 §3.6.2.
fn addresses_of(field: &Field<'_>) -> Result<Vec<Mailbox>, Refusal> {
    match address_list::mailboxes(&field.unfolded()) {
        Ok(addresses) if addresses.is_empty() && field.is("From") => Err(Refusal::FromBroken),
        Ok(addresses) => Ok(addresses),
        Err(_) => Err(Refusal::FromBroken),
    }
}

fn not_yours(why: &'static str) -> Refusal {
    Refusal::FromNotYours(why.into())
}

fn foreign(field: &Field<'_>, address: &Mailbox) -> Refusal {
    let name = String::from_utf8_lossy(field.name);
    Refusal::FromNotYours(format!("{name} address {address} does not belong to your account").into())
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

    fn address(text: &str) -> Mailbox {
        text.parse().unwrap()
    }

    fn check(header: &str) -> Option<u16> {
        header_subaddresses(header.as_bytes(), &ann(), Some('+')).err().map(|refusal| refusal.reply().code)
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
        let shop = address("ann+shop@here.test");
        assert_eq!(Claim::of(&ann(), &shop, Some('+')), Claim::Subaddress);
        assert_eq!(Claim::of(&ann(), &shop, Some('-')), Claim::Foreign);
        assert_eq!(Claim::of(&ann(), &shop, None), Claim::Foreign);
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
    fn subaddresses_of_a_header_are_to_be_asked_about_once_each_and_only_so_many() {
        let asked = |header: &str| header_subaddresses(header.as_bytes(), &ann(), Some('+'));
        let header =
            "From: ann+a@here.test, ann@here.test\r\nSender: ann+a@here.test\r\nResent-From: ann+b@here.test\r\n";
        assert_eq!(asked(header).unwrap(), [address("ann+a@here.test"), address("ann+b@here.test")]);
        assert_eq!(asked("From: any+a@ann.test\r\n").unwrap(), [], "the whole domain is hers");
        let many = |count: usize| {
            let list: Vec<String> = (0..count).map(|n| format!("ann+{n}@here.test")).collect();
            format!("From: {}\r\n", list.join(", "))
        };
        assert_eq!(asked(&many(SUBADDRESSES_MAX)).unwrap().len(), SUBADDRESSES_MAX);
        assert_eq!(asked(&many(SUBADDRESSES_MAX + 1)).unwrap_err().reply().code, 550);
    }
}
