//! Mails with links, and the pages they lead to.

use serde_json::json;

use super::*;

const NOTHING_TO_SEND_WITH: [&str; 3] = [
    "An emailAdapter is required for e-mail verification and password resets.",
    "An app name is required for e-mail verification and password resets.",
    "The option publicServerURL is required.",
];

fn pages(pages: &Json) -> Pages {
    config(&["--pages", &pages.to_string()]).pages
}

fn page_problems(pages: &Json) -> Vec<String> {
    problems(&["--pages", &pages.to_string()])
}

#[test]
fn verification_needs_something_to_send_with() {
    assert_eq!(problems(&["--verifyUserEmails"]), NOTHING_TO_SEND_WITH);
    let found = problems(&["--verifyUserEmails", "--appName", "App", "--publicServerURL", "example.com"]);
    assert_eq!(
        found,
        [
            "The option publicServerURL must be a valid URL starting with http:// or https://.",
            "An emailAdapter is required for e-mail verification and password resets.",
        ]
    );
    assert!(!config(&["--appName", "App"]).user_mail.is_possible);
}

#[test]
fn lives_of_links() {
    let found = problems(&["--verifyUserEmails", "--emailVerifyTokenValidityDuration=-1"]);
    assert!(
        found.contains(&"Email verify token validity duration must be a value greater than 0.".to_owned()),
        "{found:?}"
    );
    let found = problems(&["--verifyUserEmails", "--emailVerifyTokenReuseIfValid"]);
    let problem = "You cannot use emailVerifyTokenReuseIfValid without emailVerifyTokenValidityDuration";
    assert!(found.contains(&problem.to_owned()), "{found:?}");
    let reset = |policy: Json| problems(&["--passwordPolicy", &policy.to_string()]);
    for (policy, problem) in [
        (
            json!({"resetTokenValidityDuration": 0}),
            "passwordPolicy.resetTokenValidityDuration must be a positive number",
        ),
        (
            json!({"resetTokenValidityDuration": "x"}),
            "passwordPolicy.resetTokenValidityDuration must be a positive number",
        ),
        (json!({"resetTokenReuseIfValid": 1}), "resetTokenReuseIfValid must be a boolean value"),
        (
            json!({"resetTokenReuseIfValid": true}),
            "You cannot use resetTokenReuseIfValid without resetTokenValidityDuration",
        ),
        (
            json!({"resetPasswordSuccessOnInvalidEmail": 1}),
            "resetPasswordSuccessOnInvalidEmail must be a boolean value",
        ),
    ] {
        assert_eq!(reset(policy), [problem]);
    }
    let policy = json!({"resetTokenValidityDuration": 1.5, "resetTokenReuseIfValid": true}).to_string();
    let reset = config(&["--passwordPolicy", &policy]).user_mail.reset;
    assert_eq!((reset.token_validity, reset.reuse_token), (Some(Duration::from_millis(1500)), true));
    assert!(reset.success_on_invalid_email && !reset.unlock);
}

#[test]
fn functions_belong_into_cloud_code() {
    for option in ["verifyUserEmails", "preventLoginWithUnverifiedEmail", "sendUserEmailVerification"] {
        let found = problems(&[&format!("--{option}=./verify.js")]);
        let told =
            format!("{option} holds no true or false, nor the address of a webhook that is asked: a function is");
        assert!(found[0].starts_with(&told), "{found:?}");
        assert!(found[0].contains("Cloud Code"), "{found:?}");
        config(&[&format!("--{option}=false")]);
    }
    let policy = problems(&[r#"--passwordPolicy={"validatorCallback": "./validate.js"}"#]);
    let placeholders = page_problems(&json!({"placeholders": "./placeholders.js"}));
    let handler = page_problems(&json!({"customRoutes": [{"method": "GET", "path": "a", "handler": "./route.js"}]}));
    for found in [policy, placeholders, handler] {
        assert!(found.len() == 1 && found[0].contains("Cloud Code"), "{found:?}");
    }
}

#[test]
fn a_webhook_may_decide_in_the_place_of_a_function() {
    let url = "https://app.example/decide?of=mails";
    // A flag's value that is no true or false may be the file; an address is none.
    let settings = config(&["--sendUserEmailVerification", url, "--preventLoginWithUnverifiedEmail", url]);
    let Verification { is_asked, send_mail, prevent_login, .. } = settings.user_mail.verification;
    assert_eq!((is_asked, send_mail), (Decision::Fixed(false), Decision::Asked(url.to_owned())));
    assert_eq!(prevent_login, Decision::Asked(url.to_owned()));
    assert_eq!(problems(&["--verifyUserEmails", url]), NOTHING_TO_SEND_WITH);
}

#[test]
fn pages_that_are_elsewhere() {
    let customs = json!({"passwordReset": "https://a.example/x", "passwordResetSuccess": "/a", "emailVerificationSuccess": "app:done"});
    let legacy = json!({
        "choosePassword": "https://old.example/choose", "invalidLink": "https://old.example/invalid",
        "invalidVerificationLink": "https://old.example/verification", "parseFrameURL": "https://frame.example/",
    });
    let config =
        config(&["--pages", &json!({ "customUrls": customs }).to_string(), "--customPages", &legacy.to_string()]);
    let urls = &config.pages.custom_urls;
    let url = |page: Page| urls.get(&page).map(|custom| (custom.url.as_str(), custom.is_legacy));
    assert_eq!(url(Page::PasswordReset), Some(("https://a.example/x", false)));
    assert_eq!(url(Page::PasswordResetSuccess), None);
    assert_eq!(url(Page::EmailVerificationSuccess), Some(("app:done", false)));
    assert_eq!(url(Page::PasswordResetLinkInvalid), Some(("https://old.example/invalid", true)));
    assert_eq!(url(Page::EmailVerificationLinkInvalid), Some(("https://old.example/verification", true)));
    assert_eq!(url(Page::EmailVerificationLinkExpired), Some(("https://old.example/verification", true)));
    assert_eq!(config.pages.frame_url.as_deref(), Some("https://frame.example/"));
    for url in ["x", "javascript:alert(1)", "https://a b"] {
        let found = page_problems(&json!({"customUrls": {"passwordReset": url}}));
        assert_eq!(found, ["pages.customUrls.passwordReset must be an absolute URL."], "{url}");
    }
}

#[test]
fn pages_of_the_right_kind() {
    for (name, problem) in [
        ("enableLocalization", "Parse Server option pages.enableLocalization must be a boolean."),
        ("forceRedirect", "Parse Server option pages.forceRedirect must be a boolean."),
        ("encodePageParamHeaders", "Parse Server option pages.encodePageParamHeaders must be a boolean."),
        ("localizationJsonPath", "Parse Server option pages.localizationJsonPath must be a string."),
        ("localizationFallbackLocale", "Parse Server option pages.localizationFallbackLocale must be a string."),
        ("pagesPath", "Parse Server option pages.pagesPath must be a string."),
        ("pagesEndpoint", "Parse Server option pages.pagesEndpoint must be a string."),
        ("placeholders", "Parse Server option pages.placeholders must be an object or a function."),
        ("customUrls", "Parse Server option pages.customUrls must be an object."),
        ("customRoutes", "Parse Server option pages.customRoutes must be an array."),
    ] {
        assert_eq!(page_problems(&json!({ name: 5 })), [problem]);
    }
    assert_eq!(problems(&["--pages", "5"]), ["Parse Server option pages must be an object."]);
    assert_eq!(problems(&["--customPages", "5"]), ["Parse Server option customPages must be an object."]);
    for (given, endpoint) in [("", "apps"), ("/users/", "users")] {
        assert_eq!(pages(&json!({ "pagesEndpoint": given })).endpoint, endpoint);
    }
    let routes = pages(&json!({"customRoutes": [{"method": "get", "path": "/a/", "handler": {"file": "b.html"}}]}))
        .custom_routes;
    assert_eq!((routes[0].method.as_str(), routes[0].path.as_str(), routes[0].file.as_str()), ("GET", "a", "b.html"));
    let found = page_problems(&json!({"customRoutes": [{"method": "PATCH", "path": "a", "handler": {"file": "b"}}]}));
    assert_eq!(found, ["Each entry of pages.customRoutes must have a method, GET or POST, and a path."]);
}
