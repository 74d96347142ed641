//! Which mailbox here takes the mail of a folder elsewhere.
//!
//! What the operator says with `--folder` counts first; then what the other server says (RFC 6154); then the names by which
//! mail programs know these folders, in English and German. Any other folder keeps its name.

use rohrpost_imap::mailbox_name::{MailboxName, is_allowed};
use rohrpost_store::limits::MAILBOX_LEVELS_MAX;

/// What a mailbox is for, by its attribute (RFC 6154 §2).
const USUAL: [(&str, &str, &[&str]); 5] = [
    ("\\Drafts", "Drafts", &["drafts", "draft", "entwürfe", "entwurf"]),
    (
        "\\Sent",
        "Sent",
        &[
            "sent",
            "sent items",
            "sent messages",
            "sent mail",
            "sent-mail",
            "sentmail",
            "gesendet",
            "gesendete elemente",
            "gesendete objekte",
            "gesendete nachrichten",
            "postausgang",
        ],
    ),
    (
        "\\Junk",
        "Junk",
        &[
            "junk",
            "spam",
            "junk-e-mail",
            "junk e-mail",
            "junk mail",
            "bulk mail",
            "spamverdacht",
            "unerwünscht",
            "werbung",
        ],
    ),
    (
        "\\Trash",
        "Trash",
        &[
            "trash",
            "bin",
            "deleted items",
            "deleted messages",
            "papierkorb",
            "gelöscht",
            "gelöschte elemente",
            "gelöschte objekte",
        ],
    ),
    ("\\Archive", "Archive", &["archive", "archives", "archiv", "archiviert"]),
];

/// What `--folder` said: `FROM=TO`, or `TO` for all mail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Rule {
    from: Option<String>,
    to: MailboxName,
}

/// `--folder` is neither a name nor two.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected NAME or FROM=NAME, found {0:?}")]
pub(crate) struct RuleError(String);

impl std::str::FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = match text.split_once('=') {
            Some((from, to)) => (Some(from.to_owned()), to),
            None => (None, text),
        };
        let to = MailboxName::new(to).map_err(|_| RuleError(text.to_owned()))?;
        Ok(Self { from, to })
    }
}

/// Chooses mailboxes.
#[derive(Debug)]
pub(crate) struct Mapping {
    rules: Vec<Rule>,
    /// What the account has for each use already: attribute and name.
    here: Vec<(String, String)>,
}

impl Mapping {
    /// By the operator's rules, for an account with these mailboxes: their names with what they are for.
    pub(crate) fn new(rules: Vec<Rule>, here: Vec<(String, String)>) -> Self {
        Self { rules, here }
    }

    /// Whether the operator named one mailbox for all mail.
    pub(crate) fn has_one_for_all(&self) -> bool {
        self.rules.iter().any(|rule| rule.from.is_none())
    }

    /// Where the mail of a folder goes. `said` are the attributes that its server gives it.
    pub(crate) fn target(&self, folder: &str, said: &[String]) -> String {
        let rule = |rule: &&Rule| rule.from.as_ref().is_none_or(|from| from == folder);
        // The rule with a name wins over the one for all.
        let named = self.rules.iter().filter(|rule| rule.from.is_some()).find(rule);
        if let Some(rule) = named.or_else(|| self.rules.iter().find(rule)) {
            return rule.to.to_string();
        }
        let known = USUAL.iter().find(|(attribute, ..)| said.iter().any(|said| said.eq_ignore_ascii_case(attribute)));
        match known.or_else(|| known_by_name(folder)) {
            Some((attribute, usual, _)) => {
                let here = self.here.iter().find(|(known, _)| known.eq_ignore_ascii_case(attribute));
                here.map_or_else(|| (*usual).to_owned(), |(_, name)| name.clone())
            }
            None => cleaned(folder),
        }
    }
}

fn known_by_name(folder: &str) -> Option<&'static (&'static str, &'static str, &'static [&'static str])> {
    // Courier and Cyrus put all folders below INBOX, Google its own below a name of their product.
    let inner = ["INBOX/", "[Gmail]/", "[Google Mail]/"].iter().find_map(|above| folder.strip_prefix(above));
    let name = inner.unwrap_or(folder).to_lowercase();
    USUAL.iter().find(|(_, _, names)| names.contains(&name.as_str()))
}

/// The name as it can be here: what cannot stand in a name becomes `_`, and levels that are one too many become one.
fn cleaned(folder: &str) -> String {
    let allowed = |letter: char| if is_allowed(letter) { letter } else { '_' };
    let levels = folder.split('/').filter(|level| !level.is_empty());
    let mut levels: Vec<String> = levels.map(|level| level.chars().map(allowed).collect()).collect();
    let below = levels.split_off(levels.len().min(MAILBOX_LEVELS_MAX - 1));
    levels.extend((!below.is_empty()).then(|| below.join(".")));
    let name = levels.join("/");
    MailboxName::new(&name).map_or_else(|_| "Imported".to_owned(), |name| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(rules: &[&str]) -> Mapping {
        let here = vec![("\\Sent".to_owned(), "Gesendete".to_owned())];
        Mapping::new(rules.iter().map(|rule| rule.parse().unwrap()).collect(), here)
    }

    #[test]
    fn usual_folders_are_known_by_their_names_in_english_and_german() {
        let mapping = mapping(&[]);
        for (folder, target) in [
            ("inbox", "INBOX"),
            ("Entwürfe", "Drafts"),
            ("Papierkorb", "Trash"),
            ("INBOX/Deleted Items", "Trash"),
            ("[Google Mail]/Spam", "Junk"),
            ("Gesendete Objekte", "Gesendete"),
            ("Archiv", "Archive"),
            ("Kunden/Archiv", "Kunden/Archiv"),
            ("Kunden//Müller\u{7}/", "Kunden/Müller_"),
            ("///", "Imported"),
            (&["d"; 60].join("/"), &format!("{}{}", "d/".repeat(31), ["d"; 29].join("."))),
        ] {
            assert_eq!(mapping.target(folder, &[]), target, "{folder}");
        }
    }

    #[test]
    fn the_other_servers_word_counts_more_than_a_name_and_the_operators_most() {
        let said = ["\\HasNoChildren".to_owned(), "\\trash".to_owned()];
        assert_eq!(mapping(&[]).target("Archiv", &said), "Trash");
        assert_eq!(mapping(&["Archiv=Old/2026"]).target("Archiv", &said), "Old/2026");
        assert_eq!(mapping(&["All", "Archiv=Old"]).target("Archiv", &[]), "Old");
        assert_eq!(mapping(&["All", "Archiv=Old"]).target("INBOX", &[]), "All");
        assert!("a=".parse::<Rule>().is_err() && "".parse::<Rule>().is_err());
    }
}
