//! One message over one connection to one address: an open connection where there is one, the policy's last word on
//! clear text, and what the record says about it.

use std::sync::Arc;

use bytes::Bytes;
use rohrpost_client::{ConnectError, Connection, LinkTls, Outgoing, SendReport};
use rohrpost_mail::{BodyKind, Link, MinTls, Policy, Recipient, Stage, seven_bit};
use rohrpost_tls::TlsError;

use crate::{
    limits::REENCODED_BYTES_MAX,
    message::{Message, is_signed},
    shared::Shared,
    verdict::Hop,
    way::Candidate,
};

/// Sends over an open connection, else over a new one; in clear text where rule 20 allows it.
pub(crate) async fn deliver(
    shared: &Shared,
    message: &Message,
    candidate: &Candidate,
    recipients: &[Recipient],
) -> Result<(Arc<Hop>, SendReport), (Arc<Hop>, ConnectError)> {
    if let Some(connection) = shared.pool.take(&candidate.target) {
        let (hop, report) = send(shared, message, connection, candidate, recipients).await;
        if !report.untouched {
            return Ok((hop, report));
        }
    }
    let connection = open(shared, candidate).await?;
    Ok(send(shared, message, connection, candidate, recipients).await)
}

async fn open(shared: &Shared, candidate: &Candidate) -> Result<Connection, (Arc<Hop>, ConnectError)> {
    let failed = |error| (Arc::new(hop_without(candidate)), error);
    let tls = shared.tls.with(candidate.certificate.as_ref()).map_err(|error| failed(error.into()))?;
    let error = match Connection::open(&candidate.target, &tls).await {
        Ok(connection) => {
            if let (Link::Tls(_), Some(address)) = (connection.link(), candidate.target.endpoint.address()) {
                shared.fallback.worked(address);
            }
            return Ok(connection);
        }
        Err(error) => error,
    };
    match candidate.target.endpoint.address() {
        Some(address) if candidate.may_fall_back() && error.is_handshake_failure() => {
            if !shared.fallback.failed(address, shared.now().steady) {
                return Err(failed(error));
            }
            let mut target = candidate.target.clone();
            target.tls = LinkTls::Fallback;
            Connection::open(&target, &tls).await.map_err(failed)
        }
        _ => Err(failed(error)),
    }
}

async fn send(
    shared: &Shared,
    message: &Message,
    mut connection: Connection,
    candidate: &Candidate,
    recipients: &[Recipient],
) -> (Arc<Hop>, SendReport) {
    let hop = Arc::new(hop_of(&connection, candidate));
    let narrowed = if connection.capabilities().eight_bit_mime { None } else { narrowed(message) };
    let message = narrowed.as_ref().unwrap_or(message);
    let Message { envelope, octets, .. } = message;
    let outgoing = Outgoing { envelope, recipients, octets: *octets, body: message };
    let report = connection.send(&outgoing).await;
    shared.pool.put(connection);
    (hop, report)
}

/// The error; what the server lacks, where that is known; and where the policy made it an error: which and whose.
pub(crate) fn explain(error: &ConnectError, candidate: &Candidate) -> String {
    let Candidate { policy, source, .. } = candidate;
    let mut text = error.to_string();
    if let ConnectError::Tls(TlsError::Version) = error {
        text.push_str(match candidate.target.min_tls {
            MinTls::Tls12 => ": it speaks nothing above TLS 1.1, we need 1.2 or 1.3",
            MinTls::Tls13 => ": it speaks nothing above TLS 1.2, min_tls asks for 1.3",
        });
    }
    if candidate.may_fall_back() && error.is_handshake_failure() {
        return format!("{text}; clear text is not thought of before five minutes have passed");
    }
    let about_tls = matches!(error.stage(), Stage::Starttls | Stage::Tls);
    if about_tls && *policy > Policy::Opportunistic {
        return format!("{text}; the policy is {policy} ({source}), nothing was sent");
    }
    text
}

/// The message in seven bits for a server that takes no more, unless that would break a signature or cost too much.
fn narrowed(message: &Message) -> Option<Message> {
    let whole = message.whole().filter(|whole| whole.len() as u64 <= REENCODED_BYTES_MAX)?;
    if whole.is_ascii() || is_signed(whole) {
        return None;
    }
    let mut narrow = message.with_content(Bytes::from(seven_bit::encode(whole).into_owned()));
    narrow.envelope.body = BodyKind::SevenBit;
    Some(narrow)
}

fn hop_without(candidate: &Candidate) -> Hop {
    Hop {
        protocol: candidate.protocol(false, false),
        peer: Some(candidate.peer.clone()),
        address: candidate.target.endpoint.address(),
        account: candidate.target.login.as_ref().map(|login| login.user.clone()),
        policy: Some(candidate.policy),
        source: Some(candidate.source),
        link: Link::None,
        reports: false,
    }
}

fn hop_of(connection: &Connection, candidate: &Candidate) -> Hop {
    let is_logged_in = connection.mechanism().is_some();
    Hop {
        protocol: candidate.protocol(matches!(connection.link(), Link::Tls(_)), is_logged_in),
        account: candidate.target.login.as_ref().filter(|_| is_logged_in).map(|login| login.user.clone()),
        link: connection.link().clone(),
        reports: connection.capabilities().dsn,
        ..hop_without(candidate)
    }
}
