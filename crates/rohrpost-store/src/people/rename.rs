//! A domain gets another name, and all that is named after it goes along, in one transaction.

use rohrpost_mail::{Domain, Host, Mailbox};

use super::{
    Account, Alias, LocalDomain, get, list, move_account, new_alias, put, put_domain, remove, remove_domain, rows::Kind,
};
use crate::{error::StoreError, mailbox::work::Work, store::Store};

/// What went along with a domain.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moved {
    /// Accounts that have another login, address or domain to send from.
    pub accounts: u64,
    /// Aliases that have another address or another target.
    pub aliases: u64,
}

impl Store {
    /// Gives a local domain another name. Logins, addresses and aliases in it move along, with mailboxes and limits, and
    /// so do targets of aliases. The old domain stays local with `keeps`, and so do the old addresses; logins never do.
    /// Nothing if the domain was not there.
    ///
    /// # Errors
    /// [`StoreError::AddressTaken`] and [`StoreError::AliasTaken`] when a new login, address or alias is somebody's.
    pub async fn domain_rename(&self, from: &Domain, to: &Domain, keeps: bool) -> Result<Option<Moved>, StoreError> {
        let names = Names { from: from.clone(), to: to.clone(), keeps };
        self.change_directory(move |work| names.apply(work)).await
    }
}

struct Names {
    from: Domain,
    to: Domain,
    keeps: bool,
}

impl Names {
    fn apply(&self, work: &mut Work<'_>) -> Result<Option<Moved>, StoreError> {
        let Some(domain) = get::<LocalDomain>(work.connection, Kind::Domain, self.from.as_str())? else {
            return Ok(None);
        };
        if !self.keeps {
            remove_domain(work.connection, self.from.as_str())?;
        }
        put_domain(work.connection, &LocalDomain { name: self.to.to_string(), ..domain })?;
        let mut moved = Moved::default();
        for old in list::<Account>(work.connection, Kind::Account)? {
            let new = self.account(old.clone());
            if new != old {
                check_no_alias(work, &old, &new)?;
                move_account(work, &old.login, &new)?;
                moved.accounts += 1;
            }
        }
        for old in list::<Alias>(work.connection, Kind::Alias)? {
            moved.aliases += u64::from(self.move_alias(work, &old)?);
        }
        Ok(Some(moved))
    }

    /// An account as it is called afterwards.
    fn account(&self, old: Account) -> Account {
        let mut addresses: Vec<_> = old.addresses.iter().map(|address| self.address(address)).collect();
        let mut domains: Vec<_> = old.domains.iter().map(|domain| self.word(domain)).collect();
        if self.keeps {
            addresses.extend(old.addresses.iter().cloned());
            domains.extend(old.domains.iter().cloned());
        }
        keep_first(&mut addresses, Mailbox::key);
        keep_first(&mut domains, String::clone);
        let login = self.name(&old.login).unwrap_or_else(|| old.login.clone());
        Account { login, addresses, domains, ..old }
    }

    /// Whether an alias is different afterwards.
    fn move_alias(&self, work: &Work<'_>, old: &Alias) -> Result<bool, StoreError> {
        let alias = |address: &str| Alias {
            address: address.to_owned(),
            targets: old.targets.iter().map(|target| self.address(target)).collect(),
            disabled: old.disabled,
        };
        let (new_name, same_name) = (self.name(&old.address), alias(&old.address));
        if new_name.is_some() && !self.keeps {
            remove(work.connection, Kind::Alias, &old.address)?;
        } else if same_name != *old {
            put(work.connection, Kind::Alias, &old.address, &same_name)?;
        }
        if let Some(address) = &new_name {
            new_alias(work.connection, alias(address))?;
        }
        Ok(new_name.is_some() || same_name != *old)
    }

    /// The same address in the new domain; any other as it is.
    fn address(&self, old: &Mailbox) -> Mailbox {
        match old.domain.name() {
            Some(domain) if *domain == self.from => {
                Mailbox { local: old.local.clone(), domain: Host::Name(self.to.clone()) }
            }
            _ => old.clone(),
        }
    }

    /// The same for a login, or for the address of an alias, `@here.test` too; nothing where it stays.
    fn name(&self, old: &str) -> Option<String> {
        let (local, domain) = old.rsplit_once('@')?;
        (domain == self.from.as_str()).then(|| format!("{local}@{}", self.to))
    }

    fn word(&self, old: &str) -> String {
        if old.eq_ignore_ascii_case(self.from.as_str()) { self.to.to_string() } else { old.to_owned() }
    }
}

/// Refuses new addresses that are aliases in the new domain already: their mail would go to the account instead.
fn check_no_alias(work: &Work<'_>, old: &Account, new: &Account) -> Result<(), StoreError> {
    let added = new.addresses.iter().filter(|address| !old.addresses.contains(address)).map(Mailbox::key);
    for address in added {
        if get::<Alias>(work.connection, Kind::Alias, &address)?.is_some() {
            return Err(StoreError::AliasTaken { address });
        }
    }
    Ok(())
}

/// Removes what was there before under the same key.
fn keep_first<T, K: Ord>(list: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = std::collections::BTreeSet::new();
    list.retain(|entry| seen.insert(key(entry)));
}
