//! A user as it is stored.

use std::fmt;

use parsefleet_core::error::Result;
use parsefleet_proto::v1::RequestContext;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::{
    clock::Moment,
    rows::{Rows, Search},
};

/// A user, as far as this service decides on it.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UserRow {
    #[serde(rename = "objectId")]
    pub(crate) object_id: String,
    pub(crate) username: Option<String>,
    pub(crate) email: Option<String>,
    #[serde(rename = "emailVerified")]
    pub(crate) email_verified: Option<Json>,
    #[serde(rename = "ACL")]
    pub(crate) acl: Option<Json>,
    #[serde(rename = "authData")]
    pub(crate) auth_data: Option<Map<String, Json>>,
    #[serde(rename = "_hashed_password")]
    pub(crate) hash: Option<String>,
    #[serde(rename = "_password_history")]
    pub(crate) earlier_hashes: Option<Vec<String>>,
    #[serde(rename = "_password_changed_at")]
    pub(crate) password_changed_at: Option<Moment>,
    #[serde(rename = "_failed_login_count")]
    pub(crate) failed_logins: Option<f64>,
    #[serde(rename = "_account_lockout_expires_at")]
    pub(crate) locked_until: Option<Moment>,
}

impl UserRow {
    /// Whether an ACL that grants nothing keeps everybody out: a user locked out by the master key.
    pub(crate) fn is_shut_out(&self) -> bool {
        matches!(&self.acl, Some(Json::Object(rights)) if rights.is_empty())
    }

    /// The user with this id.
    pub(crate) async fn by_id(rows: &Rows, context: &RequestContext, id: &str) -> Result<Option<Self>> {
        let filter = serde_json::json!({ "objectId": id });
        let search = Search { filter, limit: 1, ..Search::default() };
        Ok(rows.find(context, "_User", &search).await?.into_iter().next())
    }
}

/// Without anything that is secret or personal.
impl fmt::Debug for UserRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UserRow").field("object_id", &self.object_id).finish_non_exhaustive()
    }
}
