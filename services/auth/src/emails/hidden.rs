//! Work of which nobody shall see whether there was any.

use std::{future::Future, time::Duration};

use parsefleet_core::error::Result;
use parsefleet_proto::v1::RequestContext;
use parsefleet_runtime::rpc::deadline;
use serde_json::json;
use tracing::Instrument as _;

use super::row::Addressee;
use crate::{json::internal, service::AuthService};

/// Longest time that such work may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Milliseconds after which the work begins, at random: what it takes from the machine is felt by the answers to others, not
/// by that to whoever asked.
const PAUSE: std::ops::Range<u64> = 50..300;

impl AuthService {
    /// Begins the work, and does not wait for it: the answer is the same for everybody, and given at the same time. All that is
    /// waited for is whether the database can be asked, by a question to which there is no answer.
    ///
    /// # Errors
    /// The database cannot be asked, or too much of such work is under way.
    pub(super) async fn begin_hidden<W>(&self, context: &RequestContext, work: W) -> Result<()>
    where
        W: Future<Output = Result<bool>> + Send + 'static,
    {
        Addressee::find(&self.rows, context, json!({ "objectId": "nobody", "username": { "$exists": false } })).await?;
        let place = std::sync::Arc::clone(&self.mails_under_way).acquire_owned().await.map_err(|_| internal())?;
        let limited = async move {
            let _place = place;
            tokio::time::sleep(Duration::from_millis(rand::random_range(PAUSE))).await;
            match deadline::within(LIMIT, work).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(code = error.code as i32, "a mail that was asked for is not sent"),
                Err(_) => tracing::warn!("a mail that was asked for took too long"),
            }
        };
        self.tasks.spawn(limited.in_current_span());
        Ok(())
    }
}
