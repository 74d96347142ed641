//! The keeper: one task that keeps the window filled from the store and fires what is due.
//!
//! A *sweep* walks the heads of the index (one seek per site, never the rows of a closed site) and loads rows where the
//! window has room. It goes on where the last one stopped for want of room, so that no site is always the last.
//!
//! It also keeps the times in rows together with the clock: at the start it compares the clock with the newest time in
//! the store, and where the clock was set back, then or later, moves the rows before it hands out any. The time is marked
//! in the store at the start, every ten minutes and at the end; in between the messages that come in tell how late it was.

use std::{sync::atomic::Ordering, time::Duration};

use rohrpost_mail::QueueId;
use rohrpost_store::{DueQuery, OverdueQuery, QueuedRecipient, SetBack, SiteCursor, SiteHead, StoreError};
use tokio::time::Instant;

use crate::{
    leap,
    limits::{HEADS_PAGE, LEAP_MIN, OVERDUE_EVERY, OVERDUE_ROWS_MAX, SWEEP_EVERY, SWEEP_REST_FACTOR},
    queue::Queue,
    schedule,
    window::Load,
};

/// How long the keeper waits after an error of the store.
const ERROR_REST: Duration = Duration::from_secs(1);

struct Keeper {
    queue: Queue,
    /// Whether the clock has been compared with the newest time in the store.
    compared: bool,
    next_mark: Instant,
    next_sweep: Instant,
    last_sweep: Instant,
    /// Where the last sweep stopped.
    place: Option<SiteCursor>,
    next_overdue: Instant,
    overdue: Option<OverdueQuery>,
}

/// Keeps the window until the queue is stopped.
pub(crate) async fn run(queue: Queue) {
    let now = Instant::now();
    let mut keeper = Keeper {
        queue,
        compared: false,
        next_mark: now,
        next_sweep: now,
        last_sweep: now,
        place: None,
        next_overdue: now,
        overdue: None,
    };
    while !keeper.queue.is_stopped() {
        let rest = match keeper.round().await {
            Ok(()) => keeper.idle_for(),
            Err(error) => {
                tracing::error!(%error, "the queue cannot be read");
                keeper.queue.with(|window, _| window.want_sweep());
                ERROR_REST
            }
        };
        let nudged = keeper.queue.inner().keeper.notified();
        let _ = tokio::time::timeout(rest, nudged).await;
    }
    keeper.next_mark = Instant::now();
    keeper.mark_time().await;
}

impl Keeper {
    async fn round(&mut self) -> Result<(), StoreError> {
        self.compare_with_store().await?;
        self.queue.look_at_clock();
        self.follow_clock().await?;
        self.mark_time().await;
        self.queue.with(crate::window::Window::tick);
        while let Some(load) = self.queue.with(crate::window::Window::next_refill) {
            self.read(load).await?;
        }
        self.sweep().await?;
        self.look_for_overdue().await
    }

    fn idle_for(&self) -> Duration {
        let now = Instant::now();
        let (idle, sweep_wanted) = self.queue.with(|window, now| (window.idle_for(now), window.is_sweep_wanted()));
        let sweep = if sweep_wanted { self.next_sweep } else { self.last_sweep + SWEEP_EVERY };
        let overdue = if self.overdue.is_some() { None } else { Some(self.next_overdue) };
        let next = overdue.map_or(sweep, |overdue| overdue.min(sweep));
        idle.min(next.saturating_duration_since(now))
    }

    async fn sweep(&mut self) -> Result<(), StoreError> {
        let started = Instant::now();
        let stale = started >= self.last_sweep + SWEEP_EVERY;
        if started < self.next_sweep || !(self.queue.with(|window, _| window.start_sweep()) || stale) {
            return Ok(());
        }
        let from = self.place.take();
        let from_the_start = from.is_none();
        // What it costs is real time, whatever a test makes of tokio's meanwhile.
        let stopwatch = std::time::Instant::now();
        let whole = self.sweep_from(from).await?;
        if !whole {
            self.queue.with(|window, _| window.want_sweep_when_roomy());
        } else if !from_the_start {
            self.queue.with(|window, _| window.want_sweep());
        }
        self.last_sweep = started;
        self.next_sweep = Instant::now() + stopwatch.elapsed() * SWEEP_REST_FACTOR;
        Ok(())
    }

    /// Walks the index to its end, or until the window is full.
    async fn sweep_from(&mut self, mut place: Option<SiteCursor>) -> Result<bool, StoreError> {
        loop {
            let heads = self.queue.inner().store.site_heads(place.clone(), HEADS_PAGE).await?;
            for head in &heads {
                if let Some(load) = self.queue.with(|window, now| window.wants(head, now)) {
                    self.read(load).await?;
                } else if self.queue.with(|window, _| window.is_full()) {
                    self.place = place;
                    return Ok(false);
                }
                place = Some(cursor(head));
            }
            if heads.len() < HEADS_PAGE || self.queue.is_stopped() {
                return Ok(true);
            }
        }
    }

    async fn read(&self, load: Load) -> Result<(), StoreError> {
        match self.rows(&load).await {
            Ok((rows, next)) => {
                self.queue.with(|window, now| window.load(&load, rows, next, now));
                Ok(())
            }
            Err(error) => {
                self.queue.with(|window, _| window.load_failed());
                Err(error)
            }
        }
    }

    /// The rows that are due, and when the one after them is.
    async fn rows(&self, load: &Load) -> Result<(Vec<QueuedRecipient>, Option<jiff::Timestamp>), StoreError> {
        let store = &self.queue.inner().store;
        let query = DueQuery {
            route: load.site.route().to_owned(),
            site: load.site.site().to_owned(),
            retry: load.retry,
            until: self.queue.now().wall,
            after: load.after,
            limit: load.limit,
        };
        let rows = store.due(query.clone()).await?;
        if rows.len() == load.limit {
            return Ok((rows, None));
        }
        let after = rows.last().map(QueuedRecipient::cursor).or(load.after);
        let beyond = store.due(DueQuery { until: jiff::Timestamp::MAX, after, limit: 1, ..query }).await?;
        Ok((rows, beyond.first().map(|row| row.due)))
    }

    /// At the start: whether the clock was set back while nobody looked.
    async fn compare_with_store(&mut self) -> Result<(), StoreError> {
        if self.compared {
            return Ok(());
        }
        let store = &self.queue.inner().store;
        let newest = store.newest_time().await?;
        if let (Some(newest), Some(by)) = (newest, leap::behind(newest, self.queue.now().wall)) {
            // A crash before all rows are moved must find it again, whatever comes in meanwhile.
            store.mark_time(newest).await?;
            tracing::warn!(
                seconds = by.as_secs(), %newest,
                "the clock is behind the newest time in the store, so it was set back while the server was stopped; \
                 the times of mail that waits follow it"
            );
            self.queue.move_rows(by);
        }
        self.compared = true;
        Ok(())
    }

    /// After the clock was set back: moves the times that it has written while it was ahead. A row that a worker settles
    /// meanwhile is moved before or after that as a whole; what it wrote by the new clock is at worst tried early.
    async fn follow_clock(&mut self) -> Result<(), StoreError> {
        let by = self.queue.inner().set_back.load(Ordering::Relaxed);
        if by == 0 {
            return Ok(());
        }
        let mut place = None;
        loop {
            let back = SetBack { now: self.queue.now().wall, by: Duration::from_millis(by) };
            place = self.queue.inner().store.set_back(back, place).await?;
            if place.is_none() {
                break;
            }
            if self.queue.is_stopped() {
                return Ok(());
            }
        }
        self.queue.inner().set_back.fetch_sub(by, Ordering::Relaxed);
        self.next_mark = Instant::now();
        self.queue.reread();
        Ok(())
    }

    /// Marks the time in the store if it is time for it, and if rows are not still ahead of it. A store that does not
    /// take it, full perhaps, is no reason to stop here: the mark before is only older.
    async fn mark_time(&mut self) {
        let ahead = !self.compared || self.queue.inner().set_back.load(Ordering::Relaxed) > 0;
        if ahead || Instant::now() < self.next_mark {
            return;
        }
        self.next_mark = Instant::now() + OVERDUE_EVERY;
        if let Err(error) = self.queue.inner().store.mark_time(self.queue.now().wall).await {
            tracing::warn!(%error, "the time cannot be marked in the store");
        }
    }

    /// Where the ids of messages end that came before this time. Ids never step back: after the clock did, they tell
    /// nothing of the time until it has caught up, and all rows must be looked at.
    fn ids_before(&self, time: jiff::Timestamp) -> QueueId {
        let newest = self.queue.inner().store.new_id();
        let soon = schedule::later(self.queue.now().wall, LEAP_MIN);
        if newest > QueueId::at(0, soon) { QueueId::from_i64(i64::MAX) } else { QueueId::at(0, time) }
    }

    /// Reads a page of the rows beyond their time, if it is time for it and the workers keep up.
    async fn look_for_overdue(&mut self) -> Result<(), StoreError> {
        let now = self.queue.now();
        let late =
            now.wall.checked_sub(self.queue.settings().schedule.delay_notice_after).unwrap_or(jiff::Timestamp::MIN);
        if self.overdue.is_none() && Instant::now() >= self.next_overdue {
            self.next_overdue = Instant::now() + OVERDUE_EVERY;
            let created_before = self.ids_before(late);
            self.overdue = Some(OverdueQuery { created_before, now: now.wall, after: None, limit: 0 });
        }
        while let Some(query) = &mut self.overdue {
            query.limit = self.queue.with(|window, _| window.overdue_room());
            if query.limit < OVERDUE_ROWS_MAX / 2 {
                return Ok(());
            }
            self.queue.with(|window, _| window.start_overdue());
            let mut rows = match self.queue.inner().store.overdue(*query).await {
                Ok(rows) => rows,
                Err(error) => {
                    self.queue.with(|window, _| window.add_overdue(Vec::new()));
                    return Err(error);
                }
            };
            query.after = rows.last().map(|row| (row.message, row.n));
            if rows.len() < query.limit {
                self.overdue = None;
            }
            rows.retain(|row| row.created <= late || row.expires <= now.wall);
            self.queue.with(|window, _| window.add_overdue(rows));
        }
        Ok(())
    }
}

fn cursor(head: &SiteHead) -> SiteCursor {
    SiteCursor { route: head.route.clone(), site: head.site.clone(), retry: head.retry }
}
