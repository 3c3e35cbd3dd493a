//! Any name with `webhook`: an adapter of the app's own, asked by HTTP as its triggers are.
//!
//! It is told which of Parse's methods it stands for (`validateSetUp`, `validateLogin`, `validateUpdate`, `challenge`) and what
//! the client sent. It proves an identity only by saying so: `{"success": true}`, or an object with what Parse's adapters return.

use async_trait::async_trait;
use parsefleet_core::{acl::is_truthy, error::Result};
use parsefleet_proto::v1::RequestContext;
use parsefleet_runtime::config::providers::Webhook as Options;
use serde_json::{Value as Json, json};

use super::{Keep, Occasion, Provider, Slice, Stage, Verdict, failed};
use crate::triggers::{Call, Triggers};

/// What Parse's adapters return.
const RETURNED: [&str; 3] = ["response", "save", "doNotSave"];

/// Asks the app.
pub(super) struct Webhook {
    name: String,
    url: String,
    triggers: Triggers,
}

impl Webhook {
    pub(super) fn new(name: &str, options: &Options, triggers: &Triggers) -> Self {
        Self { name: name.to_owned(), url: options.url.clone(), triggers: triggers.clone() }
    }

    /// What the adapter says of what a client sent for a user. It is told which provider it stands for: one address may serve
    /// several.
    async fn ask(&self, function: &str, told: Told<'_>) -> Result<Option<Json>> {
        let Told { context, user_id, sent, challenge } = told;
        let sent = sent.cloned().map(Json::Object);
        let user = sent.clone().map(|sent| ("authData".to_owned(), json!({ self.name.as_str(): sent })));
        let about =
            [("provider", Some(self.name.as_str().into())), ("authData", sent), ("challengeData", challenge.cloned())];
        let about = about.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let call = Call {
            context,
            url: &self.url,
            function,
            user_id: user_id.unwrap_or_default(),
            user: user.into_iter().collect(),
            about: about.collect(),
        };
        self.triggers.call(call).await
    }
}

/// What an adapter is told.
struct Told<'t> {
    context: &'t RequestContext,
    user_id: Option<&'t str>,
    sent: Option<&'t Slice>,
    challenge: Option<&'t Json>,
}

#[async_trait]
impl Provider for Webhook {
    async fn validate(&self, slice: &mut Slice, occasion: &Occasion<'_>) -> Result<Verdict> {
        let function = match occasion.stage {
            Stage::SetUp => "validateSetUp",
            Stage::LogIn => "validateLogin",
            Stage::Update => "validateUpdate",
        };
        let Occasion { context, user_id, .. } = *occasion;
        let said = self.ask(function, Told { context, user_id, sent: Some(slice), challenge: None }).await?;
        verdict(said)
    }

    async fn challenge(
        &self,
        challenge: &Json,
        slice: Option<&Slice>,
        context: &RequestContext,
    ) -> Result<Option<Json>> {
        let told = Told { context, user_id: None, sent: slice, challenge: Some(challenge) };
        Ok(self.ask("challenge", told).await?.filter(is_truthy))
    }
}

/// What an answer means. Silence proves nothing.
///
/// # Errors
/// 141 if it does not say that the identity is proved.
fn verdict(said: Option<Json>) -> Result<Verdict> {
    let is_known = |name: &String| RETURNED.contains(&name.as_str());
    let mut returned = match said {
        Some(Json::Bool(true)) => return Ok(Verdict::GOOD),
        // What somebody answers to everything alike is no proof.
        Some(Json::Object(returned)) if returned.keys().all(is_known) => returned,
        None | Some(_) => return Err(failed("Auth failed. Unknown error.")),
    };
    let response = returned.remove("response").filter(is_truthy);
    let keep = match returned.remove("save") {
        _ if returned.get("doNotSave").is_some_and(is_truthy) => Keep::Stored,
        None | Some(Json::Null) => Keep::Sent,
        Some(Json::Object(save)) => Keep::Other(save),
        Some(_) => return Err(failed("Auth failed. What is to be saved is no object.")),
    };
    Ok(Verdict::Proved { response, keep })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What would be stored, or the text of the refusal.
    fn kept(said: Option<Json>) -> Result<(Option<Json>, Json), String> {
        match verdict(said).map_err(|error| error.message)? {
            Verdict::Proved { response, keep: Keep::Sent } => Ok((response, json!("sent"))),
            Verdict::Proved { response, keep: Keep::Stored } => Ok((response, json!("stored"))),
            Verdict::Proved { response, keep: Keep::Other(save) } => Ok((response, Json::Object(save))),
            Verdict::Pending(_, error) => Err(error.message),
        }
    }

    #[test]
    fn only_a_yes_proves_an_identity() {
        for said in [
            None,
            Some(json!(null)),
            Some(json!(false)),
            Some(json!("yes")),
            Some(json!(1)),
            Some(json!([])),
            Some(json!({ "valid": false })),
        ] {
            assert_eq!(kept(said.clone()), Err("Auth failed. Unknown error.".to_owned()), "{said:?}");
        }
        assert_eq!(kept(Some(json!(true))), Ok((None, json!("sent"))));
        assert_eq!(kept(Some(json!({}))), Ok((None, json!("sent"))));
    }

    #[test]
    fn an_adapter_says_what_is_stored_and_answered() {
        let answer = json!({ "save": { "id": "1" }, "response": { "a": 1 } });
        assert_eq!(kept(Some(answer)), Ok((Some(json!({ "a": 1 })), json!({ "id": "1" }))));
        assert_eq!(kept(Some(json!({ "doNotSave": true, "save": { "id": "1" } }))), Ok((None, json!("stored"))));
        let refused = kept(Some(json!({ "save": "all" })));
        assert_eq!(refused, Err("Auth failed. What is to be saved is no object.".to_owned()));
    }
}
