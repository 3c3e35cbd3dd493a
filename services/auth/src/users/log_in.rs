//! Logging in by password, and for the master key without one.

mod credentials;

use parsefleet_core::{Date, ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{CredentialsRequest, GetRequest, LogInAsRequest, RequestContext, UserResponse};
use serde_json::{Map, Value as Json, json};

pub(crate) use self::credentials::{Credentials, invalid_credentials};
use super::{UserRow, identity};
use crate::{
    caller::{self, Caller},
    clock, json,
    providers::Accepted,
    roles,
    rows::{Search, Touch},
    service::AuthService,
    session::{NewSession, Origin},
    triggers::{Moment, Question},
};

impl AuthService {
    /// Opens a session for whoever knows a user's password.
    ///
    /// # Errors
    /// 101 for what is wrong, whether it is the name or the password; 205 for an address that has to be verified first.
    #[tracing::instrument(name = "auth.log_in", skip_all)]
    pub(crate) async fn log_in_user(&self, request: CredentialsRequest) -> Result<UserResponse> {
        let context = request.context.clone().unwrap_or_default();
        let caller = Caller::of(request.context.as_ref())?;
        let credentials = Credentials::parse(&request.credentials)?;
        let user = self.authenticate(&context, &caller, &credentials).await?;
        let identities = self.further_identities(&context, &user, &credentials).await?;
        self.check_age(&context, &user).await?;
        self.before_log_in(&context, &request.mount_url, &user.object_id).await?;
        let service = self.clone();
        self.to_the_end(async move { service.let_in(context, caller, user, identities, request.mount_url).await }).await
    }

    /// Tells whether a password is right, and whose it is.
    #[tracing::instrument(name = "auth.verify_password", skip_all)]
    pub(crate) async fn check_password(&self, request: CredentialsRequest) -> Result<UserResponse> {
        let context = request.context.clone().unwrap_or_default();
        let caller = Caller::of(request.context.as_ref())?;
        let credentials = Credentials::parse(&request.credentials)?;
        let user = self.authenticate(&context, &caller, &credentials).await?;
        let seen = self.user_as_seen(&context, &caller, &user.object_id, request.mount_url).await?;
        Ok(UserResponse { body: json::bytes(seen) })
    }

    /// Opens a session for any user.
    ///
    /// # Errors
    /// 119 for everybody but the master key, 162 without a user, 101 for one that is not there.
    #[tracing::instrument(name = "auth.log_in_as", skip_all)]
    pub(crate) async fn log_in_as_user(&self, request: LogInAsRequest) -> Result<UserResponse> {
        let context = request.context.clone().unwrap_or_default();
        let refused = |text: &str| Err(ParseError::sanitised(ErrorCode::OperationForbidden, text));
        match Caller::of(request.context.as_ref())? {
            Caller::Master => {}
            Caller::ReadOnlyMaster => return refused("read-only masterKey isn't allowed to login as another user."),
            Caller::Public | Caller::User(_) | Caller::Maintenance => return refused("master key is required"),
        }
        let given: Json = serde_json::from_slice(&request.user_id).unwrap_or(Json::Null);
        if !parsefleet_core::acl::is_truthy(&given) {
            let text = "userId must not be empty, null, or undefined";
            return Err(ParseError::new(ErrorCode::InvalidValue, text));
        }
        let not_found = || ParseError::new(ErrorCode::ObjectNotFound, "user not found");
        let id = given.as_str().ok_or_else(not_found)?;
        let user = UserRow::by_id(&self.rows, &context, id).await?.ok_or_else(not_found)?;
        let session = NewSession::of(&user.object_id, Some(Origin::MasterKey), &context);
        let token = self.open_session(&context, session).await?;
        let mut seen = self.user_as_seen(&context, &Caller::Master, &user.object_id, request.mount_url).await?;
        seen.insert("sessionToken".to_owned(), token.into());
        Ok(UserResponse { body: json::bytes(seen) })
    }

    /// The user whose name, or address, and password these are. Somebody who is not there is looked for as long.
    ///
    /// # Errors
    /// 101 if there is none, or the account is locked; 205 for an address that has to be verified first.
    pub(crate) async fn authenticate(
        &self,
        context: &RequestContext,
        caller: &Caller,
        credentials: &Credentials,
    ) -> Result<UserRow> {
        let found = self.find_by_name(context, credentials).await?;
        let lockout = self.config.accounts.lockout.as_ref();
        if let (Some(lockout), Some(user)) = (lockout, &found)
            && crate::passwords::is_locked(lockout, user)
        {
            return Err(crate::passwords::locked(lockout));
        }
        let hash = found.as_ref().and_then(|user| user.hash.as_deref());
        let is_right = self.passwords.matches(credentials.password(), hash).await?;
        let user = found.ok_or_else(invalid_credentials)?;
        if let Some(lockout) = lockout {
            crate::passwords::note_attempt(&self.rows, context, lockout, &user, is_right).await?;
        }
        if !is_right || (*caller != Caller::Master && user.is_shut_out()) {
            return Err(invalid_credentials());
        }
        if !(caller.is_privileged() && credentials.ignores_verification()) {
            self.check_verified(context, &user, credentials.identities()).await?;
        }
        Ok(user)
    }

    async fn find_by_name(&self, context: &RequestContext, credentials: &Credentials) -> Result<Option<UserRow>> {
        let username = |text: &str| self.username_in_either_case(text);
        let email = |text: &str| self.email_in_either_case(text);
        let filter = match (credentials.username(), credentials.email()) {
            (Some(name), Some(address)) => json!({ "email": email(address), "username": username(name) }),
            (None, Some(address)) => json!({ "email": email(address) }),
            (Some(name), None) => json!({ "$or": [{ "username": username(name) }, { "email": email(name) }] }),
            (None, None) => return Ok(None),
        };
        // A name may be another one's address.
        let search = Search { filter, limit: 10, ..Search::default() };
        let mut found: Vec<UserRow> = self.rows.find(context, "_User", &search).await?;
        if found.len() > 1 {
            let wanted = credentials.username().unwrap_or_default();
            let lower = wanted.to_lowercase();
            let rank = |user: &UserRow| match user.username.as_deref() {
                Some(name) if name == wanted => 0,
                Some(name) if self.config.accounts.convert_username_to_lowercase && name == lower => 1,
                _ => 2,
            };
            found.sort_by_key(rank);
        }
        Ok(found.into_iter().next())
    }

    /// What the user's providers ask for beside the password.
    async fn further_identities(
        &self,
        context: &RequestContext,
        user: &UserRow,
        credentials: &Credentials,
    ) -> Result<Accepted> {
        let mut row = Map::from_iter([("objectId".to_owned(), user.object_id.clone().into())]);
        if let Some(stored) = &user.auth_data {
            row.insert("authData".to_owned(), Json::Object(stored.clone()));
        }
        self.identities(context).accompany(&row, identity::read(credentials.identities())?).await
    }

    /// Refuses a password that is too old. One whose age is not known is as old as its first log-in.
    async fn check_age(&self, context: &RequestContext, user: &UserRow) -> Result<()> {
        let Some(most) = self.config.accounts.passwords.max_age else { return Ok(()) };
        let now = clock::now();
        match user.password_changed_at {
            Some(changed) if is_too_old(changed.0, most, now) => {
                let text = "Your password has expired. Please reset your password.";
                Err(ParseError::new(ErrorCode::ObjectNotFound, text))
            }
            Some(_) => Ok(()),
            None => {
                let filter = json!({ "objectId": user.object_id, "_password_changed_at": { "$exists": false } });
                let changes = json!({ "_password_changed_at": clock::to_json(now) });
                let _: Option<UserRow> = self.rows.change(context, "_User", &filter, &changes, Touch::No).await?;
                Ok(())
            }
        }
    }

    /// Stores what identities came to, opens the session, and shows the user.
    async fn let_in(
        &self,
        context: RequestContext,
        caller: Caller,
        user: UserRow,
        identities: Accepted,
        mount_url: String,
    ) -> Result<UserResponse> {
        self.identities(&context).store(&user.object_id, &identities).await?;
        let session = NewSession::of(&user.object_id, Some(Origin::LogIn), &context);
        let token = self.open_session(&context, session).await?;
        self.check_same_password(&context, &user, &token).await?;
        self.after_log_in(&context, &caller, &user.object_id, &token, &mount_url).await?;
        let mut seen = self.user_as_seen(&context, &caller, &user.object_id, mount_url).await?;
        seen.insert("sessionToken".to_owned(), token.into());
        seen.extend(identity::response(&identities).map(|(name, response)| (name.to_owned(), response)));
        Ok(UserResponse { body: json::bytes(seen) })
    }

    /// Asks the app whether somebody who proved to be a user may come in.
    pub(super) async fn before_log_in(&self, context: &RequestContext, mount_url: &str, user_id: &str) -> Result<()> {
        if !self.triggers.has(Moment::BeforeLogin).await? {
            return Ok(());
        }
        let question = Question { context, mount_url, object_id: user_id, object: Map::new() };
        self.triggers.ask(Moment::BeforeLogin, question).await.map(drop)
    }

    /// Tells the app who has got a session. It hears of it from the user himself, unless a key of the app logged him in.
    async fn after_log_in(
        &self,
        context: &RequestContext,
        caller: &Caller,
        user_id: &str,
        token: &str,
        mount_url: &str,
    ) -> Result<()> {
        if !self.triggers.has(Moment::AfterLogin).await? {
            return Ok(());
        }
        let context = match caller.is_privileged() {
            true => context.clone(),
            false => {
                RequestContext { session_token: token.to_owned(), ..caller::as_user(context, user_id, Vec::new()) }
            }
        };
        let object = Map::from_iter([("sessionToken".to_owned(), token.into())]);
        let question = Question { context: &context, mount_url, object_id: user_id, object };
        self.triggers.ask(Moment::AfterLogin, question).await.map(drop)
    }

    /// Takes a session back whose user has got another password meanwhile: it was opened too late to be ended with the others.
    async fn check_same_password(&self, context: &RequestContext, user: &UserRow, token: &str) -> Result<()> {
        let filter = json!({ "objectId": user.object_id, "_hashed_password": user.hash });
        let search = Search { filter, limit: 1, keys: &["objectId"], ..Search::default() };
        let found: Vec<UserRow> = self.rows.find(context, "_User", &search).await?;
        if found.is_empty() {
            self.rows.remove(context, "_Session", &json!({ "sessionToken": token })).await?;
            return Err(invalid_credentials());
        }
        Ok(())
    }

    /// The user as it sees itself; as the app sees it, for a key of the app. Where it may not even see itself, its id.
    async fn user_as_seen(
        &self,
        context: &RequestContext,
        caller: &Caller,
        user_id: &str,
        mount_url: String,
    ) -> Result<Map<String, Json>> {
        let context = match caller.is_privileged() {
            true => context.clone(),
            false => caller::as_user(context, user_id, roles::of_user(&self.objects, context, user_id).await?),
        };
        let request = GetRequest {
            context: Some(context),
            class_name: "_User".to_owned(),
            object_id: user_id.to_owned(),
            mount_url,
            ..GetRequest::default()
        };
        let mut seen = match self.data.get(request).await {
            Ok(user) => json::object(&user).map_err(|_| json::internal())?,
            Err(error) => {
                tracing::debug!(code = error.code as i32, "a user may not see itself");
                Map::from_iter([("objectId".to_owned(), user_id.into())])
            }
        };
        // Internal columns, which the maintenance key sees elsewhere.
        seen.retain(|name, _| name == "__type" || !name.starts_with('_'));
        Ok(seen)
    }
}

fn is_too_old(changed: Date, most: std::time::Duration, now: Date) -> bool {
    clock::after(changed, most) < now
}
