//! Every write and sync of the server under load, as strace saw them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};

use super::client::{self, Acknowledged, Load};
use super::server::Server;

/// A recorded run.
#[derive(Debug)]
pub(crate) struct Recording {
    /// The data directory that was recorded.
    pub(crate) dir: PathBuf,
    /// In the order in which they ended.
    pub(crate) events: Vec<Event>,
    /// What the client got 250 for.
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// The events that sent the 250s, by the id that they name.
    answers: HashMap<String, usize>,
    /// The writes that hold a marker or an id.
    mentions: HashMap<String, Vec<usize>>,
}

/// A call that succeeded. `start` and `end` are places in the recording: another call of another thread may lie between.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) call: Call,
}

/// What a call did. Paths are absolute.
#[derive(Debug)]
pub(crate) enum Call {
    Create { path: String },
    Write { path: String, at: Option<u64>, data: Vec<u8> },
    Truncate { path: String, length: u64 },
    Sync { path: String },
    Unlink { path: String },
    Answer { text: String },
}

impl Event {
    /// The file of a write.
    pub(crate) fn path(&self) -> Option<&str> {
        if let Call::Write { path, .. } = &self.call { Some(path) } else { None }
    }

    /// The markers and ids that a write holds.
    fn mentions(&self) -> impl Iterator<Item = String> {
        let data = if let Call::Write { data, .. } = &self.call { data.as_slice() } else { &[] };
        let token = move |lead: &'static [u8], keep: usize| {
            let starts = data.windows(lead.len()).enumerate().filter(move |(_, window)| *window == lead);
            starts.map(move |(at, _)| {
                let rest = &data[at + lead.len() - keep..];
                let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-');
                text_of(&rest[..end.unwrap_or(rest.len())])
            })
        };
        token(b"mark-", 5).chain(token(b"\"message\":\"", 0))
    }
}

impl Recording {
    pub(crate) fn new(dir: PathBuf, events: Vec<Event>, acknowledged: Vec<Acknowledged>) -> Self {
        let answers = events.iter().enumerate().flat_map(|(at, event)| ids(event).map(move |id| (id, at))).collect();
        let mut mentions = HashMap::<String, Vec<usize>>::new();
        for (at, event) in events.iter().enumerate() {
            event.mentions().for_each(|text| mentions.entry(text).or_default().push(at));
        }
        Self { dir, events, acknowledged, answers, mentions }
    }

    /// The event that sent the 250 for an id.
    pub(crate) fn answer(&self, id: &str) -> Option<&Event> {
        self.answers.get(id).map(|at| &self.events[*at])
    }

    /// The writes that hold a marker or an id, in their order.
    pub(crate) fn writes(&self, text: &str) -> impl DoubleEndedIterator<Item = &Event> {
        self.mentions.get(text).into_iter().flatten().map(|at| &self.events[*at])
    }
}

/// The calls that can change a disk, and those that can carry a 250.
const CALLS: &str = "trace=open,openat,creat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,\
                     sync_file_range,ftruncate,truncate,fallocate,unlink,unlinkat,rename,renameat,renameat2,link,linkat,\
                     copy_file_range,sendfile,splice,mmap";

/// Calls that the store does not make on its files. A recording with one of them would prove nothing.
const UNKNOWN: [&str; 11] = [
    "pwritev",
    "pwritev2",
    "sync_file_range",
    "fallocate",
    "rename",
    "renameat",
    "renameat2",
    "linkat",
    "copy_file_range",
    "sendfile",
    "splice",
];

/// Records a run: some load, and an orderly stop, which moves the log into the database.
pub(crate) fn record() -> Result<Recording> {
    let dir = super::directory("recording")?;
    let trace = dir.with_extension("strace");
    let inside =
        ["strace", "-f", "-y", "-xx", "--seccomp-bpf", "-qq", "-s", "1000000", "-e", "signal=none", "-e", CALLS];
    let inside = inside.iter().map(OsString::from).chain(["-o".into(), trace.clone().into_os_string()]);
    let server = Server::start(&dir, &["--hold"], &inside.collect::<Vec<_>>())?;
    let load = Load { name: "r".to_owned(), sessions: 6, messages: 150, large_every: 15, reconnect: false };
    let sent = client::send(server.smtp, &load, &AtomicBool::new(false));
    server.stop()?;
    if sent.acknowledged.len() != load.sessions * load.messages {
        bail!("{} messages were taken, refusals: {:?}", sent.acknowledged.len(), sent.refusals);
    }
    let events = parse(&trace, &dir)?;
    std::fs::remove_file(trace)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(Recording::new(dir, events, sent.acknowledged))
}

/// The ids that an answer names.
fn ids(event: &Event) -> impl Iterator<Item = String> {
    let text = if let Call::Answer { text } = &event.call { text.as_str() } else { "" };
    text.lines().filter_map(client::queue_id).map(str::to_owned)
}

/// Reads strace's output: keeps what concerns `dir`, and the answers.
fn parse(trace: &Path, dir: &Path) -> Result<Vec<Event>> {
    let dir = dir.to_str().context("the directory has an unusual name")?;
    let mut unfinished: HashMap<String, (usize, String)> = HashMap::new();
    let mut events = Vec::new();
    for (place, line) in BufReader::new(File::open(trace)?).lines().enumerate() {
        let line = line?;
        let (thread, text) = line.split_once(' ').with_context(|| format!("strace wrote {line:?}"))?;
        let text = text.trim_start();
        if let Some(begin) = text.strip_suffix("<unfinished ...>") {
            unfinished.insert(thread.to_owned(), (place, begin.to_owned()));
            continue;
        }
        let (start, whole) = match text.split_once(" resumed>") {
            Some((_, end)) if text.starts_with("<... ") => {
                let (start, begin) = unfinished.remove(thread).context("a call ended that had not begun")?;
                (start, begin + end)
            }
            _ => (place, text.to_owned()),
        };
        if let Some(call) = call(&whole, dir)? {
            events.push(Event { start, end: place, call });
        }
    }
    Ok(events)
}

/// One finished call; nothing when it failed or concerns something else.
fn call(text: &str, dir: &str) -> Result<Option<Call>> {
    let Some((name, rest)) = text.split_once('(') else { return Ok(None) };
    let Some((arguments, result)) = rest.rsplit_once(" = ") else { return Ok(None) };
    let digits = result.split(|c: char| c != '-' && !c.is_ascii_digit()).next().unwrap_or_default();
    let Ok(result @ 0..) = digits.parse::<i64>() else { return Ok(None) };
    let arguments = arguments.trim_end().trim_end_matches(')').trim_end();
    let path = match name {
        "openat" | "open" | "creat" | "unlink" | "unlinkat" => strings(arguments).next().map(|bytes| text_of(&bytes)),
        _ => descriptor(arguments),
    };
    let Some(path) = path else { return Ok(None) };
    let number = || -> Result<u64> {
        let last = arguments.rsplit(", ").next().unwrap_or_default();
        last.parse().with_context(|| format!("{name} has no number at its end"))
    };
    if path.starts_with("socket:") || path.starts_with("TCP:") {
        let text = text_of(&strings(arguments).collect::<Vec<_>>().concat());
        return Ok(text.contains("queued as").then_some(Call::Answer { text }));
    }
    let inside = path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let of_store = path == dir || path.contains("/rohrpost.db") || path.contains("/bodies");
    if !inside || !of_store || path.contains("/there") || path.ends_with("-shm") {
        return Ok(None);
    }
    let data = || {
        let mut data = strings(arguments).collect::<Vec<_>>().concat();
        data.truncate(usize::try_from(result).unwrap_or(usize::MAX));
        data
    };
    Ok(match name {
        "openat" | "open" if arguments.contains("O_CREAT") => Some(Call::Create { path }),
        "write" | "writev" => Some(Call::Write { path, at: None, data: data() }),
        "pwrite64" => Some(Call::Write { path, at: Some(number()?), data: data() }),
        "fsync" | "fdatasync" => Some(Call::Sync { path }),
        "ftruncate" => Some(Call::Truncate { path, length: number()? }),
        "unlink" | "unlinkat" => Some(Call::Unlink { path }),
        name if UNKNOWN.contains(&name) => bail!("the store has learnt to call {name}, which this proof does not know"),
        _ => None,
    })
}

/// The path that `-y` shows beside the first descriptor.
fn descriptor(arguments: &str) -> Option<String> {
    let (_, rest) = arguments.split_once('<')?;
    let (path, _) = rest.split_once('>')?;
    Some(text_of(&unhex(path)))
}

/// The strings among the arguments.
fn strings(arguments: &str) -> impl Iterator<Item = Vec<u8>> {
    arguments.split('"').skip(1).step_by(2).map(unhex)
}

/// `\x41\x42` to `AB`. Text that is not in hex stays as it is.
fn unhex(text: &str) -> Vec<u8> {
    if !text.starts_with("\\x") {
        return text.as_bytes().to_vec();
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default();
    text.as_bytes().chunks_exact(4).map(|four| digit(four[2]) << 4 | digit(four[3])).collect()
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_the_store_are_read_and_others_left_out() {
        let write =
            r#"pwrite64(7<\x2f\x64\x2f\x72\x6f\x68\x72\x70\x6f\x73\x74\x2e\x64\x62>, "\x41\x42", 2, 16384) = 2"#;
        let Some(Call::Write { path, at, data }) = call(write, "/d").unwrap() else { panic!("a write is expected") };
        assert_eq!((path.as_str(), at, data.as_slice()), ("/d/rohrpost.db", Some(16_384), b"AB".as_slice()));
        assert!(call(&write.replace("= 2", "= -1 EIO (Input/output error)"), "/d").unwrap().is_none());
        assert!(call(write, "/elsewhere").unwrap().is_none());
        let short = write.replace("= 2", "= 1");
        let Some(Call::Write { data, .. }) = call(&short, "/d").unwrap() else { panic!("a write is expected") };
        assert_eq!(data, b"A");
        assert!(call("fallocate(7</d/rohrpost.db>, 0, 0, 10) = 0", "/d").is_err());
        let sync = call("fdatasync(7</d/rohrpost.db>)        = 0", "/d").unwrap();
        assert!(matches!(sync, Some(Call::Sync { .. })));
    }
}
