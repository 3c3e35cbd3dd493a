//! gRPC between the services: one channel type for a service in this process and one across the network, one way to
//! serve.
//!
//! tonic's types appear here, in `proto` and in each service's RPC edge, nowhere else.

mod balance;
mod channel;
pub mod deadline;
mod dial;
mod endpoint;
pub mod error;
mod local;
mod method;
mod probe;
mod remote;
mod resolve;
mod server;
pub mod tls;

pub use channel::{Channel, ClientOptions, ConnectError};
pub use error::parse_error;
pub use local::in_process;
pub use server::{Routes, ServeError, ServeOptions, serve};

/// Request and response bodies of gRPC calls.
pub type Body = tonic::body::Body;

/// Largest message between services. Clients and servers have to be told:
/// `DataServer::new(…).max_decoding_message_size(MESSAGE_LIMIT)`, or they stop at tonic's 4 MiB.
pub const MESSAGE_LIMIT: usize = 512 * 1024 * 1024;

/// Largest list of headers or trailers: an error's text travels in them.
const MAX_HEADERS: u32 = 1024 * 1024;

/// Largest HTTP/2 frame: a page of objects fits into one.
const MAX_FRAME: u32 = 256 * 1024;
