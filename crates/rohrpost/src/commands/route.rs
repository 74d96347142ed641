//! `rohrpost route`

use std::process::ExitCode;

use jiff::Timestamp;

use super::{mismatch, print, print_json, print_rows};
use crate::{
    cli::{self, Place},
    control::{Answer, Request},
    door::Door,
    view,
};

/// Runs one of the commands about ways out.
pub(super) async fn run(place: &Place, command: cli::Route) -> anyhow::Result<ExitCode> {
    let door = Door::find(place)?;
    match command {
        cli::Route::List { output } => {
            let Answer::Routes(rows) = door.ask(Request::RouteList).await? else { return Err(mismatch()) };
            print_rows(output, &rows, |rows| view::route::list(rows, Timestamp::now()))?;
        }
        cli::Route::Retry { name, output } => {
            let Answer::Count(count) = door.ask(Request::RouteRetry { name }).await? else { return Err(mismatch()) };
            if output.json {
                print_json([serde_json::json!({ "recipients": count })])?;
            } else {
                print(&format!("{} due now\n", view::count(count, "recipient")))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
