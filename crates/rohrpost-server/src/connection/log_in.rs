//! Log-ins: the same accounts, limits of guessing and records for everything that is spoken.

use std::{net::IpAddr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use rohrpost_intake::{LogIn, Refusal, Role, ScramAnswer};
use rohrpost_mail::Secret;
use rohrpost_sasl::{ScramKeys, server::AuthVerdict};
use rohrpost_store::{Account, AppPassword, ScramSecret};

use super::{Connection, now};

/// What SCRAM goes on with: keys and a nonce, or the end of the attempt.
pub(crate) enum ScramStart {
    /// The keys of the account, none where there is no such account, and the server's nonce.
    Keys(Vec<ScramKeys>, String),
    /// It is not tried.
    Refused(AuthVerdict),
}

impl Connection {
    /// Checks a password. Nobody may act as another yet, so another identity is as wrong as a wrong password, and takes
    /// as long.
    pub(crate) async fn check_password(&mut self, authzid: &str, user: &str, password: &Secret) -> AuthVerdict {
        self.accounts_seen = self.shared.intake.store().directory_version();
        let outcome = if self.needs_tls(user) {
            LogIn::NeedsTls
        } else {
            self.shared.intake.check_password(user, password, self.ip(), now()).await
        };
        let outcome = if authzid.is_empty() || authzid == user { outcome } else { LogIn::Wrong };
        if !matches!(outcome, LogIn::Right(_)) {
            self.note_log_in(user, &outcome);
        }
        match outcome {
            LogIn::Right(account) => match self.enter_account(&account) {
                Ok(()) => {
                    self.proven = Some(account);
                    AuthVerdict::Right
                }
                Err(refusal) => {
                    self.note_refusal("log-in", &refusal);
                    AuthVerdict::TooManySessions
                }
            },
            LogIn::Wrong => AuthVerdict::Wrong,
            LogIn::CannotCheck => AuthVerdict::CannotCheck,
            LogIn::Locked => AuthVerdict::Locked,
            LogIn::NeedsTls => AuthVerdict::NeedsTls,
        }
    }

    /// Fetches the keys of SCRAM.
    pub(crate) async fn scram_keys(&mut self, authzid: &str, user: &str) -> ScramStart {
        self.accounts_seen = self.shared.intake.store().directory_version();
        if self.needs_tls(user) {
            self.note_log_in(user, &LogIn::NeedsTls);
            return ScramStart::Refused(AuthVerdict::NeedsTls);
        }
        match self.shared.intake.scram_keys(user, self.ip(), now()).await {
            ScramAnswer::Keys(keys) => {
                let allowed = authzid.is_empty() || authzid == user;
                let keys = keys.into_iter().filter(|_| allowed).map(scram_keys).collect();
                let nonce = STANDARD_NO_PAD.encode(rohrpost_tls::crypto::random::<18>());
                ScramStart::Keys(keys, nonce)
            }
            ScramAnswer::CannotCheck => {
                self.note_log_in(user, &LogIn::CannotCheck);
                ScramStart::Refused(AuthVerdict::CannotCheck)
            }
            ScramAnswer::Locked => {
                self.note_log_in(user, &LogIn::Locked);
                ScramStart::Refused(AuthVerdict::Locked)
            }
        }
    }

    /// The session says that the client is who it says. After SCRAM the account is still to be fetched; on listeners where
    /// mail is read it needs a place among its sessions.
    ///
    /// # Errors
    /// The account has gone meanwhile, or has too many sessions: this one must go, too.
    pub(crate) async fn log_in(&mut self, user: &str) -> Result<(), Refusal> {
        let outcome = match self.proven.take() {
            Some(account) => LogIn::Right(account),
            None => self.shared.intake.scram_proved(user, self.ip(), now()).await,
        };
        self.note_log_in(user, &outcome);
        let LogIn::Right(account) = outcome else { return Err(Refusal::LoggedOut) };
        self.enter_account(&account)?;
        self.peer.account = Some(account);
        Ok(())
    }

    /// Takes a place among the sessions of an account that reads mail, where this one has none yet.
    fn enter_account(&mut self, account: &Account) -> Result<(), Refusal> {
        if self.peer.role == Role::Mailboxes && self.account_place.is_none() {
            let limits = self.shared.intake.peer_limits(self.peer.role);
            self.account_place = Some(self.shared.intake.peers().enter_account(&account.login, &limits)?);
        }
        Ok(())
    }

    /// Whether whoever logged in may still do so: the account is there, neither it nor its domain is suspended, and it has
    /// every password that it had. An account of the same name with other passwords is another one, and one of another name
    /// has other mailboxes, even where the old name is an address of it. To be asked before each step that the session wants
    /// done; while no account is changed that is a look at a number. Asked again after it said no, nobody is logged in.
    pub(crate) async fn may_stay(&mut self) -> bool {
        let Some(account) = &self.peer.account else { return true };
        let intake = &self.shared.intake;
        let version = intake.store().directory_version();
        if version == self.accounts_seen {
            return true;
        }
        // A store that cannot be read answers no step either.
        let Ok(found) = intake.account_for_log_in(&account.login).await else { return true };
        let has_kept = |old: &AppPassword, new: &Account| new.secrets.iter().any(|secret| secret.argon2 == old.argon2);
        let is_same =
            |new: Arc<Account>| new.login == account.login && account.secrets.iter().all(|old| has_kept(old, &new));
        let may_stay = found.is_some_and(is_same);
        if may_stay {
            self.accounts_seen = version;
        } else {
            self.peer.account = None;
            self.note_refusal("session", &Refusal::LoggedOut);
        }
        may_stay
    }

    /// A proof of SCRAM was wrong.
    pub(crate) fn scram_failed(&self, user: &str) {
        self.shared.intake.scram_disproved(user, self.ip(), now());
        self.note_log_in(user, &LogIn::Wrong);
    }

    /// Whether the domain of a login wants it inside TLS, and the link has none.
    fn needs_tls(&self, user: &str) -> bool {
        self.peer.tls.is_none() && self.shared.intake.log_in_needs_tls(user)
    }

    /// Where the peer is.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.peer.address.map(|address| address.ip())
    }
}

fn scram_keys(secret: ScramSecret) -> ScramKeys {
    let ScramSecret { salt, iterations, stored_key, server_key } = secret;
    ScramKeys { salt, iterations, stored_key, server_key }
}
