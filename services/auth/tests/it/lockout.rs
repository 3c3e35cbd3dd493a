//! Wrong passwords lock accounts.

use std::time::Duration;

use futures_util::future::join_all;
use parsefleet_proto::v1::Privilege;
use parsefleet_runtime::rpc::deadline;
use serde_json::{Value as Json, json};

use crate::fixture::{Fixture, error, refused};

const WRONG: &str = "Invalid username/password.";
const LOCKED: &str = "Your account is locked due to multiple failed login attempts. Please try again after 5 minute(s)";

fn lockout() -> [(&'static str, Json); 1] {
    [("accountLockout", json!({ "duration": 5, "threshold": 3 }))]
}

fn with(password: &str) -> Json {
    json!({ "username": "anna", "password": password })
}

#[tokio::test]
async fn the_third_wrong_password_locks() {
    let fixture = Fixture::embedded(&lockout()).await;
    let (id, _) = fixture.person("anna").await;
    let public = fixture.public();
    for _ in 0..3 {
        assert_eq!(refused(public.log_in(with("x")).await), error(101, WRONG));
    }
    assert_eq!(refused(public.log_in(with("x")).await), error(101, LOCKED));
    assert_eq!(refused(public.log_in(with("secret")).await), error(101, LOCKED));
    assert_eq!(refused(fixture.master().log_in(with("secret")).await), error(101, LOCKED));
    let row = fixture.row("_User", json!({ "objectId": id })).await;
    assert_eq!(row["_failed_login_count"], 3);
    assert_eq!(row["createdAt"], row["updatedAt"], "what the server notes for itself makes no row newer");

    let past = json!({ "_account_lockout_expires_at": { "__type": "Date", "iso": "2020-01-01T00:00:00.000Z" } });
    fixture.client(Privilege::Maintenance, "").update("_User", &id, past.clone()).await.unwrap();
    assert_eq!(refused(public.log_in(with("x")).await), error(101, LOCKED), "again at once");
    fixture.client(Privilege::Maintenance, "").update("_User", &id, past).await.unwrap();
    public.log_in(with("secret")).await.unwrap();
    assert_eq!(fixture.row("_User", json!({ "objectId": id })).await["_failed_login_count"], 0);
}

#[tokio::test]
async fn right_passwords_clear_the_count() {
    let fixture = Fixture::embedded(&lockout()).await;
    fixture.person("anna").await;
    for _ in 0..3 {
        for _ in 0..2 {
            assert_eq!(refused(fixture.public().verify_password(with("x")).await), error(101, WRONG));
        }
        fixture.public().verify_password(with("secret")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_wrong_passwords_count_exactly_on_the_embedded_store() {
    count_exactly(&Fixture::embedded(&lockout()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_wrong_passwords_count_exactly_on_mongodb() {
    count_exactly(&Fixture::mongodb(&lockout()).await).await;
}

async fn count_exactly(fixture: &Fixture) {
    fixture.person("anna").await;
    let public = fixture.public();
    let attempts = (0..200).map(|_| public.log_in(with("x")));
    // So many hashes take their time where other tests run, too.
    let answers = deadline::within(Duration::from_secs(600), join_all(attempts)).await.unwrap();
    let answers: Vec<_> = answers.into_iter().map(refused).collect();
    let wrong = answers.iter().filter(|answer| **answer == error(101, WRONG)).count();
    let locked = answers.iter().filter(|answer| **answer == error(101, LOCKED)).count();
    assert_eq!((wrong, locked), (3, 197));
    assert_eq!(fixture.row("_User", json!({})).await["_failed_login_count"], 3);
}
