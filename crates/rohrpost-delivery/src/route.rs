//! The hosts of a route in turns: who is asked, who is passed over, and what happens when that is everybody.
//!
//! In the order of the settings or by weight, the first host that can be used is asked on behalf of all recipients; the
//! next one for those whom it did not take for now. Hosts that are down are passed over, and the record of the message
//! says so. Hosts at their limits are asked when nobody else is left, as soon as they have room. When all hosts are down,
//! the one that was down longest is asked all the same: an attempt that is due is made.

use std::time::Duration;

use rohrpost_client::Endpoint;
use rohrpost_mail::EnhancedStatus;
use rohrpost_queue::Job;
use tokio::time::Instant;

use crate::{
    attempt::{Attempt, Findings, no_family, without_host},
    choice::order,
    hosts::{Down, Fared, Refusal, Turn, Turned},
    limits::HOST_ROOM_WAIT_MAX,
    message::Message,
    pipe,
    settings::{Place, Route, RouteHost, Settings},
    shared::Shared,
    verdict::{Judgement, Peer},
    way::Candidate,
};

/// Delivers over a route.
pub(crate) async fn deliver(shared: &Shared, job: &Job, message: &Message, route: &Route) -> Findings {
    let settings = shared.settings();
    let mut round = Round { attempt: Attempt::new(shared, job, message), route, settings: &settings, asked: false };
    let mut busy = Vec::new();
    for host in order(route, rand::random) {
        if !round.attempt.may_go_on() {
            break;
        }
        match shared.hosts.admit(route, host, shared.now()) {
            Ok(turn) => round.ask(host, turn).await,
            Err(Refusal::Busy(_)) => busy.push(host),
            Err(Refusal::Down(down)) => round.pass_over(host, &down),
        }
    }
    round.wait_for(busy).await;
    round.ask_longest_down().await;
    round.attempt.findings()
}

/// One message on its way through the hosts of a route.
struct Round<'a> {
    attempt: Attempt<'a>,
    route: &'a Route,
    settings: &'a Settings,
    /// Whether any host was asked.
    asked: bool,
}

impl Round<'_> {
    async fn ask(&mut self, host: &RouteHost, turn: Turn<'_>) {
        self.asked = true;
        match &host.place {
            Place::Mx => {
                self.attempt.ask_mx(self.settings, None, Some(self.route)).await;
                self.attempt.spare_the_gate();
            }
            Place::Pipe(program) => pipe::hand_over(&mut self.attempt, program).await,
            Place::Host(..) | Place::Unix(_) => self.ask_server(host).await,
        }
        let fared = match (self.attempt.end_turn(), &host.place) {
            // Whose fault it is that a destination cannot be reached nobody knows; it is not this way's.
            (Fared::Unusable(_), Place::Mx) => Fared::Untried,
            (fared, _) => fared,
        };
        let (route, host) = (&self.route.name, &host.place);
        let why = if let Fared::Unusable(why) = &fared { why.clone() } else { String::new() };
        match turn.end(fared, self.attempt.shared.now()) {
            Some(Turned::Down) => tracing::warn!(route, %host, why, "a host of a route is passed over from now on"),
            Some(Turned::Up) => tracing::info!(route, %host, "a host of a route is used again"),
            None => {}
        }
    }

    fn pass_over(&mut self, host: &RouteHost, down: &Down) {
        let since = down.since.strftime("%H:%M:%S UTC");
        self.attempt.pass_over(host.place.to_string(), format!("down since {since}: {}", down.why));
    }

    async fn ask_server(&mut self, host: &RouteHost) {
        let endpoints: Vec<Endpoint> = match &host.place {
            Place::Host(name, port) => match self.attempt.shared.resolver.route(name, *port, None).await {
                Ok(plan) => plan.candidates(0).into_iter().map(|(_, address)| address.into()).collect(),
                Err(error) => return self.attempt.not_found(&error),
            },
            Place::Unix(path) => vec![Endpoint::Unix(path.clone())],
            Place::Mx | Place::Pipe(_) => Vec::new(),
        };
        let candidate = |endpoint| Candidate::relay(host, endpoint, self.settings).on(self.route);
        let candidates: Vec<_> = endpoints.into_iter().filter_map(candidate).collect();
        if candidates.is_empty() {
            return self.attempt.give_up(&no_family(&host.place.to_string()));
        }
        self.attempt.ask_all(candidates, Peer::Relay).await;
    }

    /// Asks hosts at their limits, each as soon as it has room, for those whom no other host took.
    async fn wait_for(&mut self, mut busy: Vec<&RouteHost>) {
        let shared = self.attempt.shared;
        let end = Instant::now() + HOST_ROOM_WAIT_MAX;
        while self.attempt.may_go_on() && !busy.is_empty() && Instant::now() < end {
            // From here on a change is noticed, also one before it is waited for.
            let changed = shared.hosts.changed.notified();
            let mut look_again = end;
            let mut still_busy = Vec::new();
            for host in busy {
                match shared.hosts.admit(self.route, host, shared.now()) {
                    Ok(turn) if self.attempt.may_go_on() => self.ask(host, turn).await,
                    Ok(_) => {}
                    Err(Refusal::Down(down)) => self.pass_over(host, &down),
                    Err(Refusal::Busy(free_at)) => {
                        look_again = free_at.map_or(look_again, |at| look_again.min(Instant::from_std(at)));
                        still_busy.push(host);
                    }
                }
            }
            busy = still_busy;
            if busy.is_empty() || !self.attempt.may_go_on() {
                return;
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(look_again) => {}
                () = shared.stopping.cancelled() => return,
            }
        }
        if self.attempt.may_go_on() && !busy.is_empty() {
            let note = format!("no host of the route had room within {} min", minutes(HOST_ROOM_WAIT_MAX));
            self.asked = true;
            self.attempt.push_for_pending(&without_host(EnhancedStatus(4, 4, 5), Judgement::Later, note));
        }
    }

    async fn ask_longest_down(&mut self) {
        if self.asked || !self.attempt.may_go_on() {
            return;
        }
        let shared = self.attempt.shared;
        let longest = self.route.hosts.iter().min_by_key(|host| shared.hosts.down_since(self.route, host));
        let Some(host) = longest else {
            let note = "the route has no hosts".to_owned();
            return self.attempt.give_up(&without_host(EnhancedStatus(4, 3, 5), Judgement::Misconfigured, note));
        };
        self.attempt.ask_after_all(&host.place.to_string());
        let turn = shared.hosts.insist(self.route, host, shared.now());
        self.ask(host, turn).await;
    }
}

fn minutes(time: Duration) -> u64 {
    time.as_secs() / 60
}
