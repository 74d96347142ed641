//! `[[route]]`, `[[pipe]]`, and the routes that relay domains bring with them.

use std::{
    collections::HashSet,
    fmt::Display,
    net::{IpAddr, SocketAddr},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, anyhow, bail};
use rohrpost_client::{Login, Protocol, Sources};
use rohrpost_delivery::settings::{AfterDot, Choose, Escalation, HostLimits, Pipe, Place, Route, RouteHost};
use rohrpost_mail::{Host, Secret, Trust};
use rohrpost_queue::{
    AccountPattern, AddressPattern, DomainPattern, GateLimits, RouteRule, RouteSettings, Schedule,
    routing::{LOCAL, MX},
};

use super::{Notes, outward};
use crate::{
    config::{KeyPath, file},
    privileges,
};

/// Names that routes of the operator cannot have.
const TAKEN: [&str; 3] = [LOCAL, MX, "notices"];

/// The port of a server that names none.
const PORT: u16 = 25;

/// The bit of a mode that lets everybody read.
const OTHERS_READ: u32 = 0o004;

/// What is replaced in the arguments of a pipe.
const PLACEHOLDERS: [&str; 4] = ["{sender}", "{recipient}", "{recipients}", "{id}"];

impl Notes {
    /// Which mail goes which way: relay domains first, then routes in their order.
    pub(super) fn rules(&mut self, config: &file::Config) -> Vec<RouteRule> {
        let relay = |domain: &file::RelayDomain| {
            let pattern = AddressPattern::Domain(DomainPattern::Exact(domain.domain.clone()));
            RouteRule::to(vec![pattern], super::relay_domain(domain).route_name())
        };
        let mut rules: Vec<_> = config.relay_domain.iter().map(relay).collect();
        for (index, route) in config.route.iter().enumerate() {
            let key = KeyPath::item("route", index);
            rules.push(RouteRule {
                recipients: self.recipients(&key.then("recipients"), &route.recipients),
                senders: self.patterns(&key.then("senders"), &route.senders),
                accounts: self.accounts(&key.then("accounts"), &route.accounts),
                headers: self.patterns(&key.then("headers"), &route.headers),
                route: route.name.clone(),
            });
        }
        rules
    }

    pub(super) fn patterns<T: FromStr<Err: Display>>(&mut self, key: &KeyPath, texts: &[String]) -> Vec<T> {
        let patterns = texts.iter().enumerate();
        patterns.filter_map(|(at, text)| self.value(&key.at(at), text.parse())).collect()
    }

    fn recipients(&mut self, key: &KeyPath, texts: &[String]) -> Vec<AddressPattern> {
        let patterns = self.patterns(key, texts);
        if patterns.contains(&AddressPattern::Null) {
            self.fault(key.clone(), "expected recipients; \"<>\" can only be a sender");
        }
        patterns
    }

    fn accounts(&mut self, key: &KeyPath, texts: &[String]) -> Vec<AccountPattern> {
        let patterns = texts.iter().enumerate();
        let pattern = |text: &String| AccountPattern::parse(text, privileges::uid_of);
        patterns.filter_map(|(at, text)| self.value(&key.at(at), pattern(text))).collect()
    }

    /// Every route: those of the operator, then those to the servers behind relay domains.
    pub(super) fn routes(&mut self, config: &file::Config) -> Vec<Route> {
        let pipes = self.pipes(config);
        let mut names = HashSet::new();
        let mut routes = Vec::new();
        for (index, route) in config.route.iter().enumerate() {
            let key = KeyPath::item("route", index);
            self.check_name(&key.then("name"), &route.name, &TAKEN);
            if !names.insert(&route.name) {
                self.fault(key.then("name"), format!("expected a name of its own, found {:?} again", route.name));
            }
            routes.push(self.route(&key, route, config, &pipes));
        }
        self.check_circles(&config.route);
        let relays = config.relay_domain.iter().enumerate();
        routes.extend(relays.filter_map(|(at, domain)| self.relay(at, domain)).collect::<Vec<_>>());
        routes
    }

    fn check_name(&mut self, key: &KeyPath, name: &str, taken: &[&str]) {
        let is_word = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
        if !is_word || taken.contains(&name) {
            let other = if taken.is_empty() { String::new() } else { format!(" other than {}", taken.join(", ")) };
            self.fault(key.clone(), format!("expected a name without blanks{other}, found {name:?}"));
        }
    }

    fn route(&mut self, key: &KeyPath, route: &file::Route, config: &file::Config, pipes: &[Pipe]) -> Route {
        if route.host.is_empty() {
            self.fault(key.then("host"), "expected at least one [[route.host]]");
        }
        if route.concurrency == Some(0) {
            self.fault(key.then("concurrency"), "expected at least 1, found 0");
        }
        let hosts = route.host.iter().enumerate();
        let hosts = hosts.filter_map(|(at, host)| self.route_host(&key.then("host").at(at), host, pipes)).collect();
        Route {
            choose: match route.choose {
                file::ChooseWord::Ordered => Choose::Ordered,
                file::ChooseWord::Weighted => Choose::Weighted,
            },
            after_dot: match route.after_dot {
                file::AfterDotWord::Retry => AfterDot::Retry,
                file::AfterDotWord::Hold => AfterDot::Hold,
                file::AfterDotWord::AssumeDelivered => AfterDot::AssumeDelivered,
            },
            limits: limits(route, &config.queue),
            escalation: self.escalation(key, route, &config.route),
            probe_after: route.probe_after.0,
            sources: self.sources(key, route.source_address.as_ref()),
            ehlo_name: route.ehlo_name.clone(),
            ..Route::new(&route.name, hosts)
        }
    }

    fn escalation(&mut self, key: &KeyPath, route: &file::Route, routes: &[file::Route]) -> Option<Escalation> {
        let (after_tries, then) = match (route.after_tries, &route.then) {
            (None, None) => return None,
            (Some(after_tries), Some(then)) => (after_tries, then.clone()),
            (Some(_), None) => {
                self.fault(key.then("after_tries"), "expected a `then` too");
                return None;
            }
            (None, Some(_)) => {
                self.fault(key.then("then"), "expected `after_tries` too");
                return None;
            }
        };
        if after_tries == 0 {
            self.fault(key.then("after_tries"), "expected at least 1, found 0");
        }
        if then != MX && !routes.iter().any(|other| other.name == then) {
            self.fault(key.then("then"), format!("expected the name of a [[route]] or \"mx\", found {then:?}"));
        }
        Some(Escalation { after_tries, then })
    }

    /// A message must come to an end: no route may lead back to itself.
    fn check_circles(&mut self, routes: &[file::Route]) {
        for (index, route) in routes.iter().enumerate() {
            let mut way = vec![route.name.as_str()];
            while let Some(next) = next(routes, way[way.len() - 1]) {
                let is_known = way.contains(&next);
                way.push(next);
                if is_known {
                    break;
                }
            }
            if way.len() > 1 && way[way.len() - 1] == route.name {
                let message = format!("leads in a circle: {}", way.join(", "));
                self.fault(KeyPath::item("route", index).then("then"), message);
            }
        }
    }

    fn sources(&mut self, key: &KeyPath, addresses: Option<&file::OneOrMany>) -> Sources {
        let key = key.then("source_address");
        let mut sources = Sources::default();
        for text in addresses.map(file::OneOrMany::as_slice).unwrap_or_default() {
            let expected = || format!("expected an address of this host, at most one of each family, found {text:?}");
            match text.parse() {
                Ok(IpAddr::V4(address)) if sources.v4.is_none() => sources.v4 = Some(address),
                Ok(IpAddr::V6(address)) if sources.v6.is_none() => sources.v6 = Some(address),
                _ => self.fault(key.clone(), expected()),
            }
        }
        sources
    }

    fn route_host(&mut self, key: &KeyPath, host: &file::RouteHost, pipes: &[Pipe]) -> Option<RouteHost> {
        let place = self.value(&key.then("host"), way(&host.host, pipes))?;
        if let (Place::Mx | Place::Pipe(_), Some(name)) = (&place, host.server_setting()) {
            self.fault(key.then(name), format!("{:?} has no such setting: it is for servers", host.host));
        }
        if host.concurrency == Some(0) {
            self.fault(key.then("concurrency"), "expected at least 1, found 0");
        }
        if host.allow_clear {
            self.warn(format!("{key}: allow_clear lets the password cross the network in clear text"));
        }
        Some(RouteHost {
            weight: host.weight,
            limits: HostLimits { rate: host.rate, concurrency: host.concurrency },
            protocol: if host.lmtp { Protocol::Lmtp } else { Protocol::Smtp },
            tls: host.tls,
            trust: self.rebased(&host.trust),
            min_tls: host.min_tls,
            login: self.login(key, host),
            allow_clear: host.allow_clear,
            client_certificate: host.client_certificate.as_ref().map(|pair| self.pair(pair)),
            ..RouteHost::new(place)
        })
    }

    /// The log-in of a host, if it has one, its password read from the file.
    fn login(&mut self, key: &KeyPath, host: &file::RouteHost) -> Option<Login> {
        match (&host.user, &host.password_file) {
            (None, None) => None,
            (Some(user), Some(file)) => {
                let password = first_line(&self.folder.join(file));
                let password =
                    self.value(&key.then("password_file"), password.map_err(|error| format!("{error:#}")))?;
                Some(Login::new(user, password))
            }
            (Some(_), None) => {
                self.fault(key.then("user"), "expected a password_file too");
                None
            }
            (None, Some(_)) => {
                self.fault(key.then("password_file"), "expected a user too");
                None
            }
        }
    }

    /// The route to the server behind a relay domain.
    fn relay(&mut self, index: usize, domain: &file::RelayDomain) -> Option<Route> {
        let key = KeyPath::item("relay_domain", index);
        let place = self.value(&key.then("next_hop"), place(&domain.next_hop))?;
        let trust = self.rebased(&domain.trust);
        let host = RouteHost { tls: domain.tls, trust, ..RouteHost::new(place) };
        Some(Route::new(super::relay_domain(domain).route_name(), vec![host]))
    }

    /// The same trust with the files of its authorities relative to the configuration.
    fn rebased(&self, trust: &Trust) -> Trust {
        trust.with_ca_files(|file| self.folder.join(file).to_string_lossy().into_owned())
    }

    fn pipes(&mut self, config: &file::Config) -> Vec<Pipe> {
        let mut names = HashSet::new();
        for (index, pipe) in config.pipe.iter().enumerate() {
            let key = KeyPath::item("pipe", index);
            self.check_name(&key.then("name"), &pipe.name, &[]);
            if !names.insert(&pipe.name) {
                self.fault(key.then("name"), format!("expected a name of its own, found {:?} again", pipe.name));
            }
            if !pipe.argv.first().is_some_and(|program| program.starts_with('/')) {
                self.fault(key.then("argv"), "expected the whole path of a program first");
            }
            if let Some(program) = pipe.argv.first().filter(|program| !Path::new(program).is_file()) {
                self.warn(format!("{key}: there is no program {program} on this host"));
            }
            if pipe.refusals.contains(&0) {
                self.fault(key.then("refusals"), "expected statuses from 1 to 255; 0 means that the message was taken");
            }
            for (at, argument) in pipe.argv.iter().enumerate().filter(|(_, argument)| has_unknown_word(argument)) {
                let message = format!("expected no words in braces but {}, found {argument:?}", PLACEHOLDERS.join(" "));
                self.fault(key.then("argv").at(at), message);
            }
        }
        let pipe = |pipe: &file::Pipe| Pipe {
            timeout: pipe.timeout.0,
            refusals: pipe.refusals.iter().copied().map(i32::from).collect(),
            ..Pipe::new(&pipe.name, pipe.argv.clone())
        };
        config.pipe.iter().map(pipe).collect()
    }
}

/// Where a route leads after its tries.
fn next<'a>(routes: &'a [file::Route], name: &str) -> Option<&'a str> {
    routes.iter().find(|route| route.name == name)?.then.as_deref()
}

/// Whether a word in braces is none that is replaced. Braces around other things, as in JSON, stay as they are.
fn has_unknown_word(argument: &str) -> bool {
    let mut rest = PLACEHOLDERS.iter().fold(argument.to_owned(), |text, known| text.replace(known, ""));
    while let Some(start) = rest.find('{') {
        rest.drain(..=start);
        let word = rest.split_once('}').map_or("", |(word, _)| word);
        if !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            return true;
        }
    }
    false
}

/// How often and how fast over a route.
pub(super) fn settings(route: &file::Route, queue: &file::Queue) -> RouteSettings {
    RouteSettings { limits: limits(route, queue), schedule: schedule(route, queue) }
}

/// What a route allows its gate.
fn limits(route: &file::Route, queue: &file::Queue) -> GateLimits {
    let at_once = at_once(route.concurrency.unwrap_or(queue.connections_per_site));
    GateLimits { rate: route.rate, closes: route.then.is_none(), ..at_once }
}

/// Attempts at once, from the usual start up to `max`.
pub(super) fn at_once(max: u32) -> GateLimits {
    let usual = GateLimits::default();
    GateLimits { start: usual.start.min(max), max, ..usual }
}

/// When attempts over a route are due.
fn schedule(route: &file::Route, queue: &file::Queue) -> Schedule {
    outward::schedule(&file::Queue {
        retry_first: route.retry_first.unwrap_or(queue.retry_first),
        retry_max: route.retry_max.unwrap_or(queue.retry_max),
        lifetime: route.lifetime.unwrap_or(queue.lifetime),
        ..queue.clone()
    })
}

/// What a host of a route may be: a [`place`], `mx`, or `pipe:NAME`.
fn way(text: &str, pipes: &[Pipe]) -> anyhow::Result<Place> {
    if text == MX {
        return Ok(Place::Mx);
    }
    let Some(name) = text.strip_prefix("pipe:") else { return place(text) };
    let pipe = pipes.iter().find(|pipe| pipe.name == name);
    pipe.cloned().map(Place::Pipe).with_context(|| format!("expected the name of a [[pipe]], found {name:?}"))
}

/// `relay.example.net:587`, `192.0.2.1`, `[2001:db8::1]:25` or `unix:/run/lmtp.sock`.
pub(crate) fn place(text: &str) -> anyhow::Result<Place> {
    let wrong = || anyhow!("expected a host with an optional port, or unix:PATH, found {text:?}");
    if let Some(path) = text.strip_prefix("unix:").filter(|path| path.starts_with('/')) {
        return Ok(Place::Unix(PathBuf::from(path)));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Place::Host(Host::Literal(address.ip()), address.port()));
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse() {
        return Ok(Place::Host(Host::Literal(address), PORT));
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, port.parse().map_err(|_| wrong())?),
        None => (text, PORT),
    };
    let name = rohrpost_mail::Domain::parse(name).with_context(wrong)?;
    Ok(Place::Host(Host::Name(name), port))
}

/// The password in the first line of a file that is not everybody's to read.
fn first_line(file: &Path) -> anyhow::Result<Secret> {
    let mode = std::fs::metadata(file).with_context(|| file.display().to_string())?.mode() & 0o7777;
    if mode & OTHERS_READ != 0 && !is_from_the_platform(file) {
        bail!("{}: everybody can read it (mode {mode:04o}): chmod 640", file.display());
    }
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let line = text.lines().next().filter(|line| !line.is_empty());
    Ok(Secret::new(line.with_context(|| format!("{}: the first line is empty", file.display()))?))
}

/// Whether a container or systemd put it there, and set its mode.
fn is_from_the_platform(file: &Path) -> bool {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let folders = [Some(PathBuf::from("/run/secrets")), credentials].into_iter().flatten();
    let Ok(file) = file.canonicalize() else { return false };
    folders.filter_map(|folder| folder.canonicalize().ok()).any(|folder| file.starts_with(folder))
}
