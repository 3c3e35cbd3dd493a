//! How triggers are asked: what they are told of the request, and what becomes of it if they do not answer.

use std::time::Duration;

use parsefleet_data::Settings;
use parsefleet_proto::v1::{CreateRequest, Owned, Privilege, RequestContext};
use parsefleet_runtime::rpc::deadline;
use serde_json::{Value as Json, json};

use crate::{
    fixture::{Client, Fixture, settings},
    receiver::{self, Answered, Receiver},
};

crate::on_both_stores!(
    a_trigger_is_told_of_the_request,
    users_are_told_with_their_token,
    the_receiver_knows_who_calls,
    who_does_not_answer_refuses,
    who_is_late_refuses_in_time,
);

fn answered(status: u16, headers: &'static str, body: &str) -> Answered {
    Answered { status, headers, body: body.to_owned(), after: Duration::ZERO }
}

async fn a_trigger_is_told_of_the_request(fixture: Fixture) {
    let receiver = Receiver::silent().await;
    fixture.hook("Score", "beforeSave", &receiver.url).await;
    let client = fixture.public().with(|context| {
        context.installation_id = "device".to_owned();
        context.client_ip = "10.0.0.1".to_owned();
        context.cloud_context = r#"{"a":1}"#.into();
        context.headers = r#"{"host":"here"}"#.into();
    });
    client.create("Score", json!({})).await.unwrap();
    let told = receiver.take_body();
    let wanted = json!({
        "triggerName": "beforeSave", "object": {"className": "Score"}, "master": false, "isReadOnly": false,
        "installationId": "device", "log": {"appId": "test"}, "headers": {"host": "here"}, "ip": "10.0.0.1",
        "context": {"a": 1},
    });
    assert_eq!(told, wanted);
    fixture.master().create("Score", json!({})).await.unwrap();
    let told = receiver.take_body();
    assert_eq!((&told["master"], &told["installationId"], told.get("user")), (&json!(true), &json!("cloud"), None));
}

async fn users_are_told_with_their_token(fixture: Fixture) {
    let request = CreateRequest {
        context: Some(RequestContext { privilege: Privilege::Master as i32, ..RequestContext::default() }),
        class_name: "_User".to_owned(),
        body: json!({"phone": "1"}).to_string().into(),
        owned: Some(Owned {
            columns: json!({"_hashed_password": "hash", "username": "ann"}).to_string().into(),
            object_id: "u1".to_owned(),
            ..Owned::default()
        }),
        ..CreateRequest::default()
    };
    fixture.service.create_object(&request).await.unwrap();
    let receiver = Receiver::silent().await;
    for trigger in ["beforeSave", "afterSave"] {
        fixture.hook("Score", trigger, &receiver.url).await;
    }
    let client = fixture.user("u1").with(|context| context.session_token = "r:token".to_owned());
    client.create("Score", json!({})).await.unwrap();
    let asked = receiver.take();
    assert_eq!(asked.len(), 2);
    for asked in asked {
        let user = &asked.body["user"];
        assert_eq!((&user["objectId"], &user["sessionToken"]), (&json!("u1"), &json!("r:token")));
        assert_eq!((&user["username"], &user["phone"]), (&json!("ann"), &json!("1")));
        assert!(!user.to_string().contains("hash"), "{user}");
    }
}

async fn the_receiver_knows_who_calls(fixture: Fixture) {
    let receiver = Receiver::silent().await;
    let settings = Settings { webhook_key: Some("the key".to_owned().into()), ..settings() };
    let service = fixture.another_service(settings);
    receiver::add(&fixture, &service, "Score", "beforeSave", &receiver.url).await;
    let client = Client::new(&service, Privilege::Public, "", &[]);
    client.create("Score", json!({})).await.unwrap();
    let asked = receiver.take();
    let header = |name: &str| asked[0].headers.get(name).map(String::as_str);
    assert_eq!(header("x-parse-webhook-key"), Some("the key"));
    assert_eq!(header("content-type"), Some("application/json"));
    fixture.service.schema_changed_elsewhere().await.unwrap();
    fixture.public().create("Score", json!({})).await.unwrap();
    assert_eq!(receiver.take()[0].headers.get("x-parse-webhook-key"), None);
}

async fn who_does_not_answer_refuses(fixture: Fixture) {
    let elsewhere = Receiver::silent().await;
    let location: &'static str = Box::leak(format!("location: {}\r\n", elsewhere.url).into_boxed_str());
    let receiver = Receiver::start(move |told: &Json| match told["object"]["n"].as_i64() {
        Some(1) => answered(500, "", r#"{"error": "at line 5 of /srv/app.js"}"#),
        Some(2) => answered(302, location, ""),
        Some(3) => answered(200, "", "<html>"),
        Some(5) => answered(200, "", r#"{"error": {"code": 9}}"#),
        _ => answered(204, "", ""),
    })
    .await;
    fixture.hook("Score", "beforeSave", &receiver.url).await;
    fixture.hook("Away", "beforeSave", "http://127.0.0.1:1/").await;
    let client = fixture.public();
    for (class, n, text) in [
        ("Score", 1, "The webhook answered with status 500."),
        ("Score", 2, "The webhook answered with status 302."),
        ("Score", 5, r#"{"code":9}"#),
        ("Away", 0, "The webhook cannot be reached."),
    ] {
        assert_eq!(client.create(class, json!({ "n": n })).await, Err((141, text.to_owned())));
    }
    assert!(elsewhere.take().is_empty());
    for n in [3, 4] {
        client.create("Score", json!({ "n": n })).await.unwrap();
    }
}

async fn who_is_late_refuses_in_time(fixture: Fixture) {
    let late = || Answered { after: Duration::from_secs(60), ..answered(200, "", "{}") };
    let receiver = Receiver::start(move |_: &Json| late()).await;
    fixture.hook("Score", "beforeSave", &receiver.url).await;
    let client = fixture.public();
    let outcome = deadline::within(Duration::from_secs(2), client.create("Score", json!({}))).await;
    assert_eq!(outcome.unwrap(), Err((141, "The webhook did not answer in time.".to_owned())));
}
