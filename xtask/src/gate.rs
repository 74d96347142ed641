//! Everything but the tests that has to be green before a change lands.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{arrows, deny, fuzz, power, programs, shell, tidy};

/// A stage of the gate.
type Stage = (&'static str, fn() -> Result<()>);

/// The stages in the order of what they cost.
const STAGES: &[Stage] = &[
    ("tidy", tidy::run),
    ("arrows", arrows::run),
    ("clippy", clippy),
    ("deny", deny::run),
    ("fuzz", || fuzz::run(fuzz::SECONDS)),
    ("power", || power(power::ROUNDS)),
];

/// Runs every stage and prints how long each took. Stops at the first that is red.
pub(crate) fn run() -> Result<()> {
    let mut timings = Vec::new();
    for (name, stage) in STAGES {
        eprintln!("gate: {name}");
        let start = Instant::now();
        let outcome = stage();
        timings.push((*name, start.elapsed()));
        if outcome.is_err() {
            print_table(&timings);
        }
        outcome.with_context(|| format!("gate: {name} is red"))?;
    }
    print_table(&timings);
    println!("gate: green");
    Ok(())
}

/// Lints everything, warnings being errors.
pub(crate) fn clippy() -> Result<()> {
    let mut cargo = shell::cargo();
    cargo.args(["clippy", "--workspace", "--all-targets", "--release", "--locked", "--", "--deny", "warnings"]);
    shell::run(&mut cargo)
}

/// Proves that nothing is lost, with `rounds` kills. Its programs are looked for first.
pub(crate) fn power(rounds: u32) -> Result<()> {
    programs::provide()?;
    power::run(rounds)
}

fn print_table(timings: &[(&str, Duration)]) {
    println!("stage    seconds");
    for (name, took) in timings {
        println!("{name:<8} {:>7.1}", took.as_secs_f64());
    }
}
