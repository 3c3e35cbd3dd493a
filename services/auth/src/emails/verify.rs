//! Opening the link of a verification mail.

use parsefleet_core::{ErrorCode, error::Result};
use parsefleet_proto::v1::{VerifyEmailRequest, VerifyEmailResponse};
use serde_json::{Map, json};

use super::{change_by_link, link::Purpose, row::Addressee};
use crate::{clock, json::delete, service::AuthService};

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
        let change = change_by_link(&context, user.id(), "emailVerified", true.into());
        let plan = self.plan_changed_user(change).await?;
        if plan.writes(token)? {
            // The app made it another address, of which the link says nothing.
            return Ok(not_verified());
        }
        match self.carry_out(plan.with_owned(columns, condition)?).await {
            Ok(_) => Ok(VerifyEmailResponse { verified: true }),
            // Somebody else was faster.
            Err(error) if error.code == ErrorCode::ObjectNotFound => Ok(not_verified()),
            Err(error) => Err(error),
        }
    }
}
