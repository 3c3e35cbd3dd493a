//! Mails: takes the jobs of the queue `mail`, writes each mail from templates, unless the app wrote it, and sends it
//! by SMTP or a provider's API.
//!
//! A job is done when the mail was handed over; the id of a job that is done is remembered, so that a job which comes again
//! (a crash, a broker that lost the answer) sends nothing. What cannot be delivered now comes again later; what can never be
//! delivered is a dead letter at once. No address, link, text or key is ever in a log line, a span or a metric.

mod division;
mod mail;
mod metrics;
mod sender;
mod sent;
mod service;
mod templates;
mod written;

pub use service::{EmailError, EmailService};
