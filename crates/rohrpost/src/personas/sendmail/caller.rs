//! Who calls: the user that the program runs for, and whom the message is said to come from.

use nix::unistd::{Uid, User, getegid, geteuid, getgid, getuid};
use rohrpost_mail::{Domain, LocalPart, Mailbox, ReversePath};

use crate::{
    exit::{Exit, Failure},
    personas::addresses::{self, Named},
};

/// The user who calls.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The address that this user has on this host.
    pub(super) address: Mailbox,
    /// The name in the password file; empty where there is none.
    full_name: String,
}

impl Caller {
    /// The user of this process.
    pub(super) fn current(mail_name: &Domain) -> anyhow::Result<Self> {
        let uid = getuid();
        let user = User::from_uid(uid).ok().flatten();
        let login = user.as_ref().map_or_else(|| nameless(uid), |user| user.name.clone());
        let gecos = user.map(|user| user.gecos.to_string_lossy().into_owned()).unwrap_or_default();
        let full_name = full_name(&gecos, &login);
        let local = LocalPart::new(&login)?;
        Ok(Self { address: Mailbox { local, domain: mail_name.clone().into() }, full_name })
    }

    /// The name for a From field: that of `-F`, else of the environment, else of the password file.
    pub(super) fn name(&self, option: Option<&str>) -> String {
        let environment = || std::env::var("NAME").ok().filter(|name| !name.chars().any(char::is_control));
        option.map(str::to_owned).or_else(environment).unwrap_or_else(|| self.full_name.clone())
    }
}

/// A user without an entry in the password file, as containers have them.
fn nameless(uid: Uid) -> String {
    format!("uid{uid}")
}

/// The name in the GECOS field ends at the first comma; `&` stands for the login name with a capital.
fn full_name(gecos: &str, login: &str) -> String {
    let name = gecos.split(',').next().unwrap_or_default().trim();
    let mut capital = login.to_owned();
    if let Some(first) = capital.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let name = name.replace('&', &capital);
    if name.chars().any(char::is_control) { String::new() } else { name }
}

/// Whether the program runs with rights that its caller does not have. Such a one must not choose files for it.
pub(super) fn is_elevated() -> bool {
    getuid() != geteuid() || getgid() != getegid()
}

/// What `-f` means: one address in any spelling; nothing, and empty brackets, are the null path.
pub(super) fn reverse_path(written: &str, mail_name: &Domain) -> Result<ReversePath, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("the sender {written:?}: {why}"));
    let entries = addresses::entries(written.as_bytes()).map_err(|error| wrong(&error))?;
    let entry = match entries.as_slice() {
        [] => return Ok(ReversePath::Null),
        [entry] => entry,
        _ => return Err(wrong(&"more than one address")),
    };
    match entry.named().map_err(|error| wrong(&error))? {
        Named::Mailbox(mailbox) => Ok(ReversePath::Mailbox(mailbox)),
        Named::Local(name) => {
            let mailbox = Mailbox::parse(&format!("{name}@{mail_name}")).map_err(|error| wrong(&error))?;
            Ok(ReversePath::Mailbox(mailbox))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_read_in_every_spelling() {
        let read = |written: &str| reverse_path(written, &"h.test".parse().unwrap()).map(|path| path.to_string());
        let table = [
            ("", ""),
            ("<>", ""),
            ("root", "root@h.test"),
            ("<root>", "root@h.test"),
            ("<ann@here.test>", "ann@here.test"),
            ("Ann B. <ann@here.test>", "ann@here.test"),
            ("\"a b\"@here.test", "\"a b\"@here.test"),
            ("-odd@here.test", "-odd@here.test"),
        ];
        for (written, path) in table {
            assert_eq!(read(written).unwrap(), path, "{written}");
        }
        for hostile in
            ["a> ORCPT=rfc822;x", "a@x.test> RCPT", "\"a", "a@x.test, b@x.test", "a b", "(", "a@", "a@x@y.test"]
        {
            let error = read(hostile).unwrap_err();
            assert_eq!(crate::exit::code_of(&error.into()), Exit::Usage, "{hostile}");
        }
    }

    #[test]
    fn the_full_name_ends_at_the_comma() {
        assert_eq!(full_name("Ann Example,Room 7,,", "ann"), "Ann Example");
        assert_eq!(full_name("& Example", "ann"), "Ann Example");
        assert_eq!(full_name("", "ann"), "");
        assert_eq!(full_name("Ann\r\nBcc: x", "ann"), "");
    }

    #[test]
    fn a_name_that_was_given_counts_before_the_own_one() {
        let caller = Caller { address: "ann@here.test".parse().unwrap(), full_name: "Ann".into() };
        assert_eq!(caller.name(Some("CronDaemon")), "CronDaemon");
        assert_eq!(caller.name(Some("")), "");
    }
}
