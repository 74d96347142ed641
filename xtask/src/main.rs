//! The tasks of this workspace, run as `cargo xtask TASK`.
//!
//! [`test`] runs every test and [`gate`] everything else that has to be green; the other tasks are the gate's stages,
//! each callable alone. This program is for those who work on Rohrpost and is never shipped.

mod apt;
mod arrows;
mod bench;
mod deb;
mod deny;
mod docs;
mod fuzz;
mod gate;
mod layout;
mod man;
mod peers;
mod power;
mod programs;
mod release;
mod rfc;
mod shell;
mod test;
mod tidy;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// The tasks of the Rohrpost workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Find or install the programs that the tests drive, build, run every test.
    Test,
    /// Measure beside Postfix and a ceiling, with `client` first beside other senders; write `docs/benchmarks.md`.
    Bench {
        /// `client`, and for the benchmark: `--rounds N`, `--only TEXT`, `--shrink N`; with these it only prints.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Find or install the programs that the tests drive, nothing else.
    Programs,
    /// Run every stage below, in this order, and print how long each took.
    Gate,
    /// Check sizes, unfinished marks, module docs, white space and formatting.
    Tidy,
    /// Check that crates depend only on what the map allows.
    Arrows,
    /// Make the configuration reference and the sample from doc comments.
    Docs {
        /// Write nothing, fail when a file is not as it should be.
        #[arg(long)]
        check: bool,
    },
    /// Make the list of standards from the table and from the citations in the code.
    Rfc {
        /// Write nothing, fail when the page is not as it should be.
        #[arg(long)]
        check: bool,
    },
    /// Write the manual pages into `man1` and `man5` below a folder.
    Man {
        /// The folder.
        folder: PathBuf,
        /// The program that they are about, in the place of one that is built now.
        #[arg(long)]
        binary: Option<PathBuf>,
    },
    /// Make the Debian packages, in `target/deb`.
    Deb {
        /// The program to pack, in the place of one that is built now.
        #[arg(long)]
        binary: Option<PathBuf>,
        /// Where the packages are put.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Trace short commands, and write which functions are to lie side by side in the program.
    Layout,
    /// Lint everything, warnings being errors.
    Clippy,
    /// Check licences, banned crates and sources.
    Deny,
    /// Build and run every fuzz target.
    Fuzz {
        /// Seconds of fuzzing, shared by all targets.
        #[arg(long, default_value_t = fuzz::SECONDS)]
        seconds: u64,
    },
    /// Prove that nothing is lost: kills, crash images, order of syncs, failing disks.
    Power {
        /// How often the server is killed.
        #[arg(long, default_value_t = power::ROUNDS)]
        rounds: u32,
    },
}

fn main() -> ExitCode {
    match run(Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Test => test::run(),
        Task::Bench { arguments } => bench::run(&arguments),
        Task::Programs => programs::provide(),
        Task::Gate => gate::run(),
        Task::Tidy => tidy::run(),
        Task::Arrows => arrows::run(),
        Task::Docs { check } => docs::run(check),
        Task::Rfc { check } => rfc::run(check),
        Task::Deb { binary, folder } => deb::run(binary, folder),
        Task::Man { folder, binary } => man::write(&release::binary(binary)?, &folder),
        Task::Layout => layout::run(),
        Task::Clippy => gate::clippy(),
        Task::Deny => deny::run(),
        Task::Fuzz { seconds } => fuzz::run(seconds),
        Task::Power { rounds } => gate::power(rounds),
    }
}
