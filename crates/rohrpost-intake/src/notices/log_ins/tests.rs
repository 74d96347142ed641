use std::net::IpAddr;

use rohrpost_mail::dsn::Language;
use rohrpost_store::Filter;

use super::*;
use crate::{Settings, accounts::figures::Summary, intake::tests::open, networks};

/// An intake with the account bob; dropping the second part ends its store.
async fn intake() -> (Intake, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::new("mx.here.test".parse().unwrap(), "root@here.test".parse().unwrap());
    let intake = open(dir.path(), settings);
    intake.store().account_put(bob()).await.unwrap();
    (intake, dir)
}

fn bob() -> Account {
    let addresses = vec!["bob@here.test".parse().unwrap()];
    Account { login: "bob@here.test".into(), addresses, language: "de".into(), ..Account::default() }
}

fn lock(guesser: Guesser) -> Lock {
    Lock { guesser, lasts: Duration::from_mins(10) }
}

/// To whom notices went.
async fn told(intake: &Intake) -> Vec<String> {
    let rows = intake.store().queue_select(Filter::default(), 100).await.unwrap();
    rows.into_iter().map(|row| row.recipient.address.to_string()).collect()
}

#[tokio::test]
async fn an_owner_is_told_once_a_day() {
    let (intake, _dir) = intake().await;
    let (lock, begin) = (lock(Guesser::Account("bob@here.test".into())), Timestamp::now());
    for (hour, count) in [(0, 1), (1, 1), (23, 1), (24, 2), (47, 2)] {
        let now = begin + jiff::SignedDuration::from_hours(hour);
        tell_owner(&intake, &bob(), &lock, now).await.unwrap();
        assert_eq!(told(&intake).await.len(), count, "{hour}");
    }
}

#[tokio::test]
async fn a_name_that_nobody_has_is_told_to_nobody_but_gathered() {
    let (intake, _dir) = intake().await;
    tell(&intake, "nobody@here.test", &[lock(Guesser::Account("nobody@here.test".into()))]).await.unwrap();
    assert!(told(&intake).await.is_empty());
    assert!(!intake.log_in_figures().begin(), "the operator is told in a while");
    assert!(intake.log_in_figures().take(Timestamp::now()).accounts.is_empty());
}

#[tokio::test]
async fn the_operator_is_told_with_figures_and_then_a_day_later() {
    let (intake, _dir) = intake().await;
    let home: IpAddr = "192.0.2.7".parse().unwrap();
    for _ in 0..10 {
        intake.scram_disproved("bob@here.test", Some(home), std::time::Instant::now());
    }
    let now = Timestamp::now();
    tell_operator(&intake, now).await.unwrap();
    assert!(told(&intake).await.contains(&"root@here.test".to_owned()));
    let last = intake.store().notice_told_at(KIND).await.unwrap();
    assert_eq!(until_due(last, now).as_secs().div_ceil(3_600), 24);
    assert_eq!(until_due(last, now + jiff::SignedDuration::from_hours(25)), Duration::ZERO);
    assert_eq!(until_due(last, now - jiff::SignedDuration::from_hours(1)), Duration::ZERO, "the clock was set back");
    assert_eq!(intake.log_in_figures().take(now).failed, 0, "counted anew");
}

#[test]
fn the_texts_say_what_happened_in_both_languages() {
    let network = networks::wide("192.0.2.7".parse().unwrap());
    let summary = Summary {
        failed: 300,
        turned_away: 40,
        accounts: [("bob@here.test".to_owned(), 2)].into(),
        locks_unnamed: 3,
        networks: vec![(network, 310)],
        ..Summary::default()
    };
    let (subject, text) = text::operator(Language::English, "mx.here.test", &summary);
    assert_eq!(subject, "mx.here.test: 300 log-ins failed");
    assert_eq!(
        text,
        "Since 1970-01-01 00:00 UTC, 300 log-ins failed for a wrong name or password.\n\
         40 more were not tried, as too many had failed before them.\n\n\
         Accounts that were locked for a while, and how often:\n\n    bob@here.test (2)\n    others (3)\n\n\
         Most attempts came from these networks:\n\n    192.0.2.0/24 (310)\n\n\
         Each lock is in the log. The next message about this comes in a day at the earliest.\n"
    );
    let (subject, text) = text::operator(Language::German, "mx.here.test", &Summary::default());
    assert!(subject.ends_with("0 Anmeldungen gescheitert") && !text.contains("Konten"), "{text}");
    let pair = lock(Guesser::Pair("bob@here.test".into(), network));
    for language in [Language::English, Language::German] {
        let (subject, text) = text::owner(language, "bob@here.test", &pair);
        assert!(subject.starts_with("bob@here.test: "));
        assert!(text.contains("192.0.2.0/24\n") && text.to_lowercase().contains(" 10 min"), "{text}");
    }
}
