//! `rohrpost doctor`: which programs of this host send mail, over which TLS, and how they would fare with a server.

mod library;
mod programs;
mod server;

use std::process::ExitCode;

use rohrpost_sender::Trust;
use serde::Serialize;

use self::{
    library::Library,
    programs::Program,
    server::{Found, Verdict},
};
use super::{print, print_rows, ways};
use crate::{
    cli,
    view::{BAD, GOOD, POOR, Styled, receipt::reasons as reasons_of, table::Table},
};

/// A program and what is to be said of it.
#[derive(Debug, Serialize)]
struct Finding {
    #[serde(flatten)]
    program: Program,
    tls12: Option<bool>,
    tls13: Option<bool>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
}

/// Looks around and prints what it found.
pub(super) async fn run(command: &cli::Doctor) -> anyhow::Result<ExitCode> {
    let named = command.server.as_deref().map(ways::named).transpose()?;
    let verifies = named.as_ref().is_none_or(|(url, _)| url.trust(&url.place().endpoint()) != Trust::Any);
    let server = match named {
        Some((_, server)) => match server::look(server).await {
            Ok(found) => Some(found),
            Err(error) => {
                anstream::eprint!("{}", reasons_of(&error));
                return Ok(error.sysexit().into());
            }
        },
        None => None,
    };
    let ourselves = Program::ours("rohrpost", std::env::current_exe().unwrap_or_default(), verifies);
    let programs = std::iter::once(ourselves).chain(programs::on_this_host());
    let findings: Vec<Finding> = programs.map(|program| finding(program, server.as_ref())).collect();
    if let (Some(found), Some(url), false) = (&server, &command.server, command.output.json) {
        print(&format!("{url} answers {}.\n\n", found.line()))?;
    }
    print_rows(command.output, &findings, table)?;
    Ok(ExitCode::SUCCESS)
}

fn finding(program: Program, server: Option<&Found>) -> Finding {
    let [tls12, tls13] = program.library.as_ref().map_or([Some(false); 2], Library::speaks);
    let verdict = server.map(|server| server.judge(&program));
    Finding { program, tls12, tls13, verdict }
}

/// The last column is there when a server was tried.
fn table(findings: &[Finding]) -> String {
    let was_tried = findings.iter().any(|finding| finding.verdict.is_some());
    let titles = ["program", "version", "TLS library", "TLS 1.2", "TLS 1.3", "file", "with the server"];
    let mut table = Table::new(if was_tried { &titles } else { &titles[..6] });
    for Finding { program, tls12, tls13, verdict } in findings {
        let cells = [
            program.name.clone(),
            program.version.clone().unwrap_or_default(),
            program.library.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string),
            word(*tls12).to_owned(),
            word(*tls13).to_owned(),
            program.path.display().to_string(),
        ];
        table.row(cells.into_iter().chain(verdict.as_ref().map(|verdict| heading(verdict).to_owned())));
    }
    table.render() + &reasons(findings)
}

fn word(speaks: Option<bool>) -> &'static str {
    match speaks {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    }
}

fn heading(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Works => "works",
        Verdict::Unsure(_) => "unsure",
        Verdict::Fails(_) => "fails",
    }
}

/// Why a program fails or may fail, a line each.
fn reasons(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let (style, why) = match finding.verdict.as_ref()? {
            Verdict::Works => return None,
            Verdict::Unsure(why) => (POOR, why),
            Verdict::Fails(why) => (BAD, why),
        };
        Some(format!("{}: {why}\n", Styled(style, &finding.program.name)))
    };
    let lines: String = findings.iter().filter_map(line).collect();
    let all_work = findings.iter().all(|finding| finding.verdict == Some(Verdict::Works));
    match (lines.is_empty(), all_work) {
        (false, _) => format!("\n{lines}"),
        (true, true) => format!("\n{}\n", Styled(GOOD, "All of them can send through this server.")),
        (true, false) => String::new(),
    }
}
