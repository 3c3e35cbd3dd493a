//! The binary as its users meet it: started as a process, spoken to over HTTP.

#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod exit;
mod fleet;
mod program;
mod quick_start;
