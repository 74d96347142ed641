//! What is to be sent, and what became of it.

use std::{future::Future, io, pin::Pin};

use bytes::{Bytes, BytesMut};
use rohrpost_mail::{Envelope, Recipient, Stage, header};
use rohrpost_smtp::client::Outcome;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::limits::{BODY_BYTES, HEADER_BYTES_MAX};

/// A future in a box: what a method of a trait object returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A message on its way out.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// From whom, and how.
    pub envelope: &'a Envelope,
    /// To whom. More than one transaction takes go in several.
    pub recipients: &'a [Recipient],
    /// Size in octets, for the SIZE parameter (RFC 1870). A server that takes less is not even tried.
    pub octets: u64,
    /// The message, header included. Its line ends need not be CRLF.
    pub body: &'a dyn BodySource,
}

impl std::fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (envelope, recipients) = (self.envelope, self.recipients);
        f.debug_struct("Outgoing").field("envelope", envelope).field("recipients", &recipients).finish_non_exhaustive()
    }
}

impl Outgoing<'_> {
    /// Whether the header keeps a server without SMTPUTF8 from taking the message. It is looked at only where it matters:
    /// many programs declare SMTPUTF8 for messages that do not need it.
    pub(crate) async fn has_utf8_header(&self) -> bool {
        let Ok(mut stream) = self.body.open().await else { return false };
        let mut head = Vec::new();
        while head.len() < HEADER_BYTES_MAX && !ends_header(&head) {
            let Ok(Some(part)) = stream.next().await else { break };
            head.extend_from_slice(&part);
        }
        !header::split(&head).0.is_ascii()
    }
}

fn ends_header(head: &[u8]) -> bool {
    head.windows(4).any(|four| four == b"\r\n\r\n")
}

/// A message that can be read any number of times: again for each transaction, again after a lost connection.
///
/// ```
/// # fn needs_a_source(_: &dyn rohrpost_client::BodySource) {}
/// needs_a_source(&bytes::Bytes::from_static(b"Subject: Hi\r\n\r\nHi\r\n"));
/// ```
pub trait BodySource: Send + Sync {
    /// Starts to read from the front.
    ///
    /// # Errors
    /// What the storage says. The message is not sent then.
    fn open(&self) -> BoxFuture<'_, io::Result<BodyStream>>;
}

impl BodySource for Bytes {
    fn open(&self) -> BoxFuture<'_, io::Result<BodyStream>> {
        Box::pin(std::future::ready(Ok(BodyStream::from(self.clone()))))
    }
}

/// Hands out a message part by part.
pub trait Chunks: Send {
    /// The next part, of any length; `None` at the end. It should not wait long: the server's patience is 3 min.
    ///
    /// # Errors
    /// What the storage says. The connection is given up then, so that half a message is not taken for a whole one.
    fn next(&mut self) -> BoxFuture<'_, io::Result<Option<Bytes>>>;
}

/// A message that is being read.
pub struct BodyStream(Inner);

enum Inner {
    Whole(Bytes),
    Chunks(Box<dyn Chunks>),
}

impl From<Bytes> for BodyStream {
    fn from(whole: Bytes) -> Self {
        Self(Inner::Whole(whole))
    }
}

impl BodyStream {
    /// From a source of parts.
    pub fn from_chunks(chunks: impl Chunks + 'static) -> Self {
        Self(Inner::Chunks(Box::new(chunks)))
    }

    /// From a file or another reader.
    pub fn from_reader(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::from_chunks(Reader(reader))
    }

    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// What the storage says.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match &mut self.0 {
            Inner::Whole(rest) if rest.is_empty() => Ok(None),
            Inner::Whole(rest) => Ok(Some(rest.split_to(rest.len().min(BODY_BYTES)))),
            Inner::Chunks(chunks) => chunks.next().await,
        }
    }
}

struct Reader<R>(R);

impl<R: AsyncRead + Send + Unpin> Chunks for Reader<R> {
    fn next(&mut self) -> BoxFuture<'_, io::Result<Option<Bytes>>> {
        Box::pin(async {
            let mut part = BytesMut::with_capacity(BODY_BYTES);
            let count = self.0.read_buf(&mut part).await?;
            Ok((count > 0).then(|| part.freeze()))
        })
    }
}

/// What became of a message on one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct SendReport {
    /// One for each recipient, in their order.
    pub outcomes: Vec<Outcome>,
    /// How far the dialogue came: the furthest stage of any recipient.
    pub stage: Stage,
    /// The final dot was sent and for somebody no reply came: they may have got it (RFC 1047).
    pub outcome_unknown: bool,
    /// The connection went away before an octet of the message was sent. On a connection that was reused this says
    /// nothing about the server: try once more on a new one.
    pub untouched: bool,
    /// The message was declared 8-bit and the server does not offer 8BITMIME. It was sent as it is (a deviation from
    /// RFC 6152 §3, which asks to convert or to return it): whoever can convert it does so before.
    pub eight_bit_to_seven: bool,
}

impl SendReport {
    /// Whether it says nothing about the message, only about a connection that has been used for too long: it went away, or
    /// MAIL itself was refused. On a reused connection try once more on a new one.
    pub fn is_stale(&self) -> bool {
        let at_mail = |outcome: &Outcome| outcome.as_ref().is_err_and(|failure| failure.stage() == Stage::Mail);
        self.untouched || self.stage == Stage::Mail && self.outcomes.iter().all(at_mail)
    }

    /// Whether everybody got it.
    pub fn is_complete(&self) -> bool {
        self.outcomes.iter().all(Result::is_ok)
    }

    pub(crate) fn new(outcomes: Vec<Outcome>) -> Self {
        let stage_of =
            |outcome: &Outcome| outcome.as_ref().map_or_else(rohrpost_smtp::client::Failure::stage, |_| Stage::Dot);
        let unknown = |outcome: &Outcome| outcome.as_ref().is_err_and(|failure| failure.possible_duplicate);
        Self {
            stage: outcomes.iter().map(stage_of).max().unwrap_or(Stage::Mail),
            outcome_unknown: outcomes.iter().any(unknown),
            untouched: false,
            eight_bit_to_seven: false,
            outcomes,
        }
    }
}
