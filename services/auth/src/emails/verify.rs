//! Opening the link of a verification mail.

use parsefleet_core::{ErrorCode, error::Result};
use parsefleet_proto::v1::{UpdateRequest, VerifyEmailRequest, VerifyEmailResponse};
use serde_json::{Map, Value as Json, json};

use super::{link::Purpose, row::Addressee};
use crate::{
    caller, clock,
    json::{self, delete},
    service::AuthService,
};

impl AuthService {
    /// Verifies the address of whoever has this token: a change of the user like any other, about which the app is asked. The token is
    /// the condition of the change, so that a link works once.
    #[tracing::instrument(name = "auth.verify_email", skip_all)]
    pub(crate) async fn verify_address(&self, request: VerifyEmailRequest) -> Result<VerifyEmailResponse> {
        let not_verified = || VerifyEmailResponse { verified: false };
        let verification = &self.config.user_mail.verification;
        if verification.is_asked.is_never() || request.token.is_empty() {
            return Ok(not_verified());
        }
        let context = request.context.unwrap_or_default();
        let (token, expiry) = (Purpose::Verify.column(), Purpose::Verify.expiry_column());
        let mut condition = json!({ token: request.token });
        let mut columns = Map::from_iter([("emailVerified".to_owned(), true.into()), (token.to_owned(), delete())]);
        if verification.token_validity.is_some() {
            condition["emailVerified"] = false.into();
            condition[expiry] = json!({ "$gt": clock::to_json(clock::now()) });
            columns.insert(expiry.to_owned(), delete());
        }
        let Some(user) = Addressee::find(&self.rows, &context, condition.clone()).await? else {
            return Ok(not_verified());
        };
        let outcome = async {
            let plan = self.plan_changed_user(verified(caller::as_master(&context), user.id())).await?;
            self.carry_out(plan.with_owned(columns, condition)?).await
        };
        match outcome.await {
            Ok(_) => Ok(VerifyEmailResponse { verified: true }),
            // Somebody else was faster, or the app is against it.
            Err(error) if matches!(error.code, ErrorCode::ObjectNotFound | ErrorCode::ScriptFailed) => {
                Ok(not_verified())
            }
            Err(error) => Err(error),
        }
    }
}

/// The change as the app is told of it.
fn verified(context: parsefleet_proto::v1::RequestContext, user_id: &str) -> UpdateRequest {
    UpdateRequest {
        context: Some(context),
        class_name: "_User".to_owned(),
        object_id: user_id.to_owned(),
        body: json::bytes(Map::from_iter([("emailVerified".to_owned(), Json::Bool(true))])),
        ..UpdateRequest::default()
    }
}
