//! What a data directory holds, read with the store itself.

use std::path::Path;

use anyhow::{Context, Result, bail};
use rohrpost_store::{Find, Options, Store};

use super::client::Acknowledged;

/// An opened data directory.
pub(crate) struct Stored {
    store: Store,
    runtime: tokio::runtime::Runtime,
}

impl Stored {
    /// Opens a directory that no process has.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let options = Options { free_bytes_min: 0, ..Options::default() };
        let store = Store::open(dir, options).with_context(|| format!("cannot open {}", dir.display()))?;
        Ok(Self { store, runtime })
    }

    /// Whether a message is there, with its whole body.
    pub(crate) fn check(&self, message: &Acknowledged) -> Result<()> {
        let Acknowledged { marker, id, .. } = message;
        self.runtime.block_on(async {
            let id = id.parse().with_context(|| format!("{marker} was acknowledged as {id:?}"))?;
            let Some(message) = self.store.message(id).await? else { bail!("{marker} ({id}) is lost") };
            let mut body = self.store.open_body(&message.body).await?;
            let mut end = Vec::new();
            while let Some(chunk) = body.next().await? {
                end.extend_from_slice(&chunk);
                let surplus = end.len().saturating_sub(256);
                end.drain(..surplus);
            }
            if !String::from_utf8_lossy(&end).trim_end().ends_with(marker.as_str()) {
                bail!("{marker} ({id}) has lost its end");
            }
            Ok(())
        })
    }

    /// Whether a message waits in the queue.
    pub(crate) fn waits(&self, marker: &str) -> Result<bool> {
        self.runtime.block_on(async {
            let find = Find::MessageId(format!("<{marker}@power.test>"));
            for id in self.store.find_messages(find, 10).await? {
                if !self.store.recipients(id).await?.is_empty() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Whether every invariant holds that can be checked from the data.
    pub(crate) fn check_all(&self) -> Result<()> {
        let report = self.runtime.block_on(self.store.check())?;
        if !report.faults.is_empty() || report.quarantined > 0 {
            bail!("the store has faults: {report:?}");
        }
        Ok(())
    }
}
