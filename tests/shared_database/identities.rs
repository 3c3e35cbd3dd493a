//! A user of one server logs in on the other: by password, session, and identity.

use anyhow::Result;
use serde_json::{Value as Json, json};

use crate::town::{PASSWORD, Server, Town};

/// What both say of a wrong name or password.
const WRONG: &str = "Invalid username/password.";

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_one_logs_in_on_the_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let town = Town::start(folder.path(), &json!({})).await?;
    for (one, other) in town.ways() {
        let anna = one.sign_up("Anna").await?;
        assert_eq!(other.me(&anna.session).await?, anna.id, "{}", other.name);
        assert_eq!(other.log_in(&anna, PASSWORD).await?, anna.id, "{}", other.name);
        assert_eq!(other.log_in(&anna, "wrong").await?, WRONG, "{}", other.name);
        let (_, taken) = other.post("/users", &json!({ "username": anna.name, "password": "x" })).await?;
        assert_eq!(taken["code"], 202, "{}", other.name);

        // A new password, here set where the user did not sign up, counts on both, and ends the session on both.
        let (session, kept) = (other.open_session(&anna, PASSWORD).await?, one.open_session(&anna, PASSWORD).await?);
        let (status, answer) = other.update(&anna, &session, &json!({ "password": "another one" })).await?;
        assert_eq!(status, 200, "{}: {answer}", other.name);
        for server in town.servers() {
            assert_eq!(server.log_in(&anna, "another one").await?, anna.id, "{}", server.name);
            assert_eq!(server.log_in(&anna, PASSWORD).await?, WRONG, "{}", server.name);
            assert_eq!(server.me(&kept).await?, 209, "{}", server.name);
        }

        let session = one.open_session(&anna, "another one").await?;
        one.log_out(&session).await?;
        assert_eq!(other.me(&session).await?, 209, "{}", other.name);
    }
    town.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_of_one_is_known_on_the_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let town = Town::start(folder.path(), &json!({})).await?;
    for (one, other) in town.ways() {
        // Made by an identity alone.
        let bert = json!({ "partner": town.partner.auth_data(&format!("bert of {}", one.name)) });
        let (made, id) = arrive(one, &bert).await?;
        assert_eq!(made, 201, "{}", one.name);
        assert_eq!(arrive(other, &bert).await?, (200, id), "{}", other.name);

        // Linked on one, used on the other.
        let anna = one.sign_up("Anna").await?;
        let identity = json!({ "partner": town.partner.auth_data(&format!("anna of {}", one.name)) });
        let (status, answer) = other.update(&anna, &anna.session, &json!({ "authData": identity })).await?;
        assert_eq!(status, 200, "{}: {answer}", other.name);
        assert_eq!(arrive(one, &identity).await?, (200, json!(anna.id)), "{}", one.name);
        assert_eq!(one.log_in(&anna, PASSWORD).await?, anna.id, "{}", one.name);

        // It is hers on both.
        let carl = other.sign_up("Carl").await?;
        for server in town.servers() {
            let (_, answer) = server.update(&carl, &carl.session, &json!({ "authData": identity })).await?;
            assert_eq!(answer["code"], 208, "{}: {answer}", server.name);
        }
        let forged = json!({ "partner": { "id": format!("anna of {}", one.name), "access_token": "made up" } });
        assert_eq!(arrive(other, &forged).await?, (404, json!(101)), "{}", other.name);

        // Unlinked on one, unknown on the other.
        let (status, _) = one.update(&anna, &anna.session, &json!({ "authData": { "partner": null } })).await?;
        assert_eq!(status, 200, "{}", one.name);
        let (status, id) = arrive(other, &identity).await?;
        assert_eq!((status, id == json!(anna.id)), (201, false), "{}", other.name);

        let device = json!({ "anonymous": { "id": format!("device of {}", one.name) } });
        let (made, id) = arrive(one, &device).await?;
        assert_eq!(made, 201, "{}", one.name);
        assert_eq!(arrive(other, &device).await?, (200, id), "{}", other.name);
    }
    town.close().await
}

/// Somebody comes with nothing but an identity: the status, and the user's id or the code of the error.
async fn arrive(server: &Server, identity: &Json) -> Result<(u16, Json)> {
    let (status, body) = server.post("/users", &json!({ "authData": identity })).await?;
    Ok((status, body.get("objectId").or_else(|| body.get("code")).cloned().unwrap_or_default()))
}
