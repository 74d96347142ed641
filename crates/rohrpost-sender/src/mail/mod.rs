//! Mails: made by a builder, read from a file, filled from a template, or given as they are.
//!
//! | what you have | how it becomes a [`Mail`] |
//! |---|---|
//! | words, addresses, files | [`Mail::new`] and the verbs of [`Builder`] |
//! | a text with places to fill, and rows of data | [`Template::merge`]: one mail for each row |
//! | a file of a mail program (`.eml`) | [`Mail::from_eml`]: its header says who gets it |
//! | a message and an envelope | [`Mail::raw`] |
//!
//! A mail is finished: who gets it is fixed, its octets and their number are known, and it can be sent any number of
//! times. What it is made of may still lie on the disk: a [`Source`] is opened when it is sent, and a message with a
//! gigabyte of attachments takes no more memory than one without.
//!
//! What is wrong is found before anything is sent, and all at once: a [`BuildError`] lists each fault with the verb that
//! was given it. No word, wherever it comes from, can add a field, a recipient or a part: addresses, names, texts of the
//! header and ids are types that cannot hold a line break, and each verb takes what it says and nothing else.
//!
//! ```
//! use rohrpost_sender::Mail;
//!
//! let file = "From: anna@firma.example\r\nTo: bob@kunde.example\r\nBcc: archive@firma.example\r\n\r\nHi\r\n";
//! let mail = Mail::from_eml(file)?;
//! assert_eq!(mail.recipients().len(), 2);
//! assert!(!std::io::read_to_string(mail.reader())?.contains("Bcc"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod addresses;
mod attachment;
mod builder;
mod eml;
mod fault;
mod fields;
mod limits;
mod notices;
mod source;
mod template;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use rohrpost_client::BodySource;
use rohrpost_mail::{BodyKind, Envelope, HeaderText, Host, Mailbox, Recipient, header};
use rohrpost_tls::crypto;

pub use rohrpost_mail::address_list::{Address, NameAddr};

pub use addresses::Addresses;
pub use attachment::Attachment;
pub use builder::Builder;
pub use fault::BuildError;
pub use fields::{AutoSubmitted, Unsubscribe};
pub use notices::Notices;
pub use source::{MailReader, Source};
pub use template::{AddressTemplate, Merge, RowError, Template};

use source::Segment;

/// A finished mail. Cloning it is cheap.
///
/// ```
/// use rohrpost_sender::Mail;
///
/// let mail = Mail::new()
///     .from(("Anna", "anna@firma.example"))
///     .to(["bob@kunde.example", "Müller, Cy <cy@kunde.example>"])
///     .subject("Rechnung 4711");
/// let error = mail.build().unwrap_err().to_string();
/// assert!(error.ends_with(r#"a name with a comma in it stands in quotes: "Müller, Cy" <cy@kunde.example>"#));
///
/// let mail = Mail::new()
///     .from(("Anna", "anna@firma.example"))
///     .to([("Bob", "bob@kunde.example"), ("Müller, Cy", "cy@kunde.example")])
///     .bcc("archive@firma.example")
///     .subject("Rechnung 4711")
///     .text("Im Anhang.")
///     .html("<p>Im Anhang.</p>")
///     .attach("README.md")
///     .build()?;
/// assert_eq!(mail.recipients().len(), 3);
/// let written = std::io::read_to_string(mail.reader())?;
/// assert!(!written.contains("archive"));
/// assert_eq!(mail.octets(), written.len() as u64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// | what | where |
/// |---|---|
/// | `multipart/alternative` | `text` beside `html` or `calendar` |
/// | `multipart/related` around it | with `inline` |
/// | `multipart/mixed` around that | with `attach` |
/// | 7bit, quoted-printable or base64 | texts: what their content needs, whichever is shorter. Files: base64 |
/// | SMTPUTF8 (RFC 6531) | where an address is not ASCII before its `@`, and only there |
/// | Date, Message-ID, MIME-Version | always |
/// | Bcc | in the envelope only |
#[derive(Clone)]
pub struct Mail {
    envelope: Envelope,
    recipients: Arc<[Recipient]>,
    message_id: Arc<str>,
    segments: Arc<[Segment]>,
    octets: u64,
}

impl Mail {
    /// Starts to make a mail.
    #[expect(
        clippy::new_ret_no_self,
        reason = "`Mail::new().from(…)` reads as what it does; a mail is never half made"
    )]
    pub fn new() -> Builder {
        Builder::default()
    }

    /// A message as it is, with an envelope as it is. Nothing in it is looked at or changed, but what cannot be sent
    /// otherwise is declared: SMTPUTF8 for addresses that need it, 8BITMIME for octets at hand that are not ASCII.
    pub fn raw(mut envelope: Envelope, recipients: Vec<Recipient>, message: impl Into<Source>) -> Self {
        let source = message.into();
        declare_utf8(&mut envelope, &recipients);
        let segment = match source.at_hand() {
            Some(octets) => {
                if !octets.is_ascii() {
                    envelope.body = BodyKind::EightBitMime;
                }
                Segment::Written(octets.clone())
            }
            None => Segment::Whole(source),
        };
        let id = match &segment {
            Segment::Written(octets) => header::value(header::split(octets).0, "Message-ID"),
            _ => None,
        };
        let id = id.and_then(|id| fields::message_id(&id).ok());
        Self::from_segments(envelope, recipients, id.as_ref(), vec![segment])
    }

    /// Reads a message from a file in the format of RFC 5322 (`.eml`). Its header says who sends it and who gets it; Bcc
    /// is dropped after that. A missing date or id is added, line ends become CRLF, all else stays as it is.
    ///
    /// # Errors
    /// There is no author or no recipient, or one of the addresses is none. A NUL stands in it, or in its header a CR
    /// without its LF.
    pub fn from_eml(message: impl Into<Bytes>) -> Result<Self, BuildError> {
        Self::from_eml_as(message, None, Vec::new())
    }

    /// The same, but sent by `from` if that is given, and to `to` alone if that names anybody, whatever the header says.
    ///
    /// # Errors
    /// As [`Mail::from_eml`]; what is given here may be missing there.
    pub fn from_eml_as(
        message: impl Into<Bytes>,
        from: Option<Mailbox>,
        to: Vec<Recipient>,
    ) -> Result<Self, BuildError> {
        eml::read(message.into(), from, to)
    }

    /// The same message with another envelope.
    #[must_use]
    pub fn addressed(self, mut envelope: Envelope, recipients: Vec<Recipient>) -> Self {
        declare_utf8(&mut envelope, &recipients);
        envelope.smtputf8 |= self.envelope.smtputf8;
        if self.envelope.body == BodyKind::EightBitMime {
            envelope.body = BodyKind::EightBitMime;
        }
        Self { envelope, recipients: recipients.into(), ..self }
    }

    /// From whom, and how.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// To whom, everybody once.
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// Its id, without angle brackets; empty where a raw message has none or is not at hand.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// Octets of the whole message, header included: what SIZE announces (RFC 1870).
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// The message as the client sends it.
    pub fn source(&self) -> &dyn BodySource {
        self
    }

    /// Reads the message, header included, from the front. It blocks while files are read.
    pub fn reader(&self) -> MailReader {
        MailReader::new(&self.segments)
    }

    /// The same mail with these fields above its header.
    pub(crate) fn below(&self, fields: Bytes) -> Self {
        let octets = self.octets + fields.len() as u64;
        let segments = std::iter::once(Segment::Written(fields)).chain(self.segments.iter().cloned()).collect();
        Self { segments, octets, ..self.clone() }
    }

    fn from_segments(
        envelope: Envelope,
        recipients: Vec<Recipient>,
        id: Option<&HeaderText>,
        segments: Vec<Segment>,
    ) -> Self {
        let id = id.map_or("", |id| id.as_str().trim_matches(['<', '>']));
        let octets = segments.iter().map(Segment::octets).sum();
        Self { envelope, recipients: recipients.into(), message_id: id.into(), segments: segments.into(), octets }
    }
}

/// Without its text, so that no log shows what people write to one another.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { envelope, recipients, message_id, segments: _, octets } = self;
        let mut shown = f.debug_struct("Mail");
        shown.field("message_id", message_id).field("envelope", envelope).field("recipients", recipients);
        shown.field("octets", octets).finish_non_exhaustive()
    }
}

/// Says SMTPUTF8 where an address of the envelope needs it.
fn declare_utf8(envelope: &mut Envelope, recipients: &[Recipient]) {
    let mut mailboxes = recipients.iter().map(|to| &to.address).chain(envelope.reverse_path.mailbox());
    envelope.smtputf8 |= mailboxes.any(Mailbox::needs_smtputf8);
}

/// A word that nobody else makes: 128 random bits.
pub(crate) fn random_name() -> String {
    format!("{:032x}", u128::from_be_bytes(crypto::random()))
}

/// A new id, which nobody else makes and which tells nothing, in the author's domain.
fn new_message_id(domain: &Host) -> HeaderText {
    HeaderText::new(format!("<{}@{domain}>", random_name())).expect("digits and domains hold no control characters")
}

#[cfg(test)]
mod tests;
