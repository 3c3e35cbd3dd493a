//! Dead letters for people and programs. What may hold a secret is shown on demand only.

use std::fmt::Write as _;

use parsefleet_bus::{DeadJob, Queue};
use parsefleet_proto::v1::{MailJob, MailKind, WrittenMail};
use prost::Message as _;
use serde_json::json;

use super::died_at;

/// In place of a secret.
const HIDDEN: &str = "(hidden: --reveal shows it)";

/// One line of JSON, with nothing of the body.
pub(super) fn line(dead: &DeadJob) -> String {
    let job = &dead.job;
    json!({
        "id": job.id.as_str(),
        "queue": job.queue.name(),
        "diedAt": died_at(dead),
        "attempts": job.attempts,
        "reason": dead.reason,
        "bytes": job.body.len(),
    })
    .to_string()
}

/// Everything about one dead letter.
pub(super) fn dead(dead: &DeadJob, reveal: bool) -> String {
    let job = &dead.job;
    let mut text = String::new();
    let mut field = |name: &str, value: &str| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{name:<10} {value}");
    };
    field("id", job.id.as_str());
    field("queue", job.queue.name());
    field("died at", &died_at(dead));
    field("attempts", &job.attempts.to_string());
    field("reason", &dead.reason);
    for (name, value) in job.headers.iter() {
        field(name, value);
    }
    match job.queue {
        Queue::Mail => match MailJob::decode(&job.body[..]) {
            Ok(mail) => mail_fields(&mail, reveal, &mut field),
            Err(_) => field("body", &format!("{} bytes that are no mail", job.body.len())),
        },
    }
    text
}

fn mail_fields(mail: &MailJob, reveal: bool, field: &mut impl FnMut(&str, &str)) {
    let kind = match mail.kind() {
        MailKind::EmailVerification => "verification of an address",
        MailKind::PasswordReset => "reset of a password",
        MailKind::Written => "written by the app",
        MailKind::Unspecified => "unknown",
    };
    field("mail", kind);
    field("recipient", &mail.recipient);
    if let Some(written) = &mail.written {
        return written_fields(written, reveal, field);
    }
    field("app", &mail.app_name);
    field("locale", &mail.locale);
    field("link", if reveal { &mail.link } else { HIDDEN });
    field("user", if reveal { std::str::from_utf8(&mail.user).unwrap_or("(no text)") } else { HIDDEN });
}

fn written_fields(mail: &WrittenMail, reveal: bool, field: &mut impl FnMut(&str, &str)) {
    field("from", mail.from());
    field("reply to", mail.reply_to());
    for (name, content) in [("subject", mail.subject.as_str()), ("text", mail.text()), ("html", mail.html())] {
        field(name, if reveal { content } else { HIDDEN });
    }
}

#[cfg(test)]
mod tests {
    use parsefleet_bus::Job;

    use super::*;

    #[test]
    fn secrets_are_shown_on_demand_only() {
        let mail = MailJob {
            kind: MailKind::PasswordReset.into(),
            recipient: "ada@example.com".into(),
            link: "https://example.com/?token=secret".into(),
            user: r#"{"username":"countess"}"#.into(),
            ..MailJob::default()
        };
        let letter = DeadJob { job: Job::new(Queue::Mail, mail.encode_to_vec()), reason: "refused".into(), died_at: 0 };
        let shown = dead(&letter, false);
        assert!(shown.contains("ada@example.com") && shown.contains("1970-01-01"));
        assert!(!shown.contains("secret") && !shown.contains("countess"));
        let revealed = dead(&letter, true);
        assert!(revealed.contains("secret") && revealed.contains("countess"));
        assert!(!line(&letter).contains("secret"));

        let mail = MailJob {
            kind: MailKind::Written.into(),
            recipient: "ada@example.com".into(),
            written: Some(WrittenMail {
                subject: "the secret".into(),
                text: Some("your secret".into()),
                html: Some("<b>secret</b>".into()),
                ..WrittenMail::default()
            }),
            ..MailJob::default()
        };
        let letter = DeadJob { job: Job::new(Queue::Mail, mail.encode_to_vec()), ..letter };
        let shown = dead(&letter, false);
        assert!(shown.contains("ada@example.com") && !shown.contains("secret"), "{shown}");
        assert_eq!(dead(&letter, true).matches("secret").count(), 3);
    }
}
