//! Arrows point one way: core <- proto <- {runtime, cache, bus} <- services. A service knows another one only by its generated
//! client, so no service depends on another; only the binary knows them all.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// What each crate of the workspace may depend on, tests aside.
const ALLOWED: [(&str, &[&str]); 13] = [
    ("parsefleet-core", &[]),
    ("parsefleet-proto", &["parsefleet-core"]),
    ("parsefleet-runtime", &["parsefleet-core", "parsefleet-proto"]),
    ("parsefleet-cache", &["parsefleet-core"]),
    ("parsefleet-mustache", &[]),
    ("parsefleet-bus", &[]),
    (
        "parsefleet-gateway",
        &["parsefleet-core", "parsefleet-proto", "parsefleet-runtime", "parsefleet-cache", "parsefleet-mustache"],
    ),
    (
        "parsefleet-auth",
        &["parsefleet-core", "parsefleet-proto", "parsefleet-runtime", "parsefleet-cache", "parsefleet-bus"],
    ),
    ("parsefleet-data", &["parsefleet-core", "parsefleet-proto", "parsefleet-runtime", "parsefleet-cache"]),
    (
        "parsefleet-email",
        &["parsefleet-core", "parsefleet-proto", "parsefleet-runtime", "parsefleet-bus", "parsefleet-mustache"],
    ),
    (
        "parsefleet",
        &[
            "parsefleet-core",
            "parsefleet-proto",
            "parsefleet-runtime",
            "parsefleet-cache",
            "parsefleet-bus",
            "parsefleet-gateway",
            "parsefleet-auth",
            "parsefleet-data",
            "parsefleet-email",
        ],
    ),
    ("parsefleet-testkit", &["parsefleet-core", "parsefleet-bus", "parsefleet-data"]),
    (
        "parsefleet-tests",
        &[
            "parsefleet-core",
            "parsefleet-proto",
            "parsefleet-bus",
            "parsefleet-runtime",
            "parsefleet-data",
            "parsefleet-testkit",
        ],
    ),
];

#[test]
fn crates_depend_only_on_what_is_below_them() -> Result<()> {
    let output = Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let allowed = BTreeMap::from(ALLOWED);
    let packages = metadata["packages"].as_array().context("no packages")?;
    assert_eq!(packages.len(), allowed.len(), "every crate of the workspace is listed here");
    for package in packages {
        let name = package["name"].as_str().context("a package has a name")?;
        let below = allowed.get(name).with_context(|| format!("{name} is not listed here"))?;
        for dependency in package["dependencies"].as_array().context("no dependencies")? {
            let target = dependency["name"].as_str().context("a dependency has a name")?;
            let is_for_tests = dependency["kind"] == "dev";
            assert!(
                !target.starts_with("parsefleet") || is_for_tests || below.contains(&target),
                "{name} may not depend on {target}"
            );
        }
    }
    Ok(())
}
