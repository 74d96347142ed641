//! What came of the first attempt to deliver a message, for a program that waits for it: `sendmail -odi`.
//!
//! The queue calls nobody when an attempt is over, and few programs ask. So the rows of that one message are looked at, soon
//! and then less and less often; what is no row any more has left a record.

use std::time::Duration;

use rohrpost_mail::{DeliveryRecord, Outcome, QueueId};
use rohrpost_store::{State, StoreError};
use rohrpost_submit::{RefusedRecipient, Tried, limits::ATTEMPT_TIME_MAX};
use tokio::time::{sleep, timeout};

use super::exit;
use crate::Intake;

/// When the rows are looked at for the first time, and how long the pauses become.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

impl Intake {
    /// Waits until each recipient of a message was tried once; nothing where that takes longer than [`ATTEMPT_TIME_MAX`],
    /// or the store cannot say.
    pub async fn first_attempt(&self, message: QueueId) -> Option<Tried> {
        let is_waiting = timeout(ATTEMPT_TIME_MAX, self.all_tried(message)).await.ok()?.ok()?;
        let records = self.store().records_of(message).await.ok()?;
        Some(tried(&records, is_waiting))
    }

    /// Waits until nobody is left who was not tried. Whether somebody waits for another attempt.
    async fn all_tried(&self, message: QueueId) -> Result<bool, StoreError> {
        let (mut pause, pause_max) = PAUSES;
        loop {
            let rows = self.store().recipients(message).await?;
            // Who is held waits for an operator, not for an attempt.
            if rows.iter().all(|row| row.attempts > 0 || row.state != State::Waiting) {
                return Ok(!rows.is_empty());
            }
            sleep(pause).await;
            pause = (pause * 2).min(pause_max);
        }
    }
}

fn tried(records: &[DeliveryRecord], is_waiting: bool) -> Tried {
    let is_there = |record: &DeliveryRecord| {
        matches!(record.outcome, Outcome::Filed { .. } | Outcome::Relayed | Outcome::PossiblyDuplicated)
    };
    let failed: Vec<_> = records.iter().filter_map(failure).collect();
    // Where nobody failed, nobody is to be told that nothing was delivered, whatever an operator did meanwhile.
    Tried { is_under_way: is_waiting || failed.is_empty() || records.iter().any(is_there), failed }
}

fn failure(record: &DeliveryRecord) -> Option<RefusedRecipient> {
    let DeliveryRecord { recipient: Some(recipient), outcome: Outcome::Failed | Outcome::Expired, .. } = record else {
        return None;
    };
    let said = record.reply.as_ref().map(ToString::to_string).or_else(|| record.note.clone());
    Some(RefusedRecipient {
        address: recipient.to_string(),
        sysexit: exit::of_failure(record.stage),
        text: said.unwrap_or_else(|| "it cannot be delivered".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use rohrpost_mail::{Direction, Link, Reply, Stage};

    use super::*;

    fn record(recipient: &str, outcome: Outcome) -> DeliveryRecord {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let mut record = DeliveryRecord::new(QueueId::from_i64(1), now, Direction::Out, "mx", Link::Local, outcome);
        record.recipient = Some(recipient.parse().unwrap());
        record
    }

    #[test]
    fn those_who_do_not_get_it_are_named_with_what_was_said() {
        let mut refused = record("bob@there.test", Outcome::Failed);
        refused.stage = Some(Stage::Rcpt);
        refused.reply = Some(Reply::with(550, 1, 1, "Nobody here"));
        let mut nowhere = record("far@nowhere.test", Outcome::Failed);
        nowhere.stage = Some(Stage::Dns);
        nowhere.note = Some("no such domain".into());
        let found = tried(&[refused.clone(), nowhere], false);
        let named: Vec<_> =
            found.failed.iter().map(|one| (one.address.as_str(), one.sysexit, one.text.as_str())).collect();
        assert_eq!(
            named,
            [("bob@there.test", 65, "550 5.1.1 Nobody here"), ("far@nowhere.test", 68, "no such domain")]
        );
        assert!(!found.is_under_way);
        assert!(tried(&[refused.clone(), record("ann@here.test", Outcome::Relayed)], false).is_under_way);
        assert!(tried(&[refused], true).is_under_way, "somebody waits");
    }

    #[test]
    fn what_an_operator_took_away_is_nobodys_failure() {
        let removed = record("bob@there.test", Outcome::Removed { by: "uid 0".into() });
        assert_eq!(tried(&[removed], false), Tried { is_under_way: true, failed: Vec::new() });
    }
}
