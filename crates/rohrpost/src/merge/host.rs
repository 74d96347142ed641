//! The server on this host, over connections to its submit socket that are kept for the next row.
//!
//! It knows a submission again by its id. So what a connection did to one that was used before is no matter: the submission
//! goes out once more, over another.

use std::{
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use bytes::BytesMut;
use rohrpost_client::BodySource as _;
use rohrpost_sender::Mail;
use rohrpost_server::{
    limits::{SUBMIT_FRAME_BYTES_MAX, SUBMIT_PATIENCE},
    submit::{
        Accepted, Refused, Submission,
        frames::{self, Answer, Encoder, FrameError, HEADER_BYTES},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};

/// Octets that an answer has room for at first: it names the message, and nobody who was refused.
const ANSWER_BYTES: usize = 512;

/// The server on this host.
#[derive(Debug)]
pub(crate) struct Host {
    socket: PathBuf,
    idle: Mutex<Vec<UnixStream>>,
}

/// Why a mail was not handed over.
#[derive(Debug)]
pub(super) enum HostError {
    /// Nobody listens: nobody took it.
    Absent(io::Error),
    /// No answer came: it may have been taken.
    Silent(io::Error),
    /// The mail itself cannot be read any more.
    Unreadable(io::Error),
    /// The server says no.
    Refused(Refused),
}

/// Whose fault it is that there is no answer.
enum Fault {
    Server(io::Error),
    Mail(io::Error),
    Envelope(FrameError),
}

impl Host {
    /// The one that listens there.
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket, idle: Mutex::default() }
    }

    /// Hands a mail over.
    pub(super) async fn submit(&self, submission: &Submission, mail: &Mail) -> Result<Accepted, HostError> {
        while let Some(stream) = self.take() {
            match self.ask(stream, submission, mail).await {
                Err(Fault::Server(error)) if error.kind() != io::ErrorKind::TimedOut => {}
                answer => return judged(answer),
            }
        }
        let stream = UnixStream::connect(&self.socket).await.map_err(HostError::Absent)?;
        judged(self.ask(stream, submission, mail).await)
    }

    /// One submission and its answer. The connection is kept where both were whole.
    async fn ask(&self, mut stream: UnixStream, submission: &Submission, mail: &Mail) -> Result<Answer, Fault> {
        let written = write(&mut stream, submission, mail).await;
        let is_whole = match written {
            Ok(()) => true,
            // A server that has made up its mind before it has read everything answers and closes.
            Err(Fault::Server(error)) if error.kind() != io::ErrorKind::TimedOut => false,
            Err(fault) => return Err(fault),
        };
        let answer = patiently(read(&mut stream)).await.map_err(Fault::Server)?;
        if is_whole {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
        }
        Ok(answer)
    }

    fn take(&self) -> Option<UnixStream> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

fn judged(answer: Result<Answer, Fault>) -> Result<Accepted, HostError> {
    match answer {
        Ok(Answer::Accepted(accepted)) => Ok(accepted),
        Ok(Answer::Refused(refused)) => Err(HostError::Refused(refused)),
        Err(Fault::Server(error)) => Err(HostError::Silent(error)),
        Err(Fault::Mail(error)) => Err(HostError::Unreadable(error)),
        Err(Fault::Envelope(error)) => Err(HostError::Refused(error.into())),
    }
}

/// Writes all frames, those of a short mail at once.
async fn write(stream: &mut UnixStream, submission: &Submission, mail: &Mail) -> Result<(), Fault> {
    let mut encoder = Encoder::default();
    let mut octets = encoder.envelope(submission).map_err(Fault::Envelope)?;
    let mut body = mail.open().await.map_err(Fault::Mail)?;
    while let Some(part) = body.next().await.map_err(Fault::Mail)? {
        for part in part.chunks(SUBMIT_FRAME_BYTES_MAX) {
            octets.extend(encoder.body(part).map_err(Fault::Envelope)?);
        }
        if octets.len() >= SUBMIT_FRAME_BYTES_MAX {
            patiently(stream.write_all(&octets)).await.map_err(Fault::Server)?;
            octets.clear();
        }
    }
    octets.extend(encoder.end());
    patiently(stream.write_all(&octets)).await.map_err(Fault::Server)
}

/// An answer is short, and comes in one read.
async fn read(stream: &mut UnixStream) -> io::Result<Answer> {
    let wrong = |error: FrameError| io::Error::new(io::ErrorKind::InvalidData, error);
    // Grows as octets come: a length alone reserves nothing.
    let mut octets = BytesMut::with_capacity(ANSWER_BYTES);
    loop {
        if let Some((start, content)) = octets.split_first_chunk::<HEADER_BYTES>() {
            let (kind, length) = frames::header(*start).map_err(wrong)?;
            if content.len() >= length {
                return frames::read_answer(kind, &content[..length]).map_err(wrong);
            }
        }
        if stream.read_buf(&mut octets).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn patiently<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(SUBMIT_PATIENCE, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
