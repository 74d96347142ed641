//! Why nobody got a message.

use std::{fmt, io, path::PathBuf, sync::Arc};

use rohrpost_client::{ConnectError, Extension, Failure, OpenFailure, ServerUrlError, SessionError};
use rohrpost_dns::{SystemResolverError, TlsaError};
use rohrpost_mail::{DomainError, EnhancedStatus, Mailbox, Reply, Stage};
use rohrpost_submit::Refused;
use rohrpost_tls::{CertError, TlsError};

use crate::{
    hint,
    known::{Known, KnownServersError},
    limits::DIALOGUES_MAX,
    mail::BuildError,
    receipt::Outcome,
    secret::SecretError,
};

/// What kind of error it is: what a program branches on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// The message itself: wrong addresses, headers, files.
    Build,
    /// The server's name leads nowhere.
    Dns,
    /// No connection came about, or it broke before anything was decided.
    Connect,
    /// Encryption or trust: the handshake, the certificate, or a server that insists on TLS while it is switched off.
    Tls,
    /// The log-in: it is missing, refused, or would have crossed clear text.
    Auth,
    /// The server lacks an extension that the message needs.
    Capability,
    /// The sender was refused, at MAIL.
    Sender,
    /// Every recipient was refused, at RCPT.
    Recipient,
    /// The message was refused, at DATA or behind it.
    Data,
    /// The server does not follow the protocol.
    Protocol,
    /// The server fell silent.
    Timeout,
    /// The connection was lost behind the final dot: nobody knows whether the message arrived.
    AfterDot,
    /// The settings: URLs, names, secrets, certificates of ours.
    Config,
    /// A file of the message could not be read while it was sent.
    Io,
    /// The queue of ours took nothing.
    Spool,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Class {
    /// Trying the same again later may work.
    Temporary,
    /// Trying the same again will not work.
    Permanent,
    /// Neither: nobody knows whether the message arrived.
    Unknown,
    /// The fault is on our side.
    Ours,
}

/// Settings that cannot work.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The URL of a server.
    #[error("server URL: {0}")]
    Url(#[from] ServerUrlError),
    /// The name of a server.
    #[error("server name: {0}")]
    Host(#[from] DomainError),
    /// A user without a secret.
    #[error("the URL names the user {user}, and there is no secret for it")]
    NoSecret {
        /// As the URL names it.
        user: String,
    },
    /// Two users for one server.
    #[error("the URL names the user {url}, the log-in {login}")]
    TwoUsers {
        /// As the URL names it.
        url: String,
        /// As the log-in names it.
        login: String,
    },
    /// A log-in without a user.
    #[error("there is a secret without a user: name it in the URL (smtp://user@host) or in the log-in")]
    NoUser,
    /// A certificate of ours, or another setting of TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// `first-use` without a file that keeps the keys.
    #[error("trust first-use needs a file of known servers")]
    NoKnownServers,
    /// TLSA records belong to names.
    #[error("trust dane needs a server with a name; addresses and unix sockets have no TLSA records")]
    DaneWithoutName,
    /// The DNS servers of this host, which `dane` asks.
    #[error(transparent)]
    Dns(#[from] SystemResolverError),
    /// The selector of a DKIM key.
    #[error("DKIM key: the selector {selector:?} is none: letters, digits and hyphens, in parts with dots between")]
    DkimSelector {
        /// As it was written.
        selector: String,
    },
    /// The domain of a DKIM key.
    #[error("DKIM key: {0}")]
    DkimDomain(#[source] DomainError),
    /// The file of a DKIM key: who may read it.
    #[error("DKIM key: {0}")]
    DkimFile(#[source] SecretError),
    /// The file of a DKIM key: what is in it.
    #[error("DKIM key: {0}")]
    DkimKey(#[source] CertError),
    /// A list of servers without a server, or none for this sender.
    #[error("no server is set for mail from {0}")]
    NoServer(String),
    /// The system gives no runtime to the blocking sender.
    #[error("the blocking sender cannot start: {0}")]
    Runtime(String),
}

/// What happened at one server, or before any.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error("{0}")]
    Build(#[source] BuildError),
    #[error("{0}")]
    Config(#[source] ConfigError),
    #[error("{0}")]
    Secret(#[source] SecretError),
    #[error("{0}")]
    Tlsa(#[source] TlsaError),
    #[error("{0}")]
    Known(#[source] KnownServersError),
    #[error("the server's key has changed: it shows spki-sha256:{found}, known is spki-sha256:{}", known.key)]
    Changed {
        /// What it showed first.
        known: Known,
        /// Digest of the key that it shows now.
        found: String,
    },
    #[error("{place}: {error}")]
    Spool {
        /// Where the message was to be kept.
        place: String,
        #[source]
        error: Arc<io::Error>,
    },
    #[error("the server of this host refused the message: {0}")]
    Handed(#[source] Refused),
    #[error("the server of this host does not answer at {}: {error}; {dropped}", socket.display())]
    Unattended {
        socket: PathBuf,
        #[source]
        error: Arc<io::Error>,
        /// Why the message was not left for it.
        dropped: String,
    },
    #[error("the message cannot be read: {0}")]
    Unreadable(#[source] Arc<io::Error>),
    #[error("{0}")]
    Open(#[source] Box<OpenFailure>),
    #[error("{failure}")]
    Sent {
        #[source]
        failure: Failure,
        /// The server insists on TLS, which our settings kept it from.
        wants_tls: bool,
    },
}

/// One server that was tried, and why it did not take the message.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{server}: {cause}")]
pub struct Attempt {
    pub(crate) server: String,
    #[source]
    pub(crate) cause: Cause,
    pub(crate) transcript: String,
}

impl Attempt {
    /// Which, as `host:port`.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// What kind of error it was.
    pub fn kind(&self) -> Kind {
        self.cause.kind()
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        hint::of(&self.cause)
    }

    /// The dialogue, without secrets and message texts; empty where none came about.
    pub fn transcript(&self) -> &str {
        &self.transcript
    }
}

/// Why nobody got the message, or, for [`Kind::AfterDot`], why nobody knows.
///
/// Where several servers were tried, it speaks for the one that gives most hope: the last one that may work later, else
/// the last one. Where a server's word about everybody is final, it speaks for that one: no later attempt would reach
/// another. [`Error::attempts`] has them all.
///
/// | kind | [`sysexit`](Error::sysexit) |
/// |---|---|
/// | `Build`, and `Sender`, `Data` for good | 65 |
/// | `Recipient` for good | 67 |
/// | `Dns` for good | 68 |
/// | `Tls`, `Capability` | 69 |
/// | `Spool` | 73 |
/// | `AfterDot`, `Io` | 74 |
/// | `Connect`, `Timeout`, and `Dns`, `Auth`, `Sender`, `Recipient`, `Data` for now | 75 |
/// | `Protocol` | 76 |
/// | `Auth` for good | 77 |
/// | `Config` | 78 |
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    cause: Cause,
    attempts: Vec<Attempt>,
    recipients: Vec<(Mailbox, Outcome)>,
}

impl Error {
    /// Nothing was tried.
    pub(crate) fn before(cause: Cause) -> Self {
        Self(Box::new(Inner { cause, attempts: Vec::new(), recipients: Vec::new() }))
    }

    /// No server was tried, and this became of the recipients.
    pub(crate) fn without_attempt(cause: Cause, recipients: Vec<(Mailbox, Outcome)>) -> Self {
        Self(Box::new(Inner { cause, attempts: Vec::new(), recipients }))
    }

    /// These servers were tried, one at least. `is_final`: all that was said about the recipients in the end is final.
    pub(crate) fn after(attempts: Vec<Attempt>, recipients: Vec<(Mailbox, Outcome)>, is_final: bool) -> Self {
        let unknown = attempts.iter().find(|attempt| attempt.kind() == Kind::AfterDot);
        let class = if is_final { Class::Permanent } else { Class::Temporary };
        let telling = || attempts.iter().rev().find(|attempt| attempt.cause.class() == class);
        let told = unknown.or_else(telling).or(attempts.last());
        let cause = told.expect("a server was tried").cause.clone();
        Self(Box::new(Inner { cause, attempts, recipients }))
    }

    /// What kind of error it is.
    pub fn kind(&self) -> Kind {
        self.0.cause.kind()
    }

    /// Whose turn it is.
    pub fn class(&self) -> Class {
        self.0.cause.class()
    }

    /// Whether trying the same again later may work. Not so for [`Kind::AfterDot`], where it may make a second copy.
    pub fn is_temporary(&self) -> bool {
        self.class() == Class::Temporary
    }

    /// The code of `sysexits.h` with which a program should end: the table above. 74 may mean that the message arrived;
    /// every other means that nobody got it.
    pub fn sysexit(&self) -> u8 {
        if let Cause::Handed(refused) = &self.0.cause {
            return refused.sysexit;
        }
        let temporary = self.is_temporary();
        match self.kind() {
            Kind::Dns if !temporary => 68,
            Kind::Auth if !temporary => 77,
            Kind::Recipient if !temporary => 67,
            Kind::Sender | Kind::Data if !temporary => 65,
            Kind::Build => 65,
            Kind::Tls | Kind::Capability => 69,
            Kind::Spool => 73,
            Kind::AfterDot | Kind::Io => 74,
            Kind::Protocol => 76,
            Kind::Config => 78,
            Kind::Dns | Kind::Connect | Kind::Auth | Kind::Sender | Kind::Recipient | Kind::Data | Kind::Timeout => 75,
        }
    }

    /// The status of RFC 3463: the server's, or the one that fits. Nothing where no server was asked.
    pub fn enhanced(&self) -> Option<EnhancedStatus> {
        match &self.0.cause {
            Cause::Open(failure) => Some(failure.error.enhanced()),
            Cause::Sent { failure, .. } => Some(failure.enhanced()),
            Cause::Tlsa(_) | Cause::Changed { .. } => Some(EnhancedStatus(4, 7, 5)),
            _ => None,
        }
    }

    /// The reply that decided, if a server gave one.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.0.cause {
            Cause::Open(failure) => failure.error.reply(),
            Cause::Sent { failure, .. } => failure.reply(),
            _ => None,
        }
    }

    /// How far the dialogue came. Nothing where none was tried.
    pub fn stage(&self) -> Option<Stage> {
        match &self.0.cause {
            Cause::Open(failure) => Some(failure.error.stage()),
            Cause::Sent { failure, .. } => Some(failure.stage()),
            Cause::Tlsa(_) => Some(Stage::Dns),
            Cause::Changed { .. } => Some(Stage::Tls),
            _ => None,
        }
    }

    /// What to do about it, in words for the person who set things up.
    pub fn hint(&self) -> Option<String> {
        hint::of(&self.0.cause)
    }

    /// The servers that were tried, in order.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// The recipients with their outcomes; empty where no server was reached.
    pub fn recipients(&self) -> &[(Mailbox, Outcome)] {
        &self.0.recipients
    }

    /// The dialogues with all servers, each under a line with its name; without secrets and message texts. Of more than
    /// [`DIALOGUES_MAX`] the last.
    pub fn transcript(&self) -> String {
        dialogues(self.0.attempts.iter().map(|attempt| (&*attempt.server, &*attempt.transcript)))
    }
}

/// Dialogues one after the other, each under a line with the name of its server.
pub(crate) fn dialogues<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let held: Vec<_> = all.filter(|(_, dialogue)| !dialogue.is_empty()).collect();
    let last = &held[held.len().saturating_sub(DIALOGUES_MAX)..];
    last.iter().flat_map(|(server, dialogue)| ["== ", server, "\n", dialogue, "\n"]).collect()
}

/// Each server with what it said, in one line.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.0.attempts.split_first() else { return self.0.cause.fmt(f) };
        first.fmt(f)?;
        rest.iter().try_for_each(|attempt| write!(f, "; {attempt}"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { attempts, recipients, .. } = &*self.0;
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("text", &self.to_string())
            .field("attempts", &attempts.len())
            .field("recipients", recipients)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0.cause)
    }
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        Self::before(Cause::Build(error))
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::before(Cause::Config(error))
    }
}

impl Cause {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Build(_) => Kind::Build,
            Self::Secret(error) if error.is_temporary() => Kind::Auth,
            Self::Config(_) | Self::Secret(_) | Self::Known(_) => Kind::Config,
            Self::Spool { .. } => Kind::Spool,
            Self::Handed(refused) => kind_of_exit(refused.sysexit),
            // Without its answer nobody knows, unless it was not even there to take anything.
            Self::Unattended { error, .. } if was_there(error) => Kind::AfterDot,
            Self::Unattended { .. } => Kind::Connect,
            Self::Unreadable(_) => Kind::Io,
            Self::Tlsa(TlsaError::Lookup { .. }) => Kind::Dns,
            Self::Open(failure) if failure.wants_tls() => Kind::Tls,
            Self::Open(failure) => kind_of_opening(&failure.error),
            Self::Sent { failure, .. } if failure.possible_duplicate => Kind::AfterDot,
            Self::Tlsa(_) | Self::Changed { .. } | Self::Sent { wants_tls: true, .. } => Kind::Tls,
            Self::Sent { failure, .. } => kind_of_session(&failure.error),
        }
    }

    /// Whether a server refused user and secret: somebody has to look, however well the next server works.
    pub(crate) fn is_refused_login(&self) -> bool {
        matches!(self, Self::Open(failure) if failure.error.stage() == Stage::Auth && failure.error.reply().is_some())
    }

    pub(crate) fn class(&self) -> Class {
        match (self.kind(), self) {
            (Kind::AfterDot, _) => Class::Unknown,
            (_, Self::Handed(refused)) => class_of_handing(refused),
            (Kind::Config | Kind::Io | Kind::Spool, _) => Class::Ours,
            (Kind::Capability | Kind::Build, _) => Class::Permanent,
            (Kind::Tls, _) | (_, Self::Secret(_)) => Class::Temporary,
            (Kind::Auth | Kind::Dns, Self::Open(failure)) if is_final(&failure.error) => Class::Permanent,
            (_, Self::Sent { failure, .. }) if failure.class == rohrpost_mail::Class::Permanent => Class::Permanent,
            _ => Class::Temporary,
        }
    }
}

/// Whether somebody may have taken something before this happened.
fn was_there(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
    !matches!(error.kind(), NotFound | ConnectionRefused | PermissionDenied)
}

fn class_of_handing(refused: &Refused) -> Class {
    if refused.is_temporary() { Class::Temporary } else { Class::Permanent }
}

/// What the codes of `sysexits.h` mean with which the server of this host refuses.
fn kind_of_exit(sysexit: u8) -> Kind {
    match sysexit {
        67 | 68 => Kind::Recipient,
        77 => Kind::Sender,
        64..=66 | 69 => Kind::Data,
        78 => Kind::Config,
        _ => Kind::Spool,
    }
}

/// A refused log-in stays refused, as does a name that does not exist, and terms on which nobody may log in.
fn is_final(error: &ConnectError) -> bool {
    let is_no = error.stage() == Stage::Auth || error.class() == rohrpost_mail::Class::Permanent;
    error.reply().map_or(is_no, Reply::is_permanent)
}

fn kind_of_opening(error: &ConnectError) -> Kind {
    match error {
        ConnectError::Session(error) => kind_of_session(error),
        ConnectError::Tls(error) if error.class() == rohrpost_mail::Class::Ours => Kind::Config,
        ConnectError::Tls(_) | ConnectError::PasswordToStranger { .. } => Kind::Tls,
        ConnectError::NoMechanism { .. } | ConnectError::PasswordInClear { .. } => Kind::Auth,
        ConnectError::Lookup { .. } => Kind::Dns,
        ConnectError::TimedOut { .. } => Kind::Timeout,
        _ => Kind::Connect,
    }
}

fn kind_of_session(error: &SessionError) -> Kind {
    match error {
        SessionError::Refused { reply, .. } if matches!(reply.code, 530 | 538) => Kind::Auth,
        SessionError::Refused { stage, .. } | SessionError::Closing { stage, .. } => kind_of_refusal(*stage),
        SessionError::NotOffered(Extension::Auth) => Kind::Auth,
        SessionError::NotOffered(_)
        | SessionError::TooLarge { .. }
        | SessionError::Utf8Address
        | SessionError::Utf8Header => Kind::Capability,
        SessionError::Injected => Kind::Tls,
        SessionError::Sasl(error) if error.class() == rohrpost_mail::Class::Ours => Kind::Config,
        SessionError::Sasl(_) => Kind::Auth,
        SessionError::Lost { .. } => Kind::Connect,
        SessionError::TimedOut { .. } => Kind::Timeout,
        SessionError::BodyUnreadable => Kind::Io,
        SessionError::Withheld | SessionError::TooManyRecipients { .. } => Kind::Recipient,
        _ => Kind::Protocol,
    }
}

fn kind_of_refusal(stage: Stage) -> Kind {
    match stage {
        Stage::Tls | Stage::Starttls => Kind::Tls,
        Stage::Auth => Kind::Auth,
        Stage::Mail => Kind::Sender,
        Stage::Rcpt => Kind::Recipient,
        Stage::Data | Stage::Dot => Kind::Data,
        _ => Kind::Connect,
    }
}
