//! Faults by address, to see how a program takes them. Pure.
//!
//! | the part before the `@` | what happens |
//! |---|---|
//! | `temperror` | 451 4.3.0 |
//! | `permerror` | 550 5.0.0 |
//! | `451`, or another code from 400 to 599 | that code |
//! | `timeout` | no reply, for an hour |
//!
//! It may end with these, too: `ann-temperror`; a code then stands behind a character that is no letter and no digit, so that
//! `user500` is nobody special. They show behind the message. With `mailfrom` in front, as in `mailfrom-temperror`, it
//! is the reply to MAIL that a sender gets, with `rcptto` in front the one to RCPT that a recipient gets. The words are those
//! of mox's `localserve`.

use rohrpost_mail::{Mailbox, Reply};

/// What goes wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// This reply.
    Reply(Reply),
    /// No reply.
    Silence,
}

/// Where it goes wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Moment {
    /// At MAIL.
    Mail,
    /// At RCPT.
    Rcpt,
    /// Behind the message.
    Dot,
}

impl Moment {
    /// What an address asks for at this moment.
    pub(super) fn fault(self, address: &Mailbox) -> Option<Fault> {
        let local = address.local.as_str().to_ascii_lowercase();
        let (moment, rest) = if let Some(rest) = local.strip_prefix("mailfrom") {
            (Self::Mail, rest)
        } else if let Some(rest) = local.strip_prefix("rcptto") {
            (Self::Rcpt, rest)
        } else {
            (Self::Dot, &*local)
        };
        if moment == self { asked(rest) } else { None }
    }
}

fn asked(local: &str) -> Option<Fault> {
    let reply = |code, subject| Some(Fault::Reply(Reply::with(code, subject, 0, "As the address asks for")));
    match local {
        _ if local.ends_with("temperror") => reply(451, 3),
        _ if local.ends_with("permerror") => reply(550, 0),
        _ if local.ends_with("timeout") => Some(Fault::Silence),
        _ => code(local).and_then(|code| reply(code, 0)),
    }
}

fn code(local: &str) -> Option<u16> {
    let (before, digits) = local.split_at_checked(local.len().checked_sub(3)?)?;
    let is_apart = before.chars().next_back().is_none_or(|char| !char.is_alphanumeric());
    let is_code = matches!(digits.as_bytes(), [b'4' | b'5', b'0'..=b'9', b'0'..=b'9']);
    digits.parse().ok().filter(|_| is_apart && is_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each moment says, in one line.
    fn faults(local: &str) -> String {
        let address = format!("{local}@x.test").parse().unwrap();
        let fault = |moment: Moment| match moment.fault(&address) {
            Some(Fault::Reply(reply)) => format!("{moment:?} {}", reply.code),
            Some(Fault::Silence) => format!("{moment:?} silence"),
            None => String::new(),
        };
        [Moment::Mail, Moment::Rcpt, Moment::Dot].map(fault).concat()
    }

    #[test]
    fn the_end_of_the_address_says_what_and_its_start_says_where() {
        let cases = [
            ("temperror", "Dot 451"),
            ("Ann-PermError", "Dot 550"),
            ("timeout", "Dot silence"),
            ("421", "Dot 421"),
            ("ann.599", "Dot 599"),
            ("mailfrom-451", "Mail 451"),
            ("mailfromtimeout", "Mail silence"),
            ("rcptto552", "Rcpt 552"),
            ("rcptto-ann-permerror", "Rcpt 550"),
        ];
        for (local, expected) in cases {
            assert_eq!(faults(local), expected, "{local}");
        }
    }

    #[test]
    fn nobody_else_is_special() {
        for local in ["ann", "user500", "399", "600", "45", "4511", "5", "temperror-not", "mailfrom", "ü451", "\"ö5\""]
        {
            assert_eq!(faults(local), "", "{local}");
        }
    }
}
