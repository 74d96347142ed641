//! The Rohrpost server of this host as a way out: it has a queue, so that nothing is lost while other servers are down.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rohrpost_client::BoxFuture;
use rohrpost_mail::{Recipient, Reply};
use rohrpost_smtp::reply::Parser;
use rohrpost_submit::{
    Accepted, DEFAULT_DROP_DIR, DEFAULT_SOCKET, Mode, Options, Submission, SubmitAnswer, To, drop as leave, submit,
};

use crate::{
    error::{Cause, Class, Error},
    mail::Mail,
    receipt::{Note, Outcome, Receipt},
    transport::Transport,
};

/// The Rohrpost server of this host.
///
/// It takes mail without a password: the kernel tells it who hands it in. When it says yes, the message is on its disk, and from
/// then on it is the server's business to try, to try again, and to tell the sender of what cannot be delivered. So the receipt
/// says [`Outcome::Queued`], and a note has the name under which `rohrpost trace` shows the message's further way.
///
/// While the server is down the message is left in its drop directory, on disk too. A message that went both ways, since the
/// server fell silent behind it, is stored once.
///
/// ```no_run
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use rohrpost_sender::{LocalServer, Mail, Transport};
///
/// let mail = Mail::new().from("anna@firma.example").to("bob@kunde.example").subject("Hi").text("Hi Bob").build()?;
/// let receipt = LocalServer::new().send(&mail).await?;
/// assert!(receipt.queued);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalServer {
    socket: PathBuf,
    drop_dir: PathBuf,
}

impl Default for LocalServer {
    fn default() -> Self {
        Self::new()
    }
}

impl LocalServer {
    /// With socket and drop directory in their usual places.
    pub fn new() -> Self {
        Self { socket: DEFAULT_SOCKET.into(), drop_dir: DEFAULT_DROP_DIR.into() }
    }

    /// At another socket.
    #[must_use]
    pub fn socket(mut self, socket: impl Into<PathBuf>) -> Self {
        self.socket = socket.into();
        self
    }

    /// With another drop directory.
    #[must_use]
    pub fn drop_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.drop_dir = directory.into();
        self
    }

    /// Hands a message over. It blocks.
    pub(crate) fn hand_over(&self, mail: &Mail) -> Result<Receipt, Error> {
        let submission = Submission::new(mail.into());
        match submit(&self.socket, &submission, mail.reader()) {
            SubmitAnswer::Accepted(accepted) => Ok(taken(mail, &self.socket, accepted)),
            SubmitAnswer::Refused(refused) => Err(not_taken(mail, Cause::Handed(refused))),
            SubmitAnswer::Unreadable(error) => Err(not_taken(mail, Cause::Unreadable(Arc::new(error)))),
            SubmitAnswer::Unreachable(error) => match leave(&self.drop_dir, &submission, mail.reader()) {
                Ok(()) => Ok(left(mail, &self.drop_dir)),
                Err(dropped) => {
                    let (socket, error, dropped) = (self.socket.clone(), Arc::new(error), dropped.to_string());
                    Err(not_taken(mail, Cause::Unattended { socket, error, dropped }))
                }
            },
        }
    }
}

impl Transport for LocalServer {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<Receipt, Error>> {
        let (server, handed) = (self.clone(), mail.clone());
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || server.hand_over(&handed)).await;
            let ended = |_| Err(not_taken(mail, Cause::Unreadable(Arc::new(io::ErrorKind::Interrupted.into()))));
            done.unwrap_or_else(ended)
        })
    }
}

/// What is asked of the server of this host for a mail: to send it as soon as it is stored.
impl From<&Mail> for Options {
    fn from(mail: &Mail) -> Self {
        let to = |to: &Recipient| To { address: to.address.to_string(), notify: to.notify, orcpt: to.orcpt.clone() };
        let recipients = mail.recipients().iter().map(to).collect();
        Self { envelope: mail.envelope().clone(), recipients, mode: Mode::Background }
    }
}

fn taken(mail: &Mail, socket: &Path, accepted: Accepted) -> Receipt {
    let Accepted { ids, refused } = accepted;
    let mut receipt = Receipt::queued(mail, socket.display().to_string());
    for (to, outcome) in &mut receipt.recipients {
        let (address, is_refused) = (to.to_string(), refused.iter());
        if let Some(refused) = is_refused.into_iter().find(|refused| refused.address == address) {
            *outcome = said(&refused.text);
        }
    }
    receipt.notes.extend(ids.into_iter().map(|id| Note::Waits { id }));
    receipt
}

fn left(mail: &Mail, drop_dir: &Path) -> Receipt {
    let mut receipt = Receipt::queued(mail, drop_dir.display().to_string());
    receipt.notes.push(Note::Left { directory: drop_dir.to_owned() });
    receipt
}

/// A refusal as the server words it: a reply in one line.
fn said(text: &str) -> Outcome {
    let mut parser = Parser::default();
    parser.push(format!("{text}\r\n").as_bytes());
    match parser.next_reply() {
        Ok(Some(reply)) if reply.code >= 400 => refused(reply),
        _ => Outcome::NotSent { reason: text.to_owned(), temporary: false },
    }
}

fn refused(reply: Reply) -> Outcome {
    if reply.is_permanent() { Outcome::Refused(reply) } else { Outcome::Deferred(reply) }
}

/// Nobody gets it, or nobody knows, for one reason.
fn not_taken(mail: &Mail, cause: Cause) -> Error {
    let outcome = match cause.class() {
        Class::Unknown => Outcome::Unknown,
        class => Outcome::NotSent { reason: cause.to_string(), temporary: class == Class::Temporary },
    };
    Error::without_attempt(cause, mail.recipients().iter().map(|to| (to.address.clone(), outcome.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn mail() -> Mail {
        Mail::new().from("anna@firma.test").to("bob@kunde.test").text("Hi").build().unwrap()
    }

    #[tokio::test]
    async fn where_no_server_ever_ran_nothing_is_sent_and_the_hint_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let server = LocalServer::new().socket(dir.path().join("submit.sock")).drop_dir(dir.path().join("drop"));
        let error = server.send(&mail()).await.unwrap_err();
        assert_eq!((error.kind(), error.sysexit(), error.is_temporary()), (Kind::Connect, 75, true), "{error}");
        assert!(error.hint().unwrap().contains("rohrpost serve"), "{error}");
        assert!(matches!(error.recipients()[0].1, Outcome::NotSent { temporary: true, .. }), "{error:?}");
    }

    #[test]
    fn while_the_server_is_down_the_message_waits_in_its_drop_directory() {
        let dir = tempfile::tempdir().unwrap();
        let server = LocalServer::new().socket(dir.path().join("submit.sock")).drop_dir(dir.path());
        let receipt = server.hand_over(&mail()).unwrap();
        assert!(receipt.queued && matches!(receipt.notes[..], [Note::Left { .. }]), "{receipt:?}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_recipient_that_is_refused_has_the_servers_reply() {
        let refused = rohrpost_submit::RefusedRecipient {
            address: "bob@kunde.test".to_owned(),
            sysexit: 67,
            text: "550 5.1.1 nobody here".to_owned(),
        };
        let receipt = taken(&mail(), "/run/x".as_ref(), Accepted { ids: Vec::new(), refused: vec![refused] });
        assert_eq!(receipt.recipients[0].1, Outcome::Refused(Reply::with(550, 1, 1, "nobody here")));
        let plain = said("no alias for it");
        assert!(matches!(plain, Outcome::NotSent { temporary: false, .. }), "{plain:?}");
    }
}
