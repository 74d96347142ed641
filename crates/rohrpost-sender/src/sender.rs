//! The sender: messages in, receipts out.

use std::sync::Arc;

use rohrpost_client::{Connection, Outgoing};
use rohrpost_mail::ReversePath;

use crate::{
    error::Error,
    journey::Journey,
    mail::{BuildError, Mail},
    receipt::Receipt,
    relays::{Relays, Ways},
    secret::Login,
    server::Server,
};

/// Sends mail through one server or several. Cloning shares the connections.
///
/// Make one and keep it: it holds connections open for a minute, keeps to the rate of each server, and begins with what
/// worked last. Dropping it closes them; [`Sender::close`] says goodbye before.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let server = rohrpost_sender::testing::Server::start().await;
/// # let url = server.url();
/// use rohrpost_sender::{Mail, Sender};
///
/// let sender = Sender::url(&url, None)?;
/// let mail = Mail::new().from("anna@firma.example").to("bob@kunde.example").subject("Hi").text("Hi Bob").build()?;
/// let receipt = sender.send(&mail).await?;
/// assert!(receipt.is_complete());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sender(Arc<Ways>);

impl Sender {
    /// For one server by its URL, as [`Server::url`] reads it. The user may stand in the URL; the secret never does.
    ///
    /// # Errors
    /// [`Kind::Config`](crate::Kind::Config).
    pub fn url(url: &str, login: impl Into<Option<Login>>) -> Result<Self, Error> {
        Self::new(Server::url(url)?.login(login))
    }

    /// For these servers. Nothing is opened yet.
    ///
    /// # Errors
    /// [`Kind::Config`](crate::Kind::Config): no server at all, a log-in that is not whole, a client certificate or an
    /// authority that cannot be read.
    pub fn new(relays: impl Into<Relays>) -> Result<Self, Error> {
        Ok(Self(Arc::new(Ways::new(relays.into())?)))
    }

    /// Sends a message, trying one server after the other as [`Relays`] says.
    ///
    /// It succeeds when at least one recipient's server took it; what became of each is in the receipt. Nothing is resent
    /// where the reply to the whole message did not come: those recipients are
    /// [`Outcome::Unknown`](crate::Outcome::Unknown).
    ///
    /// Cancelling the future leaves open whether the message was sent.
    ///
    /// # Errors
    /// [`Error`] when nobody got it, or, of kind [`AfterDot`](crate::Kind::AfterDot), when nobody knows.
    pub async fn send(&self, mail: &Mail) -> Result<Receipt, Error> {
        if mail.recipients().is_empty() {
            return Err(BuildError { faults: vec![("to", "nobody is named as a recipient".to_owned())] }.into());
        }
        let mut journey = Journey::new(mail);
        for lane in self.0.order(&mail.envelope().reverse_path)? {
            if journey.is_over() {
                break;
            }
            let recipients = journey.waiting();
            let outgoing = Outgoing {
                envelope: mail.envelope(),
                recipients: &recipients,
                octets: mail.octets(),
                body: mail.source(),
            };
            match lane.send(&outgoing).await {
                Ok(passage) => journey.passed(lane.name(), passage),
                Err(attempt) => journey.failed(*attempt),
            }
        }
        journey.finish()
    }

    /// Opens a connection to the first server that takes one, logged in as its terms say, for whoever wants to look at it.
    ///
    /// # Errors
    /// [`Error`] with each server that was tried.
    pub async fn connect(&self) -> Result<Connection, Error> {
        let mut attempts = Vec::new();
        for lane in self.0.order(&ReversePath::Null)? {
            match lane.connect().await {
                Ok(connection) => return Ok(connection),
                Err(attempt) => attempts.push(*attempt),
            }
        }
        Err(Error::after(attempts, Vec::new(), false))
    }

    /// Says goodbye on all connections that are not in use. The sender can be used further.
    pub async fn close(&self) {
        for lane in self.0.lanes() {
            lane.close().await;
        }
    }
}

/// Sends one message to one server, without a log-in: [`Sender::url`], [`Sender::send`] and [`Sender::close`] in one call.
///
/// # Errors
/// As [`Sender::send`].
pub async fn send(url: &str, mail: &Mail) -> Result<Receipt, Error> {
    let sender = Sender::url(url, None)?;
    let receipt = sender.send(mail).await;
    sender.close().await;
    receipt
}
