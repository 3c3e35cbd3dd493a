//! What tests are made with: real servers, and the conformance suites of the object store and of the bus.

pub mod bus_suite;
pub mod servers;
pub mod store_suite;
