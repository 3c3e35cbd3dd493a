//! The parsers of client input, for fuzz targets: nothing else of a gateway can be reached from outside.

use bytes::Bytes;
use parsefleet_runtime::config::Config;

use crate::{body::Members, mount::Mount, routes};

/// Reads the body of a `/batch` request, its parts with their routes, and what these ask for.
pub fn batch(config: &Config, body: &[u8]) {
    let Ok(body) = Members::split(Bytes::copy_from_slice(body)) else { return };
    routes::read_batch(&Mount::new(&config.http), &body);
}
