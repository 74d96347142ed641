//! Accounts and aliases.

use std::collections::BTreeSet;

use rohrpost_intake::new_password;
use rohrpost_mail::{Mailbox, Secret};
use rohrpost_store::{Account, Alias, AppPassword, Resolved};

use super::Operator;
use crate::control::{AccountRow, AliasRow, Answer, NewAccount, Refusal, RefusalKind};

/// The label of the password that an account starts with.
const FIRST_LABEL: &str = "main";

impl Operator {
    pub(super) async fn account_add(&self, new: NewAccount, password: &Secret) -> Result<Answer, Refusal> {
        let login = new.name.key();
        if self.store.account_get(&login).await?.is_some() {
            return Err(Refusal::new(RefusalKind::Wrong, format!("{login} exists already")));
        }
        let mut addresses = vec![new.name];
        addresses.extend(new.addresses);
        let secrets = with_password(Vec::new(), FIRST_LABEL, password).await?;
        let account = Account {
            login,
            addresses,
            domains: Vec::new(),
            class: new.class,
            secrets,
            language: new.language,
            disabled: false,
        };
        self.store.account_put(account).await?;
        self.people_changed().await;
        Ok(Answer::Done)
    }

    pub(super) async fn account_list(&self) -> Result<Answer, Refusal> {
        let row = |account: Account| AccountRow {
            name: account.login,
            addresses: account.addresses,
            class: account.class,
            language: account.language,
            passwords: account.secrets.into_iter().map(|secret| secret.label).collect(),
            disabled: account.disabled,
        };
        Ok(Answer::Accounts(self.store.account_list().await?.into_iter().map(row).collect()))
    }

    pub(super) async fn account_remove(&self, name: &Mailbox) -> Result<Answer, Refusal> {
        if !self.store.account_remove(&name.key()).await? {
            return Err(no_account(name));
        }
        self.people_changed().await;
        Ok(Answer::Done)
    }

    pub(super) async fn account_password(
        &self,
        name: &Mailbox,
        label: &str,
        password: &Secret,
    ) -> Result<Answer, Refusal> {
        let mut account = self.store.account_get(&name.key()).await?.ok_or_else(|| no_account(name))?;
        account.secrets = with_password(account.secrets, label, password).await?;
        self.store.account_put(account).await?;
        self.people_changed().await;
        self.account_unlock(name).await
    }

    pub(super) async fn account_unlock(&self, name: &Mailbox) -> Result<Answer, Refusal> {
        let account = self.store.account_get(&name.key()).await?.ok_or_else(|| no_account(name))?;
        if let Some(live) = &self.live {
            live.unlock(&account.login);
        }
        Ok(Answer::Done)
    }

    pub(super) async fn alias_set(&self, name: &str, targets: Vec<Mailbox>) -> Result<Answer, Refusal> {
        let address = alias_key(name)?;
        self.check_loop(&address, &targets).await?;
        self.store.alias_put(Alias { address, targets }).await?;
        self.people_changed().await;
        Ok(Answer::Done)
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
                Resolved::Account(_) => continue,
                Resolved::Alias(next) => (is_it, next),
                Resolved::CatchAll(next) => (is_it || format!("@{}", target.domain) == address, next),
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
        let row = |alias: Alias| AliasRow { name: alias.address, targets: alias.targets };
        Ok(Answer::Aliases(self.store.alias_list().await?.into_iter().map(row).collect()))
    }

    pub(super) async fn alias_remove(&self, name: &str) -> Result<Answer, Refusal> {
        if !self.store.alias_remove(&alias_key(name)?).await? {
            return Err(Refusal::missing(format!("{name} is no alias")));
        }
        self.people_changed().await;
        Ok(Answer::Done)
    }
}

fn no_account(name: &Mailbox) -> Refusal {
    Refusal::missing(format!("there is no account {name}"))
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

/// The passwords of an account with this one set: it takes the place of the one with the same label.
async fn with_password(
    mut secrets: Vec<AppPassword>,
    label: &str,
    password: &Secret,
) -> Result<Vec<AppPassword>, Refusal> {
    let wrong = |error| Refusal::new(RefusalKind::Wrong, format!("the password: {error}"));
    let password = Secret::new(rohrpost_sasl::prep::password(password.expose()).map_err(wrong)?);
    let label = label.to_owned();
    let hash = move || {
        secrets.retain(|secret| secret.label != label);
        let made = new_password(&label, &password, &secrets);
        secrets.push(made);
        secrets
    };
    let failed = |error: tokio::task::JoinError| Refusal::new(RefusalKind::Ours, error.to_string());
    tokio::task::spawn_blocking(hash).await.map_err(failed)
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
