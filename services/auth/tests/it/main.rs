//! Users, sessions and roles over a data service in this process, on the embedded store and on MongoDB.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod doubt;
mod fixture;
mod functions;
mod lockout;
mod log_in;
mod passwords;
mod races;
mod sessions;
mod sign_up;
mod transactions;
mod triggers;
mod updates;
