//! From a session token to the user it stands for.

use parsefleet_core::{Date, ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{LogOutRequest, LogOutResponse, RequestContext, ResolveRequest, ResolveResponse};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::SessionRow;
use crate::{
    caller::Caller,
    clock, roles,
    rows::{Search, Touch},
    service::AuthService,
    triggers::{Moment, Question},
};

/// A user, of whom nothing has to be known but that there is one.
#[derive(Deserialize)]
struct Somebody {}

impl AuthService {
    /// Who a token belongs to.
    ///
    /// # Errors
    /// 209 for a token that is unknown or expired.
    #[tracing::instrument(name = "auth.resolve", skip_all)]
    pub(crate) async fn resolve_token(&self, request: ResolveRequest) -> Result<ResolveResponse> {
        let context = request.context.unwrap_or_default();
        let (session, user_id) = self.session_of_user(&context, &request.session_token).await?;
        let roles = roles::of_user(&self.objects, &context, &user_id).await?;
        let expires_at = self.extend_session(&context, &session).await;
        Ok(ResolveResponse { user_id, roles, expires_at: expires_at.map(|date| date.0), session_id: session.object_id })
    }

    /// Ends the session of a token. Without one there is nothing to end.
    ///
    /// # Errors
    /// 209 for a token that is unknown or expired; a key of the app is not asked whose session it is.
    #[tracing::instrument(name = "auth.log_out", skip_all)]
    pub(crate) async fn end_session(&self, request: LogOutRequest) -> Result<LogOutResponse> {
        let context = request.context.unwrap_or_default();
        if request.session_token.is_empty() {
            return Ok(LogOutResponse {});
        }
        if !Caller::of(Some(&context))?.is_privileged() {
            self.session(&context, &request.session_token).await?;
        }
        let filter = json!({ "sessionToken": request.session_token });
        let ended = match self.triggers.has(Moment::AfterLogout).await? {
            true => self.shown_session(&context, &filter).await?,
            false => None,
        };
        self.rows.remove(&context, "_Session", &filter).await?;
        self.news.sessions_ended(&[request.session_token]).await;
        if let Some(session) = ended {
            let question = Question { context: &context, mount_url: "", object_id: "", object: session };
            self.triggers.ask(Moment::AfterLogout, question).await?;
        }
        Ok(LogOutResponse {})
    }

    /// A session as the app may see it.
    async fn shown_session(&self, context: &RequestContext, filter: &Json) -> Result<Option<Map<String, Json>>> {
        let search = Search { filter: filter.clone(), limit: 1, ..Search::default() };
        let mut found: Vec<Map<String, Json>> = self.rows.find(context, "_Session", &search).await?;
        let mut session = found.pop();
        if let Some(session) = &mut session {
            session.retain(|name, _| !name.starts_with('_'));
        }
        Ok(session)
    }

    /// The session with this token, if it is in force.
    ///
    /// # Errors
    /// 209 if there is none, or if it has expired.
    async fn session(&self, context: &RequestContext, token: &str) -> Result<SessionRow> {
        let filter = json!({ "sessionToken": token });
        let keys = &["user", "expiresAt", "updatedAt"];
        let search = Search { filter, limit: 1, keys, ..Search::default() };
        let found: Vec<SessionRow> = self.rows.find(context, "_Session", &search).await?;
        let session = found.into_iter().next().ok_or_else(unknown)?;
        if session.is_expired(clock::now()) {
            return Err(ParseError::new(ErrorCode::InvalidSessionToken, "Session token is expired."));
        }
        Ok(session)
    }

    /// The same with its user.
    ///
    /// # Errors
    /// 209 if the user is gone, too.
    async fn session_of_user(&self, context: &RequestContext, token: &str) -> Result<(SessionRow, String)> {
        let session = self.session(context, token).await?;
        let user_id = session.user.as_ref().ok_or_else(unknown)?.object_id.clone();
        if user_id.starts_with("role:") {
            // An id like this would pass for a role in every ACL.
            return Err(ParseError::new(ErrorCode::InternalServerError, "Invalid object ID."));
        }
        let filter = json!({ "objectId": user_id });
        let search = Search { filter, limit: 1, keys: &["objectId"], ..Search::default() };
        let users: Vec<Somebody> = self.rows.find(context, "_User", &search).await?;
        if users.is_empty() {
            return Err(unknown());
        }
        Ok((session, user_id))
    }

    /// Extends a session that is used, once half of its time has passed since it was made or extended. When it ends.
    async fn extend_session(&self, context: &RequestContext, session: &SessionRow) -> Option<Date> {
        let sessions = &self.config.sessions;
        let ends = session.expires_at.map(|moment| moment.0);
        let now = clock::now();
        let half_life = clock::before(now, sessions.length / 2);
        let is_old = session.updated_at.is_some_and(|moment| moment.0 <= half_life);
        if !(sessions.extend_on_use && sessions.expire && is_old) {
            return ends;
        }
        let extended = clock::after(now, sessions.length);
        // Only once, however many use it at the same time.
        let filter = json!({ "objectId": session.object_id, "updatedAt": { "$lte": clock::to_json(half_life) } });
        let changes = json!({ "expiresAt": clock::to_json(extended) });
        match self.rows.change::<SessionRow>(context, "_Session", &filter, &changes, Touch::Yes).await {
            Ok(Some(_)) => Some(extended),
            Ok(None) => ends,
            Err(error) => {
                tracing::warn!(%error, "a session could not be extended");
                ends
            }
        }
    }
}

fn unknown() -> ParseError {
    ParseError::new(ErrorCode::InvalidSessionToken, "Invalid session token")
}
