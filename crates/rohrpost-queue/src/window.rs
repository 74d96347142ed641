//! The active window: what a worker may get next, kept small whatever waits in the store.
//!
//! Pure: no clock, no tasks, no store. [`Queue`](crate::Queue) feeds it rows and asks it for jobs.
//!
//! - A *lane* holds the rows of one site (route and domain), first attempts and retries apart; they take turns.
//! - Lanes whose gate has room stand in line (`ready`), each gets one job and goes to the end: fair over sites.
//! - Lanes whose gate has no room are *parked* with the gate and come back when it has; nothing scans them.
//! - A lane may hold as many rows as there is room beside it, so that one site never fills the window.
//! - When a gate closes its lanes leave the window; the rows stay in the store and inherit the gate's time.

mod gates;
mod keys;
mod lane;
mod loading;

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque, hash_map::Entry},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rohrpost_mail::QueueId;
use rohrpost_store::QueuedRecipient;

pub use keys::{GateKey, SiteKey};
pub use loading::Load;

use lane::{Lane, pop_message};

use crate::{
    clock::Now,
    gate::{Admission, Gate, GateLimits, Signal},
    job::{Duty, Handed, RowKey, row_key},
    limits::{ABANDONED_REST, DUES_MAX, OVERDUE_ROWS_MAX, WINDOW_ROWS_MAX},
    schedule::age,
};

/// What the operator says about the window.
#[derive(Clone, Debug, Default)]
pub struct WindowSettings {
    /// Gates of sites without limits of their own.
    pub limits: GateLimits,
    /// Gates by the name of the route.
    pub route_limits: HashMap<String, GateLimits>,
    /// Everything that would leave this server stays in the queue.
    pub hold_outgoing: bool,
    /// Everything that leaves this server goes one way and shares one gate.
    pub one_way_out: bool,
}

/// What [`Window::take`] gives out.
#[derive(Debug)]
pub struct Taken {
    /// The site.
    pub site: SiteKey,
    /// Rows of one message.
    pub rows: Vec<QueuedRecipient>,
    /// The message, if it is at hand.
    pub handed: Option<Arc<Handed>>,
    /// The gate that let it through; overdue rows pass none.
    pub gate: Option<GateKey>,
    /// What is to be done.
    pub duty: Duty,
}

/// See the module.
#[derive(Debug)]
pub struct Window {
    settings: WindowSettings,
    lanes: HashMap<SiteKey, Lane>,
    ready: VecDeque<SiteKey>,
    parked: HashMap<GateKey, VecDeque<SiteKey>>,
    gates: HashMap<GateKey, Gate>,
    learned: HashMap<SiteKey, GateKey>,
    timers: BTreeSet<(Instant, GateKey)>,
    /// Every row in a lane or among the overdue (false) and every leased one (true).
    known: HashMap<RowKey, bool>,
    rows: [usize; 2],
    overdue: VecDeque<QueuedRecipient>,
    overdue_turn: bool,
    resting: VecDeque<(Instant, RowKey)>,
    refill: VecDeque<(SiteKey, bool)>,
    /// Reads under way, and what was settled since the first of them began: their snapshot may still show it.
    loads: usize,
    settled_meanwhile: HashSet<RowKey>,
    /// Messages whose commit is on its way and whose rows nobody has taken yet.
    announced: HashSet<QueueId>,
    epoch: u64,
    /// The seconds at which rows in the store become due.
    dues: BTreeSet<i64>,
    /// A head found no room; look again when there is some.
    crowded: bool,
    sweep: bool,
    nudge: bool,
}

impl Window {
    /// An empty window; the first sweep fills it.
    pub fn new(settings: WindowSettings) -> Self {
        Self {
            settings,
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            parked: HashMap::new(),
            gates: HashMap::new(),
            learned: HashMap::new(),
            timers: BTreeSet::new(),
            known: HashMap::new(),
            rows: [0; 2],
            overdue: VecDeque::new(),
            overdue_turn: false,
            resting: VecDeque::new(),
            refill: VecDeque::new(),
            loads: 0,
            settled_meanwhile: HashSet::new(),
            announced: HashSet::new(),
            epoch: 0,
            dues: BTreeSet::new(),
            crowded: false,
            sweep: true,
            nudge: true,
        }
    }

    // Jobs go out.

    /// The next job, if any gate has room.
    pub fn take(&mut self, now: Now) -> Option<Taken> {
        self.overdue_turn = !self.overdue_turn;
        if self.overdue_turn
            && let Some(taken) = self.take_overdue()
        {
            return Some(taken);
        }
        while let Some(site) = self.ready.pop_front() {
            let Some(lane) = self.lanes.get_mut(&site) else { continue };
            lane.listed = false;
            if lane.len() == 0 {
                self.drop_if_done(&site);
                continue;
            }
            let key = self.gate_key(&site);
            match self.gate(&key, &site, now).admission(now.steady) {
                Admission::Now => {
                    let taken = self.take_admitted(&site, key, now);
                    self.list(&site);
                    return Some(taken);
                }
                Admission::WhenFree => self.park(site, key),
                Admission::At(at) => {
                    self.set_timer(at, key.clone());
                    self.park(site, key);
                }
                Admission::Closed(until) => {
                    self.set_timer(until, key);
                    self.evict(&site);
                }
            }
        }
        self.take_overdue()
    }

    /// Another job of the same site for a worker that has its connection open.
    pub fn take_more(&mut self, site: &SiteKey, now: Now) -> Option<Taken> {
        if self.lanes.get(site).is_none_or(|lane| lane.len() == 0) {
            return None;
        }
        let key = self.gate_key(site);
        let admitted = self.gate(&key, site, now).admission(now.steady) == Admission::Now;
        admitted.then(|| self.take_admitted(site, key, now))
    }

    fn take_admitted(&mut self, site: &SiteKey, key: GateKey, now: Now) -> Taken {
        self.gate(&key, site, now).start(now.steady);
        let lane = self.lanes.get_mut(site).expect("the caller saw rows in it");
        if lane.halves[lane.turn].rows.is_empty() {
            lane.turn = 1 - lane.turn;
        }
        let half = lane.turn;
        lane.turn = 1 - lane.turn;
        let (rows, handed) = pop_message(&mut lane.halves[half].rows);
        self.rows[half] -= rows.len();
        let runs_low = lane.halves[half].more && lane.halves[half].rows.len() <= lane.halves[half].low;
        if runs_low {
            self.ask_for_more(site, half);
        }
        for row in &rows {
            self.known.insert(row_key(row), true);
        }
        if self.crowded && self.len() <= WINDOW_ROWS_MAX / 4 * 3 {
            self.want_sweep();
        }
        Taken { site: site.clone(), rows, handed, gate: Some(key), duty: Duty::Attempt }
    }

    fn take_overdue(&mut self) -> Option<Taken> {
        let row = self.overdue.pop_front()?;
        self.known.insert(row_key(&row), true);
        self.nudge |= self.overdue.len() == OVERDUE_ROWS_MAX / 2;
        let site = SiteKey::new(&row.route, &row.site);
        Some(Taken { site, rows: vec![row], handed: None, gate: None, duty: Duty::Overdue })
    }

    /// A read of rows beyond their time begins.
    pub fn start_overdue(&mut self) {
        self.loads += 1;
    }

    /// Takes what was read; rows at work or in a lane are left to their attempt. A failed read has no rows.
    pub fn add_overdue(&mut self, rows: Vec<QueuedRecipient>) {
        for row in rows {
            let key = row_key(&row);
            if self.settled_meanwhile.contains(&key) {
                continue;
            }
            if let Entry::Vacant(unknown) = self.known.entry(key) {
                unknown.insert(false);
                self.overdue.push_back(row);
            }
        }
        self.end_load();
    }

    /// How many rows beyond their time may be added.
    pub fn overdue_room(&self) -> usize {
        OVERDUE_ROWS_MAX.saturating_sub(self.overdue.len())
    }

    // Jobs come back.

    /// A job has ended; without settlements its rows rest for a while.
    pub fn close(&mut self, gate: Option<&GateKey>, abandoned: impl Iterator<Item = RowKey>, now: Now) {
        for key in abandoned {
            self.resting.push_back((now.steady + ABANDONED_REST, key));
            self.nudge = true;
        }
        if let Some(key) = gate
            && let Some(gate) = self.gates.get_mut(key)
        {
            gate.end();
            self.wake(key);
        }
    }

    /// Settlements are durable: the rows have left, or are due again at the time given.
    pub fn settled(&mut self, rows: impl IntoIterator<Item = (RowKey, Option<Timestamp>)>) {
        for (key, due) in rows {
            self.known.remove(&key);
            if self.loads > 0 {
                self.settled_meanwhile.insert(key);
            }
            if let Some(due) = due {
                self.note_due(due);
            }
        }
    }

    /// How the site took an attempt.
    pub fn signal(&mut self, key: &GateKey, signal: Signal, now: Now, jitter: f64) {
        let Some(gate) = self.gates.get_mut(key) else { return };
        gate.signal(signal, now.steady, jitter);
        if let Admission::Closed(until) = gate.admission(now.steady) {
            self.set_timer(until, key.clone());
            for site in self.parked.remove(key).unwrap_or_default() {
                self.evict(&site);
            }
        } else {
            self.wake(key);
        }
    }

    // The operator.

    /// The store was changed by other hands: forget all rows nobody works on, and read anew.
    pub fn forget(&mut self) {
        self.epoch += 1;
        self.lanes.clear();
        self.ready.clear();
        self.parked.clear();
        self.refill.clear();
        self.overdue.clear();
        self.rows = [0; 2];
        self.known.retain(|_, leased| *leased);
        self.want_sweep();
    }

    /// Puts other settings in place; gates keep what they have learned but their limits.
    pub fn set_settings(&mut self, settings: WindowSettings) {
        self.settings = settings;
        self.gates.retain(|_, gate| gate.is_running());
        self.forget();
    }

    // Time passes.

    /// Fires what is due by now.
    pub fn tick(&mut self, now: Now) {
        while let Some((at, _)) = self.timers.first()
            && *at <= now.steady
        {
            let (_, key) = self.timers.pop_first().expect("it was there");
            self.wake(&key);
            if self.gates.get(&key).is_some_and(Gate::is_probing) {
                self.sweep = true;
            }
        }
        while self.resting.front().is_some_and(|(at, _)| *at <= now.steady) {
            let (_, key) = self.resting.pop_front().expect("it was there");
            self.known.remove(&key);
            self.sweep = true;
        }
        while self.dues.first().is_some_and(|due| *due <= now.wall.as_second()) {
            self.dues.pop_first();
            self.sweep = true;
        }
    }

    /// How long until [`Window::tick`] has something to do.
    pub fn idle_for(&self, now: Now) -> Duration {
        let timer = self.timers.first().map(|(at, _)| *at);
        let rest = self.resting.front().map(|(at, _)| *at);
        let steady = timer.into_iter().chain(rest).min().map(|at| at.saturating_duration_since(now.steady));
        let due = self.dues.first().and_then(|due| Timestamp::from_second(*due).ok()).unwrap_or(Timestamp::MAX);
        let due = age(now.wall, due);
        steady.map_or(due, |steady| steady.min(due))
    }

    /// Whether the index is to be swept; asking answers no from then on.
    pub fn start_sweep(&mut self) -> bool {
        let wanted = std::mem::take(&mut self.sweep);
        if wanted {
            self.crowded = false;
        }
        wanted
    }

    /// Asks for a sweep.
    pub fn want_sweep(&mut self) {
        self.nudge |= !self.sweep;
        self.sweep = true;
    }

    /// A sweep stopped for want of room: another one is due when there is some.
    pub fn want_sweep_when_roomy(&mut self) {
        self.crowded = true;
    }

    /// Whether a sweep is asked for.
    pub fn is_sweep_wanted(&self) -> bool {
        self.sweep
    }

    /// Whether the keeper has something new to look at; asking answers no from then on.
    pub fn take_nudge(&mut self) -> bool {
        std::mem::take(&mut self.nudge)
    }

    /// Whether [`Window::take`] may find something.
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty() || !self.overdue.is_empty()
    }

    /// Rows in lanes.
    pub fn len(&self) -> usize {
        self.rows[0] + self.rows[1]
    }

    /// Whether no row is in a lane.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room at all.
    pub fn is_full(&self) -> bool {
        self.len() >= WINDOW_ROWS_MAX
    }

    /// Whether somebody works on this row.
    pub fn is_leased(&self, key: RowKey) -> bool {
        self.known.get(&key).copied().unwrap_or_default()
    }

    /// Rows at work.
    pub fn leased(&self) -> usize {
        self.known.values().filter(|leased| **leased).count()
    }

    /// Remembers when to look at the index again. Seconds will do: there are few of them, whatever waits.
    fn note_due(&mut self, due: Timestamp) {
        let due = due.as_second().saturating_add(1);
        self.nudge |= self.dues.first().is_none_or(|first| due < *first);
        self.dues.insert(due);
        if self.dues.len() > DUES_MAX {
            self.dues.pop_last();
        }
    }

    fn set_timer(&mut self, at: Instant, key: GateKey) {
        self.nudge |= self.timers.first().is_none_or(|(first, _)| at < *first);
        self.timers.insert((at, key));
    }

    /// Puts a lane with rows in line, unless it stands somewhere already.
    fn list(&mut self, site: &SiteKey) {
        let Some(lane) = self.lanes.get_mut(site) else { return };
        if lane.len() > 0 && !std::mem::replace(&mut lane.listed, true) {
            self.ready.push_back(site.clone());
        }
        self.drop_if_done(site);
    }

    fn park(&mut self, site: SiteKey, key: GateKey) {
        if let Some(lane) = self.lanes.get_mut(&site) {
            lane.listed = true;
            self.parked.entry(key).or_default().push_back(site);
        }
    }

    /// Puts as many parked lanes in line as the gate has room for.
    fn wake(&mut self, key: &GateKey) {
        let free = self.gates.get(key).map_or(1, Gate::free);
        let Some(parked) = self.parked.get_mut(key) else { return };
        let mut woken = 0;
        while woken < free
            && let Some(site) = parked.pop_front()
        {
            // A lane may have left the window or run empty meanwhile: the next one gets its place.
            let Some(lane) = self.lanes.get_mut(&site) else { continue };
            lane.listed = lane.len() > 0;
            if lane.listed {
                woken += 1;
                self.ready.push_back(site);
            }
        }
        if parked.is_empty() {
            self.parked.remove(key);
        }
    }

    fn evict(&mut self, site: &SiteKey) {
        let Some(lane) = self.lanes.remove(site) else { return };
        for (half, rows) in lane.halves.iter().zip(&mut self.rows) {
            *rows -= half.rows.len();
            for row in &half.rows {
                self.known.remove(&row_key(&row.row));
            }
        }
    }

    /// Forgets a lane that is empty, stands nowhere and has nothing more in the store.
    fn drop_if_done(&mut self, site: &SiteKey) {
        if self.lanes.get(site).is_some_and(|lane| lane.is_done() && !lane.listed) {
            self.lanes.remove(site);
        }
    }
}

#[cfg(test)]
mod tests;
