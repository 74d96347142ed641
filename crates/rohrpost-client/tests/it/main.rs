//! The client against scripted servers, over real sockets on loopback.
#![expect(clippy::unwrap_used, reason = "all of this is test code, also the functions that are no tests themselves")]

mod attacks;
mod delivery;
mod log_in;
mod paired;
mod peer;
mod pool;
mod secured;
mod tls12;

use bytes::Bytes;
use rohrpost_client::{Connection, Endpoint, Outgoing, SendReport, Target};
use rohrpost_mail::{Envelope, Host, Recipient};
use rohrpost_tls::{ClientTls, ClientTlsOptions};

/// A short message, and what of it stands on the wire.
const MESSAGE: &[u8] = b"Subject: Hi\r\n\r\nHi\r\n";

/// What a server with PIPELINING says before the first transaction.
const GREETING: &str = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 PIPELINING\n";

/// One transaction for one recipient with PIPELINING that goes well.
const TRANSACTION: &str = "C: MAIL FROM:<>\nC: RCPT TO:<bob@there.test>\nC: DATA\n\
    S: 250 ok\nS: 250 ok\nS: 354 go on\nBODY\nS: 250 2.0.0 taken\n";

fn tls() -> ClientTls {
    rohrpost_tls::install_provider();
    ClientTls::new(ClientTlsOptions::default()).unwrap()
}

fn target(endpoint: impl Into<Endpoint>) -> Target {
    Target::new(endpoint, Host::parse("here.test").unwrap())
}

async fn open(endpoint: impl Into<Endpoint>) -> Connection {
    Connection::open(&target(endpoint), &tls()).await.unwrap()
}

/// Sends [`MESSAGE`] to these.
async fn send(connection: &mut Connection, to: &[&str]) -> SendReport {
    let recipients = recipients(to);
    let (envelope, body) = (Envelope::default(), Bytes::from_static(MESSAGE));
    let octets = MESSAGE.len() as u64;
    connection.send(&Outgoing { envelope: &envelope, recipients: &recipients, octets, body: &body }).await
}

fn recipients(to: &[&str]) -> Vec<Recipient> {
    to.iter().map(|text| Recipient::new(text.parse().unwrap())).collect()
}
