//! The store alone: as many tasks as there would be sessions hand it messages, without SMTP and without sockets.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_mail::{DeliveryRecord, Direction, Envelope, Link, Mailbox, Outcome, QueueId, Recipient, ReversePath};
use rohrpost_store::{Body, NewMessage, NewRecipient, Options, Store};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::servers::scratch;

/// The time that the store takes for so many messages, each durable before its task goes on to its next.
pub(crate) fn time_of_commits(tasks: usize, messages: usize, octets: usize) -> Result<Duration> {
    let dir = TempDir::new_in(scratch())?;
    let store = Store::open(dir.path(), Options::default())?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let text = Bytes::from(vec![b'x'; octets]);
        let started = Instant::now();
        let mut running = JoinSet::new();
        for _ in 0..tasks {
            running.spawn(commits(store.clone(), messages / tasks, text.clone()));
        }
        while let Some(ended) = running.join_next().await {
            ended??;
        }
        Ok(started.elapsed())
    })
}

async fn commits(store: Store, messages: usize, text: Bytes) -> Result<()> {
    let (from, to) = ("load@here.test".parse::<Mailbox>()?, "sink@there.test".parse::<Mailbox>()?);
    for _ in 0..messages {
        store.commit(message(store.new_id(), from.clone(), to.clone(), text.clone())).await?;
    }
    Ok(())
}

fn message(id: QueueId, from: Mailbox, to: Mailbox, text: Bytes) -> NewMessage {
    let now = Timestamp::now();
    let (route, site) = ("mx".to_owned(), to.domain.to_string());
    NewMessage {
        id,
        envelope: Envelope { reverse_path: ReversePath::Mailbox(from), ..Envelope::default() },
        recipients: vec![NewRecipient {
            recipient: Recipient::new(to),
            route,
            site,
            due: now,
            hold: true,
            expires: None,
        }],
        received: received(id, now, text.len()),
        body: Body::from_bytes(text),
        message_id: None,
        account: None,
        expires: now + jiff::SignedDuration::from_hours(120),
        counters: Vec::new(),
    }
}

fn received(message: QueueId, at: Timestamp, octets: usize) -> DeliveryRecord {
    DeliveryRecord {
        protocol: "ESMTP".to_owned(),
        peer: Some("load.test".to_owned()),
        octets: octets as u64,
        ..DeliveryRecord::new(message, at, Direction::In, "smtp", Link::Local, Outcome::Received)
    }
}
