//! `rohrpost merge`: one mail for each row of a file, each sent once.
//!
//! | module | what it is |
//! |---|---|
//! | [`rows`] | the file, row by row |
//! | [`letter`] | the mail with its places |
//! | [`journal`] | what was sent, on disk |
//! | [`way`] | who takes the mails |
//! | [`host`] | the server on this host, which may be one of them |
//! | [`run`] | sending |
//! | [`pace`] | how fast |
//! | [`report`] | what became of everybody |
//!
//! The file is read twice. First every row is made into a mail, and all that cannot be is listed: then nothing is sent.
//! Memory does not grow with the number of rows.

mod host;
mod journal;
mod letter;
mod limits;
mod pace;
mod report;
mod rows;
mod run;
mod way;

use std::{
    ffi::OsString,
    fs,
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{self, Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use rohrpost_sender::Mail;

pub(crate) use self::{
    host::Host,
    limits::{CONNECTIONS, CONNECTIONS_MAX},
    way::Way,
};
use self::{
    journal::{Journal, Tally, Word},
    letter::Letter,
    limits::FAULTS_LISTED_MAX,
    report::Report,
    rows::{RowFault, Table},
    run::Run,
    way::Stop,
};
use crate::{
    cli,
    commands::print,
    exit::{Exit, Failure},
    view::{BAD, DIM, Styled},
};

/// Checks all rows, sends those that were not sent yet, and says what became of them.
pub(crate) async fn run(options: &cli::Merge, way: Way) -> anyhow::Result<ExitCode> {
    let state = state(options);
    spare(options, &state)?;
    let (letter, table) = open(options)?;
    let digest = table.digest(letter.identity()).with_context(|| options.rows.display().to_string())?;
    let digest = digest.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"));
    let begin = || Journal::open(&state, &digest, options.after_dot);
    // Where nothing can be sent there is nothing to note.
    let earlier = state.exists().then(begin).transpose()?;
    let wants = |row| earlier.as_ref().is_none_or(|journal| journal.wants(row));
    let (rows, _) = check(&table, &letter, &options.rows, wants)?;
    let report = options.report.as_deref().map(Report::begin).transpose()?;
    let mut journal = earlier.map_or_else(begin, Ok)?;
    let way = Arc::new(way);
    let sent = Run::new(&table, &letter, &mut journal, way.clone(), options, rows).send().await;
    way.close().await;
    let closed = journal.close();
    let reported = report.map_or(Ok(()), |report| report.write(&journal));
    let (left, tally) = (journal.open_rows(rows), journal.tally());
    if !options.output.json {
        print(&format!("{tally}\n"))?;
    }
    explain(sent.as_ref().ok().and_then(Option::as_ref), left, &state);
    closed.and(reported)?;
    Ok(exit(sent?.as_ref(), left, tally))
}

/// Checks all rows, prints the mail of the first, and sends nothing.
pub(crate) fn dry_run(options: &cli::Merge) -> anyhow::Result<ExitCode> {
    let (letter, table) = open(options)?;
    let (rows, first) = check(&table, &letter, &options.rows, |_| true)?;
    let mut mail = Vec::new();
    first.context("a row was good, so there is one")?.reader().read_to_end(&mut mail)?;
    let good = if rows == 1 {
        "The row is good. Its mail:".to_owned()
    } else {
        format!("All {rows} rows are good. The mail of the first:")
    };
    eprintln!("{good}");
    print(&String::from_utf8_lossy(&mail))?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses to write over a file that is read, or to keep two things in one.
fn spare(options: &cli::Merge, state: &Path) -> Result<(), Failure> {
    let cli::Merge { rows, letter, servers, report, .. } = options;
    let read = [Some(rows), letter.text_file.as_ref(), letter.html_file.as_ref(), servers.password_file.as_ref()];
    let read: Vec<&Path> = read.into_iter().flatten().map(PathBuf::as_path).collect();
    let kept = read.iter().copied().chain([state]);
    let report = report.iter().flat_map(|report| kept.clone().map(move |other| ("--report", report.as_path(), other)));
    let state = read.iter().map(|other| ("--state", state, *other));
    match report.chain(state).find(|(_, written, other)| is_same(written, other)) {
        Some((option, written, _)) => {
            let why = format!("{option}: {} is used for something else", written.display());
            Err(Failure::new(Exit::Usage, why))
        }
        None => Ok(()),
    }
}

/// Whether two names lead to one file; where one of them leads nowhere yet, whether the names are the same.
fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => path::absolute(one).ok() == path::absolute(other).ok(),
    }
}

fn open(options: &cli::Merge) -> anyhow::Result<(Letter, Table)> {
    let letter = Letter::new(&options.letter)?;
    let table = Table::open(&options.rows).with_context(|| options.rows.display().to_string())?;
    Ok((letter, table))
}

/// Where the journal is.
fn state(options: &cli::Merge) -> PathBuf {
    options.state.clone().unwrap_or_else(|| {
        let mut name = OsString::from(&options.rows);
        name.push(".state");
        name.into()
    })
}

/// Makes every row that is wanted into a mail. How many rows there are, and the first mail.
fn check(
    table: &Table,
    letter: &Letter,
    path: &Path,
    wants: impl Fn(u64) -> bool,
) -> anyhow::Result<(u64, Option<Mail>)> {
    let (mut count, mut wanted, mut faulty, mut first) = (0_u64, 0_u64, 0_u64, None);
    let rows = table.rows().map_err(|fault| Failure::new(Exit::Data, format!("{}: {fault}", path.display())))?;
    for (line, values) in rows {
        count += 1;
        if !wants(count) {
            continue;
        }
        wanted += 1;
        let fatal = matches!(values, Err(RowFault::Io(_)));
        let mail = values.map_err(|fault| fault.to_string());
        match mail.and_then(|values| letter.fill(&values).map_err(|error| error.to_string())) {
            Ok(mail) => first = first.or(Some(mail)),
            Err(fault) => {
                faulty += 1;
                if faulty <= FAULTS_LISTED_MAX {
                    eprintln!("{}:{line}: {fault}", path.display());
                }
            }
        }
        if fatal {
            break;
        }
    }
    if faulty > FAULTS_LISTED_MAX {
        eprintln!("and {} more", faulty - FAULTS_LISTED_MAX);
    }
    match count {
        0 => Err(Failure::new(Exit::Data, format!("{}: no row", path.display())).into()),
        _ if faulty > 0 => {
            let why = format!("{faulty} of {wanted} rows cannot be sent, so none of them was");
            Err(Failure::new(Exit::Data, why).into())
        }
        count => Ok((count, first)),
    }
}

/// Says on standard error why it ended before its end, and how to go on.
fn explain(stop: Option<&Stop>, left: u64, state: &Path) {
    if let Some(Stop { why, hint, .. }) = stop {
        anstream::eprintln!("{} {why}", Styled(BAD, "rohrpost:"));
        if let Some(hint) = hint {
            anstream::eprintln!("{} {hint}", Styled(DIM, "    hint:"));
        }
    }
    if left > 0 {
        let rows = if left == 1 { "row is" } else { "rows are" };
        eprintln!("{left} {rows} left. The same command goes on with them: {} knows what was sent.", state.display());
    }
}

/// How the program ends: first by what is left to do, then by the worst fate.
fn exit(stop: Option<&Stop>, left: u64, tally: Tally) -> ExitCode {
    match stop {
        Some(stop) => ExitCode::from(stop.code),
        None if left > 0 => Exit::TempFail.into(),
        None if tally.count(Word::Unknown) > 0 => Exit::Io.into(),
        None if tally.count(Word::Refused) > 0 => Exit::Unavailable.into(),
        None => ExitCode::SUCCESS,
    }
}
