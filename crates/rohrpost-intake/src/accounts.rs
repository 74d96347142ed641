//! Logging in: who may try, whether the password is right, what SCRAM needs.

pub(crate) mod figures;
mod known;
pub(crate) mod lines;

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Instant};

use aws_lc_rs::{digest, hmac, pbkdf2};
use jiff::Timestamp;
use rohrpost_mail::Secret;
use rohrpost_store::{Account, AppPassword, ScramSecret, Store, StoreError};

use self::{figures::Figures, known::Known, lines::Lines};
use crate::{
    guessing::{Guessing, Lock},
    passwords::{self, Argon2Hash, Checker},
};

/// Iterations of PBKDF2 for SCRAM. RFC 7677 §4 asks for at least 4,096; clients compute them at each log-in, small ones
/// too, and the same passwords are kept under argon2id anyway.
pub const SCRAM_ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).expect("it is above zero");
const _: () = assert!(SCRAM_ITERATIONS.get() >= 4_096);

/// What came of a log-in.
#[derive(Clone, Debug)]
pub enum LogIn {
    /// The password is right.
    Right(Arc<Account>),
    /// It is not, or there is no such account, or it or its domain is suspended.
    Wrong,
    /// Nobody can say now: 454 4.7.0.
    CannotCheck,
    /// Too many failures: 454 4.7.0.
    Locked,
    /// The domain wants it inside TLS: it was not tried.
    NeedsTls,
}

/// What the SCRAM side of a session gets.
#[derive(Clone, Debug)]
pub enum ScramAnswer {
    /// Keys of each app password; none for an unknown user, who is to fail at the proof.
    Keys(Vec<ScramSecret>),
    /// Nobody can say now.
    CannotCheck,
    /// Too many failures.
    Locked,
}

/// Accounts as the servers see them.
#[derive(Debug)]
pub(crate) struct Accounts {
    known: Known,
    checker: Checker,
    guessing: Guessing,
    figures: Figures,
    lines: Lines,
}

impl Accounts {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            known: Known::new(),
            checker: Checker::new(),
            guessing: Guessing::new(start),
            figures: Figures::new(Timestamp::now()),
            lines: Lines::new(),
        }
    }

    /// Checks a password of PLAIN or LOGIN. Whoever asks counts a wrong one: [`Self::failed`].
    pub(crate) async fn check_password(
        &self,
        store: &Store,
        user: &str,
        password: &Secret,
        address: Option<IpAddr>,
        now: Instant,
    ) -> LogIn {
        let key = user.to_lowercase();
        if !self.may_try(&key, address, now) {
            return LogIn::Locked;
        }
        let Ok(account) = self.known.account(store, user).await else { return LogIn::CannotCheck };
        let hashes = account.as_deref().map_or_else(Vec::new, hashes_of);
        match (self.checker.check(hashes, password, address, now).await, account) {
            (Err(_), _) => LogIn::CannotCheck,
            (Ok(true), Some(account)) => {
                self.guessing.succeeded(&key, address, now);
                LogIn::Right(account)
            }
            (Ok(_), _) => LogIn::Wrong,
        }
    }

    /// Who may log in under this name.
    pub(crate) async fn account(&self, store: &Store, user: &str) -> Result<Option<Arc<Account>>, StoreError> {
        self.known.account(store, user).await
    }

    /// Fetches the keys of SCRAM. An account's keys share salt and iterations, as [`new_password`] makes them.
    pub(crate) async fn scram_keys(
        &self,
        store: &Store,
        user: &str,
        address: Option<IpAddr>,
        now: Instant,
    ) -> ScramAnswer {
        if !self.may_try(&user.to_lowercase(), address, now) {
            return ScramAnswer::Locked;
        }
        match self.known.account(store, user).await {
            Err(_) => ScramAnswer::CannotCheck,
            Ok(account) => ScramAnswer::Keys(account.as_deref().map_or_else(Vec::new, keys_of)),
        }
    }

    /// SCRAM's proof was right: fetches the account.
    pub(crate) async fn proved(&self, store: &Store, user: &str, address: Option<IpAddr>, now: Instant) -> LogIn {
        match self.known.account(store, user).await {
            Ok(Some(account)) => {
                self.guessing.succeeded(&user.to_lowercase(), address, now);
                LogIn::Right(account)
            }
            Ok(None) => LogIn::Wrong,
            Err(_) => LogIn::CannotCheck,
        }
    }

    /// Counts a wrong password, or a wrong proof of SCRAM, and says which doors that closes.
    pub(crate) fn failed(
        &self,
        user: &str,
        address: Option<IpAddr>,
        password: Option<&Secret>,
        now: Instant,
    ) -> Vec<Lock> {
        self.figures.count_failed(address);
        self.guessing.failed(&user.to_lowercase(), address, password.map(Secret::expose), now)
    }

    pub(crate) fn unlock(&self, user: &str) {
        self.guessing.unlock(&user.to_lowercase());
    }

    /// What is counted for the operator.
    pub(crate) fn figures(&self) -> &Figures {
        &self.figures
    }

    /// What the log has of failed log-ins.
    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    fn may_try(&self, key: &str, address: Option<IpAddr>, now: Instant) -> bool {
        let may_try = self.guessing.may_try(key, address, now);
        if !may_try {
            self.figures.count_turned_away(address);
        }
        may_try
    }
}

fn hashes_of(account: &Account) -> Vec<Argon2Hash> {
    account.secrets.iter().filter_map(|secret| secret.argon2.parse().ok()).collect()
}

fn keys_of(account: &Account) -> Vec<ScramSecret> {
    let keys = account.secrets.iter().filter_map(|secret| secret.scram.clone());
    let mut keys: Vec<_> = keys.collect();
    if let Some(first) = keys.first().cloned() {
        keys.retain(|key| key.salt == first.salt && key.iterations == first.iterations);
    }
    keys
}

/// Makes an app password as it is stored. `others` are those the account has: they share their salts. The password must be
/// in the form of RFC 8265 §4 already. Takes a tenth of a second of one core.
pub fn new_password(label: &str, password: &Secret, others: &[AppPassword]) -> AppPassword {
    let of_others = |salt: fn(&AppPassword) -> Option<Vec<u8>>| others.iter().find_map(salt);
    let argon2_salt = of_others(|other| other.argon2.parse::<Argon2Hash>().ok().map(|hash| hash.salt().to_vec()));
    let scram_salt = of_others(|other| other.scram.as_ref().map(|scram| scram.salt.clone()));
    let fresh = || passwords::new_salt().to_vec();
    AppPassword {
        label: label.to_owned(),
        argon2: passwords::hash_new(password, &argon2_salt.unwrap_or_else(fresh)).to_string(),
        scram: Some(scram_secret(password, scram_salt.unwrap_or_else(fresh), SCRAM_ITERATIONS)),
    }
}

/// The keys of RFC 5802 §3.
fn scram_secret(password: &Secret, salt: Vec<u8>, iterations: NonZeroU32) -> ScramSecret {
    let mut salted = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password.expose().as_bytes(), &mut salted);
    let salted = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let key = |name: &[u8]| hmac::sign(&salted, name);
    let stored_key = digest::digest(&digest::SHA256, key(b"Client Key").as_ref());
    let octets = |bytes: &[u8]| bytes.try_into().expect("SHA-256 gives 32 octets");
    ScramSecret {
        salt,
        iterations: iterations.get(),
        stored_key: octets(stored_key.as_ref()),
        server_key: octets(key(b"Server Key").as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn app_passwords_of_one_account_share_their_salts() {
        let first = new_password("main", &Secret::new("one"), &[]);
        let second = new_password("phone", &Secret::new("two"), std::slice::from_ref(&first));
        let account = Account { secrets: vec![first, second], ..Account::default() };
        assert_eq!(keys_of(&account).len(), 2);
        let hashes = hashes_of(&account);
        assert_eq!(hashes[0].salt(), hashes[1].salt());
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn scram_keys_are_those_of_rfc_7677() {
        let decode = |text| STANDARD.decode(text).unwrap();
        let salt = decode("W22ZaJ0SNY7soEsUEjb6gQ==");
        let secret = scram_secret(&Secret::new("pencil"), salt, NonZeroU32::new(4_096).unwrap());
        assert_eq!(secret.stored_key[..], decode("WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="));
        assert_eq!(secret.server_key[..], decode("wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="));
    }
}
