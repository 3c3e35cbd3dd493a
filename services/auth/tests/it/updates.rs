//! Changing users, and leaving.

use parsefleet_proto::v1::Privilege;
use serde_json::{Value as Json, json};

use crate::fixture::{Fixture, error, refused, text};

#[tokio::test]
async fn users_change_themselves_only() {
    let fixture = Fixture::embedded(&[]).await;
    let (anna, _) = fixture.person("anna").await;
    let (bert, _) = fixture.person("bert").await;
    let answer = fixture.user(&anna).update("_User", &anna, json!({ "age": 31 })).await.unwrap();
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["updatedAt"]);
    let insufficient = error(206, "Insufficient auth.");
    assert_eq!(refused(fixture.user(&bert).update("_User", &anna, json!({ "age": 1 })).await), insufficient);
    assert_eq!(refused(fixture.user(&bert).update("_User", &anna, json!({ "password": "x" })).await), insufficient);
    assert_eq!(refused(fixture.user(&bert).update("_User", "nobody", json!({ "age": 1 })).await), insufficient);
    let refusal = fixture.public().update("_User", &anna, json!({ "age": 1 })).await;
    assert_eq!(refused(refusal), error(206, &format!("Cannot modify user {anna}.")));
    fixture.master().update("_User", &anna, json!({ "age": 2 })).await.unwrap();
    fixture.client(Privilege::Maintenance, "").update("_User", &anna, json!({ "age": 3 })).await.unwrap();
    assert_eq!(refused(fixture.master().update("_User", "nobody", json!({ "age": 1 })).await).0, 101);
    assert_eq!(fixture.row("_User", json!({ "objectId": anna })).await["age"], 3);
}

#[tokio::test]
async fn nobody_is_left_without_a_name_or_a_password() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    fixture.person("taken").await;
    let user = fixture.user(&id);
    let refusals: &[(Json, i32, &str)] = &[
        (json!({ "username": "" }), 200, "bad or missing username"),
        (json!({ "username": null }), 200, "bad or missing username"),
        (json!({ "password": "" }), 201, "password is required"),
        (json!({ "password": null }), 201, "password is required"),
        (json!({ "password": 5 }), 111, "schema mismatch for _User.password; expected String but got Number"),
        (json!({ "email": "" }), 125, "Email address format is invalid."),
        (json!({ "email": null }), 125, "Email address format is invalid."),
        (json!({ "username": "Taken" }), 202, "Account already exists for this username."),
        (json!({ "email": "TAKEN@example.com" }), 203, "Account already exists for this email address."),
        (json!({ "authData": null }), 252, "This authentication method is unsupported."),
        (json!({ "emailVerified": true }), 119, "Clients aren't allowed to manually update email verification."),
    ];
    for (body, code, message) in refusals {
        assert_eq!(refused(user.update("_User", &id, body.clone()).await), error(*code, message), "{body}");
    }
    user.update("_User", &id, json!({ "username": "ANNA", "email": { "__op": "Delete" } })).await.unwrap();
    let row = fixture.row("_User", json!({ "objectId": id })).await;
    assert_eq!(row["username"], "ANNA", "one's own name in another case is free");
    assert!(row.get("email").is_none());
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_and_opens_one() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, token) = fixture.person("anna").await;
    let answer = fixture.user(&id).update("_User", &id, json!({ "password": "new" })).await.unwrap();
    let new_token = text(&answer["sessionToken"]);
    assert_eq!(refused(fixture.public().resolve(&token).await).0, 209);
    assert_eq!(fixture.public().resolve(&new_token).await.unwrap(), id);
    assert!(fixture.row("_Session", json!({})).await.get("createdWith").is_none());
    assert_eq!(*fixture.told.tokens.lock().unwrap(), [token]);
    assert_eq!(*fixture.told.users.lock().unwrap(), std::slice::from_ref(&id));
    fixture.public().log_in(json!({ "username": "anna", "password": "new" })).await.unwrap();
    assert_eq!(refused(fixture.public().log_in(json!({ "username": "anna", "password": "secret" })).await).0, 101);
}

#[tokio::test]
async fn sessions_stay_if_the_app_says_so() {
    let fixture = Fixture::embedded(&[("revokeSessionOnPasswordReset", json!(false))]).await;
    let (id, token) = fixture.person("anna").await;
    fixture.user(&id).update("_User", &id, json!({ "password": "new" })).await.unwrap();
    assert_eq!(fixture.public().resolve(&token).await.unwrap(), id);
}

#[tokio::test]
async fn whoever_changes_another_ones_password_is_not_let_in_as_that_one() {
    let fixture = Fixture::embedded(&[]).await;
    let (anna, _) = fixture.person("anna").await;
    let (bert, _) = fixture.person("bert").await;
    let shared = json!({ "ACL": { bert.as_str(): { "read": true, "write": true } } });
    fixture.user(&anna).update("_User", &anna, shared).await.unwrap();
    for caller in [fixture.user(&bert), fixture.master()] {
        let answer = caller.update("_User", &anna, json!({ "password": "new" })).await.unwrap();
        assert!(answer.get("sessionToken").is_none());
    }
    assert_eq!(fixture.rows("_Session", json!({})).await.len(), 1, "that of the other one");
}

#[tokio::test]
async fn a_change_of_password_or_address_takes_back_reset_links() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    let maintenance = fixture.client(Privilege::Maintenance, "");
    for change in [json!({ "password": "new" }), json!({ "email": "b@example.com" })] {
        maintenance.update("_User", &id, json!({ "_perishable_token": "abc" })).await.unwrap();
        fixture.user(&id).update("_User", &id, change).await.unwrap();
        assert!(fixture.row("_User", json!({ "objectId": id })).await.get("_perishable_token").is_none());
    }
}

#[tokio::test]
async fn nobody_locks_himself_out() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("anna").await;
    fixture.user(&id).update("_User", &id, json!({ "ACL": {} })).await.unwrap();
    let row = fixture.row("_User", json!({ "objectId": id })).await;
    assert_eq!(row["ACL"], json!({ id.as_str(): { "read": true, "write": true } }));
}

#[tokio::test]
async fn users_leave_and_their_tokens_are_worth_nothing() {
    let fixture = Fixture::embedded(&[]).await;
    let (anna, token) = fixture.person("anna").await;
    let (bert, _) = fixture.person("bert").await;
    assert_eq!(refused(fixture.public().delete("_User", &anna).await), error(206, "Insufficient auth to delete user"));
    assert_eq!(refused(fixture.user(&bert).delete("_User", &anna).await), error(206, "Insufficient auth."));
    assert_eq!(refused(fixture.master().delete("_User", "nobody").await).0, 101);
    fixture.user(&anna).delete("_User", &anna).await.unwrap();
    assert_eq!(*fixture.told.users.lock().unwrap(), std::slice::from_ref(&anna));
    assert_eq!(refused(fixture.public().resolve(&token).await), error(209, "Invalid session token"));
    assert_eq!(fixture.rows("_Session", json!({})).await.len(), 2, "sessions stay behind");
}

#[tokio::test]
async fn who_may_not_change_a_user_learns_no_names() {
    let fixture = Fixture::embedded(&[]).await;
    let (anna, _) = fixture.person("anna").await;
    let (bert, _) = fixture.person("bert").await;
    let changes = [json!({ "username": "bert" }), json!({ "email": "bert@example.com" }), json!({ "username": "new" })];
    for change in &changes {
        for id in [anna.as_str(), "nobody"] {
            let refusal = fixture.user(&bert).update("_User", id, change.clone()).await;
            assert_eq!(refused(refusal), error(206, "Insufficient auth."), "{change} of {id}");
        }
    }
    // Nor does the user itself, if the class is closed.
    fixture.permit("_User", json!({ "get": { "*": true }, "update": {} })).await;
    for change in changes {
        let refusal = fixture.user(&anna).update("_User", &anna, change).await;
        assert_eq!(refused(refusal), error(119, "Permission denied for action update on class _User."));
    }
}
