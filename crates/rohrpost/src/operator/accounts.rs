//! Accounts.

use std::collections::HashSet;

use rohrpost_intake::new_password;
use rohrpost_mail::{Mailbox, Secret};
use rohrpost_store::{Account, Allowance, AppPassword, mailbox::Quota};

use super::Operator;
use crate::control::{
    AccountChange, AccountRow, Answer, LimitRow, NewAccount, QuotaRow, Refusal, RefusalKind, RoomRow,
};

/// The label of the password that an account starts with.
const FIRST_LABEL: &str = "main";

/// Octets of a label.
const LABEL_BYTES_MAX: usize = 100;

impl Operator {
    pub(super) async fn account_add(&self, new: NewAccount, password: &Secret) -> Result<Answer, Refusal> {
        let login = new.name.key();
        if self.store.account_get(&login).await?.is_some() {
            return Err(Refusal::new(RefusalKind::Wrong, format!("{login} exists already")));
        }
        let mut addresses = vec![new.name];
        addresses.extend(new.addresses);
        self.check_no_alias(&addresses).await?;
        let secrets = with_password(Vec::new(), FIRST_LABEL, password).await?;
        let account = Account {
            login,
            addresses,
            domains: Vec::new(),
            class: new.class,
            secrets,
            language: new.language,
            quota: Allowance::Inherited,
            disabled: false,
        };
        self.store.account_put(account).await?;
        self.people_changed().await;
        Ok(Answer::Done)
    }

    pub(super) async fn account_list(&self) -> Result<Answer, Refusal> {
        let domains = self.store.domain_list().await?;
        let suspended = domains.into_iter().filter(|domain| domain.disabled).map(|domain| domain.name);
        let suspended: HashSet<_> = suspended.collect();
        let mut rows = Vec::new();
        for account in self.store.account_list().await? {
            let domain = account.login.rsplit_once('@').map(|(_, domain)| domain);
            rows.push(AccountRow {
                domain_disabled: domain.is_some_and(|domain| suspended.contains(domain)),
                room: self.room(&account.login).await?,
                name: account.login,
                addresses: account.addresses,
                class: account.class,
                language: account.language,
                passwords: account.secrets.into_iter().map(|secret| secret.label).collect(),
                disabled: account.disabled,
            });
        }
        Ok(Answer::Accounts(rows))
    }

    pub(super) async fn quota(&self, account: Option<Mailbox>) -> Result<Answer, Refusal> {
        let accounts = match account {
            Some(account) => vec![self.owner(&account).await?],
            None => self.store.account_list().await?,
        };
        let mut rows = Vec::with_capacity(accounts.len());
        for Account { login, .. } in accounts {
            rows.push(QuotaRow { room: self.room(&login).await?, account: login });
        }
        Ok(Answer::Quotas(rows))
    }

    async fn room(&self, login: &str) -> Result<RoomRow, Refusal> {
        let Quota { messages, octets, octets_max, said_by } = self.store.mailbox_quota(login).await?;
        Ok(RoomRow { messages, octets, limit: LimitRow { octets_max, said_by } })
    }

    pub(super) async fn account_remove(&self, name: &Mailbox, keep_mail: bool) -> Result<Answer, Refusal> {
        if !self.store.account_remove(&name.key()).await? {
            return Err(no_account(name));
        }
        self.people_changed().await;
        if !keep_mail {
            self.store.mailboxes_forget(&name.key()).await?;
        }
        Ok(Answer::Done)
    }

    pub(super) async fn account_rename(
        &self,
        name: &Mailbox,
        new: Mailbox,
        drop_address: bool,
    ) -> Result<Answer, Refusal> {
        let mut account = self.account(name).await?;
        let login = new.key();
        if login != account.login && self.store.account_get(&login).await?.is_some() {
            return Err(Refusal::new(RefusalKind::Wrong, format!("{new} is an account already")));
        }
        if !account.addresses.iter().any(|known| known.key() == login) {
            self.check_no_alias(std::slice::from_ref(&new)).await?;
        }
        account.addresses.retain(|known| known.key() != login && !(drop_address && known.key() == name.key()));
        account.addresses.insert(0, new);
        account.login = login;
        if !self.store.account_rename(&name.key(), account).await? {
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
        replace: bool,
    ) -> Result<Answer, Refusal> {
        let mut account = self.account(name).await?;
        if !replace && account.secrets.iter().any(|secret| secret.label == label) {
            let message = format!("{name} has a password for {label:?}: remove it first, or use another label");
            return Err(Refusal::new(RefusalKind::Wrong, message));
        }
        check_label(label)?;
        account.secrets = with_password(account.secrets, label, password).await?;
        self.store.account_put(account).await?;
        self.people_changed().await;
        self.account_unlock(name).await
    }

    pub(super) async fn account_change(&self, name: &Mailbox, change: AccountChange) -> Result<Answer, Refusal> {
        let mut account = self.account(name).await?;
        match change {
            AccountChange::Quota(quota) => account.quota = quota,
            AccountChange::Disabled(disabled) => account.disabled = disabled,
            AccountChange::Addresses { add, remove } => {
                self.check_no_alias(&add).await?;
                change_addresses(&mut account, add, &remove)?;
            }
            AccountChange::WithoutPassword(label) => {
                let before = account.secrets.len();
                account.secrets.retain(|secret| secret.label != label);
                if account.secrets.len() == before {
                    return Err(Refusal::missing(format!("{name} has no password for {label:?}")));
                }
            }
        }
        self.store.account_put(account).await?;
        self.people_changed().await;
        Ok(Answer::Done)
    }

    /// Refuses addresses of aliases: their mail would go to the account instead, without a word.
    async fn check_no_alias(&self, addresses: &[Mailbox]) -> Result<(), Refusal> {
        for address in addresses {
            if self.store.alias_get(&address.key()).await?.is_some() {
                let message = format!("{address} is an alias: `rohrpost alias remove {address}` first");
                return Err(Refusal::new(RefusalKind::Wrong, message));
            }
        }
        Ok(())
    }

    async fn account(&self, name: &Mailbox) -> Result<Account, Refusal> {
        self.store.account_get(&name.key()).await?.ok_or_else(|| no_account(name))
    }

    pub(super) async fn account_unlock(&self, name: &Mailbox) -> Result<Answer, Refusal> {
        let account = self.account(name).await?;
        if let Some(live) = &self.live {
            live.unlock(&account.login);
        }
        Ok(Answer::Done)
    }
}

fn no_account(name: &Mailbox) -> Refusal {
    Refusal::missing(format!("there is no account {name}"))
}

/// A label is a word or a few on one line, as lists show it.
fn check_label(label: &str) -> Result<(), Refusal> {
    if label.is_empty() || label.len() > LABEL_BYTES_MAX || label.chars().any(char::is_control) {
        let message = format!("expected a label of 1 to {LABEL_BYTES_MAX} octets, found {label:?}");
        return Err(Refusal::new(RefusalKind::Wrong, message));
    }
    Ok(())
}

/// Adds and removes addresses. One stays: an account nobody can write to is a mistake.
fn change_addresses(account: &mut Account, add: Vec<Mailbox>, remove: &[Mailbox]) -> Result<(), Refusal> {
    for address in remove {
        let before = account.addresses.len();
        account.addresses.retain(|known| known.key() != address.key());
        if account.addresses.len() == before {
            return Err(Refusal::missing(format!("{address} is no address of {}", account.login)));
        }
    }
    for address in add {
        if !account.addresses.iter().any(|known| known.key() == address.key()) {
            account.addresses.push(address);
        }
    }
    if account.addresses.is_empty() {
        let message = format!("{} would have no address left: `account suspend` keeps it out", account.login);
        return Err(Refusal::new(RefusalKind::Wrong, message));
    }
    Ok(())
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
