//! Mails that the app's own code wrote: kept, and sent as they are.
//!
//! What one request asks for is one job, and one entry of the outbox, which is there or is not: a mail to several is kept for all
//! of them or for nobody. The email service makes a job for each of them.

use parsefleet_bus::{Job, MAX_BODY, Queue};
use parsefleet_core::{ErrorCode, Mailbox, ParseError, error::Result};
use parsefleet_proto::v1::{MailJob, MailKind, RequestContext, SendEmailRequest, SendEmailResponse, WrittenMail};
use prost::Message as _;
use serde_json::{Map, Value as Json};

use crate::{caller::Caller, json, service::AuthService};

/// Most recipients of one request.
const MOST_RECIPIENTS: usize = 100;

impl AuthService {
    /// `POST /emails`
    #[tracing::instrument(name = "auth.send_email", skip_all)]
    pub(crate) async fn send_written_mail(&self, request: SendEmailRequest) -> Result<SendEmailResponse> {
        check_caller(request.context.as_ref())?;
        if self.outbox.is_none() {
            return Err(ParseError::new(ErrorCode::InternalServerError, "An emailAdapter is required to send mails."));
        }
        let mail = read(&request.body)?.encode_to_vec();
        if mail.len() > MAX_BODY {
            let text = format!("the mail is larger than {MAX_BODY} bytes");
            return Err(ParseError::new(ErrorCode::ObjectTooLarge, text));
        }
        self.entrust(Job::new(Queue::Mail, mail)).await?;
        Ok(SendEmailResponse {})
    }
}

/// # Errors
/// 119 for everybody without the master key.
fn check_caller(context: Option<&RequestContext>) -> Result<()> {
    let refused = |text: &str| Err(ParseError::sanitised(ErrorCode::OperationForbidden, text));
    match Caller::of(context)? {
        Caller::Master => Ok(()),
        Caller::ReadOnlyMaster => refused("read-only masterKey isn't allowed to send a mail."),
        Caller::Public | Caller::User(_) | Caller::Maintenance => refused("unauthorized: master key is required"),
    }
}

/// The mail that was sent. What is said against it names its members, and nothing of what is in them: errors are logged.
fn read(body: &[u8]) -> Result<MailJob> {
    let mut sent = Sent(json::object(body)?);
    let mut recipients = sent.recipients()?;
    let subject = sent.text("subject")?.ok_or_else(|| missing("subject"))?;
    if !is_one_line(&subject) {
        let text = "subject must be one line, without control characters";
        return Err(ParseError::new(ErrorCode::InvalidValue, text));
    }
    let written = WrittenMail {
        subject,
        text: sent.text("text")?,
        html: sent.text("html")?,
        from: sent.address("from")?,
        reply_to: sent.address("replyTo")?,
    };
    if let Some(unknown) = sent.0.keys().next() {
        let text = format!("{unknown} is no part of a mail: to, subject, text, html, from and replyTo are");
        return Err(ParseError::new(ErrorCode::InvalidKeyName, text));
    }
    if written.text.is_none() && written.html.is_none() {
        return Err(missing("text or html"));
    }
    // Nothing has to be divided for one.
    let recipient = if recipients.len() == 1 { recipients.swap_remove(0) } else { String::new() };
    let kind = MailKind::Written.into();
    Ok(MailJob { kind, recipient, written: Some(written), recipients, ..MailJob::default() })
}

/// Members of the body that nobody has read yet.
struct Sent(Map<String, Json>);

impl Sent {
    /// A text; one that is null or blank is as good as none.
    fn text(&mut self, name: &str) -> Result<Option<String>> {
        match self.0.shift_remove(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
            Some(_) => Err(no_text(name)),
        }
    }

    fn address(&mut self, name: &str) -> Result<Option<String>> {
        let text = self.text(name)?;
        text.map(|text| Ok(mailbox(name, &text)?.to_string())).transpose()
    }

    /// Who gets the mail, each of them once.
    fn recipients(&mut self) -> Result<Vec<String>> {
        let given = match self.0.shift_remove("to") {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(several)) => several,
            Some(one) => vec![one],
        };
        if given.is_empty() {
            return Err(missing("to"));
        }
        if given.len() > MOST_RECIPIENTS {
            let text = format!("to names {} recipients; it may name {MOST_RECIPIENTS}", given.len());
            return Err(ParseError::new(ErrorCode::InvalidValue, text));
        }
        let mut known: Vec<Mailbox> = Vec::with_capacity(given.len());
        for recipient in &given {
            let recipient = mailbox("to", recipient.as_str().ok_or_else(|| no_text("to"))?)?;
            if known.iter().all(|known| known.address() != recipient.address()) {
                known.push(recipient);
            }
        }
        Ok(known.iter().map(Mailbox::to_string).collect())
    }
}

/// Whether nothing in the text ends a line, or does something else that cannot be seen.
fn is_one_line(text: &str) -> bool {
    !text.contains(|character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}'))
}

fn mailbox(name: &str, text: &str) -> Result<Mailbox> {
    let no_address = |_| ParseError::new(ErrorCode::InvalidEmailAddress, format!("{name} must be an e-mail address"));
    Mailbox::parse(text).map_err(no_address)
}

fn missing(name: &str) -> ParseError {
    ParseError::new(ErrorCode::MissingKey, format!("{name} is missing"))
}

fn no_text(name: &str) -> ParseError {
    ParseError::new(ErrorCode::IncorrectType, format!("{name} must be a string"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    fn mail(body: &Json) -> Result<MailJob> {
        read(body.to_string().as_bytes())
    }

    #[test]
    fn a_mail_is_taken_as_it_is() {
        let job = mail(&json!({
            "to": "a@b.c", "subject": "Süß", "text": "line\r\n{{x}}", "html": "<p>", "from": "App <x@y.z>", "replyTo": "r@y.z",
        }))
        .unwrap();
        assert_eq!((job.kind(), job.recipient.as_str(), job.recipients.len()), (MailKind::Written, "a@b.c", 0));
        let written = job.written.unwrap();
        assert_eq!((written.subject.as_str(), written.text()), ("Süß", "line\r\n{{x}}"));
        assert_eq!((written.html(), written.from(), written.reply_to()), ("<p>", "\"App\" <x@y.z>", "r@y.z"));
    }

    #[test]
    fn everybody_gets_one_mail() {
        let job = mail(&json!({ "to": ["a@b.c", "Ann <a@b.c>", "d@e.f"], "subject": "s", "html": "h" })).unwrap();
        assert_eq!((job.recipient.as_str(), &job.recipients[..]), ("", &["a@b.c".to_owned(), "d@e.f".to_owned()][..]));
        assert_eq!(job.written.unwrap().text, None);
        let job = mail(&json!({ "to": ["a@b.c", "a@b.c"], "subject": "s", "html": "h", "text": null })).unwrap();
        assert_eq!((job.recipient.as_str(), job.recipients.len()), ("a@b.c", 0));
    }

    #[test]
    fn what_is_no_mail_is_refused_by_the_name_of_its_member() {
        let many: Vec<String> = (0..=MOST_RECIPIENTS).map(|number| format!("r{number}@b.c")).collect();
        for (member, value, code, said) in [
            ("to", Json::Null, 135, "to is missing"),
            ("to", json!([]), 135, "to is missing"),
            ("to", json!(5), 111, "to must be a string"),
            ("to", json!(["a@b.c", {}]), 111, "to must be a string"),
            ("to", json!(""), 125, "to must be an e-mail address"),
            ("to", json!("a@b.c, d@e.f"), 125, "to must be an e-mail address"),
            ("to", json!(["a@b.c", "d@e.f\r\nBcc: g@h.i"]), 125, "to must be an e-mail address"),
            ("to", json!(many), 162, "to names 101 recipients; it may name 100"),
            ("subject", Json::Null, 135, "subject is missing"),
            ("subject", json!(" "), 135, "subject is missing"),
            ("subject", json!(["s"]), 111, "subject must be a string"),
            ("subject", json!("s\r\nBcc: g@h.i"), 162, "subject must be one line, without control characters"),
            ("subject", json!("s\u{2028}t"), 162, "subject must be one line, without control characters"),
            ("text", Json::Null, 135, "text or html is missing"),
            ("text", json!(""), 135, "text or html is missing"),
            ("text", json!(1), 111, "text must be a string"),
            ("html", json!({}), 111, "html must be a string"),
            ("from", json!("nobody"), 125, "from must be an e-mail address"),
            ("from", json!("x@y.z\r\nBcc: g@h.i"), 125, "from must be an e-mail address"),
            ("from", json!("x\r\nBcc: g@h.i <x@y.z>"), 125, "from must be an e-mail address"),
            ("replyTo", json!(false), 111, "replyTo must be a string"),
            ("replyTo", json!("a b@c.d"), 125, "replyTo must be an e-mail address"),
            ("cc", json!("a@b.c"), 105, "cc is no part of a mail: to, subject, text, html, from and replyTo are"),
        ] {
            let mut body = json!({ "to": "a@b.c", "subject": "s", "text": "t" });
            body[member] = value;
            let error = mail(&body).unwrap_err();
            assert_eq!((error.code as i32, error.message.as_str()), (code, said), "{body}");
        }
        assert_eq!(read(b"[]").unwrap_err().code, ErrorCode::InvalidJson);
        assert_eq!(mail(&json!({})).unwrap_err().message, "to is missing");
    }
}
