//! Local domains.

use rohrpost_mail::Domain;
use rohrpost_store::{LocalDomain, Moved};

use super::Operator;
use crate::control::{Answer, DomainChange, DomainRow, LimitRow, Refusal, RefusalKind, Renamed};

impl Operator {
    pub(super) async fn domain_add(&self, name: &Domain) -> Result<Answer, Refusal> {
        check_name(name)?;
        if self.store.domain_get(name.as_str()).await?.is_none() {
            self.store.domain_put(LocalDomain { name: name.to_string(), ..LocalDomain::default() }).await?;
            self.people_changed().await;
        }
        Ok(Answer::Done)
    }

    /// Those of the configuration first. One that is in the store, too, is shown once.
    pub(super) async fn domain_list(&self) -> Result<Answer, Refusal> {
        let configured = self.configured().domains;
        let mut stored = self.store.domain_list().await?;
        let mut rows = Vec::with_capacity(configured.len() + stored.len());
        for domain in configured {
            let place = stored.iter().position(|known| known.name == domain.as_str());
            let known = place.map(|place| stored.remove(place));
            let known = known.unwrap_or_else(|| LocalDomain { name: domain.to_string(), ..LocalDomain::default() });
            rows.push(self.domain_row(known, true).await?);
        }
        for domain in stored {
            rows.push(self.domain_row(domain, false).await?);
        }
        Ok(Answer::Domains(rows))
    }

    async fn domain_row(&self, domain: LocalDomain, configured: bool) -> Result<DomainRow, Refusal> {
        let (octets_max, said_by) = self.store.domain_quota(&domain.name).await?;
        let limit = LimitRow { octets_max, said_by };
        Ok(DomainRow { name: domain.name, configured, disabled: domain.disabled, limit })
    }

    pub(super) async fn domain_remove(&self, name: &Domain) -> Result<Answer, Refusal> {
        if self.is_configured(name) {
            let message = format!("{name} stands in the configuration: remove it there");
            return Err(Refusal::new(RefusalKind::Wrong, message));
        }
        if !self.store.domain_remove(name.as_str()).await? {
            return Err(no_domain(name));
        }
        self.people_changed().await;
        Ok(Answer::Done)
    }

    pub(super) async fn domain_rename(
        &self,
        name: &Domain,
        new: &Domain,
        drop_addresses: bool,
    ) -> Result<Answer, Refusal> {
        if self.is_configured(name) {
            let message = format!(
                "{name} stands in the configuration: `rohrpost domain add {name}`, take it out there, then rename it"
            );
            return Err(Refusal::new(RefusalKind::Wrong, message));
        }
        check_name(new)?;
        if self.is_configured(new) || self.store.domain_get(new.as_str()).await?.is_some() {
            return Err(Refusal::new(RefusalKind::Wrong, format!("{new} is a local domain already")));
        }
        let moved = self.store.domain_rename(name, new, !drop_addresses).await?;
        let Moved { accounts, aliases } = moved.ok_or_else(|| no_domain(name))?;
        self.people_changed().await;
        Ok(Answer::Renamed(Renamed { accounts, aliases }))
    }

    pub(super) async fn domain_change(&self, name: &Domain, change: DomainChange) -> Result<Answer, Refusal> {
        let Some(mut domain) = self.store.domain_get(name.as_str()).await? else {
            if !self.is_configured(name) {
                return Err(no_domain(name));
            }
            let message = format!("{name} stands in the configuration alone: `rohrpost domain add {name}` first");
            return Err(Refusal::new(RefusalKind::Wrong, message));
        };
        match change {
            DomainChange::Disabled(disabled) => domain.disabled = disabled,
            DomainChange::Quota(quota) => domain.quota = quota,
        }
        self.store.domain_put(domain).await?;
        self.people_changed().await;
        Ok(Answer::Done)
    }

    fn is_configured(&self, name: &Domain) -> bool {
        self.configured().domains.contains(name)
    }
}

/// Refuses what mail cannot be addressed to (RFC 5321 §4.1.2): other signs than letters, digits and hyphens, and what
/// everybody takes for an address of a host.
fn check_name(name: &Domain) -> Result<(), Refusal> {
    let is_number = |label: &str| label.bytes().all(|octet| octet.is_ascii_digit());
    let why = if name.as_str().rsplit('.').next().is_some_and(is_number) {
        "a domain does not end with a number"
    } else if name.as_str().contains('_') {
        "a mail domain has letters, digits and hyphens only"
    } else {
        return Ok(());
    };
    Err(Refusal::new(RefusalKind::Wrong, format!("{name}: {why}")))
}

fn no_domain(name: &Domain) -> Refusal {
    Refusal::missing(format!("{name} is no local domain"))
}
