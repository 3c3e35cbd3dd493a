//! Functions of other services' options, which an app gives as the addresses of webhooks.

use parsefleet_core::{ParseError, error::Result};
use parsefleet_proto::v1::{CallRequest, CallResponse};
use serde_json::{Map as JsonMap, Value as Json};
use tracing::Instrument as _;

use crate::{
    caller::Caller,
    rows,
    schema::Snapshot,
    service::DataService,
    triggers::{Reply, payload},
};

/// What functions are about.
const USER: &str = "_User";
const IDENTITIES: &str = "authData";

impl DataService {
    /// Calls the app's own code. A user who is there is told as the master key sees it.
    ///
    /// # Errors
    /// 141 with what the app says against it, or because it gives no answer; 101 if there is no such user.
    pub async fn call_function(&self, request: &CallRequest) -> Result<CallResponse> {
        let caller = Caller::from_context(request.context.as_ref())?;
        let snapshot = self.schema.current().await?;
        let mut about = self.user_of_call(request, &snapshot).await?;
        about.extend(rows::object(&request.about)?);
        let triggers = self.triggers_of(snapshot, request.context.as_ref(), &caller);
        let span = tracing::info_span!("function", parse.function = request.function);
        let reply = triggers.call(self, &request.url, &request.function, about).instrument(span).await?;
        let success = match reply {
            Reply::Success(success) => Some(success.to_string().into()),
            Reply::Nothing => None,
        };
        Ok(CallResponse { success })
    }

    /// `object`, and of a change `original`, as triggers are told of them.
    async fn user_of_call(&self, request: &CallRequest, snapshot: &Snapshot) -> Result<JsonMap<String, Json>> {
        let sent = rows::object(&request.user)?;
        if request.user_id.is_empty() {
            return Ok(payload::about(USER, payload::new_object(&sent), None));
        }
        let stored = match snapshot.class(USER) {
            Some(class) => self.user_for_triggers(class, &request.user_id).await?,
            None => None,
        };
        let mut stored = stored.ok_or_else(ParseError::object_not_found)?;
        keep_identities(&mut stored, sent.get(IDENTITIES));
        if sent.is_empty() {
            return Ok(payload::about(USER, stored, None));
        }
        let changed = payload::changed_object(&stored, &request.user_id, &sent);
        Ok(payload::about(USER, changed, Some(&stored)))
    }
}

/// Leaves only those stored identities that are asked about: what others have given the user is no business of a function.
fn keep_identities(user: &mut JsonMap<String, Json>, asked: Option<&Json>) {
    let asked = asked.and_then(Json::as_object);
    if let Some(Json::Object(stored)) = user.get_mut(IDENTITIES) {
        stored.retain(|provider, _| asked.is_some_and(|asked| asked.contains_key(provider)));
    }
    if user.get(IDENTITIES).and_then(Json::as_object).is_some_and(JsonMap::is_empty) {
        user.shift_remove(IDENTITIES);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_function_is_told_of_what_it_is_asked_about() {
        let user = json!({ "n": 1, "authData": { "own": { "id": "1" }, "mfa": { "secret": "s" } } });
        let told = |asked: Option<Json>| {
            let mut user = user.as_object().unwrap().clone();
            keep_identities(&mut user, asked.as_ref());
            Json::Object(user)
        };
        assert_eq!(told(None), json!({ "n": 1 }));
        assert_eq!(told(Some(json!({ "other": {} }))), json!({ "n": 1 }));
        assert_eq!(told(Some(json!({ "own": {} }))), json!({ "n": 1, "authData": { "own": { "id": "1" } } }));
    }
}
