use super::*;
use crate::{
    Account, Allowance, CounterAdd, Filing, NewDigestEntry, OverdueQuery, SiteCursor, SiteHead, State, mailbox::Parts,
};

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

#[tokio::test]
async fn due_recipients_come_in_the_order_of_their_time_page_by_page() {
    let (_dir, store) = fresh();
    for minute in [3, 1, 2, 1] {
        let mut new = message(&store, &["bob@there.test", "eve@there.test"], Body::from_bytes("x"));
        new.recipients.iter_mut().for_each(|recipient| recipient.due = now() + minutes(minute));
        store.commit(new).await.unwrap();
    }
    let all = waiting(&store).await;
    assert_eq!(all.len(), 8);
    assert!(all.is_sorted_by_key(|row| (row.due, row.message, row.n)));
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = store.due(DueQuery { after, limit: 3, ..due_at("there.test") }).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let early = store.due(DueQuery { until: now() + minutes(1), ..due_at("there.test") }).await.unwrap();
    assert_eq!(early.len(), 4);
}

#[tokio::test]
async fn times_at_both_ends_of_the_calendar_are_read_back_and_put_nothing_aside() {
    let (_dir, store) = fresh();
    for due in [Timestamp::MIN, Timestamp::MAX] {
        let mut new = message(&store, &["bob@there.test"], Body::from_bytes("x"));
        new.recipients[0].due = due;
        new.expires = Timestamp::MAX;
        let id = store.commit(new).await.unwrap().id();
        let rows = store.recipients(id).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.due.as_millisecond()).collect::<Vec<_>>(), [due.as_millisecond()]);
        assert_eq!(store.message(id).await.unwrap().unwrap().expires.as_millisecond(), Timestamp::MAX.as_millisecond());
    }
    let all = store.due(DueQuery { until: Timestamp::MAX, ..due_at("there.test") }).await.unwrap();
    assert_eq!(all.len(), 2);
    let head = |store: Store| async move { store.site_heads(None, 1).await.unwrap()[0].due.as_millisecond() };
    assert_eq!(head(store.clone()).await, Timestamp::MIN.as_millisecond());
    store.settle(vec![settlement(all[0].message, 0, Change::Done)]).await.unwrap();
    assert_eq!(head(store.clone()).await, Timestamp::MAX.as_millisecond(), "or it would count as due for ever");
    assert_sound(&store).await;
}

#[tokio::test]
async fn every_site_shows_its_first_time_for_new_mail_and_for_retries() {
    let (_dir, store) = fresh();
    for (address, minute) in [("a@a.test", 5), ("b@a.test", 4), ("a@b.test", 7), ("c@a.test", 9)] {
        let mut new = message(&store, &[address], Body::from_bytes("x"));
        new.recipients[0].due = now() + minutes(minute);
        store.commit(new).await.unwrap();
    }
    let last = store.due(due_at("a.test")).await.unwrap().pop().unwrap();
    let defer = Change::Defer { due: now() + minutes(1), attempts: 1, last: None };
    store.settle(vec![settlement(last.message, 0, defer)]).await.unwrap();
    let head = |site: &str, retry, minute| SiteHead {
        route: "mx".to_owned(),
        site: site.to_owned(),
        retry,
        due: now() + minutes(minute),
    };
    let heads = store.site_heads(None, 10).await.unwrap();
    assert_eq!(heads, [head("a.test", false, 4), head("a.test", true, 1), head("b.test", false, 7)]);
    let after = SiteCursor { route: "mx".to_owned(), site: "a.test".to_owned(), retry: false };
    assert_eq!(store.site_heads(Some(after), 1).await.unwrap(), [head("a.test", true, 1)]);
    let retries = store.due(DueQuery { retry: true, ..due_at("a.test") }).await.unwrap();
    assert_eq!(retries.iter().map(|row| row.attempts).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn overdue_recipients_are_those_without_notice_or_time() {
    let (_dir, store) = fresh();
    let first = commit(&store, &["bob@there.test", "eve@there.test"], b"x").await;
    let second = commit(&store, &["bob@there.test"], b"x").await;
    store.settle(vec![settlement(first, 0, Change::DelayNoticeSent)]).await.unwrap();
    let query = OverdueQuery { created_before: store.new_id(), now: now(), after: None, limit: 10 };
    let names = |rows: Vec<QueuedRecipient>| rows.iter().map(|row| (row.message, row.n)).collect::<Vec<_>>();
    assert_eq!(names(store.overdue(query).await.unwrap()), [(first, 1), (second, 0)]);
    let before = OverdueQuery { created_before: second, ..query };
    assert_eq!(names(store.overdue(before).await.unwrap()), [(first, 1)]);
    let expired = OverdueQuery { now: now() + minutes(60 * 120), after: Some((first, 0)), ..query };
    assert_eq!(names(store.overdue(expired).await.unwrap()), [(first, 1), (second, 0)]);
    let expired = OverdueQuery { now: now() + minutes(60 * 120), ..query };
    assert_eq!(store.overdue(expired).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_message_leaves_with_its_last_recipient_and_takes_its_body_along() {
    let (_dir, store) = fresh();
    let id = commit(&store, &["bob@there.test", "eve@there.test"], b"x").await;
    store.settle(vec![settlement(id, 0, Change::Done)]).await.unwrap();
    assert_eq!(store.message(id).await.unwrap().unwrap().left, None);
    assert_eq!(rows(&store, "body").await, 1);
    store.settle(vec![settlement(id, 1, Change::Done)]).await.unwrap();
    assert!(store.message(id).await.unwrap().unwrap().left.is_some());
    assert_eq!(rows(&store, "body").await, 0);
    assert_eq!(store.records_of(id).await.unwrap().len(), 3);
    assert_sound(&store).await;
}

#[tokio::test]
async fn settling_a_recipient_that_has_left_only_writes_the_record() {
    let (_dir, store) = fresh();
    let id = commit(&store, &["bob@there.test", "eve@there.test"], b"x").await;
    store.settle(vec![settlement(id, 0, Change::Done)]).await.unwrap();
    let defer = Change::Defer { due: now(), attempts: 1, last: None };
    store.settle(vec![settlement(id, 0, defer), settlement(id, 0, Change::Done)]).await.unwrap();
    assert_eq!(store.recipients(id).await.unwrap().len(), 1);
    assert_eq!(store.records_of(id).await.unwrap().len(), 4);
}

#[tokio::test]
async fn an_alias_puts_others_in_the_place_of_a_recipient() {
    let (_dir, store) = fresh();
    let id = commit(&store, &["list@here.test"], b"x").await;
    let others = vec![to("bob@there.test"), to("eve@there.test")];
    store.settle(vec![settlement(id, 0, Change::Replace(others))]).await.unwrap();
    let numbers = store.recipients(id).await.unwrap().iter().map(|row| row.n).collect::<Vec<_>>();
    assert_eq!(numbers, [1, 2]);
    store.settle(vec![settlement(id, 1, Change::Done), settlement(id, 2, Change::Done)]).await.unwrap();
    assert!(store.message(id).await.unwrap().unwrap().left.is_some());
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_filed_message_is_in_the_mailbox_with_its_own_prefix() {
    let (dir, store) = fresh();
    let id = commit(&store, &["ann@here.test"], b"Subject: x\r\n\r\n").await;
    let filing = |mailbox: &str, prefix: &'static str| Filing {
        account: "ann@here.test".to_owned(),
        mailbox: mailbox.to_owned(),
        prefix: prefix.into(),
        shape: None,
    };
    let filings = vec![filing("INBOX", "Delivered-To: ann\r\n"), filing("lists", "")];
    store.settle(vec![settlement(id, 0, Change::File(filings))]).await.unwrap();
    drop(store);
    let store = open(dir.path());
    let mailboxes = store.mailboxes("ann@here.test").await.unwrap();
    let filled = mailboxes.iter().filter(|mailbox| mailbox.messages == 1);
    assert_eq!(filled.map(|mailbox| mailbox.name.as_str()).collect::<Vec<_>>(), ["INBOX", "lists"]);
    for (name, text) in [("INBOX", "Delivered-To: ann\r\nSubject: x\r\n\r\n"), ("lists", "Subject: x\r\n\r\n")] {
        let mailbox = store.mailbox("ann@here.test", name).await.unwrap().unwrap();
        let page = store.mailbox_fetch(mailbox.id, &[1..=9], Parts::NONE, 9).await.unwrap();
        assert_eq!((page.mails.len(), page.mails[0].message, page.next), (1, Some(id), None));
        assert_eq!(read(&store, &page.mails[0].body).await.unwrap(), text.as_bytes());
    }
    assert_sound(&store).await;
}

#[tokio::test]
async fn mail_that_finds_no_room_stays_in_the_queue_and_what_else_is_settled_is_written() {
    let (_dir, store) = fresh();
    let ann = Account { login: "ann@here.test".to_owned(), quota: Allowance::Octets(10), ..Account::default() };
    store.account_put(ann).await.unwrap();
    let (first, second) =
        (commit(&store, &["ann@here.test"], b"123456").await, commit(&store, &["ann@here.test"], b"1").await);
    let other = commit(&store, &["bob@there.test"], b"x").await;
    let filing = || {
        Change::FileIfRoom(Filing {
            account: "ann@here.test".to_owned(),
            mailbox: "INBOX".to_owned(),
            prefix: "abcd".into(),
            shape: None,
        })
    };
    let told = message(&store, &["bob@there.test"], Body::from_bytes("it was filed"));
    let late = Settlement {
        new: vec![told.clone()],
        records: vec![record(second, Some("ann@here.test"), Outcome::Filed { mailbox: "INBOX".to_owned() })],
        ..settlement(second, 0, filing())
    };
    let settled = store.settle(vec![settlement(first, 0, filing()), late, settlement(other, 0, Change::Done)]).await;
    assert_eq!(settled.unwrap(), [(second, 0)]);
    let waiting = async |id| store.recipients(id).await.unwrap().len();
    assert_eq!((waiting(first).await, waiting(second).await, waiting(other).await), (0, 1, 0));
    assert_eq!(store.mailbox_quota("ann@here.test").await.unwrap().octets, 10);
    assert!(store.message(told.id).await.unwrap().is_none());
    assert!(!store.records_of(second).await.unwrap().iter().any(|record| record.direction == Direction::Out));
    assert_eq!(store.stats().settled, 2);
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_bounce_and_its_digest_come_with_the_settlement_or_not_at_all() {
    let (_dir, store) = fresh();
    let id = commit(&store, &["bob@there.test"], b"x").await;
    let bounce = message(&store, &["ann@here.test"], Body::from_bytes("Subject: failed\r\n\r\n"));
    let digest = NewDigestEntry { at: now(), message: id, recipient: None, text: "double bounce".to_owned() };
    let failed =
        Settlement { new: vec![bounce.clone()], digest: Some(digest.clone()), ..settlement(id, 0, Change::Done) };
    let twice = Settlement { new: vec![bounce.clone()], ..settlement(id, 0, Change::Nothing) };
    assert!(matches!(store.settle(vec![failed.clone(), twice]).await, Err(StoreError::Exists(_))));
    assert_eq!(waiting(&store).await.len(), 1);
    assert!(store.message(bounce.id).await.unwrap().is_none());
    assert!(store.digest_take(10).await.unwrap().is_empty());

    store.settle(vec![failed]).await.unwrap();
    assert!(waiting(&store).await.is_empty());
    assert_eq!(body_of(&store, bounce.id).await.unwrap(), b"Subject: failed\r\n\r\n");
    let entries = store.digest_take(10).await.unwrap();
    assert_eq!(entries[0].entry, digest);
    store.digest_remove(vec![entries[0].id]).await.unwrap();
    assert!(store.digest_take(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn deferring_a_recipient_that_was_held_meanwhile_leaves_it_held() {
    let (_dir, store) = fresh();
    let id = commit(&store, &["bob@there.test"], b"x").await;
    let defer = Change::Defer { due: now() + minutes(6), attempts: 1, last: Some("greylisted".to_owned()) };
    store.settle(vec![settlement(id, 0, Change::Hold { last: None }), settlement(id, 0, defer)]).await.unwrap();
    let row = store.recipients(id).await.unwrap().remove(0);
    assert_eq!((row.state, row.attempts, row.due), (State::Held, 1, now() + minutes(6)));
}

#[tokio::test]
async fn counters_add_up_with_the_messages_they_came_with() {
    let (_dir, store) = fresh();
    let count = |minute, count| CounterAdd { key: "account:ann".to_owned(), minute, count };
    for add in [count(10, 1), count(11, 2), count(11, 3)] {
        let new = NewMessage { counters: vec![add], ..message(&store, &["bob@there.test"], Body::from_bytes("x")) };
        store.commit(new).await.unwrap();
    }
    assert_eq!(store.counter_slots("account:ann", 0).await.unwrap(), [(10, 1), (11, 5)]);
    assert_eq!(store.counter_slots("account:ann", 11).await.unwrap(), [(11, 5)]);
    assert_eq!(store.counter_slots("account:eve", 0).await.unwrap(), []);
}

#[tokio::test]
async fn ids_grow_over_restarts() {
    let (dir, store) = fresh();
    let id = commit(&store, &["bob@there.test"], b"x").await;
    drop(store);
    assert!(open(dir.path()).new_id() > id);
}
