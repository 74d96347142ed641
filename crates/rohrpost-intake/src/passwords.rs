//! Making and checking password hashes, two at a time, one of each network in turn.
//!
//! What is stored of a password is an argon2id text for PLAIN and LOGIN, and the keys of SCRAM-SHA-256. All app passwords of
//! one account share one salt, so that checking a password against all of them costs one computation, and an unknown
//! user costs the same one. The salt is random and the account's own; sharing it within the account tells a thief only
//! whether two of its random passwords are equal.

mod turns;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::{hmac, rand as secure};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use rohrpost_mail::Secret;

use self::turns::{Turn, Turns};
use crate::{
    bounded::Bounded,
    limits::{PASSWORD_BYTES_MAX, VERIFIED_FOR, VERIFIED_MAX},
};

/// Octets of a salt.
pub const SALT_BYTES: usize = 16;
/// Octets of an argon2 hash.
const HASH_BYTES: usize = 32;
/// Memory in KiB, passes and lanes: the second recommendation of the OWASP list, 19 MiB.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Why a password could not be checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// Too many log-ins wait already.
    #[error("too many log-ins wait for their turn")]
    Busy,
}

/// What one computation works in.
type Memory = Vec<Block>;

/// An argon2id hash as it is stored: `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Argon2Hash {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// The text is no argon2id hash.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an argon2id hash in PHC form")]
pub struct Argon2HashError;

impl Argon2Hash {
    /// What an unknown user is checked against, so that it takes as long.
    fn nobody() -> Self {
        Self {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: vec![0; SALT_BYTES],
            hash: vec![0; HASH_BYTES],
        }
    }

    /// The salt, for the next app password of the same account.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    fn same_work(&self, other: &Self) -> bool {
        (self.memory_kib, self.passes, self.lanes, &self.salt, self.hash.len())
            == (other.memory_kib, other.passes, other.lanes, &other.salt, other.hash.len())
    }

    /// The hash of `password` with this one's salt and cost; nothing where the stored cost is out of all bounds.
    fn compute(&self, password: &Secret, memory: &mut Memory) -> Option<Vec<u8>> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(self.hash.len())).ok()?;
        let mut hash = vec![0; self.hash.len()];
        memory.resize(params.block_count(), Block::default());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into_with_memory(password.expose().as_bytes(), &self.salt, &mut hash, memory).ok()?;
        Some(hash)
    }
}

impl std::fmt::Display for Argon2Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { memory_kib, passes, lanes, salt, hash } = self;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        write!(f, "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
    }
}

impl std::str::FromStr for Argon2Hash {
    type Err = Argon2HashError;

    fn from_str(text: &str) -> Result<Self, Argon2HashError> {
        let fields: Vec<_> = text.split('$').collect();
        let ["", "argon2id", "v=19", cost, salt, hash] = fields[..] else { return Err(Argon2HashError) };
        let costs: Vec<_> = cost.split(',').filter_map(|cost| cost.split_once('=')).collect();
        let [("m", memory), ("t", passes), ("p", lanes)] = costs[..] else { return Err(Argon2HashError) };
        let number = |text: &str| text.parse().map_err(|_| Argon2HashError);
        let octets = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| Argon2HashError);
        Ok(Self {
            memory_kib: number(memory)?,
            passes: number(passes)?,
            lanes: number(lanes)?,
            salt: octets(salt)?,
            hash: octets(hash)?,
        })
    }
}

/// Sixteen random octets.
pub fn new_salt() -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    secure::fill(&mut salt).expect("the kernel's generator never fails once it is seeded");
    salt
}

/// Hashes a new password. Takes tens of milliseconds: run it where that does no harm.
pub fn hash_new(password: &Secret, salt: &[u8]) -> Argon2Hash {
    let empty = Argon2Hash { salt: salt.to_vec(), ..Argon2Hash::nobody() };
    let hash = empty.compute(password, &mut Memory::new()).expect("the costs are constants that argon2 accepts");
    Argon2Hash { hash, ..empty }
}

/// The pool that checks passwords, and the memory of those found right.
#[derive(Clone, Debug)]
pub struct Checker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    turns: Turns,
    /// The memory of each turn that is not at work. It is used again and again: freed on the threads it was used on, it
    /// would stay with each of them.
    memory: Mutex<Vec<Memory>>,
    /// Keys the memory: what is remembered is worth nothing outside this process.
    key: hmac::Key,
    verified: Mutex<Bounded<[u8; 32], Instant>>,
}

impl Checker {
    /// An idle pool.
    pub fn new() -> Self {
        let mut key = [0; 32];
        secure::fill(&mut key).expect("the kernel's generator never fails once it is seeded");
        Self(Arc::new(Inner {
            turns: Turns::new(),
            memory: Mutex::default(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            verified: Mutex::new(Bounded::new(VERIFIED_MAX)),
        }))
    }

    /// Whether `password` is one of `hashes`; an unknown user has none and costs one computation all the same.
    /// Whoever asks from `address` waits behind others of its network.
    ///
    /// # Errors
    /// Too many wait already.
    pub async fn check(
        &self,
        hashes: Vec<Argon2Hash>,
        password: &Secret,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<bool, HashError> {
        if hashes.iter().any(|hash| self.remembers(hash, password, now)) {
            return Ok(true);
        }
        let turn = self.0.turns.wait(address).await?;
        // Whoever waited may find that a program with many connections has proved it meanwhile.
        if hashes.iter().any(|hash| self.remembers(hash, password, now)) {
            return Ok(true);
        }
        let right = self.compute(turn, hashes, password.clone()).await;
        if let Some(hash) = &right {
            let print = self.print(hash, password);
            self.verified().insert(print, now);
        }
        Ok(right.is_some())
    }

    /// The turn and the memory go with the work, which goes on when nobody waits for it any more.
    async fn compute(&self, turn: Turn, hashes: Vec<Argon2Hash>, password: Secret) -> Option<Argon2Hash> {
        let checker = self.clone();
        let work = move || {
            let mut memory = checker.memory().pop().unwrap_or_default();
            let right = first_right(hashes, &password, &mut memory);
            checker.memory().push(memory);
            drop(turn);
            right
        };
        tokio::task::spawn_blocking(work).await.ok()?
    }

    fn remembers(&self, hash: &Argon2Hash, password: &Secret, now: Instant) -> bool {
        let print = self.print(hash, password);
        let mut verified = self.verified();
        verified.get_mut(&print).is_some_and(|at| now.duration_since(*at) < VERIFIED_FOR)
    }

    /// Names password and stored hash at once: a changed password has another stored hash.
    fn print(&self, hash: &Argon2Hash, password: &Secret) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0.key);
        context.update(&hash.hash);
        context.update(&hash.salt);
        context.update(password.expose().as_bytes());
        context.sign().as_ref().try_into().expect("HMAC-SHA-256 gives 32 octets")
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Vec<Memory>> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verified(&self) -> std::sync::MutexGuard<'_, Bounded<[u8; 32], Instant>> {
        self.0.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Checker {
    fn default() -> Self {
        Self::new()
    }
}

/// The stored hash that the password fits. Hashes with the same salt and cost share one computation.
fn first_right(mut hashes: Vec<Argon2Hash>, password: &Secret, memory: &mut Memory) -> Option<Argon2Hash> {
    if hashes.is_empty() || password.expose().len() > PASSWORD_BYTES_MAX {
        hashes = vec![Argon2Hash::nobody()];
    }
    let mut done: Option<(Argon2Hash, Vec<u8>)> = None;
    for stored in hashes {
        let computed = match &done {
            Some((like, computed)) if like.same_work(&stored) => computed.clone(),
            _ => stored.compute(password, memory)?,
        };
        let right = aws_lc_rs::constant_time::verify_slices_are_equal(&computed, &stored.hash).is_ok();
        if right && stored != Argon2Hash::nobody() && password.expose().len() <= PASSWORD_BYTES_MAX {
            return Some(stored);
        }
        done = Some((stored, computed));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::VERIFIED_FOR;

    fn secret(text: &str) -> Secret {
        Secret::new(text)
    }

    #[test]
    fn a_hash_prints_as_it_is_read() {
        let hash = hash_new(&secret("geheim"), &new_salt());
        assert_eq!(hash.to_string().parse(), Ok(hash.clone()));
        for text in
            ["", "$argon2i$v=19$m=1,t=1,p=1$AA$AA", "$argon2id$v=19$m=x,t=1,p=1$AA$AA", "$argon2id$v=19$m=8,t=1$AA$AA"]
        {
            assert_eq!(text.parse::<Argon2Hash>(), Err(Argon2HashError), "{text}");
        }
    }

    #[tokio::test]
    async fn each_app_password_is_right_and_nothing_else_is() {
        let salt = new_salt();
        let hashes: Vec<_> = ["one", "two"].map(|text| hash_new(&secret(text), &salt)).into();
        let (checker, now) = (Checker::new(), Instant::now());
        for (text, right) in [("one", true), ("two", true), ("three", false), ("", false)] {
            assert_eq!(checker.check(hashes.clone(), &secret(text), None, now).await, Ok(right), "{text}");
        }
        assert_eq!(checker.check(Vec::new(), &secret("one"), None, now).await, Ok(false));
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        assert_eq!(checker.check(vec![hash_new(&secret(&long), &salt)], &secret(&long), None, now).await, Ok(false));
    }

    #[tokio::test]
    async fn a_right_password_is_remembered_for_its_hash_only() {
        let (checker, now) = (Checker::new(), Instant::now());
        let (old, new) = (hash_new(&secret("old"), &new_salt()), hash_new(&secret("new"), &new_salt()));
        checker.check(vec![old.clone()], &secret("old"), None, now).await.unwrap();
        assert!(checker.remembers(&old, &secret("old"), now));
        assert!(!checker.remembers(&new, &secret("old"), now));
        assert!(!checker.remembers(&old, &secret("new"), now));
        assert!(!checker.remembers(&old, &secret("old"), now + VERIFIED_FOR));
    }

    #[tokio::test]
    async fn no_more_memory_is_kept_than_computations_at_once_need() {
        let (checker, now) = (Checker::new(), Instant::now());
        for text in ["one", "two", "three"] {
            assert_eq!(checker.check(Vec::new(), &secret(text), None, now).await, Ok(false));
        }
        assert_eq!(checker.memory().len(), 1);
    }
}
