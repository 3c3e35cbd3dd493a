//! The auth service: who a session token belongs to, and which roles that user holds.
//!
//! It keeps no state. Users, sessions and roles are objects, and every object is read by way of the data service.

mod objects;
mod roles;
mod rpc;
mod session;

use parsefleet_proto::v1::auth_server::{Auth, AuthServer};
use parsefleet_runtime::rpc::{Channel, Routes};

/// The service as a generated server, reading through this data service.
pub fn server(data: Channel) -> AuthServer<impl Auth> {
    AuthServer::new(rpc::AuthRpc::new(data))
}

/// The service on a port of its own.
pub fn routes(data: Channel) -> Routes {
    Routes::default().add(server(data))
}
