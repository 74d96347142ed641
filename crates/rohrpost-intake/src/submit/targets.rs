//! Whom the recipients of a submission stand for.

use std::sync::Arc;

use rohrpost_mail::{AddressError, Domain, LocalPart, Mailbox, Recipient};

use super::{Denied, Refused, To, exit};
use crate::{
    aliases_file::{self, AliasError},
    intake::Config,
    limits::SUBMIT_RECIPIENTS_MAX,
};

/// A recipient, and the one that was named for it.
pub(super) struct Target {
    pub(super) asked: String,
    pub(super) recipient: Recipient,
}

/// Follows the host's aliases. Recipients that they refuse come second.
pub(super) async fn expand(config: &Arc<Config>, named: Vec<To>) -> Result<(Vec<Target>, Vec<Denied>), Refused> {
    if named.len() > SUBMIT_RECIPIENTS_MAX {
        return Err(exit::too_many());
    }
    let config = config.clone();
    // Aliases are files, and what they include may lie on a slow disk.
    let expanded = tokio::task::spawn_blocking(move || expand_all(&config, named)).await;
    expanded.unwrap_or_else(|_| Err(exit::no_aliases(&AliasError::Unreadable(std::io::ErrorKind::Interrupted))))
}

fn expand_all(config: &Config, named: Vec<To>) -> Result<(Vec<Target>, Vec<Denied>), Refused> {
    let (mut targets, mut denied) = (Vec::new(), Vec::new());
    for to in named {
        let address = qualified(&to.address, &config.settings.mail_name).map_err(|_| exit::no_address(&to.address))?;
        let recipient = Recipient { address, orcpt: to.orcpt, notify: to.notify };
        match expand_one(config, &recipient.address) {
            Ok(addresses) => targets.extend(addresses.into_iter().map(|address| Target {
                asked: to.address.clone(),
                recipient: Recipient { address, ..recipient.clone() },
            })),
            Err(error @ AliasError::Unreadable(_)) => return Err(exit::no_aliases(&error)),
            Err(error) => denied.push(Denied { asked: to.address, ..exit::denied_by_alias(recipient, &error) }),
        }
        if targets.len() > SUBMIT_RECIPIENTS_MAX {
            return Err(exit::too_many());
        }
    }
    Ok((targets, denied))
}

/// An address; a bare name is one at the host's mail name.
fn qualified(text: &str, mail_name: &Domain) -> Result<Mailbox, AddressError> {
    if text.contains('@') { Mailbox::parse(text) } else { at(text, mail_name) }
}

fn at(name: &str, mail_name: &Domain) -> Result<Mailbox, AddressError> {
    Ok(Mailbox { local: LocalPart::new(name)?, domain: mail_name.clone().into() })
}

fn expand_one(config: &Config, address: &Mailbox) -> Result<Vec<Mailbox>, AliasError> {
    let is_own = |address: &Mailbox| is_own(config, address);
    let Some(aliases) = config.aliases.as_ref().filter(|_| is_own(address)) else { return Ok(vec![address.clone()]) };
    let Some(targets) = aliases.expand(address.local.as_str(), &is_own)? else { return Ok(vec![address.clone()]) };
    let mail_name = &config.settings.mail_name;
    let address = |target| match target {
        aliases_file::Target::Address(address) => address,
        aliases_file::Target::Name(name) => {
            at(&name, mail_name).expect("the file holds only names that are local parts")
        }
    };
    Ok(targets.into_iter().map(address).collect())
}

/// Whether names at this domain are names of this host.
fn is_own(config: &Config, address: &Mailbox) -> bool {
    let settings = &config.settings;
    let own =
        |name: &Domain| *name == settings.mail_name || *name == settings.host_name || name.as_str() == "localhost";
    address.domain.name().is_some_and(own)
}
