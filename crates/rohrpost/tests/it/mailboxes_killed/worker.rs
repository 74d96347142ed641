//! A client that changes mailboxes until the server dies, and knows what must have become of its mail.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use super::client::{Answer, Client, Flags, set_of, uids};
use super::{ARCHIVE, INBOX};

/// Messages of one worker are numbered below this; the next one's begin there.
const NUMBERS: u32 = 1_000_000;
/// With more mail than this, a worker only deletes.
const MAILS_MAX: usize = 16;
const FLAGS: [&str; 5] = ["\\Seen", "\\Flagged", "\\Deleted", "$Forwarded", "later"];

/// Where a message lies: mailbox and UID.
pub(super) type Place = (&'static str, u32);
/// What lies where.
pub(super) type Mails = BTreeMap<Place, Mail>;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mail {
    /// Which message it is: see [`text`].
    pub(super) number: u32,
    pub(super) flags: Flags,
}

/// The message with this number. Some are small, some are not.
pub(super) fn text(number: u32) -> String {
    let line = format!("This is line of message {number}.\r\n");
    let lines = usize::try_from(number % 7 * number % 11 * 40 + 1).expect("it is small");
    format!("From: bob@there.test\r\nSubject: {number}\r\n\r\n{}", line.repeat(lines))
}

/// The number of a message that must be as it was filed.
pub(super) fn number_of(literal: &[u8]) -> u32 {
    let found = String::from_utf8_lossy(literal);
    let number = found.lines().find_map(|line| line.strip_prefix("Subject: ")?.parse().ok());
    let number = number.unwrap_or_else(|| panic!("no message of ours: {found}"));
    assert!(literal == text(number).as_bytes(), "message {number} is damaged: {found}");
    number
}

/// One command.
#[derive(Debug)]
enum Step {
    Append {
        to: &'static str,
        mail: Mail,
    },
    /// COPY or MOVE.
    Carry {
        from: &'static str,
        uids: Vec<u32>,
        to: &'static str,
        moves: bool,
    },
    Store {
        at: &'static str,
        uids: Vec<u32>,
        how: &'static str,
        flag: &'static str,
    },
    Expunge {
        at: &'static str,
        uids: Vec<u32>,
    },
}

impl Step {
    fn play(&self, client: &mut Client) -> io::Result<Vec<Answer>> {
        match self {
            Self::Append { to, mail } => {
                let flags: Vec<_> = mail.flags.iter().map(String::as_str).collect();
                client.append(to, &flags.join(" "), &text(mail.number))
            }
            Self::Carry { uids, to, moves, .. } => {
                let verb = if *moves { "MOVE" } else { "COPY" };
                client.ask(&format!("UID {verb} {} {to}", set_of(uids.iter().copied())))
            }
            Self::Store { uids, how, flag, .. } => {
                client.ask(&format!("UID STORE {} {how} ({flag})", set_of(uids.iter().copied())))
            }
            Self::Expunge { uids, .. } => client.ask(&format!("UID EXPUNGE {}", set_of(uids.iter().copied()))),
        }
    }

    /// The new UIDs that were acknowledged.
    fn given(&self, answers: &[Answer]) -> Vec<u32> {
        let code = |name| answers.iter().find_map(|answer| answer.code(name)).expect("it says which UIDs are new");
        match self {
            Self::Append { .. } => uids(code("APPENDUID")[1]),
            Self::Carry { uids: from, .. } => {
                let code = code("COPYUID");
                assert_eq!(&uids(code[1]), from);
                uids(code[2])
            }
            Self::Store { .. } | Self::Expunge { .. } => Vec::new(),
        }
    }

    /// Where new mail comes.
    fn target(&self) -> Option<&'static str> {
        match self {
            Self::Append { to, .. } | Self::Carry { to, .. } => Some(to),
            Self::Store { .. } | Self::Expunge { .. } => None,
        }
    }

    /// Does to `mails` what the server does, with the UIDs that it gives.
    fn apply(&self, mails: &mut Mails, given: &[u32]) {
        match self {
            Self::Append { to, mail } => mails.extend(given.iter().map(|uid| ((*to, *uid), mail.clone()))),
            Self::Carry { from, uids, to, moves } => {
                for (uid, new) in uids.iter().zip(given) {
                    let mail = mails[&(*from, *uid)].clone();
                    mails.insert((to, *new), mail);
                    if *moves {
                        mails.remove(&(*from, *uid));
                    }
                }
            }
            Self::Store { at, uids, how, flag } => {
                for uid in uids {
                    let flags = &mut mails.get_mut(&(*at, *uid)).expect("only what is there is marked").flags;
                    match *how {
                        "-FLAGS" => drop(flags.remove(*flag)),
                        "+FLAGS" => drop(flags.insert((*flag).to_owned())),
                        _ => *flags = [(*flag).to_owned()].into(),
                    }
                }
            }
            Self::Expunge { at, uids } => mails.retain(|(place, uid), _| place != at || !uids.contains(uid)),
        }
    }
}

/// Numbers that look thrown, the same in each run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % sides
    }
}

/// One client. What it did itself it alone changes.
pub(super) struct Worker {
    id: u32,
    filed: u32,
    dice: Dice,
    /// What it has, as far as that is acknowledged.
    mails: Mails,
    /// The command that was not answered.
    doubt: Option<Step>,
    /// Of how many commands it did not hear, and how many of these were done.
    pub(super) unheard: [usize; 2],
    /// All UIDs that it was told, with what they name.
    pub(super) told: Vec<(Place, u32)>,
    /// The highest MODSEQ that it was told of each mailbox.
    pub(super) modseq: BTreeMap<&'static str, u64>,
}

impl Worker {
    pub(super) fn new(id: u32) -> Self {
        let (mails, told, modseq) = (Mails::new(), Vec::new(), BTreeMap::new());
        Self { id, filed: 0, dice: Dice(u64::from(id)), mails, doubt: None, unheard: [0; 2], told, modseq }
    }

    /// Works until the connection ends, which may only be because the server was `killed`, and tells of each step that was
    /// acknowledged.
    pub(super) fn work(&mut self, client: Client, here: &'static str, killed: &AtomicBool, done: &Sender<()>) {
        let error = self.go_on(client, here, done).expect_err("it goes on until the connection ends");
        assert!(killed.load(Ordering::SeqCst), "the server ended a connection: {error}");
    }

    fn go_on(&mut self, mut client: Client, here: &'static str, done: &Sender<()>) -> io::Result<()> {
        client.ask(&format!("SELECT {here}"))?;
        loop {
            let step = self.choose(here);
            let answers = step.play(&mut client);
            let step = self.doubt.insert(step);
            let answers = answers?;
            let given = step.given(&answers);
            step.apply(&mut self.mails, &given);
            let target = step.target().unwrap_or(here);
            self.told.extend(given.iter().map(|uid| ((target, *uid), self.mails[&(target, *uid)].number)));
            self.doubt = None;
            let told = answers.iter().filter_map(|it| it.number("MODSEQ (").or(it.number("[HIGHESTMODSEQ "))).max();
            let modseq = self.modseq.entry(here).or_default();
            *modseq = told.unwrap_or(0).max(*modseq);
            // Nobody hears any more when another worker has failed.
            let _ = done.send(());
        }
    }

    fn choose(&mut self, here: &'static str) -> Step {
        let to = if here == INBOX { ARCHIVE } else { INBOX };
        let all: Vec<u32> = self.mails.keys().filter(|place| place.0 == here).map(|place| place.1).collect();
        let deleted = |uid: &u32| self.mails[&(here, *uid)].flags.contains("\\Deleted");
        let gone: Vec<u32> = all.iter().copied().filter(deleted).collect();
        let first = self.dice.throw(all.len().max(1));
        let uids: Vec<u32> = all.iter().copied().skip(first).take(1 + self.dice.throw(3)).collect();
        let flag = FLAGS[self.dice.throw(FLAGS.len())];
        let how = ["+FLAGS", "-FLAGS", "FLAGS"][self.dice.throw(3)];
        let kind = if self.mails.len() > MAILS_MAX { 5 } else { self.dice.throw(6) };
        match kind {
            _ if uids.is_empty() => self.file(here, flag),
            0 | 1 => self.file(here, flag),
            2 => Step::Carry { from: here, uids, to, moves: false },
            3 => Step::Carry { from: here, uids, to, moves: true },
            4 => Step::Store { at: here, uids, how, flag },
            _ if gone.is_empty() => Step::Store { at: here, uids, how: "+FLAGS", flag: "\\Deleted" },
            _ => Step::Expunge { at: here, uids: gone },
        }
    }

    fn file(&mut self, to: &'static str, flag: &str) -> Step {
        self.filed += 1;
        Step::Append { to, mail: Mail { number: self.id * NUMBERS + self.filed, flags: [flag.to_owned()].into() } }
    }

    /// Takes up what the server has of it after it died: what was acknowledged, and of the command that was not answered
    /// all or nothing.
    pub(super) fn resume(&mut self, server: &Mails) {
        let own = server.iter().filter(|(_, mail)| mail.number / NUMBERS == self.id);
        let found: Mails = own.map(|(place, mail)| (*place, mail.clone())).collect();
        let mut done = self.mails.clone();
        let doubt = self.doubt.take();
        if let Some(step) = &doubt {
            let new = found.keys().filter(|place| !self.mails.contains_key(*place) && Some(place.0) == step.target());
            step.apply(&mut done, &new.map(|place| place.1).collect::<Vec<_>>());
        }
        let acknowledged = &self.mails;
        assert!(
            found == self.mails || found == done,
            "found {found:#?}\nacknowledged {acknowledged:#?}\nin doubt {doubt:#?}"
        );
        self.unheard[0] += usize::from(doubt.is_some());
        self.unheard[1] += usize::from(found != self.mails);
        self.mails = found;
    }
}
