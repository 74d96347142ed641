//! No 250 before its sync: checked in a recording, message by message.

use anyhow::{Context, Result, bail};

use super::client::Acknowledged;
use super::recording::{Call, Event, Recording};

/// Checks every acknowledged message.
pub(crate) fn run(recording: &Recording) -> Result<String> {
    let mut large = 0;
    for message in &recording.acknowledged {
        check(recording, message).with_context(|| format!("{} ({})", message.marker, message.id))?;
        large += usize::from(message.large);
    }
    let small = recording.acknowledged.len() - large;
    if small == 0 || large == 0 {
        bail!("{small} small and {large} large messages were taken: this proves nothing");
    }
    Ok(format!("{small} small and {large} large messages, each synced before its 250"))
}

/// Write of the marker, then a sync of that file begun later and ended, then the 250. For a large body: file, then
/// directory, then the row.
fn check(recording: &Recording, message: &Acknowledged) -> Result<()> {
    let answer = recording.answer(&message.id).context("its 250 was not recorded")?;
    let body_durable = message.large.then(|| body_synced(recording, &message.marker)).transpose()?;
    let text = if message.large { &message.id } else { &message.marker };
    let mut rows = recording.writes(text).filter(|event| is_log(event));
    let row = rows
        .find(|event| body_durable.is_none_or(|place| event.start > place))
        .context("its row was not written after its body was durable")?;
    let synced = sync_after(recording, row).context("its row was not synced")?;
    if synced.end > answer.start {
        bail!("its 250 went out before the sync of its row had ended");
    }
    Ok(())
}

/// Where the body's file and then its directory were durable.
fn body_synced(recording: &Recording, marker: &str) -> Result<usize> {
    let mut bodies =
        recording.writes(marker).filter(|event| event.path().is_some_and(|path| path.contains("/bodies/")));
    let last = bodies.next_back().context("its body was not written to a file")?;
    let file = sync_after(recording, last).context("its file was not synced")?;
    let path = last.path().expect("a write has a path");
    let dir = path.rsplit_once('/').expect("a file lies in a directory").0;
    let dir = recording
        .events
        .iter()
        .find(|event| event.start > file.end && matches!(&event.call, Call::Sync { path } if path == dir))
        .context("its directory was not synced after its file")?;
    Ok(dir.end)
}

fn is_log(event: &Event) -> bool {
    matches!(&event.call, Call::Write { path, .. } if path.ends_with("rohrpost.db-wal"))
}

/// The first sync of the same file that began after the write had ended.
fn sync_after<'a>(recording: &'a Recording, write: &Event) -> Option<&'a Event> {
    recording
        .events
        .iter()
        .filter(|event| event.start > write.end)
        .filter(|event| matches!((&event.call, write.path()), (Call::Sync { path }, Some(written)) if path == written))
        .min_by_key(|event| event.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "/d/rohrpost.db-wal";
    const FILE: &str = "/d/bodies/01/01";

    fn recorded(large: bool, calls: Vec<Call>) -> Result<()> {
        let message = Acknowledged { marker: "mark-a-0-1-end".to_owned(), id: "0123456789ABC".to_owned(), large };
        let events = calls.into_iter().enumerate().map(|(at, call)| Event { start: at, end: at, call }).collect();
        let recording = Recording::new("/d".into(), events, vec![message.clone()]);
        check(&recording, &message)
    }

    fn write(path: &str, text: &str) -> Call {
        Call::Write { path: path.to_owned(), at: Some(0), data: text.as_bytes().to_vec() }
    }

    fn sync(path: &str) -> Call {
        Call::Sync { path: path.to_owned() }
    }

    fn row() -> Call {
        write(LOG, "{\"message\":\"0123456789ABC\"} mark-a-0-1-end")
    }

    fn answer() -> Call {
        Call::Answer { text: "250 2.6.0 Message queued as 0123456789ABC (x)".to_owned() }
    }

    #[test]
    fn an_answer_before_the_sync_of_its_row_is_noticed() {
        assert!(recorded(false, vec![row(), sync(LOG), answer()]).is_ok());
        assert!(recorded(false, vec![row(), answer(), sync(LOG)]).is_err());
        assert!(recorded(false, vec![sync(LOG), row(), answer()]).is_err());
        assert!(recorded(false, vec![row(), sync("/d/rohrpost.db"), answer()]).is_err());
    }

    #[test]
    fn a_row_before_the_sync_of_its_body_or_its_directory_is_noticed() {
        let body = || write(FILE, "mark-a-0-1-end");
        let (file, dir) = (|| sync(FILE), || sync("/d/bodies/01"));
        assert!(recorded(true, vec![body(), file(), dir(), row(), sync(LOG), answer()]).is_ok());
        assert!(recorded(true, vec![body(), dir(), file(), row(), sync(LOG), answer()]).is_err());
        assert!(recorded(true, vec![body(), file(), row(), dir(), sync(LOG), answer()]).is_err());
        assert!(recorded(true, vec![body(), row(), file(), dir(), sync(LOG), answer()]).is_err());
        assert!(recorded(true, vec![file(), body(), dir(), row(), sync(LOG), answer()]).is_err());
    }
}
