//! The body of a batch never panics, whatever its parts, their paths and their parameters are; what is sent on of it is JSON.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use parsefleet_runtime::config::{Config, Launch, load};

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let given = ["--appId", "app", "--masterKey", "key"].map(str::to_owned);
    match load(given, []) {
        Ok(Launch::Run(startup)) => startup.config,
        _ => panic!("an app and its key are all that a server needs"),
    }
});

fuzz_target!(|body: &[u8]| parsefleet_gateway::fuzzing::batch(&CONFIG, body));
