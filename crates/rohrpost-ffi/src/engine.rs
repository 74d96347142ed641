//! A sender with threads of its own, for callers without a runtime.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use rohrpost_sender::{Error, LocalServer, Mail, Receipt, Sender, Transport};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinError,
    time::timeout,
};

use crate::{
    fault::Failure,
    limits::{GOODBYE, THREADS},
};

/// Where messages go.
#[derive(Clone)]
pub(crate) enum Way {
    /// Through these servers.
    Servers(Sender),
    /// Into the queue of this host.
    Here(LocalServer),
}

/// See the module.
pub(crate) struct Engine {
    way: Way,
    runtime: Runtime,
}

impl Engine {
    /// Starts the threads.
    pub(crate) fn start(way: Way) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(THREADS).thread_name("rohrpost").enable_all().on_thread_start(keep_sigpipe_away);
        Ok(Self { way, runtime: builder.build()? })
    }

    /// Sends a message and waits for the receipt. May be called from several threads at once.
    ///
    /// All of the work is done on our own threads: what they must not suffer, the caller's threads may have wanted.
    ///
    /// # Errors
    /// Only the library's own: what servers did is in the inner result.
    pub(crate) fn send(&self, mail: Mail) -> Result<Result<Receipt, Error>, Failure> {
        let way = self.way.clone();
        let sending = self.runtime.spawn(async move {
            match way {
                Way::Servers(sender) => sender.send(&mail).await,
                Way::Here(server) => server.send(&mail).await,
            }
        });
        self.runtime.block_on(sending).map_err(defect)
    }

    /// Says goodbye to the servers and ends the threads.
    pub(crate) fn stop(self) {
        let Self { way, runtime } = self;
        if let Way::Servers(sender) = way {
            let goodbye = runtime.spawn(async move { timeout(GOODBYE, sender.close()).await });
            // Nothing depends on it: the connections are closed in any case.
            drop(runtime.block_on(goodbye));
        }
        runtime.shutdown_timeout(GOODBYE);
    }
}

/// Programs in Rust ignore SIGPIPE; others die of it when a server hangs up while we write, unless the thread that
/// writes does not take it. The write fails then, which is all that we need to know.
fn keep_sigpipe_away() {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGPIPE);
    signals.thread_block().expect("a set of signals that exist can be blocked");
}

fn defect(error: JoinError) -> Failure {
    match error.try_into_panic() {
        Ok(panic) => Failure::panicked(&*panic),
        Err(error) => Failure::Defect(error.to_string()),
    }
}
