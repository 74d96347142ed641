//! Hands a body out, piece by piece.

use std::{collections::VecDeque, fs::File, io::Read};

use bytes::{Bytes, BytesMut};
use rohrpost_mail::QueueId;

use super::rows::BodyRow;
use crate::{error::StoreError, limits, store::Store};

/// Reads one body. A file's checksum is known at its end only: after an error the message must not be completed.
#[derive(Debug)]
pub struct BodyReader {
    octets: u64,
    memory: VecDeque<Bytes>,
    file: Option<Box<Reading>>,
    lost: bool,
}

#[derive(Debug)]
struct Reading {
    store: Store,
    id: QueueId,
    file: File,
    left: u64,
    sum: crc32fast::Hasher,
    crc: u32,
}

impl BodyReader {
    pub(crate) fn memory(octets: u64, prefix: &Bytes, data: Bytes) -> Self {
        let memory = [prefix.clone(), data].into_iter().filter(|part| !part.is_empty()).collect();
        Self { octets, memory, file: None, lost: false }
    }

    pub(crate) fn file(store: Store, id: QueueId, octets: u64, prefix: &Bytes, row: BodyRow, file: File) -> Self {
        let left = row.octets - row.data.len() as u64;
        let crc = row.file_crc.unwrap_or_default();
        let reading = Reading { store, id, file, left, sum: crc32fast::Hasher::new(), crc };
        Self { file: Some(Box::new(reading)), ..Self::memory(octets, prefix, row.data) }
    }

    /// The next octets, at most [`limits::CHUNK_BYTES`] of a file at once; nothing at the end.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the file is not what was written, [`StoreError::Io`] when it cannot be read.
    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        if let Some(part) = self.memory.pop_front() {
            return Ok(Some(part));
        }
        if self.lost {
            return Err(StoreError::Io("an earlier read of this body failed".to_owned()));
        }
        let Some(reading) = self.file.take() else { return Ok(None) };
        self.lost = true;
        let read = tokio::task::spawn_blocking(move || reading.chunk()).await;
        let (reading, chunk) = read.unwrap_or_else(|_| Err(StoreError::Io("the reader has stopped".to_owned())))?;
        match chunk {
            Ok(chunk) => {
                self.lost = false;
                self.file = (!chunk.is_empty()).then_some(reading);
                Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
            }
            Err(reason) => Err(reading.store.quarantine_body(reading.id, reason).await),
        }
    }

    /// Octets of the whole message.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// The whole message where it is in memory.
    pub fn inline(&self) -> Option<Bytes> {
        match (&self.file, self.memory.len()) {
            (Some(_), _) => None,
            (None, 1) => self.memory.front().cloned(),
            (None, _) => {
                let mut whole = BytesMut::new();
                self.memory.iter().for_each(|part| whole.extend_from_slice(part));
                Some(whole.freeze())
            }
        }
    }
}

impl Reading {
    /// The next octets, none at the end, or what is wrong with the file.
    fn chunk(mut self: Box<Self>) -> Result<(Box<Self>, Result<Bytes, String>), StoreError> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(limits::CHUNK_BYTES);
        if room == 0 {
            let right = self.sum.clone().finalize() == self.crc;
            let end = if right { Ok(Bytes::new()) } else { Err("the file's checksum does not match".to_owned()) };
            return Ok((self, end));
        }
        let mut chunk = vec![0; room];
        let read = self.file.read(&mut chunk)?;
        if read == 0 {
            return Ok((self, Err("the file is too short".to_owned())));
        }
        chunk.truncate(read);
        self.sum.update(&chunk);
        self.left -= read as u64;
        Ok((self, Ok(chunk.into())))
    }
}
