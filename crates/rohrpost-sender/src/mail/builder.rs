//! The verbs that make a mail.
//!
//! A verb never fails: what is wrong is noted, and [`Builder::build`] says all of it at once. Files are looked at when
//! the mail is built and read when it is sent.

use jiff::Timestamp;
use rohrpost_mail::{
    BodyKind, Envelope, HeaderText, Notify, Recipient, Ret, ReversePath,
    address_list::{Address, NameAddr},
    compose::{self, ContentType, Disposition, FieldName, Fields, Multipart, Part, Piece, name},
    date,
};

use super::{
    Addresses, Attachment, AutoSubmitted, BuildError, Mail, Unsubscribe, declare_utf8,
    fields::{envelope_id, message_id, written_elsewhere},
    new_message_id,
    source::{Segment, Source},
};

/// A mail that is being made: [`Mail::new`](super::Mail::new).
///
/// Each verb takes what it is about. Addresses and files add up; what can be there once is replaced.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    from: Vec<Address>,
    sender: Vec<Address>,
    reply_to: Vec<Address>,
    to: Vec<Address>,
    cc: Vec<Address>,
    bcc: Vec<Address>,
    subject: Option<HeaderText>,
    date: Option<Timestamp>,
    message_id: Option<HeaderText>,
    in_reply_to: Vec<HeaderText>,
    references: Vec<HeaderText>,
    auto_submitted: Option<AutoSubmitted>,
    unsubscribe: Option<Unsubscribe>,
    fields: Vec<(FieldName, HeaderText)>,
    text: Option<String>,
    html: Option<String>,
    calendar: Option<String>,
    inline: Vec<(HeaderText, Attachment)>,
    attachments: Vec<Attachment>,
    return_path: Option<ReversePath>,
    notify: Notify,
    ret: Option<Ret>,
    envid: Option<String>,
    require_tls: bool,
    faults: Vec<(&'static str, String)>,
}

/// People.
impl Builder {
    /// Who wrote it. The first author is also where notices of failure go, unless [`sender`](Self::sender) or
    /// [`return_path`](Self::return_path) says otherwise. Needed.
    #[must_use]
    pub fn from(mut self, authors: impl Into<Addresses>) -> Self {
        self.from.extend(taken("from", authors.into(), &mut self.faults));
        self
    }

    /// Who sends it on behalf of the authors; needed where there are several (RFC 5322 §3.6.2).
    #[must_use]
    pub fn sender(mut self, sender: impl Into<Addresses>) -> Self {
        self.sender = taken("sender", sender.into(), &mut self.faults);
        self
    }

    /// Where answers go, if not to the authors.
    #[must_use]
    pub fn reply_to(mut self, addresses: impl Into<Addresses>) -> Self {
        self.reply_to.extend(taken("reply_to", addresses.into(), &mut self.faults));
        self
    }

    /// Who gets it.
    #[must_use]
    pub fn to(mut self, recipients: impl Into<Addresses>) -> Self {
        self.to.extend(taken("to", recipients.into(), &mut self.faults));
        self
    }

    /// Who gets a copy.
    #[must_use]
    pub fn cc(mut self, recipients: impl Into<Addresses>) -> Self {
        self.cc.extend(taken("cc", recipients.into(), &mut self.faults));
        self
    }

    /// Who gets a copy without the others seeing it: it is in the envelope only, never in the header.
    #[must_use]
    pub fn bcc(mut self, recipients: impl Into<Addresses>) -> Self {
        self.bcc.extend(taken("bcc", recipients.into(), &mut self.faults));
        self
    }
}

/// What it says.
impl Builder {
    /// The subject.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = checked("subject", HeaderText::new(subject.into()), &mut self.faults);
        self
    }

    /// The text. Beside an [`html`](Self::html) form it is what programs without HTML show. Line ends become CRLF.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// The text as HTML.
    #[must_use]
    pub fn html(mut self, html: impl Into<String>) -> Self {
        self.html = Some(html.into());
        self
    }

    /// A file to be saved.
    #[must_use]
    pub fn attach(mut self, file: impl Into<Attachment>) -> Self {
        self.attachments.push(file.into());
        self
    }

    /// A file that the HTML shows where it says `cid:` and this id: `<img src="cid:logo">` (RFC 2392).
    #[must_use]
    pub fn inline(mut self, cid: &str, file: impl Into<Attachment>) -> Self {
        let clean = |cid: &str| cid.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(&byte));
        let cid = match HeaderText::new(cid) {
            Ok(cid) if (1..=200).contains(&cid.as_str().len()) && clean(cid.as_str()) => Ok(cid),
            _ => Err(format!("{cid:?} is no content id: visible ASCII without angle brackets and quotes is one")),
        };
        self.inline.extend(checked("inline", cid, &mut self.faults).map(|cid| (cid, file.into())));
        self
    }

    /// An invitation, a reply or a cancellation in iCalendar (RFC 5545), shown as such beside the text (RFC 6047). Its
    /// `METHOD` is read out of it.
    #[must_use]
    pub fn calendar(mut self, calendar: impl Into<String>) -> Self {
        self.calendar = Some(calendar.into());
        self
    }
}

/// The rest of the header.
impl Builder {
    /// Another field, such as `X-Customer` or `List-Id`. Fields that a verb of this builder writes are refused.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        let name = match (FieldName::new(name), written_elsewhere(name)) {
            (_, Some(instead)) => Err(format!("{name}: {instead}")),
            (name, None) => name.map_err(|error| error.to_string()),
        };
        let value = HeaderText::new(value.into()).map_err(|error| match &name {
            Ok(name) => format!("{}: {error}", name.as_str()),
            Err(_) => error.to_string(),
        });
        let (name, value) = (checked("header", name, &mut self.faults), checked("header", value, &mut self.faults));
        self.fields.extend(name.zip(value));
        self
    }

    /// The id of the message that this one answers, or several of them.
    #[must_use]
    pub fn in_reply_to(mut self, ids: &str) -> Self {
        let ids =
            ids.split_ascii_whitespace().filter_map(|id| checked("in_reply_to", message_id(id), &mut self.faults));
        self.in_reply_to.extend(ids);
        self
    }

    /// The ids of the conversation, oldest first, as its last message has them. By default those of
    /// [`in_reply_to`](Self::in_reply_to).
    #[must_use]
    pub fn references(mut self, ids: &str) -> Self {
        let ids = ids.split_ascii_whitespace().filter_map(|id| checked("references", message_id(id), &mut self.faults));
        self.references.extend(ids);
        self
    }

    /// How its receivers get off the list.
    #[must_use]
    pub fn list_unsubscribe(mut self, ways: Unsubscribe) -> Self {
        self.unsubscribe = Some(ways);
        self
    }

    /// That a program made it: nobody's holiday notice answers it then.
    #[must_use]
    pub fn auto_submitted(mut self, how: AutoSubmitted) -> Self {
        self.auto_submitted = Some(how);
        self
    }

    /// The date it says; by default the time at which it is built.
    #[must_use]
    pub fn date(mut self, date: Timestamp) -> Self {
        self.date = Some(date);
        self
    }

    /// Its id, with or without angle brackets; by default a new one in the domain of the first author.
    #[must_use]
    pub fn message_id(mut self, id: &str) -> Self {
        self.message_id = checked("message_id", message_id(id), &mut self.faults);
        self
    }
}

/// The envelope. What is not asked for here can be given by hand with [`Mail::addressed`](super::Mail::addressed).
impl Builder {
    /// Where notices of failure go; by default to the sender or the first author. [`ReversePath::Null`]: nowhere.
    #[must_use]
    pub fn return_path(mut self, path: ReversePath) -> Self {
        self.return_path = Some(path);
        self
    }

    /// Which notices are wanted about each recipient (RFC 3461 §4.1); by default failure and delay.
    #[must_use]
    pub fn notify(mut self, notify: Notify) -> Self {
        self.notify = notify;
        self
    }

    /// How much of the message a notice returns (RFC 3461 §4.3); by default that is up to the server.
    #[must_use]
    pub fn ret(mut self, ret: Ret) -> Self {
        self.ret = Some(ret);
        self
    }

    /// An id of yours that notices mention (RFC 3461 §4.4): at most 100 characters of ASCII.
    #[must_use]
    pub fn envid(mut self, id: impl Into<String>) -> Self {
        self.envid = checked("envid", envelope_id(id.into()), &mut self.faults);
        self
    }

    /// That every hop must use TLS and know whom it talks to, or return the mail (RFC 8689).
    #[must_use]
    pub fn require_tls(mut self) -> Self {
        self.require_tls = true;
        self
    }
}

impl Builder {
    /// The mail.
    ///
    /// # Errors
    /// Everything that was given wrongly, is missing, or cannot be read.
    pub fn build(mut self) -> Result<Mail, BuildError> {
        let mut faults = std::mem::take(&mut self.faults);
        faults.extend(self.gaps(&faults));
        let unsubscribe = self.unsubscribe.as_ref().map(Unsubscribe::tokens).transpose();
        let unsubscribe = checked("list_unsubscribe", unsubscribe, &mut faults).flatten().unwrap_or_default();
        let (reverse_path, recipients) = (self.reverse_path(), self.recipients());
        let id = self.message_id.take().or_else(|| self.from.first().and_then(own_message_id));
        let body = self.body(&mut faults);
        let (Some(id), Some(body), true) = (id, body, faults.is_empty()) else {
            return Err(BuildError { faults });
        };
        let fields = self.header_fields(&id, &unsubscribe);
        let shown = self.written().any(|single| single.mailbox.needs_smtputf8());
        let mut envelope = Envelope {
            reverse_path,
            envid: self.envid,
            ret: self.ret,
            // The body is in seven bits in any case; a header with such addresses is not.
            body: if fields.as_str().is_ascii() { BodyKind::SevenBit } else { BodyKind::EightBitMime },
            smtputf8: shown,
            require_tls: self.require_tls,
            hold_until: None,
        };
        declare_utf8(&mut envelope, &recipients);
        let segments = compose::pieces(&fields, body).into_iter().map(|piece| match piece {
            Piece::Written(octets) => Segment::Written(octets.into()),
            Piece::Base64(source) => Segment::Base64(source),
        });
        Ok(Mail::from_segments(envelope, recipients, Some(&id), segments.collect()))
    }

    /// What is missing, or does not go together. A verb that was told something wrong is not missing, too.
    fn gaps(&self, faults: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
        let told = |verb: &str| faults.iter().any(|(known, _)| *known == verb);
        let is_group = |address: &Address| matches!(address, Address::Group { .. });
        let no_recipient = self.recipients().is_empty() && !["to", "cc", "bcc"].into_iter().any(told);
        let gaps = [
            (self.from.is_empty() && !told("from"), "from", "nobody is named as the author"),
            (self.from.iter().any(is_group), "from", "a group cannot write a mail"),
            (self.sender.len() > 1 || self.sender.iter().any(is_group), "sender", "one address sends it"),
            (
                self.from.len() > 1 && self.sender.is_empty() && !told("sender"),
                "sender",
                "a mail of several authors needs one (RFC 5322 §3.6.2)",
            ),
            (no_recipient, "to", "there is no recipient"),
            (!self.inline.is_empty() && self.html.is_none(), "inline", "there is no HTML that could show it"),
        ];
        gaps.into_iter().filter(|(is, ..)| *is).map(|(_, verb, reason)| (verb, reason.to_owned())).collect()
    }

    fn reverse_path(&self) -> ReversePath {
        let author = self.sender.first().or(self.from.first()).and_then(|address| address.members().first());
        match (&self.return_path, self.auto_submitted) {
            (Some(path), _) => path.clone(),
            // RFC 3834 §3.3: an answer to an answer must not be answered.
            (None, Some(AutoSubmitted::Replied)) => ReversePath::Null,
            (None, _) => author.map_or(ReversePath::Null, |author| ReversePath::Mailbox(author.mailbox.clone())),
        }
    }

    /// Everybody once, in order.
    fn recipients(&self) -> Vec<Recipient> {
        let mut known = std::collections::HashSet::new();
        let all = [&self.to, &self.cc, &self.bcc].into_iter().flatten().flat_map(Address::members);
        let once = all.map(|single| &single.mailbox).filter(|mailbox| known.insert(*mailbox));
        once.map(|mailbox| Recipient { notify: self.notify, ..Recipient::new(mailbox.clone()) }).collect()
    }

    /// The addresses that the header shows.
    fn written(&self) -> impl Iterator<Item = &NameAddr> {
        [&self.from, &self.sender, &self.reply_to, &self.to, &self.cc].into_iter().flatten().flat_map(Address::members)
    }

    fn header_fields(&self, id: &HeaderText, unsubscribe: &[HeaderText]) -> Fields {
        let plain = |text: String| HeaderText::new(text).expect("dates and our own words hold no control characters");
        let mut fields = Fields::default();
        let no_one = [Address::Group { name: plain("undisclosed-recipients".to_owned()), members: Vec::new() }];
        let to: &[Address] = if self.to.is_empty() && self.cc.is_empty() { &no_one[..] } else { &self.to };
        let lists = [
            (&name::FROM, &*self.from),
            (&name::SENDER, &*self.sender),
            (&name::REPLY_TO, &*self.reply_to),
            (&name::TO, to),
            (&name::CC, &*self.cc),
        ];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            fields.addresses(name, list);
        }
        if let Some(subject) = &self.subject {
            fields.text(&name::SUBJECT, subject);
        }
        fields.tokens(&name::DATE, [&plain(date::rfc5322(self.date.unwrap_or_else(Timestamp::now)))]);
        fields.tokens(&name::MESSAGE_ID, [id]);
        let references = if self.references.is_empty() { &self.in_reply_to } else { &self.references };
        for (name, ids) in [(&name::IN_REPLY_TO, &self.in_reply_to), (&name::REFERENCES, references)] {
            if !ids.is_empty() {
                fields.tokens(name, ids);
            }
        }
        self.machine_fields(&mut fields, unsubscribe);
        for (name, value) in &self.fields {
            fields.text(name, value);
        }
        fields
    }

    /// What programs read.
    fn machine_fields(&self, fields: &mut Fields, unsubscribe: &[HeaderText]) {
        let plain = |text: &str| HeaderText::new(text).expect("our own words hold no control characters");
        if let Some(how) = self.auto_submitted {
            fields.tokens(&name::AUTO_SUBMITTED, [&plain(how.as_str())]);
        }
        if !unsubscribe.is_empty() {
            fields.tokens(&name::LIST_UNSUBSCRIBE, unsubscribe);
        }
        if self.unsubscribe.as_ref().is_some_and(Unsubscribe::is_one_click) {
            fields.tokens(&name::LIST_UNSUBSCRIBE_POST, [&plain("List-Unsubscribe=One-Click")]);
        }
    }

    /// Alternative inside related inside mixed, each only where it has more than one part.
    fn body(&mut self, faults: &mut Vec<(&'static str, String)>) -> Option<Part<Source>> {
        let calendar = checked("calendar", self.calendar.take().map(invitation).transpose(), faults);
        let mut forms: Vec<_> = self.text.take().map(Part::plain).into_iter().collect();
        forms.extend(self.html.take().map(Part::html));
        forms.extend(calendar.flatten());
        let is_bare = forms.is_empty() && self.attachments.is_empty() && self.inline.is_empty();
        if is_bare {
            forms.push(Part::plain(""));
        }
        let mut related = Vec::new();
        if !forms.is_empty() {
            related.push(Part::several(Multipart::Alternative, forms));
        }
        for (cid, file) in &self.inline {
            related.extend(checked("inline", file.part(Disposition::Inline(cid.clone())), faults));
        }
        let mut mixed = Vec::new();
        if !related.is_empty() {
            mixed.push(Part::several(Multipart::Related, related));
        }
        for file in &self.attachments {
            mixed.extend(checked("attach", file.part(Disposition::Attachment), faults));
        }
        (!mixed.is_empty()).then(|| Part::several(Multipart::Mixed, mixed))
    }
}

/// The addresses; what is wrong with them goes to the faults of the verb.
fn taken(verb: &'static str, addresses: Addresses, faults: &mut Vec<(&'static str, String)>) -> Vec<Address> {
    faults.extend(addresses.faults.into_iter().map(|reason| (verb, reason)));
    addresses.list
}

/// The value; what is wrong with it goes to the faults of the verb.
fn checked<T, E: ToString>(
    verb: &'static str,
    value: Result<T, E>,
    faults: &mut Vec<(&'static str, String)>,
) -> Option<T> {
    value.map_err(|error| faults.push((verb, error.to_string()))).ok()
}

fn own_message_id(author: &Address) -> Option<HeaderText> {
    Some(new_message_id(&author.members().first()?.mailbox.domain))
}

/// RFC 6047 §2.4: the type repeats the method of the calendar, and must not differ from it.
fn invitation(text: String) -> Result<Part<Source>, String> {
    let method = text.lines().find_map(|line| {
        let (name, value) = line.trim_end().split_once(':')?;
        name.eq_ignore_ascii_case("METHOD").then(|| value.to_owned())
    });
    let method = match method {
        Some(method)
            if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') =>
        {
            return Err(format!("{method:?} is no METHOD of a calendar"));
        }
        Some(method) => format!("; method={method}"),
        None => String::new(),
    };
    let content_type = ContentType::new(&format!("text/calendar; charset=utf-8{method}"));
    Ok(Part::Text { content_type: content_type.map_err(|error| error.to_string())?, text })
}
