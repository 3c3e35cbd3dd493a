//! Third-party identities in bodies of users, and what of them goes into a write.

use parsefleet_core::error::Result;
use parsefleet_proto::v1::RequestContext;
use serde_json::{Map, Value as Json};

use crate::{
    providers::{Accepted, AuthData, Identities},
    service::AuthService,
};

impl AuthService {
    /// The identities of users, as far as this request is concerned.
    pub(crate) fn identities<'a>(&'a self, context: &'a RequestContext) -> Identities<'a> {
        Identities { providers: &self.providers, rows: &self.rows, context }
    }
}

/// `authData` in a body. An object without a member is as good as none.
///
/// # Errors
/// 252 and 111 for what is no object.
pub(super) fn read(sent: Option<&Json>) -> Result<Option<AuthData>> {
    let sent = sent.map(AuthData::parse).transpose()?;
    Ok(sent.filter(|sent| !sent.is_empty()))
}

/// Adds to columns what was proved, and tells under which condition it may be stored.
pub(super) fn add_columns(accepted: &Accepted, columns: &mut Map<String, Json>) -> Option<Json> {
    if accepted.slices.is_empty() {
        return None;
    }
    columns.insert("authData".to_owned(), Json::Object(accepted.slices.clone()));
    Some(Json::Object(accepted.conditions.clone())).filter(|condition| condition != &Json::Object(Map::new()))
}

/// `authDataResponse`, if there is one.
pub(super) fn response(accepted: &Accepted) -> Option<(&'static str, Json)> {
    accepted.response.clone().map(|response| ("authDataResponse", Json::Object(response)))
}
