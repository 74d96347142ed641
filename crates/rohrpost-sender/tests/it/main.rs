//! The sender against servers in this process, over real sockets of loopback.
#![expect(clippy::unwrap_used, reason = "all of this is test code, also the functions that are no tests themselves")]

mod dkim;
mod failover;
mod identity;
mod kinds;
mod mail;
mod old_tls;
mod outcomes;
mod proxies;
mod reuse;

use rohrpost_sender::{Error, Mail, Receipt, Relays, Sender, Server};

/// A short mail to these.
fn mail(to: &[&str]) -> Mail {
    Mail::new().from("anna@firma.test").to(to).subject("Hi").text("Hi").build().unwrap()
}

/// A short mail to Bob on its way through these.
async fn send(relays: impl Into<Relays>) -> Result<Receipt, Error> {
    Sender::new(relays).unwrap().send(&mail(&["bob@kunde.test"])).await
}

/// One server by its URL.
fn server(url: impl AsRef<str>) -> Server {
    Server::url(url.as_ref()).unwrap()
}
