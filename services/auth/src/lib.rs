//! The auth service: users, sessions and roles.
//!
//! It keeps no state. Users, sessions and roles are objects, and every object is read and written by way of the data service:
//! by [`data`] and [`objects`] with the rights of who asks, by [`rows`] with all rights and every column. What the app's own
//! code has to say about it is asked by way of data, too ([`triggers`]).

mod caller;
mod clock;
mod data;
mod emails;
mod json;
mod new_id;
mod news;
mod objects;
mod outbox;
mod passwords;
mod providers;
mod random;
mod roles;
mod rows;
mod rpc;
mod service;
mod session;
mod transact;
mod triggers;
mod users;
mod writes;

pub use crate::{news::News, service::AuthService};
