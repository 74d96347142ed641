//! The texts about guessed passwords, in English and German: subject and body.

use rohrpost_mail::{date, dsn::Language};

use crate::{
    accounts::figures::Summary,
    guessing::{Guesser, Lock},
};

type Text = (String, String);

/// To the owner of a locked account.
pub(super) fn owner(language: Language, login: &str, Lock { guesser, lasts }: &Lock) -> Text {
    let minutes = lasts.as_secs() / 60;
    match language {
        Language::English => {
            let from = match guesser {
                Guesser::Pair(_, network) => format!("from {network}"),
                _ => "from addresses that you have not logged in from yet".to_owned(),
            };
            let text = format!(
                "Too many wrong passwords were tried for the account {login}.\nLog-ins {from}\nare refused for {minutes} \
                 minutes.\n\nIf it was you, please wait so long. If it was not, somebody guessed and did not get in: \
                 with a long\npassword that you use nowhere else there is nothing to do.\n\nYou get one message a day \
                 about this at most.\n"
            );
            (format!("{login}: too many wrong passwords"), text)
        }
        Language::German => {
            let from = match guesser {
                Guesser::Pair(_, network) => format!("von {network}"),
                _ => "von Adressen, von denen Sie sich noch nicht angemeldet haben,".to_owned(),
            };
            let text = format!(
                "Für das Konto {login} wurden zu viele falsche Passwörter probiert.\nAnmeldungen {from}\nwerden \
                 {minutes} Minuten lang abgewiesen.\n\nWaren Sie es selbst, warten Sie bitte so lange. Waren Sie es \
                 nicht, so hat jemand geraten und ist nicht\nhereingekommen: Mit einem langen Passwort, das Sie nirgends \
                 sonst benutzen, müssen Sie nichts tun.\n\nDarüber erhalten Sie höchstens eine Nachricht am Tag.\n"
            );
            (format!("{login}: zu viele falsche Passwörter"), text)
        }
    }
}

/// To the operator.
pub(super) fn operator(language: Language, host: &str, summary: &Summary) -> Text {
    let Summary { since, failed, turned_away, .. } = summary;
    match language {
        Language::English => {
            let lists = lists(
                summary,
                [
                    "Accounts that were locked for a while, and how often",
                    "others",
                    "Most attempts came from these networks",
                ],
            );
            let text = format!(
                "Since {}, {failed} log-ins failed for a wrong name or password.\n{turned_away} more were not tried, as \
                 too many had failed before them.\n{lists}\nEach lock is in the log. The next message about this comes \
                 in a day at the earliest.\n",
                date::readable(*since)
            );
            (format!("{host}: {failed} log-ins failed"), text)
        }
        Language::German => {
            let lists = lists(
                summary,
                [
                    "Konten, die eine Weile gesperrt waren, und wie oft",
                    "weitere",
                    "Die meisten Versuche kamen aus diesen Netzen",
                ],
            );
            let text = format!(
                "Seit {} sind {failed} Anmeldungen an falschem Namen oder Passwort gescheitert.\n{turned_away} weitere \
                 wurden nicht geprüft, weil vor ihnen zu viele gescheitert waren.\n{lists}\nJede Sperre steht im Protokoll. \
                 Die nächste Nachricht darüber kommt frühestens in einem Tag.\n",
                date::readable_german(*since)
            );
            (format!("{host}: {failed} Anmeldungen gescheitert"), text)
        }
    }
}

/// The locked accounts and the worst networks, below these words; nothing of a list that is empty.
fn lists(summary: &Summary, [locked, others, most]: [&str; 3]) -> String {
    let Summary { accounts, locks_unnamed, networks, .. } = summary;
    let mut lines = Vec::new();
    if !accounts.is_empty() {
        lines.push(format!("\n{locked}:\n"));
    }
    lines.extend(accounts.iter().map(|(login, locks)| format!("    {login} ({locks})")));
    if *locks_unnamed > 0 {
        lines.push(format!("    {others} ({locks_unnamed})"));
    }
    if !networks.is_empty() {
        lines.push(format!("\n{most}:\n"));
    }
    lines.extend(networks.iter().map(|(network, attempts)| format!("    {network} ({attempts})")));
    lines.join("\n") + "\n"
}
