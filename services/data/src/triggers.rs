//! The app's own code: who is asked when something happens to objects, and what follows from the answer.
//!
//! It is reached by webhooks ([`webhook`]): one request per trigger, with the body that Parse Server sends ([`payload`]), and
//! the answers that Parse Server understands ([`answer`]). What a trigger may change is said where it is asked for: of saves
//! in [`save`], of removals in [`delete`], of reads in [`find`].
//!
//! An app without hooks costs nothing but a look at the schema's snapshot, which holds them.

pub(crate) mod after;
mod answer;
mod delete;
mod find;
pub(crate) mod payload;
mod save;
mod webhook;

use std::{sync::Arc, time::Duration};

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::RequestContext;
use parsefleet_runtime::rpc::deadline;
use serde_json::{Map as JsonMap, Value as Json};
use tokio::{sync::OnceCell, time::Instant};
use tracing::Instrument as _;

pub(crate) use self::{
    answer::Reply,
    delete::DeleteTriggers,
    find::Told,
    save::{Replacement, SaveTriggers},
    webhook::Webhooks,
};
use crate::{
    caller::Caller,
    hooks::{Hooks, Moment},
    schema::Snapshot,
    service::DataService,
};

/// Longest time for one answer, where the request has no deadline of its own.
const MOST_TIME: Duration = Duration::from_secs(30);
/// What is left of a request's time for its own answer when a trigger does not give one.
const REST: Duration = Duration::from_secs(1);

/// The triggers of one request: who asks, and what all of them are told of it.
pub(crate) struct Triggers {
    snapshot: Arc<Snapshot>,
    context: RequestContext,
    caller: Caller,
    /// The caller's own object, read when it is first needed.
    user: OnceCell<Option<JsonMap<String, Json>>>,
    /// When the request is given up.
    until: Instant,
}

impl DataService {
    /// The triggers of a request; `None` if there is none among the app's hooks that it asks.
    ///
    /// # Errors
    /// The hooks cannot be read.
    pub(crate) async fn triggers(
        &self,
        context: Option<&RequestContext>,
        caller: &Caller,
        is_asked: impl FnOnce(&Hooks) -> bool,
    ) -> Result<Option<Triggers>> {
        let snapshot = self.schema.current().await?;
        if snapshot.hooks.is_empty() || !is_asked(&snapshot.hooks) {
            return Ok(None);
        }
        Ok(Some(self.triggers_of(snapshot, context, caller)))
    }

    /// What is asked and told in the name of a request.
    pub(crate) fn triggers_of(
        &self,
        snapshot: Arc<Snapshot>,
        context: Option<&RequestContext>,
        caller: &Caller,
    ) -> Triggers {
        // A transaction knows until when it may go on; it is no part of the request's own task.
        let until = self.scope.as_ref().map(|scope| scope.until).or_else(deadline::current);
        Triggers {
            snapshot,
            context: context.cloned().unwrap_or_default(),
            caller: caller.clone(),
            user: OnceCell::new(),
            until: until.unwrap_or_else(|| Instant::now() + MOST_TIME),
        }
    }
}

impl Triggers {
    /// Whether there is a trigger for this.
    pub(crate) fn has(&self, class: &str, moment: Moment) -> bool {
        self.snapshot.hooks.url(class, moment).is_some()
    }

    /// Asks the trigger, if there is one. To what it is asked about, given as members of the body, is added what every
    /// trigger is told of the request.
    ///
    /// # Errors
    /// 141 with what the trigger says against it, or because it gives no answer.
    pub(crate) async fn ask(
        &self,
        service: &DataService,
        class: &str,
        moment: Moment,
        about: JsonMap<String, Json>,
    ) -> Result<Reply> {
        let Some(url) = self.snapshot.hooks.url(class, moment) else { return Ok(Reply::Nothing) };
        let span = tracing::info_span!("trigger", parse.class = class, parse.trigger = moment.name());
        self.call(service, url, moment.name(), about).instrument(span).await
    }

    /// Calls an address, and tells beside what it is about what every trigger is told of the request.
    ///
    /// # Errors
    /// Those of [`Self::ask`].
    pub(crate) async fn call(
        &self,
        service: &DataService,
        url: &str,
        name: &str,
        about: JsonMap<String, Json>,
    ) -> Result<Reply> {
        let asker = payload::Asker {
            context: &self.context,
            caller: &self.caller,
            user: self.user(service).await?,
            app_id: &service.settings.app_id,
        };
        let body = Json::Object(payload::body(name, about, &asker)).to_string();
        let key = service.settings.webhook_key.as_ref();
        match service.webhooks.post(url, key, body, self.time_left()).await {
            Ok(answer) => Reply::read(&answer),
            Err(failure) => Err(ParseError::new(ErrorCode::ScriptFailed, failure.to_string())),
        }
    }

    /// The caller's own object as the master key sees it, and its session token.
    async fn user(&self, service: &DataService) -> Result<Option<&JsonMap<String, Json>>> {
        let Some(user) = self.caller.user() else { return Ok(None) };
        let read = || async {
            let mut object = match self.snapshot.class("_User") {
                Some(class) => service.user_for_triggers(class, user.id()).await?,
                None => None,
            };
            if let Some(object) = &mut object
                && !self.context.session_token.is_empty()
            {
                object.insert("sessionToken".to_owned(), Json::from(self.context.session_token.as_str()));
            }
            Ok(object)
        };
        Ok(self.user.get_or_try_init(read).await?.as_ref())
    }

    /// How long an answer may take, so that there is time left to tell the client that none came.
    fn time_left(&self) -> Duration {
        let left = self.until.saturating_duration_since(Instant::now());
        left - REST.min(left / 10)
    }
}

/// Whether a class has a trigger of one of these kinds.
pub(crate) fn has_any(hooks: &Hooks, class: &str, moments: &[Moment]) -> bool {
    moments.iter().any(|moment| hooks.url(class, *moment).is_some())
}
