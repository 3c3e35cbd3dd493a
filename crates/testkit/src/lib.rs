//! What tests are made with: real servers, and the conformance suite of the object store.

pub mod servers;
pub mod store_suite;
