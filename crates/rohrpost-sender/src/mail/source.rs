//! Octets that can be read again and again, and the message that is read out of them.
//!
//! A mail may be sent more than once: to a second server, after a lost connection, in several transactions. So what it
//! is made of is not read into memory but opened anew each time, and its size is known before the first octet is read.

use std::{
    fmt,
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
    sync::Arc,
};

use bytes::{Buf, Bytes};
use rohrpost_client::{BodySource, BodyStream, BoxFuture, Chunks};
use rohrpost_mail::encode::{base64_lines, base64_lines_octets};

use super::limits::READ_BYTES;

/// Octets at hand, a file, or a function that opens something to read.
///
/// ```
/// use rohrpost_sender::Source;
///
/// assert_eq!(Source::from("abc").octets(), 3);
/// let zeros = Source::reader(1 << 30, || Ok(std::io::Read::take(std::io::repeat(0), 1 << 30)));
/// assert_eq!(zeros.octets(), 1 << 30);
/// assert_eq!(Source::file("/nowhere").unwrap_err().kind(), std::io::ErrorKind::NotFound);
/// ```
#[derive(Clone)]
pub struct Source {
    octets: u64,
    kind: Kind,
}

type Open = dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync;

#[derive(Clone)]
enum Kind {
    Bytes(Bytes),
    File(Arc<Path>),
    Reader(Arc<Open>),
}

impl Source {
    /// Octets at hand.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { octets: bytes.len() as u64, kind: Kind::Bytes(bytes) }
    }

    /// A file, which is opened each time it is read. It must keep its size until it is sent.
    ///
    /// # Errors
    /// It is not there, or it is no file but a directory, a pipe or a device, which have no size.
    pub fn file(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Self { octets: metadata.len(), kind: Kind::File(path.into()) })
    }

    /// Whatever `open` opens; it must give exactly `octets` octets, the same ones each time.
    pub fn reader<R: Read + Send + 'static>(
        octets: u64,
        open: impl Fn() -> io::Result<R> + Send + Sync + 'static,
    ) -> Self {
        let open = move || -> io::Result<Box<dyn Read + Send>> { Ok(Box::new(open()?)) };
        Self { octets, kind: Kind::Reader(Arc::new(open)) }
    }

    /// How many octets there are.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// The octets, if they are at hand.
    pub(super) fn at_hand(&self) -> Option<&Bytes> {
        match &self.kind {
            Kind::Bytes(bytes) => Some(bytes),
            Kind::File(_) | Kind::Reader(_) => None,
        }
    }

    /// Starts to read from the front.
    pub(super) fn open(&self) -> io::Result<impl Read + Send + use<>> {
        let (name, reader): (_, Box<dyn Read + Send>) = match &self.kind {
            Kind::Bytes(bytes) => (String::new(), Box::new(Cursor::new(bytes.clone()))),
            Kind::File(path) => {
                let name = path.display().to_string();
                let file =
                    File::open(path).map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
                (name, Box::new(file))
            }
            Kind::Reader(open) => ("a reader".to_owned(), open()?),
        };
        Ok(Exact { reader, left: self.octets, octets: self.octets, name })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Source");
        shown.field("octets", &self.octets);
        if let Kind::File(path) = &self.kind {
            shown.field("file", path);
        }
        shown.finish_non_exhaustive()
    }
}

impl From<Bytes> for Source {
    fn from(bytes: Bytes) -> Self {
        Self::bytes(bytes)
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::bytes(bytes)
    }
}

impl From<String> for Source {
    fn from(text: String) -> Self {
        Self::bytes(text)
    }
}

impl From<&'static [u8]> for Source {
    fn from(bytes: &'static [u8]) -> Self {
        Self::bytes(bytes)
    }
}

impl From<&'static str> for Source {
    fn from(text: &'static str) -> Self {
        Self::bytes(text)
    }
}

/// What was to be sent is not what it was when the mail was built.
#[derive(Debug, thiserror::Error)]
#[error("{name} no longer has the {octets} octets it had when the mail was built")]
struct Changed {
    name: String,
    octets: u64,
}

/// Reads exactly what was announced, or fails: half a file must not be taken for a whole one.
struct Exact<R> {
    reader: R,
    left: u64,
    octets: u64,
    name: String,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One more octet is asked for at the end, to see that there is none.
        let room = usize::try_from(self.left.max(1)).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.reader.read(&mut buffer[..room])?;
        match self.left.checked_sub(count as u64) {
            Some(left) if count > 0 || left == 0 || room == 0 => {
                self.left = left;
                Ok(count)
            }
            _ => {
                let name = std::mem::take(&mut self.name);
                Err(io::Error::new(io::ErrorKind::InvalidData, Changed { name, octets: self.octets }))
            }
        }
    }
}

/// A stretch of a message.
#[derive(Clone)]
pub(super) enum Segment {
    /// As it is, at hand.
    Written(Bytes),
    /// As it is, to be read.
    Whole(Source),
    /// To be read and written in base64.
    Base64(Source),
}

impl Segment {
    /// Octets on the wire.
    pub(super) fn octets(&self) -> u64 {
        match self {
            Self::Written(bytes) => bytes.len() as u64,
            Self::Whole(source) => source.octets(),
            Self::Base64(source) => base64_lines_octets(source.octets()),
        }
    }

    /// Whether reading it may wait for a disk.
    fn may_wait(&self) -> bool {
        match self {
            Self::Written(_) => false,
            Self::Whole(source) | Self::Base64(source) => source.at_hand().is_none(),
        }
    }
}

/// Reads a whole message, as it goes over the wire: [`Mail::reader`](super::Mail::reader).
///
/// At most 64 KiB of it are in memory at a time, besides what was in memory before.
pub struct MailReader {
    segments: Arc<[Segment]>,
    next: usize,
    open: Option<OpenSegment>,
    rest: Bytes,
}

struct OpenSegment {
    reader: Box<dyn Read + Send>,
    base64: bool,
}

impl MailReader {
    pub(super) fn new(segments: &Arc<[Segment]>) -> Self {
        Self { segments: Arc::clone(segments), next: 0, open: None, rest: Bytes::new() }
    }

    /// The next stretch; none at the end.
    fn next_part(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(open) = &mut self.open {
                match open.next_part()? {
                    Some(part) => return Ok(Some(part)),
                    None => self.open = None,
                }
            }
            let Some(segment) = self.segments.get(self.next) else { return Ok(None) };
            self.next += 1;
            let (source, base64) = match segment {
                Segment::Written(bytes) => return Ok(Some(bytes.clone())),
                Segment::Whole(source) => (source, false),
                Segment::Base64(source) => (source, true),
            };
            self.open = Some(OpenSegment { reader: Box::new(source.open()?), base64 });
        }
    }
}

impl OpenSegment {
    fn next_part(&mut self) -> io::Result<Option<Bytes>> {
        // Only the last part may be short, or base64 would be padded in the middle.
        let mut octets = Vec::with_capacity(READ_BYTES);
        self.reader.by_ref().take(READ_BYTES as u64).read_to_end(&mut octets)?;
        let part = if self.base64 { base64_lines(&octets).into() } else { octets.into() };
        Ok(Some(part).filter(|part: &Bytes| !part.is_empty()))
    }
}

impl Read for MailReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.next_part()? {
                Some(part) => self.rest = part,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.rest.len());
        self.rest.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl fmt::Debug for MailReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailReader").field("next", &self.next).finish_non_exhaustive()
    }
}

/// Segments as the client wants them.
impl BodySource for super::Mail {
    fn open(&self) -> BoxFuture<'_, io::Result<BodyStream>> {
        let stream = match &*self.segments {
            [Segment::Written(whole)] => BodyStream::from(whole.clone()),
            segments => {
                let may_wait = segments.iter().any(Segment::may_wait);
                BodyStream::from_chunks(Parts { reader: Some(self.reader()), may_wait })
            }
        };
        Box::pin(std::future::ready(Ok(stream)))
    }
}

/// Reads on another thread what may wait for a disk.
struct Parts {
    /// None while it is being read from.
    reader: Option<MailReader>,
    may_wait: bool,
}

impl Chunks for Parts {
    fn next(&mut self) -> BoxFuture<'_, io::Result<Option<Bytes>>> {
        Box::pin(async {
            let Some(mut reader) = self.reader.take() else {
                return Err(io::Error::other("the reading of this message was given up"));
            };
            let (reader, part) = if self.may_wait {
                let read = move || {
                    let part = reader.next_part();
                    (reader, part)
                };
                tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
            } else {
                let part = reader.next_part();
                (reader, part)
            };
            self.reader = Some(reader);
            part
        })
    }
}
