//! Mailboxes against a simple model: random changes, and clients that come back at any time.

use std::{collections::BTreeMap, ops::RangeInclusive};

use proptest::prelude::*;

use super::*;
use crate::{
    Account,
    mailbox::{FlagOp, Flags, MailboxInfo, NewMail, Parts, System},
};

const ANN: &str = "ann@here.test";
const NAMES: [&str; 2] = ["INBOX", "Archive"];

/// What is done to one of the two mailboxes.
#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Store {
        uids: RangeInclusive<u32>,
        op: u8,
        flags: u8,
        since: u64,
    },
    Expunge {
        uids: RangeInclusive<u32>,
        only_deleted: bool,
    },
    Copy(RangeInclusive<u32>),
    Move {
        uids: RangeInclusive<u32>,
        here: bool,
    },
    Undelete,
    Restart,
    /// A client learns what happened since it was here last.
    Resync,
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let uids = || (1..20_u32, 0..6_u32).prop_map(|(first, more)| first..=first + more);
    let step = prop_oneof![
        3 => (1..5_u8).prop_map(Step::Append),
        3 => (uids(), 0..3_u8, 0..32_u8, prop_oneof![Just(u64::MAX), 1..30_u64])
            .prop_map(|(uids, op, flags, since)| Step::Store { uids, op, flags, since }),
        2 => (uids(), any::<bool>()).prop_map(|(uids, only_deleted)| Step::Expunge { uids, only_deleted }),
        1 => uids().prop_map(Step::Copy),
        1 => (uids(), any::<bool>()).prop_map(|(uids, here)| Step::Move { uids, here }),
        1 => Just(Step::Undelete),
        1 => Just(Step::Restart),
        3 => Just(Step::Resync),
    ];
    (0..2_usize, step)
}

/// One mailbox as it should be.
#[derive(Clone, Debug, Default)]
struct Model {
    /// Flags and text by UID.
    mails: BTreeMap<u32, (u8, String)>,
    expunged: Vec<(u32, (u8, String))>,
    uid_next: u32,
}

impl Model {
    fn add(&mut self, flags: u8, text: String) {
        self.mails.insert(self.uid_next, (flags, text));
        self.uid_next += 1;
    }

    fn of(&self, uids: &RangeInclusive<u32>) -> Vec<(u32, (u8, String))> {
        self.mails.range(uids.clone()).map(|(uid, mail)| (*uid, mail.clone())).collect()
    }
}

/// What a client knows of a mailbox.
#[derive(Clone, Debug, Default)]
struct Client {
    modseq: u64,
    flags: BTreeMap<u32, u8>,
}

struct World {
    dir: TempDir,
    store: Option<Store>,
    models: [Model; 2],
    clients: [Client; 2],
    texts: u32,
}

impl World {
    async fn new() -> Self {
        let (dir, store) = fresh();
        store.account_put(Account { login: ANN.to_owned(), ..Account::default() }).await.unwrap();
        let model = Model { uid_next: 1, ..Model::default() };
        let clients = [Client::default(), Client::default()];
        Self { dir, store: Some(store), models: [model.clone(), model], clients, texts: 0 }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    async fn info(&self, which: usize) -> MailboxInfo {
        self.store().mailbox(ANN, NAMES[which]).await.unwrap().unwrap()
    }

    async fn take(&mut self, which: usize, step: Step) {
        let (store, before) = (self.store().clone(), self.info(which).await);
        let (id, other) = (before.id, 1 - which);
        match step {
            Step::Append(count) => self.append(which, count).await,
            Step::Store { uids, op, flags, since } => self.change_flags(which, uids, op, flags, since).await,
            Step::Expunge { uids, only_deleted } => {
                let goes = |flags: u8| !only_deleted || flags & System::DELETED.bits() != 0;
                let model = &mut self.models[which];
                let gone: Vec<_> = model.of(&uids).into_iter().filter(|(_, (flags, _))| goes(*flags)).collect();
                store.mailbox_expunge(id, Some(&[uids]), only_deleted).await.unwrap();
                for (uid, _) in &gone {
                    model.mails.remove(uid);
                }
                model.expunged.extend(gone);
            }
            Step::Copy(uids) => {
                let chosen = self.models[which].of(&uids);
                let copied = store.mailbox_copy(id, &[uids], NAMES[other]).await.unwrap();
                assert_eq!(copied.pairs.len(), chosen.len());
                for (_, (flags, text)) in chosen {
                    self.models[other].add(flags, text);
                }
            }
            Step::Move { uids, here } => {
                let target = if here { which } else { other };
                let moved = self.models[which].of(&uids);
                store.mailbox_move(id, &[uids], NAMES[target]).await.unwrap();
                for (uid, (flags, text)) in moved {
                    self.models[which].mails.remove(&uid);
                    self.models[target].add(flags, text);
                }
            }
            Step::Undelete => {
                store.mailbox_undelete(ANN, NAMES[which], Timestamp::MIN).await.unwrap();
                let mut back = std::mem::take(&mut self.models[which].expunged);
                back.sort_by_key(|(uid, _)| *uid);
                let kept = !System::DELETED.bits();
                for (_, (flags, text)) in back {
                    self.models[which].add(flags & kept, text);
                }
            }
            Step::Restart => {
                drop(store);
                self.store = None;
                self.store = Some(open(self.dir.path()));
            }
            Step::Resync => self.resync(which).await,
        }
        let after = self.info(which).await;
        assert_eq!(after.uid_validity, before.uid_validity);
        assert!(after.modseq >= before.modseq && after.uid_next >= before.uid_next);
        self.compare(which).await;
        self.compare(other).await;
    }

    async fn append(&mut self, which: usize, count: u8) {
        let mut new = Vec::new();
        for _ in 0..count {
            self.texts += 1;
            let (flags, text) = ((self.texts % 3) as u8, format!("text {}", self.texts));
            self.models[which].add(flags, text.clone());
            let flags = System::from_bits(flags).into();
            new.push(NewMail { body: Body::from_bytes(text), shape: None, flags, at: now() });
        }
        self.store().mailbox_append(ANN, NAMES[which], new).await.unwrap();
    }

    async fn change_flags(&mut self, which: usize, uids: RangeInclusive<u32>, op: u8, bits: u8, since: u64) {
        let info = self.info(which).await;
        let entries = self.store().mailbox_changes(info.id, 0).await.unwrap().entries;
        let unchanged = |uid: u32| entries.iter().any(|entry| entry.uid == uid && entry.modseq <= since);
        let change = [FlagOp::Add, FlagOp::Remove, FlagOp::Replace][usize::from(op)];
        let flags = Flags::from(System::from_bits(bits));
        let stored =
            self.store().mailbox_store(info.id, std::slice::from_ref(&uids), change, flags, Some(since)).await.unwrap();
        for (uid, (flags, _)) in self.models[which].mails.range_mut(uids) {
            if !unchanged(*uid) {
                assert!(stored.modified.contains(uid));
                continue;
            }
            *flags = match change {
                FlagOp::Add => *flags | bits,
                FlagOp::Remove => *flags & !bits,
                FlagOp::Replace => bits,
            };
        }
    }

    /// RFC 7162 §3.2.5: what is new or changed, and what is gone, is all that a client needs.
    async fn resync(&mut self, which: usize) {
        let client = &self.clients[which];
        let changes = self.store().mailbox_changes(self.info(which).await.id, client.modseq).await.unwrap();
        assert!(changes.entries.iter().all(|entry| entry.modseq > client.modseq));
        let client = &mut self.clients[which];
        client.flags.retain(|uid, _| !changes.vanished.iter().any(|gone| gone.contains(uid)));
        client.flags.extend(changes.entries.iter().map(|entry| (entry.uid, entry.flags.system().bits())));
        client.modseq = changes.info.modseq;
        let model = self.models[which].mails.iter().map(|(uid, (flags, _))| (*uid, *flags));
        assert_eq!(client.flags, model.collect());
    }

    async fn compare(&self, which: usize) {
        let (model, store) = (&self.models[which], self.store());
        let selected = store.mailbox_select(ANN, NAMES[which]).await.unwrap().unwrap();
        assert_eq!(
            selected.uids.iter().cloned().flatten().collect::<Vec<_>>(),
            model.mails.keys().copied().collect::<Vec<_>>()
        );
        assert_eq!((selected.info.messages as usize, selected.info.uid_next), (model.mails.len(), model.uid_next));
        let unseen = |(_, (flags, _)): &(&u32, &(u8, String))| flags & System::SEEN.bits() == 0;
        assert_eq!(selected.first_unseen, model.mails.iter().find(unseen).map(|(uid, _)| *uid));
        assert_eq!(selected.info.unseen as usize, model.mails.iter().filter(unseen).count());
        let page = store.mailbox_fetch(selected.info.id, &[1..=u32::MAX], Parts::BODY, 1_000).await.unwrap();
        let found = page.mails.into_iter().map(|mail| {
            let text = String::from_utf8(mail.content.unwrap().to_vec()).unwrap();
            (mail.uid, (mail.flags.system().bits(), text))
        });
        assert_eq!(found.collect::<BTreeMap<_, _>>(), model.mails);
    }
}

/// What `kill -9` would leave at this moment. Nothing where the log began anew meanwhile: such files were never there at once.
fn image(dir: &Path) -> Option<TempDir> {
    let image = tempfile::tempdir().unwrap();
    let log = dir.join("rohrpost.db-wal");
    // Its salts change when it begins anew.
    let salts = || std::fs::read(&log).unwrap()[16..24].to_vec();
    let before = salts();
    std::fs::copy(dir.join("rohrpost.db"), image.path().join("rohrpost.db")).unwrap();
    std::fs::copy(&log, image.path().join("rohrpost.db-wal")).unwrap();
    (salts() == before).then_some(image)
}

/// The texts and flags of both mailboxes, by UID.
async fn contents(store: &Store) -> Vec<BTreeMap<u32, (u8, String)>> {
    let mut contents = Vec::new();
    for name in NAMES {
        let info = store.mailbox(ANN, name).await.unwrap().unwrap();
        let page = store.mailbox_fetch(info.id, &[1..=u32::MAX], Parts::BODY, 1_000).await.unwrap();
        assert_eq!(info.messages as usize, page.mails.len());
        let mails = page.mails.into_iter().map(|mail| {
            let text = String::from_utf8(mail.content.unwrap().to_vec()).unwrap();
            (mail.uid, (mail.flags.system().bits(), text))
        });
        contents.push(mails.collect());
    }
    contents
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_leaves_holds_every_change_whole_or_not_at_all() {
    let mut world = World::new().await;
    let steps = [
        Step::Append(4),
        Step::Store { uids: 1..=3, op: 0, flags: System::DELETED.bits(), since: u64::MAX },
        Step::Copy(1..=4),
        Step::Expunge { uids: 1..=2, only_deleted: true },
        Step::Move { uids: 3..=9, here: false },
        Step::Undelete,
    ];
    let (mut images, mut changed) = (0, 0);
    for step in steps.iter().cycle().take(24) {
        let before = contents(world.store()).await;
        let dir = world.dir.path().to_owned();
        let meanwhile = tokio::task::spawn_blocking(move || image(&dir));
        world.take(images % 2, step.clone()).await;
        let after = contents(world.store()).await;
        let Some(image) = meanwhile.await.unwrap() else { continue };
        let store = Store::open(image.path(), Options { read_only: true, ..options() }).unwrap();
        let left = contents(&store).await;
        assert!(left == before || left == after, "{step:?} left {left:?}, which is neither {before:?} nor {after:?}");
        images += 1;
        changed += usize::from(before != after);
    }
    assert!(images > 12 && changed > 6, "{images} images, {changed} changes");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn uids_are_never_used_again_and_clients_learn_of_every_change(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for (which, step) in steps {
                world.take(which, step).await;
            }
            world.resync(0).await;
            world.resync(1).await;
            assert_sound(world.store()).await;
        });
    }
}
