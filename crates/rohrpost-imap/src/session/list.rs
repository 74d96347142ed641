//! LIST (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154) and LSUB (RFC 3501 §6.3.9).

use std::{collections::BTreeMap, time::Instant};

use super::{
    mailboxes::status_data,
    state::{Question, Session},
};
use crate::{
    command::{List, ListReturn, ListSelection},
    event::{Event, MailboxInfo, Refusal},
    mailbox_name::{ListPattern, MailboxName, SEPARATOR},
    response::{Data, ListAttribute, ListData},
};

/// What is to be listed.
#[derive(Debug)]
pub(super) enum Listing {
    List(List),
    Lsub(ListPattern),
}

/// All mailboxes by name, and the names above them, which may be no mailboxes.
struct Tree {
    names: BTreeMap<MailboxName, Option<MailboxInfo>>,
}

impl Session {
    /// LIST
    pub(super) fn list(&mut self, list: List) {
        self.ask(Question::Mailboxes(Listing::List(list).into()), Event::Mailboxes);
    }

    /// LSUB
    pub(super) fn lsub(&mut self, pattern: ListPattern) {
        self.ask(Question::Mailboxes(Listing::Lsub(pattern).into()), Event::Mailboxes);
    }

    /// Answers [`Event::Mailboxes`].
    pub fn answer_mailboxes(&mut self, now: Instant, mailboxes: Result<Vec<MailboxInfo>, Refusal>) {
        let listing = match self.question.take() {
            Some(Question::Mailboxes(listing)) => listing,
            other => return self.question = other,
        };
        match (mailboxes, *listing) {
            (Err(refusal), _) => self.refuse(now, &refusal),
            (Ok(mailboxes), Listing::List(list)) => {
                self.tell_list(&Tree::of(mailboxes), &list);
                self.ok(now, "LIST completed");
            }
            (Ok(mailboxes), Listing::Lsub(pattern)) => {
                self.tell_lsub(&Tree::of(mailboxes), &pattern);
                self.ok(now, "LSUB completed");
            }
        }
        self.go_on(now);
    }

    fn tell_list(&mut self, tree: &Tree, list: &List) {
        let size_max = self.profile.size_max;
        if list.patterns.iter().any(ListPattern::is_empty) {
            self.tell(&Data::Separator);
        }
        for (name, info) in &tree.names {
            if !matches(&list.patterns, name) {
                continue;
            }
            let Some(child_subscribed) = tree.select(name, info.as_ref(), list) else { continue };
            let attributes = tree.attributes(name, info.as_ref(), list.selection, &list.returns);
            self.tell(&Data::List(ListData { attributes, name: name.clone(), child_subscribed }));
            if let Some(info) = info
                && !list.returns.status.is_empty()
            {
                self.tell(&Data::Status(name.clone(), status_data(info, &list.returns.status, size_max)));
            }
        }
    }

    /// RFC 3501 §6.3.9: with `%` also what is not subscribed to but stands above something that is.
    fn tell_lsub(&mut self, tree: &Tree, pattern: &ListPattern) {
        let is_subscribed = |info: &MailboxInfo| info.subscribed;
        for (name, info) in tree.names.iter().filter(|(name, _)| pattern.matches(name.as_str())) {
            let stands_above = pattern.as_str().contains('%') && tree.has_below(name, is_subscribed, &[]);
            let attributes = match info {
                Some(info) if info.subscribed => Vec::new(),
                _ if stands_above => vec![ListAttribute::NoSelect],
                _ => continue,
            };
            self.tell(&Data::Lsub(ListData { attributes, name: name.clone(), child_subscribed: false }));
        }
    }
}

impl Tree {
    fn of(mailboxes: Vec<MailboxInfo>) -> Self {
        let mut names = BTreeMap::new();
        for info in mailboxes {
            let Ok(name) = MailboxName::new(&info.name) else { continue };
            let mut above = name.parent().map(str::to_owned);
            while let Some(parent) = above.as_deref().and_then(|parent| MailboxName::new(parent).ok()) {
                above = parent.parent().map(str::to_owned);
                names.entry(parent).or_insert(None);
            }
            names.insert(name, Some(info));
        }
        Self { names }
    }

    /// Whether LIST names the mailbox, and whether with CHILDINFO (RFC 5258 §3.5).
    fn select(&self, name: &MailboxName, info: Option<&MailboxInfo>, list: &List) -> Option<bool> {
        let selection = list.selection;
        let is_selected = |info: &MailboxInfo| {
            (!selection.subscribed || info.subscribed) && (!selection.special_use || info.special_use.is_some())
        };
        let is_any = !selection.subscribed && !selection.special_use;
        let below = selection.recursive_match && self.has_below(name, is_selected, &list.patterns);
        let named = info.map_or(is_any, is_selected) || below;
        named.then_some(below && selection.subscribed)
    }

    /// Whether something below is like this, among what the patterns do not match.
    fn has_below(&self, name: &MailboxName, like: impl Fn(&MailboxInfo) -> bool, patterns: &[ListPattern]) -> bool {
        let fits = |(name, info): (&MailboxName, &Option<MailboxInfo>)| {
            info.as_ref().is_some_and(&like) && !matches(patterns, name)
        };
        self.below(name).any(fits)
    }

    /// What stands below a name. Names below share its beginning and stand behind it in the order, though not next to
    /// it: `a`, `a b`, `a/b`.
    fn below(&self, name: &MailboxName) -> impl Iterator<Item = (&MailboxName, &Option<MailboxInfo>)> {
        let name = name.as_str().to_owned();
        let from = MailboxName::new(&name).ok();
        let start = from.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let beginning = name.clone();
        let near = self.names.range((start, std::ops::Bound::Unbounded));
        let near = near.take_while(move |(other, _)| other.as_str().starts_with(&beginning));
        near.filter(move |(other, _)| other.as_str()[name.len()..].starts_with(SEPARATOR))
    }

    /// Children and special use are told always, as RFC 3348 and RFC 6154 §2 allow: programs look for both and ask
    /// for neither.
    fn attributes(
        &self,
        name: &MailboxName,
        info: Option<&MailboxInfo>,
        selection: ListSelection,
        returns: &ListReturn,
    ) -> Vec<ListAttribute> {
        let mut attributes = Vec::new();
        let Some(info) = info else {
            return vec![ListAttribute::NonExistent, ListAttribute::NoSelect, ListAttribute::HasChildren];
        };
        let has_children = self.below(name).next().is_some();
        attributes.push(if has_children { ListAttribute::HasChildren } else { ListAttribute::HasNoChildren });
        if info.subscribed && (selection.subscribed || returns.subscribed) {
            attributes.push(ListAttribute::Subscribed);
        }
        attributes.extend(info.special_use.map(ListAttribute::SpecialUse));
        attributes
    }
}

fn matches(patterns: &[ListPattern], name: &MailboxName) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name.as_str()))
}
