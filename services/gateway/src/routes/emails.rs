//! `/emails`: mails that the app's own code wrote. For the master key; what its read-only form may not, auth says.

use bytes::Bytes;
use parsefleet_proto::v1::SendEmailRequest;

use crate::{app::App, body::Members, failure::Result, privilege::Caller, render::Reply};

/// The answer says that the mails are kept, and not that they are sent.
pub(super) async fn send(app: &App, caller: &Caller, body: Members) -> Result<Reply> {
    caller.master_reader()?;
    let context = Some(caller.request_context());
    app.auth.send_email(SendEmailRequest { context, body: body.into_bytes() }).await?;
    Ok(Reply::ok(Bytes::from_static(b"{}")))
}
