//! The keeper: one task that keeps the window filled from the store and fires what is due.
//!
//! A *sweep* walks the heads of the index (one seek per site, never the rows of a closed site) and loads rows where the
//! window has room. It goes on where the last one stopped for want of room, so that no site is always the last.

use std::{sync::atomic::Ordering, time::Duration};

use rohrpost_mail::QueueId;
use rohrpost_store::{
    DueQuery, OverdueQuery, QueuedRecipient, Settlement, SiteCursor, SiteHead, StoreError, settle::Change,
};
use tokio::time::Instant;

use crate::{
    leap::is_stray,
    limits::{HEADS_PAGE, OVERDUE_EVERY, OVERDUE_ROWS_MAX, ROWS_PAGE, SWEEP_EVERY, SWEEP_REST_FACTOR},
    queue::Queue,
    window::Load,
};

/// How long the keeper waits after an error of the store.
const ERROR_REST: Duration = Duration::from_secs(1);

struct Keeper {
    queue: Queue,
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
    let mut keeper = Keeper { queue, next_sweep: now, last_sweep: now, place: None, next_overdue: now, overdue: None };
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
}

impl Keeper {
    async fn round(&mut self) -> Result<(), StoreError> {
        self.queue.look_at_clock();
        if self.queue.inner().set_back.swap(false, Ordering::Relaxed)
            && let Err(error) = self.recall_strays().await
        {
            self.queue.inner().set_back.store(true, Ordering::Relaxed);
            return Err(error);
        }
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
        let whole = self.sweep_from(from).await?;
        if !whole {
            self.queue.with(|window, _| window.want_sweep_when_roomy());
        } else if !from_the_start {
            self.queue.with(|window, _| window.want_sweep());
        }
        self.last_sweep = started;
        self.next_sweep = Instant::now() + (Instant::now() - started) * SWEEP_REST_FACTOR;
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

    /// After the clock was set back: makes due what it would otherwise reach only when it is there again.
    async fn recall_strays(&mut self) -> Result<(), StoreError> {
        let mut place = None;
        loop {
            let heads = self.queue.inner().store.site_heads(place, HEADS_PAGE).await?;
            for head in &heads {
                self.recall_of(head).await?;
            }
            place = heads.last().map(cursor);
            if heads.len() < HEADS_PAGE || self.queue.is_stopped() {
                self.queue.reread();
                return Ok(());
            }
        }
    }

    /// The same for one half of what waits for a site, page by page.
    async fn recall_of(&self, head: &SiteHead) -> Result<(), StoreError> {
        let store = &self.queue.inner().store;
        let (now, longest) = (self.queue.now().wall, self.queue.schedule().longest());
        let mut query = DueQuery {
            route: head.route.clone(),
            site: head.site.clone(),
            retry: head.retry,
            until: jiff::Timestamp::MAX,
            after: Some(rohrpost_store::queue::Cursor { due: now, message: QueueId::from_i64(i64::MAX), n: u32::MAX }),
            limit: ROWS_PAGE,
        };
        loop {
            let rows = store.due(query.clone()).await?;
            let strays = rows.iter().filter(|row| is_stray(row, now, longest));
            let settlements: Vec<_> = strays.map(|row| recall(row, now)).collect();
            if !settlements.is_empty() {
                store.settle(settlements).await?;
            }
            match rows.last() {
                Some(last) if rows.len() == ROWS_PAGE => query.after = Some(last.cursor()),
                _ => return Ok(()),
            }
        }
    }

    /// Reads a page of the rows beyond their time, if it is time for it and the workers keep up.
    async fn look_for_overdue(&mut self) -> Result<(), StoreError> {
        let now = self.queue.now();
        if self.overdue.is_none() && Instant::now() >= self.next_overdue {
            let late = now.wall.checked_sub(self.queue.schedule().delay_notice_after).unwrap_or(jiff::Timestamp::MIN);
            self.next_overdue = Instant::now() + OVERDUE_EVERY;
            self.overdue =
                Some(OverdueQuery { created_before: QueueId::at(0, late), now: now.wall, after: None, limit: 0 });
        }
        while let Some(query) = &mut self.overdue {
            query.limit = self.queue.with(|window, _| window.overdue_room());
            if query.limit < OVERDUE_ROWS_MAX / 2 {
                return Ok(());
            }
            self.queue.with(|window, _| window.start_overdue());
            let rows = match self.queue.inner().store.overdue(*query).await {
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
            self.queue.with(|window, _| window.add_overdue(rows));
        }
        Ok(())
    }
}

/// Due now. A worker that has the row settles it after this, so its word stays the last.
fn recall(row: &QueuedRecipient, now: jiff::Timestamp) -> Settlement {
    let last = Some("the clock was set back: it is tried at once".to_owned());
    let change = Change::Defer { due: now, attempts: row.attempts, last };
    Settlement { message: row.message, n: row.n, change, records: Vec::new(), new: Vec::new(), digest: None }
}

fn cursor(head: &SiteHead) -> SiteCursor {
    SiteCursor { route: head.route.clone(), site: head.site.clone(), retry: head.retry }
}
