//! Content of an account's message, held in memory while it can still be repaired.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use rohrpost_mail::{QueueId, header};
use rohrpost_store::BodyWriter;

use crate::{
    author::Authors,
    content,
    limits::{HELD_BYTES_MAX, REPAIR_BYTES_MAX},
    peer::Peer,
    refusal::Refusal,
};

/// What all sessions hold.
pub(crate) type Budget = Arc<AtomicUsize>;

/// Content so far, and the writer it will go to.
pub(super) struct Held {
    content: BytesMut,
    writer: BodyWriter,
    authors: Authors,
    share: Share,
}

/// Part of the budget; dropped, it is given back.
struct Share {
    budget: Budget,
    octets: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

impl Held {
    pub(super) fn new(writer: BodyWriter, budget: Budget, authors: Authors) -> Self {
        Self { content: BytesMut::new(), writer, authors, share: Share { budget, octets: 0 } }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.content.extend_from_slice(bytes);
        self.share.octets += bytes.len();
        self.share.budget.fetch_add(bytes.len(), Ordering::Relaxed);
    }

    /// Whether it is too large to be repaired as a whole, or memory is short and its header is complete.
    pub(super) fn is_large(&self) -> bool {
        let is_short = self.share.budget.load(Ordering::Relaxed) > HELD_BYTES_MAX;
        self.content.len() > REPAIR_BYTES_MAX || is_short && !header::split(&self.content).1.is_empty()
    }

    /// Checks and repairs the header and hands all there is to the writer; what follows may be streamed.
    pub(super) async fn release(mut self, peer: &Peer, id: QueueId) -> Result<BodyWriter, Refusal> {
        let head = self.checked_header(peer, id).await?;
        let rest = self.rest();
        self.writer.push(head).await?;
        self.writer.push(rest).await?;
        Ok(self.writer)
    }

    /// Checks and repairs the whole message and hands it to the writer.
    pub(super) async fn finish(mut self, peer: &Peer, id: QueueId) -> Result<BodyWriter, Refusal> {
        let head = self.checked_header(peer, id).await?;
        let message: Bytes = [head, self.rest()].concat().into();
        let repaired = match content::repair_body(&message) {
            Cow::Borrowed(_) => None,
            Cow::Owned(repaired) => Some(Bytes::from(repaired)),
        };
        self.writer.push(repaired.unwrap_or(message)).await?;
        Ok(self.writer)
    }

    /// What follows the header, from the empty line on; one is put in where a line that is no field ended the header.
    fn rest(&mut self) -> Bytes {
        let rest = self.content.split_off(header::split(&self.content).0.len()).freeze();
        if rest.starts_with(b"\r\n") { rest } else { [b"\r\n", &rest[..]].concat().into() }
    }

    async fn checked_header(&self, peer: &Peer, id: QueueId) -> Result<Bytes, Refusal> {
        let (head, _) = header::split(&self.content);
        if let Some(account) = &peer.account {
            self.authors.check_header(account, head).await?;
        }
        let head = peer.uid.map_or(Ok(Cow::Borrowed(head)), |uid| self.authors.header_of_user(uid, head))?;
        let repaired = content::repair_header(&head, id, &peer.host_name, Timestamp::now());
        Ok(Bytes::from(repaired.into_owned()))
    }
}
