//! Reads one submission, from a socket or a drop file, into the intake.

use std::{io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use rohrpost_intake::submit::{Accepted, Begun, Refused, Submitter, Submitting, Way};
use rohrpost_mail::Reply;
use rohrpost_smtp::bdat::{Chunk, ContentError, Reader};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};

use super::{
    Mode, Submission, Submit,
    frames::{self, Decoder, FrameError, HEADER_BYTES, Kind, Part},
};

/// `EX_DATAERR` of `sysexits.h`.
const EX_DATAERR: u8 = 65;

/// Why there is no submission.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The octets end, or cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// They are no frames.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// The next frame does not come.
    #[error("the program is silent")]
    Silent,
}

/// What was read.
pub(super) enum Received {
    /// A whole message; nothing is stored yet.
    Whole(Box<Submitting>),
    /// The answer was known before its end.
    Answered(Result<Accepted, Refused>),
}

/// Frames from a stream.
pub(super) struct Frames<R> {
    stream: R,
    decoder: Decoder,
    /// How long the next one may take.
    patience: Option<Duration>,
    /// What the submission asks for; known when its envelope was read.
    pub(super) mode: Mode,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) fn new(stream: R, patience: Option<Duration>) -> Self {
        Self { stream, decoder: Decoder::default(), patience, mode: Mode::default() }
    }

    /// The stream, for what follows the last frame.
    pub(super) fn into_inner(self) -> R {
        self.stream
    }

    /// The next frame: what it means, and its content.
    async fn next(&mut self) -> Result<(Part, Bytes), Broken> {
        let frame = read_frame(&mut self.stream);
        let (kind, content) = match self.patience {
            Some(patience) => timeout(patience, frame).await.map_err(|_| Broken::Silent)??,
            None => frame.await?,
        };
        Ok((self.decoder.take(kind, &content)?, content))
    }
}

async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> Result<(Kind, Bytes), Broken> {
    let mut start = [0; HEADER_BYTES];
    stream.read_exact(&mut start).await?;
    let (kind, length) = frames::header(start)?;
    // Frames of this direction are short; only answers are not, and those do not belong here.
    if kind.is_answer() {
        return Err(FrameError::OutOfOrder(kind).into());
    }
    let mut content = BytesMut::zeroed(length);
    stream.read_exact(&mut content).await?;
    Ok((kind, content.freeze()))
}

impl Submit {
    /// Reads a submission of `uid` to its end, or until its answer is known.
    pub(super) async fn receive<R: AsyncRead + Unpin>(
        &self,
        frames: &mut Frames<R>,
        uid: u32,
        way: Way,
    ) -> Result<Received, Broken> {
        let submission = loop {
            if let (Part::Submission(submission), _) = frames.next().await? {
                break *submission;
            }
        };
        let submitter = Submitter { uid, way, session: Arc::from(submission.session()) };
        let Submission { id, options, environment } = submission;
        frames.mode = options.mode;
        tracing::debug!(session = %submitter.session, uid, way = way.as_str(), ?environment, "submission");
        match self.intake.submit(&submitter, id, options).await {
            Ok(Begun::New(submitting)) => self.content(frames, submitting).await,
            Ok(Begun::Repeated(accepted)) => Ok(Received::Answered(Ok(accepted))),
            Err(refused) => Ok(Received::Answered(Err(refused))),
        }
    }

    /// The message itself. Every line end becomes CRLF on the way.
    async fn content<R: AsyncRead + Unpin>(
        &self,
        frames: &mut Frames<R>,
        mut submitting: Box<Submitting>,
    ) -> Result<Received, Broken> {
        let mut reader = Reader::new(self.size_max);
        loop {
            let (part, octets) = frames.next().await?;
            let last = part == Part::End;
            let octets = if last { Bytes::new() } else { octets };
            reader.begin(Chunk { octets: octets.len() as u64, last });
            let content = reader.read(&octets).body;
            if let Some(error) = reader.error() {
                let (sysexit, reply) = unusable(error);
                return Ok(Received::Answered(submitting.reject(sysexit, reply).await));
            }
            if !content.is_empty() {
                submitting.push(content).await;
            }
            if last {
                return Ok(Received::Whole(submitting));
            }
        }
    }
}

/// What is said of content that no server takes, in the words of one.
fn unusable(error: ContentError) -> (u8, Reply) {
    let (code, subject, detail) = match error {
        ContentError::TooLarge { .. } => (552, 3, 4),
        _ => (554, 6, 0),
    };
    (EX_DATAERR, Reply::with(code, subject, detail, error.to_string()))
}
