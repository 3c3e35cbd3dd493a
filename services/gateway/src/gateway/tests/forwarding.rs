#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use parsefleet_proto::v1::{Privilege, operation::Operation as Kind};

use crate::testing::{Asked, Setup};

const APP: (&str, &str) = ("x-parse-application-id", "test");

#[tokio::test]
async fn a_body_without_conventions_travels_as_it_came() {
    let setup = Setup::new(&[]);
    let body = " {\"a\" : 1.50,\n\"b\":\"\\u00e9\"} ";
    let response = setup.ask("POST /parse/classes/A", &[APP], body).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["location"], "http://parse.example/parse/classes/A/created001");
    assert_eq!(response.body(), "{\"objectId\":\"created001\"}");
    let Asked::Create(request) = setup.asked() else { panic!("not a create") };
    assert_eq!((&*request.class_name, &request.body[..]), ("A", body.as_bytes()));
    assert_eq!(request.mount_url, "http://parse.example/parse");
}

#[tokio::test]
async fn the_javascript_sdk_is_understood() {
    let setup = Setup::new(&[]);
    let body = r#"{"n":{"__op":"Increment","amount":1},"_method":"PUT","_ApplicationId":"test","_ClientVersion":"js8",
        "_InstallationId":"inst","_SessionToken":"r:good","_context":"{\"k\":1}","_RevocableSession":"1"}"#;
    let response = setup.ask("POST /parse/classes/A/x", &[("content-type", "text/plain")], body).await;
    assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"{\"updatedAt\":\"now\"}"[..]));
    let Asked::Update(request) = setup.asked() else { panic!("not an update") };
    assert_eq!((&*request.object_id, &request.body[..]), ("x", &br#"{"n":{"__op":"Increment","amount":1}}"#[..]));
    let context = request.context.unwrap();
    assert_eq!(
        (context.privilege(), &*context.user_id, context.roles),
        (Privilege::User, "user1", vec!["Admins".to_owned()])
    );
    assert_eq!((&*context.installation_id, &context.cloud_context[..]), ("inst", &b"{\"k\":1}"[..]));
    assert_eq!((&*context.app_id, &*context.client_ip), ("test", "127.0.0.1"));
    assert!(!context.request_id.is_empty());
    assert_eq!(context.session_token, "r:good");
}

#[tokio::test]
async fn triggers_are_told_of_headers_without_secrets() {
    let setup = Setup::new(&[]);
    let secret = ("x-parse-master-key", "master");
    setup.ask("POST /parse/classes/A", &[APP, secret, ("x-parse-session-token", "r:good"), ("x-own", "1")], "{}").await;
    let context = setup.context();
    let headers = r#"{"host":"parse.example","x-parse-application-id":"test","x-own":"1"}"#;
    assert_eq!(std::str::from_utf8(&context.headers).unwrap(), headers);
    assert_eq!(context.session_token, "", "the token decides nothing where there is a key");
}

#[tokio::test]
async fn queries_of_the_javascript_sdk_are_body_members() {
    let setup = Setup::new(&[]);
    let body = r#"{"where":{"a":{"$gt":1}},"limit":5,"order":"-a,b","_method":"GET","_ApplicationId":"test"}"#;
    setup.ask("POST /parse/classes/A", &[], body).await;
    let Asked::Find(request) = setup.asked() else { panic!("not a find") };
    assert_eq!((&request.r#where[..], request.limit), (&br#"{"a":{"$gt":1}}"#[..], Some(5.0)));
    assert_eq!(request.order, ["-a", "b"]);
}

#[tokio::test]
async fn deletes_and_gets_name_their_object() {
    let setup = Setup::new(&[]);
    let response = setup.ask("DELETE /parse/classes/A/x%20y", &[APP], "").await;
    assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"{}"[..]));
    let Asked::Delete(request) = setup.asked() else { panic!("not a delete") };
    assert_eq!(request.object_id, "x y");
    setup.ask("GET /parse/classes/A/x?keys=a,b.c&include=b", &[APP], "").await;
    let Asked::Get(request) = setup.asked() else { panic!("not a get") };
    let selection = request.selection.unwrap();
    assert_eq!((selection.keys.unwrap().names, selection.include), (vec!["a".into(), "b.c".into()], vec!["b".into()]));
}

#[tokio::test]
async fn the_parts_of_a_transaction_travel_together() {
    let setup = Setup::new(&[]);
    let part =
        |method: &str, path: &str| format!(r#"{{"method":"{method}","path":"/parse/{path}","body":{{"keys":"a"}}}}"#);
    let batch = |parts: &[String]| format!(r#"{{"transaction":true,"requests":[{}]}}"#, parts.join(","));
    let parts = [part("POST", "classes/A"), part("DELETE", "classes/A/x"), part("GET", "classes/A")];
    let response = setup.ask("POST /parse/batch", &[APP], &batch(&parts)).await;
    assert_eq!(response.body(), r#"[{"success":{"done":true}},{"success":{}},{"success":{"done":true}}]"#);
    let Asked::Transact(request) = setup.asked() else { panic!("not a transaction") };
    let kinds: Vec<Kind> = request.operations.into_iter().filter_map(|operation| operation.operation).collect();
    let [Kind::Create(create), Kind::Delete(delete), Kind::Find(find)] = &kinds[..] else { panic!("{kinds:?}") };
    assert_eq!((&*create.class_name, &create.body[..]), ("A", &br#"{"keys":"a"}"#[..]));
    assert_eq!((&*delete.object_id, find.selection.is_some()), ("x", true));
    assert!(create.context.is_some() && delete.context.is_some() && find.context.is_some());

    // What cannot be undone is refused before anything is asked.
    let parts = [part("POST", "classes/A"), part("GET", "serverInfo")];
    let response = setup.ask("POST /parse/batch", &[APP], &batch(&parts)).await;
    assert_eq!(response.body(), r#"{"code":108,"error":"GET /serverInfo cannot be part of a transaction."}"#);
    let readonly = ("x-parse-master-key", "readonly");
    let response = setup.ask("POST /parse/batch", &[APP, readonly], &batch(&[part("POST", "classes/A")])).await;
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn only_users_who_read_themselves_see_their_token() {
    let setup = Setup::new(&[]);
    let token = ("x-parse-session-token", "r:good");
    let own = setup.ask("GET /parse/classes/_User/user1", &[APP, token], "").await;
    assert_eq!(own.body(), r#"{"objectId":"user1","sessionToken":"r:good"}"#);
    let others = setup.ask("GET /parse/classes/_User/user2", &[APP, token], "").await;
    assert_eq!(others.body(), r#"{"objectId":"user1"}"#);
    let public = setup.ask("GET /parse/classes/_User/user1", &[APP], "").await;
    assert_eq!(public.body(), r#"{"objectId":"user1"}"#);
}

#[tokio::test]
async fn locations_use_the_public_url_and_the_users_path() {
    let public = Setup::new(&[("PARSE_PUBLIC_SERVER_URL", "https://api.example/1/")]);
    let response = public.ask("POST /parse/classes/_User", &[APP], "{}").await;
    assert_eq!(response.headers()["location"], "https://api.example/1/users/created001");
    let response = public.ask("POST /parse/classes/Odd", &[APP], "{}").await;
    assert_eq!(response.headers()["location"], "https://api.example/1/classes/Odd/%C3%A9/1");
    let proxied = Setup::new(&[("PARSE_SERVER_TRUST_PROXY", "true")]);
    let headers = [APP, ("x-forwarded-proto", "https"), ("x-forwarded-for", "1.2.3.4")];
    let response = proxied.ask("POST /PARSE/classes/A", &headers, "{}").await;
    assert_eq!(response.headers()["location"], "https://parse.example/PARSE/classes/A/created001");
    assert_eq!(proxied.context().client_ip, "1.2.3.4");
}

#[tokio::test]
async fn parts_of_a_batch_are_requests_of_the_same_caller() {
    let setup = Setup::new(&[]);
    let headers = [APP, ("x-parse-session-token", "r:good"), ("x-parse-installation-id", "inst")];
    let body = r#"{"requests":[{"method":"POST","path":"/parse/classes/A","body":{ "a" : 1, "_method": "GET" }}]}"#;
    let response = setup.ask("POST /parse/batch", &headers, body).await;
    assert_eq!(response.body(), r#"[{"success":{"objectId":"created001"}}]"#);
    let Asked::Create(request) = setup.asked() else { panic!("not a create") };
    assert_eq!(request.body, r#"{ "a" : 1, "_method": "GET" }"#);
    let context = request.context.unwrap();
    assert_eq!((context.privilege(), &*context.installation_id), (Privilege::User, "inst"));
    assert_eq!(request.mount_url, "http://parse.example/parse");
}

#[tokio::test]
async fn a_long_batch_keeps_its_order() {
    let setup = Setup::new(&[]);
    let parts: Vec<String> = (0..100)
        .map(|index| match index % 3 {
            0 => r#"{"method":"POST","path":"/parse/classes/A","body":{}}"#.to_owned(),
            1 => r#"{"method":"DELETE","path":"/parse/classes/A/x"}"#.to_owned(),
            _ => r#"{"method":"GET","path":"/parse/classes/A/x"}"#.to_owned(),
        })
        .collect();
    let response = setup.ask("POST /parse/batch", &[APP], &format!("{{\"requests\":[{}]}}", parts.join(","))).await;
    let answers: Vec<serde_json::Value> = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(answers.len(), 100);
    for (index, answer) in answers.iter().enumerate() {
        match index % 3 {
            0 => assert_eq!(answer["success"]["objectId"], "created001"),
            1 => assert_eq!(answer["success"], serde_json::json!({})),
            _ => assert_eq!(answer["error"]["code"], 101),
        }
    }
}

#[tokio::test]
async fn batches_route_by_every_url_of_the_api() {
    let setup =
        Setup::new(&[("PARSE_PUBLIC_SERVER_URL", "https://api.example/1"), ("PARSE_SERVER_URL", "http://x/api")]);
    for prefix in ["/parse", "/1", "/api"] {
        let body = format!(r#"{{"requests":[{{"method":"GET","path":"{prefix}/classes/A"}}]}}"#);
        let response = setup.ask("POST /parse/batch", &[APP], &body).await;
        assert_eq!(response.body(), r#"[{"success":{"results":[]}}]"#, "{prefix}");
    }
    let body = r#"{"requests":[{"method":"GET","path":"/2/classes/A"}]}"#;
    let response = setup.ask("POST /parse/batch", &[APP], body).await;
    assert_eq!(response.body(), r#"{"code":107,"error":"cannot route batch path /2/classes/A"}"#);
}

#[tokio::test]
async fn a_token_reads_what_it_stands_for() {
    let setup = Setup::new(&[]);
    let token = ("x-parse-session-token", "r:good");
    let master = ("x-parse-master-key", "master");
    for (headers, privilege) in [(vec![APP, token], Privilege::User), (vec![APP, token, master], Privilege::Master)] {
        let response = setup.ask("GET /parse/users/me", &headers, "").await;
        assert_eq!(response.body(), r#"{"objectId":"user1","sessionToken":"r:good"}"#);
        assert_eq!(setup.context().privilege(), privilege);
        setup.ask("GET /parse/sessions/me", &headers, "").await;
        let Asked::Get(request) = setup.asked() else { panic!("not a get") };
        assert_eq!((&*request.class_name, &*request.object_id), ("_Session", "session1"));
        assert_eq!(request.context.unwrap().privilege(), privilege);
    }
    let bad = ("x-parse-session-token", "r:bad");
    for (line, headers, text) in [
        ("GET /parse/users/me", vec![APP], "Permission denied"),
        ("GET /parse/users/me", vec![APP, bad], "Invalid session token"),
        ("GET /parse/users/me", vec![APP, bad, master], "Permission denied"),
        ("GET /parse/sessions/me", vec![APP], "Session token required."),
        ("GET /parse/sessions/me", vec![APP, bad], "Session token not found."),
        ("GET /parse/sessions/me", vec![APP, bad, master], "Session token not found."),
    ] {
        let response = setup.ask(line, &headers, "").await;
        assert_eq!(response.body(), &format!(r#"{{"code":209,"error":"{text}"}}"#), "{line} {headers:?}");
    }
}
