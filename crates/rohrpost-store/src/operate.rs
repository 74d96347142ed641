//! The operator's view of the queue: lists, verbs, shape.

use jiff::Timestamp;
use rohrpost_mail::{DeliveryRecord, Direction, Envelope, Link, Mailbox, Outcome, QueueId, ReversePath};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::{
    error::StoreError,
    limits,
    message::leave_if_empty,
    quarantine::Found,
    queue::{self, QueuedRecipient, RecipientRow, State},
    records::RecordRow,
    row::uncount,
    store::Store,
};

/// Which recipients a verb or a list is about. All that are set must match; nothing set means the whole queue.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// These messages.
    pub ids: Vec<QueueId>,
    /// From this address.
    pub sender: Option<Mailbox>,
    /// Submitted by this account.
    pub account: Option<String>,
    /// To this address.
    pub recipient: Option<Mailbox>,
    /// To this domain.
    pub domain: Option<String>,
    /// By this route.
    pub route: Option<String>,
    /// In this state.
    pub state: Option<State>,
}

/// What an operator does to recipients in the queue. Dropping and bouncing come with their own settlements.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verb {
    /// Let them wait for an operator.
    Hold,
    /// Let them go on now.
    Release,
    /// Try them now.
    Retry,
    /// Send them another way.
    Route(String),
    /// Take them out of the queue without a notice.
    Drop,
}

/// A row of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The recipient.
    pub recipient: QueuedRecipient,
    /// Who sent it.
    pub sender: ReversePath,
    /// Why it waits, in words.
    pub last: Option<String>,
    /// Octets of the message.
    pub octets: u64,
}

/// One page of a listing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Page {
    /// Go on after this recipient.
    pub after: Option<(QueueId, u32)>,
    /// At most so many rows.
    pub limit: usize,
}

/// How much waits for one site, by age.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ShapeRow {
    /// Which route.
    pub route: String,
    /// Which site of it.
    pub site: String,
    /// Recipients by the age of their message, as [`ShapeRow::AGES`] says; the last bucket holds the older ones.
    pub buckets: [u64; 8],
    /// How many of them are held.
    pub held: u64,
}

impl ShapeRow {
    /// Upper bounds of the buckets but the last, in minutes.
    pub const AGES: [i64; 7] = [5, 20, 80, 320, 1_280, 2_880, 7_200];

    /// All of them.
    pub fn total(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl Store {
    /// A page of the queue, by message.
    pub async fn queue_list(&self, filter: Filter, page: Page) -> Result<Vec<Listed>, StoreError> {
        let (listed, damaged) = self.read(move |connection| list(connection, &filter, page)).await?;
        self.put_aside(damaged).await?;
        Ok(listed)
    }

    /// How many recipients a filter matches: what an operator is shown before a verb.
    pub async fn queue_count(&self, filter: Filter) -> Result<u64, StoreError> {
        self.read(move |connection| {
            let (condition, values) = filter.sql();
            let sql = format!("SELECT count(*) FROM recipient r {JOIN} WHERE {condition}");
            Ok(connection.query_row(&sql, params_from_iter(values), |row| row.get(0))?)
        })
        .await
    }

    /// The recipients that a filter matches, by message.
    pub async fn queue_select(&self, filter: Filter, limit: usize) -> Result<Vec<QueuedRecipient>, StoreError> {
        let listed = self.queue_list(filter, Page { after: None, limit }).await?;
        Ok(listed.into_iter().map(|listed| listed.recipient).collect())
    }

    /// Does something to all recipients that a filter matches, each with a record of it. Gives how many. Mail goes on
    /// in between: a long queue takes many transactions.
    pub async fn queue_apply(&self, filter: Filter, verb: Verb, by: String, now: Timestamp) -> Result<u64, StoreError> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = Page { after, limit: limits::HOUSEKEEPING_ROWS };
            let (filter, verb, by) = (filter.clone(), verb.clone(), by.clone());
            let (done, last) = self.write(move |connection| apply(connection, &filter, page, &verb, &by, now)).await?;
            count += done;
            after = last;
            if last.is_none() {
                return Ok(count);
            }
        }
    }

    /// How much waits for which site, by age.
    pub async fn shape(&self, now: Timestamp) -> Result<Vec<ShapeRow>, StoreError> {
        self.read(move |connection| shape(connection, now)).await
    }
}

/// Every recipient has its message, unless that is in quarantine.
const JOIN: &str = "LEFT JOIN message m ON m.id = r.message";

impl Filter {
    /// The condition and its values.
    fn sql(&self) -> (String, Vec<Box<dyn ToSql>>) {
        let mut conditions = vec!["TRUE".to_owned()];
        let mut values: Vec<Box<dyn ToSql>> = Vec::new();
        if !self.ids.is_empty() {
            let marks = vec!["?"; self.ids.len()].join(", ");
            conditions.push(format!("r.message IN ({marks})"));
            values.extend(self.ids.iter().map(|id| Box::new(id.as_i64()) as Box<dyn ToSql>));
        }
        let domain = self.domain.as_ref().map(|domain| format!("%@{}", escape(&domain.to_lowercase())));
        let texts = [
            ("m.sender = ?", self.sender.as_ref().map(Mailbox::key)),
            ("m.account = ?", self.account.clone()),
            ("r.address = ?", self.recipient.as_ref().map(Mailbox::key)),
            (r"r.address LIKE ? ESCAPE '\'", domain),
            ("r.route = ?", self.route.clone()),
        ];
        for (condition, value) in texts {
            if let Some(value) = value {
                conditions.push(condition.to_owned());
                values.push(Box::new(value));
            }
        }
        if let Some(state) = self.state {
            conditions.push("r.state = ?".to_owned());
            values.push(Box::new(state.number()));
        }
        (conditions.join(" AND "), values)
    }
}

fn escape(pattern: &str) -> String {
    pattern.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}

fn list(connection: &Connection, filter: &Filter, page: Page) -> Result<(Vec<Listed>, Vec<Found>), StoreError> {
    let selected = page_of(connection, filter, page)?;
    let sql = "SELECT envelope, octets FROM message WHERE id = ?1";
    let mut message = connection.prepare_cached(sql)?;
    let mut listed = Vec::with_capacity(selected.rows.len());
    for RecipientRow { queued, last } in selected.rows {
        let mut rows = message.query([queued.message.as_i64()])?;
        let (sender, octets) = match rows.next()? {
            Some(row) => (sender(&row.get::<_, String>(0)?), uncount(row.get(1)?)),
            None => (ReversePath::Null, 0),
        };
        listed.push(Listed { recipient: queued, sender, last, octets });
    }
    Ok((listed, selected.damaged))
}

/// A damaged envelope is noticed when the message is read; the list shows the rest of it.
fn sender(envelope: &str) -> ReversePath {
    serde_json::from_str::<Envelope>(envelope).map(|envelope| envelope.reverse_path).unwrap_or_default()
}

fn page_of(connection: &Connection, filter: &Filter, page: Page) -> Result<queue::Selected, StoreError> {
    let (condition, mut values) = filter.sql();
    let (message, n) = page.after.map_or((i64::MIN, 0), |(message, n)| (message.as_i64(), i64::from(n)));
    values.extend([Box::new(message) as Box<dyn ToSql>, Box::new(n), Box::new(page.limit.min(limits::PAGE_ROWS_MAX))]);
    let columns =
        queue::COLUMNS.split(", ").map(|column| format!("r.{}", column.trim())).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT {columns} FROM recipient r {JOIN} WHERE {condition} AND (r.message, r.n) > (?, ?)
         ORDER BY r.message, r.n LIMIT ?"
    );
    queue::select(connection, &sql, params_from_iter(values))
}

/// One page of a verb: how many it changed, and where to go on.
fn apply(
    connection: &Connection,
    filter: &Filter,
    page: Page,
    verb: &Verb,
    by: &str,
    now: Timestamp,
) -> Result<(u64, Option<(QueueId, u32)>), StoreError> {
    let selected = page_of(connection, filter, page)?;
    let full = selected.rows.len() + selected.damaged.len() >= page.limit;
    let last = selected.rows.last().map(|row| (row.queued.message, row.queued.n)).filter(|_| full);
    let mut count = 0;
    for mut row in selected.rows {
        if let Some(outcome) = verb.change(&mut row, by, now) {
            count += 1;
            RecordRow::new(&record(&row.queued, outcome, by, now)).insert(connection)?;
            if *verb == Verb::Drop {
                queue::remove(connection, row.queued.message, row.queued.n)?;
                leave_if_empty(connection, row.queued.message, now)?;
            } else {
                row.update(connection)?;
            }
        }
    }
    Ok((count, last))
}

impl Verb {
    /// Changes a row and says what became of it; nothing where the verb would change nothing.
    fn change(&self, row: &mut RecipientRow, by: &str, now: Timestamp) -> Option<Outcome> {
        let queued = &mut row.queued;
        let noted = |what: &str| Some(Outcome::Noted { what: what.to_owned() });
        match self {
            Self::Hold if queued.state == State::Waiting => {
                queued.state = State::Held;
                row.last = Some(format!("held by {by}"));
                noted("held")
            }
            Self::Release if queued.state == State::Held => {
                (queued.state, queued.due) = (State::Waiting, now);
                row.last = None;
                noted("released")
            }
            Self::Retry if queued.state == State::Waiting => {
                queued.due = now;
                noted("retry")
            }
            Self::Route(route) if queued.state != State::Quarantined => {
                queued.route.clone_from(route);
                // What another route has failed at is no attempt of this one.
                (queued.due, queued.attempts) = (now, 0);
                noted(&format!("routed to {route}"))
            }
            Self::Drop => Some(Outcome::Removed { by: by.to_owned() }),
            Self::Hold | Self::Release | Self::Retry | Self::Route(_) => None,
        }
    }
}

fn record(queued: &QueuedRecipient, outcome: Outcome, by: &str, at: Timestamp) -> DeliveryRecord {
    DeliveryRecord {
        recipient: Some(queued.recipient.address.clone()),
        note: Some(format!("by {by}")),
        attempt: queued.attempts,
        ..DeliveryRecord::new(queued.message, at, Direction::Out, &queued.route, Link::None, outcome)
    }
}

fn shape(connection: &Connection, now: Timestamp) -> Result<Vec<ShapeRow>, StoreError> {
    let sql = "SELECT route, site, (?1 - created) / 60000 AS age, state <> 0 AS held, count(*) FROM recipient
        GROUP BY route, site, age, held ORDER BY route, site";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([now.as_millisecond()])?;
    let mut shape: Vec<ShapeRow> = Vec::new();
    while let Some(row) = rows.next()? {
        let (route, site): (String, String) = (row.get(0)?, row.get(1)?);
        let (age, held, count): (i64, bool, u64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let new = shape.last().is_none_or(|last| last.route != route || last.site != site);
        if new {
            shape.push(ShapeRow { route, site, buckets: [0; 8], held: 0 });
        }
        let last = shape.last_mut().expect("one was pushed just now");
        last.buckets[ShapeRow::AGES.partition_point(|bound| *bound <= age)] += count;
        last.held += if held { count } else { 0 };
    }
    Ok(shape)
}
