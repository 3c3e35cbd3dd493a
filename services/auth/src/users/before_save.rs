//! `beforeSave` of users: the app's own code may refuse them, or say what is written instead.
//!
//! It is asked by whoever may write the user, and after the identities that come along were proved: who did not prove one gets
//! none from here. It sees what the client sent, the password included, as it does in Parse Server.

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{CreateRequest, Owned, UpdateRequest, operation::Operation as Kind};
use serde_json::{Map, Value as Json};

use super::{
    acl, names,
    update::{refusal_of, take_password},
};
use crate::{
    caller::Caller,
    json,
    service::AuthService,
    triggers::{Moment, Question, Replacement},
};

/// What the server says of users itself.
const NO_NEWS: [&str; 4] = ["objectId", "password", "authData", "sessionToken"];

/// A body without what only this service deals with.
pub(super) struct Parts {
    pub(super) body: Map<String, Json>,
    pub(super) password: Option<String>,
    pub(super) identities: Option<Json>,
}

impl AuthService {
    /// Asks about somebody who signs up: what is written, and what of it the client does not know.
    ///
    /// # Errors
    /// 119 if the caller may not sign up, 141 with what the app says against it, 123 for what it makes up as permissions.
    pub(super) async fn before_sign_up(
        &self,
        request: &CreateRequest,
        sent: Parts,
    ) -> Result<(Parts, Map<String, Json>)> {
        if !self.triggers.has(Moment::BeforeSave).await? {
            return Ok((sent, Map::new()));
        }
        let body = json::bytes(sent.body.clone());
        let sign_up = CreateRequest { body, owned: Some(Owned::default()), ..request.clone() };
        self.data.check(Kind::Create(sign_up)).await?;
        let context = request.context.clone().unwrap_or_default();
        let mount_url = request.mount_url.as_str();
        let question = Question { context: &context, mount_url, object_id: "", object: sent.joined() };
        let answer = self.triggers.ask(Moment::BeforeSave, question).await?;
        let Some(Replacement { body, news }) = answer else { return Ok((sent, Map::new())) };
        let mut decided = take_apart(body)?;
        // Without it nobody could ever log in: it is not for want of an echo that it is lost.
        decided.password = decided.password.or_else(|| sent.password.clone());
        decided.body.shift_remove("objectId");
        if let Some(id) = sent.body.get("objectId") {
            decided.body.insert("objectId".to_owned(), id.clone());
        }
        self.settle(&sent, decided, news)
    }

    /// Asks about a change of a user: what is written, and what of it the client does not know.
    ///
    /// # Errors
    /// 206 if the caller may not change this user, 141 with what the app says against it, and those of what it makes up.
    pub(super) async fn before_change(
        &self,
        request: &UpdateRequest,
        caller: &Caller,
        sent: Parts,
    ) -> Result<(Parts, Map<String, Json>)> {
        if !self.triggers.has(Moment::BeforeSave).await? {
            return Ok((sent, Map::new()));
        }
        let body = json::bytes(sent.body.clone());
        let change = UpdateRequest { body, owned: Some(Owned::default()), ..request.clone() };
        self.data.check(Kind::Update(change)).await.map_err(|error| refusal_of(caller, error))?;
        let context = request.context.clone().unwrap_or_default();
        let (mount_url, object_id) = (request.mount_url.as_str(), request.object_id.as_str());
        let question = Question { context: &context, mount_url, object_id, object: sent.joined() };
        let answer = self.triggers.ask(Moment::BeforeSave, question).await?;
        let Some(Replacement { mut body, news }) = answer else { return Ok((sent, Map::new())) };
        let identities = body.shift_remove("authData");
        let password = take_password(&mut body)?;
        body.shift_remove("sessionToken");
        names::check_present(&body)?;
        self.settle(&sent, Parts { body, password, identities }, news)
    }

    /// What the app decided, within the rules that hold for clients, too.
    fn settle(
        &self,
        sent: &Parts,
        mut decided: Parts,
        mut news: Map<String, Json>,
    ) -> Result<(Parts, Map<String, Json>)> {
        acl::check(decided.body.get("ACL"))?;
        self.fold_names(&mut decided.body);
        // Those that were proved, or none.
        decided.identities = decided.identities.and(sent.identities.clone());
        for name in NO_NEWS {
            news.shift_remove(name);
        }
        Ok((decided, news))
    }
}

impl Parts {
    /// The body as it was sent.
    fn joined(&self) -> Map<String, Json> {
        let mut body = self.body.clone();
        body.extend(self.password.clone().map(|password| ("password".to_owned(), password.into())));
        body.extend(self.identities.clone().map(|identities| ("authData".to_owned(), identities)));
        body
    }
}

/// Takes what is this service's alone out of the body of a sign-up.
///
/// # Errors
/// 111 for a password that is no text and comes with an identity. Without one it counts as missing. 105 for a path into the identities.
pub(super) fn take_apart(mut body: Map<String, Json>) -> Result<Parts> {
    if let Some(path) = body.keys().find(|key| key.starts_with("authData.")) {
        return Err(ParseError::new(ErrorCode::InvalidKeyName, format!("can only query on {path}")));
    }
    let identities = body.shift_remove("authData");
    // The column of older tokens: nobody chooses his own.
    body.shift_remove("sessionToken");
    let password = match body.shift_remove("password") {
        Some(Json::String(password)) if !password.is_empty() => Some(password),
        None | Some(Json::Null | Json::String(_)) => None,
        Some(other) if identities.as_ref().is_some_and(Json::is_object) => {
            return Err(json::not_a_text("password", &other));
        }
        Some(_) => None,
    };
    Ok(Parts { body, password, identities })
}
