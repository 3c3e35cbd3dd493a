//! Wrong passwords on both servers count together, and a lock holds on both as long.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bson::{DateTime, doc};
use serde_json::json;

use crate::town::{PASSWORD, Server, Town, User, address, moment};

/// Wrong passwords that lock an account.
const THRESHOLD: usize = 3;
/// How long it is locked, in seconds.
const DURATION: i64 = 60;

const LOCKED: &str = "Your account is locked due to multiple failed login attempts. Please try again after 1 minute(s)";

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_count_together() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lockout = json!({ "threshold": THRESHOLD, "duration": DURATION / 60, "unlockOnPasswordReset": true });
    let town = Town::start(folder.path(), &json!({ "accountLockout": lockout })).await?;
    for (one, other) in town.ways() {
        let anna = one.sign_up("Anna").await?;
        // A right password on either begins the count anew on both.
        fail(&[one, other], &anna).await?;
        assert_eq!(count(&town, &anna).await?, 2, "{}", one.name);
        assert_eq!(other.log_in(&anna, PASSWORD).await?, anna.id, "{}", other.name);
        assert_eq!(count(&town, &anna).await?, 0, "{}", other.name);

        // The last of these locks.
        let before = DateTime::now();
        fail(&[one, other, one], &anna).await?;
        let until = town.row(&anna).await?.get_datetime("_account_lockout_expires_at").context("no lock")?.to_owned();
        let seconds = (until.timestamp_millis() - before.timestamp_millis()) / 1000;
        assert!((DURATION - 1..=DURATION + 10).contains(&seconds), "{}: locked for {seconds} s", one.name);
        is_locked(&town, &anna).await?;
        assert_eq!(count(&town, &anna).await?, THRESHOLD as i64, "what is tried meanwhile does not count");

        // The end of the lock is the same for both.
        town.set(&anna, doc! { "_account_lockout_expires_at": moment(2) }).await?;
        is_locked(&town, &anna).await?;
        tokio::time::sleep(Duration::from_millis(2100)).await;
        assert_eq!(other.log_in(&anna, "wrong").await?, LOCKED, "{}: one wrong password locks again", other.name);
        is_locked(&town, &anna).await?;
        town.set(&anna, doc! { "_account_lockout_expires_at": moment(-1) }).await?;
        for server in town.servers() {
            assert_eq!(server.log_in(&anna, PASSWORD).await?, anna.id, "{}", server.name);
        }
        assert_eq!(count(&town, &anna).await?, 0, "{}", one.name);

        // A lock of one is opened by a reset on the other.
        fail(&[one, one, one], &anna).await?;
        is_locked(&town, &anna).await?;
        let known = other.mails_to(&anna)?;
        other.post("/requestPasswordReset", &json!({ "email": address(&anna.name) })).await?;
        other.reset(&other.token_for(&anna, known).await?, "another one").await?;
        for server in town.servers() {
            assert_eq!(server.log_in(&anna, "another one").await?, anna.id, "{}", server.name);
        }
    }
    town.close().await
}

/// A wrong password on each of these servers in turn.
async fn fail(servers: &[&Server], user: &User) -> Result<()> {
    for server in servers {
        assert_eq!(server.log_in(user, "wrong").await?, "Invalid username/password.", "{}", server.name);
    }
    Ok(())
}

/// Neither lets in who knows the password.
async fn is_locked(town: &Town, user: &User) -> Result<()> {
    for server in town.servers() {
        assert_eq!(server.log_in(user, PASSWORD).await?, LOCKED, "{}", server.name);
    }
    Ok(())
}

/// The wrong passwords that are counted.
async fn count(town: &Town, user: &User) -> Result<i64> {
    let row = town.row(user).await?;
    let count = row.get("_failed_login_count").context("nothing was counted")?;
    let number = count.as_i64().or_else(|| count.as_i32().map(i64::from));
    number.or_else(|| count.as_f64().map(|count| count as i64)).context("no number")
}
