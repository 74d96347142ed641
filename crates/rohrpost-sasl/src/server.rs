//! The server's side: one [`Exchange`] for each attempt to log in.
//!
//! Messages of the client and the answers of whoever knows the accounts go into [`Exchange::step`]; what is to be done
//! next comes out of it. The protocol around sends each [`Step::Challenge`], asks its accounts where
//! [`Step::CheckPassword`] or [`Step::FetchScram`] says so, and ends at [`Step::Done`], [`Step::Failed`] or
//! [`Step::Malformed`]. After one of these an exchange answers nothing but [`Step::Malformed`].
//!
//! An account that does not exist cannot be told from one that does: its SCRAM keys are made up from a secret
//! ([`Decoy`]), always the same for one name, and the dialogue goes on to a proof that fails.

use std::sync::Arc;

use rohrpost_mail::Secret;

use crate::{ChannelBinding, Hashes, Mechanism, ScramKeys, limits};

mod password;
mod scram;

/// What this side speaks, best first. CRAM-MD5 is none of them, since it needs the password itself.
pub const MECHANISMS: [Mechanism; 4] =
    [Mechanism::ScramSha256Plus, Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login];

/// What came of a password that a driver was asked about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuthVerdict {
    /// It is right, and the identity asked for is allowed.
    Right,
    /// It is wrong, or there is no such account, or the identity asked for is not allowed.
    Wrong,
    /// The accounts cannot be asked now; that is no fault of the client.
    CannotCheck,
    /// Too many wrong ones: no, whatever the password.
    Locked,
    /// This account logs in inside TLS only, and the link has none. The password was not looked at.
    NeedsTls,
    /// It is right, but the account has as many sessions as it may have.
    TooManySessions,
}

/// What a session must know of its TLS connection.
#[derive(Clone, Debug, Default)]
pub struct TlsFacts {
    /// What SCRAM-SHA-256-PLUS binds to.
    pub binding: Option<ChannelBinding>,
    /// The name in the client's certificate, where one was asked for and verified.
    pub client_name: Option<String>,
}

/// What goes in.
#[derive(Debug)]
pub enum Input<'a> {
    /// The client named the mechanism and sent no initial response.
    Start,
    /// A message of the client, decoded: an initial response or the response to a challenge.
    Response(&'a [u8]),
    /// Answers [`Step::CheckPassword`]: whether the password is right and the identity asked for is allowed.
    Password(bool),
    /// Answers [`Step::FetchScram`].
    Scram {
        /// The keys of the account's passwords, all with one salt and iteration count; empty where there is no such
        /// account. Keys whose salt or iterations differ from the first's are passed over.
        keys: Vec<ScramKeys>,
        /// At least [`limits::NONCE_BYTES_MIN`] random printable characters other than the comma.
        nonce: String,
    },
}

/// What is to be done next.
#[derive(Debug, Eq, PartialEq)]
pub enum Step {
    /// Send this to the client.
    Challenge(Vec<u8>),
    /// Compare this password with that of the account; answer with [`Input::Password`].
    CheckPassword {
        /// Whom the client wants to act as; empty for itself.
        authzid: String,
        /// Whose password it is, prepared by [`crate::prep::user`].
        user: String,
        /// The password, prepared by [`crate::prep::password`].
        password: Secret,
    },
    /// Look up the keys of this account; answer with [`Input::Scram`]. Where `authzid` is not allowed for the account,
    /// answer as if there were no such account.
    FetchScram {
        /// Whom the client wants to act as; empty for itself.
        authzid: String,
        /// Whose keys are asked for, prepared by [`crate::prep::user`].
        user: String,
    },
    /// The client is who it says.
    Done {
        /// Who it is.
        user: String,
        /// Whom it wants to act as; empty for itself.
        authzid: String,
        /// The last message of SCRAM. Protocols whose success reply carries no data send it as a challenge and expect
        /// an empty response (RFC 4954 §4).
        final_challenge: Option<Vec<u8>>,
    },
    /// The password, proof or channel binding is wrong.
    Failed,
    /// The client does not follow the mechanism.
    Malformed,
}

/// How accounts are made up that do not exist.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Decoy {
    /// A secret of the installation that never changes, or a made-up salt could be told by its changing.
    pub key: [u8; 32],
    /// The iteration count of real accounts.
    pub iterations: u32,
}

impl std::fmt::Debug for Decoy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoy").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// One attempt to log in.
pub struct Exchange {
    mechanism: Inner,
}

enum Inner {
    Plain(password::Plain),
    Login(password::Login),
    Scram(Box<scram::Scram>),
}

impl Exchange {
    /// Starts the mechanism that the client named; nothing where it is none of [`MECHANISMS`].
    ///
    /// `binding` is there inside TLS; `plus_offered` says whether the client was offered SCRAM-SHA-256-PLUS, which
    /// lets a list of mechanisms that was cut down on the way be noticed (RFC 5802 §6).
    pub fn new(
        mechanism: Mechanism,
        hashes: Arc<dyn Hashes>,
        binding: Option<ChannelBinding>,
        plus_offered: bool,
        decoy: Decoy,
    ) -> Option<Self> {
        let mechanism = match mechanism {
            Mechanism::Plain => Inner::Plain(password::Plain::default()),
            Mechanism::Login => Inner::Login(password::Login::default()),
            Mechanism::ScramSha256 => Inner::Scram(scram::Scram::new(hashes, None, plus_offered, decoy).into()),
            Mechanism::ScramSha256Plus => Inner::Scram(scram::Scram::new(hashes, binding, true, decoy).into()),
            _ => return None,
        };
        Some(Self { mechanism })
    }

    /// Takes the next input and says what is to be done.
    pub fn step(&mut self, input: Input<'_>) -> Step {
        if matches!(&input, Input::Response(message) if message.len() > limits::MESSAGE_BYTES_MAX) {
            return Step::Malformed;
        }
        match &mut self.mechanism {
            Inner::Plain(plain) => plain.step(input),
            Inner::Login(login) => login.step(input),
            Inner::Scram(scram) => scram.step(input),
        }
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self.mechanism {
            Inner::Plain(_) => "Plain",
            Inner::Login(_) => "Login",
            Inner::Scram(_) => "Scram",
        };
        f.debug_struct("Exchange").field("mechanism", &name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
