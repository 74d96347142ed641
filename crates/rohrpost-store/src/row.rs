//! Checksums of rows, and the small conversions between SQLite's values and ours.

use jiff::Timestamp;
use rohrpost_mail::QueueId;
use rusqlite::types::ValueRef;

use crate::error::StoreError;

/// CRC-32 over the fields of a row. Each field goes in with its length, so that no octet can move to its neighbour.
pub(crate) struct Sum(crc32fast::Hasher);

impl Sum {
    /// Starts with the table's name, so that a row that strayed into another table is noticed.
    pub(crate) fn of(table: &str) -> Self {
        Self(crc32fast::Hasher::new()).text(table)
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn maybe(mut self, text: Option<&str>) -> Self {
        self.0.update(&[u8::from(text.is_some())]);
        self.text(text.unwrap_or_default())
    }

    pub(crate) fn int(mut self, number: i64) -> Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    pub(crate) fn end(self) -> i64 {
        i64::from(self.0.finalize())
    }
}

/// Why a row was not taken. A damaged row never stops the reading of others.
#[derive(Debug)]
pub(crate) enum Damage {
    /// The row is not what was written; the reason in words.
    Row(String),
    /// The database itself failed.
    Database(StoreError),
}

impl From<rusqlite::Error> for Damage {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(_) => Self::Database(error.into()),
            None => Self::Row(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for Damage {
    fn from(error: serde_json::Error) -> Self {
        Self::Row(error.to_string())
    }
}

/// Compares a row's checksum.
pub(crate) fn verify(stored: i64, computed: i64) -> Result<(), Damage> {
    if stored == computed { Ok(()) } else { Err(Damage::Row("the checksum does not match".to_owned())) }
}

/// The time of a column of milliseconds since 1970: every time that `as_millisecond` can write, to the last one.
/// (`from_millisecond` refuses those of the calendar's last second.)
pub(crate) fn time(ms: i64) -> Result<Timestamp, Damage> {
    let nanoseconds = i32::try_from(ms.rem_euclid(1_000)).unwrap_or_default() * 1_000_000;
    Timestamp::new(ms.div_euclid(1_000), nanoseconds).map_err(|error| Damage::Row(error.to_string()))
}

/// A count in its column. None of ours comes near 2⁶³.
pub(crate) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count from its column; a negative one can only be damage, which the checksum has told by then.
pub(crate) fn uncount(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

pub(crate) fn id_column(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<QueueId> {
    row.get(column).map(QueueId::from_i64)
}

/// JSON of one of our own types. They hold no maps with keys that are not text, so it cannot fail.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our types have text keys only")
}

/// A raw row as text, for the quarantine: readable, complete, and safe to print.
pub(crate) fn raw(row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<u8>> {
    let mut fields = serde_json::Map::new();
    for column in 0..row.as_ref().column_count() {
        let name = row.as_ref().column_name(column)?.to_owned();
        let value = match row.get_ref(column)? {
            ValueRef::Null => serde_json::Value::Null,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(_) => bytes.to_vec().into(),
            },
        };
        fields.insert(name, value);
    }
    Ok(serde_json::Value::Object(fields).to_string().into_bytes())
}
