//! How pages look: files, languages, values, headers, and pages that are elsewhere.

use serde_json::json;

use super::{Folder, PUBLIC_URL, Site};
use crate::pages::built_in;

const VERIFIED: &str = "/apps/test/verify_email?token=good";
const RESET: &str = "/apps/test/request_password_reset";

#[test]
fn pages_of_the_program_are_whole() {
    let pages: Vec<_> = built_in::all().collect();
    assert_eq!(pages.len(), 16);
    for (path, page) in pages {
        let language = if path.starts_with("de/") { "de" } else { "en" };
        assert!(page.contains(&format!("<html lang=\"{language}\">")), "{path}");
        assert!(page.contains(":focus-visible") && page.contains("width=device-width"), "{path}");
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("{{{"), "{path}");
        let fields = page.matches("<input type=\"text\"").count() + page.matches("<input type=\"password\"").count();
        assert_eq!(fields, page.matches("<label for=").count(), "{path}");
        parsefleet_mustache::Template::parse(page).unwrap();
    }
}

#[tokio::test]
async fn browsers_are_told_to_be_careful() {
    let site = Site::new(&json!({}));
    for path in [VERIFIED.to_owned(), format!("{RESET}?token=good"), "/apps/password_reset.html?appId=test".to_owned()]
    {
        let answer = site.get(&path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(
            policy.ends_with("; form-action 'self' https://api.example; frame-ancestors 'none'; base-uri 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("script"), "{policy}");
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert_eq!(
            answer.header("access-control-expose-headers").map(|names| names.contains("page-param")),
            Some(false)
        );
    }
}

#[tokio::test]
async fn a_frame_that_masks_links_may_show_them() {
    let pages = r#"{"parseFrameURL": "https://frame.example/x?y"}"#;
    let site = Site::with(&json!({}), &[("PARSE_SERVER_CUSTOM_PAGES", pages)]);
    let answer = site.get(VERIFIED).await;
    assert_eq!(answer.header("x-frame-options"), None);
    assert!(
        answer.header("content-security-policy").unwrap().contains("frame-ancestors 'self' https://frame.example;")
    );
}

#[tokio::test]
async fn values_are_in_headers() {
    let site = Site::new(&json!({}));
    let answer = site.get(&format!("{VERIFIED}&locale=de-AT")).await;
    let name = answer.response.headers()["x-parse-page-param-appname"].as_bytes();
    assert_eq!(name, b"Caf\xe9 & <Co>", "Latin 1, as Node writes it");
    assert_eq!(answer.header("x-parse-page-param-locale"), Some("de-AT"));
    assert_eq!(answer.header("x-parse-page-param-publicserverurl"), Some(PUBLIC_URL));
    let encoded = Site::new(&json!({"encodePageParamHeaders": true})).get(VERIFIED).await;
    assert_eq!(encoded.header("x-parse-page-param-appname"), Some("Caf%C3%A9%20%26%20%3CCo%3E"));
    let injected = site.get("/apps/choose_password?appId=test&token=a%0d%0aset-cookie:x%e2%82%ac").await;
    assert_eq!(injected.header("x-parse-page-param-token"), Some("aset-cookie%3Ax%E2%82%AC"));
    assert_eq!(injected.header("set-cookie"), None);
}

#[tokio::test]
async fn languages_are_folders() {
    let site = Site::new(&json!({"enableLocalization": true}));
    for (path, title) in [
        (format!("{VERIFIED}&locale=de"), "Ihre Adresse ist bestätigt"),
        (format!("{VERIFIED}&locale=de-AT"), "Ihre Adresse ist bestätigt"),
        (format!("{VERIFIED}&locale=de-CH"), "Ihre Adresse ist bestätigt"),
        (format!("{VERIFIED}&locale=fr"), "Your address is verified"),
        (format!("{VERIFIED}&locale=../de"), "Your address is verified"),
        (format!("{VERIFIED}&locale=de&locale=de"), "Your address is verified"),
        ("/apps/de/password_reset.html".to_owned(), "Neues Passwort wählen"),
    ] {
        assert_eq!(site.get(&path).await.title(), title, "{path}");
    }
    let by_header = [("x-parse-page-param-locale", "de")];
    assert_eq!(site.ask(&format!("GET /parse{VERIFIED}"), &by_header, "").await.title(), "Ihre Adresse ist bestätigt");
    let answer = site.post("/apps/test/resend_verification_email", "token=good&locale=de-AT").await;
    assert!(answer.location().starts_with(&format!("{PUBLIC_URL}/apps/de-AT/email_verification_send_success.html?")));
    let off = Site::new(&json!({})).get(&format!("{VERIFIED}&locale=de")).await;
    assert_eq!(off.title(), "Your address is verified");
}

#[tokio::test]
async fn an_app_has_pages_and_texts_of_its_own() {
    let page =
        "<style>p{color:red}</style><style>{{x}}</style><h1>{{title}}</h1>{{body}}|{{color}}|{{appId}}|{{token}}";
    let texts = json!({
        "en": {"translation": {"title": "Hello", "body": "from {{appName}}"}},
        "de": {"translation": {"title": "Hallo"}},
    });
    let folder = Folder::new(
        "own",
        &[
            ("email_verification_success.html", page),
            ("fr/password_reset_success.html", "<h1>Fait</h1>"),
            ("texts.json", &texts.to_string()),
            ("look.css", "p {}"),
            (".hidden.html", "secret"),
            ("../parsefleet-outside.html", "secret"),
        ],
    );
    std::os::unix::fs::symlink("../parsefleet-outside.html", folder.0.join("link.html")).unwrap();
    let site = Site::new(&json!({
        "pagesPath": folder.path(), "enableLocalization": true, "placeholders": {"color": "<blue>", "title": "never"},
        "localizationJsonPath": format!("{}/texts.json", folder.path()),
    }));

    let answer = site.get(VERIFIED).await;
    assert_eq!(
        (answer.title(), answer.text.split_once("</h1>").unwrap().1),
        ("Hello", "from Café &amp;amp; &amp;lt;Co&amp;gt;|&lt;blue&gt;|test|")
    );
    let policy = answer.header("content-security-policy").unwrap();
    assert_eq!(policy.matches("sha256-").count(), 1, "what is filled in is not trusted: {policy}");
    let german = site.get(&format!("{VERIFIED}&locale=de-DE")).await;
    assert_eq!(german.title(), "Hallo", "its own page for everybody goes before the program's German one");
    assert_eq!(site.post(&format!("{RESET}?locale=fr"), "token=good&new_password=a").await.title(), "Fait");
    assert_eq!(site.get(&format!("{RESET}?token=bad")).await.title(), "This link does not work");

    let sheet = site.get("/apps/look.css").await;
    assert_eq!(
        (sheet.status, sheet.header("content-type"), sheet.text.as_str()),
        (200, Some("text/css; charset=utf-8"), "p {}")
    );
    for path in [
        "/apps/link.html",
        "/apps/.hidden.html",
        "/apps/../parsefleet-outside.html",
        "/apps/..%2fparsefleet-outside.html",
        "/apps/%2e%2e/parsefleet-outside.html",
        "/apps/fr/../look.css",
        "/apps//look.css",
        "/apps/look.css%00",
        "/apps/..%5cparsefleet-outside.html",
        "/apps/fr",
        "/apps/nothing.html",
    ] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.text.as_str()), (404, "Not found."), "{path}");
    }
    std::fs::remove_file(folder.0.parent().unwrap().join("parsefleet-outside.html")).ok();
}

#[tokio::test]
async fn pages_may_be_elsewhere() {
    let urls = json!({"customUrls": {
        "emailVerificationSuccess": "https://shop.example?a=1#top", "passwordReset": "app.shop://reset", "passwordResetSuccess": "/ignored",
    }});
    let legacy = r#"{"choosePassword": "https://never.example/", "invalidLink": "https://old.example/invalid"}"#;
    let site = Site::with(&urls, &[("PARSE_SERVER_CUSTOM_PAGES", legacy)]);
    let common = "appId=test&appName=Caf%C3%A9+%26+%3CCo%3E&publicServerUrl=https%3A%2F%2Fapi.example%2Fparse";
    let answer = site.get(VERIFIED).await;
    assert_eq!((answer.status, answer.location()), (303, format!("https://shop.example/?a=1&{common}#top").as_str()));
    let answer = site.get(&format!("{RESET}?token=good")).await;
    assert_eq!(answer.location(), format!("app.shop://reset?token=good&{common}"));
    let answer = site.post(RESET, "token=bad&new_password=a").await;
    assert!(
        answer.location().starts_with("app.shop://reset?token=bad&appId=test&error=Failed+to+reset"),
        "{}",
        answer.location()
    );
    let done = site.post(RESET, "token=good&new_password=a").await;
    assert_eq!((done.status, done.title()), (200, "Your password is changed"));
    let policy = done.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https://api.example app.shop: "), "{policy}");
    let invalid = site.get(&format!("{RESET}?token=bad")).await;
    assert_eq!(invalid.location(), format!("https://old.example/invalid?{common}&id=test&app=Caf%C3%A9+%26+%3CCo%3E"));
}

#[tokio::test]
async fn pages_of_the_2_3_9_readme_are_told_what_they_were() {
    let legacy = r#"{"choosePassword": "https://old.example/choose"}"#;
    let site = Site::with(&json!({}), &[("PARSE_SERVER_CUSTOM_PAGES", legacy)]);
    let answer = site.get(&format!("{RESET}?token=good")).await;
    for pair in ["token=good", "id=test", "username=alice", "app=Caf"] {
        assert!(answer.location().contains(pair), "{pair}: {}", answer.location());
    }
}

#[tokio::test]
async fn every_page_may_be_a_redirection_and_still_work() {
    let policy = json!({
        "validatorPattern": ".{6}", "validationError": "Password <b>does</b> not meet the Password Policy requirements.",
    });
    let policy = policy.to_string();
    let pages = json!({"forceRedirect": true, "enableLocalization": true, "pagesEndpoint": "/users/"});
    let site = Site::with(&pages, &[("PARSE_SERVER_PASSWORD_POLICY", &policy)]);
    let answer = site.get("/users/test/request_password_reset?token=good&locale=de").await;
    let location = answer.location();
    assert!(
        location.starts_with(&format!("{PUBLIC_URL}/users/de/password_reset.html?token=good&appId=test&")),
        "{location}"
    );
    let form = site.get(location.strip_prefix(PUBLIC_URL).unwrap()).await;
    assert_eq!(form.title(), "Neues Passwort wählen");
    assert!(form.text.contains("name=\"token\" value=\"good\"") && form.text.contains("name=\"locale\" value=\"de\""));
    let refused = site.post("/users/test/request_password_reset", "token=expired&new_password=a&locale=de").await;
    let form = site.get(refused.location().strip_prefix(PUBLIC_URL).unwrap()).await;
    assert!(form.text.contains("Dieser Link ist abgelaufen."), "{}", form.text);
    let weak = site.post("/users/test/request_password_reset", "token=good&new_password=weak").await;
    let form = site.get(weak.location().strip_prefix(PUBLIC_URL).unwrap()).await;
    assert!(form.text.contains("Password &lt;b&gt;does"), "{}", form.text);
    let foreign = site.get("/users/password_reset.html?appId=test&error=Call+0900+1234").await;
    assert!(!foreign.text.contains("0900"), "nobody else's sentences");
    let done = site.post("/users/test/request_password_reset", "token=good&new_password=a").await;
    assert_eq!(done.status, 303);
}

#[tokio::test]
async fn routes_of_the_app_show_files() {
    let folder = Folder::new("routes", &[("custom.html", "<h1>{{appName}}</h1>{{greeting}}")]);
    let site = Site::new(&json!({"pagesPath": folder.path(), "customRoutes": [
        {"method": "GET", "path": "welcome", "handler": {"file": "custom.html", "query": {"greeting": "<hi>"}}},
        {"method": "POST", "path": "thanks", "handler": {"file": "missing.html"}},
    ]}));
    let answer = site.get("/apps/test/welcome").await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "<h1>Café &amp; &lt;Co&gt;</h1>&lt;hi&gt;"));
    assert_eq!(answer.header("x-parse-page-param-greeting"), Some("<hi>"));
    assert_eq!(site.get("/apps/other/welcome").await.status, 403);
    assert_eq!(site.post("/apps/test/thanks", "").await.status, 404);
    assert_eq!(site.post("/apps/test/welcome", "").await.status, 403, "as any path that is none");
}
