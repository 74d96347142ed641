//! DATA and BDAT: the message itself, and what becomes of it.

use std::time::{Duration, Instant};

use rohrpost_mail::Reply;

use super::{
    event::{Accepted, CloseReason, Event},
    profile::{BareNewline, Protocol},
    replies::{self, Fixed},
    session::{Phase, Question, Reading, Session},
    tally::Consequence,
};
use crate::{
    bdat::{self, Chunk},
    content::ContentError,
    data,
    limits::EMPTY_CHUNKS_MAX,
};

/// A chunk that is read for its end only.
#[derive(Debug)]
pub(super) struct Drain {
    /// So many are left.
    octets: u64,
    /// What to answer then.
    reply: Reply,
    /// Whether the client is to blame.
    is_error: bool,
}

impl<P> Session<P> {
    /// Answers [`Event::End`] with 250. RFC 5321 §4.2.5: from here on the message is our duty, and `P` is the proof
    /// that it is on disk.
    pub fn accept_message(&mut self, now: Instant, proof: P, accepted: Accepted) {
        drop(proof);
        if !matches!(self.question, Some(Question::End)) {
            return;
        }
        let Accepted { id, per_recipient } = accepted;
        let stored = Reply::with(250, 6, 0, format!("Message queued as {id}"));
        self.tally.stored();
        self.end_message(now, per_recipient.unwrap_or_default(), stored);
    }

    /// Answers [`Event::End`] with a refusal; 421 also ends the session.
    pub fn refuse_message(&mut self, now: Instant, reply: Reply) {
        if matches!(self.question, Some(Question::End)) {
            self.end_message(now, Vec::new(), reply);
        }
    }

    /// Replies to the message: once, or in LMTP for each recipient (RFC 2033 §4.2), whatever `single` has no own for.
    fn end_message(&mut self, now: Instant, per_recipient: Vec<Reply>, single: Reply) {
        self.question = None;
        self.clock.touch(now);
        let leaving = single.code == 421;
        self.write_verdict(per_recipient, single);
        self.forget_message(now);
        if leaving {
            self.close(CloseReason::Refused);
        }
        self.at_boundary();
    }

    fn write_verdict(&mut self, per_recipient: Vec<Reply>, single: Reply) {
        let Some(transaction) = &self.transaction else { return };
        let smtputf8 = transaction.is_smtputf8();
        let lmtp = self.profile.protocol == Protocol::Lmtp;
        let count = if lmtp { transaction.recipients } else { 1 };
        let own = per_recipient.into_iter().filter(|_| lmtp);
        for reply in own.chain(std::iter::repeat(single)).take(count) {
            self.output.reply(&reply, smtputf8);
        }
    }

    /// The driver knows what became of the message.
    fn forget_message(&mut self, now: Instant) {
        self.transaction = None;
        self.reading = Reading::Commands;
        self.phase = Phase::Ready;
        self.clock.transaction_ends(now);
    }

    /// Asks whether the message may come.
    pub(super) fn ask_data(&mut self) {
        self.question = Some(Question::Data);
        self.events.push_back(Event::Data);
    }

    pub(super) fn data_accepted(&mut self, now: Instant) {
        self.reading = Reading::Data(data::Reader::new(self.profile.size_max).into());
        self.clock.body(now, 0);
        self.output.plain(354, "Go ahead, end with a dot on a line of its own");
        self.output.flush();
    }

    /// RFC 5321 §4.1.1.4: the transaction is over, as after a message.
    pub(super) fn data_refused(&mut self, now: Instant, reply: &Reply) {
        self.output.reply(reply, false);
        self.end_transaction(now);
        self.phase = Phase::Ready;
    }

    /// Octets of the message.
    pub(super) fn data(&mut self, now: Instant, mut reader: Box<data::Reader>, input: &[u8]) -> usize {
        let read = reader.read(input);
        self.clock.body(now, read.taken);
        self.body(read.body, reader.error());
        if read.ended {
            self.complete(now, reader.octets(), reader.error(), reader.bare_newline());
        } else {
            self.reading = Reading::Data(reader);
        }
        read.taken
    }

    fn body(&mut self, body: bytes::Bytes, error: Option<ContentError>) {
        if error.is_some() {
            // Nothing comes of this message; the driver need not keep it until its end.
            if let Some(transaction) = &mut self.transaction
                && !std::mem::replace(&mut transaction.aborted, true)
            {
                self.events.push_back(Event::Abort);
            }
        } else if !body.is_empty() {
            self.events.push_back(Event::Body(body));
        }
    }

    /// The message has been read to its true end.
    fn complete(&mut self, now: Instant, octets: u64, error: Option<ContentError>, bare_newline: bool) {
        self.clock.body_ends();
        if bare_newline && self.profile.bare_newline == BareNewline::Reject {
            // Nothing that was sent behind such a message is executed.
            self.write_verdict(Vec::new(), replies::CONTENT_BARE_NEWLINE.into());
            return self.close(CloseReason::BareNewline);
        }
        if let Some(error) = error {
            self.write_verdict(Vec::new(), replies::of_content(error).into());
            return self.forget_message(now);
        }
        self.question = Some(Question::End);
        self.events.push_back(Event::End { octets });
    }

    /// Asks, as DATA does, whether the message may come.
    pub(super) fn ask_chunk(&mut self, chunk: Chunk) {
        self.question = Some(Question::Chunk(chunk));
        self.events.push_back(Event::Data);
    }

    pub(super) fn chunks_accepted(&mut self, now: Instant, chunk: Chunk) {
        if let Some(transaction) = &mut self.transaction {
            transaction.chunks = Some(bdat::Reader::new(self.profile.size_max).into());
            self.phase = Phase::Chunks;
            self.next_chunk(now, chunk);
        }
    }

    pub(super) fn chunks_refused(&mut self, now: Instant, chunk: Chunk, reply: Reply) {
        if chunk.last {
            self.end_transaction(now);
            self.phase = Phase::Ready;
        } else {
            self.phase = Phase::ChunkFailed;
        }
        self.refuse_chunk(now, chunk, reply, false);
    }

    pub(super) fn next_chunk(&mut self, now: Instant, chunk: Chunk) {
        let Some(transaction) = &mut self.transaction else { return };
        let Some(reader) = &mut transaction.chunks else { return };
        if chunk == (Chunk { octets: 0, last: false }) {
            transaction.empty_chunks += 1;
            if transaction.empty_chunks > EMPTY_CHUNKS_MAX {
                return self.error(now, replies::EMPTY_CHUNKS);
            }
        }
        reader.begin(chunk);
        self.clock.body(now, 0);
        if chunk.octets == 0 {
            self.chunk(now, &[]);
        } else {
            self.reading = Reading::Chunk;
        }
    }

    /// Octets of a chunk.
    pub(super) fn chunk(&mut self, now: Instant, input: &[u8]) -> usize {
        let Some(mut reader) = self.transaction.as_mut().and_then(|transaction| transaction.chunks.take()) else {
            return input.len();
        };
        let read = reader.read(input);
        self.clock.body(now, read.taken);
        self.body(read.body, reader.error());
        match (read.ended, reader.is_last()) {
            (false, _) => self.reading = Reading::Chunk,
            (true, false) => self.chunk_ends(reader.error()),
            (true, true) => self.complete(now, reader.octets(), reader.error(), reader.bare_newline()),
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.chunks = Some(reader);
        }
        read.taken
    }

    /// A chunk that was not the last has been read.
    fn chunk_ends(&mut self, error: Option<ContentError>) {
        self.clock.body_ends();
        match error {
            None => self.reply(replies::CHUNK_OK),
            Some(error) => {
                self.reply(replies::of_content(error));
                self.phase = Phase::ChunkFailed;
            }
        }
    }

    /// A chunk that cannot be taken: its octets must still be read, or they would be commands.
    pub(super) fn refuse_chunk(&mut self, now: Instant, chunk: Chunk, reply: Reply, is_error: bool) {
        self.clock.body(now, 0);
        let drain = Box::new(Drain { octets: chunk.octets, reply, is_error });
        if chunk.octets == 0 {
            self.drain(now, drain, &[]);
        } else {
            self.reading = Reading::Drain(drain);
        }
    }

    /// A chunk at the wrong time.
    pub(super) fn misplaced_chunk(&mut self, now: Instant, chunk: Chunk, fixed: Fixed) {
        self.refuse_chunk(now, chunk, fixed.into(), true);
    }

    /// Octets of a chunk that nobody wants, and after the last the reply.
    pub(super) fn drain(&mut self, now: Instant, mut drain: Box<Drain>, input: &[u8]) -> usize {
        let taken = usize::try_from(drain.octets).map_or(input.len(), |octets| octets.min(input.len()));
        drain.octets -= taken as u64;
        self.clock.body(now, taken);
        if drain.octets > 0 {
            self.reading = Reading::Drain(drain);
            return taken;
        }
        self.clock.body_ends();
        let consequence = if drain.is_error { self.tally.error() } else { Consequence::Delay(Duration::ZERO) };
        self.error_with(now, &drain.reply, consequence);
        taken
    }
}
