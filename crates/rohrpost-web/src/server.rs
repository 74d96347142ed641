//! The sockets: accept loops, handshakes, HTTP/1.1 with a bound on everything, reload and stop.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rohrpost_tls::ServerTls;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    limits::{
        ACCEPT_PAUSE, ADDRESS_CONNECTIONS_MAX, CONNECTION_TIME_MAX, CONNECTIONS_MAX, HEADER_BYTES_MAX, HEADER_TIME_MAX,
    },
    site::Site,
};

/// Sockets that are bound and listen.
#[derive(Debug, Default)]
pub struct WebSockets {
    /// Where the pages are served, in TLS.
    pub https: Vec<std::net::TcpListener>,
    /// Where everybody is sent on to the same page in TLS.
    pub redirect: Vec<std::net::TcpListener>,
}

impl WebSockets {
    /// The port in TLS that others are sent to: the usual one where there are several.
    fn port(&self) -> u16 {
        let ports = self.https.iter().filter_map(|socket| socket.local_addr().ok()).map(|address| address.port());
        ports.min_by_key(|port| (*port != 443, *port)).unwrap_or(443)
    }
}

/// The running web server.
#[derive(Debug)]
pub struct WebServer {
    shared: Arc<Shared>,
    /// The port in TLS.
    port: u16,
}

struct Shared {
    face: RwLock<Arc<Face>>,
    places: Arc<Semaphore>,
    /// Connections of each address.
    guests: Mutex<HashMap<IpAddr, usize>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What a reload replaces.
struct Face {
    pages: Router,
    redirects: Router,
    tls: ServerTls,
}

impl Face {
    fn new(site: Site, tls: ServerTls, port: u16) -> Self {
        Self { redirects: site.clone().redirects(port), pages: site.router(), tls }
    }
}

impl WebServer {
    /// Starts an accept loop for each socket. Must run inside a runtime.
    ///
    /// # Errors
    /// A socket cannot be used with the runtime.
    pub fn start(sockets: WebSockets, site: Site, tls: ServerTls) -> io::Result<Self> {
        let port = sockets.port();
        let shared = Arc::new(Shared {
            face: RwLock::new(Arc::new(Face::new(site, tls, port))),
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            guests: Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let https = sockets.https.into_iter().map(|socket| (socket, true));
        let redirect = sockets.redirect.into_iter().map(|socket| (socket, false));
        for (socket, is_tls) in https.chain(redirect) {
            socket.set_nonblocking(true)?;
            let socket = TcpListener::from_std(socket)?;
            shared.tasks.spawn(serve(shared.clone(), socket, is_tls));
        }
        Ok(Self { shared, port })
    }

    /// Puts other pages and certificates in place for connections that come from now on.
    pub fn reload(&self, site: Site, tls: ServerTls) {
        let face = Arc::new(Face::new(site, tls, self.port));
        *self.shared.face.write().unwrap_or_else(PoisonError::into_inner) = face;
    }

    /// Accepts nothing more and lets requests finish for as long as `grace`.
    pub async fn stop(&self, grace: Duration) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        if timeout(grace, self.shared.tasks.wait()).await.is_err() {
            tracing::warn!("requests of web browsers were cut off");
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("places", &self.places.available_permits()).finish_non_exhaustive()
    }
}

/// The place of one connection, free again when dropped.
struct Place {
    shared: Arc<Shared>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Shared {
    /// A place for this address; none where it has enough, or all are taken.
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let permit = self.places.clone().try_acquire_owned().ok()?;
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let count = guests.entry(address).or_default();
        if *count >= ADDRESS_CONNECTIONS_MAX {
            return None;
        }
        *count += 1;
        Some(Place { shared: self.clone(), address, _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut guests = self.shared.guests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = guests.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                guests.remove(&self.address);
            }
        }
    }
}

/// Accepts until the server stops.
async fn serve(shared: Arc<Shared>, socket: TcpListener, is_tls: bool) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => welcome(&shared, stream, address, is_tls),
            Err(error) => {
                tracing::warn!(%error, "no connection of a web browser could be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Gives the connection a task, where there is a place for it.
fn welcome(shared: &Arc<Shared>, stream: TcpStream, address: SocketAddr, is_tls: bool) {
    let Some(place) = shared.enter(address.ip().to_canonical()) else {
        tracing::debug!(%address, "too many connections of web browsers");
        return;
    };
    let face = shared.face.read().unwrap_or_else(PoisonError::into_inner).clone();
    let stop = shared.stop.clone();
    shared.tasks.spawn(async move {
        let _place = place;
        if !is_tls {
            return converse(stream, face.redirects.clone(), &stop).await;
        }
        // What went wrong in the handshake is in the log of TLS.
        if let Ok(Ok((stream, ..))) = timeout(HEADER_TIME_MAX, face.tls.accept(stream)).await {
            converse(stream, face.pages.clone(), &stop).await;
        }
    });
}

/// Answers the requests of one connection until it closes, its time is over or the server stops.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    stop: &CancellationToken,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let whole = async {
        tokio::select! {
            result = connection.as_mut() => return result,
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    };
    // A browser that goes away, dawdles or talks nonsense is its own problem.
    if let Ok(Err(error)) = timeout(CONNECTION_TIME_MAX, whole).await {
        tracing::debug!(%error, "a connection of a web browser failed");
    }
}

#[cfg(test)]
mod tests;
