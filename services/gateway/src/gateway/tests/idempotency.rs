#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use parsefleet_proto::v1::{Once, operation::Operation as Kind};

use crate::testing::{Asked, Setup};

const APP: (&str, &str) = ("x-parse-application-id", "test");
const ID: (&str, &str) = ("x-parse-request-id", "id1");
const OPTIONS: &str = r#"{"paths":["classes/Once","^classes/Two/x","roles"],"ttl":60}"#;

fn plain() -> Setup {
    Setup::new(&[("PARSE_SERVER_EXPERIMENTAL_IDEMPOTENCY_OPTIONS", OPTIONS)])
}

fn replaying() -> Setup {
    Setup::new(&[("PARSE_SERVER_EXPERIMENTAL_IDEMPOTENCY_OPTIONS", OPTIONS), ("PARSEFLEET_IDEMPOTENCY_REPLAY", "1")])
}

#[tokio::test]
async fn writes_of_the_paths_claim_their_ids_first() {
    let setup = plain();
    for (line, claims) in [
        ("POST /parse/classes/Once", true),
        ("POST /parse/classes/OnceMore/", true),
        ("PUT /parse/classes/Once/x", true),
        ("PUT /parse/classes/Two/x", true),
        ("POST /parse/classes/Two", false),
        ("POST /parse/classes/NotOnce", false),
        ("POST /parse/roles", false),
        ("GET /parse/classes/Once/x", false),
        ("DELETE /parse/classes/Once/x", false),
    ] {
        setup.ask(line, &[APP, ID], "{}").await;
        let asked = setup.all_asked();
        let claimed = asked.iter().position(|asked| matches!(asked, Asked::Claim(claim) if claim.request_id == "id1"));
        assert_eq!(claimed, claims.then_some(0), "{line}: {asked:?}");
        assert_eq!(asked.len(), 1 + usize::from(claims), "{line}: {asked:?}");
    }
    // No id, nothing to claim; the parts of a batch have none.
    setup.ask("POST /parse/classes/Once", &[APP], "{}").await;
    setup.ask("POST /parse/classes/Once", &[APP, ("x-parse-request-id", "")], "{}").await;
    let batch = r#"{"requests":[{"method":"POST","path":"/parse/classes/Once","body":{}}]}"#;
    setup.ask("POST /parse/batch", &[APP, ID], batch).await;
    let asked = setup.all_asked();
    assert!(asked.iter().all(|asked| matches!(asked, Asked::Create(_))), "{asked:?}");
}

#[tokio::test]
async fn a_repetition_is_refused_and_an_id_is_used_up_by_a_failure() {
    let setup = plain();
    let taken = ("x-parse-request-id", "taken");
    let response = setup.ask("POST /parse/classes/Once", &[APP, taken], "{}").await;
    assert_eq!((response.status().as_u16(), &response.body()[..]), (400, DUPLICATE));
    assert!(setup.all_asked().is_empty(), "nothing was carried out");
    let readonly = ("x-parse-master-key", "readonly");
    let response = setup.ask("POST /parse/classes/Once", &[APP, ID, readonly], "{}").await;
    assert_eq!(response.status(), 400);
    assert!(matches!(setup.asked(), Asked::Claim(_)));
}

const DUPLICATE: &[u8] = br#"{"code":159,"error":"Duplicate request"}"#;

/// What a request is known by to data, with replay.
async fn once_of(setup: &Setup, line: &str, headers: &[(&str, &str)], body: &str) -> Option<Once> {
    let response = setup.ask(line, &[&[APP][..], headers].concat(), body).await;
    assert!(response.status().is_success(), "{response:?}");
    match setup.asked() {
        Asked::Transact(request) => request.once,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn with_replay_the_request_travels_with_its_id() {
    let setup = replaying();
    let first = once_of(&setup, "POST /parse/classes/Once", &[ID], r#"{"n":1}"#).await.unwrap();
    assert_eq!((&*first.request_id, first.ttl_seconds), ("id1", 60));
    let again = once_of(&setup, "POST /parse/classes/Once", &[ID], r#"{"n":1}"#).await.unwrap();
    assert_eq!(first, again);
    let token = ("x-parse-session-token", "r:good");
    let installation = ("x-parse-installation-id", "other");
    let context = ("x-parse-cloud-context", r#"{"a":1}"#);
    for (line, headers, body) in [
        ("POST /parse/classes/Once", &[ID][..], r#"{"n":2}"#),
        ("POST /parse/classes/OnceMore", &[ID], r#"{"n":1}"#),
        ("PUT /parse/classes/Once/x", &[ID], r#"{"n":1}"#),
        ("POST /parse/classes/Once", &[ID, token], r#"{"n":1}"#),
        ("POST /parse/classes/Once", &[ID, installation], r#"{"n":1}"#),
        ("POST /parse/classes/Once", &[ID, context], r#"{"n":1}"#),
    ] {
        let other = once_of(&setup, line, headers, body).await.unwrap();
        assert_ne!(first.fingerprint, other.fingerprint, "{line} {body}");
    }
}

#[tokio::test]
async fn with_replay_the_parts_of_a_batch_have_ids() {
    let setup = replaying();
    let part = |class: &str| format!(r#"{{"method":"POST","path":"/parse/classes/{class}","body":{{}}}}"#);
    let batch = format!(r#"{{"requests":[{},{},{}]}}"#, part("Free"), part("Once"), part("Once"));
    setup.ask("POST /parse/batch", &[APP, ID], &batch).await;
    let mut ids: Vec<Option<String>> = setup
        .all_asked()
        .into_iter()
        .map(|asked| match asked {
            Asked::Create(_) => None,
            Asked::Transact(request) => request.once.map(|once| once.request_id),
            other => panic!("{other:?}"),
        })
        .collect();
    ids.sort();
    assert_eq!(ids, [None, Some("id1/1".to_owned()), Some("id1/2".to_owned())]);

    let transaction = batch.replacen('{', r#"{"transaction":true,"#, 1);
    setup.ask("POST /parse/batch", &[APP, ID], &transaction).await;
    let Asked::Transact(request) = setup.asked() else { panic!("not a transaction") };
    assert_eq!(request.once.unwrap().request_id, "id1");
    assert!(request.operations.iter().all(|part| matches!(part.operation, Some(Kind::Create(_)))));
    let free = format!(r#"{{"transaction":true,"requests":[{}]}}"#, part("Free"));
    setup.ask("POST /parse/batch", &[APP, ID], &free).await;
    let Asked::Transact(request) = setup.asked() else { panic!("not a transaction") };
    assert_eq!(request.once, None);
}

#[tokio::test]
async fn reads_of_a_transaction_are_told_apart_by_their_queries() {
    let setup = replaying();
    let batch = |query: &str| {
        format!(
            r#"{{"transaction":true,"requests":[{{"method":"POST","path":"/parse/classes/Once","body":{{}}}},
                {{"method":"GET","path":"/parse/classes/Other{query}"}}]}}"#
        )
    };
    let mut fingerprints = std::collections::HashSet::new();
    for query in ["", "?limit=1", "?limit=2"] {
        let once = once_of(&setup, "POST /parse/batch", &[ID], &batch(query)).await.unwrap();
        assert!(fingerprints.insert(once.fingerprint), "{query}");
    }
}
