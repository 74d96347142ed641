//! The users of this host: as whom their programs may write, and as whom they are shown to the world.
//!
//! A program of this host may name any sender, as with every sendmail: websites and mailing lists depend on it. The
//! operator can narrow that for single users ([`UserSenders`]), and can have the names that only this host knows replaced
//! ([`Masquerade`]), so that mail of `root@web1.lan` can be answered. What a user claims is checked first, then it is
//! replaced; the reverse path, From, Sender, Reply-To and their Resent twins have the same rules.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use rohrpost_mail::{
    Domain, Mailbox, ReversePath, address_list,
    header::{self, Field},
};
use rohrpost_queue::AddressPattern;

use crate::{author, refusal::Refusal};

/// The fields in which addresses are replaced.
const SHOWN: [&str; 5] = ["From", "Sender", "Reply-To", "Resent-From", "Resent-Sender"];

/// `[[submit.sender]]`: a user who may not write as everybody.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserSenders {
    /// The user, by number as the kernel says.
    pub uid: u32,
    /// The addresses that this user may write as.
    pub addresses: Vec<AddressPattern>,
}

/// `[[submit.masquerade]]`: an address that is not shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Masquerade {
    /// Which addresses.
    pub from: AddressPattern,
    /// In whose mail; in everybody's where it is unset.
    pub uid: Option<u32>,
    /// What is shown in their place.
    pub to: Mask,
}

/// What is shown in the place of an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mask {
    /// Another address.
    Address(Mailbox),
    /// The same name at another domain.
    Domain(Domain),
}

impl Mask {
    fn of(&self, address: &Mailbox) -> Mailbox {
        match self {
            Self::Address(shown) => shown.clone(),
            Self::Domain(domain) => Mailbox { local: address.local.clone(), domain: domain.clone().into() },
        }
    }
}

/// All that is set about users.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Users {
    /// Those who may not write as everybody. Several entries of one user add up.
    pub senders: Vec<UserSenders>,
    /// What is not shown; the first entry that fits wins.
    pub masquerade: Vec<Masquerade>,
}

impl Users {
    /// The reverse path as it goes out. The null path speaks for nobody, so everybody may use it.
    ///
    /// # Errors
    /// This user may not write as that address.
    pub(crate) fn path(&self, uid: u32, path: ReversePath) -> Result<ReversePath, Refusal> {
        let ReversePath::Mailbox(address) = path else { return Ok(path) };
        if !self.may_write_as(uid, &address) {
            return Err(foreign(uid, &address));
        }
        Ok(ReversePath::Mailbox(self.shown(uid, &address).unwrap_or(address)))
    }

    /// The header as it goes out.
    ///
    /// # Errors
    /// It speaks for an address that this user may not write as.
    pub(crate) fn header<'a>(&self, uid: u32, head: &'a [u8]) -> Result<Cow<'a, [u8]>, Refusal> {
        if self.senders.iter().any(|entry| entry.uid == uid) {
            let foreign = |address: &Mailbox| (!self.may_write_as(uid, address)).then(|| foreign(uid, address));
            author::check_each(head, foreign)?;
        }
        if !self.masquerade.iter().any(|entry| entry.is_for(uid)) {
            return Ok(Cow::Borrowed(head));
        }
        let mut out = Vec::with_capacity(head.len());
        for field in header::fields(head) {
            match self.shown_value(uid, &field) {
                Some(value) => {
                    out.extend_from_slice(&field.raw[..field.raw.len() - field.value.len()]);
                    out.extend_from_slice(&value);
                }
                None => out.extend_from_slice(field.raw),
            }
        }
        Ok(Cow::Owned(out))
    }

    fn may_write_as(&self, uid: u32, address: &Mailbox) -> bool {
        let mut entries = self.senders.iter().filter(|entry| entry.uid == uid).peekable();
        entries.peek().is_none()
            || entries.any(|entry| entry.addresses.iter().any(|pattern| pattern.fits_mailbox(address)))
    }

    /// What is shown in the place of an address, where it is not the address itself.
    fn shown(&self, uid: u32, address: &Mailbox) -> Option<Mailbox> {
        let mut entries = self.masquerade.iter().filter(|entry| entry.is_for(uid));
        let entry = entries.find(|entry| entry.from.fits_mailbox(address))?;
        Some(entry.to.of(address)).filter(|shown| shown.key() != address.key())
    }

    /// The value of a field with other addresses in it; nothing where none is replaced. A list that cannot be read stays
    /// as it is.
    fn shown_value(&self, uid: u32, field: &Field<'_>) -> Option<Vec<u8>> {
        if !SHOWN.iter().any(|name| field.is(name)) {
            return None;
        }
        let addresses = address_list::mailboxes(&field.unfolded()).ok()?;
        let replaced = addresses.iter().filter_map(|address| Some((word(address), self.shown(uid, address)?)));
        let replaced: HashMap<String, Mailbox> = replaced.collect();
        if replaced.is_empty() {
            return None;
        }
        let value = in_place(field.value, &replaced);
        Some(value.unwrap_or_else(|| {
            let shown = addresses.iter().map(|address| self.shown(uid, address).unwrap_or_else(|| address.clone()));
            let shown: Vec<String> = shown.map(|address| address.to_string()).collect();
            format!(" {}\r\n", shown.join(",\r\n ")).into_bytes()
        }))
    }
}

impl Masquerade {
    fn is_for(&self, uid: u32) -> bool {
        self.uid.is_none_or(|wanted| wanted == uid)
    }
}

fn foreign(uid: u32, address: &Mailbox) -> Refusal {
    Refusal::FromNotYours(format!("User {uid} of this host may not write as {address}").into())
}

/// An address as it stands in a list, in any case.
fn word(address: &Mailbox) -> String {
    address.to_string().to_ascii_lowercase()
}

/// The octets of a list with each address replaced where it stands, names and comments kept. Nothing where one of them is
/// written in another way, such as with quotes that it does not need.
fn in_place(value: &[u8], replaced: &HashMap<String, Mailbox>) -> Option<Vec<u8>> {
    let (mut out, mut rest, mut found) = (Vec::with_capacity(value.len()), value, HashSet::new());
    while !rest.is_empty() {
        let end = rest.iter().position(|octet| b" \t\r\n<>()[],:;\"".contains(octet)).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        let key = String::from_utf8_lossy(piece).to_ascii_lowercase();
        if let Some(shown) = replaced.get(&key) {
            out.extend_from_slice(shown.to_string().as_bytes());
            found.insert(key);
        } else {
            out.extend_from_slice(piece);
        }
        let (between, behind) = behind.split_at(behind.len().min(1));
        out.extend_from_slice(between);
        rest = behind;
    }
    (found.len() == replaced.len()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WWW: u32 = 33;

    fn users() -> Users {
        let mask = |from: &str, uid, to| Masquerade { from: from.parse().unwrap(), uid, to };
        Users {
            senders: vec![UserSenders { uid: WWW, addresses: vec!["shop.test".parse().unwrap()] }],
            masquerade: vec![
                mask("root@web1.lan", Some(WWW), Mask::Address("shop@shop.test".parse().unwrap())),
                mask("root@web1.lan", None, Mask::Address("admin@shop.test".parse().unwrap())),
                mask("*.lan", None, Mask::Domain("shop.test".parse().unwrap())),
            ],
        }
    }

    fn path(uid: u32, path: &str) -> Result<String, Refusal> {
        users().path(uid, path.parse().unwrap()).map(|path| path.to_string())
    }

    fn header(uid: u32, head: &str) -> Result<String, Refusal> {
        users().header(uid, head.as_bytes()).map(|head| String::from_utf8(head.into_owned()).unwrap())
    }

    #[test]
    fn a_user_with_senders_writes_as_these_only_and_others_as_anybody() {
        assert_eq!(path(WWW, "ann@shop.test").unwrap(), "ann@shop.test");
        assert_eq!(path(WWW, "").unwrap(), "");
        assert_eq!(path(WWW, "boss@bank.test").unwrap_err().reply().code, 550);
        assert_eq!(path(0, "boss@bank.test").unwrap(), "boss@bank.test");
        assert!(header(WWW, "From: Ann <ann@shop.test>\r\nReply-To: boss@bank.test\r\n").is_ok());
        for head in
            ["From: boss@bank.test\r\n", "From: ann@shop.test\r\nSender: boss@bank.test\r\n", "From: broken <\r\n"]
        {
            assert!(header(WWW, head).is_err(), "{head}");
            assert!(header(0, head).is_ok(), "{head}");
        }
    }

    #[test]
    fn the_first_entry_that_fits_says_what_is_shown() {
        assert_eq!(path(0, "root@web1.lan").unwrap(), "admin@shop.test");
        assert_eq!(path(0, "ann@web2.lan").unwrap(), "ann@shop.test");
        assert_eq!(path(0, "ann@there.test").unwrap(), "ann@there.test");
        let users = Users { senders: Vec::new(), ..users() };
        assert_eq!(users.path(WWW, "root@web1.lan".parse().unwrap()).unwrap().to_string(), "shop@shop.test");
    }

    #[test]
    fn addresses_are_replaced_where_they_stand_and_all_else_is_kept() {
        let table = [
            ("From: root@web1.lan (Cron Daemon)\r\n", "From: admin@shop.test (Cron Daemon)\r\n"),
            (
                "from : \"R, T\" <ROOT@web1.lan>,\r\n\tAnn <ann@there.test>\r\n",
                "from : \"R, T\" <admin@shop.test>,\r\n\tAnn <ann@there.test>\r\n",
            ),
            ("Reply-To: g: a@x.lan, b@y.lan;\r\n", "Reply-To: g: a@shop.test, b@shop.test;\r\n"),
            ("From: not-root@web1.lan\r\n", "From: not-root@shop.test\r\n"),
            ("From: o'neil@web1.lan\r\n", "From: o'neil@shop.test\r\n"),
            ("From: \"root@web1.lan\" <root@web1.lan>\r\n", "From: \"admin@shop.test\" <admin@shop.test>\r\n"),
            ("From: \"root\"@web1.lan (x), a@x.lan\r\n", "From: admin@shop.test,\r\n a@shop.test\r\n"),
            ("To: root@web1.lan\r\nSubject: root@web1.lan\r\n", "To: root@web1.lan\r\nSubject: root@web1.lan\r\n"),
            ("From: broken <root@web1.lan\r\n", "From: broken <root@web1.lan\r\n"),
        ];
        for (head, shown) in table {
            assert_eq!(header(0, head).unwrap(), shown, "{head}");
        }
    }

    #[test]
    fn a_header_is_not_copied_where_nothing_is_replaced() {
        let plain = Users::default();
        assert!(matches!(plain.header(0, b"From: x@y.test\r\n").unwrap(), Cow::Borrowed(_)));
    }
}
