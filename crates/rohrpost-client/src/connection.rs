//! One connection to one server.

use std::{io, sync::Arc, time::Instant};

use rohrpost_mail::{BodyKind, Link, Mailbox, Recipient, Stage};
use rohrpost_sasl::Mechanism;
use rohrpost_smtp::client::{Capabilities, Event, Failure, Message, Outcome, SessionError};
use rohrpost_tls::ClientTls;
use tokio::time::timeout;

use crate::{
    endpoint::Endpoint,
    error::{ConnectError, OpenFailure, asks_for_tls},
    limits::{AGE_MAX, MESSAGES_MAX},
    login::{self, Ground},
    opening::{Opening, Sealed, start_tls},
    outgoing::{BodySource, BodyStream, Outgoing, SendReport},
    target::{LinkTls, Login, ReuseKey, Target},
    wire::{Wire, now},
};

/// An open connection on which a message can be sent: greeted, inside TLS and logged in as its [`Target`] wants it.
///
/// ```
/// # use std::{io::{BufRead, BufReader, Write}, net::TcpListener};
/// use bytes::Bytes;
/// use rohrpost_client::{Connection, Outgoing, Target};
/// use rohrpost_mail::{Envelope, Host, Recipient};
/// use rohrpost_tls::{ClientTls, ClientTlsOptions};
///
/// # // A server of few words.
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let address = listener.local_addr()?;
/// # let server = std::thread::spawn(move || {
/// #     let (mut stream, _) = listener.accept().unwrap();
/// #     stream.write_all(b"220 mx.there.test\r\n").unwrap();
/// #     for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
/// #         let reply = match line.as_str() { "DATA" => "354 go on", "." => "250 taken", _ => "250 ok" };
/// #         if ["EHLO", "MAIL", "RCPT", "DATA", "."].iter().any(|word| line.starts_with(word)) {
/// #             stream.write_all(format!("{reply}\r\n").as_bytes()).unwrap();
/// #         }
/// #     }
/// # });
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let target = Target::new(address, Host::parse("mail.here.test")?);
/// let mut connection = Connection::open(&target, &ClientTls::new(ClientTlsOptions::default())?).await?;
///
/// let (envelope, recipients) = (Envelope::default(), [Recipient::new("bob@there.test".parse()?)]);
/// let body = Bytes::from("Subject: Hi\r\n\r\nHi Bob\r\n");
/// let octets = body.len() as u64;
/// let outgoing = Outgoing { envelope: &envelope, recipients: &recipients, octets, body: &body };
/// let report = connection.send(&outgoing).await;
/// assert_eq!(report.outcomes[0].as_ref().map(ToString::to_string), Ok("250 taken".to_owned()));
/// connection.quit().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # server.join().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Connection {
    wire: Wire,
    target: Target,
    key: ReuseKey,
    tls: ClientTls,
    sealed: Sealed,
    mechanism: Option<Mechanism>,
    opened: Instant,
    messages: u32,
    transactions: usize,
}

impl Connection {
    /// Connects, shakes hands, greets and logs in. Each stage is bounded by [`Target::timeouts`].
    ///
    /// Cancelling the future closes the connection.
    ///
    /// # Errors
    /// [`ConnectError`] with the stage at which it ended.
    pub async fn open(target: &Target, tls: &ClientTls) -> Result<Self, ConnectError> {
        Self::try_open(target, tls).await.map_err(|failure| failure.error)
    }

    /// The same; the error also tells what was seen before it.
    ///
    /// # Errors
    /// [`OpenFailure`], whose `error` says at which stage it ended.
    pub async fn try_open(target: &Target, tls: &ClientTls) -> Result<Self, Box<OpenFailure>> {
        let mut opening = Opening::ready(target, tls).await?;
        let mechanism = match &target.login {
            Some(login) => {
                let ground = Ground::new(target, &opening.sealed);
                match login::log_in(&mut opening.wire, login, &ground).await {
                    Ok(mechanism) => Some(mechanism),
                    Err(error) => return Err(opening.failed(error).into()),
                }
            }
            None => None,
        };
        Ok(Self {
            key: target.reuse_key(),
            target: target.clone(),
            wire: opening.wire,
            tls: tls.clone(),
            sealed: opening.sealed,
            mechanism,
            opened: now(),
            messages: 0,
            transactions: 0,
        })
    }

    /// Opens a connection as far as EHLO: TLS only where it stands before it ([`LinkTls::Implicit`]), no log-in, whatever else
    /// the target says. [`starttls`](Self::starttls), [`auth`](Self::auth) and [`send`](Self::send) are the further steps, for
    /// whoever wants to look at the server between them.
    ///
    /// # Errors
    /// As [`Connection::try_open`].
    pub async fn ehlo(target: &Target, tls: &ClientTls) -> Result<Self, Box<OpenFailure>> {
        let form = if target.tls == LinkTls::Implicit { LinkTls::Implicit } else { LinkTls::Off };
        Self::try_open(&Target { tls: form, login: None, ..target.clone() }, tls).await
    }

    /// STARTTLS (RFC 3207), and EHLO again inside. The certificate must be what the target trusts, as far as it requires
    /// that.
    ///
    /// # Errors
    /// [`ConnectError`]; the connection is of no use then.
    ///
    /// # Panics
    /// Inside TLS, and on a connection that an error has ended.
    pub async fn starttls(&mut self) -> Result<(), ConnectError> {
        self.wire.session.start_tls(now());
        loop {
            match self.wire.event().await {
                Event::StartTls => self.sealed = start_tls(&mut self.wire, &self.target, &self.tls).await?,
                Event::Failed(error) => return Err(error.into()),
                Event::Ready => break,
                Event::Authenticated | Event::AuthRefused(_) | Event::Sent(_) => {}
            }
        }
        self.target.tls = LinkTls::Starttls;
        self.key = self.target.reuse_key();
        Ok(())
    }

    /// Logs in with the best mechanism that is offered and that the link may carry.
    ///
    /// # Errors
    /// [`ConnectError`]. After a refusal another attempt is possible, behind any other error the connection is of no use.
    ///
    /// # Panics
    /// On a connection that an error has ended.
    pub async fn auth(&mut self, login: &Login) -> Result<Mechanism, ConnectError> {
        let ground = Ground::new(&self.target, &self.sealed);
        let mechanism = login::log_in(&mut self.wire, login, &ground).await?;
        self.mechanism = Some(mechanism);
        self.target.login = Some(login.clone());
        self.key = self.target.reuse_key();
        Ok(mechanism)
    }

    /// Tries servers in order until one takes us. A refused log-in ends the search: trying it again elsewhere only
    /// brings the account closer to being locked.
    ///
    /// # Errors
    /// That of the last one tried; [`ConnectError::Connect`] if there is none at all.
    pub async fn open_first(targets: &[Target], tls: &ClientTls) -> Result<Self, ConnectError> {
        let mut last = None;
        for target in targets {
            match Self::open(target, tls).await {
                Err(error) if error.stage() != Stage::Auth => last = Some(error),
                result => return result,
            }
        }
        Err(last.unwrap_or_else(|| ConnectError::Connect {
            endpoint: Endpoint::Unix("(nowhere)".into()),
            error: Arc::new(io::ErrorKind::NotFound.into()),
        }))
    }

    /// Sends a message. Recipients that the server does not take in one transaction go in several.
    ///
    /// Every recipient has its own outcome; one that is refused keeps nobody else from getting the message. When the
    /// connection breaks, those without an outcome get one that says so. So there is no error: all is in the report.
    ///
    /// Cancelling the future leaves the dialogue in the middle; the connection can only be dropped then, and whether the
    /// message was taken is unknown.
    pub async fn send(&mut self, outgoing: &Outgoing<'_>) -> SendReport {
        self.messages += 1;
        let mut untouched = true;
        let without_smtputf8 = !self.capabilities().smtputf8;
        let utf8_header = without_smtputf8 && outgoing.envelope.smtputf8 && outgoing.has_utf8_header().await;
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(outgoing.recipients.len());
        while outcomes.len() < outgoing.recipients.len() {
            let rest = &outgoing.recipients[outcomes.len()..];
            if !self.wire.session.is_ready() || self.is_used_up() {
                let lost = SessionError::Lost { stage: Stage::Mail };
                outcomes.extend(rest.iter().map(|_| Err(Failure::from(lost.clone()))));
                break;
            }
            let max = self.capabilities().batch_len(rest);
            if self.target.all_or_nothing && max < rest.len() {
                let divided = SessionError::TooManyRecipients { max };
                outcomes.extend(rest.iter().map(|_| Err(Failure::from(divided.clone()))));
                break;
            }
            let recipients = &rest[..max];
            let Outgoing { envelope, octets, body, .. } = *outgoing;
            let (batch, began) = self.transact(&Message { envelope, recipients, octets, utf8_header }, body).await;
            untouched &= !began;
            outcomes.extend(batch);
        }
        let eight_bit = outgoing.envelope.body == BodyKind::EightBitMime && !self.capabilities().eight_bit_mime;
        let mut report = SendReport::new(outcomes);
        report.untouched = untouched && self.wire.session.is_closed();
        report.eight_bit_to_seven = eight_bit && !untouched;
        report
    }

    /// Asks whether the server would take mail for an address, without sending any: MAIL with a null path, RCPT, RSET
    /// (RFC 5321 §4.1.1.5).
    pub async fn probe(&mut self, address: &Mailbox) -> Outcome {
        let lost = || Failure::from(SessionError::Lost { stage: Stage::Mail });
        if !self.wire.session.is_ready() {
            return Err(lost());
        }
        self.transactions += 1;
        self.wire.session.probe(now(), &Recipient::new(address.clone()));
        loop {
            if let Event::Sent(mut outcomes) = self.wire.event().await {
                return outcomes.pop().unwrap_or_else(|| Err(lost()));
            }
        }
    }

    /// Says QUIT and closes, without waiting for the answer; 20 s at most ([`Timeouts::rset`](crate::Timeouts::rset)).
    pub async fn quit(mut self) {
        self.wire.session.quit(now());
        // Nothing depends on it: the connection is closed in any case.
        let _ = timeout(self.target.timeouts.rset, self.wire.close()).await;
    }

    /// How the link is sealed, for the delivery record.
    pub fn link(&self) -> &Link {
        &self.sealed.link
    }

    /// SHA-256 of the server's public key, lower-case hex, as `pin:spki-sha256:` takes it; nothing in clear text.
    pub fn server_key(&self) -> Option<&str> {
        self.sealed.server_key.as_deref()
    }

    /// What the server offers.
    pub fn capabilities(&self) -> &Capabilities {
        self.wire.session.capabilities()
    }

    /// The mechanism that logged us in.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.mechanism
    }

    /// What was said so far, line by line, without secrets and message texts; of a long dialogue the end. Empty unless
    /// [`Target::transcript`].
    pub fn transcript(&self) -> String {
        self.wire.session.transcript()
    }

    /// Where and on which terms.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What a target must have to be served by this connection.
    pub fn reuse_key(&self) -> &ReuseKey {
        &self.key
    }

    /// Whether a refusal means that the server insists on TLS, while it was offered and our terms kept us from it. Then
    /// the remedy is [`Target::tls`], and neither the message nor the server is at fault.
    pub fn wants_tls(&self, failure: &Failure) -> bool {
        let Some(reply) = failure.reply() else { return false };
        let clear = !matches!(self.sealed.link, Link::Tls(_));
        clear && self.capabilities().starttls && asks_for_tls(reply)
    }

    /// Whether another message may be sent on it: open, younger than [`AGE_MAX`], fewer than [`MESSAGES_MAX`] messages,
    /// within the server's own limit (RFC 9422).
    pub fn is_reusable(&self) -> bool {
        self.wire.session.is_ready()
            && self.messages < MESSAGES_MAX
            && now().saturating_duration_since(self.opened) < AGE_MAX
            && !self.is_used_up()
    }

    /// Whether the server has neither spoken nor hung up since its last reply.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.wire.is_silent()
    }

    /// Whether the server's own limit (RFC 9422 `MAILMAX`) is reached.
    fn is_used_up(&self) -> bool {
        self.capabilities().limits.transactions.is_some_and(|max| self.transactions >= max)
    }

    /// One transaction: the outcomes, and whether any of the body was sent.
    async fn transact(&mut self, message: &Message<'_>, source: &dyn BodySource) -> (Vec<Outcome>, bool) {
        self.transactions += 1;
        self.wire.session.send(now(), message);
        let mut body: Option<BodyStream> = None;
        loop {
            if let Some(event) = self.wire.session.poll_event() {
                let Event::Sent(outcomes) = event else { continue };
                return (outcomes, body.is_some());
            }
            if !self.wire.session.wants_body() {
                self.wire.turn().await;
            } else if let Err(error) = self.feed(&mut body, source).await {
                tracing::error!(%error, "a message could not be read to its end");
                self.wire.session.abort_body();
            }
        }
    }

    /// Hands the next part of the body to the session.
    async fn feed(&mut self, body: &mut Option<BodyStream>, source: &dyn BodySource) -> io::Result<()> {
        let stream = match body {
            Some(stream) => stream,
            None => body.insert(source.open().await?),
        };
        match stream.next().await? {
            Some(part) => self.wire.session.body(now(), &part),
            None => self.wire.session.end_body(now()),
        }
        Ok(())
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (endpoint, messages) = (&self.target.endpoint, self.messages);
        f.debug_struct("Connection").field("endpoint", endpoint).field("messages", &messages).finish_non_exhaustive()
    }
}
