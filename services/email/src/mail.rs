//! A mail that can be sent.

use aws_lc_rs::digest::{SHA256, digest};
use parsefleet_core::Mailbox;
use serde_json::Value as Json;

/// A mail. It has no `Debug`: nothing of it may be logged.
pub(crate) struct Mail {
    /// The same whenever the same job is done: who gets the mail twice can tell.
    pub(crate) message_id: String,
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<Mailbox>,
    pub(crate) to: Mailbox,
    pub(crate) content: Content,
}

/// What a mail says: a text, or HTML, or both.
pub(crate) struct Content {
    /// One line
    pub(crate) subject: String,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    /// The provider's own template, in place of the texts, and what it is to be filled with
    pub(crate) at_provider: Option<(String, Json)>,
}

/// `<…@host of the sender>`, from the id of the job.
pub(crate) fn message_id(job: &str, from: &Mailbox) -> String {
    let hash = digest(&SHA256, job.as_bytes());
    let name: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let host = if from.host().is_ascii() { from.host() } else { "localhost" };
    format!("<{name}@{host}>")
}

/// The text in one line: a header has no other.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split(|character: char| character.is_control() || character.is_whitespace());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_cannot_begin_another_header() {
        assert_eq!(one_line(" Verify\r\nBcc: a@b.c\u{85}\0x\n\n y\u{2028}z "), "Verify Bcc: a@b.c x y z");
    }

    #[test]
    fn one_job_has_one_message_id() -> Result<(), parsefleet_core::NotAnAddress> {
        let from = Mailbox::parse("My App <noreply@example.com>")?;
        let id = message_id("job-1", &from);
        assert_eq!(id, message_id("job-1", &from));
        assert_ne!(id, message_id("job-2", &from));
        assert!(id.ends_with("@example.com>") && id.len() == 46, "{id}");
        Ok(())
    }
}
