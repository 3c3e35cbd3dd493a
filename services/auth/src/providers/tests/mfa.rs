//! The second factor, by an authenticator app and by short messages.

use futures_util::future::join_all;
use serde_json::{Value as Json, json};

use super::{
    forge::now,
    providers, says,
    server::{Reply, Server},
    users::Town,
};

/// 20 bytes, as authenticator apps show them.
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// What an authenticator app shows, so many steps from now.
fn code(steps: i64) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345678901234567890");
    let tag = aws_lc_rs::hmac::sign(&key, &(now() / 30 + steps).to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[19] & 0x0f);
    let number = u32::from_be_bytes(bytes[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// A code that is not right now, nor a step before or after.
fn wrong_code() -> String {
    let right = [code(-1), code(0), code(1), code(2)];
    (0..5).map(|number| format!("{number:06}")).find(|code| !right.contains(code)).unwrap()
}

fn anna() -> Json {
    json!({ "objectId": "anna", "_hashed_password": "h", "authData": { "anonymous": { "id": "a0" } } })
}

fn town(options: Json) -> Town {
    Town::new(providers(&json!({ "mfa": options })), &[anna()])
}

fn totp() -> Town {
    town(json!({ "options": ["TOTP"] }))
}

fn mfa(slice: Json) -> Json {
    json!({ "mfa": slice })
}

/// Sets the authenticator app up; the recovery codes.
async fn enrol(town: &Town) -> Vec<String> {
    let answer = town.link("anna", "anna", mfa(json!({ "secret": SECRET, "token": code(0) }))).await.unwrap();
    let codes = answer["mfa"]["recovery"].as_str().unwrap();
    codes.split(", ").map(str::to_owned).collect()
}

#[tokio::test]
async fn an_authenticator_app_is_set_up_with_a_code_of_it() {
    let town = totp();
    for (slice, text) in [
        (json!({}), "Invalid MFA data"),
        (json!({ "secret": SECRET }), "Invalid MFA data"),
        (json!({ "token": code(0) }), "Invalid MFA data"),
        (json!({ "secret": "GEZDGNBVGY3TQOJQ", "token": code(0) }), "Invalid MFA data"),
        (json!({ "secret": "1nvalid-base-32-texts", "token": code(0) }), "Invalid MFA data"),
        (json!({ "secret": 5, "token": code(0) }), "Invalid MFA data"),
        (json!({ "secret": SECRET, "token": wrong_code() }), "Invalid MFA token"),
        (json!({ "secret": SECRET, "token": code(5) }), "Invalid MFA token"),
        (json!({ "secret": SECRET, "token": 123_456 }), "Invalid MFA token"),
        (json!({ "secret": SECRET, "token": "1" }), "Invalid MFA token"),
        (json!({ "mobile": "+1555", "token": "request" }), "Invalid MFA data"),
    ] {
        assert_eq!(town.link("anna", "anna", mfa(slice.clone())).await, says(141, text), "{slice}");
    }
    let recovery = enrol(&town).await;
    assert!(recovery.len() == 2 && recovery.iter().all(|code| code.len() == 30));
    assert_eq!(town.auth_data("anna")["mfa"], json!({ "secret": SECRET, "recovery": recovery }));
}

#[tokio::test]
async fn a_log_in_needs_a_code() {
    let town = totp();
    assert_eq!(town.log_in("", "anna", None).await, Ok(Json::Null), "before it is set up");
    enrol(&town).await;
    let missing = says(-1, "Missing additional authData mfa");
    assert_eq!(town.log_in("", "anna", None).await, missing);
    assert_eq!(town.log_in("", "anna", Some(json!({ "mfa": null }))).await, missing);
    assert_eq!(town.arrive("", json!({ "anonymous": { "id": "a0" } })).await, missing);
    let log_in = |token: Json| town.log_in("", "anna", Some(mfa(json!({ "token": token }))));
    for wrong in [json!(wrong_code()), json!(""), Json::Null, json!(5), json!([code(0)]), json!(code(9))] {
        assert_eq!(log_in(wrong.clone()).await, says(141, "Invalid MFA token"), "{wrong}");
    }
    let stored = town.auth_data("anna");
    assert_eq!(log_in(json!(code(0))).await, Ok(json!({})));
    assert_eq!(log_in(json!(code(0))).await, Ok(json!({})), "as Parse Server does");
    assert_eq!(town.auth_data("anna"), stored, "a code changes nothing");
    let sent = json!({ "anonymous": { "id": "a0" }, "mfa": { "token": code(0) } });
    assert!(town.arrive("", sent).await.is_ok());
    assert_eq!(town.auth_data("anna"), stored);
}

#[tokio::test]
async fn the_master_key_logs_in_without_replacing_the_secret() {
    let town = totp();
    enrol(&town).await;
    let stored = town.auth_data("anna");
    assert_eq!(town.log_in("master", "anna", Some(mfa(json!({ "token": code(0) })))).await, Ok(json!({})));
    assert_eq!(town.auth_data("anna"), stored);
    assert_eq!(
        town.log_in("master", "anna", Some(mfa(json!({ "token": wrong_code() })))).await,
        says(141, "Invalid MFA token")
    );
    let replaced = json!({ "secret": "other" });
    assert_eq!(town.link("master", "anna", mfa(replaced.clone())).await, Ok(json!({})));
    assert_eq!(town.auth_data("anna")["mfa"], replaced, "an update by the master key is stored as it is sent");
}

#[tokio::test]
async fn codes_can_be_made_to_work_once() {
    let town = town(json!({ "options": ["TOTP"], "singleUse": true }));
    let (now, next) = (code(0), code(1));
    let enrolled = town.link("anna", "anna", mfa(json!({ "secret": SECRET, "token": now }))).await;
    assert!(enrolled.is_ok());
    let log_in = |token: &str| town.log_in("", "anna", Some(mfa(json!({ "token": token }))));
    assert_eq!(log_in(&now).await, says(141, "Invalid MFA token"), "used when it was set up");
    assert!(log_in(&next).await.is_ok());
    for used in [&next, &now] {
        assert_eq!(log_in(used).await, says(141, "Invalid MFA token"));
    }
}

#[tokio::test]
async fn a_code_that_works_once_lets_one_of_fifty_in() {
    let town = town(json!({ "options": ["TOTP"], "singleUse": true }));
    enrol(&town).await;
    let token = code(1);
    let answers = join_all((0..50).map(|_| town.log_in("", "anna", Some(mfa(json!({ "token": token })))))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_recovery_code_lets_one_of_fifty_in() {
    let town = totp();
    let recovery = enrol(&town).await;
    let answers = join_all((0..50).map(|_| town.log_in("", "anna", Some(mfa(json!({ "token": recovery[0] })))))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for answer in answers.iter().filter(|answer| answer.is_err()) {
        assert!(*answer == says(141, "Invalid auth data") || *answer == says(141, "Invalid MFA token"), "{answer:?}");
    }
    assert_eq!(town.auth_data("anna")["mfa"], json!({ "secret": SECRET, "recovery": [recovery[1]] }));
    let again = town.log_in("", "anna", Some(mfa(json!({ "token": recovery[0] })))).await;
    assert_eq!(again, says(141, "Invalid MFA token"));
    assert!(town.log_in("", "anna", Some(mfa(json!({ "token": recovery[1] })))).await.is_ok());
}

#[tokio::test]
async fn another_app_takes_a_code_of_the_old_one() {
    let town = totp();
    let recovery = enrol(&town).await;
    let again = |old: Json| mfa(json!({ "secret": SECRET, "token": code(0), "old": old }));
    for old in [Json::Null, json!(wrong_code())] {
        assert_eq!(town.link("anna", "anna", again(old)).await, says(141, "Invalid MFA token"));
    }
    // Neither may somebody else with the right to write.
    assert_eq!(town.link("otto", "anna", again(Json::Null)).await, says(141, "Invalid MFA token"));
    let answer = town.link("anna", "anna", again(json!(code(0)))).await.unwrap();
    assert!(!answer["mfa"]["recovery"].as_str().unwrap().contains(&recovery[0]));
    assert_eq!(town.link("anna", "anna", mfa(Json::Null)).await, Ok(json!({})), "and it is taken away without one");
    assert_eq!(town.log_in("", "anna", None).await, Ok(Json::Null));
}

#[tokio::test]
async fn it_is_shown_as_a_status_but_to_the_master_key() {
    let town = totp();
    enrol(&town).await;
    let sent = json!({ "anonymous": { "id": "a0" } });
    let answer = town.arrive("anna", sent).await.unwrap();
    assert_eq!(answer["shown"]["mfa"], json!({ "status": "enabled" }));
    let stored = town.auth_data("anna")["mfa"].as_object().unwrap().clone();
    assert_eq!(town.providers.shown("mfa", &stored, true), Json::Object(stored));
    let pending = json!({ "pending": {} }).as_object().unwrap().clone();
    assert_eq!(town.providers.shown("mfa", &pending, false), json!({ "status": "disabled" }));
}

// === short messages ===

/// A hook that remembers what it sends, and the town that uses it.
async fn with_messages(more: Json) -> (Server, Town) {
    let server = Server::start(|asked| match asked.header("authorization") {
        "Bearer hook" => Reply::text(""),
        _ => Reply::status(401),
    })
    .await;
    let mut options = json!({
        "options": ["SMS", "TOTP"], "smsUrl": format!("{}/sms", server.url), "smsAuthorization": "Bearer hook",
    });
    for (name, value) in more.as_object().unwrap() {
        options[name] = value.clone();
    }
    let town = town(options);
    (server, town)
}

/// The code that was sent last.
fn received(server: &Server, to: &str) -> String {
    let asked = server.asked();
    let last = asked.last().unwrap();
    assert_eq!((last.what.as_str(), last.json("to").as_str()), ("POST /sms", to));
    last.json("token")
}

async fn confirm(server: &Server, town: &Town) {
    assert_eq!(town.link("anna", "anna", mfa(json!({ "mobile": "+1555" }))).await, Ok(json!({})));
    let sent = json!({ "mobile": "+1555", "token": received(server, "+1555") });
    assert_eq!(town.link("anna", "anna", mfa(sent)).await, Ok(json!({})));
}

#[tokio::test]
async fn a_number_is_confirmed_by_the_code_that_was_sent_to_it() {
    let (server, town) = with_messages(json!({ "digits": 8 })).await;
    for number in [json!("nobody"), json!(5), json!(["+1555"])] {
        let answer = town.link("anna", "anna", mfa(json!({ "mobile": number }))).await;
        assert_eq!(answer, says(141, "Invalid mobile number."));
    }
    assert_eq!(town.link("anna", "anna", mfa(json!({ "mobile": "+1555" }))).await, Ok(json!({})));
    let token = received(&server, "+1555");
    assert!(token.len() == 8 && token.bytes().all(|byte| byte.is_ascii_digit()));
    assert_eq!(town.auth_data("anna")["mfa"]["pending"]["+1555"]["token"], token);
    assert_eq!(town.log_in("", "anna", None).await, Ok(Json::Null), "what is pending asks for nothing");
    let link = |slice: Json| town.link("anna", "anna", mfa(slice));
    for (slice, text) in [
        (json!({ "mobile": "+1555" }), "MFA is already set up on this account"),
        (json!({ "mobile": "+1666", "token": token }), "This number is not pending"),
        (json!({ "mobile": "+1555", "token": "x" }), "Invalid MFA token"),
        (json!({ "mobile": "+1555", "token": 5 }), "Invalid MFA token"),
    ] {
        assert_eq!(link(slice).await, says(141, text));
    }
    assert_eq!(link(json!({ "mobile": "+1555", "token": token })).await, Ok(json!({})));
    assert_eq!(town.auth_data("anna")["mfa"], json!({ "pending": {}, "mobile": "+1555" }));
    assert_eq!(town.log_in("", "anna", None).await, says(-1, "Missing additional authData mfa"));
}

#[tokio::test]
async fn a_log_in_asks_for_a_message_and_sends_its_code_once() {
    let (server, town) = with_messages(json!({})).await;
    confirm(&server, &town).await;
    let log_in = |token: Json| town.log_in("", "anna", Some(mfa(json!({ "token": token }))));
    assert_eq!(log_in(json!("123456")).await, says(141, "Invalid MFA token 1"), "none was sent");
    assert_eq!(log_in(json!("request")).await, says(141, "Please enter the token"));
    let token = received(&server, "+1555");
    for wrong in [json!("x"), json!(""), Json::Null, json!(5)] {
        assert_eq!(log_in(wrong).await, says(141, "Invalid MFA token 1"));
    }
    let answers = join_all((0..50).map(|_| log_in(json!(token)))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(town.auth_data("anna")["mfa"], json!({ "pending": {}, "mobile": "+1555" }));
    assert_eq!(log_in(json!(token)).await, says(141, "Invalid MFA token 1"));
}

#[tokio::test]
async fn codes_of_messages_are_good_for_a_while() {
    let (server, town) = with_messages(json!({})).await;
    confirm(&server, &town).await;
    let over = json!({ "__type": "Date", "iso": "2020-01-01T00:00:00.000Z" });
    let expired = json!({ "pending": {}, "mobile": "+1555", "token": "123456", "expiry": over });
    assert!(town.link("master", "anna", mfa(expired)).await.is_ok());
    let answer = town.log_in("", "anna", Some(mfa(json!({ "token": "123456" })))).await;
    assert_eq!(answer, says(141, "Invalid MFA token 2"));
    let pending = json!({ "pending": { "+1555": { "token": "123456", "expiry": over } } });
    assert!(town.link("master", "anna", mfa(pending)).await.is_ok());
    let answer = town.link("anna", "anna", mfa(json!({ "mobile": "+1555", "token": "123456" }))).await;
    assert_eq!(answer, says(141, "Invalid MFA token"));
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_is_said() {
    let (_server, town) = with_messages(json!({ "smsAuthorization": "Bearer other" })).await;
    let answer = town.link("anna", "anna", mfa(json!({ "mobile": "+1555" }))).await;
    assert_eq!(answer, says(141, "The message could not be sent."));
    assert_eq!(town.auth_data("anna"), anna()["authData"]);
}

#[tokio::test]
async fn no_message_is_sent_for_a_log_in_that_fails() {
    let (server, town) = with_messages(json!({})).await;
    confirm(&server, &town).await;
    let before = (server.asked().len(), town.auth_data("anna"));
    // Names before and after it in the alphabet.
    for provider in ["ldap", "twitter"] {
        let sent =
            json!({ "anonymous": { "id": "a0" }, provider: { "id": "x" }, "mfa": { "id": "", "token": "request" } });
        let unsupported = says(252, "This authentication method is unsupported.");
        assert_eq!(town.log_in("", "anna", Some(sent.clone())).await, unsupported);
        assert_eq!(town.arrive("", sent.clone()).await, says(252, "This authentication method is unsupported."));
        assert_eq!(town.arrive("otto", sent).await, says(252, "This authentication method is unsupported."));
    }
    let sent = json!({ "anonymous": { "id": "a0" }, "mfa": { "token": "request" } });
    assert_eq!(town.link("otto", "otto", sent).await, says(208, "this auth is already used"));
    assert_eq!((server.asked().len(), town.auth_data("anna")), before);
}
