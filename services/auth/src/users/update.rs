//! Changing a user.

use async_trait::async_trait;
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{OperationResult, Owned, RequestContext, UpdateRequest, operation::Operation as Kind};
use serde_json::{Map, Value as Json, json};

use super::{acl, before_save::Parts, create, identity, names};
use crate::{
    caller::Caller,
    emails::{Addressed, MailPlan},
    json::{self, delete},
    passwords::NewPassword,
    providers::{Accepted, AuthData},
    service::AuthService,
    session::{NewSession, Origin},
    users::UserRow,
    writes::{Answer, Finish, Plan},
};

/// What an address or password that is new makes worthless: the link to choose another password.
const RESET_COLUMNS: [&str; 2] = ["_perishable_token", "_perishable_token_expires_at"];

/// What is left to do once a user has been changed.
struct ChangedUser {
    context: RequestContext,
    caller: Caller,
    user_id: String,
    has_new_password: bool,
    /// Whether a new password ends the user's sessions.
    revokes_sessions: bool,
    /// What made the session that is opened; `None` if nothing is told of it.
    origin: Option<Origin>,
    identities: Accepted,
    mail: MailPlan,
    /// What a trigger decided, and the client does not know.
    news: Map<String, Json>,
}

impl AuthService {
    /// Plans a change of a user.
    pub(crate) async fn plan_changed_user(&self, request: UpdateRequest) -> Result<Plan> {
        let context = request.context.clone().unwrap_or_default();
        let caller = Caller::of_writer(request.context.as_ref(), "update")?;
        let user_id = request.object_id.clone();
        let mut body = json::object(&request.body)?;
        let sent = body.shift_remove("authData");
        let password = take_password(&mut body)?;
        // The column of older tokens: nobody chooses his own.
        body.shift_remove("sessionToken");
        self.fold_names(&mut body);
        if caller == Caller::Public {
            let text = format!("Cannot modify user {user_id}.");
            return Err(ParseError::sanitised(ErrorCode::SessionMissing, text));
        }
        acl::check(body.get("ACL"))?;

        // What only a writer may learn of is not looked at for anybody else.
        let mut user = match password.is_some() || sent.is_some() {
            true => Some(self.writable_user(&context, &caller, &user_id).await?),
            false => None,
        };
        let linked = identity::read(sent.as_ref())?;
        let providers = linked.as_ref().map(AuthData::names).unwrap_or_default();
        let identities = match linked {
            None => Accepted::default(),
            Some(linked) => self.identities(&context).link(&user_id, linked).await?,
        };
        create::check_email_verified(&body, &caller)?;
        names::check_present(&body)?;
        let parts = Parts { body, password, identities: sent };
        let (parts, news) = self.before_change(&request, &caller, parts).await?;
        let identities = if parts.identities.is_some() { identities } else { Accepted::default() };
        let Parts { mut body, password, identities: sent } = parts;
        if password.is_some() && user.is_none() {
            user = Some(self.writable_user(&context, &caller, &user_id).await?);
        }
        if password.is_some() || names::has_one(&body) {
            self.check_change(&request, &caller, &body).await?;
        }
        let mut columns = Map::new();
        let identity_condition = identity::add_columns(&identities, &mut columns);
        if let Some(password) = &password {
            let user = user.as_ref().ok_or_else(json::internal)?;
            let new = new_password(password, &body, user);
            self.passwords.check(&self.config.accounts.passwords, &new).await?;
        }
        self.check_names(&context, &body, &user_id).await?;
        if let (Some(password), Some(user)) = (&password, &user) {
            let new = new_password(password, &body, user);
            columns.extend(self.passwords.columns(&self.config.accounts.passwords, &new).await?);
        }
        if password.is_some() || body.contains_key("email") {
            let given = RESET_COLUMNS.into_iter().filter(|column| !body.contains_key(*column));
            columns.extend(given.map(|column| (column.to_owned(), delete())));
        }
        let addressed = Addressed {
            context: &context,
            user_id: &user_id,
            is_new: false,
            email: body.get("email").and_then(Json::as_str),
            body: &body,
            identities: sent.as_ref(),
        };
        let mail = self.plan_mail(&addressed).await?;
        columns.extend(mail.columns.clone());
        if let Some(rights) = body.get_mut("ACL") {
            *rights = acl::of_changed_user(rights, &user_id, &caller);
        }

        let condition = conditions(identity_condition, password.is_some(), user.as_ref(), &self.config.accounts);
        let operation = Kind::Update(UpdateRequest {
            body: json::bytes(body),
            owned: Some(Owned {
                columns: json::bytes(columns),
                r#where: condition.map(|condition| condition.to_string().into()).unwrap_or_default(),
                ..Owned::default()
            }),
            ..request
        });
        let origin = (!providers.is_empty()).then_some(Origin::Identity(providers));
        let has_new_password = password.is_some();
        let revokes_sessions = self.config.accounts.revoke_sessions_on_password_change;
        let finish = ChangedUser {
            context,
            caller,
            user_id,
            has_new_password,
            revokes_sessions,
            origin,
            identities,
            mail,
            news,
        };
        Ok(Plan { operation: Some(operation), finish: Box::new(finish) })
    }

    /// Refuses who may not change this user, or not like this, before he is told which names are taken. Keys of the app may
    /// change everybody: that there is nobody shows later.
    async fn check_change(&self, request: &UpdateRequest, caller: &Caller, body: &Map<String, Json>) -> Result<()> {
        let body = json::bytes(body.clone());
        let change = UpdateRequest { body, owned: Some(Owned::default()), ..request.clone() };
        match self.data.check(Kind::Update(change)).await {
            Err(error) if error.code == ErrorCode::ObjectNotFound && caller.is_privileged() => Ok(()),
            outcome => outcome.map_err(|error| refusal_of(caller, error)),
        }
    }

    /// The user, if the caller may write it.
    ///
    /// # Errors
    /// 101 for a key of the app and 206 for others if there is none.
    async fn writable_user(&self, context: &RequestContext, caller: &Caller, id: &str) -> Result<UserRow> {
        let found = UserRow::by_id(&self.rows, context, id).await?;
        let writable = found.filter(|user| acl::may_write(user, caller, context));
        writable.ok_or_else(|| refusal_of(caller, ParseError::object_not_found()))
    }
}

/// The password in a body.
///
/// # Errors
/// 201 for one that is nothing, 111 for one that is no text.
pub(super) fn take_password(body: &mut Map<String, Json>) -> Result<Option<String>> {
    match body.shift_remove("password") {
        None => Ok(None),
        Some(Json::String(password)) if !password.is_empty() => Ok(Some(password)),
        Some(Json::Null | Json::String(_)) => Err(create::password_required()),
        Some(other) if json::is_delete(&other) => Err(create::password_required()),
        Some(other) => Err(json::not_a_text("password", &other)),
    }
}

fn new_password<'a>(password: &'a str, body: &'a Map<String, Json>, user: &'a UserRow) -> NewPassword<'a> {
    NewPassword {
        password,
        username: body.get("username").and_then(Json::as_str).or(user.username.as_deref()),
        present: user.hash.as_deref(),
        earlier: user.earlier_hashes.as_deref().unwrap_or_default(),
    }
}

/// What must still be so when the change is made: what the identities say, and the password that the new one was compared with.
fn conditions(
    identities: Option<Json>,
    has_new_password: bool,
    user: Option<&UserRow>,
    accounts: &parsefleet_runtime::config::Accounts,
) -> Option<Json> {
    let present = user.filter(|_| has_new_password && accounts.passwords.history > 0).map(|user| match &user.hash {
        Some(hash) => json!({ "_hashed_password": hash }),
        None => json!({ "_hashed_password": { "$exists": false } }),
    });
    match (identities, present) {
        (Some(identities), Some(present)) => Some(json!({ "$and": [identities, present] })),
        (identities, present) => identities.or(present),
    }
}

/// What somebody is told of a user that he cannot write, or that is not there.
pub(super) fn refusal_of(caller: &Caller, error: ParseError) -> ParseError {
    if error.code == ErrorCode::ObjectNotFound && !caller.is_privileged() {
        return ParseError::sanitised(ErrorCode::SessionMissing, "Insufficient auth.");
    }
    error
}

#[async_trait]
impl Finish for ChangedUser {
    fn refusal(&self, error: ParseError) -> ParseError {
        refusal_of(&self.caller, error)
    }

    fn ends_sessions_of(&self) -> Option<&str> {
        (self.has_new_password && self.revokes_sessions).then_some(self.user_id.as_str())
    }

    async fn complete(self: Box<Self>, service: &AuthService, result: OperationResult) -> Result<Answer> {
        service.news.user_changed(&self.user_id).await;
        let mut added = Vec::new();
        if let Some(user_id) = self.ends_sessions_of().filter(|_| !result.repeated) {
            service.end_sessions_of(&self.context, user_id).await?;
        }
        if self.has_new_password {
            // Whoever changes another one's password is not let in as that one.
            if self.caller.is_user(&self.user_id) {
                let session = NewSession::of(&self.user_id, self.origin, &self.context);
                added.push(("sessionToken", service.open_session(&self.context, session).await?.into()));
            }
        }
        added.extend(identity::response(&self.identities));
        self.mail.complete(service, false, result.repeated).await?;
        Ok(Answer { body: json::with(&json::with_news(result.body, self.news)?, added)?, ..Answer::default() })
    }
}
