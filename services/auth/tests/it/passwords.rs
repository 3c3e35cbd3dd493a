//! What passwords have to be like.

use parsefleet_proto::v1::Privilege;
use serde_json::json;

use crate::fixture::{Fixture, error, refused};

#[tokio::test]
async fn a_password_has_to_satisfy_the_policy() {
    let policy = json!({ "validatorPattern": "^.{6,}$", "doNotAllowUsername": true, "validationError": "Too short." });
    let fixture = Fixture::embedded(&[("passwordPolicy", policy)]).await;
    let body = |password: &str| json!({ "username": "anna", "password": password });
    let public = fixture.public();
    assert_eq!(refused(public.create("_User", body("short")).await), error(142, "Too short."));
    let own_name = error(142, "Password cannot contain your username.");
    assert_eq!(refused(public.create("_User", body("xxannaxx")).await), own_name);
    let (id, _) = fixture.person("bert").await;
    let user = fixture.user(&id);
    assert_eq!(refused(user.update("_User", &id, json!({ "password": "bert12" })).await), own_name);
    assert_eq!(refused(user.update("_User", &id, json!({ "password": "12345" })).await), error(142, "Too short."));
    user.update("_User", &id, json!({ "password": "123456" })).await.unwrap();
}

#[tokio::test]
async fn earlier_passwords_are_not_used_again() {
    let fixture = Fixture::embedded(&[("passwordPolicy", json!({ "maxPasswordHistory": 2 }))]).await;
    let (id, _) = fixture.person("anna").await;
    let user = fixture.user(&id);
    let again = error(142, "New password should not be the same as last 2 passwords.");
    assert_eq!(refused(user.update("_User", &id, json!({ "password": "secret" })).await), again);
    user.update("_User", &id, json!({ "password": "two" })).await.unwrap();
    assert_eq!(refused(user.update("_User", &id, json!({ "password": "secret" })).await), again);
    user.update("_User", &id, json!({ "password": "three" })).await.unwrap();
    user.update("_User", &id, json!({ "password": "secret" })).await.unwrap();
}

#[tokio::test]
async fn nobody_learns_another_ones_password_from_the_policy() {
    let fixture = Fixture::embedded(&[("passwordPolicy", json!({ "maxPasswordHistory": 2 }))]).await;
    let (anna, _) = fixture.person("anna").await;
    let (bert, _) = fixture.person("bert").await;
    let before = fixture.service.password_operations();
    let refusal = fixture.user(&bert).update("_User", &anna, json!({ "password": "secret" })).await;
    assert_eq!(refused(refusal), error(206, "Insufficient auth."));
    assert_eq!(fixture.service.password_operations(), before);
}

#[tokio::test]
async fn passwords_grow_old() {
    let fixture = Fixture::embedded(&[("passwordPolicy", json!({ "maxPasswordAge": 10 }))]).await;
    let (id, _) = fixture.person("anna").await;
    let credentials = json!({ "username": "anna", "password": "secret" });
    fixture.public().log_in(credentials.clone()).await.unwrap();
    let maintenance = fixture.client(Privilege::Maintenance, "");
    let past = json!({ "__type": "Date", "iso": "2020-01-01T00:00:00.000Z" });
    maintenance.update("_User", &id, json!({ "_password_changed_at": past })).await.unwrap();
    let refusal = fixture.public().log_in(credentials.clone()).await;
    assert_eq!(refused(refusal), error(101, "Your password has expired. Please reset your password."));
    fixture.public().verify_password(credentials.clone()).await.unwrap();
    let unknown = json!({ "_password_changed_at": { "__op": "Delete" } });
    maintenance.update("_User", &id, unknown).await.unwrap();
    fixture.public().log_in(credentials).await.unwrap();
    assert!(fixture.row("_User", json!({ "objectId": id })).await["_password_changed_at"]["iso"].is_string());
}
