//! One connection of a sink: drives the session, answers its questions.

use std::{io, sync::Arc, time::Instant};

use bytes::{Buf, BytesMut};
use jiff::Timestamp;
use rohrpost_mail::{Envelope, ForwardPath, ListenerTls, QueueId, Reply, TlsInfo};
use rohrpost_sasl::{ChannelBinding, ScramKeys};
use rohrpost_smtp::server::{Accepted, AuthVerdict, Event, Protocol, Session, TlsFacts};
use rohrpost_tls::{ChannelBindingBytes, crypto};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use super::{ITERATIONS, Received, Sha256, Shared};

/// Octets that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// What the session has to prove to say 250: nothing more than that the message lies in memory.
struct InMemory;

/// What the dialogue has come to.
enum Next {
    Handshake,
    Closed,
}

pub(super) struct Connection {
    session: Session<InMemory>,
    shared: Arc<Shared>,
    place: usize,
    pending: BytesMut,
    tls: Option<TlsInfo>,
    user: Option<String>,
    envelope: Envelope,
    recipients: Vec<String>,
    body: BytesMut,
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, place: usize) -> Self {
        let session = Session::new(Arc::clone(&shared.profile), None, Instant::now(), Timestamp::now());
        Self {
            session,
            shared,
            place,
            pending: BytesMut::new(),
            tls: None,
            user: None,
            envelope: Envelope::default(),
            recipients: Vec::new(),
            body: BytesMut::new(),
        }
    }

    pub(super) async fn run(mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        if self.shared.builder.listener_tls != ListenerTls::Implicit {
            self.session.greet(Instant::now());
            if let Next::Closed = self.converse(&mut stream).await? {
                return stream.shutdown().await;
            }
        }
        let Some(tls) = self.shared.builder.tls.clone() else { return Ok(()) };
        let (mut stream, info, binding) = tls.accept(stream).await.map_err(io::Error::other)?;
        self.tls = Some(info);
        self.pending.clear();
        self.begin_inside_tls(binding);
        self.converse(&mut stream).await?;
        stream.shutdown().await
    }

    fn begin_inside_tls(&mut self, binding: Option<ChannelBindingBytes>) {
        let binding = binding.map(|binding| if self.shared.builder.intercepted { [0; 32] } else { binding });
        let facts = TlsFacts { binding: binding.map(ChannelBinding::tls_exporter), client_name: None };
        if self.shared.builder.listener_tls == ListenerTls::Implicit {
            let profile = Arc::clone(&self.shared.profile);
            self.session = Session::new(profile, Some(facts), Instant::now(), Timestamp::now());
            self.session.greet(Instant::now());
        } else {
            self.session.tls_started(Instant::now(), facts);
        }
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<Next> {
        loop {
            let handshake = self.advance();
            // No reply waits until its time: making those slow who guess passwords is not what a sink is for.
            while let Some(transmit) = self.session.poll_transmit() {
                stream.write_all(&transmit.bytes).await?;
            }
            stream.flush().await?;
            if handshake {
                return Ok(Next::Handshake);
            }
            if self.session.is_closed() {
                return Ok(Next::Closed);
            }
            if self.pending.is_empty() {
                self.pending.reserve(READ_BYTES);
                if stream.read_buf(&mut self.pending).await? == 0 {
                    self.session.handle_eof(Instant::now());
                }
            }
        }
    }

    /// Feeds what is there and answers what is asked, as far as both go. Whether a handshake is due.
    fn advance(&mut self) -> bool {
        loop {
            let mut busy = false;
            while let Some(event) = self.session.poll_event() {
                if matches!(event, Event::StartTls) {
                    return true;
                }
                self.answer(event);
                busy = true;
            }
            let taken = self.session.handle_input(Instant::now(), &self.pending);
            self.pending.advance(taken);
            if !busy && taken == 0 {
                return false;
            }
        }
    }

    fn answer(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Password { user, password, .. } => {
                let right = self.login().is_some_and(|login| login == (&user, password.expose()));
                self.session.answer_password(now, if right { AuthVerdict::Right } else { AuthVerdict::Wrong });
            }
            Event::ScramKeys { user, .. } => {
                let nonce = crypto::sha256_hex(&crypto::random::<16>());
                self.session.answer_scram(now, self.scram_keys(&user), nonce);
            }
            Event::Authenticated { user, .. } => self.user = Some(user),
            Event::Mail(mail) => {
                self.envelope = mail.envelope;
                self.recipients.clear();
                self.body.clear();
                self.session.answer(now, Ok(()));
            }
            Event::Rcpt(rcpt) => {
                let verdict = self.judge_recipient(&rcpt.path);
                self.session.answer(now, verdict);
            }
            Event::Data => self.session.answer(now, Ok(())),
            Event::Body(octets) => self.body.extend_from_slice(&octets),
            Event::End { .. } => self.end(now),
            Event::Abort => self.recipients.clear(),
            Event::Hello { .. } | Event::AuthFailed { .. } | Event::StartTls | Event::Closed { .. } => {}
        }
    }

    fn login(&self) -> Option<(&str, &str)> {
        self.shared.builder.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    fn scram_keys(&self, user: &str) -> Vec<ScramKeys> {
        let Some((_, password)) = self.login().filter(|(known, _)| *known == user) else { return Vec::new() };
        ScramKeys::derive(&Sha256, password, b"salt of the sink", ITERATIONS).into_iter().collect()
    }

    fn judge_recipient(&mut self, path: &ForwardPath) -> Result<(), Reply> {
        (self.shared.builder.rcpt)(path)?;
        self.recipients.push(path.to_string());
        Ok(())
    }

    fn end(&mut self, now: Instant) {
        let message = Received {
            envelope: std::mem::take(&mut self.envelope),
            recipients: std::mem::take(&mut self.recipients),
            body: self.body.split().freeze(),
            tls: self.tls.clone(),
            user: self.user.clone(),
            connection: self.place,
        };
        let verdict = (self.shared.builder.message)(&message);
        match verdict {
            Ok(()) => {
                let replies = vec![Reply::with(250, 0, 0, "Delivered"); message.recipients.len()];
                let id = QueueId::from_i64(i64::try_from(self.shared.keep(message)).unwrap_or(i64::MAX));
                let per_recipient = (self.shared.profile.protocol == Protocol::Lmtp).then_some(replies);
                self.session.accept_message(now, InMemory, Accepted { id, per_recipient });
            }
            Err(reply) => self.session.refuse_message(now, reply),
        }
    }
}
