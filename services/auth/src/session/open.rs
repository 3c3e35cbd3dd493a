//! Opening sessions, and ending those that a new one or a new password replaces.

use parsefleet_core::error::Result;
use parsefleet_proto::v1::RequestContext;
use serde_json::{Map, Value as Json, json};

use super::SessionRow;
use crate::{clock, json::user_pointer, random, rows::Search, service::AuthService};

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
        Self { user_id: user_id.to_owned(), origin, installation_id: context.installation_id.clone() }
    }
}

impl AuthService {
    /// Opens a session, and tells its token.
    pub(crate) async fn open_session(&self, context: &RequestContext, session: NewSession) -> Result<String> {
        let token = random::session_token();
        let mut row = self.columns_of_session(&token, &session.user_id, session.origin.as_ref());
        if !session.installation_id.is_empty() {
            row.insert("installationId".to_owned(), session.installation_id.clone().into());
            self.end_replaced(context, &session.user_id, &json!(session.installation_id), &token).await?;
        }
        let _: SessionRow = self.rows.insert(context, "_Session", &Json::Object(row)).await?;
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

    /// Ends the other sessions that a user has on an installation: a device has one.
    pub(super) async fn end_replaced(
        &self,
        context: &RequestContext,
        user_id: &str,
        installation_id: &Json,
        token: &str,
    ) -> Result<()> {
        let filter = json!({
            "user": user_pointer(user_id), "installationId": installation_id, "sessionToken": { "$ne": token },
        });
        self.end_sessions(context, &filter).await
    }

    /// Ends all sessions of a user.
    pub(crate) async fn end_sessions_of(&self, context: &RequestContext, user_id: &str) -> Result<()> {
        self.end_sessions(context, &json!({ "user": user_pointer(user_id) })).await
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
