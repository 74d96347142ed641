//! A disk that remembers what was synced and what was not, and can be looked at as a power cut would leave it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::kill::Dice;
use super::recording::{Call, Event};

/// The smallest piece that a disk writes at once.
const SECTOR: usize = 512;

/// What becomes of writes, truncations, new names and removed names that no sync has covered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cut {
    /// None of them is on the disk.
    Nothing,
    /// All of them are.
    Everything,
    /// Each of them may be, whatever came before it.
    Reordered,
    /// Each sector of each of them may be.
    Torn,
}

impl Cut {
    pub(crate) const ALL: [Self; 4] = [Self::Nothing, Self::Everything, Self::Reordered, Self::Torn];

    /// Whether something that is written or not as a whole is there.
    fn keeps(self, dice: &mut Dice) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Reordered | Self::Torn => dice.roll(2) == 0,
        }
    }
}

/// The files by their paths.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    files: BTreeMap<String, File>,
}

#[derive(Debug, Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<(usize, Change)>,
    /// Octets as the process sees them.
    length: u64,
    created: usize,
    name_durable: bool,
    unlinked: Option<usize>,
}

#[derive(Debug)]
enum Change {
    Write { at: usize, data: Vec<u8> },
    Truncate { length: usize },
}

impl Disk {
    /// Plays one more call.
    pub(crate) fn play(&mut self, event: &Event) {
        match &event.call {
            Call::Create { path } => self.create(path, event.end),
            Call::Write { path, at, data } => {
                let file = self.files.entry(path.clone()).or_default();
                let at = at.unwrap_or(file.length);
                file.length = file.length.max(at + data.len() as u64);
                file.pending.push((event.end, Change::Write { at: size(at), data: data.clone() }));
            }
            Call::Truncate { path, length } => {
                let file = self.files.entry(path.clone()).or_default();
                file.length = *length;
                file.pending.push((event.end, Change::Truncate { length: size(*length) }));
            }
            Call::Sync { path } => self.sync(path, event.start),
            Call::Unlink { path } => {
                if let Some(file) = self.files.get_mut(path) {
                    file.unlinked = Some(event.end);
                }
            }
            Call::Answer { .. } => {}
        }
    }

    fn create(&mut self, path: &str, place: usize) {
        let gone = self.files.get(path).is_none_or(|file| file.unlinked.is_some());
        if gone {
            self.files.insert(path.to_owned(), File { created: place, ..File::default() });
        }
    }

    /// A sync covers what had ended when it began: octets of a file, names of a directory.
    fn sync(&mut self, path: &str, began: usize) {
        if let Some(file) = self.files.get_mut(path) {
            let (covered, rest) = file.pending.drain(..).partition(|(ended, _)| *ended < began);
            file.pending = rest;
            let covered: Vec<(usize, Change)> = covered;
            for (_, change) in &covered {
                change.apply(&mut file.durable);
            }
            return;
        }
        self.files.retain(|name, file| {
            let inside = name.rsplit_once('/').is_some_and(|(dir, _)| dir == path);
            if inside && file.created < began {
                file.name_durable = true;
            }
            !(inside && file.unlinked.is_some_and(|ended| ended < began))
        });
    }

    /// Writes the files below `from` to `to` as a power cut leaves them.
    pub(crate) fn write(&self, cut: Cut, dice: &mut Dice, from: &Path, to: &Path) -> Result<()> {
        for (path, file) in &self.files {
            let there = (file.name_durable || cut.keeps(dice)) && (file.unlinked.is_none() || !cut.keeps(dice));
            let Ok(below) = Path::new(path).strip_prefix(from) else { continue };
            if there {
                let target = to.join(below);
                std::fs::create_dir_all(target.parent().expect("a file lies in a directory"))?;
                std::fs::write(target, file.after(cut, dice))?;
            }
        }
        Ok(())
    }
}

impl File {
    fn after(&self, cut: Cut, dice: &mut Dice) -> Vec<u8> {
        let mut octets = self.durable.clone();
        for (_, change) in &self.pending {
            match change {
                Change::Write { at, data } if cut == Cut::Torn => {
                    for (number, sector) in data.chunks(SECTOR).enumerate() {
                        if dice.roll(2) == 0 {
                            put(&mut octets, at + number * SECTOR, sector);
                        }
                    }
                }
                change if cut.keeps(dice) => change.apply(&mut octets),
                _ => {}
            }
        }
        octets
    }
}

impl Change {
    fn apply(&self, octets: &mut Vec<u8>) {
        match self {
            Self::Write { at, data } => put(octets, *at, data),
            Self::Truncate { length } => octets.resize(*length, 0),
        }
    }
}

fn put(octets: &mut Vec<u8>, at: usize, data: &[u8]) {
    let end = at + data.len();
    if octets.len() < end {
        octets.resize(end, 0);
    }
    octets[at..end].copy_from_slice(data);
}

fn size(number: u64) -> usize {
    usize::try_from(number).expect("files of the test fit in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(calls: Vec<(usize, usize, Call)>) -> Disk {
        let mut disk = Disk::default();
        for (start, end, call) in calls {
            disk.play(&Event { start, end, call });
        }
        disk
    }

    fn write(at: u64, data: &str) -> Call {
        Call::Write { path: "/d/f".to_owned(), at: Some(at), data: data.as_bytes().to_vec() }
    }

    fn path(path: &str) -> String {
        path.to_owned()
    }

    #[test]
    fn only_what_ended_before_a_sync_began_is_durable() {
        let disk = play(vec![
            (0, 0, Call::Create { path: path("/d/f") }),
            (1, 1, write(0, "abc")),
            (2, 4, write(3, "def")),
            (3, 5, Call::Sync { path: path("/d/f") }),
        ]);
        let file = &disk.files["/d/f"];
        assert_eq!(file.durable, b"abc");
        assert_eq!(file.after(Cut::Nothing, &mut Dice(1)), b"abc");
        assert_eq!(file.after(Cut::Everything, &mut Dice(1)), b"abcdef");
        assert!(!file.name_durable);
    }

    #[test]
    fn names_come_and_go_with_the_sync_of_their_directory() {
        let created = (0, 0, Call::Create { path: path("/d/f") });
        let disk =
            play(vec![created, (1, 1, Call::Sync { path: path("/d") }), (2, 2, Call::Unlink { path: path("/d/f") })]);
        assert!(disk.files["/d/f"].name_durable);
        assert!(disk.files["/d/f"].unlinked.is_some());
    }
}
