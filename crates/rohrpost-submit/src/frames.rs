//! The frames of a submission, on the socket and in a drop file. Pure: octets in, parts of a submission out.
//!
//! A frame is one octet that says what it is, four octets of length (most significant first), and so many octets. Nothing
//! in it is a line or a command, so no content can be mistaken for one.
//!
//! ```text
//! Begin        version, id, and the options and environment as JSON
//! Recipients   a part of the recipients as JSON; none, or many of these
//! Content      that was the envelope
//! Body         octets of the message; none, or many of these
//! End          how many octets the bodies had, and the CRC-32 of all frames before this one
//!              ◀── Answer, on the socket: taken or refused, as JSON
//!              ◀── Tried, for those who wait for it: what came of the first attempt, as JSON
//! ```
//!
//! The checksum is for drop files, which a crash may have cut or blanked, and for programs that write both at once.

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};

use crate::{
    Submission,
    limits::{ANSWER_BYTES_MAX, FRAME_BYTES_MAX, RECIPIENTS_MAX},
    words::{Accepted, Options, Refused, To, Tried},
};

/// The version of this format.
pub const VERSION: u8 = 1;
/// Octets before the content of a frame.
pub const HEADER_BYTES: usize = 5;

/// What a frame is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The first.
    Begin,
    /// A part of the recipients.
    Recipients,
    /// The envelope is complete.
    Content,
    /// A part of the message.
    Body,
    /// The last.
    End,
    /// What the server says.
    Answer,
    /// What it says after the first attempt.
    Tried,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::Begin, Self::Recipients, Self::Content, Self::Body, Self::End, Self::Answer, Self::Tried];

    fn octet(self) -> u8 {
        match self {
            Self::Begin => 1,
            Self::Recipients => 2,
            Self::Content => 3,
            Self::Body => 4,
            Self::End => 5,
            Self::Answer => 6,
            Self::Tried => 7,
        }
    }

    /// Whether the server sends it.
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Answer | Self::Tried)
    }
}

/// Why octets are no submission.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// No frame begins like this.
    #[error("no frame begins with {0}")]
    UnknownKind(u8),
    /// A frame says that it is longer than frames are.
    #[error("a frame of {0} octets is too long")]
    TooLong(u32),
    /// A frame stands where another one belongs.
    #[error("a frame {0:?} does not belong there")]
    OutOfOrder(Kind),
    /// The submission is of another release.
    #[error("version {0} of the frames is not known")]
    Version(u8),
    /// What should be JSON is none, or says something else.
    #[error("{0:?} cannot be read")]
    Unreadable(Kind),
    /// More recipients than any message has.
    #[error("more than {RECIPIENTS_MAX} recipients")]
    TooManyRecipients,
    /// The octets are not those that were written.
    #[error("the length or the checksum at the end is another one")]
    Checksum,
}

impl FrameError {
    /// What `sysexits.h` calls it for whoever writes frames: an option longer than any can be is `EX_USAGE`.
    pub(crate) fn sysexit(&self) -> u8 {
        const EX_USAGE: u8 = 64;
        const EX_UNAVAILABLE: u8 = 69;
        if *self == Self::TooManyRecipients { EX_UNAVAILABLE } else { EX_USAGE }
    }
}

/// What cannot be written is as good as refused.
impl From<FrameError> for Refused {
    fn from(error: FrameError) -> Self {
        Self { sysexit: error.sysexit(), text: error.to_string() }
    }
}

/// What the server says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Taken, and on stable storage.
    Accepted(Accepted),
    /// Not taken; final.
    Refused(Refused),
}

/// The JSON of the first frame.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    options: Options,
    #[serde(default)]
    environment: Vec<(String, String)>,
}

/// Reads the start of a frame: what it is, and how many octets follow.
///
/// # Errors
/// No frame is like this.
pub fn header(octets: [u8; HEADER_BYTES]) -> Result<(Kind, usize), FrameError> {
    let [kind, length @ ..] = octets;
    let kind = Kind::ALL.into_iter().find(|known| known.octet() == kind).ok_or(FrameError::UnknownKind(kind))?;
    let length = u32::from_be_bytes(length);
    let max = if kind.is_answer() { ANSWER_BYTES_MAX } else { FRAME_BYTES_MAX };
    match usize::try_from(length) {
        Ok(octets) if octets <= max => Ok((kind, octets)),
        _ => Err(FrameError::TooLong(length)),
    }
}

/// Writes one frame.
///
/// # Errors
/// The content is longer than such a frame can be.
pub fn frame(kind: Kind, content: &[u8]) -> Result<Vec<u8>, FrameError> {
    let length = u32::try_from(content.len()).map_err(|_| FrameError::TooLong(u32::MAX))?;
    let [a, b, c, d] = length.to_be_bytes();
    let start = [kind.octet(), a, b, c, d];
    header(start)?;
    Ok([&start[..], content].concat())
}

/// Recipients in one frame: each may have an address, an original one and its reports.
const RECIPIENTS_PER_FRAME: usize = 32;

/// Makes the frames of one submission, in their order.
#[derive(Default)]
pub struct Encoder {
    sum: Hasher,
    octets: u64,
}

impl Encoder {
    /// The envelope: everything before the content.
    ///
    /// # Errors
    /// An option is longer than any can be, or there are more than [`RECIPIENTS_MAX`] recipients: a server would hang up on
    /// them, and the message would seem to be one for its drop directory.
    pub fn envelope(&mut self, submission: &Submission) -> Result<Vec<u8>, FrameError> {
        let Submission { id, options, environment } = submission;
        let (options, recipients) = (Options { recipients: Vec::new(), ..options.clone() }, &options.recipients);
        if recipients.len() > RECIPIENTS_MAX {
            return Err(FrameError::TooManyRecipients);
        }
        let begin = json(&Begin { options, environment: environment.clone() });
        let mut frames = self.add(Kind::Begin, &[&[VERSION], &id[..], &begin].concat())?;
        for part in recipients.chunks(RECIPIENTS_PER_FRAME) {
            frames.extend(self.add(Kind::Recipients, &json(&part))?);
        }
        frames.extend(self.add(Kind::Content, &[])?);
        Ok(frames)
    }

    /// A part of the message, at most [`FRAME_BYTES_MAX`] octets.
    ///
    /// # Errors
    /// It is longer.
    pub fn body(&mut self, octets: &[u8]) -> Result<Vec<u8>, FrameError> {
        self.octets += octets.len() as u64;
        self.add(Kind::Body, octets)
    }

    /// That was all.
    pub fn end(self) -> Vec<u8> {
        let content = [&self.octets.to_be_bytes()[..], &self.sum.finalize().to_be_bytes()].concat();
        frame(Kind::End, &content).expect("twelve octets are no long frame")
    }

    fn add(&mut self, kind: Kind, content: &[u8]) -> Result<Vec<u8>, FrameError> {
        let frame = frame(kind, content)?;
        self.sum.update(&frame);
        Ok(frame)
    }
}

/// What a frame brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// A part of the envelope.
    Envelope,
    /// All of it.
    Submission(Box<Submission>),
    /// The content of this frame is a part of the message.
    Body,
    /// The message is complete.
    End,
}

/// Reads the frames of one submission.
#[derive(Default)]
pub struct Decoder {
    state: State,
    sum: Hasher,
    octets: u64,
}

/// Where in a submission the reader stands.
///
/// ```text
/// Start ── Begin ──▶ Envelope ── Content ──▶ Content ── End ──▶ Ended
///                     │    ▲                   │   ▲
///                     └────┘ Recipients        └───┘ Body
/// ```
#[derive(Debug, Default)]
enum State {
    #[default]
    Start,
    Envelope(Box<Submission>),
    Content,
    Ended,
}

impl Decoder {
    /// Takes one whole frame.
    ///
    /// # Errors
    /// It does not belong there, or cannot be read. The submission is over then.
    pub fn take(&mut self, kind: Kind, content: &[u8]) -> Result<Part, FrameError> {
        let sum = self.sum.clone();
        let length = u32::try_from(content.len()).map_err(|_| FrameError::TooLong(u32::MAX))?;
        self.sum.update(&[kind.octet()]);
        self.sum.update(&length.to_be_bytes());
        self.sum.update(content);
        let (state, part) = match (std::mem::replace(&mut self.state, State::Ended), kind) {
            (State::Start, Kind::Begin) => (State::Envelope(Box::new(begun(content)?)), Part::Envelope),
            (State::Envelope(submission), Kind::Recipients) => {
                (State::Envelope(with_recipients(submission, content)?), Part::Envelope)
            }
            (State::Envelope(submission), Kind::Content) => (State::Content, Part::Submission(submission)),
            (State::Content, Kind::Body) => {
                self.octets += u64::from(length);
                (State::Content, Part::Body)
            }
            (State::Content, Kind::End) => {
                let expected = [&self.octets.to_be_bytes()[..], &sum.finalize().to_be_bytes()].concat();
                if content != expected {
                    return Err(FrameError::Checksum);
                }
                (State::Ended, Part::End)
            }
            (_, kind) => return Err(FrameError::OutOfOrder(kind)),
        };
        self.state = state;
        Ok(part)
    }
}

fn begun(content: &[u8]) -> Result<Submission, FrameError> {
    let unreadable = FrameError::Unreadable(Kind::Begin);
    let (version, rest) = content.split_first().ok_or_else(|| unreadable.clone())?;
    if *version != VERSION {
        return Err(FrameError::Version(*version));
    }
    let (id, text) = rest.split_first_chunk().ok_or_else(|| unreadable.clone())?;
    let Begin { options, environment } = serde_json::from_slice(text).map_err(|_| unreadable)?;
    Ok(Submission { id: *id, options, environment })
}

fn with_recipients(mut submission: Box<Submission>, content: &[u8]) -> Result<Box<Submission>, FrameError> {
    let more: Vec<To> = serde_json::from_slice(content).map_err(|_| FrameError::Unreadable(Kind::Recipients))?;
    submission.options.recipients.extend(more);
    if submission.options.recipients.len() > RECIPIENTS_MAX {
        return Err(FrameError::TooManyRecipients);
    }
    Ok(submission)
}

/// The frame of an answer.
pub fn answer(answer: &Answer) -> Vec<u8> {
    // Ten thousand refused recipients fit; longer texts than any of ours do not come up.
    frame(Kind::Answer, &json(answer)).expect("an answer is bounded by the number of recipients")
}

/// Reads an answer.
///
/// # Errors
/// It is none.
pub fn read_answer(kind: Kind, content: &[u8]) -> Result<Answer, FrameError> {
    match kind {
        Kind::Answer => serde_json::from_slice(content).map_err(|_| FrameError::Unreadable(kind)),
        kind => Err(FrameError::OutOfOrder(kind)),
    }
}

/// The frame that says what came of the first attempt; nothing where that took too long.
pub fn tried(tried: Option<&Tried>) -> Vec<u8> {
    frame(Kind::Tried, &json(&tried)).expect("it is bounded by the number of recipients")
}

/// Reads it.
///
/// # Errors
/// It is none.
pub fn read_tried(kind: Kind, content: &[u8]) -> Result<Option<Tried>, FrameError> {
    match kind {
        Kind::Tried => serde_json::from_slice(content).map_err(|_| FrameError::Unreadable(kind)),
        kind => Err(FrameError::OutOfOrder(kind)),
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("it is plain data")
}

#[cfg(test)]
mod tests;
