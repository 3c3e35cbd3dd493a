//! What every service is started with: configuration, telemetry, gRPC serving and clients, health, graceful shutdown.

pub mod admin;
pub mod config;
pub mod health;
pub mod http;
pub mod rpc;
pub mod shutdown;
pub mod telemetry;

pub use health::Readiness;
pub use shutdown::Shutdown;
