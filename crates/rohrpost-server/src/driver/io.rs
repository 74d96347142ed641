//! Octets in and out.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    task::{Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use rohrpost_smtp::server::{CloseReason, Session, Transmit};
use rohrpost_store::Stored;
use tokio::{
    io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf},
    time::{sleep, sleep_until, timeout},
};

use super::{Driver, Ended, now};
use crate::{
    limits::{CLOSE_TIMEOUT, DRAIN_BYTES_MAX, READ_BYTES_MAX, WRITE_TIMEOUT},
    link::Link,
};

thread_local! {
    /// One for each thread of the runtime rather than one for each connection: between two polls nothing is in it.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES_MAX].into());
}

/// Reads once and feeds the session; the end of the connection, clean or not, is told to it too.
///
/// A TLS connection that ends without `close_notify` may have been cut by somebody: it ends like any lost connection, and
/// a message that was under way is not taken.
pub(super) async fn read(link: &mut Link, session: &mut Session<Stored>, pending: &mut BytesMut) {
    if !pending.is_empty() {
        // The session wants time to pass before it takes more.
        return std::future::pending().await;
    }
    poll_fn(|cx| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            let outcome = ready!(Pin::new(&mut *link).poll_read(cx, &mut buffer));
            match (outcome, buffer.filled()) {
                (Err(_), _) | (_, []) => session.handle_eof(now()),
                (Ok(()), octets) => {
                    let taken = session.handle_input(now(), octets);
                    pending.extend_from_slice(&octets[taken..]);
                }
            }
            Poll::Ready(())
        })
    })
    .await;
}

/// How much delay a suspicious peer has had.
#[derive(Debug, Default)]
pub(super) struct Tarpit {
    spent: Duration,
}

/// Between two octets to a peer in the tarpit.
const TARPIT_STEP: Duration = Duration::from_millis(200);

impl Driver {
    /// Writes a group of replies, when it is time for it.
    pub(super) async fn transmit(&mut self, transmit: Transmit) -> Result<(), Ended> {
        if let Some(at) = transmit.not_before.filter(|at| *at > now()) {
            let stop = self.shared.stop.clone();
            tokio::select! {
                () = sleep_until(at.into()) => {}
                () = stop.cancelled() => {}
            }
        }
        let slowly = self.slow_octets(transmit.bytes.len());
        for octet in transmit.bytes[..slowly].chunks(1) {
            sleep(TARPIT_STEP).await;
            self.tarpit.spent += TARPIT_STEP;
            self.write(octet).await?;
        }
        self.write(&transmit.bytes[slowly..]).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        let written = timeout(WRITE_TIMEOUT, async {
            self.link.write_all(bytes).await?;
            self.link.flush().await
        });
        if let Ok(Ok(())) = written.await {
            Ok(())
        } else {
            self.reason.get_or_insert(CloseReason::Lost);
            Err(Ended)
        }
    }

    /// How many octets of a reply trickle out one by one to a suspicious peer, for as long as the settings say in sum.
    fn slow_octets(&self, octets: usize) -> usize {
        if self.is_stopping || !self.peer.is_suspicious() {
            return 0;
        }
        let left = self.shared.intake.tarpit().saturating_sub(self.tarpit.spent);
        let steps = left.as_millis() / TARPIT_STEP.as_millis();
        octets.min(usize::try_from(steps).unwrap_or(usize::MAX))
    }

    /// Ends the connection so that the peer gets to read our last words: octets of its own that were never read would
    /// make the kernel throw them away.
    pub(super) async fn close(&mut self) {
        let is_clean = matches!(self.reason, Some(CloseReason::Quit | CloseReason::Lost));
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
