#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use parsefleet_proto::v1::{Privilege, operation::Operation as Kind};

use crate::testing::{Asked, AuthAsked, Setup};

const APP: (&str, &str) = ("x-parse-application-id", "test");
const MASTER: (&str, &str) = ("x-parse-master-key", "master");
const GOOD: (&str, &str) = ("x-parse-session-token", "r:good");
const LEGACY: (&str, &str) = ("x-parse-session-token", "legacy");

fn asked(setup: &Setup) -> AuthAsked {
    match setup.asked() {
        Asked::Auth(asked) => asked,
        other => panic!("not auth was asked: {other:?}"),
    }
}

#[tokio::test]
async fn auth_takes_the_writes_of_its_classes() {
    let setup = Setup::new(&[]);
    for (path, location) in
        [("users", "users"), ("classes/_User", "users"), ("sessions", "classes/_Session"), ("roles", "classes/_Role")]
    {
        let response = setup.ask(&format!("POST /parse/{path}"), &[APP], r#"{ "a" : 1}"#).await;
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["location"], format!("http://parse.example/parse/{location}/created001"));
        let AuthAsked::Create(request) = asked(&setup) else { panic!("{path}") };
        assert_eq!((&request.body[..], &*request.mount_url), (&br#"{ "a" : 1}"#[..], "http://parse.example/parse"));
        assert_eq!(request.owned, None);
        setup.ask(&format!("PUT /parse/{path}/x"), &[APP], "{}").await;
        assert!(matches!(asked(&setup), AuthAsked::Update(request) if request.object_id == "x"));
        setup.ask(&format!("DELETE /parse/{path}/x"), &[APP], "{}").await;
        assert!(matches!(asked(&setup), AuthAsked::Delete(request) if request.object_id == "x"));
        setup.ask(&format!("GET /parse/{path}/x"), &[APP], "").await;
        assert!(matches!(setup.asked(), Asked::Get(_)), "reads are data's");
    }
}

#[tokio::test]
async fn a_user_who_was_there_is_not_created() {
    let setup = Setup::new(&[]);
    let response = setup.ask("POST /parse/users", &[APP], r#"{"username":"old"}"#).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["location"], "http://parse.example/parse/users/created001");
}

#[tokio::test]
async fn credentials_are_presented_by_nobody_from_the_installation_that_was_sent() {
    let setup = Setup::new(&[]);
    let body = r#"{"username":"a","password":"b"}"#;
    for line in ["POST /parse/login", "GET /parse/LogIn/?username=a&password=b", "POST /parse/verifyPassword"] {
        let headers = [APP, GOOD, ("x-parse-installation-id", "phone")];
        let body = if line.starts_with("GET") { "" } else { body };
        assert_eq!(setup.ask(line, &headers, body).await.body(), r#"{"objectId":"user1"}"#);
        let (AuthAsked::LogIn(request) | AuthAsked::VerifyPassword(request)) = asked(&setup) else { panic!("{line}") };
        assert_eq!(request.credentials, r#"{"username":"a","password":"b"}"#);
        let context = request.context.unwrap();
        let who = (context.privilege(), &*context.user_id, &*context.installation_id);
        assert_eq!(who, (Privilege::Public, "", "phone"), "{line}");
    }
    setup.ask("POST /parse/login", &[APP, MASTER], body).await;
    let context = setup.context();
    assert_eq!((context.privilege(), &*context.installation_id), (Privilege::Master, ""));
    setup.ask("POST /parse/users", &[APP, MASTER], body).await;
    assert_eq!(setup.context().installation_id, "cloud", "what else is written has the one of keys in headers");
    let tunnelled = r#"{"_ApplicationId":"test","_MasterKey":"master","_InstallationId":"phone"}"#;
    setup.ask("POST /parse/users", &[], tunnelled).await;
    assert_eq!(setup.context().installation_id, "phone");
}

#[tokio::test]
async fn somebody_else_is_named_in_the_body_or_in_the_query() {
    let setup = Setup::new(&[]);
    for (query, body, sent) in [
        ("", r#"{"userId":"u1"}"#, r#""u1""#),
        ("?userId=u2", r#"{"userId":""}"#, r#""u2""#),
        ("?userId=u2", r#"{"userId":{"$ne":1}}"#, r#"{"$ne":1}"#),
        ("", "{}", ""),
    ] {
        setup.ask(&format!("POST /parse/loginAs{query}"), &[APP, MASTER], body).await;
        let AuthAsked::LogInAs(request) = asked(&setup) else { panic!("{body}") };
        assert_eq!(request.user_id, sent);
    }
}

#[tokio::test]
async fn a_log_out_names_the_token_that_was_presented() {
    let setup = Setup::new(&[]);
    for (headers, token) in [(&[APP][..], ""), (&[APP, GOOD], "r:good"), (&[APP, MASTER, LEGACY], "legacy")] {
        let response = setup.ask("POST /parse/logout", headers, "").await;
        assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"{}"[..]));
        assert!(matches!(asked(&setup), AuthAsked::LogOut(request) if request.session_token == token));
    }
    assert_eq!(setup.ask("POST /parse/logout", &[APP, LEGACY], "").await.status(), 400);
}

#[tokio::test]
async fn mails_of_the_apps_own_code_need_the_master_key() {
    let setup = Setup::new(&[("PARSE_SERVER_ENABLE_SANITIZED_ERROR_RESPONSE", "false")]);
    let body = r#"{ "to": "a@b.c", "subject": "s", "text": "t" }"#;
    for headers in [&[APP][..], &[APP, GOOD], &[APP, ("x-parse-maintenance-key", "maintenance")]] {
        let response = setup.ask("POST /parse/emails", headers, body).await;
        let expected = (403, &br#"{"error":"unauthorized: master key is required"}"#[..]);
        assert_eq!((response.status().as_u16(), &response.body()[..]), expected, "{headers:?}");
        assert!(setup.all_asked().is_empty(), "{headers:?}");
    }
    let response = setup.ask("POST /parse/emails", &[APP, MASTER], body).await;
    assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"{}"[..]));
    let AuthAsked::SendEmail(request) = asked(&setup) else { panic!("something else") };
    assert_eq!(request.body, body);
    // As the JavaScript SDK sends it: nothing of its conventions is taken for a part of the mail.
    let tunnelled =
        r#"{"_ApplicationId":"test","_MasterKey":"master","_ClientVersion":"js","_InstallationId":"i","to":"a@b.c"}"#;
    assert_eq!(setup.ask("POST /parse/emails", &[], tunnelled).await.status(), 200);
    let AuthAsked::SendEmail(request) = asked(&setup) else { panic!("something else") };
    assert_eq!(request.body, r#"{"to":"a@b.c"}"#);
}

#[tokio::test]
async fn only_the_upgrade_takes_a_token_of_an_older_kind() {
    let setup = Setup::new(&[]);
    for (headers, token) in
        [(&[APP][..], ""), (&[APP, GOOD], "r:good"), (&[APP, LEGACY], "legacy"), (&[APP, MASTER, LEGACY], "")]
    {
        let response = setup.ask("POST /parse/upgradeToRevocableSession/", headers, "").await;
        assert_eq!(response.status(), 200);
        let AuthAsked::UpgradeSession(request) = asked(&setup) else { panic!("{headers:?}") };
        assert_eq!(request.session_token, token);
        let is_user = request.context.unwrap().privilege() == Privilege::User;
        assert_eq!(is_user, token == "r:good");
    }
    let bad = ("x-parse-session-token", "r:bad");
    assert_eq!(setup.ask("POST /parse/upgradeToRevocableSession", &[APP, bad], "").await.status(), 400);
    for line in ["POST /parse/logout", "GET /parse/users/me", "POST /parse/users", "POST /parse/verifyPassword"] {
        assert_eq!(setup.ask(line, &[APP, LEGACY], "{}").await.status(), 400, "{line}");
        assert!(setup.all_asked().is_empty(), "{line}");
    }
}

#[tokio::test]
async fn a_transaction_with_a_write_of_auth_goes_there_as_a_whole() {
    let setup = Setup::new(&[]);
    let part = |method: &str, path: &str| format!(r#"{{"method":"{method}","path":"/parse/{path}","body":{{}}}}"#);
    for (second, is_auths) in
        [(part("POST", "users"), true), (part("PUT", "classes/_Role/x"), true), (part("GET", "users"), false)]
    {
        let body = format!(r#"{{"transaction":true,"requests":[{},{second}]}}"#, part("POST", "classes/A"));
        assert_eq!(setup.ask("POST /parse/batch", &[APP], &body).await.status(), 200);
        match setup.asked() {
            Asked::Auth(AuthAsked::Transact(request)) if is_auths => assert_eq!(request.operations.len(), 2),
            Asked::Transact(_) if !is_auths => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn parts_of_a_batch_log_in() {
    let setup = Setup::new(&[]);
    let body = r#"{"requests":[
        {"method":"POST","path":"/parse/login","body":{"username":"a","password":"b"}},
        {"method":"POST","path":"/parse/logout"}]}"#;
    let response = setup.ask("POST /parse/batch", &[APP, GOOD], body).await;
    assert_eq!(response.body(), r#"[{"success":{"objectId":"user1"}},{"success":{}}]"#);
    let asked = setup.all_asked();
    let [Asked::Auth(AuthAsked::LogIn(log_in)), Asked::Auth(AuthAsked::LogOut(log_out))] = &*asked else {
        panic!("{asked:?}")
    };
    assert_eq!(log_in.context.as_ref().unwrap().privilege(), Privilege::Public);
    assert_eq!(log_out.session_token, "r:good");
}

#[tokio::test]
async fn a_sign_up_with_an_id_is_carried_out_once_by_auth() {
    let options = r#"{"paths":["users"],"ttl":60}"#;
    let options = [("PARSE_SERVER_EXPERIMENTAL_IDEMPOTENCY_OPTIONS", options), ("PARSEFLEET_IDEMPOTENCY_REPLAY", "1")];
    let setup = Setup::new(&options);
    let id = ("x-parse-request-id", "id1");
    let response = setup.ask("POST /parse/users", &[APP, id], r#"{"username":"a"}"#).await;
    assert_eq!((response.status().as_u16(), &response.body()[..]), (201, &br#"{"done":true}"#[..]));
    let AuthAsked::Transact(request) = asked(&setup) else { panic!("not a transaction") };
    assert_eq!(request.once.unwrap().request_id, "id1");
    assert!(matches!(request.operations[0].operation, Some(Kind::Create(_))));
}
