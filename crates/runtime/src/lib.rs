//! What every service is started with: configuration, telemetry, gRPC serving and clients, health, graceful shutdown.

pub mod config;
pub mod rpc;
