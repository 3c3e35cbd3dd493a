//! No job is lost: not when the broker is killed or stopped, and not when a process is killed that publishes or works.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

mod command;
mod kill;
mod outage;
mod support;
