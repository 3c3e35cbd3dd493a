//! Users: signing up, changing, leaving, and logging in.

mod acl;
mod before_save;
mod challenge;
mod create;
mod delete;
mod identity;
mod log_in;
mod names;
mod row;
mod update;

pub(crate) use self::row::UserRow;
