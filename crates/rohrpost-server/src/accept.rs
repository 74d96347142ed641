//! The accept loops.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError},
};

use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

use crate::{
    connection,
    limits::ACCEPT_PAUSE,
    link::Plain,
    listener::Bound,
    server::{Current, Shared},
};

/// A listening socket in the runtime.
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    pub(crate) fn new(bound: Bound) -> io::Result<Self> {
        match bound {
            Bound::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                // Replies are written whole, so there is nothing to gather; waiting would cost 40 ms each. Connections
                // inherit it.
                rustix::net::sockopt::set_tcp_nodelay(&listener, true)?;
                TcpListener::from_std(listener).map(Self::Tcp)
            }
            Bound::Unix(listener) => {
                listener.set_nonblocking(true)?;
                UnixListener::from_std(listener).map(Self::Unix)
            }
        }
    }

    /// The next connection, and where it comes from; a unix socket does not say.
    async fn accept(&self) -> io::Result<(Plain, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, address)| (Plain::Tcp(stream), Some(address))),
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| (Plain::Unix(stream), None)),
        }
    }
}

/// Accepts until the socket is to be closed; each connection is a task of its own.
pub(crate) async fn serve(socket: Socket, current: Current, closed: CancellationToken, shared: Arc<Shared>) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = closed.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let listener = current.read().unwrap_or_else(PoisonError::into_inner).clone();
                shared.tasks.spawn(connection::serve(listener, shared.clone(), stream, address));
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                // Descriptors or memory are used up. The connection stays in the backlog, so asking again at once would spin.
                shared.stats.accept_pauses.increment();
                let listener = current.read().unwrap_or_else(PoisonError::into_inner).name.clone();
                tracing::error!(%listener, %error, "accepting pauses");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Errors of the connection that was to be accepted: it is gone, and the next one may be fine.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s20_want_of_descriptors_pauses_and_a_lost_connection_does_not() {
        let concerns = |code| concerns_one_connection(&io::Error::from_raw_os_error(code));
        for emfile_enfile_enobufs_enomem in [24, 23, 105, 12] {
            assert!(!concerns(emfile_enfile_enobufs_enomem));
        }
        for econnaborted_econnreset_eintr in [103, 104, 4] {
            assert!(concerns(econnaborted_econnreset_eintr));
        }
    }
}
