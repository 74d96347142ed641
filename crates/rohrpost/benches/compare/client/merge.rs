//! `merge` through the server, beside what that server takes from sessions of ours.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;

use super::program::Program;
use crate::{
    Options,
    figures::{Goal, OURS, Row},
    load::{Load, message},
    rows::per_second,
    servers::{Ours, scratch},
};

const ACCEPTANCE: &str = "acceptance";
const FEW: &str = "1,000 rows";
const ROWS: usize = 10_000;
/// Octets of each mail, about.
const OCTETS: usize = 4096;

pub(crate) fn rate(options: &Options) -> Result<Row> {
    let (mut ours, mut acceptance) = (Vec::new(), Vec::new());
    let rows = ROWS / options.shrink;
    for _ in 0..options.rounds {
        let campaign = Campaign::write(rows)?;
        let server = Ours::start(&["--hold"])?;
        let millis = campaign.program(&server).millis()?;
        ours.push(per_second(rows, std::time::Duration::from_secs_f64(millis / 1_000.0)));
        drop(server);
        let server = Ours::start(&["--hold"])?;
        let load = Load {
            server: server.smtp(),
            hello: "EHLO",
            sessions: 100,
            messages_per_session: 100,
            messages: rows,
            data: message(OCTETS),
            recipient: "<sink@there.test>",
            tls: None,
        };
        acceptance.push(per_second(rows, load.run()?));
    }
    let goals = vec![Goal::AtLeast { times: 0.5, column: ACCEPTANCE }];
    let job = "`merge` of 10,000 rows through the server, 4 KiB each (the server's acceptance: 100 sessions)";
    Ok(Row { job: job.to_owned(), unit: "messages/s", columns: vec![(OURS, ours), (ACCEPTANCE, acceptance)], goals })
}

/// Rows are not held, so a hundred times as many take no more.
pub(crate) fn memory(options: &Options) -> Result<Row> {
    let peak = |rows: usize| -> Result<f64> {
        let campaign = Campaign::write(rows / options.shrink)?;
        let server = Ours::start(&["--hold"])?;
        campaign.program(&server).peak_mib()
    };
    let columns = vec![(OURS, vec![peak(100_000)?]), (FEW, vec![peak(1_000)?])];
    let goals = vec![Goal::NoMoreThan { times: 1.2, column: FEW }];
    Ok(Row { job: "peak of `merge`, 100,000 rows".to_owned(), unit: "MiB", columns, goals })
}

/// Rows and the text with their places, in a directory that keeps what `merge` notes, too.
struct Campaign {
    rows: PathBuf,
    text: PathBuf,
    /// Keeps them.
    _dir: TempDir,
}

impl Campaign {
    fn write(rows: usize) -> Result<Self> {
        let dir = TempDir::new_in(scratch())?;
        let (file, text) = (dir.path().join("rows.csv"), dir.path().join("text"));
        let mut csv = String::from("email,name,number\n");
        for number in 0..rows {
            csv.push_str(&format!("customer{number}@there.test,Customer {number},{number}\n"));
        }
        std::fs::write(&file, csv)?;
        let mut lines = String::from("Dear {{ name }},\n\nyour invoice {{ number }} is ready.\n\n");
        while lines.len() < OCTETS {
            lines.push_str("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\n");
        }
        std::fs::write(&text, lines)?;
        Ok(Self { rows: file, text, _dir: dir })
    }

    fn program(&self, server: &Ours) -> Program {
        let path = |path: &Path| path.display().to_string();
        let (rows, text) = (path(&self.rows), path(&self.text));
        let arguments = ["merge", &rows, "--from", "ann@here.test", "--subject", "Invoice {{ number }}", "--local"];
        let arguments = arguments.into_iter().chain(["--text-file", &text]);
        Program {
            name: OURS,
            file: env!("CARGO_BIN_EXE_rohrpost").into(),
            called: None,
            arguments: arguments.map(str::to_owned).collect(),
            environment: vec![("ROHRPOST_CONFIG", server.settings())],
            input: "/dev/null".into(),
        }
    }
}
