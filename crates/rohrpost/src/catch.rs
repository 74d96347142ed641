//! `rohrpost catch`: a server for developers. It takes every message from everybody, shows it, and sends it nowhere.
//!
//! | module | what it is |
//! |---|---|
//! | [`connection`] | one dialogue |
//! | [`fault`] | what goes wrong on purpose, by address |
//! | [`message`] | what was caught, in words and as JSON |
//! | [`shelf`] | where it goes |
//!
//! The dialogue is that of the real server, so that a program which gets along with this one gets along with that one. It
//! listens on loopback: whoever reaches it fills the terminal, or the disk.

mod connection;
mod fault;
mod limits;
mod message;
mod shelf;

use std::{io, net::SocketAddr, process::ExitCode, sync::Arc};

use anyhow::Context;
use rohrpost_mail::{Domain, ListenerTls};
use rohrpost_sasl::{Mechanism, server::Decoy};
use rohrpost_server::hashes::ProviderHashes;
use rohrpost_smtp::server::{BareNewline, Extensions, Profile, Protocol, Timeouts};
use rohrpost_tls::{CertStore, ServerTls, ServerTlsOptions, ca::Ca, crypto};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    connection::Shared,
    limits::{
        ACCEPT_PAUSE, CONNECTIONS_MAX, GRACE, HELD_KIB_MAX, HOLD_MAX, MESSAGE_BYTES_MAX, MESSAGES_MAX, RECIPIENTS_MAX,
        SCRAM_ITERATIONS,
    },
    shelf::Shelf,
};
use crate::{
    cli,
    exit::{Exit, Failure},
    view::{DIM, Styled, count},
};

/// Listens until Ctrl-C.
pub(crate) async fn run(options: cli::Catch) -> anyhow::Result<ExitCode> {
    if !options.public && !options.listen.ip().to_canonical().is_loopback() {
        let why = format!("{} is open to the network: add --public if that is meant", options.listen);
        return Err(Failure::new(Exit::Usage, why).into());
    }
    if options.write_ca.is_some() && options.tls == ListenerTls::Off {
        return Err(Failure::new(Exit::Usage, "--write-ca: there is no certificate without --tls").into());
    }
    let cannot = |error| Failure::new(Exit::System, format!("cannot listen at {}: {error}", options.listen));
    let listener = TcpListener::bind(options.listen).await.map_err(cannot)?;
    let address = listener.local_addr()?;
    let tls = (options.tls != ListenerTls::Off).then(|| certificate(&options)).transpose()?;
    let shelf = Shelf::new(options.save.clone(), options.output.json).context("--save")?;
    let shared = Arc::new(Shared {
        profile: Arc::new(profile(options.tls)),
        tls,
        shelf,
        room: Arc::new(Semaphore::new(HELD_KIB_MAX)),
        stop: CancellationToken::new(),
    });
    anstream::eprintln!("{} {address}", Styled(DIM, "Catching all mail at"));
    accept(listener, &shared).await?;
    eprintln!("{} caught.", count(shared.shelf.count(), "message"));
    Ok(ExitCode::SUCCESS)
}

/// Takes connections until Ctrl-C, and lets messages on their way come to their end.
async fn accept(listener: TcpListener, shared: &Arc<Shared>) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (tasks, places) = (TaskTracker::new(), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
    loop {
        let accepted = tokio::select! {
            accepted = next(&listener, &places) => accepted,
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        };
        let Ok((stream, client, place)) = accepted else { continue };
        let shared = shared.clone();
        tasks.spawn(async move {
            // A program may go at any time.
            let _ = connection::serve(shared, stream, client).await;
            drop(place);
        });
    }
    shared.stop.cancel();
    tasks.close();
    // What lasts longer is cut off, as it would be with any server that ends.
    let _ = timeout(GRACE, tasks.wait()).await;
    Ok(())
}

/// The next connection, when there is a place for it.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.expect("nobody closes the places");
    match listener.accept().await {
        Ok((stream, client)) => Ok((stream, client, place)),
        Err(error) => {
            // Without a descriptor left the next attempt would fail as well.
            sleep(ACCEPT_PAUSE).await;
            Err(error)
        }
    }
}

/// A certificate for this run alone.
fn certificate(options: &cli::Catch) -> anyhow::Result<ServerTls> {
    let ca = Ca::new("Rohrpost catch");
    let own = options.listen.ip().to_string();
    let certificates = CertStore::from_pem([ca.issue(["localhost", "127.0.0.1", "::1", &own])])?;
    if let Some(file) = &options.write_ca {
        std::fs::write(file, ca.cert()).with_context(|| file.display().to_string())?;
    }
    for certificate in certificates.certificates() {
        eprintln!("To trust its certificate: trust=pin:sha256:{}", certificate.fingerprint);
    }
    Ok(ServerTls::new(ServerTlsOptions::new(certificates, "catch"))?)
}

/// What every session offers: all that a server of ours can, to everybody, with any password.
fn profile(tls: ListenerTls) -> Profile {
    Profile {
        protocol: Protocol::Submission,
        host_name: Domain::parse("localhost").expect("it is a domain"),
        software: "Rohrpost catch".to_owned(),
        tls,
        starttls_available: true,
        auth_clear: true,
        auth_tls: true,
        require_auth: false,
        mechanisms: vec![Mechanism::Plain, Mechanism::Login],
        extensions: Extensions { requiretls: true, ..Extensions::of(Protocol::Submission) },
        size_max: MESSAGE_BYTES_MAX,
        recipients_max: RECIPIENTS_MAX,
        messages_max: MESSAGES_MAX,
        bare_newline: BareNewline::default(),
        hold_max: HOLD_MAX,
        timeouts: Timeouts::default(),
        hashes: Arc::new(ProviderHashes),
        decoy: Decoy { key: crypto::random(), iterations: SCRAM_ITERATIONS },
        known_peer: true,
    }
}
