//! The app's own code, asked over HTTP.

mod asked;
mod delete;
mod save;
mod transact;
