//! Mails that are written already: the app's own code did, and they are sent as they are.

use parsefleet_core::Mailbox;
use parsefleet_proto::v1::{MailJob, WrittenMail};

use crate::{
    mail::{Content, one_line},
    templates::WriteError,
};

/// What a mail says, and who says it, where that is not as configured.
pub(crate) struct Written {
    pub(crate) from: Option<Mailbox>,
    pub(crate) reply_to: Option<Mailbox>,
    pub(crate) content: Content,
}

impl Written {
    /// A mail of our own.
    pub(crate) fn by_template(content: Content) -> Self {
        Self { from: None, reply_to: None, content }
    }

    /// The mail that a job brings along. Whoever made the job has checked it: what is wrong with it here would be so for ever.
    pub(crate) fn read(job: MailJob) -> Result<Self, WriteError> {
        let WrittenMail { subject, text, html, from, reply_to } = job.written.ok_or(WriteError::NotWritten)?;
        if text.is_none() && html.is_none() {
            return Err(WriteError::NotWritten);
        }
        let content = Content { subject: one_line(&subject), text, html, at_provider: None };
        Ok(Self { from: mailbox(from)?, reply_to: mailbox(reply_to)?, content })
    }
}

fn mailbox(text: Option<String>) -> Result<Option<Mailbox>, WriteError> {
    text.map(|text| Mailbox::parse(&text).map_err(|_| WriteError::NotWritten)).transpose()
}
