//! Whatever takes mail: a sender, or in its place a sink.

use std::{ops::Deref, sync::Arc};

use rohrpost_client::BoxFuture;

use crate::{error::Error, mail::Mail, receipt::Receipt, sender::Sender};

/// Whatever takes mail. A program that asks for `&dyn Transport` or `Arc<dyn Transport>` can be given a [`Sender`], a
/// [`Sink`](crate::Sink) in its tests, or a [`FileSink`](crate::FileSink) on a developer's machine.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::sync::Arc;
/// use rohrpost_sender::{Error, Mail, Sink, Transport};
///
/// async fn welcome(mailer: &dyn Transport, to: &str) -> Result<(), Error> {
///     let mail = Mail::new().from("office@firma.example").to(to).subject("Welcome").text("Hello!").build()?;
///     mailer.send(&mail).await.map(drop)
/// }
///
/// let sink = Sink::new();
/// let mailer: Arc<dyn Transport> = Arc::new(sink.clone());
/// welcome(&mailer, "bob@kunde.example").await?;
/// assert_eq!(sink.kept()[0].recipients[0].address.to_string(), "bob@kunde.example");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Transport: Send + Sync {
    /// Takes a message, or says why not.
    ///
    /// # Errors
    /// [`Error`] when nobody gets it, or nobody knows.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<Receipt, Error>>;
}

impl Transport for Sender {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(Self::send(self, mail))
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<Receipt, Error>> {
        self.deref().send(mail)
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<Receipt, Error>> {
        self.deref().send(mail)
    }
}
