//! `rohrpost route list`

use std::fmt::Write;

use jiff::Timestamp;

use super::{BAD, BOLD, DIM, GOOD, Styled, count, span, time};
use crate::control::{HostRow, HostWord, RouteRow};

/// Each way out: its name, whose mail takes it, and its hosts with how they fare.
pub(crate) fn list(rows: &[RouteRow], now: Timestamp) -> String {
    if rows.is_empty() {
        return "There are no routes: DNS leads all mail.\n".to_owned();
    }
    let routes: Vec<String> = rows.iter().map(|row| route(row, now)).collect();
    routes.join("\n")
}

fn route(row: &RouteRow, now: Timestamp) -> String {
    let mut text = format!("{}  {}\n", Styled(BOLD, &row.name), whose(row));
    if let (Some(tries), Some(then)) = (row.after_tries, &row.then) {
        let _ =
            writeln!(text, "  {}", Styled(DIM, format!("after {}: by {then}", count(tries.into(), "failed attempt"))));
    }
    let width = row.hosts.iter().map(|host| name(host).chars().count()).max().unwrap_or_default();
    for host in &row.hosts {
        let (style, word) = match host.state {
            HostWord::Up => (GOOD, "up     "),
            HostWord::Down => (BAD, "down   "),
            HostWord::Unknown => (DIM, "unknown"),
        };
        let weight = if row.weighted { format!("  weight {}", host.weight) } else { String::new() };
        let line = format!("{:<width$}{weight}{}", name(host), figures(host, now));
        let _ = writeln!(text, "  {}  {}", Styled(style, word), line.trim_end());
        if let Some(why) = &host.why {
            let _ = writeln!(text, "           {}{why}", Styled(DIM, "why  "));
        }
    }
    text
}

fn name(host: &HostRow) -> String {
    host.account.as_ref().map_or_else(|| host.host.clone(), |account| format!("{} as {account}", host.host))
}

/// `to example.org, from billing@here.test`
fn whose(row: &RouteRow) -> String {
    let kinds = [
        ("to", &row.recipients),
        ("from", &row.senders),
        ("handed in by", &row.accounts),
        ("with the field", &row.headers),
    ];
    let given = kinds.into_iter().filter(|(_, patterns)| !patterns.is_empty());
    given.map(|(word, patterns)| format!("{word} {}", patterns.join(" or "))).collect::<Vec<_>>().join(", ")
}

fn figures(host: &HostRow, now: Timestamp) -> String {
    if host.state == HostWord::Unknown {
        return String::new();
    }
    let mut text = format!("  {} sent, {} failed", host.sent, host.failed);
    if let Some(seal) = &host.seal {
        let _ = write!(text, ", {seal}");
    }
    if let Some(at) = host.last_success {
        let _ = write!(text, ", last {}", time(at));
    }
    if let (Some(since), Some(next)) = (host.since, host.next_probe) {
        let wait = if next <= now { "now".to_owned() } else { format!("in {}", span(next.duration_since(now))) };
        let _ = write!(text, ", down since {}, next probe {wait}", time(since));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_shows_its_state_and_why() {
        let now: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
        let up = HostRow {
            host: "relay.example.net:587".into(),
            account: Some("shop".into()),
            state: HostWord::Up,
            last_success: Some(now),
            sent: 1_204,
            failed: 3,
            seal: Some("verified".into()),
            ..HostRow::default()
        };
        let down = HostRow {
            host: "old.example.net:465".into(),
            state: HostWord::Down,
            since: Some(now),
            next_probe: Some(now + jiff::SignedDuration::from_secs(95)),
            why: Some("the peer offers no TLS version that we accept".into()),
            failed: 1,
            ..HostRow::default()
        };
        let invoices = RouteRow {
            name: "invoices".into(),
            recipients: vec!["*".into()],
            senders: vec!["billing@here.test".into(), "*.shop.test".into()],
            headers: vec!["X-Class: bulk".into()],
            after_tries: Some(3),
            then: Some("mx".into()),
            hosts: vec![down, up],
            ..RouteRow::default()
        };
        let unknown = HostRow { host: "pipe:msmtp".into(), weight: 3, ..HostRow::default() };
        let spare = RouteRow {
            name: "spare".into(),
            recipients: vec!["*".into()],
            weighted: true,
            hosts: vec![unknown],
            ..RouteRow::default()
        };
        insta::assert_snapshot!(anstream::adapter::strip_str(&list(&[invoices, spare], now)));
    }
}
