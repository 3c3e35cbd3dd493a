//! `make bench`: how fast is Parsefleet, next to Parse Server and next to the floor, in one run on one machine?
//!
//! The floor is the least that a server on MongoDB can do: an axum handler that returns the driver's raw BSON. Machines
//! differ and are shared, so that only ratios within one run mean anything: every round asks each server in turn.
//! `BENCH_SECONDS` (per measurement, default 5), `BENCH_ROUNDS` (default 3), `BENCH_ONLY` (part of a scenario's name) and
//! `BENCH_OBJECTS` (size of the large class, default 1,000,000) change the run.

#![allow(clippy::print_stdout, reason = "its output is its purpose")]
#![allow(clippy::disallowed_methods, reason = "it measures answers, and does not look through them")]

mod floor;
mod large;
mod load;
mod report;
mod scenario;
mod target;

use anyhow::{Context as _, Result};

use crate::{
    load::Load,
    report::Report,
    scenario::{STAGES, Setting, Stage},
    target::Targets,
};

#[tokio::main]
async fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some("floor") {
        return floor::serve().await;
    }
    let seconds: u32 = number("BENCH_SECONDS", 5)?;
    let rounds: u32 = number("BENCH_ROUNDS", 3)?;
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    let mut report = Report::default();
    for stage in &STAGES {
        if stage.scenarios.iter().any(|scenario| scenario.name.contains(&only)) {
            measure(stage, &only, seconds, rounds, &mut report).await?;
        }
    }
    println!("{report}");
    Ok(())
}

/// Measures the scenarios of a stage whose names have `only` in them.
async fn measure(stage: &Stage, only: &str, seconds: u32, rounds: u32, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let targets = match stage.setting {
        Setting::Usual => Targets::start(folder.path()).await?,
        Setting::Large => large::start(folder.path(), number("BENCH_OBJECTS", 1_000_000)?).await?,
    };
    for scenario in stage.scenarios.iter().filter(|scenario| scenario.name.contains(only)) {
        for round in 0..=rounds {
            for target in targets.all() {
                let Some(load) = Load::prepare(folder.path(), scenario, target)? else { continue };
                // The first round warms up: connections, caches, just-in-time compilers.
                let duration = if round == 0 { 1 } else { seconds }.max(scenario.kind.least_seconds());
                let measured =
                    load.run(duration, target).with_context(|| format!("{} on {}", scenario.name, target.name))?;
                eprintln!("{} on {}: {:.0} requests a second", scenario.name, target.name, measured.per_second);
                if round > 0 {
                    report.add(scenario.name, target.name, measured);
                }
            }
        }
    }
    targets.stop().await
}

fn number(variable: &str, default: u32) -> Result<u32> {
    match std::env::var(variable) {
        Ok(text) => text.parse().with_context(|| format!("{variable} is not a number")),
        Err(_) => Ok(default),
    }
}
