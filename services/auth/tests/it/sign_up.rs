//! Signing up.

use parsefleet_proto::v1::Privilege;
use serde_json::{Value as Json, json};

use crate::fixture::{Fixture, error, refused, text};

#[tokio::test]
async fn somebody_new_has_a_session_and_an_acl_of_its_own() {
    let fixture = Fixture::embedded(&[]).await;
    let body = json!({ "username": "anna", "password": "secret", "email": "anna@example.com", "age": 30 });
    let answer = fixture.public().from("phone").create("_User", body).await.unwrap();
    let (id, token) = (text(&answer["objectId"]), text(&answer["sessionToken"]));
    assert_eq!(id.len(), 10);
    assert_eq!(answer.as_object().unwrap().len(), 3, "{answer}");
    assert_eq!(fixture.public().resolve(&token).await.unwrap(), id);

    let row = fixture.row("_User", json!({ "objectId": id })).await;
    assert!(text(&row["_hashed_password"]).starts_with("$2y$10$"));
    assert_eq!(row["ACL"], json!({ id.as_str(): { "read": true, "write": true } }));
    assert_eq!(row["age"], 30);
    assert!(row.get("password").is_none());
    let (other, _) = fixture.person("bert").await;
    assert_eq!(refused(fixture.user(&other).get("_User", &id).await).0, 101, "private");
    assert_eq!(fixture.user(&id).get("_User", &id).await.unwrap()["email"], "anna@example.com");
    let session = fixture.row("_Session", json!({ "sessionToken": token })).await;
    assert_eq!(session["createdWith"], json!({ "action": "signup", "authProvider": "password" }));
    assert_eq!(session["installationId"], "phone");
    assert!(session["expiresAt"]["iso"].is_string());
}

#[tokio::test]
async fn checks_come_in_their_order() {
    let fixture = Fixture::embedded(&[]).await;
    fixture.person("taken").await;
    let public = fixture.public();
    let refusals: &[(Json, i32, &str)] = &[
        (json!({ "objectId": "abc" }), 105, "objectId is an invalid field name."),
        (json!({ "id": "abc" }), 105, "id is an invalid field name."),
        (json!({ "objectId": "role:a" }), 119, "Invalid object ID."),
        (json!({ "password": "p" }), 200, "bad or missing username"),
        (json!({ "username": 5, "password": "p" }), 200, "bad or missing username"),
        (json!({ "username": "", "password": "p" }), 200, "bad or missing username"),
        (json!({ "username": "a" }), 201, "password is required"),
        (json!({ "username": "a", "password": 5 }), 201, "password is required"),
        (
            json!({ "username": "a", "password": "p", "authData": null }),
            252,
            "This authentication method is unsupported.",
        ),
        (
            json!({ "username": "a", "password": "p", "emailVerified": true }),
            119,
            "Clients aren't allowed to manually update email verification.",
        ),
        (
            json!({ "username": "TAKEN", "password": "p", "email": 5 }),
            111,
            "schema mismatch for _User.email; expected String but got Number",
        ),
        (json!({ "username": "TAKEN", "password": "p", "1x": 1 }), 105, "Invalid field name: 1x."),
        (json!({ "username": "TAKEN", "password": "p" }), 202, "Account already exists for this username."),
        (json!({ "username": "a", "password": "p", "email": "a@" }), 125, "Email address format is invalid."),
        (
            json!({ "username": "a", "password": "p", "email": "Taken@Example.com" }),
            203,
            "Account already exists for this email address.",
        ),
        (json!({ "username": "a", "password": "p", "_x": 1 }), 105, "Invalid field name: _x."),
    ];
    for (body, code, message) in refusals {
        assert_eq!(refused(public.create("_User", body.clone()).await), error(*code, message), "{body}");
    }
    assert_eq!(fixture.rows("_User", json!({})).await.len(), 1);
}

#[tokio::test]
async fn not_everybody_is_given_a_session() {
    let fixture = Fixture::embedded(&[]).await;
    let body = |name: &str| json!({ "username": name, "password": "p" });
    let answer = fixture.master().from("cloud").create("_User", body("a")).await.unwrap();
    assert!(answer.get("sessionToken").is_none());
    let (id, _) = fixture.person("b").await;
    let answer = fixture.user(&id).create("_User", body("c")).await.unwrap();
    assert!(answer.get("sessionToken").is_some(), "somebody who is logged in may sign others up");
    let refusal = fixture.client(Privilege::ReadOnlyMaster, "").create("_User", body("d")).await;
    assert_eq!(refused(refusal), error(119, "read-only masterKey isn't allowed to perform the create operation."));
}

#[tokio::test]
async fn users_may_be_readable_by_all() {
    let fixture = Fixture::embedded(&[("enforcePrivateUsers", json!(false))]).await;
    let (id, _) = fixture.person("anna").await;
    let row = fixture.row("_User", json!({ "objectId": id })).await;
    assert_eq!(row["ACL"], json!({ "*": { "read": true }, id.as_str(): { "read": true, "write": true } }));
    let body = json!({ "username": "b", "password": "p", "ACL": { "role:a": { "read": true } } });
    let id = text(&fixture.public().create("_User", body).await.unwrap()["objectId"]);
    let row = fixture.row("_User", json!({ "objectId": id })).await;
    assert_eq!(row["ACL"], json!({ "role:a": { "read": true }, id.as_str(): { "read": true, "write": true } }));
}

#[tokio::test]
async fn names_are_stored_in_lower_case_if_the_app_says_so() {
    let options = [("convertEmailToLowercase", json!(true)), ("convertUsernameToLowercase", json!(true))];
    let fixture = Fixture::embedded(&options).await;
    let body = json!({ "username": "Anna", "password": "secret", "email": "Anna@Example.com" });
    fixture.public().create("_User", body).await.unwrap();
    let row = fixture.row("_User", json!({})).await;
    assert_eq!((&row["username"], &row["email"]), (&json!("anna"), &json!("anna@example.com")));
    for name in ["anna", "ANNA", "Anna@example.com"] {
        fixture.public().log_in(json!({ "username": name, "password": "secret" })).await.unwrap();
    }
}

#[tokio::test]
async fn anonymous_users_come_and_come_back() {
    let fixture = Fixture::embedded(&[]).await;
    let body = json!({ "authData": { "anonymous": { "id": "device" } } });
    let first = fixture.public().create("_User", body.clone()).await.unwrap();
    assert_eq!(text(&first["username"]).len(), 25);
    assert_eq!(first["authDataResponse"], json!({}));
    let again = fixture.public().create("_User", body).await.unwrap();
    assert_eq!(again["objectId"], first["objectId"]);
    let session = fixture.row("_Session", json!({ "sessionToken": again["sessionToken"] })).await;
    assert_eq!(session["createdWith"], json!({ "action": "login", "authProvider": "anonymous" }));

    let id = text(&first["objectId"]);
    let upgrade = json!({ "username": "anna", "password": "secret", "authData": { "anonymous": null } });
    let answer = fixture.user(&id).update("_User", &id, upgrade).await.unwrap();
    assert!(answer["sessionToken"].is_string());
    assert!(fixture.row("_User", json!({})).await.get("authData").is_none());
    fixture.public().log_in(json!({ "username": "anna", "password": "secret" })).await.unwrap();
}

#[tokio::test]
async fn who_may_not_sign_up_learns_no_names() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, _) = fixture.person("taken").await;
    fixture
        .permit("_User", json!({ "get": { "*": true }, "update": { "*": true }, "create": { "role:door": true } }))
        .await;
    let denied = error(119, "Permission denied for action create on class _User.");
    for (name, email) in [("taken", "new@example.com"), ("new", "taken@example.com"), ("new", "new@example.com")] {
        let body = json!({ "username": name, "password": "p", "email": email });
        for caller in [fixture.public(), fixture.user(&id)] {
            assert_eq!(refused(caller.create("_User", body.clone()).await), denied, "{name} {email}");
        }
        let together = fixture.public().create_together(&[body], None).await;
        assert_eq!(refused(together), denied, "{name} {email}");
    }
    let anonymous = json!({ "username": "taken", "authData": { "anonymous": { "id": "a" } } });
    assert_eq!(refused(fixture.public().create("_User", anonymous).await), denied);
    let refusal = fixture.master().create("_User", json!({ "username": "taken", "password": "p" })).await;
    assert_eq!(refused(refusal).0, 202);
}
