//! `[[submit.sender]]` and `[[submit.masquerade]]`: the users of this host.

use nix::unistd::{Uid, User};
use rohrpost_intake::users::{Mask, Masquerade, UserSenders, Users};
use rohrpost_mail::{Domain, LocalPart, Mailbox};
use rohrpost_queue::AddressPattern;

use super::{Notes, mail_name};
use crate::{
    config::{KeyPath, file},
    privileges,
};

impl Notes {
    /// As whom the users of this host may write, and as whom they are shown.
    pub(super) fn users(&mut self, config: &file::Config) -> Users {
        let mail_name = mail_name(config);
        let (mut senders, mut masquerade) = (Vec::new(), Vec::new());
        for (index, entry) in config.submit.sender.iter().enumerate() {
            let key = KeyPath::key("submit").then("sender").at(index);
            senders.extend(self.user_senders(&key, entry, &mail_name));
        }
        for (index, entry) in config.submit.masquerade.iter().enumerate() {
            let key = KeyPath::key("submit").then("masquerade").at(index);
            masquerade.extend(self.masquerade(&key, entry));
        }
        Users { senders, masquerade }
    }

    fn user_senders(&mut self, key: &KeyPath, entry: &file::UserSenders, mail_name: &Domain) -> Option<UserSenders> {
        let uid = self.uid(&key.then("user"), &entry.user);
        let mut addresses = self.patterns(&key.then("addresses"), &entry.addresses);
        addresses.extend(own_address(uid?, mail_name).map(AddressPattern::Mailbox));
        Some(UserSenders { uid: uid?, addresses })
    }

    fn masquerade(&mut self, key: &KeyPath, entry: &file::Masquerade) -> Option<Masquerade> {
        let from = self.value(&key.then("from"), entry.from.parse());
        let to = self.value(&key.then("to"), mask(&entry.to));
        let uid = match &entry.user {
            Some(user) => Some(self.uid(&key.then("user"), user)?),
            None => None,
        };
        Some(Masquerade { from: from?, uid, to: to? })
    }

    fn uid(&mut self, key: &KeyPath, user: &str) -> Option<u32> {
        let uid = user.parse().ok().or_else(|| privileges::uid_of(user));
        self.value(key, uid.ok_or_else(|| format!("expected a user of this host, found {user:?}")))
    }
}

/// What a user writes as who says nothing; a number without a name has no such address.
fn own_address(uid: u32, mail_name: &Domain) -> Option<Mailbox> {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten()?;
    Some(Mailbox { local: LocalPart::new(&user.name).ok()?, domain: mail_name.clone().into() })
}

fn mask(text: &str) -> Result<Mask, String> {
    let mask = match text.strip_prefix('@') {
        Some(domain) => Domain::parse(domain).ok().map(Mask::Domain),
        None => Mailbox::parse(text).ok().map(Mask::Address),
    };
    mask.ok_or_else(|| format!("expected an address or @domain, found {text:?}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(lines: &str) -> Result<Users, String> {
        let text = format!(
            "host_name = 'mx.here.test'\npostmaster = 'ann@here.test'\nsubmit.mail_name = 'here.test'\n{lines}"
        );
        let settings = crate::config::parse(Path::new("rohrpost.toml"), &text).map_err(|error| error.to_string())?;
        Ok((*settings.intake.users).clone())
    }

    #[test]
    fn users_have_names_or_numbers_and_may_always_write_as_themselves() {
        let sender = |user: &str| format!("[[submit.sender]]\nuser = '{user}'\naddresses = ['shop.test']\n");
        let users = read(&(sender("root") + &sender("64321"))).unwrap();
        let addresses = |entry: &UserSenders| entry.addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
        let of: Vec<_> = users.senders.iter().map(|entry| (entry.uid, addresses(entry))).collect();
        assert_eq!(of, [(0, vec!["shop.test".into(), "root@here.test".into()]), (64321, vec!["shop.test".into()])]);
    }

    #[test]
    fn an_address_is_shown_as_another_one_or_at_another_domain() {
        let users = read(
            "[[submit.masquerade]]\nfrom = 'root@web1.lan'\nto = 'admin@shop.test'\nuser = 'root'\n\
             [[submit.masquerade]]\nfrom = '*.lan'\nto = '@shop.test'\n",
        )
        .unwrap();
        assert_eq!(users.masquerade[0].to, Mask::Address("admin@shop.test".parse().unwrap()));
        assert_eq!((users.masquerade[0].uid, users.masquerade[1].uid), (Some(0), None));
        assert_eq!(users.masquerade[1].to, Mask::Domain("shop.test".parse().unwrap()));
    }

    #[test]
    fn what_is_none_is_named_with_its_line() {
        for (lines, fault) in [
            ("[[submit.sender]]\nuser = 'nobody-of-that-name'\naddresses = []\n", "rohrpost.toml:5"),
            ("[[submit.sender]]\nuser = 'root'\naddresses = ['a b']\n", "rohrpost.toml:6"),
            ("[[submit.masquerade]]\nfrom = 'a b'\nto = '@x.test'\n", "rohrpost.toml:5"),
            ("[[submit.masquerade]]\nfrom = '*'\nto = 'x.test'\n", "rohrpost.toml:6"),
        ] {
            let error = read(lines).unwrap_err();
            assert!(error.starts_with(fault), "{error}");
        }
    }
}
