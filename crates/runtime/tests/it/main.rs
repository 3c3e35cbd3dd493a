//! Tests of the runtime over real sockets.

#![allow(clippy::disallowed_methods, reason = "tests end with their process")]
#![allow(clippy::unwrap_used, reason = "a failed test is what it is for")]
#![allow(unreachable_pub, reason = "one binary")]

mod admin;
mod balance;
mod calls;
mod http_stop;
mod mutual_tls;
mod silence;
mod support;
