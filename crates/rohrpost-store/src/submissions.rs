//! Submissions of programs of this host: a repeated one gets its old answer and is not stored again.
//!
//! A program that hands over a message and does not hear the answer cannot know whether the message was taken, and hands
//! it over again. Each submission therefore has an id of 128 random bits. The id and the answer are written in the
//! transaction of the message itself, so there is no moment at which one of them is there without the other. Ids are
//! kept apart by user, for nobody shall learn another's answers, and forgotten after [`limits::SUBMISSION_HOURS`].

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use crate::{
    error::StoreError,
    limits,
    message::{NewMessage, Prepared, Stored},
    store::{Aftermath, Store},
    writer::Request,
};

/// A submission as it is remembered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Submission {
    /// The user whose program it was, as the kernel says.
    pub uid: u32,
    /// What the program drew for it.
    pub id: [u8; 16],
    /// When it was answered.
    pub at: Timestamp,
    /// The answer, in the words of the caller.
    pub answer: String,
}

/// What came of [`Store::commit_once`].
#[derive(Debug)]
pub enum Once {
    /// All messages are on stable storage, and so is the answer.
    Stored(Vec<Stored>),
    /// It was here before; nothing was written. The answer of that time.
    Repeated(String),
}

impl Store {
    /// The answer that a submission got, if it is remembered.
    pub async fn submission_answer(&self, uid: u32, id: [u8; 16]) -> Result<Option<String>, StoreError> {
        self.read(move |connection| answer_of(connection, uid, &id)).await
    }

    /// Puts the messages of a submission on stable storage together with its answer, unless it has got one already. As
    /// with [`Store::commit`], this happens even if nobody waits for it any more.
    ///
    /// # Errors
    /// As [`Store::commit`]; nothing is ours then.
    pub fn commit_once(
        &self,
        messages: Vec<NewMessage>,
        submission: Submission,
    ) -> impl Future<Output = Result<Once, StoreError>> + Send {
        let (sender, answer) = oneshot::channel();
        let messages = messages.into_iter().map(Prepared::new).collect();
        let request = CommitOnce { messages, submission, before: None, aftermath: self.aftermath(), sender };
        async move {
            self.check_takes_mail()?;
            self.request(Box::new(request)).await?;
            answer.await.unwrap_or_else(|_| Err(StoreError::Failed("the writer has stopped".to_owned())))
        }
    }
}

/// The messages of one submission for the writer.
struct CommitOnce {
    messages: Vec<Prepared>,
    submission: Submission,
    /// The answer of an earlier time, once the transaction has looked.
    before: Option<String>,
    aftermath: Aftermath,
    sender: oneshot::Sender<Result<Once, StoreError>>,
}

impl Request for CommitOnce {
    fn rank(&self) -> i64 {
        self.messages.first().map_or(0, |message| message.id.as_i64())
    }

    fn weight(&self) -> usize {
        self.messages.iter().map(Prepared::weight).sum::<usize>() + self.submission.answer.len()
    }

    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.before = answer_of(connection, self.submission.uid, &self.submission.id)?;
        if self.before.is_some() {
            return Ok(());
        }
        self.messages.iter().try_for_each(|message| message.insert(connection))?;
        remember(connection, &self.submission)?;
        forget(connection, self.submission.at)
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { messages, before, aftermath, sender, .. } = *self;
        let once = if let Some(answer) = before {
            result.map(|()| Once::Repeated(answer))
        } else {
            for message in &messages {
                aftermath.follow(message, result.as_ref());
            }
            result.map(|()| Once::Stored(messages.iter().map(|message| Stored::mint(message.id)).collect()))
        };
        // Whoever submitted it may have gone; the answer waits for the next time.
        let _ = sender.send(once);
    }
}

fn answer_of(connection: &Connection, uid: u32, id: &[u8; 16]) -> Result<Option<String>, StoreError> {
    let sql = "SELECT answer FROM submission WHERE uid = ?1 AND id = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(params![uid, id], |row| row.get(0)).optional()?)
}

fn remember(connection: &Connection, submission: &Submission) -> Result<(), StoreError> {
    let sql = "INSERT INTO submission (uid, id, at, answer) VALUES (?1, ?2, ?3, ?4)";
    let Submission { uid, id, at, answer } = submission;
    connection.prepare_cached(sql)?.execute(params![uid, id, at.as_millisecond(), answer])?;
    Ok(())
}

/// Each submission removes some that are too old, and more than one, so that the table shrinks after a storm.
fn forget(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let before = now.saturating_sub(SignedDuration::from_hours(limits::SUBMISSION_HOURS));
    let before = before.expect("hours can be taken from any time").as_millisecond();
    let sql = "DELETE FROM submission WHERE (uid, id) IN
        (SELECT uid, id FROM submission WHERE at < ?1 ORDER BY at LIMIT ?2)";
    connection.prepare_cached(sql)?.execute(params![before, limits::SUBMISSIONS_FORGOTTEN_AT_ONCE])?;
    Ok(())
}
