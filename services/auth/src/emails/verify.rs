//! Opening the link of a verification mail.

use parsefleet_core::error::Result;
use parsefleet_proto::v1::{VerifyEmailRequest, VerifyEmailResponse};
use serde_json::json;

use super::link::Purpose;
use crate::{clock, json::delete, rows::Touch, service::AuthService, users::UserRow};

impl AuthService {
    /// Verifies the address of whoever has this token, in one operation: a link works once.
    #[tracing::instrument(name = "auth.verify_email", skip_all)]
    pub(crate) async fn verify_address(&self, request: VerifyEmailRequest) -> Result<VerifyEmailResponse> {
        let verification = &self.config.user_mail.verification;
        if verification.is_asked.is_never() || request.token.is_empty() {
            return Ok(VerifyEmailResponse { verified: false });
        }
        let context = request.context.unwrap_or_default();
        let (token, expiry) = (Purpose::Verify.column(), Purpose::Verify.expiry_column());
        let mut filter = json!({ token: request.token });
        let mut changes = json!({ "emailVerified": true, token: delete() });
        if verification.token_validity.is_some() {
            filter["emailVerified"] = false.into();
            filter[expiry] = json!({ "$gt": clock::to_json(clock::now()) });
            changes[expiry] = delete();
        }
        let verified: Option<UserRow> = self.rows.change(&context, "_User", &filter, &changes, Touch::Yes).await?;
        if let Some(user) = &verified {
            self.news.user_changed(&user.object_id).await;
        }
        Ok(VerifyEmailResponse { verified: verified.is_some() })
    }
}
