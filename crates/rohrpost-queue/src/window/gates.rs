//! Which gate a site passes, and what is known of it.

use std::{sync::Arc, time::Duration};

use super::{GateKey, SiteKey, Window};
use crate::{
    clock::Now,
    gate::{Admission, Gate, GateLimits},
    limits::{GATES_MAX, LEARNED_SITES_MAX},
    routing::{LOCAL, MX},
};

/// Attempts at once into local mailboxes: they wait for the same disk, more would not be faster.
const LOCAL_LIMITS: GateLimits = GateLimits { start: 16, max: 16, rate: None, closes: true };

impl Window {
    /// DNS has told which hosts serve a domain: domains with the same hosts share a gate from now on.
    pub fn learn(&mut self, site: &SiteKey, hosts: &str) {
        if &*site.route != MX || self.settings.one_way_out {
            return;
        }
        if self.learned.len() >= LEARNED_SITES_MAX && !self.learned.contains_key(site) {
            self.learned.clear();
        }
        let key = GateKey::of_mx(hosts);
        if self.learned.get(site) != Some(&key) {
            self.learned.insert(site.clone(), key);
        }
    }

    /// Lets a probe through every closed gate.
    pub fn reopen_all(&mut self, now: Now) {
        for gate in self.gates.values_mut() {
            gate.reopen(now.steady);
        }
        self.want_sweep();
    }

    /// How many gates are known, and how many of them are closed.
    pub fn gate_counts(&self) -> (usize, usize) {
        (self.gates.len(), self.gates.values().filter(|gate| gate.is_probing()).count())
    }

    /// How long the gate of a site stays closed, if it is.
    pub fn closed_for(&self, site: &SiteKey, now: Now) -> Option<Duration> {
        match self.gates.get(&self.gate_key(site))?.admission(now.steady) {
            Admission::Closed(until) => Some(until - now.steady),
            _ => None,
        }
    }

    pub(super) fn gate_key(&self, site: &SiteKey) -> GateKey {
        match site.route() {
            LOCAL => GateKey(Arc::clone(&site.route)),
            _ if self.settings.one_way_out => GateKey::of_route("out"),
            MX => self.learned.get(site).cloned().unwrap_or_else(|| GateKey::of_mx(site.site())),
            route => GateKey::of_route(route),
        }
    }

    pub(super) fn gate(&mut self, key: &GateKey, site: &SiteKey, now: Now) -> &mut Gate {
        if self.gates.len() >= GATES_MAX && !self.gates.contains_key(key) {
            self.gates.retain(|_, gate| !gate.is_forgettable(now.steady));
            if self.gates.len() >= GATES_MAX {
                // Too many dead sites: those forgotten find out anew, each with ten attempts.
                self.gates.retain(|_, gate| gate.is_running());
            }
        }
        let limits = match site.route() {
            LOCAL => LOCAL_LIMITS,
            route => self.settings.route_limits.get(route).copied().unwrap_or(self.settings.limits),
        };
        self.gates.entry(key.clone()).or_insert_with(|| Gate::new(limits))
    }
}
