//! Aliases.

use std::collections::BTreeSet;

use rohrpost_mail::Mailbox;
use rohrpost_store::{Account, Alias, Resolved};

use super::Operator;
use crate::control::{AliasRow, Answer, Refusal, RefusalKind};

impl Operator {
    /// Sets the targets; one that is suspended stays so.
    pub(super) async fn alias_set(&self, name: &str, targets: Vec<Mailbox>) -> Result<Answer, Refusal> {
        let address = alias_key(name)?;
        self.check_nobodys(&address).await?;
        self.check_loop(&address, &targets).await?;
        let disabled = self.store.alias_get(&address).await?.is_some_and(|known| known.disabled);
        self.put(Alias { address, targets, disabled }).await
    }

    async fn put(&self, alias: Alias) -> Result<Answer, Refusal> {
        self.store.alias_put(alias).await?;
        self.people_changed().await;
        Ok(Answer::Done)
    }

    pub(super) async fn alias_disable(&self, name: &str, disabled: bool) -> Result<Answer, Refusal> {
        let alias = self.alias(name).await?;
        self.put(Alias { disabled, ..alias }).await
    }

    pub(super) async fn alias_add(&self, name: &str, more: Vec<Mailbox>) -> Result<Answer, Refusal> {
        let known = self.store.alias_get(&alias_key(name)?).await?;
        let mut targets = known.map(|alias| alias.targets).unwrap_or_default();
        let new = more.into_iter().filter(|target| !targets.iter().any(|known| known.key() == target.key()));
        let new: Vec<_> = new.collect();
        targets.extend(new);
        self.alias_set(name, targets).await
    }

    /// Refuses an address of an account: its mail goes there, and never by the alias.
    async fn check_nobodys(&self, address: &str) -> Result<(), Refusal> {
        let Ok(mailbox) = Mailbox::parse(address) else { return Ok(()) };
        let Some(Account { login, .. }) = self.store.account_of(&mailbox).await? else { return Ok(()) };
        let message = format!("{address} is an address of the account {login}, which gets its mail");
        Err(Refusal::new(RefusalKind::Wrong, message))
    }

    /// Refuses an alias whose mail would come back to it: nobody would ever get that.
    async fn check_loop(&self, address: &str, targets: &[Mailbox]) -> Result<(), Refusal> {
        let mut seen = BTreeSet::new();
        let mut ahead = targets.to_vec();
        while let Some(target) = ahead.pop() {
            if !seen.insert(target.key()) {
                continue;
            }
            let is_it = target.key() == address;
            let (comes_back, next) = match self.store.resolve(&target).await? {
                Resolved::Account { .. } => continue,
                Resolved::Alias(next) => (is_it, next.targets),
                Resolved::CatchAll(next) => (is_it || format!("@{}", target.domain) == address, next.targets),
                Resolved::Nobody => (is_it || format!("@{}", target.domain) == address, Vec::new()),
            };
            if comes_back {
                let message = format!("{address} would be a loop: {target} leads back to it");
                return Err(Refusal::new(RefusalKind::Wrong, message));
            }
            ahead.extend(next);
        }
        Ok(())
    }

    pub(super) async fn alias_list(&self) -> Result<Answer, Refusal> {
        let row = |alias: Alias| AliasRow { name: alias.address, targets: alias.targets, disabled: alias.disabled };
        Ok(Answer::Aliases(self.store.alias_list().await?.into_iter().map(row).collect()))
    }

    pub(super) async fn alias_rename(&self, name: &str, new: &str) -> Result<Answer, Refusal> {
        let (alias, address) = (self.alias(name).await?, alias_key(new)?);
        self.check_nobodys(&address).await?;
        self.check_loop(&address, &alias.targets).await?;
        self.store.alias_rename(&alias.address, &address).await?;
        self.people_changed().await;
        Ok(Answer::Done)
    }

    pub(super) async fn alias_remove(&self, name: &str, targets: &[Mailbox]) -> Result<Answer, Refusal> {
        let mut alias = self.alias(name).await?;
        let unwanted: BTreeSet<_> = targets.iter().map(Mailbox::key).collect();
        let known: BTreeSet<_> = alias.targets.iter().map(Mailbox::key).collect();
        if let Some(other) = targets.iter().find(|target| !known.contains(&target.key())) {
            return Err(Refusal::missing(format!("{name} does not lead to {other}")));
        }
        alias.targets.retain(|target| !unwanted.contains(&target.key()));
        if targets.is_empty() || alias.targets.is_empty() {
            self.store.alias_remove(&alias.address).await?;
        } else {
            self.store.alias_put(alias).await?;
        }
        self.people_changed().await;
        Ok(Answer::Done)
    }

    async fn alias(&self, name: &str) -> Result<Alias, Refusal> {
        let alias = self.store.alias_get(&alias_key(name)?).await?;
        alias.ok_or_else(|| Refusal::missing(format!("{name} is no alias")))
    }
}

/// `ann@here.test` or `@here.test`, as the store looks it up.
fn alias_key(name: &str) -> Result<String, Refusal> {
    let wrong = |error: &dyn std::fmt::Display| Refusal::new(RefusalKind::Wrong, format!("{name}: {error}"));
    match name.strip_prefix('@') {
        Some(domain) => {
            let domain: rohrpost_mail::Domain = domain.parse().map_err(|error| wrong(&error))?;
            Ok(format!("@{domain}"))
        }
        None => Ok(Mailbox::parse(name).map_err(|error| wrong(&error))?.key()),
    }
}

#[cfg(test)]
mod tests {
    use rohrpost_store::{Options, Store};

    use super::*;
    use crate::operator::Configured;

    #[tokio::test]
    async fn an_alias_that_leads_back_to_itself_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let operator = Operator::new(store, Configured::default(), None);
        let set = async |name: &str, target: &str| {
            operator.alias_set(name, vec![Mailbox::parse(target).unwrap()]).await.map(drop).map_err(|no| no.message)
        };
        set("a@here.test", "b@here.test").await.unwrap();
        set("b@here.test", "c@there.test").await.unwrap();
        let refusal = set("b@here.test", "A@here.test").await.unwrap_err();
        assert_eq!(refusal, "b@here.test would be a loop: b@here.test leads back to it");
        assert!(set("c@here.test", "c@here.test").await.is_err());
        assert!(set("@here.test", "nobody@here.test").await.is_err());
        set("@here.test", "a@here.test").await.unwrap();
    }
}
