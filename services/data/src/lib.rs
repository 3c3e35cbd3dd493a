//! The data service: every object of every class. It owns the object store.

pub mod codec;
pub mod store;
