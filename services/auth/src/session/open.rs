//! Opening sessions, and ending those that a new one or a new password replaces.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::RequestContext;
use serde_json::{Map, Value as Json, json};

use super::SessionRow;
use crate::{clock, json::user_pointer, random, rows::Search, service::AuthService};

/// Longest wait between two tries to end sessions, and most tries: some two minutes.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const MOST_TRIES: usize = 8;

/// What a session was opened by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Signing up with a password.
    SignUp,
    /// Logging in with a password.
    LogIn,
    /// The master key, for somebody else.
    MasterKey,
    /// Identities of these providers, joined by commas.
    Identity(String),
    /// A request for another session.
    Create,
    /// A token of an older kind.
    Upgrade,
}

/// A session to be opened.
#[derive(Debug)]
pub(crate) struct NewSession {
    pub(crate) user_id: String,
    pub(crate) origin: Option<Origin>,
    /// Empty if none.
    pub(crate) installation_id: String,
    /// Token of the session that it is opened from; empty if it is opened otherwise.
    pub(crate) opened_from: String,
}

impl Origin {
    /// `createdWith`
    fn to_json(&self) -> Json {
        match self {
            Self::SignUp => json!({ "action": "signup", "authProvider": "password" }),
            Self::LogIn => json!({ "action": "login", "authProvider": "password" }),
            Self::MasterKey => json!({ "action": "login", "authProvider": "masterkey" }),
            Self::Identity(providers) => json!({ "action": "login", "authProvider": providers }),
            Self::Create => json!({ "action": "create" }),
            Self::Upgrade => json!({ "action": "upgrade" }),
        }
    }
}

impl NewSession {
    /// A session of the installation that the request comes from.
    pub(crate) fn of(user_id: &str, origin: Option<Origin>, context: &RequestContext) -> Self {
        let installation_id = context.installation_id.clone();
        Self { user_id: user_id.to_owned(), origin, installation_id, opened_from: String::new() }
    }

    /// The same, opened from the session that the request comes with.
    pub(crate) fn opened_from_session_of(self, context: &RequestContext) -> Self {
        Self { opened_from: context.session_token.clone(), ..self }
    }
}

impl AuthService {
    /// Opens a session, and tells its token. Those that it replaces are ended.
    ///
    /// # Errors
    /// 209 if it was opened from a session that has ended.
    pub(crate) async fn open_session(&self, context: &RequestContext, session: NewSession) -> Result<String> {
        let token = random::session_token();
        let mut row = self.columns_of_session(&token, &session.user_id, session.origin.as_ref());
        let mut replaced = Vec::new();
        if !session.installation_id.is_empty() {
            let installation = json!(session.installation_id);
            replaced = self.sessions_on(context, &session.user_id, &installation).await?;
            row.insert("installationId".to_owned(), installation);
        }
        let _: SessionRow = self.rows.insert(context, "_Session", &Json::Object(row)).await?;
        self.check_opened_from(context, &session.opened_from, &token).await?;
        self.end(context, replaced).await?;
        Ok(token)
    }

    /// What every session has, in the order in which answers show it.
    pub(super) fn columns_of_session(&self, token: &str, user_id: &str, origin: Option<&Origin>) -> Map<String, Json> {
        let mut columns = Map::new();
        columns.insert("sessionToken".to_owned(), token.into());
        columns.insert("user".to_owned(), user_pointer(user_id));
        if let Some(origin) = origin {
            columns.insert("createdWith".to_owned(), origin.to_json());
        }
        if self.config.sessions.expire {
            let end = clock::after(clock::now(), self.config.sessions.length);
            columns.insert("expiresAt".to_owned(), clock::to_json(end));
        }
        columns
    }

    /// The sessions that a user has on an installation: a device has one, so that a new one replaces them.
    pub(super) async fn sessions_on(
        &self,
        context: &RequestContext,
        user_id: &str,
        installation_id: &Json,
    ) -> Result<Vec<SessionRow>> {
        let filter = json!({ "user": user_pointer(user_id), "installationId": installation_id });
        let search = Search { filter, keys: &["sessionToken"], ..Search::default() };
        self.rows.find(context, "_Session", &search).await
    }

    /// Takes a session back that was opened from another one which has ended: it came too late to be ended together with that one, by
    /// a new password for example.
    ///
    /// # Errors
    /// 209 then.
    pub(super) async fn check_opened_from(&self, context: &RequestContext, from: &str, token: &str) -> Result<()> {
        if from.is_empty() {
            return Ok(());
        }
        let search = Search { filter: json!({ "sessionToken": from }), limit: 1, ..Search::default() };
        let found: Vec<SessionRow> = self.rows.find(context, "_Session", &search).await?;
        if found.is_empty() {
            self.rows.remove(context, "_Session", &json!({ "sessionToken": token })).await?;
            return Err(ParseError::new(ErrorCode::InvalidSessionToken, "Invalid session token"));
        }
        Ok(())
    }

    /// Ends these sessions.
    pub(super) async fn end(&self, context: &RequestContext, sessions: Vec<SessionRow>) -> Result<()> {
        if sessions.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = sessions.iter().map(|session| session.object_id.as_str()).collect();
        self.rows.remove(context, "_Session", &json!({ "objectId": { "$in": ids } })).await?;
        let tokens: Vec<String> = sessions.into_iter().filter_map(|session| session.token).collect();
        self.news.sessions_ended(&tokens).await;
        Ok(())
    }

    /// Ends all sessions of a user.
    pub(crate) async fn end_sessions_of(&self, context: &RequestContext, user_id: &str) -> Result<()> {
        self.end_sessions(context, &json!({ "user": user_pointer(user_id) })).await
    }

    /// The same, beyond the time of a request: tried again if data does not answer.
    pub(crate) async fn end_sessions_at_last(&self, user_id: &str) {
        let context = RequestContext::default();
        let waits = ExponentialBuilder::default().with_jitter().with_max_delay(LONGEST_WAIT).with_max_times(MOST_TRIES);
        let ending = (|| self.end_sessions_of(&context, user_id)).retry(waits).await;
        self.news.user_changed(user_id).await;
        if let Err(error) = ending {
            tracing::error!(%error, "the sessions of a user whose password may have changed could not be ended");
        }
    }

    async fn end_sessions(&self, context: &RequestContext, filter: &Json) -> Result<()> {
        let search = Search { filter: filter.clone(), keys: &["sessionToken"], ..Search::default() };
        let ended: Vec<SessionRow> = self.rows.find(context, "_Session", &search).await?;
        if self.rows.remove(context, "_Session", filter).await? == 0 {
            return Ok(());
        }
        let tokens: Vec<String> = ended.into_iter().filter_map(|session| session.token).collect();
        self.news.sessions_ended(&tokens).await;
        Ok(())
    }
}
