//! The app's own code, asked by way of data: before users are written and removed, and when they come, go, or forget their
//! passwords.
//!
//! Which of these moments the app wants to hear of is remembered, so that an app that wants to hear of none is as fast as if there
//! were no such thing. What is remembered is read again when somebody tells of a change, and when it has reached a certain age:
//! a server that does not announce its changes may write to the same database.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parsefleet_core::error::Result;
use parsefleet_proto::v1::{AskHookRequest, CallRequest, ListHooksRequest, RequestContext, hooks_client::HooksClient};
use parsefleet_runtime::rpc::{self, Channel, MESSAGE_LIMIT};
use serde_json::{Map, Value as Json};
use tokio::sync::Mutex;

use crate::{
    json::{self, internal},
    news::News,
    outbox,
};

/// Age at which it is read again which moments there are triggers for.
const MOST_AGE: Duration = Duration::from_secs(5);

/// When the app may be asked, or told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A user is about to be written.
    BeforeSave,
    /// A user is about to be removed.
    BeforeDelete,
    /// Somebody proved to be a user.
    BeforeLogin,
    /// Somebody has got a session by it.
    AfterLogin,
    /// A session was ended by its owner.
    AfterLogout,
    /// Somebody asks for a link to choose another password.
    BeforePasswordReset,
}

/// What the app is asked about.
pub(crate) struct Question<'q> {
    pub(crate) context: &'q RequestContext,
    pub(crate) mount_url: &'q str,
    /// The object that is there already; empty if it is new, or gone.
    pub(crate) object_id: &'q str,
    /// What is to be written; of an object that is gone, all of it; else what it is shown with beside its columns.
    pub(crate) object: Map<String, Json>,
}

/// A call in the place of a function, whose address is in the configuration.
pub(crate) struct Call<'c> {
    pub(crate) context: &'c RequestContext,
    pub(crate) url: &'c str,
    /// Parse's name of the function.
    pub(crate) function: &'c str,
    /// The user who is there already; empty if there is none.
    pub(crate) user_id: &'c str,
    /// The new user, or the changes to the one who is there.
    pub(crate) user: Map<String, Json>,
    /// What else the function is told.
    pub(crate) about: Map<String, Json>,
}

/// What is written instead of what was asked for.
#[derive(Debug)]
pub(crate) struct Replacement {
    pub(crate) body: Map<String, Json>,
    /// The part of it that the client does not know.
    pub(crate) news: Map<String, Json>,
}

/// The app's triggers.
#[derive(Clone)]
pub(crate) struct Triggers {
    data: HooksClient<Channel>,
    news: Arc<dyn News>,
    /// Held while it is read: however many wait for it share one reading.
    known: Arc<Mutex<Option<Known>>>,
}

/// Which moments there are triggers for.
struct Known {
    moments: Vec<Moment>,
    read_at: Instant,
    /// The state of the schema, of which hooks are a part, that was heard of then.
    generation: u64,
}

impl Moment {
    const ALL: [Self; 6] = [
        Self::BeforeSave,
        Self::BeforeDelete,
        Self::BeforeLogin,
        Self::AfterLogin,
        Self::AfterLogout,
        Self::BeforePasswordReset,
    ];

    /// The class and Parse's name of the trigger.
    fn hook(self) -> (&'static str, &'static str) {
        match self {
            Self::BeforeSave => ("_User", "beforeSave"),
            Self::BeforeDelete => ("_User", "beforeDelete"),
            Self::BeforeLogin => ("_User", "beforeLogin"),
            Self::AfterLogin => ("_User", "afterLogin"),
            Self::AfterLogout => ("_Session", "afterLogout"),
            Self::BeforePasswordReset => ("_User", "beforePasswordResetRequest"),
        }
    }
}

impl Triggers {
    pub(crate) fn new(data: Channel, news: Arc<dyn News>) -> Self {
        let client = HooksClient::new(data);
        let data = client.max_decoding_message_size(MESSAGE_LIMIT).max_encoding_message_size(MESSAGE_LIMIT);
        Self { data, news, known: Arc::default() }
    }

    /// Whether the app wants to hear of it.
    ///
    /// # Errors
    /// It is not known, and data cannot be asked.
    pub(crate) async fn has(&self, moment: Moment) -> Result<bool> {
        let mut known = self.known.lock().await;
        let generation = self.news.schema_generation();
        let is_current = |known: &Known| known.generation == generation && known.read_at.elapsed() < MOST_AGE;
        if !known.as_ref().is_some_and(is_current) {
            *known = Some(self.read(generation).await?);
        }
        Ok(known.as_ref().is_some_and(|known| known.moments.contains(&moment)))
    }

    async fn read(&self, generation: u64) -> Result<Known> {
        let read_at = Instant::now();
        let request = ListHooksRequest { context: Some(outbox::context()) };
        let answer = self.data.clone().list(request).await.map_err(|status| rpc::parse_error(&status))?;
        let hooks = answer.into_inner().hooks;
        let is_hooked = |moment: &Moment| {
            let (class_name, trigger_name) = moment.hook();
            hooks.iter().any(|hook| hook.class_name == class_name && hook.trigger_name == trigger_name)
        };
        Ok(Known { moments: Moment::ALL.into_iter().filter(is_hooked).collect(), read_at, generation })
    }

    /// Asks the app. What is to be written instead of what was asked for; `None` if that stays as it is.
    ///
    /// # Errors
    /// 141 with what the app says against it, 105 if it wants a prohibited word to be written.
    pub(crate) async fn ask(&self, moment: Moment, question: Question<'_>) -> Result<Option<Replacement>> {
        let (class_name, trigger_name) = moment.hook();
        let request = AskHookRequest {
            context: Some(question.context.clone()),
            class_name: class_name.to_owned(),
            trigger_name: trigger_name.to_owned(),
            object_id: question.object_id.to_owned(),
            object: json::bytes(question.object),
            mount_url: question.mount_url.to_owned(),
        };
        let answer = self.data.clone().ask(request).await.map_err(|status| rpc::parse_error(&status))?.into_inner();
        let Some(body) = answer.object else { return Ok(None) };
        let members = |bytes: &[u8]| json::object(bytes).map_err(|_| internal());
        Ok(Some(Replacement { body: members(&body)?, news: members(&answer.news)? }))
    }

    /// Calls a function of the app: what it says; `None` if it says nothing.
    ///
    /// # Errors
    /// 141 with what it says against it, or because it gives no answer.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Option<Json>> {
        let request = CallRequest {
            context: Some(call.context.clone()),
            url: call.url.to_owned(),
            function: call.function.to_owned(),
            user_id: call.user_id.to_owned(),
            user: json::bytes(call.user),
            about: json::bytes(call.about),
        };
        let answer = self.data.clone().call(request).await.map_err(|status| rpc::parse_error(&status))?.into_inner();
        answer.success.map(|success| serde_json::from_slice(&success).map_err(|_| internal())).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hears of nothing.
    struct NoNews;

    #[tonic::async_trait]
    impl News for NoNews {
        async fn sessions_ended(&self, _tokens: &[String]) {}
        async fn user_changed(&self, _user_id: &str) {}
        async fn roles_changed(&self) {}
    }

    impl Triggers {
        /// Triggers of an app that nobody answers for.
        pub(crate) fn to_nobody() -> Self {
            Self::new(Channel::local(tonic::service::Routes::default()), Arc::new(NoNews))
        }
    }
}
