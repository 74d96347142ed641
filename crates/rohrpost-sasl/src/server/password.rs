//! The mechanisms that show the server the password: PLAIN and LOGIN.

use std::mem;

use rohrpost_mail::Secret;

use super::{Input, Step};
use crate::{limits::USER_BYTES_MAX, prep};

/// PLAIN (RFC 4616): `[authzid] NUL authcid NUL passwd` in one message.
///
/// ```text
///              Start             Response                    Password
///   ┌─ Waiting ─────► (empty     ────────► Checking ─────────────────► Over
///   │                 challenge)              ▲
///   └──────────────── Response ───────────────┘
/// ```
#[derive(Default)]
pub(super) enum Plain {
    #[default]
    Waiting,
    Checking(Identity),
    Over,
}

/// Who claims to be whom.
#[derive(Clone, Default)]
pub(super) struct Identity {
    pub(super) user: String,
    pub(super) authzid: String,
}

impl Plain {
    pub(super) fn step(&mut self, input: Input<'_>) -> Step {
        match (mem::replace(self, Self::Over), input) {
            (Self::Waiting, Input::Start) => {
                *self = Self::Waiting;
                Step::Challenge(Vec::new())
            }
            (Self::Waiting, Input::Response(message)) => {
                let Some((authzid, user, password)) = split_plain(message) else { return Step::Malformed };
                match check(authzid, user, password) {
                    Some((identity, step)) => {
                        *self = Self::Checking(identity);
                        step
                    }
                    None => Step::Failed,
                }
            }
            (Self::Checking(identity), Input::Password(right)) => verdict(identity, right),
            _ => Step::Malformed,
        }
    }
}

/// Exactly two NULs, a name and a password that are not empty.
fn split_plain(message: &[u8]) -> Option<(&str, &str, &str)> {
    let mut parts = std::str::from_utf8(message).ok()?.split('\0');
    let (authzid, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let good = parts.next().is_none() && !user.is_empty() && !password.is_empty() && authzid.len() <= USER_BYTES_MAX;
    good.then_some((authzid, user, password))
}

/// The question whether the password is right; `None` where no account can have that name or password.
fn check(authzid: &str, user: &str, password: &str) -> Option<(Identity, Step)> {
    let user = prep::user(user).ok()?;
    let password = Secret::new(prep::password(password).ok()?);
    let authzid = if authzid.is_empty() { String::new() } else { prep::user(authzid).ok()? };
    let identity = Identity { user: user.clone(), authzid: authzid.clone() };
    Some((identity, Step::CheckPassword { authzid, user, password }))
}

fn verdict(Identity { user, authzid }: Identity, right: bool) -> Step {
    if right { Step::Done { user, authzid, final_challenge: None } } else { Step::Failed }
}

/// LOGIN: the name, then the password. An initial response is the name.
///
/// ```text
///   WaitingForUser ──Response──► WaitingForPassword ──Response──► Checking ──Password──► Over
/// ```
#[derive(Default)]
pub(super) enum Login {
    #[default]
    WaitingForUser,
    WaitingForPassword(String),
    Checking(Identity),
    Over,
}

impl Login {
    pub(super) fn step(&mut self, input: Input<'_>) -> Step {
        match (mem::replace(self, Self::Over), input) {
            (Self::WaitingForUser, Input::Start) => {
                *self = Self::WaitingForUser;
                Step::Challenge(b"Username:".to_vec())
            }
            (Self::WaitingForUser, Input::Response(message)) => {
                let Some(user) = line_text(message).filter(|user| user.len() <= USER_BYTES_MAX) else {
                    return Step::Malformed;
                };
                *self = Self::WaitingForPassword(user.to_owned());
                Step::Challenge(b"Password:".to_vec())
            }
            (Self::WaitingForPassword(user), Input::Response(message)) => {
                let Some(password) = line_text(message) else { return Step::Malformed };
                match check("", &user, password) {
                    Some((identity, step)) => {
                        *self = Self::Checking(identity);
                        step
                    }
                    None => Step::Failed,
                }
            }
            (Self::Checking(identity), Input::Password(right)) => verdict(identity, right),
            _ => Step::Malformed,
        }
    }
}

/// Not empty, UTF-8, without NUL. Some old clients send the NUL that ends their C string; it is dropped.
fn line_text(message: &[u8]) -> Option<&str> {
    let message = message.strip_suffix(b"\0").unwrap_or(message);
    std::str::from_utf8(message).ok().filter(|text| !text.is_empty() && !text.contains('\0'))
}
