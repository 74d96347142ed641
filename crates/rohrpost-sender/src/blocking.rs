//! The same sender for programs without an async runtime.
//!
//! It owns a small runtime: one thread that keeps the connections. Inside an async program use
//! [`crate::Sender`] instead: a call here would block the thread that it runs on, and panics in an async task.
//!
//! ```
//! # let runtime = tokio::runtime::Runtime::new()?;
//! # let server = runtime.block_on(rohrpost_sender::testing::Server::start());
//! # let url = server.url();
//! use rohrpost_sender::{Mail, blocking::Sender};
//!
//! let sender = Sender::url(&url, None)?;
//! let mail = Mail::new().from("anna@firma.example").to("bob@kunde.example").subject("Hi").text("Hi Bob").build()?;
//! let receipt = sender.send(&mail)?;
//! assert!(receipt.is_complete());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::{
    error::{ConfigError, Error},
    local::LocalServer,
    mail::Mail,
    receipt::Receipt,
    relays::Relays,
    secret::Login,
    server::Server,
    sink::{FileSink, Sink},
};

/// [`crate::Sender`], blocking. Cloning shares connections and runtime.
#[derive(Clone, Debug)]
pub struct Sender {
    inner: crate::Sender,
    runtime: Arc<Runtime>,
}

impl Sender {
    /// As [`crate::Sender::url`].
    ///
    /// # Errors
    /// [`Kind::Config`](crate::Kind::Config), also when the system gives no thread.
    pub fn url(url: &str, login: impl Into<Option<Login>>) -> Result<Self, Error> {
        Self::new(Server::url(url)?.login(login))
    }

    /// As [`crate::Sender::new`].
    ///
    /// # Errors
    /// [`Kind::Config`](crate::Kind::Config), also when the system gives no thread.
    pub fn new(relays: impl Into<Relays>) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("rohrpost-sender").enable_all().build();
        let runtime = runtime.map_err(|error| ConfigError::Runtime(error.to_string()))?;
        Ok(Self { inner: crate::Sender::new(relays)?, runtime: Arc::new(runtime) })
    }

    /// As [`crate::Sender::send`].
    ///
    /// # Errors
    /// [`Error`] when nobody got the message, or when nobody knows.
    ///
    /// # Panics
    /// In an async task.
    pub fn send(&self, mail: &Mail) -> Result<Receipt, Error> {
        self.runtime.block_on(self.inner.send(mail))
    }

    /// As [`crate::Sender::close`].
    ///
    /// # Panics
    /// In an async task.
    pub fn close(&self) {
        self.runtime.block_on(self.inner.close());
    }
}

/// [`crate::Transport`], blocking.
pub trait Transport: Send + Sync {
    /// Takes a message, or says why not.
    ///
    /// # Errors
    /// [`Error`] when nobody gets it, or nobody knows.
    fn send(&self, mail: &Mail) -> Result<Receipt, Error>;
}

impl Transport for Sender {
    fn send(&self, mail: &Mail) -> Result<Receipt, Error> {
        Self::send(self, mail)
    }
}

impl Transport for Sink {
    fn send(&self, mail: &Mail) -> Result<Receipt, Error> {
        self.keep(mail)
    }
}

impl Transport for FileSink {
    fn send(&self, mail: &Mail) -> Result<Receipt, Error> {
        self.keep(mail)
    }
}

impl Transport for LocalServer {
    fn send(&self, mail: &Mail) -> Result<Receipt, Error> {
        self.hand_over(mail)
    }
}

/// As [`crate::send`].
///
/// # Errors
/// As [`Sender::send`].
pub fn send(url: &str, mail: &Mail) -> Result<Receipt, Error> {
    let sender = Sender::url(url, None)?;
    let receipt = sender.send(mail);
    sender.close();
    receipt
}
