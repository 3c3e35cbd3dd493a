//! Work of which nobody shall see whether there was any.
//!
//! What is asked for is kept before the answer, in the same way whoever it is asked for, and done behind it. It is removed when it is
//! done; what a process that died has left is found by the sweep of any other. A mail may come twice that way, never not at all.
//!
//! An app that is asked about the mail and says no has decided. One that gives no answer has not, and is asked again later.

use std::{sync::Arc, time::Duration};

use parsefleet_core::error::{Result, Speaker};
use parsefleet_proto::v1::{Privilege, RequestContext};
use parsefleet_runtime::{Shutdown, rpc::deadline};
use serde_json::{Value as Json, json};
use tracing::Instrument as _;

use super::wish::{Wish, WishRow};
use crate::{
    json::internal,
    outbox::{self, CLASS, WISHES},
    rows::{Search, Touch},
    service::AuthService,
};

/// Longest time that such work may take.
const LIMIT: Duration = Duration::from_secs(15);

/// For how long a wish is left to the process that has it: longer than it may take.
pub(super) const LEASE: Duration = Duration::from_secs(20);

/// Pause between two sweeps, on average.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// Wishes that a sweep reads at a time.
const PAGE: u32 = 64;

/// Age from which a wish that cannot be fulfilled is given up: nobody waits for that mail any more.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(3_600);

/// Milliseconds after which the work begins, at random: what it takes from the machine is felt by the answers to others, not
/// by that to whoever asked.
const PAUSE: std::ops::Range<u64> = 50..300;

impl AuthService {
    /// Keeps a wish, and begins to fulfil it. All that is waited for is that it is kept: the answer is the same for everybody.
    ///
    /// # Errors
    /// It cannot be kept, or too much of such work is under way.
    pub(super) async fn begin_hidden(&self, context: &RequestContext, wish: Wish) -> Result<()> {
        let place = Arc::clone(&self.mails_under_way).acquire_owned().await.map_err(|_| internal())?;
        let kept = WishRow::try_new(&wish)?;
        let row = serde_json::to_value(&kept).map_err(|_| internal())?;
        let _: Json = self.rows.insert(context, CLASS, &row).await?;
        let (service, context) = (self.clone(), context.clone());
        let work = async move {
            let _place = place;
            tokio::time::sleep(Duration::from_millis(rand::random_range(PAUSE))).await;
            service.attend(&context, kept).await;
        };
        self.tasks.spawn(work.in_current_span());
        Ok(())
    }

    /// Fulfils what others have left, until the process stops.
    pub(crate) async fn sweep_wishes(self, shutdown: Shutdown) {
        loop {
            let pause = SWEEP_EVERY.mul_f64(rand::random_range(0.5..=1.5));
            tokio::select! {
                () = shutdown.closing() => return,
                () = tokio::time::sleep(pause) => {}
            }
            if let Err(error) = self.attend_to_all().await {
                tracing::warn!(code = error.code as i32, "mails that were asked for cannot be looked for now");
            }
        }
    }

    async fn attend_to_all(&self) -> Result<()> {
        // Whoever asked is gone; what the app is told of it is not that it was the app.
        let context = RequestContext { privilege: Privilege::Public.into(), ..RequestContext::default() };
        // Those first that were tried longest ago: what cannot be fulfilled for an hour holds nothing else up.
        let filter = json!({ "queue": WISHES, "claimedUntil": { "$lte": outbox::now() } });
        let search = Search { filter, order: &["claimedUntil"], limit: PAGE, ..Search::default() };
        let left: Vec<WishRow> = self.rows.find(&context, CLASS, &search).await?;
        for wish in left {
            // Of several who have found it, one takes it.
            let filter = json!({ "objectId": wish.object_id, "claimedUntil": wish.claimed_until });
            let lease = json!({ "claimedUntil": outbox::now() + LEASE.as_millis() as f64 });
            let claimed: Option<Json> = self.rows.change(&context, CLASS, &filter, &lease, Touch::No).await?;
            if claimed.is_some() {
                self.attend(&context, wish).await;
            }
        }
        Ok(())
    }

    /// Fulfils a wish and removes it. One that cannot be fulfilled now stays, for a time.
    async fn attend(&self, context: &RequestContext, kept: WishRow) {
        let is_over = match kept.wish() {
            None => {
                tracing::error!(class = CLASS, "a mail that was asked for could not be understood");
                true
            }
            Some(wish) => self.try_to_fulfil(context, wish).await,
        };
        let is_too_old = outbox::now() - kept.kept_at > GIVEN_UP_AFTER.as_millis() as f64;
        if !is_over && !is_too_old {
            return;
        }
        let removed = self.rows.remove(context, CLASS, &json!({ "objectId": kept.object_id })).await;
        if let Err(error) = removed {
            tracing::warn!(code = error.code as i32, "a mail that was asked for is seen to once more");
        }
    }

    async fn try_to_fulfil(&self, context: &RequestContext, wish: Wish) -> bool {
        let work = async {
            match wish {
                Wish::Reset { email, locale } => self.send_reset_link(context, &email, &locale).await,
                Wish::Verification { filter, locale } => self.resend_to(context, filter, &locale).await,
            }
        };
        match deadline::within(LIMIT, work).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) if error.speaker == Speaker::App => {
                tracing::info!("the app is against a mail that was asked for");
                true
            }
            Ok(Err(error)) => {
                tracing::warn!(code = error.code as i32, "a mail that was asked for is not sent now");
                false
            }
            Err(_) => {
                tracing::warn!("a mail that was asked for took too long");
                false
            }
        }
    }
}
