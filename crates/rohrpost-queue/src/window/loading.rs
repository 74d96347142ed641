//! How rows come into the window: from intake as they arrive, from the store as there is room.

use std::sync::Arc;

use jiff::Timestamp;
use rohrpost_mail::QueueId;
use rohrpost_store::{Cursor, QueuedRecipient, SiteHead};

use super::{
    SiteKey, Window,
    lane::{Lane, Row},
};
use crate::{
    clock::Now,
    gate::{Admission, Gate},
    job::{Handed, row_key},
    limits::{PROBE_ROWS, ROWS_PAGE, WINDOW_RESERVED_ROWS, WINDOW_ROWS_MAX},
};

/// A read that the keeper is to make.
#[derive(Clone, Debug)]
pub struct Load {
    /// Which site.
    pub site: SiteKey,
    /// Which half.
    pub retry: bool,
    /// After which row.
    pub after: Option<Cursor>,
    /// How many.
    pub limit: usize,
    epoch: u64,
}

impl Window {
    /// A commit of this message is on its way.
    pub fn announce(&mut self, message: QueueId) {
        self.announced.insert(message);
    }

    /// Ends the announcement of a message; false where the keeper was faster.
    pub fn withdraw(&mut self, message: QueueId) -> bool {
        self.announced.remove(&message)
    }

    /// Takes rows that were just committed, after [`Window::withdraw`] has said that nobody else took them.
    pub fn arrive(&mut self, rows: impl Iterator<Item = QueuedRecipient>, handed: Option<&Arc<Handed>>, now: Now) {
        for row in rows {
            let site = SiteKey::new(&row.route, &row.site);
            if row.due > now.wall {
                self.note_due(row.due);
            } else if self.may_hold(&site, now) && !self.known.contains_key(&row_key(&row)) {
                self.arrive_due(&site, Row { row, handed: handed.cloned() });
            }
        }
    }

    pub(super) fn arrive_due(&mut self, site: &SiteKey, row: Row) {
        let has_room = self.room(site, 0) > 0;
        let lane = self.lanes.entry(site.clone()).or_default();
        let half = &mut lane.halves[0];
        if has_room && !half.more {
            self.known.insert(row_key(&row.row), false);
            self.rows[0] += 1;
            half.rows.push_back(row);
            self.list(site);
        } else if !half.more {
            // First come, first served: from here on the store hands them out in order.
            half.more = true;
            half.low = half.rows.len() / 2;
            if half.rows.is_empty() {
                self.ask_for_more(site, 0);
            }
        }
    }

    /// Rows of these sites came into the store without passing by here.
    pub fn touch(&mut self, sites: impl IntoIterator<Item = SiteKey>) {
        for site in sites {
            let lane = self.lanes.entry(site.clone()).or_default();
            lane.halves[0].more = true;
            self.ask_for_more(&site, 0);
        }
    }

    /// Whether the keeper is to read rows for this head of the index, and how.
    pub fn wants(&mut self, head: &SiteHead, now: Now) -> Option<Load> {
        let site = SiteKey::new(&head.route, &head.site);
        if !self.may_hold(&site, now) {
            return None;
        }
        if head.due > now.wall {
            self.note_due(head.due);
            return None;
        }
        let half = usize::from(head.retry);
        if self.lanes.get(&site).is_some_and(|lane| !lane.halves[half].rows.is_empty() || lane.halves[half].more) {
            return None;
        }
        self.plan_load(site, half)
    }

    /// The next read that a lane running low has asked for.
    pub fn next_refill(&mut self, now: Now) -> Option<Load> {
        while let Some((site, retry)) = self.refill.pop_front() {
            let half = usize::from(retry);
            let may_hold = self.may_hold(&site, now);
            let Some(lane) = self.lanes.get_mut(&site) else { continue };
            lane.halves[half].asked = false;
            if !may_hold {
                self.evict(&site);
                continue;
            }
            if let Some(load) = self.plan_load(site.clone(), half) {
                return Some(load);
            }
            // No room now: a later sweep finds the site again.
            if let Some(lane) = self.lanes.get_mut(&site) {
                lane.halves[half].more = false;
            }
            self.drop_if_done(&site);
        }
        None
    }

    pub(super) fn plan_load(&mut self, site: SiteKey, half: usize) -> Option<Load> {
        let room = self.room(&site, half);
        if room == 0 {
            self.crowded = true;
            return None;
        }
        let is_probing = self.gates.get(&self.gate_key(&site)).is_some_and(Gate::is_probing);
        let limit = room.min(if is_probing { PROBE_ROWS } else { ROWS_PAGE });
        let after = self.lanes.get(&site).and_then(|lane| lane.halves[half].after);
        self.loads += 1;
        Some(Load { site, retry: half == 1, after, limit, epoch: self.epoch })
    }

    /// Takes what the keeper read.
    /// `next` is when the first row beyond them is due.
    pub fn load(&mut self, load: &Load, rows: Vec<QueuedRecipient>, next: Option<Timestamp>, now: Now) {
        if let Some(next) = next {
            self.note_due(next);
        }
        if load.epoch == self.epoch && self.may_hold(&load.site, now) {
            self.load_current(load, rows);
        }
        self.end_load();
    }

    /// A read failed: the keeper will sweep again.
    pub fn load_failed(&mut self) {
        self.end_load();
        self.want_sweep();
    }

    pub(super) fn load_current(&mut self, load: &Load, rows: Vec<QueuedRecipient>) {
        let half = usize::from(load.retry);
        let more = rows.len() == load.limit;
        let after = rows.last().map(QueuedRecipient::cursor);
        let known = self.known.len();
        let lane = self.lanes.entry(load.site.clone()).or_default();
        for row in rows {
            let key = row_key(&row);
            if self.settled_meanwhile.contains(&key) || self.known.contains_key(&key) {
                continue;
            }
            self.announced.remove(&row.message);
            self.known.insert(key, false);
            self.rows[half] += 1;
            lane.halves[half].rows.push_back(Row { row, handed: None });
        }
        let state = &mut lane.halves[half];
        state.after = if more { after } else { None };
        state.more = more;
        state.low = state.rows.len() / 2;
        if more && self.known.len() == known {
            self.ask_for_more(&load.site, half);
        }
        self.list(&load.site);
        self.drop_if_done(&load.site);
    }

    pub(super) fn end_load(&mut self) {
        self.loads -= 1;
        if self.loads == 0 {
            self.settled_meanwhile.clear();
        }
    }

    /// How many more rows of this kind the lane may hold: as many as there is room beside it, and never the share that
    /// is kept for the other kind.
    pub(super) fn room(&self, site: &SiteKey, half: usize) -> usize {
        let free = WINDOW_ROWS_MAX.saturating_sub(self.rows[0] + self.rows[1]);
        let lane = self.lanes.get(site).map_or(0, Lane::len);
        let kind = (WINDOW_ROWS_MAX - WINDOW_RESERVED_ROWS).saturating_sub(self.rows[half]);
        free.saturating_sub(lane).div_ceil(2).min(kind)
    }

    /// Whether rows of this site may be in the window at all.
    pub(super) fn may_hold(&self, site: &SiteKey, now: Now) -> bool {
        if self.settings.hold_outgoing && !site.is_local() {
            return false;
        }
        let gate = self.gates.get(&self.gate_key(site));
        !gate.is_some_and(|gate| matches!(gate.admission(now.steady), Admission::Closed(_)))
    }

    pub(super) fn ask_for_more(&mut self, site: &SiteKey, half: usize) {
        let Some(lane) = self.lanes.get_mut(site) else { return };
        if !std::mem::replace(&mut lane.halves[half].asked, true) {
            self.refill.push_back((site.clone(), half == 1));
            self.nudge = true;
        }
    }
}
