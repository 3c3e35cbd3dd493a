//! Many at the same time.

use std::time::Duration;

use futures_util::future::join_all;
use parsefleet_runtime::rpc::deadline;
use serde_json::{Value as Json, json};

use crate::fixture::Fixture;

const RIVALS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_hundred_gets_a_name_on_the_embedded_store() {
    one_wins(&Fixture::embedded(&[]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_hundred_gets_a_name_on_mongodb() {
    one_wins(&Fixture::mongodb(&[]).await).await;
}

async fn one_wins(fixture: &Fixture) {
    let same_name = |_: usize| json!({ "username": "anna", "password": "p" });
    assert_eq!(rivals(fixture, same_name, 202).await, 1);
    let same_name_to_people = |number: usize| {
        let name = if number.is_multiple_of(2) { "Bert" } else { "bERT" };
        json!({ "username": name, "password": "p" })
    };
    assert_eq!(rivals(fixture, same_name_to_people, 202).await, 1);
    let same_address =
        |number: usize| json!({ "username": format!("u{number}"), "password": "p", "email": "a@example.com" });
    assert_eq!(rivals(fixture, same_address, 203).await, 1);
}

/// How many are signed up; the others are told why not.
async fn rivals(fixture: &Fixture, body: impl Fn(usize) -> Json, refusal: i32) -> usize {
    let public = fixture.public();
    let sign_ups = join_all((0..RIVALS).map(|number| public.create("_User", body(number))));
    // So many hashes take their time where other tests run, too.
    let answers = deadline::within(Duration::from_secs(600), sign_ups).await.unwrap();
    let refused = answers.iter().filter(|answer| matches!(answer, Err((code, _)) if *code == refusal)).count();
    let won = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(refused + won, RIVALS);
    won
}
