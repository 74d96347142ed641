//! OAuth 2.0 (RFC 6749) for mail servers that take tokens instead of passwords.
//!
//! A person gives consent once, in a browser: [`OAuth::authorize`] leads through that and leaves a refresh token in a file
//! that nobody else can read. From then on [`OAuth::token`] needs nobody: it hands out access tokens, gets a new one a
//! minute before the old one ends, and once more when a server refuses one. Several processes may share a file: they
//! take turns, as some providers hand out each refresh token for one use.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use rohrpost_sender::{Login, secret::oauth::{Flow, OAuth, OAuthOptions, Prompt, Provider}};
//!
//! let options = OAuthOptions::new(Provider::microsoft("common"), "our-client-id", "/var/lib/app/mail.token");
//! let oauth = OAuth::new(options)?;
//! // Once, with a person at hand:
//! oauth.authorize(Flow::Device, |prompt| {
//!     if let Prompt::Device { address, code } = prompt {
//!         println!("Open {address} and enter {code}");
//!     }
//! }).await?;
//! // And ever after:
//! let login = Login::new("ann@here.test", oauth);
//! # let _ = login; Ok(()) }
//! ```

mod browser;
mod device;
mod endpoint;
mod provider;
mod store;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rohrpost_mail::{Secret, Trust};
use rohrpost_tls::{
    ClientTls, ClientTlsOptions,
    http::{HttpClient, HttpError},
};

pub use self::provider::Provider;
use self::{
    endpoint::{Endpoint, TokenAnswer},
    store::{Grant, Store, now},
};
use super::SecretError;

/// What an [`OAuth`] is made from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OAuthOptions {
    /// Whose tokens.
    pub provider: Provider,
    /// What the provider calls this application.
    pub client_id: String,
    /// What the provider gave the application to prove itself. Default: none. Google wants one also of programs that
    /// cannot keep it secret.
    pub client_secret: Option<Secret>,
    /// The file that keeps the tokens. It is made with mode 0600.
    pub store: PathBuf,
    /// By what the provider's certificate is judged. Default: the authorities of the system.
    pub trust: Trust,
}

impl OAuthOptions {
    /// Without client secret, trusting the system's authorities.
    pub fn new(provider: Provider, client_id: impl Into<String>, store: impl Into<PathBuf>) -> Self {
        let (client_id, store) = (client_id.into(), store.into());
        Self { provider, client_id, client_secret: None, store, trust: Trust::System }
    }

    /// With what the provider gave the application to prove itself.
    #[must_use]
    pub fn client_secret(mut self, secret: Secret) -> Self {
        self.client_secret = Some(secret);
        self
    }

    /// Judges the provider's certificate by this.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }
}

/// How a person gives consent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flow {
    /// With a code that is entered in any browser on any device (RFC 8628). Google does not allow it for mail.
    Device,
    /// In a browser on this host, which comes back to a port of 127.0.0.1 (RFC 8252 §7.3) with PKCE (RFC 7636).
    Code,
}

/// What the person has to be shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Prompt<'a> {
    /// "Open this address and enter this code."
    Device {
        /// Where to go.
        address: &'a str,
        /// What to enter there.
        code: &'a str,
    },
    /// "Open this address in a browser on this host."
    Browser {
        /// Where to go.
        address: &'a str,
    },
}

/// A source of access tokens. Cloning shares it.
#[derive(Clone)]
pub struct OAuth(Arc<Shared>);

struct Shared {
    endpoint: Endpoint,
    store: Store,
    /// What the store held when it was last read: it spares reading it for every connection.
    known: Mutex<Option<Grant>>,
}

impl OAuth {
    /// Asks nobody yet.
    ///
    /// # Errors
    /// [`SecretError::Http`] if TLS cannot be set up.
    pub fn new(options: OAuthOptions) -> Result<Self, SecretError> {
        let OAuthOptions { provider, client_id, client_secret, store, trust } = options;
        let tls = ClientTls::new(ClientTlsOptions::default()).map_err(HttpError::from)?;
        let endpoint = Endpoint { provider, client_id, client_secret, http: HttpClient::new(tls, trust) };
        Ok(Self(Arc::new(Shared { endpoint, store: Store::new(store), known: Mutex::default() })))
    }

    /// An access token that is good for another minute at least. `again` says that a server refused the last one.
    ///
    /// # Errors
    /// [`SecretError::NoConsent`] where a person has to [authorize](Self::authorize) first; what the provider says; what
    /// the file system says.
    pub async fn token(&self, again: bool) -> Result<Secret, SecretError> {
        let known = self.known();
        if let Some(token) = known.as_ref().filter(|_| !again).and_then(|grant| grant.fresh(now())) {
            return Ok(token);
        }
        // From here on other tasks and processes wait, so that a refresh token for one use is used once.
        let _turn = self.0.store.turn().await?;
        let no_consent = || SecretError::NoConsent { store: self.0.store.path().to_owned() };
        let grant = self.0.store.load().await?.ok_or_else(no_consent)?;
        let refused = known.and_then(|grant| grant.access);
        let newer = |token: &Secret| !again || refused.as_ref().is_some_and(|refused| refused != token);
        if let Some(token) = grant.fresh(now()).filter(newer) {
            self.remember(grant);
            return Ok(token);
        }
        let answer = self.0.endpoint.refresh(&grant.refresh).await?.ok_or_else(no_consent)?;
        let token = answer.access_token.clone();
        self.keep(answer, Some(grant.refresh)).await?;
        Ok(token)
    }

    /// Leads a person through giving consent; `show` tells them what to do. Returns when they have done it.
    ///
    /// # Errors
    /// [`SecretError::ConsentTimedOut`], [`SecretError::Refused`] when they said no, [`SecretError::NoRefreshToken`],
    /// [`SecretError::NoEndpoint`], and what [`Self::token`] can meet.
    pub async fn authorize(&self, flow: Flow, show: impl FnOnce(Prompt<'_>) + Send) -> Result<(), SecretError> {
        let answer = match flow {
            Flow::Device => device::consent(&self.0.endpoint, show).await?,
            Flow::Code => browser::consent(&self.0.endpoint, show).await?,
        };
        let _turn = self.0.store.turn().await?;
        self.keep(answer, None).await
    }

    /// Writes down what the provider gave. RFC 6749 §6: where no new refresh token comes, the old one stays good.
    async fn keep(&self, answer: TokenAnswer, old: Option<Secret>) -> Result<(), SecretError> {
        let no_token = || SecretError::NoRefreshToken { endpoint: self.0.endpoint.name() };
        let expires = answer.expires(now());
        let refresh = answer.refresh_token.or(old).ok_or_else(no_token)?;
        let grant = Grant { refresh, access: Some(answer.access_token), expires };
        self.0.store.save(&grant).await?;
        self.remember(grant);
        Ok(())
    }

    fn known(&self) -> Option<Grant> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, grant: Grant) {
        *self.0.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(grant);
    }
}

impl std::fmt::Debug for OAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuth").field("client_id", &self.0.endpoint.client_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
