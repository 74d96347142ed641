//! In which order a message asks the hosts of its route. Pure: chance comes in as an argument.

use crate::settings::{Choose, Route, RouteHost};

/// The hosts of a route, the one to be asked first in front. `chance` draws evenly from 0.0 to 1.0.
///
/// By weight: each host draws the time until it comes, at a pace of its weight, and the earliest is first. So a host of
/// weight 3 is first three times as often as one of weight 1, and the same holds among those that are left when it
/// fails. Hosts of weight 0 come last, in their order.
pub(crate) fn order(route: &Route, mut chance: impl FnMut() -> f64) -> Vec<&RouteHost> {
    let mut hosts: Vec<&RouteHost> = route.hosts.iter().collect();
    if route.choose == Choose::Weighted {
        let time = |host: &RouteHost| match host.weight {
            0 => f64::INFINITY,
            weight => -chance().max(f64::MIN_POSITIVE).ln() / f64::from(weight),
        };
        let times: Vec<f64> = route.hosts.iter().map(time).collect();
        let mut places: Vec<usize> = (0..hosts.len()).collect();
        places.sort_by(|a, b| times[*a].total_cmp(&times[*b]));
        hosts = places.into_iter().map(|place| &route.hosts[place]).collect();
    }
    hosts
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;
    use crate::settings::Place;

    fn route(choose: Choose, weights: &[u32]) -> Route {
        let host = |(at, weight): (usize, &u32)| RouteHost {
            weight: *weight,
            ..RouteHost::new(Place::Unix(format!("/{at}").into()))
        };
        Route { choose, ..Route::new("out", weights.iter().enumerate().map(host).collect()) }
    }

    fn places(route: &Route, chance: impl FnMut() -> f64) -> Vec<String> {
        order(route, chance).iter().map(|host| host.place.to_string()).collect()
    }

    #[test]
    fn the_order_of_the_settings_is_kept_unless_weights_decide() {
        let route = route(Choose::Ordered, &[1, 9, 0]);
        assert_eq!(places(&route, || 0.5), ["unix:/0", "unix:/1", "unix:/2"]);
    }

    #[test]
    fn weights_say_how_often_a_host_is_first_and_which_follows() {
        let route = route(Choose::Weighted, &[1, 3, 0, 6]);
        let mut random = StdRng::seed_from_u64(7);
        let (mut first, mut second) = ([0_u32; 4], [0_u32; 4]);
        for _ in 0..10_000 {
            let order = places(&route, || random.random());
            let at = |place: usize| order[place].strip_prefix("unix:/").unwrap().parse::<usize>().unwrap();
            first[at(0)] += 1;
            second[at(1)] += u32::from(at(0) == 3);
            assert_eq!(at(3), 2, "weight 0 comes last");
        }
        let about = |count: u32, of: u32, wanted: u32| count.abs_diff(of * wanted / 10) < of / 25;
        assert!(about(first[0], 10_000, 1) && about(first[1], 10_000, 3) && about(first[3], 10_000, 6), "{first:?}");
        assert!(second[1] > 2 * second[0], "{second:?}");
    }

    #[test]
    fn draws_at_the_ends_are_no_trouble() {
        for chance in [0.0, 1.0] {
            assert_eq!(places(&route(Choose::Weighted, &[0, 1]), || chance).len(), 2);
        }
    }
}
