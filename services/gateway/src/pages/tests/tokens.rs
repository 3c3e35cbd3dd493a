//! What a link leads to.

use serde_json::json;

use super::{PUBLIC_URL, Site};

const RESET: &str = "/apps/test/request_password_reset";

#[tokio::test]
async fn a_link_verifies_an_address() {
    let site = Site::new(&json!({}));
    for (path, title) in [
        ("/apps/test/verify_email?token=good", "Your address is verified"),
        ("/APPS/test/Verify_Email/?token=good&username=alice", "Your address is verified"),
        ("/apps/test/verify_email?token=bad", "This link does not work"),
        ("/apps/test/verify_email", "This link does not work"),
        ("/apps/test/verify_email?token=good&token=good", "This link does not work"),
        ("/apps/test/verify_email?token[a]=good", "This link does not work"),
    ] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.title()), (200, title), "{path}");
    }
}

#[tokio::test]
async fn whoever_looks_where_a_link_leads_does_not_open_it() {
    let site = Site::new(&json!({}));
    let answer = site.ask("HEAD /parse/apps/test/verify_email?token=good", &[], "").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert!(answer.header("content-length").unwrap().parse::<u32>().unwrap() > 500);
    assert_ne!(answer.header("x-parse-page-param-appid"), None);
}

#[tokio::test]
async fn another_app_is_not_here() {
    let site = Site::new(&json!({}));
    for path in ["/apps/other/verify_email?token=good", "/apps/choose_password", "/apps/choose_password?appId=other"] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.json()), (403, json!({"error": "unauthorized"})), "{path}");
    }
    let answer = site.post("/apps/other/request_password_reset", "token=good&new_password=a").await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_new_link_can_be_asked_for() {
    let hiding = Site::new(&json!({}));
    let telling = Site::with(&json!({}), &[("PARSE_SERVER_EMAIL_VERIFY_SUCCESS_ON_INVALID_EMAIL", "false")]);
    for (site, form, file) in [
        (&hiding, "username=alice", "email_verification_send_success"),
        (&hiding, "token=good", "email_verification_send_success"),
        (&hiding, "username=bob", "email_verification_send_success"),
        (&hiding, "", "email_verification_link_invalid"),
        (&hiding, "username=&token=", "email_verification_link_invalid"),
        (&telling, "username=alice", "email_verification_send_success"),
        (&telling, "username=bob", "email_verification_send_fail"),
    ] {
        let answer = site.post("/apps/test/resend_verification_email", form).await;
        let query = "appId=test&appName=Caf%C3%A9+%26+%3CCo%3E&publicServerUrl=https%3A%2F%2Fapi.example%2Fparse";
        assert_eq!(answer.location(), format!("{PUBLIC_URL}/apps/{file}.html?{query}"), "{form}");
        assert_eq!((answer.status, answer.text.clone()), (303, format!("Found. Redirecting to {}", answer.location())));
    }
    // The link that does not work any more offers one that does.
    let answer = hiding.get("/apps/test/verify_email?token=%22%3Eold").await;
    assert!(answer.text.contains("<input type=\"hidden\" name=\"token\" value=\"&quot;&gt;old\">"), "{}", answer.text);
}

#[tokio::test]
async fn a_form_changes_a_password() {
    let site = Site::new(&json!({}));
    let form = site.get(&format!("{RESET}?token=good&username=alice")).await;
    assert_eq!((form.status, form.title()), (200, "Choose a new password"));
    assert_eq!(form.header("x-parse-page-param-token"), Some("good"));
    // The address in the form: escaped as mustache.js does it, and read back by browsers.
    let action = form.between("action=\"", "\"").replace("&#x2F;", "/");
    assert_eq!(action, "https://api.example/parse/apps/test/request_password_reset");
    assert!(form.text.contains("name=\"token\" value=\"good\""));
    assert!(!form.text.contains("alice"), "who it is does not follow from the link");

    let done = site.post(RESET, "token=good&new_password=a&confirm_new_password=a&username=x&utf-8=%E2%9C%93").await;
    assert_eq!((done.status, done.title()), (200, "Your password is changed"));
    assert_eq!(done.header("x-parse-page-param-token"), None);
}

#[tokio::test]
async fn links_that_lead_to_no_form() {
    let site = Site::new(&json!({}));
    for path in [RESET.to_owned(), format!("{RESET}?token=bad"), format!("{RESET}?token=expired")] {
        let answer = site.get(&path).await;
        assert_eq!((answer.status, answer.title()), (200, "This link does not work"), "{path}");
    }
    let answer = site.get(&format!("{RESET}?token=away")).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (500, json!(1)));
}

#[tokio::test]
async fn a_form_that_is_refused_comes_back_with_the_reason() {
    let site = Site::new(&json!({}));
    for (form, sentence) in [
        ("token=bad&new_password=a", "This link does not work any more."),
        ("token=expired&new_password=a", "This link has expired."),
        ("token=good&new_password=a&confirm_new_password=b", "The two passwords are not the same."),
        ("token=good&new_password=weak", "Password &lt;b&gt;does&lt;&#x2F;b&gt; not meet"),
    ] {
        let answer = site.post(RESET, form).await;
        assert_eq!((answer.status, answer.title()), (200, "Choose a new password"), "{form}");
        assert!(answer.between("role=\"alert\"", "</p>").contains(sentence), "{form}: {}", answer.text);
        assert_ne!(answer.header("x-parse-page-param-error"), None);
    }
    for form in ["token=good", "new_password=a", "", "token=good&token=good&new_password=a"] {
        let answer = site.post(RESET, form).await;
        assert!(answer.location().contains("/apps/password_reset_link_invalid.html?"), "{form}");
    }
    let json = [("content-type", "application/json")];
    let answer = site.ask(&format!("POST /parse{RESET}"), &json, r#"{"token":"good","new_password":"a"}"#).await;
    assert_eq!(answer.status, 303, "only forms are read");
}

#[tokio::test]
async fn a_script_is_answered_in_json() {
    let site = Site::new(&json!({}));
    let invalid = "Failed to reset password: username / email / token is invalid";
    for (form, status, body) in [
        ("token=good&new_password=a", 200, json!("Password successfully reset")),
        ("new_password=a", 400, json!({"code": -1, "error": "Missing token"})),
        ("token=good", 400, json!({"code": 201, "error": "Missing password"})),
        ("token=bad&new_password=a", 400, json!({"code": -1, "error": invalid})),
        ("token=away&new_password=a", 500, json!({"code": 1, "error": "Internal server error."})),
    ] {
        let answer = site.post_by_script(RESET, form).await;
        assert_eq!((answer.status, answer.json()), (status, body), "{form}");
    }
}

#[tokio::test]
async fn links_of_older_servers_open_the_form() {
    let site = Site::new(&json!({}));
    for query in ["appId=test", "id=test"] {
        let answer = site.get(&format!("/apps/choose_password?{query}&token=t%22&username=%3Cb%3E&app=x")).await;
        assert_eq!(answer.title(), "Choose a new password");
        assert!(answer.text.contains("value=\"t&quot;\"") && answer.text.contains("<strong>&lt;b&gt;</strong>"));
    }
}

#[tokio::test]
async fn without_a_name_or_a_public_url_there_are_no_pages() {
    let setup = crate::testing::Setup::new(&[("PARSE_SERVER_APP_NAME", "x")]);
    for path in ["verify_email?token=good", "request_password_reset?token=good"] {
        let answer = setup.ask(&format!("GET /parse/apps/test/{path}"), &[], "").await;
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (404, &b"Not found."[..]));
    }
}

#[tokio::test]
async fn large_forms_and_floods_are_refused() {
    let limit = r#"[{"requestPath": "/apps/*path", "requestTimeWindow": 60000, "requestCount": 2, "includeInternalRequests": true}]"#;
    let site = Site::with(&json!({}), &[("PARSE_SERVER_RATE_LIMIT", limit)]);
    let answer = site.post(RESET, &format!("token=good&new_password={}", "a".repeat(100 * 1024))).await;
    assert_eq!((answer.status, answer.json()), (413, json!({"error": "request entity too large"})));
    for status in [200, 200, 429] {
        assert_eq!(site.get(&format!("{RESET}?token=bad")).await.status, status);
    }
}

#[tokio::test]
async fn other_methods_are_no_pages() {
    let site = Site::new(&json!({}));
    for line in [
        "POST /parse/apps/test/verify_email",
        "PUT /parse/apps/test/verify_email",
        "GET /parse/apps",
        "GET /parse/apps/",
    ] {
        let answer = site.ask(line, &[], "").await;
        assert_eq!((answer.status, answer.json()), (403, json!({"error": "unauthorized"})), "{line}");
    }
    assert_eq!(site.ask("GET /apps/test/verify_email", &[], "").await.status, 404);
}
