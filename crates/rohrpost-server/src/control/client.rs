//! The asking end, blocking: commands have nothing else to do.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::limits::{CONTROL_ANSWER_BYTES_MAX, CONTROL_REQUEST_BYTES_MAX};

/// How long a command waits for its answer: a verb over a long queue takes a while.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// No server runs on this directory.
    #[error("no server is listening")]
    NobodyListens,
    /// The request is larger than a server takes.
    #[error("the request is larger than {CONTROL_REQUEST_BYTES_MAX} octets")]
    TooLarge,
    /// The server ended, or was ended, while it was asked.
    #[error("the server ended before it answered")]
    Closed,
    /// The server took longer than a command waits.
    #[error("no answer from the server within {} minutes", ANSWER_TIMEOUT.as_secs() / 60)]
    Late,
    /// The caller may not, or the connection fails.
    #[error("no answer from the server: {0}")]
    Io(io::Error),
}

impl From<io::Error> for AskError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
        match error.kind() {
            BrokenPipe | ConnectionReset | UnexpectedEof => Self::Closed,
            // What a timeout of a socket is called differs.
            TimedOut | WouldBlock => Self::Late,
            _ => Self::Io(error),
        }
    }
}

/// Sends one request and waits for its answer.
pub fn ask(socket: &Path, request: &[u8]) -> Result<Vec<u8>, AskError> {
    let length = u32::try_from(request.len()).map_err(|_| AskError::TooLarge)?;
    if request.len() > CONTROL_REQUEST_BYTES_MAX {
        return Err(AskError::TooLarge);
    }
    let mut stream = connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(&[&length.to_be_bytes(), request].concat())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u64::from(u32::from_be_bytes(length));
    if length > CONTROL_ANSWER_BYTES_MAX as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too large").into());
    }
    let mut answer = Vec::new();
    stream.take(length).read_to_end(&mut answer)?;
    if (answer.len() as u64) < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(answer)
}

fn connect(socket: &Path) -> Result<UnixStream, AskError> {
    UnixStream::connect(socket).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::NobodyListens,
        _ => AskError::Io(error),
    })
}
