//! Generates messages, clients and servers from the `.proto` files, without protoc.

#![allow(clippy::disallowed_methods, reason = "cargo tells a build script by its environment")]

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=parsefleet");
    let files =
        ["common", "auth", "data", "hooks", "rows", "schema", "mail"].map(|name| format!("parsefleet/v1/{name}.proto"));
    let descriptors = protox::compile(files, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".")
        .generate_default_stubs(true)
        .skip_debug([".parsefleet.v1.RequestContext"])
        .compile_fds(descriptors)?;
    Ok(())
}
