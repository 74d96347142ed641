//! The algorithm REFERENCES of RFC 5256 §3.
//!
//! A message's own fields decide what it answers. What others' References say about it counts only where it is not in the
//! mailbox itself, and there only the first word. So every link is made once, from something that has no link upwards yet,
//! and loops are told by the root of a thread instead of by walking along it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::Message;
use crate::response::ThreadNode;

/// Messages and what stands for those that are missing, by number.
struct Forest<'a> {
    messages: &'a [Message],
    /// The message of each; `None` for what is missing.
    present: Vec<Option<usize>>,
    parent: Vec<Option<usize>>,
    /// Some container above, by which the root is found; the root's is itself.
    towards_root: Vec<usize>,
}

/// A thread, or what stands for one whose first message is missing.
struct Root {
    /// `None` where the first message is missing.
    container: Option<usize>,
    children: Vec<usize>,
}

/// The threads of messages that are in the order of their dates.
pub(super) fn threads(messages: &[Message]) -> Vec<ThreadNode> {
    let forest = Forest::of(messages);
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut tops: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut nearest = vec![None; forest.present.len()];
    let mut in_order: Vec<(usize, usize)> =
        forest.present.iter().enumerate().filter_map(|(container, message)| Some(((*message)?, container))).collect();
    in_order.sort_unstable();
    for (_, container) in in_order {
        match forest.above(container, &mut nearest) {
            None => drop(tops.entry(container).or_default()),
            Some(above) if forest.present[above].is_some() => children.entry(above).or_default().push(container),
            Some(missing) => tops.entry(missing).or_default().push(container),
        }
    }
    let roots = tops.into_iter().map(|(top, below)| forest.root(top, below)).collect();
    let mut roots = forest.join_by_subject(roots, &mut children);
    roots.sort_by_key(|root| forest.sent(root));
    print(&forest, &roots, &children)
}

impl<'a> Forest<'a> {
    fn of(messages: &'a [Message]) -> Self {
        let mut forest = Self { messages, present: Vec::new(), parent: Vec::new(), towards_root: Vec::new() };
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        let mut containers = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            let container = forest.add(Some(index));
            containers.push(container);
            // Of two messages with one id the first has it, the other has none.
            if !message.id.is_empty() {
                by_id.entry(&message.id).or_insert(container);
            }
        }
        for message in messages {
            for id in &message.references {
                if !by_id.contains_key(&**id) {
                    by_id.insert(id, forest.add(None));
                }
            }
        }
        for (message, container) in messages.iter().zip(containers) {
            if let Some(answered) = message.references.last() {
                forest.link(by_id[&**answered], container);
            }
        }
        for message in messages {
            for pair in message.references.windows(2) {
                let (above, below) = (by_id[&*pair[0]], by_id[&*pair[1]]);
                if forest.present[below].is_none() {
                    forest.link(above, below);
                }
            }
        }
        forest
    }

    fn add(&mut self, message: Option<usize>) -> usize {
        let container = self.present.len();
        self.present.push(message);
        self.parent.push(None);
        self.towards_root.push(container);
        container
    }

    /// Puts one below the other, unless it stands somewhere already, or would stand below itself.
    fn link(&mut self, above: usize, below: usize) {
        if self.parent[below].is_none() && self.find_root(above) != below {
            self.parent[below] = Some(above);
            self.towards_root[below] = above;
        }
    }

    /// The root, with the way there made shorter for the next time.
    fn find_root(&mut self, container: usize) -> usize {
        let mut at = container;
        while self.towards_root[at] != at {
            let next = self.towards_root[self.towards_root[at]];
            self.towards_root[at] = next;
            at = next;
        }
        at
    }

    /// What a message stands below once what is missing is passed over: the nearest message, else the root, which is
    /// missing. `nearest` remembers the answer for what was passed.
    fn above(&self, container: usize, nearest: &mut [Option<usize>]) -> Option<usize> {
        let mut passed = Vec::new();
        let mut at = self.parent[container]?;
        let above = loop {
            if let Some(known) = nearest[at] {
                break known;
            }
            match self.parent[at] {
                Some(next) if self.present[at].is_none() => {
                    passed.push(at);
                    at = next;
                }
                _ => break at,
            }
        };
        for container in passed {
            nearest[container] = Some(above);
        }
        Some(above)
    }

    /// RFC 5256 §3 (3): what is missing stays as a root only with several messages below it.
    fn root(&self, top: usize, children: Vec<usize>) -> Root {
        match (self.present[top], children.as_slice()) {
            (Some(_), _) => Root { container: Some(top), children: Vec::new() },
            (None, [only]) => Root { container: Some(*only), children: Vec::new() },
            (None, _) => Root { container: None, children },
        }
    }

    /// The message that speaks for a thread: its first one.
    fn first(&self, root: &Root) -> Option<&'a Message> {
        let container = root.container.or(root.children.first().copied())?;
        self.present[container].map(|message| &self.messages[message])
    }

    fn sent(&self, root: &Root) -> Option<(Timestamp, u32)> {
        self.first(root).map(|message| (message.sent, message.uid))
    }

    /// RFC 5256 §3 (5): threads of one subject become one.
    fn join_by_subject(&self, mut roots: Vec<Root>, children: &mut HashMap<usize, Vec<usize>>) -> Vec<Root> {
        roots.sort_by_key(|root| self.sent(root));
        let is_reply = |root: &Root| root.container.is_some() && self.first(root).is_some_and(|first| first.is_reply);
        let mut joined: Vec<Root> = Vec::with_capacity(roots.len());
        let mut of_subject: HashMap<&str, Vec<Root>> = HashMap::new();
        for root in roots {
            match self.first(&root).map(|first| &*first.subject) {
                Some(subject) if !subject.is_empty() => of_subject.entry(subject).or_default().push(root),
                _ => joined.push(root),
            }
        }
        for (_, mut threads) in of_subject {
            // What others are put below: what has no message of its own, else the first that is no answer.
            let missing = threads.iter().position(|root| root.container.is_none());
            let base = missing.or_else(|| threads.iter().position(|root| !is_reply(root))).unwrap_or(0);
            let base = threads.remove(base);
            joined.push(threads.into_iter().fold(base, |base, root| self.join(base, root, &is_reply, children)));
        }
        joined
    }

    fn join(
        &self,
        mut base: Root,
        root: Root,
        is_reply: &impl Fn(&Root) -> bool,
        children: &mut HashMap<usize, Vec<usize>>,
    ) -> Root {
        match (base.container, root.container) {
            (None, None) => base.children.extend(root.children),
            (None, Some(container)) => base.children.push(container),
            (Some(above), Some(below)) if is_reply(&root) && !is_reply(&base) => {
                children.entry(above).or_default().push(below);
            }
            (Some(one), Some(other)) => base = Root { container: None, children: vec![one, other] },
            (Some(one), None) => {
                base = root;
                base.children.push(one);
            }
        }
        base.children.sort_by_key(|container| self.present[*container]);
        base
    }
}

/// The nodes in the order of THREAD: each message before its answers.
fn print(forest: &Forest<'_>, roots: &[Root], children: &HashMap<usize, Vec<usize>>) -> Vec<ThreadNode> {
    let mut nodes = Vec::with_capacity(forest.messages.len());
    let mut open: Vec<(usize, u32)> = Vec::new();
    for root in roots {
        if let Some(container) = root.container {
            open.push((container, 0));
        } else {
            nodes.push(ThreadNode { depth: 0, number: None });
            open.extend(root.children.iter().rev().map(|container| (*container, 1)));
        }
        while let Some((container, depth)) = open.pop() {
            let number = forest.present[container].map(|message| forest.messages[message].uid);
            nodes.push(ThreadNode { depth, number });
            if let Some(answers) = children.get(&container) {
                let mut answers = answers.clone();
                answers.sort_by_key(|answer| forest.present[*answer]);
                open.extend(answers.into_iter().rev().map(|answer| (answer, depth + 1)));
            }
        }
    }
    nodes
}
