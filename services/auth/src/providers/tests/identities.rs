//! Whom `authData` stands for, and what is stored.

use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::future::join_all;
use parsefleet_core::{ParseError, error::Result};
use parsefleet_proto::v1::RequestContext;
use parsefleet_runtime::config::providers::Policy;
use serde_json::{Value as Json, json};

use super::{config, says, users::Town};
use crate::providers::{Occasion, Provider, Providers, Slice, Verdict, failed};

/// Accepts whoever sends the token "good", notes on what occasion, and takes what it was told as policy.
struct Fake {
    policy: Policy,
    seen: &'static Mutex<Vec<String>>,
    name: &'static str,
}

#[async_trait]
impl Provider for Fake {
    async fn validate(&self, slice: &mut Slice, occasion: &Occasion<'_>) -> Result<Verdict> {
        self.seen.lock().unwrap().push(format!("{} {:?}", self.name, occasion.stage));
        slice.remove("secret");
        if slice.get("token") == Some(&json!("good")) { Ok(Verdict::GOOD) } else { Err(wrong()) }
    }

    fn policy(&self, _stored: &Slice) -> Policy {
        self.policy
    }

    async fn challenge(
        &self,
        challenge: &Json,
        slice: Option<&Slice>,
        _context: &RequestContext,
    ) -> Result<Option<Json>> {
        match challenge.as_str() {
            Some("fail") => Err(failed("No challenge today")),
            Some("nothing") => Ok(Some(Json::Null)),
            _ => Ok(Some(json!({ "asked": challenge, "slice": slice }))),
        }
    }
}

fn wrong() -> ParseError {
    failed("Wrong token")
}

/// Providers "first", "second" (default), "solo" and "extra" (additional), and what they were asked.
fn town(users: &[Json]) -> (Town, &'static Mutex<Vec<String>>) {
    let seen: &'static Mutex<Vec<String>> = Box::leak(Box::default());
    let fake = |name: &'static str, policy| (name, Box::new(Fake { policy, seen, name }) as Box<dyn Provider>);
    let adapters = vec![
        fake("first", Policy::Default),
        fake("second", Policy::Default),
        fake("solo", Policy::Solo),
        fake("extra", Policy::Additional),
        fake("more", Policy::Additional),
    ];
    (Town::new(Providers::for_test(config(&json!({})), adapters), users), seen)
}

fn good(id: &str) -> Json {
    json!({ "id": id, "token": "good" })
}

fn stored(id: &str) -> Json {
    json!({ "id": id, "token": "old" })
}

fn anna() -> Json {
    json!({ "objectId": "anna", "authData": { "first": stored("a1"), "anonymous": { "id": "a0" } } })
}

fn otto() -> Json {
    json!({ "objectId": "otto", "authData": { "first": stored("o1") } })
}

const USED: &str = "this auth is already used";
const UNSUPPORTED: &str = "This authentication method is unsupported.";

#[tokio::test]
async fn somebody_new_is_somebody_new() {
    let (town, seen) = town(&[anna()]);
    let mut sent = good("b1");
    sent["secret"] = json!("s");
    let answer = town.arrive("", json!({ "second": good("b2"), "first": sent })).await;
    assert_eq!(answer, Ok(json!({ "new": "new1", "response": {} })));
    assert_eq!(town.auth_data("new1"), json!({ "first": good("b1"), "second": good("b2") }));
    assert_eq!(*seen.lock().unwrap(), ["first SetUp", "second SetUp"], "in alphabetical order");
}

#[tokio::test]
async fn the_first_that_fails_ends_it() {
    let (town, seen) = town(&[]);
    let answer = town.arrive("", json!({ "second": good("b"), "first": { "id": "b" } })).await;
    assert_eq!(answer, says(141, "Wrong token"));
    assert_eq!(*seen.lock().unwrap(), ["first SetUp"]);
    let answer = town.arrive("", json!({ "unknown": good("b"), "anonymous": { "id": "b" } })).await;
    assert_eq!(answer, says(252, UNSUPPORTED));
}

#[tokio::test]
async fn ids_are_texts() {
    let (town, _) = town(&[anna()]);
    for id in [json!(5), json!(true), json!({ "$ne": null }), json!(["a1"])] {
        let answer = town.arrive("", json!({ "first": { "id": id, "token": "good" } })).await;
        assert_eq!(answer, says(162, "Invalid authData id for provider 'first'."));
    }
    for sent in [json!(null), json!("x"), json!({ "first": "a1" }), json!({ "first": ["a1"] }), json!(["x"]), json!(0)]
    {
        assert_eq!(town.arrive("", sent).await, says(252, UNSUPPORTED));
    }
    for (sent, kind) in [(json!(5), "Number"), (json!(true), "Boolean"), (json!([]), "Array")] {
        let text = format!("schema mismatch for _User.authData; expected Object but got {kind}");
        assert_eq!(town.arrive("", sent).await, says(111, &text));
    }
}

#[tokio::test]
async fn who_comes_back_is_let_in_with_a_good_token() {
    let (town, seen) = town(&[anna(), otto()]);
    let answer = town.arrive("", json!({ "first": good("a1") })).await;
    let shown = json!({ "first": good("a1"), "anonymous": { "id": "a0" } });
    assert_eq!(answer, Ok(json!({ "known": "anna", "response": {}, "shown": shown, "wasIn": false })));
    assert_eq!(town.auth_data("anna"), shown);
    assert_eq!(*seen.lock().unwrap(), ["first LogIn"]);

    assert_eq!(
        town.arrive("", json!({ "first": { "id": "o1" } })).await,
        says(141, "Wrong token"),
        "an id is no proof"
    );
    assert_eq!(
        town.arrive("", json!({ "first": stored("o1") })).await,
        says(141, "Wrong token"),
        "nor is what is stored"
    );
    assert_eq!(town.auth_data("otto"), json!({ "first": stored("o1") }));
}

#[tokio::test]
async fn a_log_in_may_bring_another_identity() {
    let (town, seen) = town(&[anna()]);
    let answer = town.arrive("", json!({ "anonymous": { "id": "a0" }, "second": good("a2") })).await;
    assert!(answer.is_ok());
    assert_eq!(*seen.lock().unwrap(), ["second SetUp"]);
    assert_eq!(town.auth_data("anna")["second"], good("a2"));
}

#[tokio::test]
async fn identities_of_two_users_are_nobodys() {
    let (town, _) = town(&[anna(), otto()]);
    let sent = |token: &str| json!({ "anonymous": { "id": "a0" }, "first": { "id": "o1", "token": token } });
    assert_eq!(town.arrive("", sent("good")).await, says(208, USED));
    assert_eq!(
        town.arrive("", sent("bad")).await,
        says(141, "Wrong token"),
        "nobody learns of ids that are not theirs"
    );
    assert_eq!(town.arrive("anna", json!({ "first": good("o1") })).await, says(208, USED));
    assert_eq!(town.arrive("anna", json!({ "first": { "id": "o1" } })).await, says(141, "Wrong token"));
    assert_eq!(town.link("anna", "anna", json!({ "first": good("o1") })).await, says(208, USED));
    assert_eq!(town.link("master", "anna", json!({ "first": good("o1") })).await, says(208, USED));
    assert_eq!(town.auth_data("otto"), json!({ "first": stored("o1") }));
}

#[tokio::test]
async fn who_is_locked_out_is_not_found_but_by_the_master_key() {
    let mut locked = otto();
    locked["ACL"] = json!({});
    let (town, _) = town(&[locked]);
    assert_eq!(town.arrive("", json!({ "first": good("o1") })).await, says(208, USED), "the index knows");
    let answer = town.arrive("master", json!({ "first": good("o1") })).await.unwrap();
    assert_eq!(answer["known"], "otto");
}

#[tokio::test]
async fn a_user_who_is_in_stays_in() {
    let (town, seen) = town(&[anna()]);
    let answer = town.arrive("anna", json!({ "first": { "id": "a1" } })).await.unwrap();
    assert_eq!((&answer["known"], &answer["response"], &answer["wasIn"]), (&json!("anna"), &Json::Null, &json!(true)));
    assert!(seen.lock().unwrap().is_empty(), "nothing has changed");
    assert!(town.arrive("anna", json!({ "first": good("a1") })).await.is_ok());
    assert_eq!(*seen.lock().unwrap(), ["first Update"]);
    let answer = town.arrive("anna", json!({ "second": good("b2") })).await.unwrap();
    assert_eq!(answer["new"], "new1", "an identity that is new makes another user");
}

#[tokio::test]
async fn identities_are_linked_and_unlinked() {
    let (town, seen) = town(&[anna()]);
    assert_eq!(town.link("anna", "anna", json!({ "second": good("a2") })).await, Ok(json!({})));
    assert_eq!(*seen.lock().unwrap(), ["second SetUp"]);
    let unlinked = json!({ "second": null, "unknown": null, "anonymous": null });
    assert_eq!(town.link("anna", "anna", unlinked).await, Ok(json!({})));
    assert_eq!(town.auth_data("anna"), json!({ "first": stored("a1") }));
    assert_eq!(town.link("anna", "anna", json!({ "unknown": good("x") })).await, says(252, UNSUPPORTED));
}

#[tokio::test]
async fn what_was_read_can_be_sent_back() {
    let (town, seen) = town(&[anna()]);
    let echo = json!({ "first": { "id": "a1" }, "anonymous": { "id": "a0" } });
    assert_eq!(town.link("anna", "anna", echo).await, Ok(Json::Null));
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(town.auth_data("anna"), anna()["authData"], "a part of a slice does not take the rest away");
    let mixed = json!({ "first": { "id": "a1" }, "second": good("a2") });
    assert_eq!(town.link("anna", "anna", mixed).await, Ok(json!({})));
    assert_eq!(*seen.lock().unwrap(), ["second SetUp"]);
    assert_eq!(town.auth_data("anna")["first"], stored("a1"));
    let changed = json!({ "first": { "id": "a1", "token": "bad" } });
    assert_eq!(town.link("anna", "anna", changed).await, says(141, "Wrong token"));
    assert!(town.link("anna", "anna", json!({ "first": good("a9") })).await.is_ok(), "another id of the same provider");
}

#[tokio::test]
async fn policies_say_what_else_is_needed() {
    let auth_data = json!({ "first": stored("a1"), "solo": stored("a2"), "extra": stored("a3"), "more": stored("a4") });
    let (town, _) = town(&[json!({ "objectId": "anna", "authData": auth_data, "_hashed_password": "h" })]);
    let missing = says(-1, "Missing additional authData extra,more");
    assert_eq!(town.log_in("", "anna", None).await, missing);
    assert_eq!(town.log_in("", "anna", Some(json!({ "first": good("a1") }))).await, missing);
    assert_eq!(town.log_in("", "anna", Some(json!({ "extra": null }))).await, missing);
    assert_eq!(town.log_in("", "anna", Some(json!({ "extra": good("a3") }))).await, Ok(json!({})), "one is enough");
    assert_eq!(town.log_in("", "anna", Some(json!({ "solo": good("a2") }))).await, Ok(json!({})));
    assert_eq!(town.log_in("", "anna", Some(json!({ "extra": {} }))).await, says(141, "Wrong token"));

    assert_eq!(town.arrive("", json!({ "first": good("a1") })).await, missing);
    let wrong = town.arrive("", json!({ "first": { "id": "a1" } })).await;
    assert_eq!(wrong, says(141, "Wrong token"), "that something is missing tells that there is such a user");
    assert!(town.arrive("", json!({ "first": good("a1"), "more": good("a4") })).await.is_ok());
    assert!(town.arrive("", json!({ "solo": good("a2") })).await.is_ok());
    let alone = town.arrive("", json!({ "extra": good("a3") })).await;
    assert_eq!(alone, says(-1, "Additional authData is not enough to log in."));
}

#[tokio::test]
async fn who_has_nothing_but_an_additional_provider_may_use_it() {
    let (town, _) = town(&[json!({ "objectId": "anna", "authData": { "extra": stored("a3") } })]);
    assert!(town.arrive("", json!({ "extra": good("a3") })).await.is_ok());
}

#[tokio::test]
async fn policies_can_be_configured() {
    let auth = json!({ "anonymous": { "policy": "additional" } });
    let users = [json!({ "objectId": "anna", "authData": { "anonymous": { "id": "a0" } } })];
    let town = Town::new(super::providers(&auth), &users);
    assert_eq!(town.log_in("", "anna", None).await, says(-1, "Missing additional authData anonymous"));
    assert!(town.log_in("", "anna", Some(json!({ "anonymous": { "id": "a0" } }))).await.is_ok());
}

#[tokio::test]
async fn two_hundred_who_come_at_once_with_one_identity_are_one() {
    let (town, _) = town(&[]);
    let answers = join_all((0..200).map(|_| town.arrive("", json!({ "first": good("a1") })))).await;
    let new = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|answer| !answer["new"].is_null())).count();
    assert_eq!(new, 1);
    for answer in answers {
        assert!(answer.is_ok() || answer == says(208, USED));
    }
}

#[tokio::test]
async fn challenges_are_asked_in_order_of_those_who_prove_who_they_are() {
    let (town, _) = town(&[anna(), otto()]);
    let asked = town
        .challenge(json!({ "challengeData": { "second": "q", "first": "nothing", "unknown": 1, "anonymous": 1 } }))
        .await;
    assert_eq!(asked, Ok(json!({ "first": true, "second": { "asked": "q", "slice": null } })));
    let failing = town.challenge(json!({ "challengeData": { "second": "q", "first": "fail" } })).await;
    assert_eq!(failing, says(141, "No challenge today"));
    let identified = json!({ "challengeData": { "first": "q" }, "authData": { "first": good("a1") } });
    let answer = json!({ "first": { "asked": "q", "slice": good("a1") } });
    assert_eq!(town.challenge(identified).await, Ok(answer));
    for auth_data in [
        json!({ "first": { "id": "a1" } }),
        json!({ "first": good("nobody") }),
        json!({ "unknown": good("a1") }),
        json!({ "first": {} }),
        json!({}),
    ] {
        let answer = town.challenge(json!({ "challengeData": { "first": "q" }, "authData": auth_data })).await;
        assert_eq!(answer, says(101, "User not found."));
    }
}

#[tokio::test]
async fn challenges_have_a_shape() {
    let (town, _) = town(&[]);
    let two = json!({ "a": { "id": "1" }, "b": { "id": "2" } });
    for (body, text) in [
        (json!({}), "Nothing to challenge."),
        (json!({ "challengeData": "" }), "Nothing to challenge."),
        (json!({ "challengeData": "x" }), "challengeData should be an object."),
        (json!({ "challengeData": {}, "authData": "x" }), "authData should be an object."),
        (json!({ "challengeData": {}, "authData": { "a": [] } }), "authData.a should be an object."),
        (
            json!({ "challengeData": {}, "authData": two }),
            "You cannot provide more than one authData provider with an id.",
        ),
        (json!({ "username": "a" }), "You provided username or email, you need to also provide password."),
        (
            json!({ "email": "a", "password": "p", "challengeData": {}, "authData": { "a": {} } }),
            "You cannot provide username/email and authData, only use one identification method.",
        ),
    ] {
        assert_eq!(town.challenge(body.clone()).await, says(-1, text), "{body}");
    }
    let number = json!({ "challengeData": {}, "authData": { "first": { "id": 5 } } });
    assert_eq!(town.challenge(number).await, says(162, "Invalid authData id for provider 'first'."));
    for body in [json!({ "challengeData": {} }), json!({ "challengeData": [1] })] {
        assert_eq!(town.challenge(body).await, Ok(json!({})));
    }
}
