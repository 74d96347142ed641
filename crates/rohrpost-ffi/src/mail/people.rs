//! Addresses: texts as in a header, or a name and an address side by side.

use std::fmt;

use rohrpost_mail::{Mailbox, address_list};
use rohrpost_sender::Addresses;
use serde::Deserialize;

use crate::{
    fault::Fault,
    json::{Many, Short},
};

/// One address, or, where there is no name beside it, a text that may list several.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    name: Option<String>,
    address: String,
}

impl Short for Person {
    const EXPECTED: &str = "an address, or an object with name and address";

    fn short(address: String) -> Self {
        Self { name: None, address }
    }
}

impl From<Person> for Addresses {
    fn from(Person { name, address }: Person) -> Self {
        match name {
            Some(name) => (name, address).into(),
            None => address.into(),
        }
    }
}

impl From<Many<Person>> for Addresses {
    fn from(Many(people): Many<Person>) -> Self {
        people.into()
    }
}

/// The bare addresses, for an envelope.
pub(super) fn mailboxes(name: &str, Many(people): Many<Person>) -> Result<Vec<Mailbox>, Fault> {
    let mut all = Vec::new();
    for (place, person) in people.iter().enumerate() {
        let wrong = |error: &dyn fmt::Display| Fault::value(format!("{name}[{place}]"), error);
        match &person.name {
            Some(_) => all.push(Mailbox::parse(&person.address).map_err(|error| wrong(&error))?),
            None => all.extend(address_list::mailboxes(&person.address).map_err(|error| wrong(&error))?),
        }
    }
    Ok(all)
}
