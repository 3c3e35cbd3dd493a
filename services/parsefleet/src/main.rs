//! The one binary: every role of Parsefleet, alone or all together.

mod bus;
mod changes;
mod jobs;
mod process;
mod roles;

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use parsefleet_runtime::config::{self, Launch, Startup};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `EX_USAGE`: the command line, the environment or the configuration file is wrong.
pub(crate) const USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let environment = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    let mut arguments = arguments.peekable();
    if arguments.next_if(|first| first == "jobs").is_some() {
        return jobs::main(arguments.collect(), environment.collect());
    }
    match config::load(arguments, environment) {
        Ok(Launch::Print(text)) => {
            // Nobody is left to be told when standard output is closed.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Ok(Launch::Run(startup)) => match run(*startup) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("ERROR: {error:#}");
                ExitCode::FAILURE
            }
        },
        Err(problems) => {
            eprintln!("{problems}");
            ExitCode::from(USAGE)
        }
    }
}

fn run(startup: Startup) -> anyhow::Result<()> {
    runtime()?.block_on(process::run(startup))
}

/// What everything runs on.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // Only fails if a provider is installed already, and this is the first thing the process does.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")
}
