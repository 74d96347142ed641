//! What an account and the postmaster are told about its limits, and about guessed passwords ([`log_ins`]).

pub(crate) mod log_ins;

use jiff::Timestamp;
use rohrpost_mail::{DeliveryRecord, Envelope, Mailbox, Notify, Recipient, compose::Message, header::HeaderText};
use rohrpost_queue::Origin;
use rohrpost_store::{Account, Body, Filter, NewMessage, NewRecipient, StoreError, Verb};

use crate::{
    Intake,
    quota::{Crossing, Limit, OverLimit},
};

/// Tells account and postmaster that 80 or 100 % of a limit are used. Runs beside the session.
pub(crate) fn limit_nears(intake: &Intake, account: &Account, crossing: Crossing) {
    tracing::warn!(
        account = account.login,
        limit = crossing.limit.setting(),
        percent = crossing.percent,
        "account nears its limit"
    );
    let text = limit_text(&account.login, account.language == "de", crossing);
    send_beside(intake, account, text);
}

/// An account ran into a limit twice in a day: what it has in the queue waits for an operator, for its password may be in
/// foreign hands.
pub(crate) fn hold_all(intake: &Intake, account: &Account, over: &OverLimit) {
    tracing::error!(
        account = account.login,
        limit = over.limit.setting(),
        "account is over its limit again: its mail is held"
    );
    let (intake, login) = (intake.clone(), account.login.clone());
    let text = held_text(&login, account.language == "de");
    send_beside(&intake, account, text);
    tokio::spawn(async move {
        let filter = Filter { account: Some(login.clone()), ..Filter::default() };
        let held = intake.store().queue_apply(filter, Verb::Hold, "limit".to_owned(), Timestamp::now()).await;
        if let Err(error) = held {
            tracing::error!(account = login, %error, "its mail could not be held");
        }
    });
}

fn send_beside(intake: &Intake, account: &Account, (subject, text): (String, String)) {
    let config = intake.config();
    // In redirect mode nobody but the operator gets mail of ours.
    let holder = account.addresses.first().filter(|_| config.settings.redirect_all_to.is_none());
    let mut to: Vec<Mailbox> = holder.cloned().into_iter().collect();
    if !to.contains(&config.settings.postmaster) {
        to.push(config.settings.postmaster.clone());
    }
    let intake = intake.clone();
    tokio::spawn(async move {
        if let Err(error) = send(&intake, to, &subject, text).await {
            tracing::error!(%error, subject, "a notice could not be stored");
        }
    });
}

async fn send(intake: &Intake, to: Vec<Mailbox>, subject: &str, text: String) -> Result<(), StoreError> {
    let (now, id, config) = (Timestamp::now(), intake.store().new_id(), intake.config());
    let host = &config.settings.host_name;
    let plain = |text: String| HeaderText::new(text).expect("our own words hold no control characters");
    let message_id = format!("{id}@{host}");
    let message = Message {
        from: config.settings.postmaster.clone(),
        to: to.clone(),
        subject: plain(subject.to_owned()),
        date: now,
        message_id: plain(message_id.clone()),
        fields: vec![("Auto-Submitted", plain("auto-generated".to_owned()))],
        text,
        attachments: Vec::new(),
    };
    let body = Body::from_bytes(message.to_bytes());
    let message = NewMessage {
        id,
        envelope: Envelope::default(),
        recipients: routed(intake, to, now),
        received: DeliveryRecord::written_here(id, now, "notice", body.octets()),
        body,
        message_id: Some(format!("<{message_id}>")),
        account: None,
        expires: now + jiff::SignedDuration::from_hours(48),
        counters: Vec::new(),
    };
    let announced = intake.queue().announce(&message);
    intake.store().commit(message).await?;
    announced.arrived();
    Ok(())
}

/// The way of each. Nobody hears of it when the notice does not arrive.
fn routed(intake: &Intake, to: Vec<Mailbox>, now: Timestamp) -> Vec<NewRecipient> {
    let (queue, ways) = (intake.queue().settings(), intake.router().ways(Origin::own()));
    let recipient = |address: Mailbox| {
        let destination = ways.to(&address);
        queue.recipient(Recipient { address, orcpt: None, notify: Notify::NEVER }, destination, now, true)
    };
    to.into_iter().map(recipient).collect()
}

/// Subject and text of the notice at 80 and 100 %.
fn limit_text(login: &str, german: bool, Crossing { limit, percent, max }: Crossing) -> (String, String) {
    if german {
        let what = match limit {
            Limit::Messages => "Nachrichten je Stunde",
            Limit::Recipients => "Empfänger je Tag",
        };
        let subject = format!("{login}: {percent} % der Sendegrenze erreicht");
        let text = format!(
            "Das Konto {login} hat {percent} % seiner Grenze von {max} {what} erreicht.\n\n\
             Ist sie ausgeschöpft, wird weitere Post vorübergehend abgewiesen. Wenn Sie nicht selbst so viel senden,\n\
             ändern Sie bitte sofort das Passwort.\n"
        );
        return (subject, text);
    }
    let what = match limit {
        Limit::Messages => "messages per hour",
        Limit::Recipients => "recipients per day",
    };
    let subject = format!("{login}: {percent}% of the sending limit reached");
    let text = format!(
        "The account {login} has reached {percent}% of its limit of {max} {what}.\n\n\
         Once it is used up, more mail is refused for a while. If it is not you who sends this much, please change\n\
         the password at once.\n"
    );
    (subject, text)
}

/// Subject and text of the notice that mail is held.
fn held_text(login: &str, german: bool) -> (String, String) {
    if german {
        let subject = format!("{login}: wartende Post wird zurückgehalten");
        let text = format!(
            "Das Konto {login} hat seine Sendegrenze an einem Tag zweimal überschritten. Seine wartende Post wird\n\
             zurückgehalten, bis der Postmaster sie freigibt: Das Passwort könnte in fremden Händen sein.\n"
        );
        return (subject, text);
    }
    let subject = format!("{login}: waiting mail is held");
    let text = format!(
        "The account {login} ran over its sending limit twice in a day. Its waiting mail is held until the postmaster\n\
         releases it: the password may be in foreign hands.\n"
    );
    (subject, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_name_account_limit_and_what_to_do_in_both_languages() {
        let crossing = Crossing { limit: Limit::Messages, percent: 80, max: 250 };
        let (subject, text) = limit_text("ann@here.test", false, crossing);
        assert_eq!(subject, "ann@here.test: 80% of the sending limit reached");
        assert!(text.contains("250 messages per hour") && text.contains("change\nthe password"));
        let (subject, text) = limit_text("ann@here.test", true, crossing);
        assert_eq!(subject, "ann@here.test: 80 % der Sendegrenze erreicht");
        assert!(text.contains("250 Nachrichten je Stunde") && text.contains("ändern Sie bitte sofort das Passwort"));
        for german in [true, false] {
            let (subject, text) = held_text("ann@here.test", german);
            assert!(HeaderText::new(subject).is_ok() && text.contains("ann@here.test"));
        }
    }
}
