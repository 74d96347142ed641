//! Traces, bodies and mailboxes.

use rohrpost_mail::{Mailbox, QueueId, header};
use rohrpost_store::{
    BodyRef, Find,
    mailbox::{FetchPage, FetchedMail, Parts},
};

use super::Operator;
use crate::control::{Answer, BodyOf, MailRow, PAGE_ROWS, PIECE_BYTES, Piece, Refusal, RefusalKind, Trace};

impl Operator {
    pub(super) async fn trace(&self, query: &str, limit: usize) -> Result<Answer, Refusal> {
        for find in readings(query)? {
            let ids = self.store.find_messages(find, limit.min(PAGE_ROWS)).await?;
            if !ids.is_empty() {
                let mut traces = Vec::with_capacity(ids.len());
                for id in ids {
                    traces.push(self.trace_of(id).await?);
                }
                return Ok(Answer::Traces(traces));
            }
        }
        Err(Refusal::missing(format!("nothing is known of {query}")))
    }

    /// Every hop of one message.
    pub(crate) async fn trace_of(&self, id: QueueId) -> Result<Trace, Refusal> {
        let message = self.store.message(id).await?;
        let records = self.store.records_of(id).await?;
        let waiting = self.rows_of(id).await?;
        let (sender, message_id) = match message {
            Some(message) => (Some(message.envelope.reverse_path), message.message_id),
            None => (None, None),
        };
        Ok(Trace { id, sender, message_id, records, waiting })
    }

    pub(super) async fn body(&self, of: BodyOf, from: u64) -> Result<Answer, Refusal> {
        let body = match of {
            BodyOf::Queued(id) => self.store.message(id).await?.map(|message| message.body),
            BodyOf::Filed { account, folder, id } => self.filed(&account.key(), &folder, id).await?,
            BodyOf::Mail { account, mailbox, uid } => self.mail_body(&account, &mailbox, uid).await?,
        };
        let body = body.ok_or_else(|| Refusal::missing("there is no such message"))?;
        let bytes = self.piece(&body, from).await?;
        Ok(Answer::Piece(Piece { octets: body.octets(), bytes }))
    }

    /// The body of a message in a mailbox, by the queue id it had.
    async fn filed(&self, login: &str, folder: &str, id: QueueId) -> Result<Option<BodyRef>, Refusal> {
        let mut from = Some(1);
        while let Some(uid) = from {
            let page = self.page(login, folder, uid).await?;
            if let Some(found) = page.mails.into_iter().find(|mail| mail.message == Some(id)) {
                return Ok(Some(found.body));
            }
            from = page.next;
        }
        Ok(None)
    }

    /// A page of a mailbox, from a UID on; empty where there is no such mailbox.
    async fn page(&self, login: &str, folder: &str, from: u32) -> Result<FetchPage, Refusal> {
        let Some(mailbox) = self.store.mailbox(login, folder).await? else {
            return Ok(FetchPage { mails: Vec::new(), next: None });
        };
        Ok(self.store.mailbox_fetch(mailbox.id, &[from..=u32::MAX], Parts::NONE, PAGE_ROWS).await?)
    }

    /// At most [`PIECE_BYTES`] of a body.
    async fn piece(&self, body: &BodyRef, from: u64) -> Result<Vec<u8>, Refusal> {
        let mut reader = self.store.open_body(body).await?;
        let mut skip = usize::try_from(from).map_err(|_| Refusal::new(RefusalKind::Wrong, "that is beyond the end"))?;
        let mut piece = Vec::new();
        while let Some(chunk) = reader.next().await? {
            let start = skip.min(chunk.len());
            skip -= start;
            let room = PIECE_BYTES - piece.len();
            piece.extend_from_slice(&chunk[start..chunk.len().min(start + room)]);
            if piece.len() == PIECE_BYTES {
                break;
            }
        }
        Ok(piece)
    }

    pub(super) async fn mailbox_list(&self, account: &Mailbox, folder: &str, after: i64) -> Result<Answer, Refusal> {
        let login = account.key();
        if self.store.account_get(&login).await?.is_none() {
            return Err(Refusal::missing(format!("there is no account {account}")));
        }
        let from = u32::try_from(after.saturating_add(1)).unwrap_or(u32::MAX);
        let page = self.page(&login, folder, from).await?;
        let mut rows = Vec::with_capacity(page.mails.len());
        for mail in page.mails {
            rows.push(self.mail_row(mail).await?);
        }
        Ok(Answer::Mailbox(rows))
    }

    /// The start of a message up to the end of its header; at most [`PIECE_BYTES`], which no header exceeds.
    async fn start_of(&self, body: &BodyRef) -> Result<Vec<u8>, Refusal> {
        let mut reader = self.store.open_body(body).await?;
        let mut start = Vec::new();
        while start.len() < PIECE_BYTES && !start.windows(4).any(|end| end == b"\r\n\r\n") {
            let Some(chunk) = reader.next().await? else { break };
            start.extend_from_slice(&chunk);
        }
        Ok(start)
    }

    async fn mail_row(&self, filed: FetchedMail) -> Result<MailRow, Refusal> {
        let start = self.start_of(&filed.body).await?;
        let (header, _) = header::split(&start);
        let field = |name| header::value(header, name).unwrap_or_default();
        Ok(MailRow {
            number: filed.uid.into(),
            id: filed.message,
            at: filed.at,
            from: field("From"),
            subject: field("Subject"),
            octets: filed.body.octets(),
        })
    }
}

/// What a query may mean, the likeliest first: a Message-ID without its brackets looks like an address.
fn readings(query: &str) -> Result<Vec<Find>, Refusal> {
    if let Ok(id) = query.parse() {
        return Ok(vec![Find::Id(id)]);
    }
    if query.starts_with('<') && query.ends_with('>') {
        return Ok(vec![Find::MessageId(query.to_owned())]);
    }
    match query.parse() {
        Ok(address) => Ok(vec![Find::Address(address), Find::MessageId(format!("<{query}>"))]),
        Err(error) => {
            let message = format!("{query} is no queue id, Message-ID or address: {error}");
            Err(Refusal::new(RefusalKind::Wrong, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_looked_for_with_its_brackets_whether_they_were_typed_or_not() {
        let id = Find::MessageId("<letter.1@here.test>".to_owned());
        assert_eq!(readings("<letter.1@here.test>").unwrap(), std::slice::from_ref(&id));
        let address = Find::Address("letter.1@here.test".parse().unwrap());
        assert_eq!(readings("letter.1@here.test").unwrap(), [address, id]);
        assert!(readings("letter").is_err());
    }
}
