//! A message on its way out: envelope at hand, body in memory or read from the store part by part.

use std::io;

use bytes::Bytes;
use rohrpost_client::{BodySource, BodyStream, BoxFuture, Chunks};
use rohrpost_mail::{Envelope, QueueId, ReversePath, header, mime::Scanner};
use rohrpost_queue::{Job, Origin};
use rohrpost_store::{BodyReader, BodyRef, Store, StoreError};

use crate::{limits::HEAD_BYTES_MAX, notices::NOTICE};

/// A message that is at work.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: QueueId,
    pub(crate) envelope: Envelope,
    pub(crate) account: Option<String>,
    /// The user of this host whose program handed it in.
    pub(crate) uid: Option<u32>,
    pub(crate) octets: u64,
    /// Octets at its top that are not of the body it shares with others.
    own_octets: usize,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Whole(Bytes),
    Stored(Store, BodyRef),
}

impl Message {
    /// The message of a job: as it was handed over, else from the store. Nothing where it has left the store.
    pub(crate) async fn of(job: &Job, store: &Store) -> Result<Option<Self>, StoreError> {
        let Some(handed) = &job.handed else { return Self::read(job.message, store).await };
        Ok(Some(Self {
            id: job.message,
            envelope: handed.envelope.clone(),
            account: handed.account.clone(),
            uid: handed.uid,
            octets: handed.body.len() as u64,
            own_octets: 0,
            content: Content::Whole(handed.body.clone()),
        }))
    }

    /// A message from the store.
    pub(crate) async fn read(id: QueueId, store: &Store) -> Result<Option<Self>, StoreError> {
        let Some(queued) = store.message(id).await? else { return Ok(None) };
        let (octets, own_octets) = (queued.body.octets(), queued.body.prefix().len());
        let content = match store.open_body(&queued.body).await?.inline() {
            Some(whole) => Content::Whole(whole),
            None => Content::Stored(store.clone(), queued.body),
        };
        let uid = queued.received.submitter_uid();
        Ok(Some(Self { id, envelope: queued.envelope, account: queued.account, uid, octets, own_octets, content }))
    }

    /// The start of the message: its header, or all of it where it is small. The flag says whether it is all.
    pub(crate) async fn head(&self) -> Result<(Bytes, bool), StoreError> {
        let (store, body) = match &self.content {
            Content::Whole(whole) => return Ok((whole.clone(), true)),
            Content::Stored(store, body) => (store, body),
        };
        let mut reader = store.open_body(body).await?;
        let mut head = Vec::new();
        while head.len() < HEAD_BYTES_MAX {
            let Some(part) = reader.next().await? else { return Ok((head.into(), true)) };
            head.extend_from_slice(&part);
        }
        Ok((head.into(), false))
    }

    /// What the routing of what comes of it may ask. `sender` is the reverse path it will have, `head` its header.
    pub(crate) fn origin<'a>(&'a self, sender: &'a ReversePath, head: &'a [u8]) -> Origin<'a> {
        Origin { sender, login: self.account.as_deref(), uid: self.uid, head }
    }

    /// Whether this server wrote it to tell somebody something.
    pub(crate) async fn is_notice(&self, store: &Store) -> Result<bool, StoreError> {
        let queued = store.message(self.id).await?;
        Ok(queued.is_some_and(|queued| queued.received.is_written_here(NOTICE)))
    }

    /// All of it, part by part.
    pub(crate) async fn parts(&self) -> Result<Parts, StoreError> {
        match &self.content {
            Content::Whole(whole) => Ok(Parts::Whole(Some(whole.clone()))),
            Content::Stored(store, body) => Ok(Parts::Stored(store.open_body(body).await?)),
        }
    }

    /// The structure of the body that all its copies share, as the store keeps it.
    pub(crate) async fn shape(&self) -> Result<Bytes, StoreError> {
        let (mut parts, mut scanner) = (self.parts().await?, Scanner::new());
        let mut own_octets = self.own_octets;
        while let Some(part) = parts.next().await? {
            let skipped = own_octets.min(part.len());
            own_octets -= skipped;
            scanner.push(&part[skipped..]);
        }
        Ok(scanner.finish().to_bytes())
    }

    /// The whole message, if it is in memory.
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Whole(whole) => Some(whole),
            Content::Stored(..) => None,
        }
    }

    /// The same message with another content.
    pub(crate) fn with_content(&self, content: Bytes) -> Self {
        Self { octets: content.len() as u64, content: Content::Whole(content), ..self.clone() }
    }
}

/// Whether the message is signed by somebody: re-encoding would break it.
pub(crate) fn is_signed(message: &[u8]) -> bool {
    let head = header::split(message).0;
    let signed_part = header::value(head, "Content-Type").is_some_and(|kind| kind.to_lowercase().contains("signed"));
    signed_part || header::count(head, "DKIM-Signature") > 0
}

impl BodySource for Message {
    fn open(&self) -> BoxFuture<'_, io::Result<BodyStream>> {
        Box::pin(async {
            match &self.content {
                Content::Whole(whole) => Ok(BodyStream::from(whole.clone())),
                Content::Stored(store, body) => {
                    let reader = store.open_body(body).await.map_err(io::Error::other)?;
                    Ok(BodyStream::from_chunks(Stored(reader)))
                }
            }
        })
    }
}

/// A message that is being read.
pub(crate) enum Parts {
    Whole(Option<Bytes>),
    Stored(BodyReader),
}

impl Parts {
    /// The next part; nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Whole(whole) => Ok(whole.take()),
            Self::Stored(reader) => reader.next().await,
        }
    }
}

struct Stored(BodyReader);

impl Chunks for Stored {
    fn next(&mut self) -> BoxFuture<'_, io::Result<Option<Bytes>>> {
        Box::pin(async { self.0.next().await.map_err(io::Error::other) })
    }
}
