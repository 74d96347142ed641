//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's side.

use std::{mem, sync::Arc};

use super::{Decoy, Input, Step, password::Identity};
use crate::{
    ChannelBinding, Hashes, ScramKeys,
    limits::NONCE_BYTES_MIN,
    prep,
    scram::{attribute, equal, from_base64, hash_from_base64, is_nonce, to_base64, unescape_name, xor},
};

pub(super) struct Scram {
    hashes: Arc<dyn Hashes>,
    /// There for -PLUS, where the client must bind to it.
    binding: Option<ChannelBinding>,
    plus_offered: bool,
    decoy: Decoy,
    state: State,
}

/// ```text
///   Waiting ──client-first──► Fetching ──keys──► Proving ──client-final──► Over
/// ```
enum State {
    Waiting,
    Fetching(ClientFirst),
    Proving(Proving),
    Over,
}

/// What *client-first* said.
#[derive(Clone)]
struct ClientFirst {
    /// `n,,` and its like, which *client-final* must repeat.
    gs2_header: String,
    /// The message behind that header: part of what is signed.
    bare: String,
    nonce: String,
    identity: Identity,
}

struct Proving {
    first: ClientFirst,
    /// *server-first*: part of what is signed, and `nonce` is the whole nonce.
    server_first: String,
    nonce: String,
    keys: Vec<ScramKeys>,
    known: bool,
}

impl Scram {
    pub(super) fn new(
        hashes: Arc<dyn Hashes>,
        binding: Option<ChannelBinding>,
        plus_offered: bool,
        decoy: Decoy,
    ) -> Self {
        Self { hashes, binding, plus_offered, decoy, state: State::Waiting }
    }

    pub(super) fn step(&mut self, input: Input<'_>) -> Step {
        match (mem::replace(&mut self.state, State::Over), input) {
            (State::Waiting, Input::Start) => {
                self.state = State::Waiting;
                Step::Challenge(Vec::new())
            }
            (State::Waiting, Input::Response(message)) => self.client_first(message),
            (State::Fetching(first), Input::Scram { keys, nonce }) => self.server_first(first, keys, &nonce),
            (State::Proving(proving), Input::Response(message)) => self.client_final(&proving, message),
            _ => Step::Malformed,
        }
    }

    fn client_first(&mut self, message: &[u8]) -> Step {
        let parsed = std::str::from_utf8(message).ok().and_then(|message| self.parse_client_first(message));
        let first = match parsed {
            Some(Ok(first)) => first,
            Some(Err(step)) => return step,
            None => return Step::Malformed,
        };
        let Identity { user, authzid } = first.identity.clone();
        self.state = State::Fetching(first);
        Step::FetchScram { authzid, user }
    }

    /// `gs2-cbind-flag "," [authzid] "," client-first-message-bare`. `None` is malformed.
    fn parse_client_first(&self, message: &str) -> Option<Result<ClientFirst, Step>> {
        let (flag, rest) = message.split_once(',')?;
        let (authzid, bare) = rest.split_once(',')?;
        let gs2_header = message[..message.len() - bare.len()].to_owned();
        let authzid = match authzid {
            "" => String::new(),
            _ => unescape_name(authzid.strip_prefix("a=")?)?,
        };
        // A mandatory extension (`m=`) comes first where it is used; there are none (RFC 5802 §5.1).
        let mut rest = bare;
        let name = unescape_name(attribute(&mut rest, 'n')?)?;
        let nonce = attribute(&mut rest, 'r').filter(|nonce| is_nonce(nonce))?.to_owned();
        if let Err(step) = self.check_flag(flag) {
            return Some(Err(step));
        }
        let authzid = if authzid.is_empty() { Ok(authzid) } else { prep::user(&authzid) };
        let (Ok(user), Ok(authzid)) = (prep::user(&name), authzid) else { return Some(Err(Step::Failed)) };
        Some(Ok(ClientFirst { gs2_header, bare: bare.to_owned(), nonce, identity: Identity { user, authzid } }))
    }

    /// RFC 5802 §6: `p` belongs to -PLUS alone; `y` (the client could bind and saw no -PLUS) where -PLUS was offered
    /// means that somebody cut the list down.
    fn check_flag(&self, flag: &str) -> Result<(), Step> {
        match (flag, &self.binding) {
            ("n", None) => Ok(()),
            ("y", None) if !self.plus_offered => Ok(()),
            ("y", None) => Err(Step::Failed),
            (_, Some(binding)) => match flag.strip_prefix("p=") {
                Some(name) if name == binding.name => Ok(()),
                Some(_) => Err(Step::Failed),
                None => Err(Step::Malformed),
            },
            _ => Err(Step::Malformed),
        }
    }

    fn server_first(&mut self, first: ClientFirst, mut keys: Vec<ScramKeys>, nonce: &str) -> Step {
        assert!(nonce.len() >= NONCE_BYTES_MIN && is_nonce(nonce), "the caller's nonce is random printable ASCII");
        let known = !keys.is_empty();
        if !known {
            keys.push(self.made_up(&first.identity.user));
        }
        let (salt, iterations) = (keys[0].salt.clone(), keys[0].iterations);
        keys.retain(|keys| keys.salt == salt && keys.iterations == iterations);
        let nonce = format!("{}{nonce}", first.nonce);
        let server_first = format!("r={nonce},s={},i={iterations}", to_base64(&salt));
        self.state = State::Proving(Proving { first, server_first: server_first.clone(), nonce, keys, known });
        Step::Challenge(server_first.into_bytes())
    }

    /// Keys for an account that does not exist. The stored key is no hash of anything, so that no proof fits.
    fn made_up(&self, user: &str) -> ScramKeys {
        let seed = self.hashes.hmac_sha256(&self.decoy.key, user.as_bytes());
        let stored_key = self.hashes.hmac_sha256(&self.decoy.key, &seed);
        ScramKeys { salt: seed[..16].to_vec(), iterations: self.decoy.iterations, stored_key, server_key: seed }
    }

    fn client_final(&mut self, proving: &Proving, message: &[u8]) -> Step {
        let Some(last) = std::str::from_utf8(message).ok().and_then(ClientFinal::parse) else {
            return Step::Malformed;
        };
        let mut expected = proving.first.gs2_header.clone().into_bytes();
        if let Some(binding) = &self.binding {
            expected.extend_from_slice(&binding.data);
        }
        let bound = last.binding == expected && last.nonce == proving.nonce;
        let signed = format!("{},{},{}", proving.first.bare, proving.server_first, last.without_proof);
        match self.matching_key(proving, signed.as_bytes(), &last.proof) {
            Some(keys) if bound && proving.known => {
                let signature = self.hashes.hmac_sha256(&keys.server_key, signed.as_bytes());
                let final_challenge = Some(format!("v={}", to_base64(&signature)).into_bytes());
                let Identity { user, authzid } = proving.first.identity.clone();
                Step::Done { user, authzid, final_challenge }
            }
            _ => Step::Failed,
        }
    }

    /// The keys that the proof fits (RFC 5802 §3). All are tried, whichever fits.
    fn matching_key<'a>(&self, proving: &'a Proving, signed: &[u8], proof: &[u8; 32]) -> Option<&'a ScramKeys> {
        let fits = |keys: &ScramKeys| {
            let signature = self.hashes.hmac_sha256(&keys.stored_key, signed);
            let client_key = xor(proof, &signature);
            equal(&self.hashes.sha256(&client_key), &keys.stored_key)
        };
        proving.keys.iter().fold(None, |found, keys| if fits(keys) { Some(keys) } else { found })
    }
}

/// *client-final*: `c=…,r=…,[extensions,]p=…`.
struct ClientFinal<'a> {
    binding: Vec<u8>,
    nonce: &'a str,
    without_proof: &'a str,
    proof: [u8; 32],
}

impl<'a> ClientFinal<'a> {
    fn parse(message: &'a str) -> Option<Self> {
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let mut rest = without_proof;
        let binding = from_base64(attribute(&mut rest, 'c')?)?;
        let nonce = attribute(&mut rest, 'r')?;
        Some(Self { binding, nonce, without_proof, proof: hash_from_base64(proof)? })
    }
}
