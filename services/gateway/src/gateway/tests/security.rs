#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use serde_json::Value as Json;

use crate::testing::Setup;

const APP: (&str, &str) = ("x-parse-application-id", "test");
const MASTER: (&str, &str) = ("x-parse-master-key", "master");
const CHECKED: (&str, &str) = ("PARSE_SERVER_SECURITY", r#"{"enableCheck":true}"#);

async fn ask(setup: &Setup, headers: &[(&str, &str)]) -> (u16, Json) {
    let response = setup.ask("GET /parse/security", &[&[APP], headers].concat(), "").await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

/// The checks of a group by title, with their states.
fn checks<'r>(report: &'r Json, group: &str) -> Vec<(&'r str, &'r str)> {
    let groups = report["report"]["groups"].as_array().unwrap();
    let group = groups.iter().find(|known| known["name"] == group);
    let checks = group.map(|group| group["checks"].as_array().unwrap().as_slice()).unwrap_or_default();
    checks.iter().map(|check| (check["title"].as_str().unwrap(), check["state"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn only_the_master_keys_are_told_and_only_if_it_is_enabled() {
    for (options, expected) in [(&[CHECKED][..], 200), (&[], 409)] {
        let setup = Setup::new(options);
        assert_eq!(ask(&setup, &[MASTER]).await.0, expected);
        assert_eq!(ask(&setup, &[("x-parse-master-key", "readonly")]).await.0, expected);
        for others in [&[][..], &[("x-parse-maintenance-key", "maintenance")], &[("x-parse-session-token", "r:good")]] {
            assert_eq!(ask(&setup, others).await.0, 403, "{others:?}");
        }
    }
}

#[tokio::test]
async fn what_is_unsafe_fails_with_advice() {
    let complexity = r#"{"includeDepth":5,"includeCount":9,"queryDepth":3,"subqueryDepth":2,"batchRequestLimit":50}"#;
    let limited = ("PARSE_SERVER_REQUEST_COMPLEXITY", complexity);
    let title = "Request complexity limits enabled";
    let group = "Parse Server Configuration";
    let (_, report) = ask(&Setup::new(&[CHECKED, limited]), &[MASTER]).await;
    assert!(checks(&report, group).contains(&(title, "success")), "{report}");
    assert!(checks(&report, group).contains(&("Secure master key", "fail")), "{report}");
    assert_eq!(report["report"]["state"], "fail");
    assert!(checks(&report, "Database").is_empty(), "there is no address of a database here");

    let partly = ("PARSE_SERVER_REQUEST_COMPLEXITY", r#"{"includeDepth":5}"#);
    let weak = ("PARSE_SERVER_DATABASE_URI", "mongodb://user:secret@host?a=longABC123longABC123@x");
    let (_, report) = ask(&Setup::new(&[CHECKED, partly, weak]), &[MASTER]).await;
    assert!(checks(&report, group).contains(&(title, "fail")), "{report}");
    assert_eq!(checks(&report, "Database"), [("Secure database password", "fail")]);
    let failed = report["report"]["groups"][0]["checks"][0].as_object().unwrap();
    assert!(failed["warning"].is_string() && failed["solution"].is_string());
    assert!(!report.to_string().contains("longABC123"), "no secret is told");
}
