//! Who logs in, and where the proof comes from.
//!
//! A [`Login`] names the account and a [`SecretSource`]. The source is asked anew for every connection, so that a changed
//! password file is used at once. Nothing here keeps a secret longer than it must, prints one, or puts one into an error:
//! whatever may hold one shows `***`.
//!
//! ```
//! use rohrpost_sender::{Login, SecretSource};
//!
//! let from_file = Login::new("ann@here.test", SecretSource::file("/run/secrets/smtp"));
//! let from_a_vault = Login::new("ann@here.test", SecretSource::argv(["pass", "show", "mail"]));
//! assert!(!format!("{from_file:?} {from_a_vault:?}").contains("show"));
//! ```
//!
//! The keyring of a desktop is read through its own program: `SecretSource::shell("secret-tool lookup service mail")`.
//! There is no source for it: the libraries that ask it bring a D-Bus stack into every program.

mod command;
mod error;
mod file;
pub mod limits;
pub mod oauth;

pub(crate) use self::file::check_readers;
use std::path::PathBuf;

use rohrpost_client::{Credential, Mechanism};
use rohrpost_mail::Secret;

pub use self::{command::CommandLine, error::SecretError, oauth::OAuth};

/// Who logs in at a server, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Login {
    /// The account. Empty: the user of the server's URL; with [`SecretSource::Certificate`] the name in the certificate.
    pub user: String,
    /// What proves it.
    pub secret: SecretSource,
    /// This mechanism and no other. Default: the best that the server offers.
    pub mechanism: Option<Mechanism>,
    /// Lets the password cross the network in clear text. Default: no; then SCRAM is all that clear text carries.
    pub allow_clear: bool,
}

impl Login {
    /// With the best mechanism that the server offers; nothing that helps others to log in crosses the network in clear.
    pub fn new(user: impl Into<String>, secret: impl Into<SecretSource>) -> Self {
        Self { user: user.into(), secret: secret.into(), mechanism: None, allow_clear: false }
    }

    /// This mechanism and no other. With OAUTHBEARER and XOAUTH2 a password of any source is taken for a token.
    #[must_use]
    pub fn mechanism(mut self, mechanism: Mechanism) -> Self {
        self.mechanism = Some(mechanism);
        self
    }

    /// Lets the password cross the network in clear text where the server offers nothing better; each use is logged.
    #[must_use]
    pub fn allow_clear(mut self, allow: bool) -> Self {
        self.allow_clear = allow;
        self
    }

    /// Whether a refused log-in is worth a second try with `resolve(true)`: only where that gets something new. A password
    /// that was refused once is not sent again, since that only brings the account closer to being locked.
    pub fn is_renewable(&self) -> bool {
        matches!(self.secret, SecretSource::OAuth(_))
    }

    /// Asks the source. `again` says that the server refused what came the last time.
    ///
    /// # Errors
    /// [`SecretError`], which holds nothing of the secret.
    pub async fn resolve(&self, again: bool) -> Result<rohrpost_client::Login, SecretError> {
        let bearer = matches!(self.mechanism, Some(Mechanism::OAuthBearer | Mechanism::XOAuth2));
        let credential = match self.secret.resolve(again).await? {
            Credential::Password(token) if bearer => Credential::Token(token),
            other => other,
        };
        Ok(rohrpost_client::Login { user: self.user.clone(), credential, mechanism: self.mechanism })
    }
}

/// As the user whom the server's URL names.
impl From<SecretSource> for Option<Login> {
    fn from(secret: SecretSource) -> Self {
        Some(Login::new(String::new(), secret))
    }
}

/// Where a password or token comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SecretSource {
    /// It is at hand.
    Text(Secret),
    /// A file that holds it and nothing else; one line end behind it is cut. Others must not be able to read it, except
    /// below `/run/secrets` and `$CREDENTIALS_DIRECTORY`, where the platform sets the modes: there it is only logged.
    File(PathBuf),
    /// The first line that a command prints.
    Command(CommandLine),
    /// A variable of the environment, byte for byte.
    Env(String),
    /// A token of OAuth 2.0.
    OAuth(OAuth),
    /// The certificate that the connection shows in TLS.
    Certificate,
}

impl SecretSource {
    /// The content of a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    /// The first line that a program prints; no shell is involved.
    pub fn argv<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self::Command(CommandLine::Argv(argv.into_iter().map(Into::into).collect()))
    }

    /// The first line that a command line of `/bin/sh` prints.
    pub fn shell(line: impl Into<String>) -> Self {
        Self::Command(CommandLine::Shell(line.into()))
    }

    /// What the keyring of the user's session (Secret Service, as GNOME and KDE have it) has for a user of a service,
    /// looked up by `secret-tool` of libsecret. It was put there by
    /// `secret-tool store --label "Mail" service SERVICE username USER`, the attributes that other programs use, too.
    pub fn keyring(service: impl Into<String>, user: impl Into<String>) -> Self {
        let (service, user) = (service.into(), user.into());
        Self::argv(["secret-tool".to_owned(), "lookup".into(), "service".into(), service, "username".into(), user])
    }

    /// The value of a variable of the environment.
    pub fn env(name: impl Into<String>) -> Self {
        Self::Env(name.into())
    }

    /// Fetches it. `again` says that the server refused what came the last time: a new token is asked for then.
    ///
    /// # Errors
    /// [`SecretError`], which holds nothing of the secret.
    pub async fn resolve(&self, again: bool) -> Result<Credential, SecretError> {
        Ok(match self {
            Self::Text(secret) => Credential::Password(secret.clone()),
            Self::File(path) => Credential::Password(file::read(path.clone()).await?),
            Self::Command(line) => Credential::Password(command::first_line(line).await?),
            Self::Env(name) => Credential::Password(variable(name)?),
            Self::OAuth(oauth) => Credential::Token(oauth.token(again).await?),
            Self::Certificate => Credential::Certificate,
        })
    }
}

impl From<Secret> for SecretSource {
    fn from(secret: Secret) -> Self {
        Self::Text(secret)
    }
}

impl From<OAuth> for SecretSource {
    fn from(oauth: OAuth) -> Self {
        Self::OAuth(oauth)
    }
}

fn variable(name: &str) -> Result<Secret, SecretError> {
    let unusable = |reason| SecretError::Variable { name: name.to_owned(), reason };
    match std::env::var(name) {
        Ok(text) if text.is_empty() => Err(unusable("is empty")),
        Ok(text) => Ok(Secret::new(text)),
        Err(std::env::VarError::NotPresent) => Err(unusable("is not set")),
        Err(std::env::VarError::NotUnicode(_)) => Err(unusable("is not UTF-8")),
    }
}

#[cfg(test)]
mod tests;
