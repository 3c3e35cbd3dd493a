//! The contract between Parsefleet's services: generated messages, clients and servers, and the typed error they carry.

mod context;
mod error;

pub use error::{error_from_status, status_from_error};

/// Messages, clients and servers of package `parsefleet.v1`.
pub mod v1 {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
    tonic::include_proto!("parsefleet.v1");
}

/// The encoded descriptors of every service, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
