//! What `emailAdapter` may be.

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::*;

fn mail(module: &str, options: serde_json::Value) -> Mail {
    let adapter = json!({ "module": module, "options": options }).to_string();
    config(&["--emailAdapter", &adapter]).mail.unwrap()
}

fn mail_problems(module: &str, options: serde_json::Value) -> Vec<String> {
    let adapter = json!({ "module": module, "options": options }).to_string();
    problems(&["--emailAdapter", &adapter])
}

#[test]
fn without_an_adapter_there_is_no_mail() {
    assert!(config(&[]).mail.is_none());
    assert!(config(&["--emailAdapter", "null"]).mail.is_none());
}

#[test]
fn the_form_of_the_2_3_9_readme() {
    let options = json!({ "fromAddress": "parse@example.com", "domain": "example.com", "apiKey": "key-mykey" });
    let mail = mail("parse-server-simple-mailgun-adapter", options);
    assert_eq!(mail.from, "parse@example.com");
    let MailProvider::Mailgun { endpoint, domain, api_key } = &mail.provider else { panic!("{:?}", mail.provider) };
    assert_eq!((endpoint.as_str(), domain.as_str()), ("https://api.mailgun.net", "example.com"));
    assert_eq!(api_key.expose_secret(), "key-mykey");
    assert!(!format!("{mail:?}").contains("key-mykey"), "secrets are not printed");
    assert_eq!(
        mail_problems("parse-server-simple-mailgun-adapter", json!({ "domain": "example.com" })),
        ["SimpleMailgunAdapter requires an API Key, domain, and fromAddress."]
    );
}

#[test]
fn class_and_adapter_mean_module() {
    for form in ["class", "adapter"] {
        let adapter = json!({ form: "postmark", "options": { "apiKey": "k", "from": "a@b.c" } }).to_string();
        assert!(config(&["--emailAdapter", &adapter]).mail.is_some());
    }
    let [problem] = &problems(&["--emailAdapter", "./my-adapter.js"])[..] else { panic!() };
    assert!(problem.contains("\"./my-adapter.js\", which is JavaScript that Parsefleet does not run"), "{problem}");
}

#[test]
fn smtp_is_secure_unless_told_otherwise() {
    let smtp = |options: serde_json::Value| match mail("smtp", options).provider {
        MailProvider::Smtp(smtp) => (smtp.port, smtp.security, smtp.credentials.map(|(user, _)| user)),
        other => panic!("{other:?}"),
    };
    let base = |more: serde_json::Value| {
        let mut options = json!({ "host": "mail.example.com", "from": "My App <noreply@example.com>" });
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        options
    };
    assert_eq!(smtp(base(json!({}))), (587, SmtpSecurity::StartTls, None));
    assert_eq!(smtp(base(json!({ "port": 465 }))), (465, SmtpSecurity::Tls, None));
    assert_eq!(smtp(base(json!({ "security": "none" }))), (25, SmtpSecurity::None, None));
    let auth = json!({ "secure": false, "port": "2525", "auth": { "user": "u", "pass": "p" } });
    assert_eq!(smtp(base(auth)), (2525, SmtpSecurity::Opportunistic, Some("u".to_owned())));
    assert_eq!(
        mail_problems("smtp", json!({ "host": "h", "from": "noreply\r\nBcc: a@b.c", "port": 0, "user": "u", "x": 1 })),
        [
            "emailAdapter.options.port must be a port",
            "emailAdapter.options: a user needs a password, and a password a user",
            "emailAdapter.options.from must be an address, such as noreply@example.com or My App <noreply@example.com>",
            "error: unknown option emailAdapter.options.x",
        ]
    );
}

#[test]
fn templates_of_our_own() {
    let mail = mail(
        "sendgrid",
        json!({
            "apiKey": "k", "from": "a@b.c", "replyTo": "help@b.c", "region": "eu", "localeField": "language",
            "templates": {
                "verificationEmail": { "subject": { "default": "Hello", "de": "Hallo" }, "textPath": "v.txt", "placeholders": { "x": 1 } },
                "passwordResetEmail": { "html": "<p>{{link}}</p>" },
            },
        }),
    );
    let MailProvider::SendGrid { endpoint, .. } = &mail.provider else { panic!() };
    assert_eq!(endpoint, "https://api.eu.sendgrid.com");
    assert_eq!(mail.verification.text, Some(MailText::File("v.txt".into())));
    assert!(matches!(&mail.verification.subject, Some(MailText::ByLocale(texts)) if texts["de"] == "Hallo"));
    assert_eq!(mail.password_reset.html, Some(MailText::Inline("<p>{{link}}</p>".to_owned())));
    assert_eq!((mail.reply_to.as_deref(), mail.locale_field.as_deref()), (Some("help@b.c"), Some("language")));
}

#[test]
fn adapters_of_the_community_are_understood() {
    let from = "My App <noreply@example.com>";
    let cases = [
        (
            "parse-server-mailgun-adapter-template",
            json!({ "fromAddress": from, "domain": "d.e", "apiKey": "k", "host": "api.eu.mailgun.net",
                "verificationSubject": "%appname%", "verificationBody": "%link%", "verificationBodyHTML": "<p>", "passwordResetBody": "r" }),
        ),
        (
            "parse-server-mailgun",
            json!({ "fromAddress": from, "domain": "d.e", "apiKey": "k",
                "templates": { "verificationEmail": { "subject": "s", "pathPlainText": "a.txt", "pathHtml": "a.html" } } }),
        ),
        (
            "parse-server-api-mail-adapter",
            json!({ "sender": from, "templates": { "passwordResetEmail": { "subjectPath": "s.txt", "textPath": "t.txt" } },
                "provider": { "module": "smtp", "options": { "host": "h" } } }),
        ),
        ("parse-smtp-template", json!({ "host": "h", "port": 587, "user": "u", "password": "p", "fromAddress": from })),
        (
            "@openinc/parse-server-smtp-adapter",
            json!({ "from": from, "host": "h", "port": 465, "secure": true, "auth": { "user": "u", "pass": "p" },
                "templateDir": "views", "emailAttribute": "email", "languageAttribute": "lang",
                "subjectPasswordResetEmail": { "default": "Reset" }, "subjectVerificationEmail": "Verify" }),
        ),
        (
            "simple-parse-smtp-adapter",
            json!({ "fromAddress": from, "user": "u", "password": "p", "host": "h", "isSSL": true, "port": 465, "name": "d" }),
        ),
        (
            "parse-server-amazon-ses-adapter",
            json!({ "from": from, "accessKeyId": "a", "secretAccessKey": "s", "region": "eu-west-1" }),
        ),
        (
            "parse-server-simple-ses-adapter",
            json!({ "fromAddress": from, "apiKey": "a", "apiSecret": "s", "domain": "d.e", "format": "text",
                "amazon": "https://email.eu-west-1.amazonaws.com" }),
        ),
        ("parse-server-sendgrid-adapter", json!({ "apiKey": "k", "fromAddress": from })),
        (
            "parse-server-sendgrid-email-adapter",
            json!({ "apiKey": "k", "from": from, "passwordResetEmailTemplate": "d-1", "verificationEmailTemplate": "d-2" }),
        ),
        (
            "parse-server-postmark-adapter",
            json!({ "apiKey": "k", "fromAddress": from, "verificationBody": "*|link|*" }),
        ),
        (
            "parse-server-mandrill-adapter",
            json!({ "apiKey": "k", "fromEmail": "noreply@example.com", "displayName": "My App" }),
        ),
    ];
    for (module, options) in cases {
        let mail = mail(module, options);
        assert_eq!(mail.from, from, "{module}");
        if let MailProvider::Ses { region, endpoint, .. } = &mail.provider {
            assert_eq!((region.as_str(), endpoint.as_str()), ("eu-west-1", "https://email.eu-west-1.amazonaws.com"));
        }
    }
}

#[test]
fn javascript_is_refused_by_name() {
    let callback = json!({ "sender": "a@b.c", "apiCallback": "async () => {}", "templates": { "verificationEmail": { "localeCallback": "x" } } });
    let problems = mail_problems("parse-server-api-mail-adapter", callback).join("\n");
    assert!(problems.contains("emailAdapter.options.apiCallback is a JavaScript function"), "{problems}");
    assert!(problems.contains("verificationEmail.localeCallback is a JavaScript function"), "{problems}");
    let options =
        json!({ "host": "h", "user": "u", "password": "p", "fromAddress": "a@b.c", "templatePath": "./x.html" });
    let problems = mail_problems("parse-smtp-template", options).join("\n");
    assert!(problems.contains("emailAdapter.options.templatePath is a template of another kind"), "{problems}");
}

#[test]
fn pacing_has_bounds() {
    assert_eq!(problems(&["--mailConcurrency", "0"]), ["mailConcurrency must be a number from 1 to 1000"]);
}
