//! The answering end of the submit socket.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use rohrpost_intake::submit::{Accepted, Refused, Way};
use tokio::{
    io::AsyncWriteExt as _,
    net::{UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Submit,
    frames::{self, Answer},
    receive::{Broken, Frames, Received},
};
use crate::limits::{
    ACCEPT_PAUSE, SUBMIT_CONNECTIONS_MAX, SUBMIT_IDLE_TIMEOUT, SUBMIT_PLACE_TIMEOUT, SUBMIT_SESSIONS_PER_UID_MAX,
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
        let places = Arc::new(Places::default());
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
            let (submit, places) = (submit.clone(), places.clone());
            tasks.spawn(async move {
                let _connection = connection;
                let uid = credentials.uid();
                let Some(place) = places.enter(uid).await else {
                    tracing::warn!(uid, "too many submissions of one user at once");
                    return;
                };
                if let Err(error) = submit.converse(stream, uid).await {
                    tracing::info!(uid, %error, "a submission ended before its end");
                }
                drop(place);
                places.leave(uid);
            });
        }
        tasks.close();
        tasks.wait().await;
    }
}

/// The places of each user who has submissions.
#[derive(Debug, Default)]
struct Places(Mutex<HashMap<u32, Arc<Semaphore>>>);

impl Places {
    /// Waits for a place of this user, for a while.
    async fn enter(&self, uid: u32) -> Option<OwnedSemaphorePermit> {
        let places = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(uid).or_insert_with(|| Arc::new(Semaphore::new(SUBMIT_SESSIONS_PER_UID_MAX))).clone()
        };
        timeout(SUBMIT_PLACE_TIMEOUT, places.acquire_owned()).await.ok()?.ok()
    }

    /// Forgets a user whose last submission this was.
    fn leave(&self, uid: u32) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waits or is inside holds the places too.
        if all.get(&uid).is_some_and(|places| Arc::strong_count(places) == 1) {
            all.remove(&uid);
        }
    }
}

impl Submit {
    /// One submission and its answer.
    async fn converse(&self, mut stream: UnixStream, uid: u32) -> Result<(), Broken> {
        let mut frames = Frames::new(&mut stream, Some(SUBMIT_IDLE_TIMEOUT));
        let answer = match self.receive(&mut frames, uid, Way::Socket).await? {
            Received::Whole(submitting) => submitting.finish().await,
            Received::Answered(answer) => answer,
        };
        self.note(uid, Way::Socket, &answer);
        let answer = match answer {
            Ok(accepted) => Answer::Accepted(accepted),
            Err(refused) => Answer::Refused(refused),
        };
        let answer = frames::answer(&answer);
        timeout(SUBMIT_IDLE_TIMEOUT, stream.write_all(&answer)).await.map_err(|_| Broken::Silent)?.map_err(Broken::Io)
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
