use std::{collections::HashSet, net::Ipv4Addr, time::Duration};

use rohrpost_mail::{Class, EnhancedStatus};

use super::*;
use crate::{
    error::LookupFault,
    options::Validate,
    zone::{Fault, Zone, ZoneServer},
};

const MX: u16 = 15;

/// Soon over, since the tests that wait for it wait for real.
const TIMEOUT: Duration = Duration::from_millis(100);

struct World {
    server: ZoneServer,
    resolver: Resolver,
}

async fn world_with(zone: Zone, options: Options) -> World {
    let server = ZoneServer::start([zone]).await.unwrap();
    let resolver = Resolver::with_servers(vec![server.address()], Options { timeout: TIMEOUT, ..options });
    World { server, resolver }
}

async fn world(zone: Zone) -> World {
    world_with(zone, Options::default()).await
}

fn there() -> Zone {
    Zone::new("there.test")
}

impl World {
    async fn plan(&self) -> Result<Plan, PlanError> {
        self.resolver.plan(&Host::parse("there.test").unwrap(), None).await
    }

    /// The hosts in order, with their first address.
    async fn hosts(&self) -> Vec<String> {
        let plan = self.plan().await.unwrap();
        let host = |host: &PlannedHost| format!("{} {}", host.name.as_ref().unwrap(), host.addresses[0]);
        plan.hosts.iter().map(host).collect()
    }

    fn asked(&self, record_type: &str) -> bool {
        self.server.questions().iter().any(|question| question.record_type == record_type)
    }
}

/// What became of it: class, code and words.
fn outcome(plan: Result<Plan, PlanError>) -> (Class, EnhancedStatus, String) {
    let error = plan.unwrap_err();
    (error.class(), error.enhanced(), error.to_string())
}

fn temporary(code: EnhancedStatus, words: &str) -> (Class, EnhancedStatus, String) {
    (Class::Temporary, code, words.to_owned())
}

fn permanent(code: EnhancedStatus, words: &str) -> (Class, EnhancedStatus, String) {
    (Class::Permanent, code, words.to_owned())
}

fn failing(words: &str) -> (Class, EnhancedStatus, String) {
    temporary(EnhancedStatus(4, 4, 3), &format!("looking up there.test: {words}"))
}

#[tokio::test]
async fn mail_hosts_come_by_preference_with_their_addresses() {
    let world = world(
        there()
            .mx("there.test", 20, "backup.there.test")
            .mx("there.test", 10, "mx.there.test")
            .a("mx.there.test", [192, 0, 2, 1])
            .aaaa("mx.there.test", [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])
            .a("backup.there.test", [192, 0, 2, 2]),
    )
    .await;
    let plan = world.plan().await.unwrap();
    assert_eq!(plan.site, "backup.there.test,mx.there.test:25");
    assert_eq!(plan.hosts.iter().map(|host| host.preference).collect::<Vec<_>>(), [10, 20]);
    let addresses: Vec<String> = plan.hosts[0].addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["[2001:db8::1]:25", "192.0.2.1:25"]);
    assert_eq!((plan.hosts[0].policy, plan.hosts[0].source), (Policy::Opportunistic, PolicySource::Default));
    assert!(!plan.dnssec && !plan.hosts[0].dnssec && plan.hosts[0].tlsa.is_none());
}

#[tokio::test]
async fn hosts_of_equal_preference_are_shuffled() {
    let zone = (1..=4).fold(there(), |zone, n| {
        let host = format!("mx{n}.there.test");
        zone.mx("there.test", 10, &host).a(&host, [192, 0, 2, n])
    });
    let world = world(zone).await;
    let mut first = HashSet::new();
    for _ in 0..64 {
        first.insert(world.hosts().await.remove(0));
    }
    assert!(first.len() > 1, "the chance that this fails by itself is 4 to the power of -63");
}

#[tokio::test]
async fn the_operators_policy_is_stamped_on_each_host() {
    let world = world(there().a("there.test", [192, 0, 2, 1])).await;
    let plan = world.resolver.plan(&Host::parse("there.test").unwrap(), Some(Policy::Required)).await.unwrap();
    assert_eq!((plan.hosts[0].policy, plan.hosts[0].source), (Policy::Required, PolicySource::Operator));
}

#[tokio::test]
async fn a_domain_without_mx_is_its_own_mail_host() {
    let world = world(there().a("there.test", [192, 0, 2, 1]).txt("there.test", "v=spf1 -all")).await;
    assert_eq!(world.hosts().await, ["there.test 192.0.2.1:25"]);
}

#[tokio::test]
async fn a_failing_mx_lookup_never_falls_back_to_the_address() {
    for (fault, words) in [
        (Fault::ServerFailure, "the DNS server failed"),
        (Fault::Refused, "the DNS server refused the question"),
        (Fault::Silence, "no DNS server answered in time"),
    ] {
        let zone = there().a("there.test", [192, 0, 2, 1]).fault_of_type("there.test", MX, fault);
        let world = world(zone).await;
        assert_eq!(outcome(world.plan().await), failing(words));
        assert!(world.asked("MX") && !world.asked("A"), "{fault:?}");
    }
}

#[tokio::test]
async fn garbage_for_an_answer_defers() {
    let world = world(there().a("there.test", [192, 0, 2, 1]).fault("there.test", Fault::Garbage)).await;
    assert_eq!(world.plan().await.unwrap_err().class(), Class::Temporary);
    assert!(!world.asked("A"));
}

#[tokio::test]
async fn a_truncated_answer_is_fetched_by_tcp() {
    let zone = there().mx("there.test", 0, "mx.there.test").a("mx.there.test", [192, 0, 2, 1]);
    let world = world(zone.fault("there.test", Fault::Truncation)).await;
    assert_eq!(world.hosts().await, ["mx.there.test 192.0.2.1:25"]);
}

#[tokio::test]
async fn a_domain_that_does_not_exist_is_final() {
    let world = world(Zone::new("test")).await;
    let expected = permanent(EnhancedStatus(5, 1, 2), "the domain there.test does not exist");
    assert_eq!(outcome(world.plan().await), expected);
    assert!(!world.asked("A"));
}

#[tokio::test]
async fn a_domain_with_neither_mx_nor_address_is_final() {
    let world = world(there().txt("there.test", "here is nothing")).await;
    let expected = permanent(EnhancedStatus(5, 4, 4), "the domain there.test has neither mail hosts nor an address");
    assert_eq!(outcome(world.plan().await), expected);
}

#[tokio::test]
async fn hosts_without_addresses_defer_until_the_mail_expires() {
    let world = world(there().mx("there.test", 10, "gone.there.test").a("there.test", [192, 0, 2, 1])).await;
    let expected = temporary(EnhancedStatus(4, 4, 4), "none of the mail hosts of there.test has an address");
    assert_eq!(outcome(world.plan().await), expected);
}

#[tokio::test]
async fn one_host_or_family_that_fails_does_not_spoil_the_others() {
    let zone = there()
        .mx("there.test", 10, "broken.there.test")
        .mx("there.test", 20, "mx.there.test")
        .fault("broken.there.test", Fault::ServerFailure)
        .a("mx.there.test", [192, 0, 2, 2])
        .fault_of_type("mx.there.test", 28, Fault::ServerFailure);
    assert_eq!(world(zone).await.hosts().await, ["mx.there.test 192.0.2.2:25"]);
}

#[tokio::test]
async fn a_null_mx_takes_no_mail_and_among_others_it_is_no_host() {
    let null = world(there().null_mx("there.test").a("there.test", [192, 0, 2, 1])).await;
    let expected = permanent(EnhancedStatus(5, 1, 10), "the domain there.test takes no mail (null MX)");
    assert_eq!(outcome(null.plan().await), expected);
    assert!(!null.asked("A"));
    let mixed = there().null_mx("there.test").mx("there.test", 10, "mx.there.test").a("mx.there.test", [192, 0, 2, 1]);
    assert_eq!(world(mixed).await.hosts().await, ["mx.there.test 192.0.2.1:25"]);
}

#[tokio::test]
async fn aliases_are_followed_at_the_domain_and_at_the_host() {
    let zone = Zone::new("test")
        .cname("there.test", "real.test")
        .mx("real.test", 10, "mx.real.test")
        .cname("mx.real.test", "a.real.test")
        .a("a.real.test", [192, 0, 2, 1]);
    assert_eq!(world(zone).await.hosts().await, ["mx.real.test 192.0.2.1:25"]);
}

#[tokio::test]
async fn a_d02_a_chain_of_twenty_aliases_or_a_loop_defers() {
    let chain = (0..20).fold(Zone::new("test").cname("there.test", "n0.test"), |zone, n| {
        zone.cname(&format!("n{n}.test"), &format!("n{}.test", n + 1))
    });
    let chain = chain.mx("n20.test", 10, "mx.test").a("mx.test", [192, 0, 2, 1]);
    let looped = Zone::new("test").cname("there.test", "a.test").cname("a.test", "there.test");
    for zone in [chain, looped] {
        let expected = failing("the chain of CNAME records is too long or a loop");
        assert_eq!(outcome(world(zone).await.plan().await), expected);
    }
}

#[tokio::test]
async fn a_d02_short_mx_rdata_is_no_answer() {
    for octets in [&b""[..], b"\0", b"\0\x0a"] {
        let world = world(there().raw("there.test", MX, octets).a("there.test", [192, 0, 2, 1])).await;
        let error = world.plan().await.unwrap_err();
        assert_eq!((error.class(), error.enhanced()), (Class::Temporary, EnhancedStatus(4, 4, 3)), "{error}");
        assert!(!world.asked("A"));
    }
}

#[tokio::test]
async fn a_d02_a_hundred_mail_hosts_are_bounded_work_and_the_best_of_them_count() {
    let zone = (0..100).fold(there(), |zone, n| {
        let host = format!("mx{n}.there.test");
        zone.mx("there.test", u16::from(n), &host).a(&host, [192, 0, 2, n])
    });
    let plan = world(zone).await.plan().await.unwrap();
    let preferences: Vec<u16> = plan.hosts.iter().map(|host| host.preference).collect();
    assert_eq!(preferences, (0..u16::try_from(MX_HOSTS_MAX).unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_d02_names_that_no_host_can_have_are_no_hosts() {
    let odd = |label: &[u8]| {
        let length = u8::try_from(label.len()).unwrap();
        [&[0, 10, length][..], label, b"\x04test\0"].concat()
    };
    let zone = [&b"a b"[..], b"\0", b"a\r\nb", b"*", b"\xff", b"a.b", b"-"]
        .iter()
        .fold(there(), |zone, label| zone.raw("there.test", MX, &odd(label)));
    assert!(matches!(world(zone).await.plan().await, Err(PlanError::NoAddress(_))));
}

#[tokio::test]
async fn a_d02_our_own_name_and_all_that_is_not_better_is_dropped() {
    let zone = there()
        .mx("there.test", 10, "better.there.test")
        .mx("there.test", 20, "us.here.test")
        .mx("there.test", 20, "equal.there.test")
        .mx("there.test", 30, "worse.there.test")
        .a("better.there.test", [192, 0, 2, 1])
        .a("equal.there.test", [192, 0, 2, 2])
        .a("worse.there.test", [192, 0, 2, 3]);
    let own_names = vec![Domain::parse("US.here.test").unwrap()];
    let world = world_with(zone, Options { own_names, ..Options::default() }).await;
    assert_eq!(world.hosts().await, ["better.there.test 192.0.2.1:25"]);
}

#[tokio::test]
async fn a_d02_a_domain_that_leads_to_ourselves_only_is_a_loop() {
    let own_addresses = vec![IpAddr::from([192, 0, 2, 9])];
    let options = || Options { own_addresses: own_addresses.clone(), ..Options::default() };
    let by_mx = there()
        .mx("there.test", 10, "alias-of-us.there.test")
        .mx("there.test", 20, "worse.there.test")
        .a("alias-of-us.there.test", [192, 0, 2, 9])
        .a("worse.there.test", [192, 0, 2, 3]);
    let words =
        "mail for there.test loops back to us: we are its mail host alias-of-us.there.test, but do not know the domain";
    let world = world_with(by_mx, options()).await;
    assert_eq!(outcome(world.plan().await), permanent(EnhancedStatus(5, 4, 6), words));
    let implicit = world_with(there().a("there.test", [192, 0, 2, 9]), options()).await;
    assert_eq!(implicit.plan().await.unwrap_err().enhanced(), EnhancedStatus(5, 4, 6));
}

#[tokio::test]
async fn better_hosts_that_have_no_address_now_are_waited_for_even_if_we_are_the_backup() {
    let zone = there().mx("there.test", 10, "gone.there.test").mx("there.test", 20, "us.here.test");
    let own_names = vec![Domain::parse("us.here.test").unwrap()];
    let world = world_with(zone, Options { own_names, ..Options::default() }).await;
    assert!(matches!(world.plan().await, Err(PlanError::NoAddress(_))));
}

#[tokio::test]
async fn a_d02_mx_records_lead_into_no_denied_network() {
    let denied: [IpAddr; 4] = ["127.0.0.1", "169.254.7.7", "0.0.0.0", "::"].map(|address| address.parse().unwrap());
    for address in denied {
        let host = "mx.there.test";
        let zone = there().mx("there.test", 10, host);
        let zone = match address {
            IpAddr::V4(v4) => zone.a(host, v4),
            IpAddr::V6(v6) => zone.aaaa(host, v6),
        };
        let words = "the mail hosts of there.test have addresses that mail must not be sent to";
        let world = world(zone).await;
        assert_eq!(outcome(world.plan().await), permanent(EnhancedStatus(5, 4, 4), words), "{address}");
    }
}

#[tokio::test]
async fn one_allowed_address_makes_a_host_usable() {
    let zone = there()
        .mx("there.test", 10, "mx.there.test")
        .a("mx.there.test", Ipv4Addr::LOCALHOST)
        .a("mx.there.test", [192, 0, 2, 1]);
    let plan = world(zone).await.plan().await.unwrap();
    assert_eq!(plan.hosts[0].addresses, ["192.0.2.1:25".parse().unwrap()]);
}

#[tokio::test]
async fn the_port_and_the_denied_networks_are_settings() {
    let zone = there().mx("there.test", 10, "mx.there.test").a("mx.there.test", Ipv4Addr::LOCALHOST);
    let options = Options { mx_port: 2525, mx_denied_networks: Vec::new(), ..Options::default() };
    let world = world_with(zone, options).await;
    assert_eq!(world.hosts().await, ["mx.there.test 127.0.0.1:2525"]);
}

#[tokio::test]
async fn address_literals_are_refused_unless_they_are_allowed() {
    let literal = Host::parse("[192.0.2.1]").unwrap();
    let closed = world(there()).await;
    let words = "mail to address literals such as [192.0.2.1] is not sent";
    assert_eq!(outcome(closed.resolver.plan(&literal, None).await), permanent(EnhancedStatus(5, 1, 3), words));
    let open = world_with(there(), Options { address_literals: true, ..Options::default() }).await;
    let plan = open.resolver.plan(&literal, None).await.unwrap();
    assert_eq!((plan.hosts[0].name.as_ref(), plan.hosts[0].addresses[0]), (None, "192.0.2.1:25".parse().unwrap()));
    assert!(open.resolver.plan(&Host::parse("[127.0.0.1]").unwrap(), None).await.is_err());
}

#[tokio::test]
async fn a_configured_host_skips_mx_records_and_denied_networks() {
    let zone = there().mx("there.test", 10, "mx.there.test").a("there.test", Ipv4Addr::LOCALHOST);
    let world = world(zone).await;
    let route = async |host: &str| world.resolver.route(&Host::parse(host).unwrap(), 587, Some(Policy::Required)).await;
    let plan = route("there.test").await.unwrap();
    assert_eq!(plan.hosts[0].addresses, ["127.0.0.1:587".parse().unwrap()]);
    assert_eq!((plan.site.as_str(), plan.hosts[0].policy), ("there.test:587", Policy::Required));
    assert_eq!(route("[127.0.0.1]").await.unwrap().hosts[0].addresses, ["127.0.0.1:587".parse().unwrap()]);
    assert!(matches!(route("gone.there.test").await, Err(PlanError::NoSuchDomain(_))));
    assert!(!world.asked("MX"));
}

#[tokio::test]
async fn a_configured_host_may_stand_in_the_hosts_file_or_be_this_machine() {
    let server = ZoneServer::start([Zone::new("test").a("relay.test", [192, 0, 2, 1])]).await.unwrap();
    let options = Options::default();
    let mut hosts = Hosts::default();
    hosts.read_hosts_conf(&b"192.0.2.66 relay.test relay\n2001:db8::66 relay.test\n"[..]).unwrap();
    let upstream = Upstream::new(&[server.address()], &options);
    let resolver = Resolver(Arc::new(Shared { upstream, options, hosts }));
    let addresses = async |host: &str| -> Vec<String> {
        let found = resolver.addresses(&Domain::parse(host).unwrap()).await.unwrap();
        found.iter().map(ToString::to_string).collect()
    };
    assert_eq!(addresses("relay.test").await, ["2001:db8::66", "192.0.2.66"]);
    assert_eq!(addresses("relay").await, ["192.0.2.66"]);
    assert_eq!(addresses("localhost").await, ["::1", "127.0.0.1"]);
    let mail = resolver.plan(&Host::parse("relay.test").unwrap(), None).await.unwrap();
    assert_eq!(mail.hosts[0].addresses, ["192.0.2.1:25".parse().unwrap()], "mail hosts come from DNS only");
}

#[tokio::test]
async fn a_d11_u_labels_and_a_labels_are_one_domain() {
    let zone = Zone::new("xn--bcher-kva.test")
        .mx("xn--bcher-kva.test", 10, "XN--BCHER-KVA.test")
        .a("xn--bcher-kva.test", [192, 0, 2, 1]);
    let world = world(zone).await;
    let plan = async |domain: &str| world.resolver.plan(&Host::parse(domain).unwrap(), None).await.unwrap();
    let expected = plan("xn--bcher-kva.test").await;
    for spelling in ["bücher.test", "BÜCHER.test", "Bücher.Test."] {
        assert_eq!(plan(spelling).await, expected, "{spelling}");
    }
    assert_eq!(expected.hosts[0].name, Some(Domain::parse("bücher.test").unwrap()));
}

fn signed() -> [Zone; 2] {
    let root = Zone::new(".").authentic();
    let zone = there().authentic().mx("there.test", 10, "mx.there.test").a("mx.there.test", [192, 0, 2, 1]);
    [root.txt("root.test", "x").raw(".", 48, &[1, 0, 3, 13, 0]), zone]
}

#[tokio::test]
async fn the_ad_bit_of_a_loopback_resolver_counts() {
    let server = ZoneServer::start(signed()).await.unwrap();
    let resolver = Resolver::with_servers(vec![server.address()], Options::default());
    let plan = resolver.plan(&Host::parse("there.test").unwrap(), None).await.unwrap();
    assert!(plan.dnssec && plan.hosts[0].dnssec);
}

#[tokio::test]
async fn tlsa_records_count_where_they_are_signed_and_their_lack_is_told() {
    let record = Tlsa { usage: 3, selector: 1, matching: 1, data: vec![7; 32] };
    let [root, zone] = signed();
    let unsigned = Zone::new("elsewhere.test").tlsa("_587._tcp.mx.elsewhere.test", &record);
    let zone = zone.tlsa("_587._tcp.mx.there.test", &record).fault("_25._tcp.mx.there.test", Fault::ServerFailure);
    let server = ZoneServer::start([root, zone, unsigned]).await.unwrap();
    let resolver = Resolver::with_servers([server.address()], Options::default());
    let ask = async |host: &str, port| resolver.tlsa(&Domain::parse(host).unwrap(), port).await;
    assert_eq!(ask("mx.there.test", 587).await, Ok(vec![record]));
    let owner = |name: &str| name.to_owned();
    assert_eq!(ask("mx.there.test", 465).await, Err(TlsaError::None { owner: owner("_465._tcp.mx.there.test") }));
    let insecure = TlsaError::Insecure { owner: owner("_587._tcp.mx.elsewhere.test") };
    assert_eq!(ask("mx.elsewhere.test", 587).await, Err(insecure));
    let failing = ask("mx.there.test", 25).await.unwrap_err();
    assert_eq!((failing.class(), matches!(failing, TlsaError::Lookup { .. })), (Class::Temporary, true));
}

#[tokio::test]
async fn each_answer_is_signed_or_not_by_itself() {
    let [root, zone] = signed();
    let unsigned = Zone::new("elsewhere.test").a("mx.elsewhere.test", [192, 0, 2, 2]);
    let server = ZoneServer::start([root, zone.mx("there.test", 20, "mx.elsewhere.test"), unsigned]).await.unwrap();
    let resolver = Resolver::with_servers([server.address()], Options::default());
    let plan = resolver.plan(&Host::parse("there.test").unwrap(), None).await.unwrap();
    assert!(plan.dnssec);
    assert_eq!(plan.hosts.iter().map(|host| host.dnssec).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn a_d05_the_ad_bit_of_any_other_resolver_is_not_believed() {
    let server = ZoneServer::start(signed()).await.unwrap();
    // It has to be on loopback to be asked in a test, but counts as one that is not.
    let options = Options::default();
    for elsewhere in [[192, 0, 2, 53], [127, 0, 0, 11]] {
        let elsewhere = SocketAddr::from((elsewhere, 53));
        assert!(!Upstream::new(&[elsewhere], &options).trusts_ad());
        assert!(!Upstream::new(&[server.address(), elsewhere], &options).trusts_ad());
    }
    let upstream = Upstream::with_trust(&[server.address()], false, &options);
    let resolver = Resolver(Arc::new(Shared { upstream, options, hosts: Hosts::default() }));
    let plan = resolver.plan(&Host::parse("there.test").unwrap(), None).await.unwrap();
    assert!(!plan.dnssec && !plan.hosts[0].dnssec);
}

#[tokio::test]
async fn nothing_counts_as_signed_when_validation_is_off() {
    let server = ZoneServer::start(signed()).await.unwrap();
    let options = Options { validate: Validate::Off, ..Options::default() };
    let resolver = Resolver::with_servers(vec![server.address()], options);
    assert!(!resolver.plan(&Host::parse("there.test").unwrap(), None).await.unwrap().dnssec);
}

#[tokio::test]
async fn without_any_signature_nothing_is_believed_when_validation_is_on() {
    let zone = there().mx("there.test", 10, "mx.there.test").a("mx.there.test", [192, 0, 2, 1]);
    let world = world_with(zone, Options { validate: Validate::On, ..Options::default() }).await;
    assert_eq!(world.plan().await.unwrap_err().class(), Class::Temporary);
    assert!(!world.asked("A"));
}

#[tokio::test]
async fn who_checks_signatures_stays_open_while_nobody_answers() {
    let root = || Zone::new(".").mx("there.test", 10, "mx.there.test").a("mx.there.test", [192, 0, 2, 1]);
    let world = world(root().fault(".", Fault::Silence)).await;
    assert_eq!(outcome(world.plan().await), failing("no DNS server answered in time"));
    world.server.replace([root().authentic().raw(".", 48, &[1, 0, 3, 13, 0])]);
    assert!(world.plan().await.unwrap().dnssec);
}

#[tokio::test]
async fn the_name_of_an_address_counts_when_it_leads_back() {
    let address = IpAddr::from([192, 0, 2, 1]);
    let zones = |host_address: [u8; 4]| {
        [Zone::new("2.0.192.in-addr.arpa").ptr(address, "mx.there.test"), there().a("mx.there.test", host_address)]
    };
    let server = ZoneServer::start(zones([192, 0, 2, 1])).await.unwrap();
    let resolver = Resolver::with_servers(vec![server.address()], Options::default());
    assert_eq!(resolver.ptr(address).await, AddressName::Verified(Domain::parse("mx.there.test").unwrap()));
    assert_eq!(resolver.ptr([192, 0, 2, 2].into()).await, AddressName::None);
    server.replace(zones([192, 0, 2, 66]));
    assert_eq!(resolver.ptr(address).await, AddressName::None);
    server.replace([
        Zone::new("2.0.192.in-addr.arpa").ptr(address, "mx.there.test"),
        there().fault("mx.there.test", Fault::ServerFailure),
    ]);
    assert_eq!(resolver.ptr(address).await, AddressName::Unknown, "the way back is not known");
    server.replace([Zone::new("2.0.192.in-addr.arpa").fault("3.2.0.192.in-addr.arpa", Fault::ServerFailure)]);
    assert_eq!(resolver.ptr([192, 0, 2, 3].into()).await, AddressName::Unknown);
}

#[tokio::test]
async fn a_senders_domain_is_fine_null_missing_or_unknown() {
    let zone = Zone::new("test")
        .mx("mx.test", 10, "host.test")
        .a("host.test", [192, 0, 2, 1])
        .null_mx("null.test")
        .txt("empty.test", "nothing")
        .fault("broken.test", Fault::ServerFailure);
    let world = world(zone).await;
    for (domain, expected) in [
        ("mx.test", SenderDomain::Fine),
        ("host.test", SenderDomain::Fine),
        ("null.test", SenderDomain::NullMx),
        ("empty.test", SenderDomain::Missing),
        ("gone.test", SenderDomain::Missing),
        ("broken.test", SenderDomain::Unknown),
    ] {
        assert_eq!(world.resolver.sender_domain(&Domain::parse(domain).unwrap()).await, expected, "{domain}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_reason_to_wait() {
    let gone = ZoneServer::start([]).await.unwrap().address();
    let resolver = Resolver::with_servers(vec![gone], Options { timeout: TIMEOUT, ..Options::default() });
    let error = resolver.plan(&Host::parse("there.test").unwrap(), None).await.unwrap_err();
    let waits = [LookupFault::Timeout, LookupFault::Unreachable];
    assert!(matches!(&error, PlanError::Lookup { fault, .. } if waits.contains(fault)), "{error}");
}
