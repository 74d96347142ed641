//! The queue as its neighbours see it: the window behind a lock that is never held across an await, and the keeper
//! that feeds it from the store.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use rohrpost_mail::{QueueId, Recipient};
use rohrpost_store::{Filter, NewMessage, NewRecipient, Store, StoreError, Verb};
use tokio::sync::Notify;

use crate::{
    announced::Announced,
    clock::{Clock, Now},
    gate::{GateLimits, Signal},
    job::{Arrival, Handed, Job, RowKey, row_key},
    keeper,
    leap::{Leaps, Set},
    routing::Destination,
    schedule::Schedule,
    window::{GateKey, SiteKey, Taken, Window, WindowSettings},
};

/// What the operator says about the queue.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Intervals and lifetimes.
    pub schedule: Schedule,
    /// Attempts at once and pace, for sites without limits of their own.
    pub limits: GateLimits,
    /// What is different for a route, by its name.
    pub routes: HashMap<String, RouteSettings>,
    /// Everything that would leave this server stays in the queue.
    pub hold_outgoing: bool,
    /// Everything that leaves this server goes one way and shares one gate.
    pub one_way_out: bool,
}

/// What the operator says about one route.
#[derive(Clone, Debug, Default)]
pub struct RouteSettings {
    /// Attempts at once and pace.
    pub limits: GateLimits,
    /// Intervals and lifetimes.
    pub schedule: Schedule,
}

impl Settings {
    /// Intervals and lifetimes of a route.
    pub fn schedule_of(&self, route: &str) -> &Schedule {
        self.routes.get(route).map_or(&self.schedule, |route| &route.schedule)
    }

    /// A recipient that waits for its way from `due` on. A route with settings of its own decides when it is given up.
    pub fn recipient(&self, recipient: Recipient, to: Destination, due: Timestamp, null_path: bool) -> NewRecipient {
        let expires = self.routes.get(&to.route).map(|route| route.schedule.expires(due, null_path));
        NewRecipient { recipient, route: to.route, site: to.site, due, hold: false, expires }
    }

    fn window(&self) -> WindowSettings {
        WindowSettings {
            limits: self.limits,
            route_limits: self.routes.iter().map(|(name, route)| (name.clone(), route.limits)).collect(),
            hold_outgoing: self.hold_outgoing,
            one_way_out: self.one_way_out,
        }
    }
}

/// Figures for people and metrics.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct QueueStats {
    /// Rows in memory that wait for a worker.
    pub window: usize,
    /// Rows at work.
    pub leased: usize,
    /// Sites with a gate.
    pub gates: usize,
    /// Of these, closed or waiting for their probe.
    pub closed: usize,
    /// Octets of bodies in memory.
    pub handed_octets: usize,
}

/// See the crate. Clones are one queue.
#[derive(Clone, Debug)]
pub struct Queue {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    window: Mutex<Window>,
    settings: Mutex<Arc<Settings>>,
    leaps: Mutex<Leaps>,
    /// Milliseconds by which the clock was set back and the keeper has not moved rows yet.
    pub(crate) set_back: AtomicU64,
    /// A job may be had.
    jobs: Notify,
    /// The keeper has something to look at.
    pub(crate) keeper: Notify,
    handed: Arc<AtomicUsize>,
    paused: AtomicBool,
    pub(crate) stopped: AtomicBool,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Queue {
    /// Starts the queue over a store; a task of its own keeps the window filled until [`Queue::stop`].
    pub fn start(store: Store, settings: Settings, clock: Clock) -> Self {
        let queue = Self {
            inner: Arc::new(Inner {
                store,
                clock,
                window: Mutex::new(Window::new(settings.window())),
                settings: Mutex::new(Arc::new(settings)),
                leaps: Mutex::default(),
                set_back: AtomicU64::new(0),
                jobs: Notify::new(),
                keeper: Notify::new(),
                handed: Arc::default(),
                paused: AtomicBool::new(false),
                stopped: AtomicBool::new(false),
            }),
        };
        queue.look_at_clock();
        tokio::spawn(keeper::run(queue.clone()));
        queue
    }

    /// A message is about to be committed. What is not durable must not be sent: tell it by [`Announced::arrived`].
    pub fn announce(&self, message: &NewMessage) -> Announced {
        Announced::new(self, message)
    }

    pub(crate) fn arrived(&self, arrival: &Arrival) {
        let handed = Handed::of(arrival, &self.inner.handed);
        let taken = self.with(|window, now| {
            let is_first = window.withdraw(arrival.id);
            if is_first {
                window.arrive(arrival.rows(), handed.as_ref(), now);
            }
            !is_first
        });
        // The keeper was faster. What it has read may be sent and settled by now; it reads the others too.
        if taken {
            self.touched(&arrival.recipients);
        }
    }

    /// These rows are durable without having been announced, such as the targets of an alias or a bounce: they come
    /// by the next look at the index.
    pub fn touched(&self, recipients: &[NewRecipient]) {
        self.with(|window, _| window.touch(recipients.iter().map(|new| SiteKey::new(&new.route, &new.site))));
    }

    /// A row waits at this site now and is due: it comes by the next look at the index.
    pub fn moved_to(&self, site: SiteKey) {
        self.with(|window, _| window.touch([site]));
    }

    /// The next job; nothing once the queue is stopped. For one caller at a time.
    pub async fn next(&self) -> Option<Job> {
        loop {
            if self.is_stopped() {
                return None;
            }
            if let Some(job) = self.try_next() {
                return Some(job);
            }
            self.inner.jobs.notified().await;
        }
    }

    /// The next job, if there is one now.
    pub fn try_next(&self) -> Option<Job> {
        if self.inner.paused.load(Ordering::Relaxed) || self.is_stopped() {
            return None;
        }
        let taken = self.with(Window::take)?;
        Some(self.job(taken))
    }

    /// Another job of the same site, for a worker that has its connection open.
    pub fn try_more(&self, site: &SiteKey) -> Option<Job> {
        if self.inner.paused.load(Ordering::Relaxed) || self.is_stopped() {
            return None;
        }
        let taken = self.with(|window, now| window.take_more(site, now))?;
        Some(self.job(taken))
    }

    /// Settlements are durable: these rows have left the queue, or are due again at the time given.
    pub fn settled(&self, rows: impl IntoIterator<Item = (RowKey, Option<Timestamp>)>) {
        self.with(|window, _| window.settled(rows));
    }

    /// How a site took an attempt.
    pub fn report(&self, gate: &GateKey, signal: Signal) {
        let jitter = rand::random();
        self.with(|window, now| window.signal(gate, signal, now, jitter));
    }

    /// DNS has told which hosts serve a domain: domains with the same hosts share a gate.
    pub fn learn(&self, site: &SiteKey, hosts: &str) {
        self.with(|window, _| window.learn(site, hosts));
    }

    /// Hands out no more jobs, or does again. For a store that cannot record results: sending without being able to
    /// remember it makes duplicates.
    pub fn pause(&self, paused: bool) {
        self.inner.paused.store(paused, Ordering::Relaxed);
        self.inner.jobs.notify_one();
    }

    /// Whether it hands out no jobs.
    pub fn is_paused(&self) -> bool {
        self.inner.paused.load(Ordering::Relaxed)
    }

    /// Does what an operator asks, and at once: how many recipients it was for.
    ///
    /// # Errors
    /// The store's; then nothing has changed.
    pub async fn operate(&self, filter: Filter, verb: Verb, by: String) -> Result<u64, StoreError> {
        let reopens = matches!(verb, Verb::Retry | Verb::Release | Verb::Route(_));
        let count = self.inner.store.queue_apply(filter, verb, by, self.now().wall).await?;
        self.with(|window, now| {
            window.forget();
            if reopens {
                window.reopen_all(now);
            }
        });
        Ok(count)
    }

    /// Reads the window anew from the store, after other hands have changed rows.
    pub fn reread(&self) {
        self.with(|window, _| window.forget());
    }

    /// Puts other settings in place, from the next job on.
    pub fn reload(&self, settings: Settings) {
        let window = settings.window();
        *lock(&self.inner.settings) = Arc::new(settings);
        self.with(|current, _| current.set_settings(window));
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&lock(&self.inner.settings))
    }

    /// Hands out no more jobs and ends the keeper. Jobs under way are their workers' business.
    pub fn stop(&self) {
        self.inner.stopped.store(true, Ordering::Relaxed);
        self.inner.jobs.notify_waiters();
        self.inner.jobs.notify_one();
        self.inner.keeper.notify_one();
    }

    /// Whether [`Queue::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.inner.stopped.load(Ordering::Relaxed)
    }

    /// Both clocks of the queue.
    pub fn now(&self) -> Now {
        self.inner.clock.now()
    }

    /// Looks whether the wall clock was set since the last look, and says so.
    pub fn look_at_clock(&self) {
        match lock(&self.inner.leaps).look(self.now()) {
            None => {}
            Some(Set::Forward(by)) => {
                tracing::warn!(
                    seconds = by.as_secs(),
                    "the clock was set forward; mail that waits gets this time on top"
                );
            }
            Some(Set::Back(by)) => {
                tracing::warn!(
                    seconds = by.as_secs(),
                    "the clock was set back; the times of mail that waits follow it"
                );
                self.move_rows(by);
            }
        }
    }

    /// Asks the keeper to move the times of rows back by so much.
    pub(crate) fn move_rows(&self, by: Duration) {
        self.inner.set_back.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX / 2), Ordering::Relaxed);
        self.inner.keeper.notify_one();
    }

    /// What a message that was `created` then gets on top of its lifetime because the clock was set forward meanwhile.
    pub fn leapt_since(&self, created: Timestamp) -> Duration {
        self.look_at_clock();
        lock(&self.inner.leaps).since(created)
    }

    /// How long a site stays closed, if it is: why its mail is not even tried.
    pub fn closed_for(&self, site: &SiteKey) -> Option<Duration> {
        self.with(|window, now| window.closed_for(site, now))
    }

    /// Figures for people and metrics.
    pub fn stats(&self) -> QueueStats {
        let handed_octets = self.inner.handed.load(Ordering::Relaxed);
        self.with(|window, _| {
            let (gates, closed) = window.gate_counts();
            QueueStats { window: window.len(), leased: window.leased(), gates, closed, handed_octets }
        })
    }

    /// Rows of this message that are at work are not the operator's to settle: whether this one is.
    pub fn is_leased(&self, message: QueueId, n: u32) -> bool {
        self.with(|window, _| window.is_leased((message, n)))
    }

    /// Ends a job; called when it is dropped.
    pub(crate) fn close_job(&self, job: &Job) {
        let abandoned = if job.finished { &[][..] } else { &job.recipients[..] };
        self.with(|window, now| window.close(job.gate.as_ref(), abandoned.iter().map(row_key), now));
    }

    /// Works on the window, then wakes whoever has something to do now.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Window, Now) -> R) -> R {
        let now = self.inner.clock.now();
        let mut window = lock(&self.inner.window);
        let result = work(&mut window, now);
        let (nudge, ready) = (window.take_nudge(), window.is_ready());
        drop(window);
        if nudge {
            self.inner.keeper.notify_one();
        }
        if ready {
            self.inner.jobs.notify_one();
        }
        result
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    fn job(&self, taken: Taken) -> Job {
        let Taken { site, rows, handed, gate, duty } = taken;
        let message = rows.first().expect("a job has rows").message;
        Job { message, site, recipients: rows, handed, duty, gate, queue: self.clone(), finished: false }
    }
}

/// A panic elsewhere leaves the window as it was between two steps, each of which is whole: it can be used on.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
