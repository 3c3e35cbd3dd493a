//! `/config`: parameters that apps read at run time.

use bytes::Bytes;

use crate::{app::App, body::Members, failure::Result, privilege::Caller, render::Reply};

pub(super) async fn get(app: &App, caller: &Caller) -> Result<Reply> {
    Ok(Reply::ok(app.data.config(caller.request_context()).await?))
}

/// The read-only master key gets as far as to data, whose refusal it is.
pub(super) async fn update(app: &App, caller: &Caller, body: Members) -> Result<Reply> {
    caller.master_reader()?;
    app.data.update_config(caller.request_context(), body.into_bytes()).await?;
    Ok(Reply::ok(Bytes::from_static(br#"{"result":true}"#)))
}
