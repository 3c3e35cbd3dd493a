//! Passwords grow old, and old ones are remembered, whichever server set them.

use anyhow::Result;
use bson::doc;
use serde_json::{Value as Json, json};

use crate::town::{PASSWORD, Server, Town, User, address, moment};

/// Seconds of a day.
const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn passwords_grow_old_on_both() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let town = Town::start(folder.path(), &json!({ "passwordPolicy": { "maxPasswordAge": 2 } })).await?;
    for (one, other) in town.ways() {
        let anna = one.sign_up("Anna").await?;
        for (days, expected) in [(1, anna.id.as_str()), (3, "Your password has expired. Please reset your password.")] {
            town.set(&anna, doc! { "_password_changed_at": moment(-days * DAY) }).await?;
            for server in town.servers() {
                let answer = server.log_in(&anna, PASSWORD).await?;
                assert_eq!(answer, Json::from(expected), "{}: {days} days old", server.name);
            }
        }
        let known = other.mails_to(&anna)?;
        other.post("/requestPasswordReset", &json!({ "email": address(&anna.name) })).await?;
        other.reset(&other.token_for(&anna, known).await?, "another one").await?;
        for server in town.servers() {
            assert_eq!(server.log_in(&anna, "another one").await?, anna.id, "{}: it is new", server.name);
        }
    }
    town.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_remembered_by_both() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let town = Town::start(folder.path(), &json!({ "passwordPolicy": { "maxPasswordHistory": 3 } })).await?;
    for (one, other) in town.ways() {
        let anna = one.sign_up("Anna").await?;
        assert_eq!(set(one, &anna, "second").await?, 200, "{}", one.name);
        assert_eq!(set(other, &anna, "third").await?, 200, "{}", other.name);
        for server in town.servers() {
            for old in [PASSWORD, "second", "third"] {
                assert_eq!(set(server, &anna, old).await?, 142, "{}: {old}", server.name);
            }
        }
        assert_eq!(set(one, &anna, "fourth").await?, 200, "{}", one.name);
        assert_eq!(set(one, &anna, "second").await?, 142, "{}: it is one of three", one.name);
        assert_eq!(set(other, &anna, PASSWORD).await?, 200, "{}: it is forgotten", other.name);
        for server in town.servers() {
            assert_eq!(server.log_in(&anna, PASSWORD).await?, anna.id, "{}", server.name);
        }
    }
    town.close().await
}

/// Sets a password with the master key: the code of the error, or the status.
async fn set(server: &Server, user: &User, password: &str) -> Result<Json> {
    let (status, body) = server.change(user, &json!({ "password": password })).await?;
    Ok(body.get("code").cloned().unwrap_or_else(|| status.into()))
}
