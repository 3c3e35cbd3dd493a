//! Signing up.

use async_trait::async_trait;
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{
    CreateRequest, GetRequest, OperationResult, Owned, RequestContext, operation::Operation as Kind,
};
use serde_json::{Map, Value as Json};

use super::{
    acl,
    before_save::{Parts, take_apart},
    identity, names,
};
use crate::{
    caller::{self, Caller},
    emails::{Addressed, MailPlan},
    json, new_id,
    passwords::NewPassword,
    providers::{Accepted, Arrival, AuthData, Returning},
    random,
    service::AuthService,
    session::{NewSession, Origin},
    users::UserRow,
    writes::{Answer, Finish, Plan},
};

/// What is left to do once a user has been stored.
struct NewUser {
    context: RequestContext,
    /// The name that was made up, if none was sent.
    given_name: Option<String>,
    /// What made the session that is opened; `None` if none is.
    origin: Option<Origin>,
    identities: Accepted,
    mail: MailPlan,
    /// What a trigger decided, and the client does not know.
    news: Map<String, Json>,
}

/// What is left to do for a user who logs in with an identity.
struct ReturningUser {
    context: RequestContext,
    mount_url: String,
    known: Box<Returning>,
    /// What made the session that is opened; `None` if none is.
    origin: Option<Origin>,
}

impl AuthService {
    /// Plans a sign-up. The order of the checks is Parse Server's: it decides which error is told.
    pub(crate) async fn plan_new_user(&self, request: CreateRequest, decided_id: Option<String>) -> Result<Plan> {
        let context = request.context.clone().unwrap_or_default();
        let caller = Caller::of_writer(request.context.as_ref(), "create")?;
        let body = json::object(&request.body)?;
        let id = self.id_of_new_user(&body, decided_id)?;
        let Parts { mut body, password, identities: sent } = take_apart(body)?;
        acl::check(body.get("ACL"))?;
        self.fold_names(&mut body);

        let arriving = check_identification(&body, password.is_some(), sent.as_ref())?;
        let providers = arriving.as_ref().map(AuthData::names).unwrap_or_default();
        let identities = match arriving {
            None => Accepted::default(),
            Some(arriving) => match self.identities(&context).arrive(arriving).await? {
                Arrival::New(accepted) => accepted,
                Arrival::Known(known) => {
                    self.check_verified_identity(&context, &caller, &known, sent.as_ref()).await?;
                    let id = known.row.get("objectId").and_then(Json::as_str).unwrap_or_default();
                    self.before_log_in(&context, &request.mount_url, id).await?;
                    let opens_session = !known.was_in && !caller::is_cloud(&context);
                    let origin = opens_session.then_some(Origin::Identity(providers));
                    let finish = ReturningUser { context, mount_url: request.mount_url, known, origin };
                    return Ok(Plan { operation: None, finish: Box::new(finish) });
                }
            },
        };
        check_email_verified(&body, &caller)?;
        let parts = Parts { body, password, identities: sent };
        let (parts, news) = self.before_sign_up(&request, parts).await?;
        let identities = if parts.identities.is_some() { identities } else { Accepted::default() };
        let Parts { mut body, password, identities: sent } = parts;
        // Who may not sign up, or not like this, is not told which names are taken.
        let sign_up =
            CreateRequest { body: json::bytes(body.clone()), owned: Some(Owned::default()), ..request.clone() };
        self.data.check(Kind::Create(sign_up)).await?;
        let mut columns = match &password {
            None => Map::new(),
            Some(password) => self.columns_of_new_password(&context, &mut body, &id, password).await?,
        };
        let given_name = name_if_missing(&mut body);
        if password.is_none() {
            self.check_names(&context, &body, &id).await?;
        }
        let addressed = Addressed {
            context: &context,
            user_id: &id,
            is_new: true,
            email: body.get("email").and_then(Json::as_str),
            body: &body,
            identities: sent.as_ref(),
        };
        let mail = self.plan_mail(&addressed).await?;
        columns.extend(mail.columns.clone());
        let condition = identity::add_columns(&identities, &mut columns);

        let origin = match providers.is_empty() {
            true => Origin::SignUp,
            false => Origin::Identity(providers),
        };
        let is_linked_session = caller.is_logged_in() && matches!(origin, Origin::Identity(_));
        let opens_session = !caller::is_cloud(&context) && !mail.awaits_verification && !is_linked_session;
        let is_custom_id = body.contains_key("objectId");
        let operation = Kind::Create(CreateRequest {
            body: json::bytes(body),
            owned: Some(Owned {
                columns: json::bytes(columns),
                r#where: condition.map(|condition| condition.to_string().into()).unwrap_or_default(),
                object_id: if is_custom_id { String::new() } else { id },
                default_acl: acl::of_new_user(self.config.accounts.enforce_private_users).to_string().into(),
            }),
            ..request
        });
        let origin = opens_session.then_some(origin);
        let finish = NewUser { context, given_name, origin, identities, mail, news };
        Ok(Plan { operation: Some(operation), finish: Box::new(finish) })
    }

    /// Whether somebody who comes back with an identity may come in with the address that there is. Who has none is asked for none.
    ///
    /// # Errors
    /// 205 for an address that has to be verified first.
    async fn check_verified_identity(
        &self,
        context: &RequestContext,
        caller: &Caller,
        known: &Returning,
        identities: Option<&Json>,
    ) -> Result<()> {
        let has_address = known.row.get("email").and_then(Json::as_str).is_some_and(|email| !email.is_empty());
        if known.was_in || caller.is_privileged() || !has_address {
            return Ok(());
        }
        let text = |name: &str| known.row.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let email_verified = known.row.get("emailVerified").cloned();
        let user = UserRow { object_id: text("objectId"), email_verified, ..UserRow::default() };
        self.check_verified(context, &user, identities).await
    }

    /// The id that the user is going to have.
    fn id_of_new_user(&self, body: &Map<String, Json>, decided_id: Option<String>) -> Result<String> {
        if let Some(Json::String(id)) = body.get("objectId") {
            if id.starts_with("role:") {
                // An id like this would pass for a role in every ACL.
                return Err(ParseError::sanitised(ErrorCode::OperationForbidden, "Invalid object ID."));
            }
            if self.config.objects.allow_custom_object_id && !id.is_empty() {
                return Ok(id.clone());
            }
        }
        new_id::check(body, self.config.objects.allow_custom_object_id)?;
        Ok(decided_id.unwrap_or_else(|| random::object_id(self.config.objects.object_id_size)))
    }

    /// Policy, then names, then the hash: whatever is refused costs no hash.
    async fn columns_of_new_password(
        &self,
        context: &RequestContext,
        body: &mut Map<String, Json>,
        id: &str,
        password: &str,
    ) -> Result<Map<String, Json>> {
        let username = body.get("username").and_then(Json::as_str).map(str::to_owned);
        let new = NewPassword { password, username: username.as_deref(), present: None, earlier: &[] };
        let policy = &self.config.accounts.passwords;
        self.passwords.check(policy, &new).await?;
        self.check_names(context, body, id).await?;
        self.passwords.columns(policy, &new).await
    }
}

/// The identities that somebody signs up with; without them there have to be a name and a password.
///
/// # Errors
/// 200 and 201 for what is missing, 252 and 111 for what is no identity.
fn check_identification(body: &Map<String, Json>, has_password: bool, sent: Option<&Json>) -> Result<Option<AuthData>> {
    let sent = identity::read(sent);
    if !sent.as_ref().is_ok_and(|sent| sent.as_ref().is_some_and(AuthData::identifies)) {
        match body.get("username") {
            Some(Json::String(name)) if !name.is_empty() => {}
            _ => return Err(names::bad_username()),
        }
        if !has_password {
            return Err(password_required());
        }
    }
    sent
}

/// The name that a user without one is given.
fn name_if_missing(body: &mut Map<String, Json>) -> Option<String> {
    let is_missing = match body.get("username") {
        None | Some(Json::Null) => true,
        Some(Json::String(name)) => name.is_empty(),
        Some(_) => false,
    };
    is_missing.then(|| {
        let name = random::username();
        body.insert("username".to_owned(), name.clone().into());
        name
    })
}

/// Whether an address is verified is not the client's to say.
///
/// # Errors
/// 119 for everybody but the master key and the maintenance key.
pub(super) fn check_email_verified(body: &Map<String, Json>, caller: &Caller) -> Result<()> {
    if body.contains_key("emailVerified") && !caller.is_privileged() {
        return Err(ParseError::sanitised(
            ErrorCode::OperationForbidden,
            "Clients aren't allowed to manually update email verification.",
        ));
    }
    Ok(())
}

pub(super) fn password_required() -> ParseError {
    ParseError::new(ErrorCode::PasswordMissing, "password is required")
}

#[async_trait]
impl Finish for NewUser {
    async fn complete(self: Box<Self>, service: &AuthService, result: OperationResult) -> Result<Answer> {
        let mut added = Vec::new();
        let given_name = match self.given_name {
            Some(_) if result.repeated => {
                UserRow::by_id(&service.rows, &self.context, &result.object_id).await?.and_then(|user| user.username)
            }
            given_name => given_name,
        };
        added.extend(given_name.map(|name| ("username", Json::from(name))));
        if let Some(origin) = self.origin {
            let session = NewSession::of(&result.object_id, Some(origin), &self.context);
            added.push(("sessionToken", service.open_session(&self.context, session).await?.into()));
        }
        added.extend(identity::response(&self.identities));
        self.mail.complete(service, true, result.repeated).await?;
        let body = json::with(&json::with_news(result.body, self.news)?, added)?;
        Ok(Answer { object_id: result.object_id, body, existed: false })
    }
}

#[async_trait]
impl Finish for ReturningUser {
    async fn complete(self: Box<Self>, service: &AuthService, _: OperationResult) -> Result<Answer> {
        let Self { context, mount_url, known, origin } = *self;
        let Returning { row, accepted, shown, .. } = *known;
        let id = row.get("objectId").and_then(Json::as_str).unwrap_or_default().to_owned();
        service.identities(&context).store(&id, &accepted).await?;
        let request = GetRequest {
            context: Some(caller::as_master(&context)),
            class_name: "_User".to_owned(),
            object_id: id.clone(),
            mount_url,
            ..GetRequest::default()
        };
        let user = service.data.get(request).await?;
        let mut added = vec![("authData", Json::Object(shown))];
        if let Some(origin) = origin {
            let session = NewSession::of(&id, Some(origin), &context);
            added.push(("sessionToken", service.open_session(&context, session).await?.into()));
        }
        added.extend(identity::response(&accepted));
        Ok(Answer { object_id: id, body: json::with(&user, added)?, existed: true })
    }
}
