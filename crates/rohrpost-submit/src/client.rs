//! The asking end of the submit socket, blocking.

use std::{
    io::{self, Read},
    os::unix::net::UnixStream,
    path::Path,
};

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with,
    sockopt::{Timeout, set_socket_timeout},
};

use crate::{
    Submission,
    frames::{self, Answer, Encoder, FrameError, HEADER_BYTES, Kind},
    limits::{ATTEMPT_TIME_MAX, FRAME_BYTES_MAX, PATIENCE},
    words::{Accepted, Mode, Refused, Tried},
};

/// What came of a submission.
#[derive(Debug)]
pub enum SubmitAnswer {
    /// The message is on stable storage.
    Accepted(Accepted),
    /// Nobody gets it. That is final.
    Refused(Refused),
    /// No answer came, so the message may or may not have been taken: leave it in the drop directory, under the same id.
    Unreachable(io::Error),
    /// The message itself could not be read to its end.
    Unreadable(io::Error),
}

/// Hands a message in at `socket`. `body` is read once, to its end; nothing of it is held.
///
/// A server that does not take the connection, the content or the answer's time for [`PATIENCE`] counts as down.
pub fn submit(socket: &Path, submission: &Submission, body: impl Read) -> SubmitAnswer {
    submit_and_wait(socket, submission, body).0
}

/// As [`submit`]. After [`Mode::Interactive`] it comes back when the first attempt is over, with what came of it; without
/// that where the attempt takes longer than [`ATTEMPT_TIME_MAX`] or the server ends: the message is in the queue then, as
/// any other.
pub fn submit_and_wait(socket: &Path, submission: &Submission, body: impl Read) -> (SubmitAnswer, Option<Tried>) {
    let answer = match hand_in(socket, submission, body) {
        Ok((Answer::Accepted(accepted), stream)) => {
            let waits = submission.options.mode == Mode::Interactive && !accepted.ids.is_empty();
            return (SubmitAnswer::Accepted(accepted), if waits { read_tried(stream) } else { None });
        }
        Ok((Answer::Refused(refused), _)) => SubmitAnswer::Refused(refused),
        Err(Failure::Server(error)) => SubmitAnswer::Unreachable(error),
        Err(Failure::Body(error)) => SubmitAnswer::Unreadable(error),
        Err(Failure::Options(error)) => SubmitAnswer::Refused(error.into()),
    };
    (answer, None)
}

/// Whose fault it is that frames are not written.
#[derive(Debug)]
pub(super) enum Failure {
    /// Of who takes them.
    Server(io::Error),
    /// Of the content.
    Body(io::Error),
    /// Of the envelope.
    Options(FrameError),
}

fn hand_in(socket: &Path, submission: &Submission, body: impl Read) -> Result<(Answer, UnixStream), Failure> {
    let mut stream = open(socket).map_err(Failure::Server)?;
    let answer = match write(&mut stream, submission, body) {
        // A server that has made up its mind before it has read everything answers and closes.
        Err(Failure::Server(error)) => read(&mut stream).map_err(|_| Failure::Server(error)),
        Err(failure) => Err(failure),
        Ok(()) => read(&mut stream).map_err(Failure::Server),
    };
    answer.map(|answer| (answer, stream))
}

/// Connects. The time-out for sending is one for connecting too: a server that hangs has a full queue of connections.
fn open(path: &Path) -> io::Result<UnixStream> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(UnixStream::from(socket))
}

/// Writes all frames of a submission.
pub(super) fn write(out: &mut impl io::Write, submission: &Submission, mut body: impl Read) -> Result<(), Failure> {
    let mut encoder = Encoder::default();
    let envelope = encoder.envelope(submission).map_err(Failure::Options)?;
    out.write_all(&envelope).map_err(Failure::Server)?;
    let mut buffer = vec![0; FRAME_BYTES_MAX];
    loop {
        let octets = fill(&mut body, &mut buffer).map_err(Failure::Body)?;
        if octets == 0 {
            break;
        }
        let frame = encoder.body(&buffer[..octets]).map_err(Failure::Options)?;
        out.write_all(&frame).map_err(Failure::Server)?;
    }
    out.write_all(&encoder.end()).map_err(Failure::Server)
}

/// Reads until the buffer is full or nothing is left.
fn fill(body: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match body.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(octets) => filled += octets,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn read(stream: &mut UnixStream) -> io::Result<Answer> {
    let (kind, content) = read_frame(stream)?;
    frames::read_answer(kind, &content).map_err(wrong)
}

/// What came of the first attempt; nothing where nobody says so in time.
fn read_tried(mut stream: UnixStream) -> Option<Tried> {
    set_socket_timeout(&stream, Timeout::Recv, Some(ATTEMPT_TIME_MAX + PATIENCE)).ok()?;
    let (kind, content) = read_frame(&mut stream).ok()?;
    frames::read_tried(kind, &content).ok()?
}

fn wrong(error: FrameError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn read_frame(stream: &mut UnixStream) -> io::Result<(Kind, Vec<u8>)> {
    let mut start = [0; HEADER_BYTES];
    stream.read_exact(&mut start)?;
    let (kind, length) = frames::header(start).map_err(wrong)?;
    // Grows as octets come: a length alone reserves nothing.
    let mut content = Vec::new();
    stream.take(length as u64).read_to_end(&mut content)?;
    if content.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((kind, content))
}
