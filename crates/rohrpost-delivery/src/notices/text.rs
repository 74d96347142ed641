//! The texts of notices, in English and German: subject and body.

use jiff::Timestamp;
use rohrpost_mail::{date, dsn::Language};
use rohrpost_store::{mailbox::Quota, settle::DigestEntry};

type Text = (String, String);

pub(super) fn dead_route(language: Language, route: &str, why: &str) -> Text {
    match language {
        Language::English => (
            format!("Nothing goes over the route {route}"),
            format!(
                "Mail for the route \"{route}\" cannot be sent:\n\n    {why}\n\nIt waits and is tried again; nothing \
                 bounces for this before its time is up.\nLook at the settings of the route, then at \
                 \"rohrpost queue list --route {route}\".\n"
            ),
        ),
        Language::German => (
            format!("Nichts geht über den Weg {route}"),
            format!(
                "Post für den Weg \"{route}\" kann nicht gesendet werden:\n\n    {why}\n\nSie wartet und wird wieder \
                 versucht; zurückgesandt wird deshalb nichts, bevor ihre Zeit um ist.\nBitte die Einstellungen des Weges \
                 prüfen, dann \"rohrpost queue list --route {route}\".\n"
            ),
        ),
    }
}

pub(super) fn refused_login(language: Language, route: &str, host: &str, why: &str) -> Text {
    match language {
        Language::English => (
            format!("{host} does not let us log in"),
            format!(
                "{host}, a host of the route \"{route}\", does not let us log in:\n\n    {why}\n\nMail takes the \
                 other hosts of the route.\nLook at user and password_file of the host, then at \"rohrpost route list\".\n"
            ),
        ),
        Language::German => (
            format!("{host} lässt uns nicht herein"),
            format!(
                "{host}, ein Server des Weges \"{route}\", weist unsere Anmeldung ab:\n\n    {why}\n\nPost nimmt \
                 die anderen Server des Weges.\nBitte user und password_file des Servers prüfen, dann \
                 \"rohrpost route list\".\n"
            ),
        ),
    }
}

pub(super) fn failed_store(language: Language, what: &str) -> Text {
    match language {
        Language::English => (
            "The mail store failed for a while".into(),
            format!("{what}\n\nLook at the disk and at the log, then run \"rohrpost store check\".\n"),
        ),
        Language::German => (
            "Der Nachrichtenspeicher war zeitweise gestört".into(),
            format!("{what}\n\nBitte Platte und Protokoll prüfen, danach \"rohrpost store check\" aufrufen.\n"),
        ),
    }
}

pub(super) fn expiring(language: Language, names: &str, file: &str, not_after: Timestamp) -> Text {
    match language {
        Language::English => (
            format!("The certificate for {names} ends soon"),
            format!(
                "The certificate in {file}\nfor {names}\nends on {}.\n\nPut a new one in its place; it is read without a \
                 restart.\n",
                date::readable(not_after)
            ),
        ),
        Language::German => (
            format!("Das Zertifikat für {names} läuft bald ab"),
            format!(
                "Das Zertifikat in {file}\nfür {names}\nendet am {}.\n\nBitte ein neues an seine Stelle legen; es wird ohne \
                 Neustart gelesen.\n",
                date::readable_german(not_after)
            ),
        ),
    }
}

pub(super) fn nearly_full(language: Language, percent: u64, quota: &Quota) -> Text {
    let mib = |octets: u64| octets.div_ceil(1 << 20);
    let (used, max) = (mib(quota.octets), mib(quota.octets_max.unwrap_or_default()));
    match language {
        Language::English => (
            format!("Your mailbox is {percent} % full"),
            format!(
                "Your mail takes {used} of {max} MiB.\n\nPlease delete what you do not need, and empty the trash. Once the \
                 mailbox is full, new mail waits, and goes back to its senders in the end.\n"
            ),
        ),
        Language::German => (
            format!("Ihr Postfach ist zu {percent} % voll"),
            format!(
                "Ihre Nachrichten belegen {used} von {max} MiB.\n\nBitte löschen Sie, was Sie nicht brauchen, und leeren Sie \
                 den Papierkorb. Ist das Postfach voll, warten neue Nachrichten und gehen schließlich an ihre Absender \
                 zurück.\n"
            ),
        ),
    }
}

pub(super) fn digest(language: Language, entries: &[DigestEntry]) -> Text {
    let mut lines = String::new();
    for DigestEntry { entry, .. } in entries {
        let recipient = entry.recipient.as_ref().map(ToString::to_string).unwrap_or_default();
        let when = match language {
            Language::English => date::readable(entry.at),
            Language::German => date::readable_german(entry.at),
        };
        lines.push_str(&format!("{when}  {}  {recipient}\n    {}\n", entry.message, entry.text));
    }
    match language {
        Language::English => (
            format!("{} notices could not be delivered", entries.len()),
            format!(
                "These messages had nobody to be returned to, since they were notices themselves.\n\"rohrpost trace ID\" \
                 shows their way.\n\n{lines}"
            ),
        ),
        Language::German => (
            format!("{} Benachrichtigungen waren unzustellbar", entries.len()),
            format!(
                "Diese Nachrichten konnten niemandem zurückgesandt werden, da sie selbst Benachrichtigungen \
                 waren.\n\"rohrpost trace ID\" zeigt ihren Weg.\n\n{lines}"
            ),
        ),
    }
}
