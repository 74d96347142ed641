//! The answering end of the submit socket.
//!
//! A program may hand in one submission after the other over one connection; each is answered before the next one is
//! read. Between two of them the connection holds no place of its user. It ends when the program closes it or is silent,
//! when the server stops, and behind an answer that was given before the submission was read to its end. A program that
//! wants to hear of the first attempt has given its place back while it waits; few of one user may wait, and the others
//! are told at once that the message is on its way.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use rohrpost_intake::submit::{Accepted, Refused, Way};
use rohrpost_mail::QueueId;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Mode, Submit,
    frames::{self, Answer},
    receive::{Broken, Frames, Received},
};
use crate::limits::{
    ACCEPT_PAUSE, SUBMIT_CONNECTIONS_MAX, SUBMIT_IDLE_TIMEOUT, SUBMIT_PLACE_TIMEOUT, SUBMIT_READ_BYTES,
    SUBMIT_SESSIONS_PER_UID_MAX, SUBMIT_WAITERS_PER_UID_MAX,
};

/// A submit socket that is bound, and not yet answering.
#[derive(Debug)]
pub struct SubmitSocket(UnixListener);

impl SubmitSocket {
    /// Takes a listening socket into the runtime.
    ///
    /// # Errors
    /// The runtime cannot wait for it.
    pub fn new(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener).map(Self)
    }

    /// Answers until `stop`; messages that are coming in then are taken to their end.
    pub async fn serve(self, submit: Arc<Submit>, stop: CancellationToken) {
        let (tasks, connections) = (TaskTracker::new(), Arc::new(Semaphore::new(SUBMIT_CONNECTIONS_MAX)));
        let shares = Arc::new(Shares::default());
        loop {
            let accepted = tokio::select! {
                accepted = self.0.accept() => accepted,
                () = stop.cancelled() => break,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // Beyond the bound a program is closed at once, and leaves its message in the drop directory.
            let (Ok(credentials), Ok(connection)) = (stream.peer_cred(), connections.clone().try_acquire_owned())
            else {
                continue;
            };
            let (submit, shares, stop) = (submit.clone(), shares.clone(), stop.clone());
            tasks.spawn(async move {
                let _connection = connection;
                let uid = credentials.uid();
                let stream = BufReader::with_capacity(SUBMIT_READ_BYTES, stream);
                if let Err(error) = submit.converse(stream, uid, &shares.of(uid), &stop).await {
                    tracing::info!(uid, %error, "a submission ended before its end");
                }
                shares.leave(uid);
            });
        }
        tasks.close();
        tasks.wait().await;
    }
}

/// What one user may do at once.
#[derive(Debug)]
struct Share {
    /// Hand something in.
    submissions: Semaphore,
    /// Wait for the first attempt, for which the store is asked again and again.
    waiters: Semaphore,
}

/// The share of each user who is connected.
#[derive(Debug, Default)]
struct Shares(Mutex<HashMap<u32, Arc<Share>>>);

impl Shares {
    /// That of this user.
    fn of(&self, uid: u32) -> Arc<Share> {
        let whole = || Share {
            submissions: Semaphore::new(SUBMIT_SESSIONS_PER_UID_MAX),
            waiters: Semaphore::new(SUBMIT_WAITERS_PER_UID_MAX),
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(uid).or_insert_with(|| Arc::new(whole())).clone()
    }

    /// Forgets a user whose last connection this was.
    fn leave(&self, uid: u32) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Every other connection of the user holds it too.
        if all.get(&uid).is_some_and(|share| Arc::strong_count(share) == 1) {
            all.remove(&uid);
        }
    }
}

impl Submit {
    /// One submission after the other.
    async fn converse(
        &self,
        mut stream: BufReader<UnixStream>,
        uid: u32,
        share: &Share,
        stop: &CancellationToken,
    ) -> Result<(), Broken> {
        loop {
            tokio::select! {
                biased;
                octets = timeout(SUBMIT_IDLE_TIMEOUT, stream.fill_buf()) => match octets {
                    Ok(Ok([_, ..])) => {}
                    Ok(Err(error)) => return Err(error.into()),
                    _ => return Ok(()),
                },
                () = stop.cancelled() => return Ok(()),
            }
            let Ok(place) = timeout(SUBMIT_PLACE_TIMEOUT, share.submissions.acquire()).await else {
                tracing::warn!(uid, "too many submissions of one user at once");
                return Ok(());
            };
            let (is_in_step, awaited) = self.answer(&mut stream, uid).await?;
            drop(place);
            if let Some(message) = awaited {
                self.tell_outcome(&mut stream, message, share, stop).await?;
            }
            if !is_in_step || stop.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Reads one submission and answers it. Whether it was read to its end, so that another can follow it, and the message
    /// of whose first attempt the program wants to hear.
    async fn answer(&self, stream: &mut BufReader<UnixStream>, uid: u32) -> Result<(bool, Option<QueueId>), Broken> {
        let mut frames = Frames::new(&mut *stream, Some(SUBMIT_IDLE_TIMEOUT));
        let (answer, is_whole) = match self.receive(&mut frames, uid, Way::Socket).await? {
            Received::Whole(submitting) => (submitting.finish().await, true),
            Received::Answered(answer) => (answer, false),
        };
        self.note(uid, Way::Socket, &answer);
        let awaits = frames.mode == Mode::Interactive;
        let awaited = answer.as_ref().ok().filter(|_| awaits).and_then(|accepted| accepted.ids.first().copied());
        let answer = match answer {
            Ok(accepted) => Answer::Accepted(accepted),
            Err(refused) => Answer::Refused(refused),
        };
        let written = timeout(SUBMIT_IDLE_TIMEOUT, stream.get_mut().write_all(&frames::answer(&answer))).await;
        written.map_err(|_| Broken::Silent)??;
        Ok((is_whole, awaited))
    }

    /// Says what came of the first attempt. A server that stops does not wait for it, nor does a user whom many wait for.
    async fn tell_outcome(
        &self,
        stream: &mut BufReader<UnixStream>,
        message: QueueId,
        share: &Share,
        stop: &CancellationToken,
    ) -> Result<(), Broken> {
        let tried = match share.waiters.try_acquire() {
            Ok(_waiter) => tokio::select! {
                tried = self.intake.first_attempt(message) => tried,
                () = stop.cancelled() => None,
            },
            Err(_) => None,
        };
        let frame = frames::tried(tried.as_ref());
        timeout(SUBMIT_IDLE_TIMEOUT, stream.get_mut().write_all(&frame)).await.map_err(|_| Broken::Silent)??;
        Ok(())
    }

    /// One event for each answer.
    pub(super) fn note(&self, uid: u32, way: Way, answer: &Result<Accepted, Refused>) {
        let way = way.as_str();
        match answer {
            Ok(Accepted { ids, refused }) => {
                self.stats.messages.add(ids.len() as u64);
                let (id, refused) = (ids.first().map(tracing::field::display), refused.len());
                tracing::info!(uid, way, id, refused, "stored");
            }
            Err(Refused { sysexit, text }) => tracing::info!(uid, way, sysexit, ?text, "refused"),
        }
    }
}
