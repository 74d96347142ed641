use rand::{SeedableRng, rngs::StdRng};

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn plan(addresses: usize) -> Plan {
    let address = |n: usize| SocketAddr::new(ip(&format!("192.0.2.{n}")), 25);
    let host = PlannedHost {
        name: None,
        preference: 0,
        addresses: (1..=addresses).map(address).collect(),
        policy: Policy::Opportunistic,
        source: PolicySource::Default,
        tlsa: None,
        dnssec: false,
    };
    Plan { domain: Host::parse("there.test").unwrap(), hosts: vec![host], site: String::new(), dnssec: false }
}

#[test]
fn preference_rules_and_equals_share_the_load() {
    let mut first = std::collections::HashSet::new();
    for seed in 0..50 {
        let mut hosts = [(20, "d"), (10, "a"), (10, "b"), (10, "c"), (0, "best")];
        order(&mut hosts, |host| host.0, &mut StdRng::seed_from_u64(seed));
        assert_eq!(hosts[0].1, "best");
        assert_eq!(hosts[4].1, "d");
        first.insert(hosts[1].1);
    }
    assert_eq!(first.len(), 3, "each of the equals comes first at times");
}

#[test]
fn families_take_turns_with_ipv6_first() {
    let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"].map(ip);
    let mixed = interleave(&addresses, &mut StdRng::seed_from_u64(1));
    let families: Vec<bool> = mixed.iter().map(IpAddr::is_ipv6).collect();
    assert_eq!(families, [true, false, false, false]);
    let addresses = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"].map(ip);
    let mixed = interleave(&addresses, &mut StdRng::seed_from_u64(1));
    let families: Vec<bool> = mixed.iter().map(IpAddr::is_ipv6).collect();
    assert_eq!(families, [true, false, true, false, true]);
}

#[test]
fn an_attempt_tries_five_addresses_and_the_next_goes_on_behind_them() {
    let plan = plan(7);
    let last_octets = |attempt| -> Vec<u8> {
        let octet = |(_, address): (&PlannedHost, SocketAddr)| match address.ip() {
            IpAddr::V4(v4) => v4.octets()[3],
            IpAddr::V6(_) => 0,
        };
        plan.candidates(attempt).into_iter().map(octet).collect()
    };
    assert_eq!(last_octets(0), [1, 2, 3, 4, 5]);
    assert_eq!(last_octets(1), [6, 7, 1, 2, 3]);
    assert_eq!(super::tests::plan(3).candidates(9).len(), 3);
    assert_eq!(super::tests::plan(3).candidates(9)[0].1, SocketAddr::new(ip("192.0.2.1"), 25));
}

#[test]
fn the_site_does_not_depend_on_the_order_and_stays_short() {
    assert_eq!(site(["b.test", "a.test"], 25), "a.test,b.test:25");
    assert_eq!(site(["a.test", "b.test", "a.test"], 25), site(["b.test", "a.test"], 25));
    assert_ne!(site(["a.test"], 25), site(["a.test"], 2525));
    let names: Vec<String> = (0..20).map(|n| format!("mx{n}.a-long-name-of-a-provider.test")).collect();
    let key = site(names.iter().map(String::as_str), 25);
    assert!(key.len() < SITE_BYTES_MAX && key != site(names[1..].iter().map(String::as_str), 25), "{key}");
}
