//! What third-party providers ask of a client before it logs in.

use parsefleet_core::error::Result;
use parsefleet_proto::v1::{ChallengeRequest, ChallengeResponse};
use serde_json::{Map, Value as Json};

use super::log_in::Credentials;
use crate::{caller::Caller, json, providers::ChallengeBody, service::AuthService};

impl AuthService {
    /// Has the providers that a client names ask for what they need.
    #[tracing::instrument(name = "auth.challenge", skip_all)]
    pub(crate) async fn challenge_client(&self, request: ChallengeRequest) -> Result<ChallengeResponse> {
        let context = request.context.clone().unwrap_or_default();
        let caller = Caller::of(request.context.as_ref())?;
        let body = ChallengeBody(json::object(&request.body)?);
        let knows_user = body.names_user()?;
        if knows_user {
            self.authenticate(&context, &caller, &Credentials::of(&body.0)?).await?;
        }
        let answers = self.identities(&context).challenge(&body, knows_user).await?;
        Ok(ChallengeResponse {
            body: json::bytes(Map::from_iter([("challengeData".to_owned(), Json::Object(answers))])),
        })
    }
}
