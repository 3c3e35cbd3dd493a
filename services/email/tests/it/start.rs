//! What could not send anything does not start, and says why.

use anyhow::{Context as _, Result};
use parsefleet_email::EmailService;
use serde_json::{Value, json};

use super::config;

fn problem(options: Value, folder: &std::path::Path) -> Result<String> {
    let started = EmailService::try_new(&config("smtp", options, folder)?);
    Ok(started.err().context("it started")?.to_string())
}

#[tokio::test]
async fn what_cannot_send_does_not_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (missing, garbage) = (folder.path().join("missing.pem"), folder.path().join("garbage.pem"));
    std::fs::write(&garbage, "no certificate")?;
    let smtp = |name: &str, value: Value| {
        let mut options = json!({ "host": "localhost", "from": "a@b.c" });
        options[name] = value;
        options
    };
    for (options, expected) in [
        (smtp("from", json!("a@b@c.d")), "emailAdapter: from is no address"),
        (smtp("replyTo", json!("a@b..c")), "emailAdapter: replyTo is no address"),
        (smtp("caFile", json!(missing)), "missing.pem cannot be used: "),
        (smtp("caFile", json!(garbage)), "garbage.pem cannot be used: "),
    ] {
        let problem = problem(options, folder.path())?;
        assert!(problem.contains(expected), "{problem}");
    }
    Ok(())
}

#[tokio::test]
async fn a_record_that_cannot_be_written_is_told_at_the_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    std::fs::write(&file, "")?;
    let problem = problem(json!({ "host": "localhost", "from": "a@b.c" }), &file)?;
    assert!(problem.starts_with("open the record of sent mails: the file of sent mails: "), "{problem}");
    Ok(())
}
