//! Sessions for tokens of an older kind, which were a column of the user.

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{
    FindRequest, RequestContext, UpgradeSessionRequest, UpgradeSessionResponse, operation::Operation as Kind,
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{NewSession, Origin};
use crate::{
    caller::{Caller, as_user},
    json::{delete, internal},
    roles,
    rows::{Search, Touch},
    service::AuthService,
    users::UserRow,
};

#[derive(Deserialize)]
struct Results<'a> {
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

impl AuthService {
    /// Opens a session for a token of an older kind, which is gone then; for one of the present kind, one more session.
    ///
    /// # Errors
    /// 101 without a token, 209 for one that nobody has, or has any more.
    #[tracing::instrument(name = "auth.upgrade_session", skip_all)]
    pub(crate) async fn upgrade_token(&self, request: UpgradeSessionRequest) -> Result<UpgradeSessionResponse> {
        let context = request.context.clone().unwrap_or_default();
        let caller = Caller::of(request.context.as_ref())?;
        let user_id = match caller {
            Caller::User(id) => id,
            Caller::Public if !request.session_token.is_empty() => {
                self.user_of_older_token(&context, &request.session_token).await?
            }
            Caller::Public | Caller::Maintenance | Caller::ReadOnlyMaster | Caller::Master => {
                return Err(ParseError::new(ErrorCode::ObjectNotFound, "invalid session"));
            }
        };
        let session = NewSession::of(&user_id, Some(Origin::Upgrade), &context).opened_from_session_of(&context);
        let token = self.open_session(&context, session).await?;
        let filter = json!({ "objectId": user_id });
        let changes = json!({ "_session_token": delete() });
        let _: Option<UserRow> = self.rows.change(&context, "_User", &filter, &changes, Touch::No).await?;
        let roles = roles::of_user(&self.objects, &context, &user_id).await?;
        let body = self.session_as_seen(&as_user(&context, &user_id, roles), &token).await?;
        Ok(UpgradeSessionResponse { body: body.into() })
    }

    async fn user_of_older_token(&self, context: &RequestContext, token: &str) -> Result<String> {
        let filter = json!({ "_session_token": token });
        let search = Search { filter, limit: 2, keys: &["objectId"], ..Search::default() };
        let found: Vec<UserRow> = self.rows.find(context, "_User", &search).await?;
        match <[UserRow; 1]>::try_from(found) {
            Ok([user]) if user.object_id.starts_with("role:") => {
                Err(ParseError::new(ErrorCode::InternalServerError, "Invalid object ID."))
            }
            Ok([user]) => Ok(user.object_id),
            Err(_) => Err(ParseError::new(ErrorCode::InvalidSessionToken, "invalid legacy session token")),
        }
    }

    /// A session with the rights of who asks.
    async fn session_as_seen(&self, context: &RequestContext, token: &str) -> Result<String> {
        let request = FindRequest {
            context: Some(context.clone()),
            class_name: "_Session".to_owned(),
            r#where: json!({ "sessionToken": token }).to_string().into(),
            ..FindRequest::default()
        };
        let answer = self.data.carry_out(Kind::Find(request)).await?;
        let found: Results<'_> = serde_json::from_slice(&answer.body).map_err(|_| internal())?;
        found
            .results
            .first()
            .map(|session| session.get().to_owned())
            .ok_or_else(|| ParseError::new(ErrorCode::InternalServerError, "Failed to load upgraded session."))
    }
}
