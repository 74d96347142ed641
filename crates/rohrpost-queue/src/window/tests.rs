use rohrpost_mail::{QueueId, Recipient};
use rohrpost_store::{Cursor, SiteHead, queue::State};

use super::*;
use crate::limits::{PROBE_ROWS, WINDOW_RESERVED_ROWS};

fn now() -> Now {
    Now { wall: Timestamp::from_second(1_800_000_000).unwrap(), steady: Instant::now() }
}

fn after(now: Now, seconds: u64) -> Now {
    let step = Duration::from_secs(seconds);
    Now { wall: now.wall.checked_add(step).unwrap(), steady: now.steady + step }
}

fn row(message: i64, n: u32, site: &str, due: Timestamp) -> QueuedRecipient {
    QueuedRecipient {
        message: QueueId::from_i64(message),
        n,
        recipient: Recipient::new(format!("u{n}@{site}").parse().unwrap()),
        route: "mx".into(),
        site: site.into(),
        due,
        state: State::Waiting,
        attempts: 0,
        created: due,
        expires: Timestamp::MAX,
        delay_notice_sent: false,
    }
}

fn retry(message: i64, site: &str, due: Timestamp) -> QueuedRecipient {
    QueuedRecipient { attempts: 1, ..row(message, 0, site, due) }
}

fn head(site: &str, retry: bool, due: Timestamp) -> SiteHead {
    SiteHead { route: "mx".into(), site: site.into(), retry, due }
}

fn window() -> Window {
    Window::new(WindowSettings::default())
}

/// A store of one site: hands out rows as the real one does.
fn read(rows: &[QueuedRecipient], load: &Load) -> Vec<QueuedRecipient> {
    let key = |cursor: Cursor| (cursor.due, cursor.message, cursor.n);
    let beyond = |row: &&QueuedRecipient| load.after.is_none_or(|after| key(row.cursor()) > key(after));
    let kind = |row: &&QueuedRecipient| (row.attempts > 0) == load.retry && row.site == load.site.site();
    rows.iter().filter(kind).filter(beyond).take(load.limit).cloned().collect()
}

fn messages(taken: impl IntoIterator<Item = Taken>) -> Vec<i64> {
    taken.into_iter().map(|taken| taken.rows[0].message.as_i64()).collect()
}

fn take_all(window: &mut Window, now: Now) -> Vec<Taken> {
    std::iter::from_fn(|| window.take(now)).collect()
}

fn finish(window: &mut Window, taken: &Taken, due: Option<Timestamp>, now: Now) {
    window.close(taken.gate.as_ref(), std::iter::empty(), now);
    window.settled(taken.rows.iter().map(|row| (row_key(row), due)));
}

#[test]
fn recipients_of_one_message_at_one_site_go_together_up_to_a_hundred() {
    let (mut window, now) = (window(), now());
    let rows = (0..150).map(|n| row(1, n, "a.test", now.wall)).chain([row(2, 0, "a.test", now.wall)]);
    window.arrive(rows, None, now);
    let counts: Vec<_> = take_all(&mut window, now).iter().map(|taken| taken.rows.len()).collect();
    assert_eq!(counts, [100, 50, 1]);
    assert_eq!(window.leased(), 151);
    assert!(window.is_empty());
}

#[test]
fn sites_take_turns_and_a_busy_one_waits_for_its_gate() {
    let (mut window, now) = (window(), now());
    window.arrive((0..100).map(|id| row(id, 0, "big.test", now.wall)), None, now);
    window.arrive([row(500, 0, "small.test", now.wall)].into_iter(), None, now);
    let first: Vec<_> = take_all(&mut window, now);
    assert_eq!(first[1].site.site(), "small.test");
    assert_eq!(first.len(), 6, "five of the big site and one of the small one");
    finish(&mut window, &first[0], None, now);
    assert_eq!(messages(take_all(&mut window, now)), [5]);
}

#[test]
fn new_mail_and_retries_alternate() {
    let (mut window, now) = (window(), now());
    window.arrive((0..10).map(|id| row(id, 0, "a.test", now.wall)), None, now);
    let load = window.wants(&head("a.test", true, now.wall), now).unwrap();
    window.load(&load, (100..110).map(|id| retry(id, "a.test", now.wall)).collect(), None, now);
    assert_eq!(messages(take_all(&mut window, now)), [0, 100, 1, 101, 2]);
}

#[test]
fn each_kind_keeps_a_fifth_of_the_window() {
    let (mut window, now) = (window(), now());
    for site in 0..60 {
        let name = format!("s{site}.test");
        window.arrive((0..1_000).map(|id| row(site * 1_000 + id, 0, &name, now.wall)), None, now);
    }
    assert!(window.len() <= WINDOW_ROWS_MAX - WINDOW_RESERVED_ROWS);
    let load = window.wants(&head("old.test", true, now.wall), now).unwrap();
    assert!(load.limit > 500, "room for retries: {}", load.limit);
}

#[test]
fn one_site_never_fills_the_window_and_the_rest_is_read_in_order_when_it_runs_low() {
    let (mut window, now) = (window(), now());
    let stored: Vec<_> = (0..30_000).map(|id| row(id, 0, "a.test", now.wall)).collect();
    window.arrive(stored.iter().cloned(), None, now);
    assert!(window.len() <= WINDOW_ROWS_MAX / 2 + 1, "{}", window.len());
    let mut seen = Vec::new();
    while let Some(taken) = window.take(now) {
        seen.push(taken.rows[0].message.as_i64());
        finish(&mut window, &taken, None, now);
        while let Some(load) = window.next_refill(now) {
            let rows = read(&stored[seen.len()..], &load);
            window.load(&load, rows, None, now);
        }
    }
    assert_eq!(seen.len(), 30_000);
    assert!(seen.is_sorted());
}

#[test]
fn what_the_keeper_read_before_the_hint_came_is_not_announced_any_more() {
    let (mut window, now) = (window(), now());
    let announced = row(1, 0, "a.test", now.wall);
    window.announce(announced.message);
    let load = window.plan_load(SiteKey::new("mx", "a.test"), 0).unwrap();
    window.load(&load, vec![announced.clone()], None, now);
    let taken = window.take(now).unwrap();
    finish(&mut window, &taken, None, now);
    assert!(!window.withdraw(announced.message), "its hint would send it again");
}

#[test]
fn what_was_settled_during_a_read_of_overdue_rows_stays_settled() {
    let (mut window, now) = (window(), now());
    window.arrive([row(1, 0, "a.test", now.wall)].into_iter(), None, now);
    let taken = window.take(now).unwrap();
    window.start_overdue();
    finish(&mut window, &taken, None, now);
    window.add_overdue(vec![row(1, 0, "a.test", now.wall)]);
    assert!(window.take(now).is_none());
}

#[test]
fn a_row_is_never_handed_out_twice() {
    let (mut window, now) = (window(), now());
    let rows = || vec![row(1, 0, "a.test", now.wall), row(2, 0, "a.test", now.wall)];
    window.arrive(rows().into_iter(), None, now);
    window.arrive(rows().into_iter(), None, now);
    let taken = window.take(now).unwrap();
    // The keeper reads while the result is being saved: its snapshot still shows the row.
    let load = window.plan_load(SiteKey::new("mx", "a.test"), 0).unwrap();
    finish(&mut window, &taken, None, now);
    window.load(&load, rows(), None, now);
    assert_eq!(messages(take_all(&mut window, now)), [2]);
}

#[test]
fn a_closed_gate_empties_its_lanes_and_is_not_read_for() {
    let (mut window, now) = (window(), now());
    window.arrive((0..100).map(|id| row(id, 0, "dead.test", now.wall)), None, now);
    window.arrive([row(900, 0, "fine.test", now.wall)].into_iter(), None, now);
    for _ in 0..10 {
        let Some(taken) = window.take(now).filter(|taken| taken.site.site() == "dead.test") else { continue };
        window.signal(taken.gate.as_ref().unwrap(), Signal::Unreachable, now, 0.0);
        finish(&mut window, &taken, Some(after(now, 400).wall), now);
    }
    while let Some(taken) = window.take(now) {
        if taken.site.site() == "dead.test" {
            window.signal(taken.gate.as_ref().unwrap(), Signal::Unreachable, now, 0.0);
        }
        finish(&mut window, &taken, None, now);
    }
    assert!(window.is_empty(), "{} rows of a dead site in memory", window.len());
    assert!(window.wants(&head("dead.test", false, now.wall), now).is_none());
    assert!(window.closed_for(&SiteKey::new("mx", "dead.test"), now).is_some());
    // Its time comes: one probe, and few rows for it.
    let later = after(now, 3_600);
    window.tick(later);
    assert!(window.start_sweep());
    let load = window.wants(&head("dead.test", false, now.wall), later).unwrap();
    assert_eq!(load.limit, PROBE_ROWS);
    window.load(&load, (50..70).map(|id| row(id, 0, "dead.test", now.wall)).collect(), None, later);
    assert_eq!(take_all(&mut window, later).len(), 1);
}

#[test]
fn domains_with_the_same_mail_hosts_share_a_gate() {
    let (mut window, now) = (window(), now());
    for site in ["a.test", "b.test"] {
        window.learn(&SiteKey::new("mx", site), "mx.big.test:25");
        window.arrive((0..10).map(|id| row(id + i64::from(site == "b.test") * 100, 0, site, now.wall)), None, now);
    }
    let taken = take_all(&mut window, now);
    assert_eq!(messages(taken), [0, 100, 1, 101, 2], "five at once over both, in turn");
}

#[test]
fn what_is_held_or_not_due_stays_in_the_store() {
    let (now, held) = (now(), WindowSettings { hold_outgoing: true, ..WindowSettings::default() });
    let mut window = Window::new(held);
    window.arrive([row(1, 0, "a.test", now.wall)].into_iter(), None, now);
    assert!(window.take(now).is_none());
    assert!(window.wants(&head("a.test", false, now.wall), now).is_none());
    window.set_settings(WindowSettings::default());
    let due = after(now, 90).wall;
    window.arrive([row(2, 0, "a.test", due)].into_iter(), None, now);
    assert!(window.is_empty());
    assert!(window.start_sweep());
    assert!((90..=91).contains(&window.idle_for(now).as_secs()));
    window.tick(after(now, 91));
    assert!(window.is_sweep_wanted(), "the index is looked at when it is due");
}

#[test]
fn an_abandoned_job_rests_before_it_comes_back() {
    let (mut window, now) = (window(), now());
    window.arrive([row(1, 0, "a.test", now.wall)].into_iter(), None, now);
    let taken = window.take(now).unwrap();
    window.close(taken.gate.as_ref(), taken.rows.iter().map(row_key), now);
    window.start_sweep();
    let read_again = |window: &mut Window, now: Now| {
        let load = window.wants(&head("a.test", false, now.wall), now).unwrap();
        window.load(&load, vec![row(1, 0, "a.test", now.wall)], None, now);
        window.take(now).is_some()
    };
    assert!(!read_again(&mut window, now));
    let later = after(now, 61);
    window.tick(later);
    assert!(window.is_sweep_wanted());
    assert!(read_again(&mut window, later));
}

#[test]
fn after_other_hands_were_at_the_rows_nothing_old_is_handed_out() {
    let (mut window, now) = (window(), now());
    window.arrive((0..3).map(|id| row(id, 0, "a.test", now.wall)), None, now);
    let at_work = window.take(now).unwrap();
    let load = window.plan_load(SiteKey::new("mx", "a.test"), 0).unwrap();
    window.forget();
    window.load(&load, (0..3).map(|id| row(id, 0, "a.test", now.wall)).collect(), None, now);
    assert!(window.take(now).is_none());
    assert!(window.is_leased(row_key(&at_work.rows[0])), "what is at work stays leased");
    assert!(window.start_sweep());
}

#[test]
fn overdue_rows_are_handed_out_without_a_gate_and_never_beside_an_attempt() {
    let (mut window, now) = (window(), now());
    window.arrive([row(1, 0, "a.test", now.wall)].into_iter(), None, now);
    window.start_overdue();
    window.add_overdue(vec![row(1, 0, "a.test", now.wall), row(2, 0, "dead.test", now.wall)]);
    let taken = take_all(&mut window, now);
    let duties: Vec<_> = taken.iter().map(|taken| (taken.rows[0].message.as_i64(), taken.duty)).collect();
    assert_eq!(duties, [(2, Duty::Overdue), (1, Duty::Attempt)]);
}

#[test]
fn a_worker_may_go_on_with_its_site_while_the_gate_has_room() {
    let (mut window, now) = (window(), now());
    let site = SiteKey::new("mx", "a.test");
    window.arrive((0..10).map(|id| row(id, 0, "a.test", now.wall)), None, now);
    let running = take_all(&mut window, now);
    assert!(window.take_more(&site, now).is_none(), "the gate is full");
    finish(&mut window, &running[0], None, now);
    assert_eq!(window.take_more(&site, now).unwrap().rows[0].message.as_i64(), 5);
}

/// Random steps against a model of the store: every row is handed out, none twice, the window keeps its bounds.
#[test]
fn in_any_order_of_events_every_row_is_handed_out_exactly_once() {
    for seed in 0..20_u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let (mut window, now) = (window(), now());
        let mut stored: Vec<QueuedRecipient> = Vec::new();
        let (mut running, mut done, mut id) = (Vec::<Taken>::new(), HashSet::new(), 0);
        for step in 0..3_000 {
            match next(4) {
                0 if id < 1_000 => {
                    id += 1;
                    let new = row(id, 0, &format!("s{}.test", next(5)), now.wall);
                    stored.push(new.clone());
                    if next(2) == 0 {
                        window.arrive([new].into_iter(), None, now);
                    }
                }
                1 => running.extend(window.take(now)),
                2 if !running.is_empty() => {
                    let at = usize::try_from(next(running.len() as u64)).unwrap();
                    let taken = running.swap_remove(at);
                    for row in &taken.rows {
                        assert!(done.insert(row_key(row)), "seed {seed} step {step}: {row:?} twice");
                        stored.retain(|other| row_key(other) != row_key(row));
                    }
                    finish(&mut window, &taken, None, now);
                }
                _ => sweep(&mut window, &stored, now),
            }
            assert!(window.len() <= WINDOW_ROWS_MAX);
        }
        while !stored.is_empty() {
            sweep(&mut window, &stored, now);
            running.extend(take_all(&mut window, now));
            assert!(!running.is_empty(), "seed {seed}: stuck with {} rows", stored.len());
            for taken in running.drain(..) {
                for row in &taken.rows {
                    assert!(done.insert(row_key(row)), "seed {seed}: {row:?} twice");
                    stored.retain(|other| row_key(other) != row_key(row));
                }
                finish(&mut window, &taken, None, now);
            }
        }
    }
}

fn sweep(window: &mut Window, stored: &[QueuedRecipient], now: Now) {
    while let Some(load) = window.next_refill(now) {
        window.load(&load, read(stored, &load), None, now);
    }
    for site in 0..5 {
        let name = format!("s{site}.test");
        if stored.iter().any(|row| row.site == name)
            && let Some(load) = window.wants(&head(&name, false, now.wall), now)
        {
            window.load(&load, read(stored, &load), None, now);
        }
    }
}
