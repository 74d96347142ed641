//! Questions to DNS, each with a time limit of its own: a session must not wait for a dead resolver.

use std::{net::IpAddr, time::Duration};

use rohrpost_dns::{AddressName, Resolver, SenderDomain};
use rohrpost_mail::Domain;

use crate::{limits::NAME_TIMEOUT, refusal::Refusal};

/// How long a sender's domain is looked for: within the five minutes that clients wait for the reply to MAIL.
const SENDER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the domain of an account's recipient is looked for; delivery finds out anyway.
const RECIPIENT_TIMEOUT: Duration = Duration::from_secs(2);

/// The name an address resolves to and back, as far as DNS says it in time.
pub(crate) async fn of_peer(resolver: &Resolver, address: IpAddr) -> AddressName {
    tokio::time::timeout(NAME_TIMEOUT, resolver.ptr(address)).await.unwrap_or(AddressName::Unknown)
}

/// Refuses senders whom nobody could answer.
pub(crate) async fn check_sender(resolver: &Resolver, domain: &Domain) -> Result<(), Refusal> {
    let asked = tokio::time::timeout(SENDER_TIMEOUT, resolver.sender_domain(domain)).await;
    match asked.unwrap_or(SenderDomain::Unknown) {
        SenderDomain::Fine => Ok(()),
        SenderDomain::NullMx => Err(Refusal::SenderNullMx),
        SenderDomain::Missing => Err(Refusal::SenderMissing),
        SenderDomain::Unknown => Err(Refusal::SenderUnknown),
    }
}

/// Refuses recipients whose domain says that it takes no mail, so that the writer of a typing error learns it at once.
pub(crate) async fn check_recipient(resolver: &Resolver, domain: &Domain) -> Result<(), Refusal> {
    match tokio::time::timeout(RECIPIENT_TIMEOUT, resolver.sender_domain(domain)).await {
        Ok(SenderDomain::NullMx) => Err(Refusal::RecipientNullMx),
        _ => Ok(()),
    }
}
