//! Questions of the service that owns a class: it knows when they are to be asked, and data knows whom to ask.

use std::sync::Arc;

use parsefleet_core::{ParseError, Query, error::Result};
use parsefleet_proto::v1::{AskHookRequest, AskHookResponse};
use serde_json::{Map as JsonMap, Value as Json};

use super::Moment;
use crate::{
    caller::Caller,
    conditions::is_object,
    policy,
    rows::{self, misused},
    schema::Class,
    service::DataService,
    triggers::{Replacement, payload},
};

impl DataService {
    /// Asks the app's own code, if it wants to hear of this.
    ///
    /// # Errors
    /// 141 with what it says against it, 105 if it wants a prohibited word to be written, 101 if there is nothing to ask about.
    pub async fn ask_hook(&self, request: &AskHookRequest) -> Result<AskHookResponse> {
        let caller = Caller::from_context(request.context.as_ref())?;
        let moment = Moment::from_name(&request.trigger_name);
        match moment.ok_or_else(|| misused("an unknown trigger is asked"))? {
            Moment::BeforeSave => self.ask_of_save(request, &caller).await,
            Moment::BeforeDelete => self.ask_of_removal(request, &caller).await.map(|()| nothing()),
            moment @ (Moment::BeforeLogin
            | Moment::AfterLogin
            | Moment::AfterLogout
            | Moment::BeforePasswordResetRequest) => self.ask_about(request, &caller, moment).await.map(|()| nothing()),
            Moment::AfterSave
            | Moment::AfterDelete
            | Moment::BeforeFind
            | Moment::AfterFind
            | Moment::BeforeConnect
            | Moment::BeforeSubscribe
            | Moment::AfterEvent => Err(misused("a trigger is asked that is not its owner's to ask")),
        }
    }

    async fn ask_of_save(&self, request: &AskHookRequest, caller: &Caller) -> Result<AskHookResponse> {
        let triggers = self.save_triggers(request.context.as_ref(), caller, &request.class_name, false).await?;
        let Some(mut triggers) = triggers.filter(|triggers| triggers.asks_before()) else { return Ok(nothing()) };
        let sent = rows::object(&request.object)?;
        let replacement = match request.object_id.as_str() {
            "" => triggers.before_create(self, &sent).await?,
            id => {
                let original = match self.question_about(request, caller).await? {
                    Some((class, query)) => self.original_for(caller, &class, &query, &request.mount_url).await?,
                    None => None,
                };
                triggers.remember(Some(original.ok_or_else(ParseError::object_not_found)?));
                triggers.before_update(self, id, &sent).await?
            }
        };
        let Some(Replacement { body, news }) = replacement else { return Ok(nothing()) };
        let bytes = |members: JsonMap<String, Json>| Json::Object(members).to_string().into();
        Ok(AskHookResponse { object: Some(bytes(body)), news: bytes(news) })
    }

    async fn ask_of_removal(&self, request: &AskHookRequest, caller: &Caller) -> Result<()> {
        let triggers = self.delete_triggers(request.context.as_ref(), caller, &request.class_name, false).await?;
        let Some(triggers) = triggers else { return Ok(()) };
        let read = self.object_to_write(request, caller);
        let object = triggers.object(self, &request.object_id, read).await?;
        triggers.before(self, &object.ok_or_else(ParseError::object_not_found)?).await
    }

    /// Tells of what somebody does who is, or wants to be, let in.
    async fn ask_about(&self, request: &AskHookRequest, caller: &Caller, moment: Moment) -> Result<()> {
        let class = request.class_name.as_str();
        let is_asked = |hooks: &super::Hooks| hooks.url(class, moment).is_some();
        let Some(triggers) = self.triggers(request.context.as_ref(), caller, is_asked).await? else { return Ok(()) };
        let mut object = match request.object_id.is_empty() {
            true => JsonMap::new(),
            // Whoever is let in may not be able to see all of itself; the app is.
            false => {
                let object = self.object_to_write(request, &Caller::Master).await?;
                object.ok_or_else(ParseError::object_not_found)?
            }
        };
        object.extend(rows::object(&request.object)?);
        triggers.ask(self, class, moment, payload::about(class, object, None)).await.map(drop)
    }

    /// The object that is asked about, as far as the caller may see it; `None` if he may not write it.
    async fn object_to_write(
        &self,
        request: &AskHookRequest,
        caller: &Caller,
    ) -> Result<Option<JsonMap<String, Json>>> {
        match self.question_about(request, caller).await? {
            Some((class, query)) => self.object_for(caller, &class, &query, &request.mount_url).await,
            None => Ok(None),
        }
    }

    /// What finds the object that is asked about, if the caller may write it; `None` if there is no such class.
    async fn question_about(&self, request: &AskHookRequest, caller: &Caller) -> Result<Option<(Arc<Class>, Query)>> {
        let snapshot = self.schema.current().await?;
        let Some(class) = snapshot.class(&request.class_name) else { return Ok(None) };
        let conditions = std::iter::once(is_object(&request.object_id)).chain(policy::writable(caller));
        Ok(Some((Arc::clone(class), Query { conditions: conditions.collect() })))
    }
}

fn nothing() -> AskHookResponse {
    AskHookResponse::default()
}
