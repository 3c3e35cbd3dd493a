//! The auth service: users, sessions and roles.
//!
//! It keeps no state. Users, sessions and roles are objects, and every object is read and written by way of the data service:
//! by [`objects`] with the rights of who asks, by [`rows`] with all rights and every column.

mod news;
mod objects;
mod providers;
mod roles;
mod rows;
mod rpc;
mod service;
mod session;

pub use crate::{news::News, service::AuthService};
