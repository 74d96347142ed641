//! Takes a body in, piece by piece: in memory while it is small, in a file of its own once it is not.

use std::{fs::File, mem, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    Body, Content,
    budget::{Budget, Claim},
    files::{Files, NewFile},
};
use crate::{error::StoreError, ids::Ids, limits};

/// Takes in one body. Dropped before [`BodyWriter::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BodyWriter {
    files: Arc<Files>,
    ids: Arc<Ids>,
    inline_bytes_max: usize,
    claim: Claim,
    octets: u64,
    /// The whole message, or its start once there is a file.
    head: BytesMut,
    /// Whether the head holds the whole header.
    head_complete: bool,
    spill: Spill,
}

/// Where the octets beyond memory go.
#[derive(Debug)]
enum Spill {
    /// There is no file yet.
    None,
    /// A file, and what is gathered for it.
    File(Box<Spilled>),
    /// A write failed or was cancelled: the body is lost.
    Lost,
}

#[derive(Debug)]
struct Spilled {
    files: Arc<Files>,
    new: NewFile,
    file: File,
    sum: crc32fast::Hasher,
    tail: BytesMut,
}

impl BodyWriter {
    pub(crate) fn new(files: Arc<Files>, ids: Arc<Ids>, budget: &Arc<Budget>, inline_bytes_max: usize) -> Self {
        Self {
            files,
            ids,
            inline_bytes_max: inline_bytes_max.min(limits::HEAD_BYTES_MAX),
            claim: budget.claim(),
            octets: 0,
            head: BytesMut::new(),
            head_complete: false,
            spill: Spill::None,
        }
    }

    /// Takes the next octets of the message.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Io`] when the file cannot be written; the body is lost then.
    pub async fn push(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.octets += bytes.len() as u64;
        if matches!(self.spill, Spill::None) {
            if self.head.len() + bytes.len() <= self.inline_bytes_max && self.claim.grow(bytes.len()) {
                self.gather(bytes);
                return Ok(());
            }
            self.start_file().await?;
        }
        let spilled = self.spilled()?;
        spilled.tail.extend_from_slice(&bytes);
        if spilled.tail.len() >= limits::SPILL_BYTES {
            self.write().await?;
        }
        self.extend_head(&bytes);
        Ok(())
    }

    /// Keeps the octets in memory. The first of them, which are the whole of a small message, are not copied.
    fn gather(&mut self, bytes: Bytes) {
        match bytes.try_into_mut() {
            Ok(bytes) if self.head.is_empty() => self.head = bytes,
            Ok(bytes) => self.head.extend_from_slice(&bytes),
            Err(bytes) => self.head.extend_from_slice(&bytes),
        }
    }

    /// Octets so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// The start of the message: at least its whole header, as far as it has come in and up to
    /// [`limits::HEAD_BYTES_MAX`].
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Closes the body; `prefix` are the fields to stand at its top. A file is durable afterwards, entry included.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Io`] when the file cannot be written or synced.
    pub async fn finish(mut self, prefix: Bytes) -> Result<Body, StoreError> {
        let octets = self.octets + prefix.len() as u64;
        if matches!(self.spill, Spill::None) {
            let message = join(prefix, mem::take(&mut self.head));
            return Ok(Body { octets, content: Content::Inline { message, _claim: Some(Arc::new(self.claim)) } });
        }
        // Boxed, for most messages have no file.
        Box::pin(self.finish_file(octets, prefix)).await
    }

    async fn finish_file(mut self, octets: u64, prefix: Bytes) -> Result<Body, StoreError> {
        self.write().await?;
        let Spill::File(spilled) = mem::replace(&mut self.spill, Spill::Lost) else { return Err(lost()) };
        let (new, crc) = blocking(move || {
            spilled.files.sync(spilled.new.id, &spilled.file)?;
            Ok((spilled.new, spilled.sum.finalize()))
        })
        .await?;
        Ok(Body { octets, content: Content::File { new: Arc::new(new), crc, prefix } })
    }

    async fn start_file(&mut self) -> Result<(), StoreError> {
        let (files, id) = (self.files.clone(), self.ids.next());
        let tail = BytesMut::from(&self.head[..]);
        self.spill = Spill::Lost;
        let spilled = blocking(move || {
            let (new, file) = files.create(id)?;
            Ok(Spilled { files, new, file, sum: crc32fast::Hasher::new(), tail })
        });
        self.spill = Spill::File(Box::new(spilled.await?));
        self.trim_head();
        Ok(())
    }

    /// Writes what is gathered.
    async fn write(&mut self) -> Result<(), StoreError> {
        let Spill::File(mut spilled) = mem::replace(&mut self.spill, Spill::Lost) else { return Err(lost()) };
        let spilled = blocking(move || {
            spilled.sum.update(&spilled.tail);
            spilled.files.write(&mut spilled.file, &spilled.tail)?;
            spilled.tail.clear();
            Ok(spilled)
        });
        self.spill = Spill::File(spilled.await?);
        Ok(())
    }

    fn spilled(&mut self) -> Result<&mut Spilled, StoreError> {
        match &mut self.spill {
            Spill::File(spilled) => Ok(spilled),
            Spill::None | Spill::Lost => Err(lost()),
        }
    }

    /// Keeps the header and gives the memory of the rest back.
    fn trim_head(&mut self) {
        if let Some(end) = header_end(&self.head) {
            self.head_complete = true;
            self.head = BytesMut::from(&self.head[..end]);
            self.claim.shrink_to(end);
        }
    }

    /// Goes on gathering the header, which may be longer than memory had room for: it is needed all the same.
    fn extend_head(&mut self, bytes: &[u8]) {
        if self.head_complete {
            return;
        }
        let room = limits::HEAD_BYTES_MAX - self.head.len().min(limits::HEAD_BYTES_MAX);
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.head_complete = bytes.len() >= room;
        self.trim_head();
    }
}

/// Where the header ends: behind its empty line.
fn header_end(head: &[u8]) -> Option<usize> {
    head.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

fn join(prefix: Bytes, head: BytesMut) -> Bytes {
    if prefix.is_empty() {
        return head.freeze();
    }
    let mut whole = BytesMut::with_capacity(prefix.len() + head.len());
    whole.put(prefix);
    whole.put(head);
    whole.freeze()
}

fn lost() -> StoreError {
    StoreError::Io("an earlier write of this body failed".to_owned())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(lost()))
}
