//! A link that one server sent works on the other, and what it did counts on both.

use anyhow::Result;
use bson::doc;
use serde_json::{Value as Json, json};

use crate::town::{PASSWORD, Town, User, address, moment};

const UNVERIFIED: &str = "User email is not verified.";

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_verified_on_both() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = json!({ "preventLoginWithUnverifiedEmail": true, "emailVerifyTokenValidityDuration": 3600 });
    let town = Town::start(folder.path(), &options).await?;
    for (one, other) in town.ways() {
        // Sent by one, opened there.
        let anna = one.sign_up("Anna").await?;
        both_answer(&town, &anna, PASSWORD, UNVERIFIED).await?;
        one.verify(&one.token_for(&anna, 0).await?).await?;
        both_answer(&town, &anna, PASSWORD, &anna.id).await?;

        // Sent by one, opened on the other; not when it is too old.
        let bert = one.sign_up("Bert").await?;
        let token = one.token_for(&bert, 0).await?;
        town.set(&bert, doc! { "_email_verify_token_expires_at": moment(-1) }).await?;
        one.verify(&token).await?;
        other.verify(&token).await?;
        both_answer(&town, &bert, PASSWORD, UNVERIFIED).await?;
        town.set(&bert, doc! { "_email_verify_token_expires_at": moment(60) }).await?;
        other.verify(&token).await?;
        both_answer(&town, &bert, PASSWORD, &bert.id).await?;

        // A new mail of the other replaces the link of the first.
        let carl = one.sign_up("Carl").await?;
        let first = one.token_for(&carl, 0).await?;
        other.post("/verificationEmailRequest", &json!({ "email": address(&carl.name) })).await?;
        let second = other.token_for(&carl, 0).await?;
        assert_ne!(first, second, "{}", other.name);
        one.verify(&first).await?;
        both_answer(&town, &carl, PASSWORD, UNVERIFIED).await?;
        one.verify(&second).await?;
        both_answer(&town, &carl, PASSWORD, &carl.id).await?;

        // A new address has to be verified, on both.
        let (status, answer) = other.change(&carl, &json!({ "email": format!("new.{}", address(&carl.name)) })).await?;
        assert_eq!(status, 200, "{}: {answer}", other.name);
        both_answer(&town, &carl, PASSWORD, UNVERIFIED).await?;
    }
    town.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_reset_on_both() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let policy = json!({ "resetTokenValidityDuration": 3600, "resetTokenReuseIfValid": true });
    let town = Town::start(folder.path(), &json!({ "passwordPolicy": policy })).await?;
    for (one, other) in town.ways() {
        let anna = one.sign_up("Anna").await?;
        one.token_for(&anna, 0).await?;
        let ask = json!({ "email": address(&anna.name) });
        one.post("/requestPasswordReset", &ask).await?;
        let token = one.token_for(&anna, 1).await?;
        other.post("/requestPasswordReset", &ask).await?;
        assert_eq!(other.token_for(&anna, 0).await?, token, "{}: it is still good", other.name);

        town.set(&anna, doc! { "_perishable_token_expires_at": moment(-1) }).await?;
        for server in town.servers() {
            server.reset(&token, "too late").await?;
        }
        both_answer(&town, &anna, PASSWORD, &anna.id).await?;

        town.set(&anna, doc! { "_perishable_token_expires_at": moment(60) }).await?;
        other.reset(&token, "another one").await?;
        both_answer(&town, &anna, "another one", &anna.id).await?;
        both_answer(&town, &anna, PASSWORD, "Invalid username/password.").await?;
        for server in town.servers() {
            assert_eq!(server.me(&anna.session).await?, 209, "{}: the session has ended", server.name);
            server.reset(&token, "once more").await?;
        }
        both_answer(&town, &anna, "another one", &anna.id).await?;
    }
    town.close().await
}

/// Both say this to whoever comes with this password.
async fn both_answer(town: &Town, user: &User, password: &str, expected: &str) -> Result<()> {
    for server in town.servers() {
        let answer = server.log_in(user, password).await?;
        assert_eq!(answer, Json::from(expected), "{} of {}", server.name, user.name);
    }
    Ok(())
}
