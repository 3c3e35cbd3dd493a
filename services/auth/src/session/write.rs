//! Writes to `_Session` as clients ask for them.

use async_trait::async_trait;
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{
    CreateRequest, DeleteRequest, OperationResult, Owned, RequestContext, UpdateRequest, operation::Operation as Kind,
};
use serde_json::{Map, Value as Json, json};

use super::{Origin, SessionRow};
use crate::{
    caller::{self, Caller},
    json::{self, user_pointer},
    new_id, random,
    rows::Search,
    service::AuthService,
    writes::{Answer, Finish, Plan},
};

/// What a user cannot choose of a session that he opens.
const NOT_CHOSEN: [&str; 5] = ["objectId", "user", "sessionToken", "expiresAt", "createdWith"];

/// What is left to do once a user has opened another session.
struct OpenedSession {
    context: RequestContext,
    token: String,
    /// Sessions that it replaces.
    replaced: Vec<SessionRow>,
    /// The session, but for its id.
    shown: Map<String, Json>,
}

/// What is left to do once the master key has stored a session.
struct StoredSession {
    context: RequestContext,
    replaced: Vec<SessionRow>,
}

/// What is left to do once the master key has changed a session.
struct ChangedSession {
    session_id: String,
}

struct EndedSession {
    token: Option<String>,
}

impl AuthService {
    /// Plans another session of the caller; with the master key, whatever row is sent.
    pub(crate) async fn plan_new_session(&self, request: CreateRequest) -> Result<Plan> {
        let context = request.context.clone().unwrap_or_default();
        let caller = Caller::of_writer(request.context.as_ref(), "create")?;
        let body = json::object(&request.body)?;
        new_id::check(&body, self.config.objects.allow_custom_object_id)?;
        let user_id = match &caller {
            Caller::Public | Caller::ReadOnlyMaster => return Err(token_required()),
            Caller::Maintenance | Caller::Master => None,
            Caller::User(id) => Some(id.as_str()),
        };
        refuse_acl(&body)?;
        let Some(user_id) = user_id else {
            let replaced = self.replaced_by(&context, &body).await?;
            let operation = Kind::Create(CreateRequest { owned: Some(Owned::default()), ..request });
            return Ok(Plan { operation: Some(operation), finish: Box::new(StoredSession { context, replaced }) });
        };

        // What he sends has to be right even where it is not taken.
        let sent = CreateRequest { owned: Some(Owned::default()), ..request.clone() };
        self.data.check(Kind::Create(sent)).await?;
        let token = random::session_token();
        let mut shown = self.columns_of_session(&token, user_id, Some(&Origin::Create));
        let chosen: Map<String, Json> =
            body.into_iter().filter(|(name, _)| !NOT_CHOSEN.contains(&name.as_str())).collect();
        let replaced = match chosen.get("installationId") {
            None => Vec::new(),
            Some(installation) => self.sessions_on(&context, user_id, installation).await?,
        };
        // In this order they are stored, and shown from then on.
        shown.extend(chosen);
        let operation = Kind::Create(CreateRequest {
            context: Some(caller::as_master(&context)),
            body: json::bytes(Map::new()),
            owned: Some(Owned { columns: json::bytes(shown.clone()), ..Owned::default() }),
            ..request
        });
        let finish = OpenedSession { context, token, replaced, shown };
        Ok(Plan { operation: Some(operation), finish: Box::new(finish) })
    }

    /// Plans a change of a session.
    pub(crate) fn plan_changed_session(&self, request: UpdateRequest) -> Result<Plan> {
        let caller = Caller::of_writer(request.context.as_ref(), "update")?;
        let body = json::object(&request.body)?;
        let own_id = match &caller {
            Caller::Public | Caller::ReadOnlyMaster => return Err(token_required()),
            Caller::Master => None,
            // Whose session would it be?
            Caller::Maintenance => Some(""),
            Caller::User(id) => Some(id.as_str()),
        };
        refuse_acl(&body)?;
        check_changes(&body, own_id, caller.is_privileged())?;
        let condition = own_id.map(|id| json!({ "user": user_pointer(id) }).to_string().into());
        let finish = ChangedSession { session_id: request.object_id.clone() };
        let owned = Owned { r#where: condition.unwrap_or_default(), ..Owned::default() };
        let operation = Kind::Update(UpdateRequest { owned: Some(owned), ..request });
        Ok(Plan { operation: Some(operation), finish: Box::new(finish) })
    }

    /// Plans the end of a session.
    pub(crate) async fn plan_removed_session(&self, request: DeleteRequest) -> Result<Plan> {
        let context = request.context.clone().unwrap_or_default();
        let caller = Caller::of_writer(request.context.as_ref(), "delete")?;
        let filter = match &caller {
            Caller::Public | Caller::Maintenance | Caller::ReadOnlyMaster => {
                return Err(ParseError::sanitised(ErrorCode::InvalidSessionToken, "Invalid session token"));
            }
            Caller::Master => json!({ "objectId": request.object_id }),
            Caller::User(id) => json!({ "objectId": request.object_id, "user": user_pointer(id) }),
        };
        let search = Search { filter, limit: 1, keys: &["sessionToken"], ..Search::default() };
        let found: Vec<SessionRow> = self.rows.find(&context, "_Session", &search).await?;
        let Some(session) = found.into_iter().next() else {
            return Err(ParseError::new(ErrorCode::ObjectNotFound, "Object not found for delete."));
        };
        // A session does not change hands: it is still the caller's when it is removed.
        let operation = Kind::Delete(DeleteRequest { owned: Some(Owned::default()), ..request });
        Ok(Plan { operation: Some(operation), finish: Box::new(EndedSession { token: session.token }) })
    }

    /// The sessions that a row of the master key replaces.
    async fn replaced_by(&self, context: &RequestContext, body: &Map<String, Json>) -> Result<Vec<SessionRow>> {
        let user = body.get("user").and_then(|user| user.get("objectId")).and_then(Json::as_str);
        match (user, body.get("installationId")) {
            (Some(user), Some(installation @ Json::String(_))) => self.sessions_on(context, user, installation).await,
            _ => Ok(Vec::new()),
        }
    }
}

/// What nobody, or nobody but a key of the app, changes of a session.
fn check_changes(body: &Map<String, Json>, own_id: Option<&str>, is_privileged: bool) -> Result<()> {
    let user = body.get("user").map(|user| user.get("objectId").and_then(Json::as_str));
    let changes_hands = user.is_some_and(|user| own_id.is_some() && user != own_id);
    let forbidden = [
        ("user", changes_hands),
        ("installationId", body.contains_key("installationId")),
        ("sessionToken", body.contains_key("sessionToken")),
        ("expiresAt", body.contains_key("expiresAt") && !is_privileged),
        ("createdWith", body.contains_key("createdWith") && !is_privileged),
    ];
    match forbidden.into_iter().find(|(_, is_changed)| *is_changed) {
        None => Ok(()),
        Some((name, _)) => Err(ParseError::new(ErrorCode::InvalidKeyName, format!("Invalid key name: {name}"))),
    }
}

fn refuse_acl(body: &Map<String, Json>) -> Result<()> {
    match body.contains_key("ACL") {
        true => Err(ParseError::new(ErrorCode::InvalidKeyName, "Cannot set ACL on a Session.")),
        false => Ok(()),
    }
}

fn token_required() -> ParseError {
    ParseError::new(ErrorCode::InvalidSessionToken, "Session token required.")
}

#[async_trait]
impl Finish for OpenedSession {
    async fn complete(mut self: Box<Self>, service: &AuthService, result: OperationResult) -> Result<Answer> {
        service.check_opened_from(&self.context, &self.context.session_token, &self.token).await?;
        service.end(&self.context, self.replaced).await?;
        self.shown.insert("objectId".to_owned(), result.object_id.clone().into());
        Ok(Answer { object_id: result.object_id, body: json::bytes(self.shown), existed: false })
    }
}

#[async_trait]
impl Finish for StoredSession {
    async fn complete(self: Box<Self>, service: &AuthService, result: OperationResult) -> Result<Answer> {
        service.end(&self.context, self.replaced).await?;
        Ok(result.into())
    }
}

#[async_trait]
impl Finish for ChangedSession {
    async fn complete(self: Box<Self>, service: &AuthService, result: OperationResult) -> Result<Answer> {
        let filter = json!({ "objectId": self.session_id });
        let search = Search { filter, limit: 1, keys: &["sessionToken"], ..Search::default() };
        let context = parsefleet_proto::v1::RequestContext::default();
        // The write is done; who remembers the session too long does so for the life of a cached answer.
        match service.rows.find::<SessionRow>(&context, "_Session", &search).await {
            Ok(found) => {
                let tokens: Vec<String> = found.into_iter().filter_map(|session| session.token).collect();
                service.news.sessions_ended(&tokens).await;
            }
            Err(error) => tracing::warn!(%error, "a session changed, and it could not be told which"),
        }
        Ok(result.into())
    }
}

#[async_trait]
impl Finish for EndedSession {
    fn refusal(&self, error: ParseError) -> ParseError {
        match error.code {
            ErrorCode::ObjectNotFound => ParseError::new(ErrorCode::ObjectNotFound, "Object not found for delete."),
            _ => error,
        }
    }

    async fn complete(self: Box<Self>, service: &AuthService, result: OperationResult) -> Result<Answer> {
        let tokens: Vec<String> = self.token.into_iter().collect();
        service.news.sessions_ended(&tokens).await;
        Ok(result.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: Json, own_id: Option<&str>, is_privileged: bool) -> Option<String> {
        let members = body.as_object().cloned().unwrap_or_default();
        check_changes(&members, own_id, is_privileged).err().map(|error| error.message)
    }

    #[test]
    fn owners_change_nothing_that_the_server_decides() {
        for name in ["installationId", "sessionToken", "expiresAt", "createdWith"] {
            assert_eq!(refused(json!({ name: "x" }), Some("u"), false), Some(format!("Invalid key name: {name}")));
        }
        assert_eq!(
            refused(json!({ "user": user_pointer("other") }), Some("u"), false).as_deref(),
            Some("Invalid key name: user")
        );
        assert_eq!(refused(json!({ "user": user_pointer("u"), "color": 1 }), Some("u"), false), None);
    }

    #[test]
    fn the_master_key_changes_more() {
        assert_eq!(refused(json!({ "user": user_pointer("o"), "expiresAt": 1, "createdWith": 1 }), None, true), None);
        assert!(refused(json!({ "sessionToken": "x" }), None, true).is_some());
        assert!(refused(json!({ "installationId": "x" }), None, true).is_some());
    }
}
