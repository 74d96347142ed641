//! The way out: policies, queue, DNS, notices. Routes: `routes.rs`.

use std::time::Duration;

use rohrpost_delivery::settings::{self as delivery, TlsPolicy};
use rohrpost_mail::{Mailbox, Policy};
use rohrpost_queue::Schedule;

use super::{Notes, language, routes};
use crate::config::{KeyPath, file};

/// Policies that can be asked for.
const POLICIES: [Policy; 3] = [Policy::Off, Policy::Opportunistic, Policy::Required];

impl Notes {
    /// How mail goes out.
    pub(super) fn delivery(
        &mut self,
        config: &file::Config,
        postmaster: Option<Mailbox>,
    ) -> Option<delivery::Settings> {
        let routes = self.routes(config);
        let policies = config.tls_policy.iter().enumerate();
        let tls_policies = policies.filter_map(|(at, policy)| self.tls_policy(at, policy)).collect();
        let notices = self.notices(config);
        Some(delivery::Settings {
            language: language(config.language),
            subaddress: config.domains.subaddress.chars().next(),
            routes,
            tls_policies,
            redirect_all_to: config.redirect_all_to.clone(),
            notices,
            ..delivery::Settings::new(config.host_name.clone(), postmaster?)
        })
    }

    fn tls_policy(&mut self, index: usize, policy: &file::TlsPolicy) -> Option<TlsPolicy> {
        let key = KeyPath::item("tls_policy", index);
        self.check_policy(&key.then("policy"), policy.policy);
        let domain = self.value(&key.then("domain"), policy.domain.parse())?;
        Some(TlsPolicy { domain, policy: policy.policy, min_tls: policy.min_tls })
    }

    fn check_policy(&mut self, key: &KeyPath, policy: Policy) {
        if !POLICIES.contains(&policy) {
            self.fault(key.clone(), format!("expected off, opportunistic or required, found {:?}", policy.as_str()));
        }
    }

    fn notices(&mut self, config: &file::Config) -> delivery::Notices {
        let (key, notices) = (KeyPath::key("notices"), &config.notices);
        if let Some(policy) = notices.tls {
            self.check_policy(&key.then("tls"), policy);
        }
        if let Some(route) = &notices.route
            && !config.route.iter().any(|known| known.name == *route)
        {
            self.fault(key.then("route"), format!("expected the name of a [[route]], found {route:?}"));
        }
        delivery::Notices { to: notices.to.clone(), route: notices.route.clone(), tls: notices.tls }
    }

    /// How often and how fast.
    pub(super) fn queue(&mut self, config: &file::Config) -> rohrpost_queue::Settings {
        let queue = &config.queue;
        if queue.lifetime.0 < Duration::from_hours(4 * 24) {
            self.warn("queue.lifetime: RFC 5321 §4.5.4.1 asks for at least four days");
        }
        let routes = config.route.iter().map(|route| (route.name.clone(), routes::settings(route, queue)));
        let limits = routes::at_once(queue.connections_per_site);
        rohrpost_queue::Settings {
            schedule: schedule(queue),
            limits,
            routes: routes.collect(),
            hold_outgoing: false,
            one_way_out: false,
        }
    }

    /// How hosts are found.
    pub(super) fn dns(&mut self, config: &file::Config) -> rohrpost_dns::Options {
        let dns = &config.dns;
        let usual = rohrpost_dns::Options::default();
        let denied = dns.mx_denied_networks.clone().unwrap_or_else(|| usual.mx_denied_networks.clone());
        if dns.mx_port != usual.mx_port || denied != usual.mx_denied_networks {
            self.warn("dns.mx_port and dns.mx_denied_networks: anything but the default is for tests");
        }
        rohrpost_dns::Options {
            validate: match dns.validate {
                file::ValidateWord::Auto => rohrpost_dns::Validate::Auto,
                file::ValidateWord::On => rohrpost_dns::Validate::On,
                file::ValidateWord::Off => rohrpost_dns::Validate::Off,
            },
            timeout: dns.timeout.0,
            mx_port: dns.mx_port,
            mx_denied_networks: denied,
            own_names: vec![config.host_name.clone()],
            ..usual
        }
    }
}

/// When attempts are due.
pub(super) fn schedule(queue: &file::Queue) -> Schedule {
    Schedule {
        first: queue.retry_first.0,
        cap_first_day: queue.retry_max.0,
        cap: 2 * queue.retry_max.0,
        lifetime: queue.lifetime.0,
        lifetime_null_path: queue.bounce_lifetime.0,
        delay_notice_after: queue.delay_notice_after.0,
        ..Schedule::default()
    }
}
