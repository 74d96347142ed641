//! Which way an address goes: into a mailbox here, by a named route, or to the MX hosts of its domain.
//!
//! Intake asks when a message comes in, with all that is known of it; delivery when an alias or a forwarding puts other
//! addresses in a recipient's place, with what the stored message still tells. Rules are tried in their order, the first
//! that fits wins. Nothing here decides whether a message is taken: that is intake's.
//!
//! ```text
//! Router::ways(Origin { sender, login, uid, head }) ──▶ Ways::to(address) ──▶ Destination { route, site }
//! ```

mod pattern;

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use rohrpost_mail::{Domain, Host, Mailbox, ReversePath, header};

pub use pattern::{AccountPattern, AddressPattern, DomainPattern, HeaderPattern, PatternError};

/// The route of mailboxes on this server.
pub const LOCAL: &str = "local";
/// The route of mail that DNS finds the host for.
pub const MX: &str = "mx";

/// Some mail goes by a route. Each kind of selector that is given must fit; within a kind, one of its patterns must.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RouteRule {
    /// Who gets it.
    pub recipients: Vec<AddressPattern>,
    /// The reverse path. Empty: any, the null path included.
    pub senders: Vec<AddressPattern>,
    /// Who handed it in. Empty: anybody.
    pub accounts: Vec<AccountPattern>,
    /// What its header says. Empty: anything.
    pub headers: Vec<HeaderPattern>,
    /// The name of the route.
    pub route: String,
}

impl RouteRule {
    /// All mail to these recipients goes by this route.
    pub fn to(recipients: Vec<AddressPattern>, route: impl Into<String>) -> Self {
        Self { recipients, route: route.into(), ..Self::default() }
    }

    fn fits_header(&self, head: &[u8]) -> bool {
        self.headers.is_empty() || self.headers.iter().any(|pattern| pattern.fits(head))
    }

    fn fits_but_for_header(&self, address: &Mailbox, origin: &Origin<'_>) -> bool {
        self.recipients.iter().any(|pattern| pattern.fits_mailbox(address))
            && (self.senders.is_empty() || self.senders.iter().any(|pattern| pattern.fits_path(origin.sender)))
            && (self.accounts.is_empty() || self.accounts.iter().any(|who| who.fits(origin.login, origin.uid)))
    }
}

/// What is known of a message when it asks for its way.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Its reverse path.
    pub sender: &'a ReversePath,
    /// The login of who submitted it.
    pub login: Option<&'a str>,
    /// The user of this host whose program handed it in.
    pub uid: Option<u32>,
    /// The message, or the start of it with its header; empty where no rule about headers is to fit.
    pub head: &'a [u8],
}

impl<'a> Origin<'a> {
    /// A message of which nothing but its reverse path is known.
    pub fn of(sender: &'a ReversePath) -> Self {
        Self { sender, login: None, uid: None, head: b"" }
    }

    /// A message of our own to somebody: it has the null path.
    pub fn own() -> Origin<'static> {
        Origin::of(&ReversePath::Null)
    }
}

/// Where a recipient is queued.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Destination {
    /// [`LOCAL`], [`MX`] or the name of a route.
    pub route: String,
    /// The domain.
    pub site: String,
}

/// The table. It may be changed while it is in use: domains come and go, the configuration is reloaded.
#[derive(Debug, Default)]
pub struct Router {
    table: RwLock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    local: HashSet<Domain>,
    rules: Vec<RouteRule>,
    /// Whether a rule asks for headers. They are not looked at otherwise.
    reads_headers: bool,
}

impl Table {
    fn is_local(&self, host: &Host) -> bool {
        host.name().is_some_and(|domain| self.local.contains(domain))
    }

    fn set_rules(&mut self, rules: Vec<RouteRule>) {
        self.reads_headers = rules.iter().any(|rule| !rule.headers.is_empty());
        self.rules = rules;
    }
}

impl Router {
    /// A table of the domains whose mail ends here, and of the rules for all others.
    pub fn new(local: impl IntoIterator<Item = Domain>, rules: Vec<RouteRule>) -> Self {
        let router = Self::default();
        router.set_local(local);
        router.set_rules(rules);
        router
    }

    /// Puts another set of local domains in place.
    pub fn set_local(&self, local: impl IntoIterator<Item = Domain>) {
        self.write().local = local.into_iter().collect();
    }

    /// Puts other rules in place.
    pub fn set_rules(&self, rules: Vec<RouteRule>) {
        self.write().set_rules(rules);
    }

    /// Whether mail for this host ends here.
    pub fn is_local(&self, host: &Host) -> bool {
        self.read().is_local(host)
    }

    /// The ways that the recipients of a message go. The table waits with its changes while they are held.
    pub fn ways<'a>(&'a self, origin: Origin<'a>) -> Ways<'a> {
        let table = self.read();
        let header_fits = if table.reads_headers {
            let (head, _) = header::split(origin.head);
            table.rules.iter().map(|rule| rule.fits_header(head)).collect()
        } else {
            Vec::new()
        };
        Ways { table, origin, header_fits }
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ways of one message: its header is read once, however many recipients it has.
#[derive(Debug)]
pub struct Ways<'a> {
    table: RwLockReadGuard<'a, Table>,
    origin: Origin<'a>,
    /// By the number of the rule; empty where no rule asks.
    header_fits: Vec<bool>,
}

impl Ways<'_> {
    /// Where mail for this address is queued.
    pub fn to(&self, address: &Mailbox) -> Destination {
        let route = if self.table.is_local(&address.domain) { LOCAL } else { self.rule(address).unwrap_or(MX) };
        Destination { route: route.to_owned(), site: address.domain.to_string() }
    }

    /// Whether mail for this address goes to MX hosts, whatever its header will say.
    pub fn surely_mx(&self, address: &Mailbox) -> bool {
        let takes = |rule: &RouteRule| rule.fits_but_for_header(address, &self.origin);
        !self.table.is_local(&address.domain) && !self.table.rules.iter().any(takes)
    }

    /// The route of the first rule that fits.
    fn rule(&self, address: &Mailbox) -> Option<&str> {
        let header_fits = |number: usize| self.header_fits.get(number).copied().unwrap_or(true);
        let mut rules = self.table.rules.iter().enumerate();
        let fits = |(number, rule): &(usize, &RouteRule)| {
            header_fits(*number) && rule.fits_but_for_header(address, &self.origin)
        };
        rules.find(fits).map(|(_, rule)| rule.route.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<AddressPattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn rule(recipients: &[&str], route: &str) -> RouteRule {
        RouteRule::to(patterns(recipients), route)
    }

    fn path(text: &str) -> ReversePath {
        text.parse().unwrap()
    }

    fn route(router: &Router, origin: Origin<'_>, address: &str) -> String {
        router.ways(origin).to(&address.parse().unwrap()).route
    }

    #[test]
    fn local_domains_come_first_then_the_first_rule_then_the_mx() {
        let rules = vec![rule(&["*.corp.test"], "inner"), rule(&["corp.test", "sub.corp.test"], "outer")];
        let router = Router::new(["here.test".parse().unwrap()], rules);
        let route = |address: &str| route(&router, Origin::own(), address);
        assert_eq!(route("ann@here.test"), "local");
        assert_eq!(route("ann@sub.corp.test"), "inner");
        assert_eq!(route("ann@corp.test"), "outer");
        assert_eq!(route("ann@notcorp.test"), "mx");
        assert_eq!(route("ann@[192.0.2.1]"), "mx");
        router.set_rules(vec![rule(&["*"], "smarthost")]);
        router.set_local([]);
        assert_eq!(route("ann@here.test"), "smarthost");
        assert_eq!(route("ann@[192.0.2.1]"), "smarthost");
    }

    #[test]
    fn a_rule_about_one_recipient_leaves_the_others_of_the_message_alone() {
        let router = Router::new([], vec![rule(&["bob@there.test"], "bobs")]);
        let sender = path("ann@here.test");
        let ways = router.ways(Origin::of(&sender));
        assert_eq!(ways.to(&"Bob@there.test".parse().unwrap()).route, "bobs");
        assert_eq!(ways.to(&"eve@there.test".parse().unwrap()).route, "mx");
    }

    #[test]
    fn senders_are_known_by_their_path_and_bounces_by_the_null_one() {
        let by_sender = |senders: &[&str], route: &str| RouteRule { senders: patterns(senders), ..rule(&["*"], route) };
        let rules = vec![by_sender(&["shop.test"], "shop"), by_sender(&["<>"], "bounces"), by_sender(&["*"], "rest")];
        let router = Router::new([], rules);
        let route = |sender: &str| route(&router, Origin::of(&path(sender)), "bob@there.test");
        assert_eq!(route("orders@shop.test"), "shop");
        assert_eq!(route(""), "bounces");
        assert_eq!(route("ann@here.test"), "rest");
    }

    #[test]
    fn a_user_of_this_host_is_not_an_account_of_the_same_name() {
        let parse = |text: &str| AccountPattern::parse(text, |_| Some(33)).unwrap();
        let by = |who: &str, route: &str| RouteRule { accounts: vec![parse(who)], ..rule(&["*"], route) };
        let router = Router::new([], vec![by("erp@here.test", "invoices"), by("unix:www-data", "web")]);
        let sender = path("ann@here.test");
        let from = |login, uid| route(&router, Origin { login, uid, ..Origin::of(&sender) }, "bob@there.test");
        assert_eq!(from(Some("ERP@here.test"), None), "invoices");
        assert_eq!(from(None, Some(33)), "web");
        assert_eq!(from(Some("www-data"), Some(34)), "mx");
        assert_eq!(from(None, None), "mx");
    }

    #[test]
    fn all_kinds_of_selectors_must_fit_and_any_one_field() {
        let headers = ["X-Route: bulk", "Precedence: bulk"].map(|text| text.parse().unwrap()).to_vec();
        let bulk = RouteRule { senders: patterns(&["shop.test"]), headers, ..rule(&["*"], "bulk") };
        let router = Router::new([], vec![rule(&["quiet.test"], "quiet"), bulk]);
        let from = |sender: &str, head: &'static [u8], to: &str| {
            route(&router, Origin { head, ..Origin::of(&path(sender)) }, to)
        };
        assert_eq!(from("a@shop.test", b"precedence: BULK\r\n\r\n", "bob@there.test"), "bulk");
        assert_eq!(from("a@shop.test", b"precedence: BULK\r\n\r\n", "bob@quiet.test"), "quiet");
        assert_eq!(from("a@here.test", b"Precedence: bulk\r\n\r\n", "bob@there.test"), "mx");
        assert_eq!(from("a@shop.test", b"Subject: x\r\n\r\nPrecedence: bulk\r\n", "bob@there.test"), "mx");
    }

    #[test]
    fn nothing_is_surely_sent_to_an_mx_that_a_rule_about_headers_may_take() {
        let bulk = RouteRule { headers: vec!["X-Route: bulk".parse().unwrap()], ..rule(&["there.test"], "bulk") };
        let router = Router::new(["here.test".parse().unwrap()], vec![bulk]);
        let ways = router.ways(Origin::own());
        let surely = |address: &str| ways.surely_mx(&address.parse().unwrap());
        assert!(surely("bob@elsewhere.test"));
        assert!(!surely("bob@there.test") && !surely("ann@here.test"));
        assert_eq!(ways.to(&"bob@there.test".parse().unwrap()).route, "mx");
    }
}
