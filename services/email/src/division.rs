//! Mails to several: of such a job one is made for each recipient, so that each mail is sent, tried again and put aside by itself.
//!
//! The jobs are published before theirs is answered, under ids that follow from its own: if it comes again, the same jobs are
//! published again, and whoever has the mail does not get it twice.

use std::{mem, sync::Arc};

use async_trait::async_trait;
use parsefleet_bus::{Bus, Handler, Job, JobId, Verdict};
use parsefleet_proto::v1::MailJob;
use prost::Message as _;

use crate::service::EmailService;

/// Takes the jobs of the queue: those to one recipient are for the service.
pub(crate) struct Divider {
    service: EmailService,
    bus: Arc<dyn Bus>,
}

impl Divider {
    pub(crate) fn new(service: EmailService, bus: Arc<dyn Bus>) -> Self {
        Self { service, bus }
    }

    async fn divide(&self, job: &Job, mut mail: MailJob) -> Verdict {
        for (number, recipient) in mem::take(&mut mail.recipients).into_iter().enumerate() {
            let Ok(id) = JobId::try_new(format!("{}.{number}", job.id)) else {
                return Verdict::Bury("its id is too long for it to be divided".to_owned());
            };
            mail.recipient = recipient;
            if let Err(error) = self.bus.publish(&Job::with_id(id, job.queue, mail.encode_to_vec())).await {
                return Verdict::Retry(error.to_string());
            }
        }
        Verdict::Done
    }
}

#[async_trait]
impl Handler for Divider {
    async fn handle(&self, job: &Job) -> Verdict {
        match MailJob::decode(job.body.clone()) {
            Ok(mail) if !mail.recipients.is_empty() => self.divide(job, mail).await,
            // What cannot be read is for the service to refuse.
            Ok(_) | Err(_) => self.service.handle(job).await,
        }
    }
}
