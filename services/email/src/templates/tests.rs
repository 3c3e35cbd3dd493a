use std::{fs, path::PathBuf};

use parsefleet_runtime::config::{Mail, MailProvider, MailTemplate, MailText};
use serde_json::json;

use super::*;

fn config() -> Mail {
    Mail {
        provider: MailProvider::Postmark {
            endpoint: String::new(),
            token: "t".to_owned().into(),
            stream: String::new(),
        },
        from: "a@b.c".to_owned(),
        reply_to: None,
        locale_field: None,
        verification: MailTemplate::default(),
        password_reset: MailTemplate::default(),
        templates_dir: None,
        concurrency: 1,
    }
}

fn job(kind: MailKind, user: &Json) -> MailJob {
    MailJob {
        kind: kind.into(),
        recipient: "reader@example.com".to_owned(),
        link: "https://example.com/apps/a/verify_email?token=t&x=<1>".to_owned(),
        app_name: "Tom & \"Jerry\"".to_owned(),
        locale: String::new(),
        user: user.to_string().into(),
        ..MailJob::default()
    }
}

fn write(config: &Mail, job: &MailJob) -> Content {
    Templates::load(config).expect("templates").write(job).expect("a mail")
}

/// The plain text of a mail, which every template makes.
fn text(mail: &Content) -> &str {
    mail.text.as_deref().expect("a text")
}

#[test]
fn built_in_texts_are_those_that_adapters_know() {
    let user = json!({ "username": "ann", "email": "ann@example.com" });
    let mail = write(&config(), &job(MailKind::EmailVerification, &user));
    assert_eq!(mail.subject, "Please verify your e-mail for Tom & \"Jerry\"");
    assert_eq!(
        text(&mail),
        "Hi,\n\nYou are being asked to confirm the e-mail address ann@example.com with Tom & \"Jerry\"\n\n\
         Click here to confirm it:\nhttps://example.com/apps/a/verify_email?token=t&x=<1>"
    );
    let mail = write(&config(), &job(MailKind::PasswordReset, &user));
    assert_eq!(mail.subject, "Password Reset for Tom & \"Jerry\"");
    assert_eq!(
        text(&mail),
        "Hi,\n\nYou requested to reset your password for Tom & \"Jerry\" (your username is 'ann').\n\n\
         Click here to reset it:\nhttps://example.com/apps/a/verify_email?token=t&x=<1>"
    );
    let mail = write(&config(), &job(MailKind::PasswordReset, &json!({})));
    assert!(text(&mail).contains("for Tom & \"Jerry\".\n\n"), "{}", text(&mail));
}

#[test]
fn html_is_escaped_and_well_formed() {
    let user = json!({ "username": "<script>alert(1)</script>", "email": "ann@example.com" });
    let mail = write(&config(), &job(MailKind::PasswordReset, &user));
    let html = mail.html.expect("HTML is built in");
    assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"), "{html}");
    assert!(!html.contains("<script>") && !html.contains("<1>"), "{html}");
    assert!(
        html.contains("href=\"https:&#x2F;&#x2F;example.com&#x2F;apps&#x2F;a&#x2F;verify_email?token&#x3D;t&amp;x")
    );
    for tag in ["html", "head", "title", "body", "p", "a"] {
        let (opened, closed) = (html.matches(&format!("<{tag}")).count(), html.matches(&format!("</{tag}>")).count());
        let of_others = if tag == "a" { 0 } else { html.matches(&format!("<{tag}er")).count() };
        assert_eq!(opened - of_others, closed, "{tag}");
    }
}

#[test]
fn a_subject_stays_one_line() {
    let mut job = job(MailKind::EmailVerification, &json!({}));
    job.app_name = "App\r\nBcc: everybody@example.com\r\n\r\n<html>".to_owned();
    let mail = write(&config(), &job);
    assert_eq!(mail.subject, "Please verify your e-mail for App Bcc: everybody@example.com <html>");
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let path = folder.path().to_owned();
    (folder, path)
}

#[test]
fn a_folder_replaces_single_files_by_language() {
    let (_guard, path) = folder(&[
        ("verificationEmail.subject.txt", "Hello {{user.firstName}}\n"),
        ("de/verificationEmail.subject.txt", "Hallo {{user.firstName}}"),
        ("de-AT/verificationEmail.subject.txt", "Servus {{user.firstName}}"),
        ("de/passwordResetEmail.txt", "Hier: {{link}}\n"),
        ("passwordResetEmail.html", "<p>{{user.firstName}}</p>"),
        ("notes/verificationEmail.subject.txt", "{{"),
    ]);
    let config = Mail { templates_dir: Some(path), locale_field: Some("language".to_owned()), ..config() };
    let subject = |locale: &str, language: &str| {
        let user = json!({ "firstName": "Ann", "language": language });
        let job = MailJob { locale: locale.to_owned(), ..job(MailKind::EmailVerification, &user) };
        write(&config, &job).subject
    };
    for (locale, language, expected) in [
        ("", "", "Hello Ann"),
        ("de-AT", "", "Servus Ann"),
        ("de_at", "", "Servus Ann"),
        ("de-CH", "", "Hallo Ann"),
        ("fr", "de", "Hello Ann"),
        ("", "de", "Hallo Ann"),
        ("../de", "", "Hello Ann"),
    ] {
        assert_eq!(subject(locale, language), expected, "{locale} {language}");
    }
    let by_default = Mail { templates_dir: config.templates_dir.clone(), ..self::config() };
    let verification_job = |user: &Json| job(MailKind::EmailVerification, user);
    assert_eq!(
        write(&by_default, &verification_job(&json!({ "firstName": "Ann", "locale": "de_AT" }))).subject,
        "Servus Ann"
    );
    assert_eq!(
        write(&config, &verification_job(&json!({ "firstName": "Ann", "locale": "de_AT" }))).subject,
        "Hello Ann"
    );
    let verification = write(&config, &verification_job(&json!({})));
    assert!(verification.html.is_some(), "text and HTML are both as built in");
    let reset = |locale: &str| {
        let job = MailJob { locale: locale.to_owned(), ..job(MailKind::PasswordReset, &json!({ "firstName": "<A>" })) };
        write(&config, &job)
    };
    assert_eq!(text(&reset("de")), "Hier: https://example.com/apps/a/verify_email?token=t&x=<1>");
    assert_eq!(reset("de").html.as_deref(), Some("<p>&lt;A&gt;</p>"));
    assert!(text(&reset("")).starts_with("Hi,"));
}

#[test]
fn options_name_texts_and_files() {
    let (_guard, path) = folder(&[("v.txt", "{{greeting}} {{link}}"), ("fr/v.txt", "Bonjour {{link}}")]);
    let mut config = config();
    config.verification.text = Some(MailText::File(path.join("v.txt")));
    config.verification.placeholders =
        json!({ "greeting": "Hello", "link": "hidden" }).as_object().cloned().expect("object");
    config.verification.subject =
        Some(MailText::ByLocale([("default", "A"), ("fr", "B")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()));
    let mail = write(&config, &job(MailKind::EmailVerification, &json!({})));
    assert_eq!(text(&mail), "Hello https://example.com/apps/a/verify_email?token=t&x=<1>");
    assert_eq!((mail.subject.as_str(), mail.html), ("A", None), "no HTML beside a text of one's own");
    let french = MailJob { locale: "fr-CA".to_owned(), ..job(MailKind::EmailVerification, &json!({})) };
    let mail = write(&config, &french);
    assert!(text(&mail).starts_with("Bonjour "));
    assert_eq!(mail.subject, "B");
}

#[test]
fn everything_wrong_is_told_at_once() {
    let (_guard, path) =
        folder(&[("verificationEmail.txt", "a\n{{link"), ("de/passwordResetEmail.html", "{% if x %}")]);
    let mut config = Mail { templates_dir: Some(path.clone()), ..config() };
    config.verification.html = Some(MailText::File(path.join("missing.html")));
    let problems = Templates::load(&config).err().expect("problems").join("\n");
    assert!(problems.contains("verificationEmail.txt: line 2: a tag is not closed"), "{problems}");
    assert!(problems.contains("passwordResetEmail.html: {% %} is not Mustache"), "{problems}");
    assert!(problems.contains("missing.html: No such file"), "{problems}");
    config.templates_dir = Some(path.join("nowhere"));
    let problems = Templates::load(&config).err().expect("problems").join("\n");
    assert!(problems.contains("PARSEFLEET_MAIL_TEMPLATES"), "{problems}");
}

#[test]
fn other_jobs_are_no_mails() {
    let templates = Templates::load(&config()).expect("templates");
    let unknown = MailJob { kind: 77, ..job(MailKind::PasswordReset, &json!({})) };
    assert_eq!(templates.write(&unknown).err(), Some(WriteError::UnknownKind));
    let no_user = MailJob { user: "[]".into(), ..job(MailKind::PasswordReset, &json!({})) };
    assert_eq!(templates.write(&no_user).err(), Some(WriteError::NoUser));
}
