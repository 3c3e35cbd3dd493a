//! Mails as jobs.

use parsefleet_bus::{Intent, Job, Queue, Witness};
use parsefleet_core::error::Result;
use parsefleet_proto::v1::{MailJob, MailKind};
use prost::Message as _;
use serde_json::{Map, Value as Json, json};

use super::{link::Purpose, row::Addressee};
use crate::service::AuthService;

/// Longer ones are the names of no language.
const LONGEST_LOCALE: usize = 35;

impl AuthService {
    /// Keeps a mail that is to be sent once the user has this secret. `None` if there is nowhere to send it to, or mails are not
    /// set up.
    pub(super) async fn intend_mail(
        &self,
        purpose: Purpose,
        user: &Addressee,
        token: &str,
        locale: &str,
    ) -> Result<Option<Intent>> {
        let recipient = match purpose {
            Purpose::Verify => user.text("email"),
            // Somebody without an address may have one for a name.
            Purpose::Reset => user.text("email").or_else(|| user.text("username")),
        };
        let Some(recipient) = recipient.filter(|_| self.outbox.is_some()) else { return Ok(None) };
        let mail = MailJob {
            kind: kind(purpose).into(),
            recipient: recipient.to_owned(),
            link: purpose.link(&self.config, token),
            app_name: self.config.app_name.clone().unwrap_or_default(),
            // Without one there may be one in a field of the user: which, is for the email service to know.
            locale: locale.to_owned(),
            user: Json::Object(user.shown()).to_string().into(),
            ..MailJob::default()
        };
        let condition = json!({ "objectId": user.id(), purpose.column(): token });
        let witness = Witness { class_name: "_User".to_owned(), condition: condition.to_string() };
        self.intend(Job::new(Queue::Mail, mail.encode_to_vec()), witness).await.map(Some)
    }
}

/// The language in which somebody asks for a mail, empty if he does not say.
pub(super) fn locale_of(body: &Map<String, Json>) -> String {
    let given = body.get("locale").and_then(Json::as_str);
    given.filter(|locale| locale.len() <= LONGEST_LOCALE).unwrap_or_default().to_owned()
}

fn kind(purpose: Purpose) -> MailKind {
    match purpose {
        Purpose::Verify => MailKind::EmailVerification,
        Purpose::Reset => MailKind::PasswordReset,
    }
}
