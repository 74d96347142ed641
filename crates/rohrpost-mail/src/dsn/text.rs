//! The part of a notification that people read, in their language.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

use jiff::Timestamp;

use super::{Action, Fate, Report};
use crate::{
    date,
    policy::{WordError, words},
    record::Seal,
};

words! {
    /// Languages in which we speak to people.
    #[derive(Default)]
    Language: "en or de" {
        /// English
        #[default]
        English = "en",
        /// German
        German = "de",
    }
}

/// The subject of a notification.
pub(super) fn subject(action: Action, language: Language) -> &'static str {
    match (language, action) {
        (Language::English, Action::Failed) => "Your message could not be delivered",
        (Language::English, Action::Delayed) => "Your message is delayed",
        (Language::English, Action::Delivered) => "Your message was delivered",
        (Language::English, Action::Relayed | Action::Expanded) => "Your message was passed on",
        (Language::German, Action::Failed) => "Ihre Nachricht konnte nicht zugestellt werden",
        (Language::German, Action::Delayed) => "Ihre Nachricht verzögert sich",
        (Language::German, Action::Delivered) => "Ihre Nachricht wurde zugestellt",
        (Language::German, Action::Relayed | Action::Expanded) => "Ihre Nachricht wurde weitergegeben",
    }
}

/// The whole text.
pub(super) fn explain(report: &Report<'_>) -> String {
    let mut text = greeting(report);
    for fate in &report.fates {
        write_fate(&mut text, fate, report.language);
    }
    text.push_str(&closing(report));
    text
}

fn greeting(report: &Report<'_>) -> String {
    let host = report.reporting_mta;
    match report.language {
        Language::English => {
            format!("This is the mail server {host}.\r\n\r\nYour message of {}:\r\n", date::readable(report.arrival))
        }
        Language::German => format!(
            "Hier ist der Mailserver {host}.\r\n\r\nIhre Nachricht vom {}:\r\n",
            date::readable_german(report.arrival)
        ),
    }
}

fn write_fate(text: &mut String, fate: &Fate<'_>, language: Language) {
    let mut line = |label: &str, value: &str| write!(text, "    {label}: {value}\r\n").expect("a String takes all");
    let [reason, server, said, sealed] = labels(language);
    line(verb(fate.action, language), &format!("<{}>", fate.recipient.address));
    if let Some(note) = &fate.note {
        line(reason, note);
    }
    if let Some(remote) = &fate.remote {
        line(server, remote);
    }
    if let Some(reply) = fate.reply {
        line(said, &reply.to_string());
    }
    if let Some(seal) = fate.seal {
        line(sealed, seal_word(seal, language));
    }
    if let (Action::Delayed, Some(until)) = (fate.action, fate.retry_until) {
        text.push_str(&retry(until, language));
    }
    text.push_str("\r\n");
}

fn labels(language: Language) -> [&'static str; 4] {
    match language {
        Language::English => ["Reason", "Server", "Its words", "Transport"],
        Language::German => ["Grund", "Server", "Antwort", "Transport"],
    }
}

fn verb(action: Action, language: Language) -> &'static str {
    match (language, action) {
        (Language::English, Action::Failed) => "not delivered to",
        (Language::English, Action::Delayed) => "not yet delivered to",
        (Language::English, Action::Delivered) => "delivered to",
        (Language::English, Action::Relayed) => "passed on, without a further report, to the server of",
        (Language::English, Action::Expanded) => "sent on to the members of",
        (Language::German, Action::Failed) => "nicht zugestellt an",
        (Language::German, Action::Delayed) => "noch nicht zugestellt an",
        (Language::German, Action::Delivered) => "zugestellt an",
        (Language::German, Action::Relayed) => "ohne weitere Meldung weitergegeben an den Server von",
        (Language::German, Action::Expanded) => "weitergegeben an die Mitglieder von",
    }
}

fn seal_word(seal: Seal, language: Language) -> &'static str {
    match (language, seal) {
        (Language::English, Seal::Verified) => "encrypted, server verified",
        (Language::English, Seal::Encrypted) => "encrypted, server not verified",
        (Language::English, Seal::Cleartext) => "not encrypted",
        (Language::German, Seal::Verified) => "verschlüsselt, Server geprüft",
        (Language::German, Seal::Encrypted) => "verschlüsselt, Server nicht geprüft",
        (Language::German, Seal::Cleartext) => "nicht verschlüsselt",
    }
}

fn retry(until: Timestamp, language: Language) -> String {
    match language {
        Language::English => {
            format!("    You need not do anything: delivery is tried until {}.\r\n", date::readable(until))
        }
        Language::German => format!(
            "    Sie müssen nichts tun: Die Zustellung wird bis {} weiter versucht.\r\n",
            date::readable_german(until)
        ),
    }
}

fn closing(report: &Report<'_>) -> String {
    let id = report.original_id;
    match report.language {
        Language::English => format!("If you ask for help, name this id: {id}\r\n"),
        Language::German => format!("Wenn Sie um Hilfe bitten, nennen Sie diese Kennung: {id}\r\n"),
    }
}
