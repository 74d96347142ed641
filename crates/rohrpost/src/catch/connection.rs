//! One connection, from its greeting to its end.
//!
//! The dialogue is that of the real server, `rohrpost_smtp::server`; here everybody may, and what is caught goes onto the
//! [`Shelf`].

use std::{io, net::SocketAddr, sync::Arc, time::Instant};

use bytes::{Buf as _, BytesMut};
use jiff::Timestamp;
use rohrpost_client::AnyStream;
use rohrpost_mail::{Envelope, ForwardPath, ListenerTls, Mailbox, Recipient, Reply};
use rohrpost_sasl::ChannelBinding;
use rohrpost_smtp::server::{Accepted, AuthVerdict, Event, Profile, RcptRequest, Session, TlsFacts};
use rohrpost_tls::ServerTls;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    fault::{Fault, Moment},
    limits::{PATIENCE, READ_BYTES, SILENCE},
    message::{self, Message},
    shelf::{Kept, Shelf},
};

/// What all connections share.
pub(super) struct Shared {
    pub(super) profile: Arc<Profile>,
    /// None without TLS.
    pub(super) tls: Option<ServerTls>,
    pub(super) shelf: Shelf,
    /// KiB of messages that may come in at once.
    pub(super) room: Arc<Semaphore>,
    pub(super) stop: CancellationToken,
}

struct Connection {
    shared: Arc<Shared>,
    session: Session<Kept>,
    stream: AnyStream,
    /// Octets that the session has not taken yet.
    pending: BytesMut,
    known: message::Connection,
    transaction: Option<Transaction>,
    wants_handshake: bool,
    is_stopping: bool,
}

/// A message that is coming in.
struct Transaction {
    envelope: Envelope,
    recipients: Vec<Recipient>,
    octets: Vec<u8>,
    room: Vec<OwnedSemaphorePermit>,
    /// There was no more room.
    is_cut: bool,
}

/// Serves a connection to its end. Whoever goes early is no matter.
pub(super) async fn serve(shared: Arc<Shared>, stream: TcpStream, client: SocketAddr) -> io::Result<()> {
    let mut known = message::Connection { client: client.to_string(), ..message::Connection::default() };
    let (mut stream, mut facts): (AnyStream, _) = (Box::new(stream), None);
    if shared.profile.tls == ListenerTls::Implicit {
        let (secured, told) = shake_hands(&shared, stream, &mut known).await?;
        (stream, facts) = (secured, Some(told));
    }
    let session = Session::new(shared.profile.clone(), facts, now(), Timestamp::now());
    let (pending, transaction) = (BytesMut::new(), None);
    let mut connection =
        Connection { shared, session, stream, pending, known, transaction, wants_handshake: false, is_stopping: false };
    connection.session.greet(now());
    connection.run().await?;
    connection.stream.shutdown().await
}

impl Connection {
    /// Moves octets until the session is over.
    async fn run(&mut self) -> io::Result<()> {
        loop {
            let taken = self.session.handle_input(now(), &self.pending);
            self.pending.advance(taken);
            if let Some(event) = self.session.poll_event() {
                self.handle(event).await?;
            } else if taken > 0 {
                // What was taken may have made room for more.
            } else if let Some(transmit) = self.session.poll_transmit() {
                if let Some(at) = transmit.not_before {
                    sleep_until(at.into()).await;
                }
                patiently(self.stream.write_all(&transmit.bytes)).await?;
                patiently(self.stream.flush()).await?;
            } else if std::mem::take(&mut self.wants_handshake) {
                self.start_tls().await?;
            } else if self.session.is_closed() {
                return Ok(());
            } else {
                self.wait().await;
            }
        }
    }

    /// Waits for octets, the session's time-out, or Ctrl-C.
    async fn wait(&mut self) {
        let deadline = self.session.poll_timeout();
        self.pending.reserve(READ_BYTES);
        tokio::select! {
            biased;
            read = self.stream.read_buf(&mut self.pending), if self.pending.is_empty() => {
                if !read.is_ok_and(|octets| octets > 0) {
                    self.session.handle_eof(now());
                }
            }
            () = sleep_until(deadline.unwrap_or_else(now).into()), if deadline.is_some() => {
                self.session.handle_timeout(now());
            }
            () = self.shared.stop.cancelled(), if !self.is_stopping => {
                self.is_stopping = true;
                self.session.shut_down(Reply::with(421, 3, 2, "The development server ends"));
            }
        }
    }

    async fn handle(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Hello { name, .. } => self.known.helo = name,
            Event::Password { .. } => self.session.answer_password(now(), AuthVerdict::Right),
            // SCRAM is not offered: nobody can prove a password that nobody knows.
            Event::ScramKeys { .. } => self.session.answer_password(now(), AuthVerdict::CannotCheck),
            Event::Authenticated { user, .. } => self.known.user = Some(user),
            Event::Mail(request) => {
                let fault = request.envelope.reverse_path.mailbox().and_then(|from| Moment::Mail.fault(from));
                self.transaction = Some(Transaction::new(request.envelope));
                self.answer(fault).await?;
            }
            Event::Rcpt(request) => {
                let recipient = recipient(request);
                let fault = Moment::Rcpt.fault(&recipient.address);
                if let Some(transaction) = self.transaction.as_mut().filter(|_| fault.is_none()) {
                    transaction.recipients.push(recipient);
                }
                self.answer(fault).await?;
            }
            Event::Data => self.session.answer(now(), Ok(())),
            Event::Body(octets) => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.push(&octets, &self.shared.room);
                }
            }
            Event::End { .. } => self.end().await?,
            Event::Abort => self.transaction = None,
            Event::StartTls => self.wants_handshake = true,
            Event::AuthFailed { .. } | Event::Closed { .. } => {}
        }
        Ok(())
    }

    /// Says yes, unless an address asked for something else.
    async fn answer(&mut self, fault: Option<Fault>) -> io::Result<()> {
        let verdict = match fault {
            None => Ok(()),
            Some(Fault::Reply(reply)) => Err(reply),
            Some(Fault::Silence) => return self.be_silent().await,
        };
        self.session.answer(now(), verdict);
        Ok(())
    }

    /// The message is there.
    async fn end(&mut self) -> io::Result<()> {
        let Some(transaction) = self.transaction.take() else {
            self.session.refuse_message(now(), Reply::with(451, 3, 0, "There is no message"));
            return Ok(());
        };
        let Transaction { envelope, recipients, octets, room, is_cut } = transaction;
        let addresses = envelope.reverse_path.mailbox().into_iter().chain(recipients.iter().map(|to| &to.address));
        match { addresses }.find_map(|address| Moment::Dot.fault(address)) {
            Some(Fault::Silence) => return self.be_silent().await,
            Some(Fault::Reply(reply)) => {
                self.session.refuse_message(now(), reply);
                return Ok(());
            }
            None if is_cut => {
                self.session.refuse_message(now(), Reply::with(452, 3, 1, "Too much mail at once"));
                return Ok(());
            }
            None => {}
        }
        let (id, connection) = (self.shared.shelf.next_id(), self.known.clone());
        let message = Message { id, at: Timestamp::now(), envelope, recipients, octets, connection };
        match self.shared.shelf.keep(&message) {
            Ok(kept) => self.session.accept_message(now(), kept, Accepted { id, per_recipient: None }),
            Err(error) => {
                eprintln!("rohrpost: {id} was not kept: {error:#}");
                self.session.refuse_message(now(), Reply::with(452, 3, 1, "It cannot be kept"));
            }
        }
        drop(room);
        Ok(())
    }

    /// Says nothing until the program goes, or for an hour.
    async fn be_silent(&mut self) -> io::Result<()> {
        let mut sink = tokio::io::sink();
        tokio::select! {
            _ = tokio::io::copy(&mut self.stream, &mut sink) => {}
            () = sleep(SILENCE) => {}
            () = self.shared.stop.cancelled() => {}
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// The handshake of STARTTLS. What came before it is never given to anybody.
    async fn start_tls(&mut self) -> io::Result<()> {
        self.pending.clear();
        let plain = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        let (stream, facts) = shake_hands(&self.shared, plain, &mut self.known).await?;
        self.stream = stream;
        (self.known.helo, self.known.user) = (String::new(), None);
        self.session.tls_started(now(), facts);
        Ok(())
    }
}

impl Transaction {
    fn new(envelope: Envelope) -> Self {
        Self { envelope, recipients: Vec::new(), octets: Vec::new(), room: Vec::new(), is_cut: false }
    }

    fn push(&mut self, octets: &[u8], room: &Arc<Semaphore>) {
        let kib = octets.len().div_ceil(1024).try_into().unwrap_or(u32::MAX);
        match room.clone().try_acquire_many_owned(kib) {
            Ok(more) if !self.is_cut => {
                self.room.push(more);
                self.octets.extend_from_slice(octets);
            }
            _ => self.is_cut = true,
        }
    }
}

/// `<postmaster>` is one at this host.
fn recipient(request: RcptRequest) -> Recipient {
    let address = match request.path {
        ForwardPath::Mailbox(mailbox) => mailbox,
        ForwardPath::Postmaster => Mailbox::parse("postmaster@localhost").expect("it is an address"),
    };
    Recipient { notify: request.notify, orcpt: request.orcpt, ..Recipient::new(address) }
}

async fn shake_hands(
    shared: &Shared,
    stream: AnyStream,
    known: &mut message::Connection,
) -> io::Result<(AnyStream, TlsFacts)> {
    let tls = shared.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
    let (stream, info, binding) = patiently(async { tls.accept(stream).await.map_err(io::Error::other) })
        .await
        .inspect_err(|error| eprintln!("rohrpost: {}: the TLS handshake failed: {error}", known.client))?;
    known.tls = Some(info);
    let binding = binding.map(|data| ChannelBinding::tls_exporter(data.to_vec()));
    Ok((Box::new(stream), TlsFacts { binding, client_name: None }))
}

async fn patiently<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn now() -> Instant {
    Instant::now()
}
