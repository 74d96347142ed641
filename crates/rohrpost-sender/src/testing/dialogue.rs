//! One connection of the test server.

use std::{io, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use rohrpost_client::AnyStream;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::{Fault, Received, Shared, Stage, Tls};

/// What became of a stage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// The good reply was given.
    Done,
    /// Another reply was given.
    Refused,
    /// The connection ends.
    End,
}

pub(super) struct Dialogue {
    shared: Arc<Shared>,
    stream: BufReader<AnyStream>,
    in_tls: bool,
    /// It speaks LMTP: each recipient has a reply to the message (RFC 2033 §4.2).
    is_lmtp: bool,
    user: Option<String>,
    /// The message that MAIL began.
    message: Option<Received>,
}

impl Dialogue {
    pub(super) fn new(shared: Arc<Shared>, stream: AnyStream) -> Self {
        Self { shared, stream: BufReader::new(stream), in_tls: false, is_lmtp: false, user: None, message: None }
    }

    pub(super) async fn run(mut self) -> io::Result<()> {
        if self.shared.plan.tls == Tls::Implicit {
            self = self.secured().await?;
        }
        let mut step = self.answer(Stage::Greeting, "220 localhost ESMTP").await?;
        while step != Step::End {
            let Some(line) = self.line().await? else { break };
            let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
            step = match verb.to_ascii_uppercase().as_str() {
                "STARTTLS" => {
                    let step = self.answer(Stage::Starttls, "220 2.0.0 Go ahead").await?;
                    if step == Step::Done {
                        self = self.secured().await?;
                    }
                    step
                }
                verb => self.command(verb, argument).await?,
            };
        }
        self.stream.shutdown().await
    }

    async fn command(&mut self, verb: &str, argument: &str) -> io::Result<Step> {
        let plan = &self.shared.plan;
        let needs_tls = plan.tls == Tls::Required && !self.in_tls;
        let needs_login = plan.login.is_some() && self.user.is_none();
        match verb {
            "EHLO" | "LHLO" => {
                self.is_lmtp = verb == "LHLO";
                let listed = self.listed();
                self.answer(Stage::Ehlo, &listed).await
            }
            "QUIT" => {
                self.say("221 2.0.0 Bye").await?;
                Ok(Step::End)
            }
            "RSET" => {
                self.message = None;
                self.reply("250 2.0.0 OK").await
            }
            "NOOP" => self.reply("250 2.0.0 OK").await,
            _ if needs_tls => self.reply("530 5.7.0 Must issue a STARTTLS command first").await,
            "AUTH" => self.auth(argument).await,
            _ if needs_login => self.reply("530 5.7.0 Authentication required").await,
            "MAIL" => self.mail(argument).await,
            "RCPT" => self.rcpt(argument).await,
            "DATA" => self.data().await,
            _ => self.reply("502 5.5.1 Not here").await,
        }
    }

    async fn auth(&mut self, argument: &str) -> io::Result<Step> {
        let mut words = argument.split(' ');
        let mechanism = words.next().unwrap_or_default().to_owned();
        let response = if let Some(response) = words.next() {
            response.to_owned()
        } else {
            self.say("334 ").await?;
            self.line().await?.unwrap_or_default()
        };
        let shared = Arc::clone(&self.shared);
        let Some((user, password)) = &shared.plan.login else { return self.reply("503 5.5.1 No log-in here").await };
        let expected = BASE64.encode(format!("\0{user}\0{}", password.expose()));
        if !mechanism.eq_ignore_ascii_case("PLAIN") || response != expected {
            self.say("535 5.7.8 Wrong user or password").await?;
            return Ok(Step::Refused);
        }
        let step = self.answer(Stage::Auth, "235 2.7.0 Welcome").await?;
        if step == Step::Done {
            self.user = Some(user.clone());
        }
        Ok(step)
    }

    async fn mail(&mut self, argument: &str) -> io::Result<Step> {
        let step = self.answer(Stage::Mail, "250 2.1.0 OK").await?;
        self.message = (step == Step::Done).then(|| {
            let (reverse_path, parameters) = path(argument);
            let (tls, user) = (self.in_tls, self.user.clone());
            Received { reverse_path, parameters, recipients: Vec::new(), body: Vec::new(), tls, user }
        });
        Ok(step)
    }

    async fn rcpt(&mut self, argument: &str) -> io::Result<Step> {
        if self.message.is_none() {
            return self.reply("503 5.5.1 MAIL first").await;
        }
        let (path, _) = path(argument);
        let shared = Arc::clone(&self.shared);
        let refused = shared.plan.refused.iter().find(|(recipient, _)| recipient.eq_ignore_ascii_case(&path));
        if let Some((_, reply)) = refused {
            return self.reply(reply).await;
        }
        let step = self.answer(Stage::Rcpt, "250 2.1.5 OK").await?;
        if let Some(message) = self.message.as_mut().filter(|_| step == Step::Done) {
            message.recipients.push(path);
        }
        Ok(step)
    }

    async fn data(&mut self) -> io::Result<Step> {
        let Some(message) = self.message.take().filter(|message| !message.recipients.is_empty()) else {
            return self.reply("503 5.5.1 No recipients").await;
        };
        let step = self.answer(Stage::Data, "354 Go ahead").await?;
        if step != Step::Done {
            return Ok(step);
        }
        let Some(body) = self.body().await? else { return Ok(Step::End) };
        let replies = if self.is_lmtp { message.recipients.len() } else { 1 };
        let fault = self.shared.fault_at(Stage::Dot);
        // Who sees the good reply finds the message.
        if fault.is_none() {
            self.shared.keep(Received { body, ..message })?;
        }
        let mut step = Step::Done;
        for _ in 0..replies {
            step = self.carry_out(fault.clone(), "250 2.0.0 Taken").await?;
        }
        Ok(step)
    }

    /// The message up to its final dot; nothing when the client hangs up before.
    async fn body(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(None);
            }
            if line == b".\r\n" {
                return Ok(Some(body));
            }
            body.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    /// What EHLO lists here and now.
    fn listed(&self) -> String {
        let plan = &self.shared.plan;
        let mut lines = vec!["localhost".to_owned()];
        lines.extend(plan.keywords.iter().cloned());
        if !self.in_tls && matches!(plan.tls, Tls::Offered | Tls::Required) {
            lines.push("STARTTLS".to_owned());
        }
        if plan.login.is_some() && (self.in_tls || plan.tls != Tls::Required) {
            lines.push("AUTH PLAIN".to_owned());
        }
        let last = lines.len() - 1;
        let mark = |place| if place == last { ' ' } else { '-' };
        let lines = lines.iter().enumerate().map(|(place, line)| format!("250{}{line}", mark(place)));
        lines.collect::<Vec<_>>().join("\r\n")
    }

    /// The reply of a stage, unless something goes wrong there.
    async fn answer(&mut self, stage: Stage, good: &str) -> io::Result<Step> {
        let fault = self.shared.fault_at(stage);
        self.carry_out(fault, good).await
    }

    async fn carry_out(&mut self, fault: Option<Fault>, good: &str) -> io::Result<Step> {
        match fault {
            None => {
                self.say(good).await?;
                Ok(Step::Done)
            }
            Some(Fault::Reply(reply)) => self.reply(&reply).await,
            Some(Fault::Drop) => Ok(Step::End),
            Some(Fault::Stall) => std::future::pending().await,
            Some(Fault::Garbage) => self.reply("\u{1}\u{2}\u{3} garbage").await,
        }
    }

    /// A reply that is not the good one of its stage.
    async fn reply(&mut self, reply: &str) -> io::Result<Step> {
        self.say(reply).await?;
        Ok(if reply.starts_with("421") { Step::End } else { Step::Refused })
    }

    async fn say(&mut self, reply: &str) -> io::Result<()> {
        self.stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    /// A line without its end; nothing when the client has hung up.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let count = self.stream.read_until(b'\n', &mut line).await?;
        Ok((count > 0).then(|| String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    async fn secured(self) -> io::Result<Self> {
        let Self { shared, stream, .. } = self;
        let accepting = shared.tls.accept(stream.into_inner());
        let (stream, ..) = accepting.await.map_err(io::Error::other)?;
        Ok(Self { in_tls: true, ..Self::new(shared, Box::new(stream)) })
    }
}

/// The path of `FROM:<…> …` without brackets, and what follows it.
fn path(argument: &str) -> (String, String) {
    let inner = argument.split_once('<').map_or("", |(_, rest)| rest);
    let (path, rest) = inner.split_once('>').unwrap_or((inner, ""));
    (path.to_owned(), rest.trim().to_owned())
}
