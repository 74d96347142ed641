//! Octets in and out.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    task::{Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf},
    time::{sleep, sleep_until, timeout},
};

use super::{Connection, Ended, now};
use crate::{
    limits::{CLOSE_TIMEOUT, DRAIN_BYTES_MAX, READ_BYTES_MAX, WRITE_TIMEOUT},
    link::Link,
};

thread_local! {
    /// One for each thread of the runtime rather than one for each connection: between two polls nothing is in it.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES_MAX].into());
}

/// How much delay a suspicious peer has had.
#[derive(Debug, Default)]
pub(super) struct Tarpit {
    spent: Duration,
}

/// Between two octets to a peer in the tarpit.
const TARPIT_STEP: Duration = Duration::from_millis(200);

impl Connection {
    /// Reads once and gives what came to `take`, which says how much of it was taken; the end of the connection, clean or
    /// not, is told as no octets at all. While octets of an earlier read are left, it waits forever: their time will come.
    /// Where somebody has logged in, it also ends when accounts have changed: see [`Self::may_stay`].
    ///
    /// A TLS connection that ends without `close_notify` may have been cut by somebody: it ends like any lost connection,
    /// and a message that was under way is not taken.
    pub(crate) async fn read(&mut self, mut take: impl FnMut(&[u8]) -> usize) {
        let read = poll_fn(|cx| {
            if !self.pending.is_empty() {
                return Poll::Pending;
            }
            BUFFER.with_borrow_mut(|buffer| {
                let mut buffer = ReadBuf::new(buffer);
                let octets = match ready!(Pin::new(&mut self.link).poll_read(cx, &mut buffer)) {
                    Ok(()) => buffer.filled(),
                    Err(_) => &[],
                };
                let taken = take(octets);
                self.pending.extend_from_slice(&octets[taken..]);
                Poll::Ready(())
            })
        });
        tokio::select! {
            biased;
            // The store tells of it, and outlives the session.
            _ = self.accounts.changed(), if self.peer.account.is_some() => {}
            () = read => {}
        }
    }

    /// Writes a group of replies, when it is time for it.
    pub(crate) async fn transmit(&mut self, bytes: &[u8], not_before: Option<Instant>) -> Result<(), Ended> {
        if let Some(at) = not_before.filter(|at| *at > now()) {
            let stop = self.shared.stop.clone();
            tokio::select! {
                () = sleep_until(at.into()) => {}
                () = stop.cancelled() => {}
            }
        }
        let slowly = self.slow_octets(bytes.len());
        for octet in bytes[..slowly].chunks(1) {
            sleep(TARPIT_STEP).await;
            self.tarpit.spent += TARPIT_STEP;
            self.write(octet).await?;
        }
        self.write(&bytes[slowly..]).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        let written = timeout(WRITE_TIMEOUT, async {
            self.link.write_all(bytes).await?;
            self.link.flush().await
        });
        if let Ok(Ok(())) = written.await { Ok(()) } else { Err(Ended) }
    }

    /// How many octets of a reply trickle out one by one to a suspicious peer, for as long as the settings say in sum.
    fn slow_octets(&self, octets: usize) -> usize {
        if self.shared.stop.is_cancelled() || !self.peer.is_suspicious() {
            return 0;
        }
        let left = self.shared.intake.tarpit().saturating_sub(self.tarpit.spent);
        let steps = left.as_millis() / TARPIT_STEP.as_millis();
        octets.min(usize::try_from(steps).unwrap_or(usize::MAX))
    }

    /// Ends the connection so that the peer gets to read our last words: octets of its own that were never read would
    /// make the kernel throw them away. `is_clean` where the peer has said all it wants to, or is gone.
    pub(crate) async fn close(&mut self, is_clean: bool) {
        if is_clean && matches!(self.link, Link::Plain(_)) {
            return;
        }
        let closed = timeout(CLOSE_TIMEOUT, async {
            self.link.shutdown().await?;
            if !is_clean {
                let mut rest = (&mut self.link).take(DRAIN_BYTES_MAX as u64);
                tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
            }
            std::io::Result::Ok(())
        });
        // Whoever does not listen to the end loses nothing but the end.
        let _ = closed.await;
    }
}
