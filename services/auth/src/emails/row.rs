//! A user as mails and links need it: the whole row.

use std::fmt;

use parsefleet_core::{Date, acl::is_truthy, error::Result};
use parsefleet_proto::v1::RequestContext;
use serde_json::{Map, Value as Json, json};

use super::link::Purpose;
use crate::{
    clock,
    rows::{Rows, Search},
};

/// Fields that no mail has a use for, and that its template shall not be able to name.
const WITHHELD: [&str; 4] = ["ACL", "authData", "password", "sessionToken"];

/// A user with every column.
#[derive(Clone, Default)]
pub(super) struct Addressee(pub(super) Map<String, Json>);

impl Addressee {
    /// The only user, or one of them, that satisfies a condition.
    pub(super) async fn find(rows: &Rows, context: &RequestContext, filter: Json) -> Result<Option<Self>> {
        let search = Search { filter, limit: 1, ..Search::default() };
        let found: Vec<Map<String, Json>> = rows.find(context, "_User", &search).await?;
        Ok(found.into_iter().next().map(Self))
    }

    /// The user whose link has this secret.
    pub(super) async fn by_token(
        rows: &Rows,
        context: &RequestContext,
        purpose: Purpose,
        token: &str,
    ) -> Result<Option<Self>> {
        if token.is_empty() {
            return Ok(None);
        }
        Self::find(rows, context, json!({ purpose.column(): token })).await
    }

    pub(super) fn text(&self, column: &str) -> Option<&str> {
        self.0.get(column).and_then(Json::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn id(&self) -> &str {
        self.text("objectId").unwrap_or_default()
    }

    pub(super) fn is_verified(&self) -> bool {
        self.0.get("emailVerified").is_some_and(is_truthy)
    }

    /// Until when the secret of the link works, if it ends.
    pub(super) fn expiry(&self, purpose: Purpose) -> Option<Date> {
        self.0.get(purpose.expiry_column())?.get("iso")?.as_str().and_then(Date::parse)
    }

    /// The secret that was given out before, if it still works and ends some time.
    pub(super) fn valid_token(&self, purpose: Purpose) -> Option<&str> {
        self.text(purpose.column()).filter(|_| self.expiry(purpose).is_some_and(|expiry| clock::now() < expiry))
    }

    /// The user as templates may see it.
    pub(super) fn shown(&self) -> Map<String, Json> {
        let is_shown = |name: &String| !name.starts_with('_') && !WITHHELD.contains(&name.as_str());
        let shown = self.0.iter().filter(|(name, _)| is_shown(name));
        shown.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// Without anything that is secret or personal.
impl fmt::Debug for Addressee {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Addressee").field("object_id", &self.id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Duration;

    use super::*;

    fn row(columns: Json) -> Addressee {
        Addressee(columns.as_object().unwrap().clone())
    }

    #[test]
    fn mails_do_not_know_secrets() {
        let user = row(json!({
            "objectId": "a", "email": "a@b", "age": 3, "_hashed_password": "x", "_perishable_token": "x", "password": "x",
            "authData": {"x": {}}, "sessionToken": "x", "ACL": {},
        }));
        assert_eq!(Json::Object(user.shown()), json!({"objectId": "a", "email": "a@b", "age": 3}));
        assert!(!format!("{user:?}").contains("a@b"));
    }

    #[test]
    fn a_secret_works_until_its_end() {
        let at = |seconds: i64| {
            let now = clock::now();
            let gap = Duration::from_secs(seconds.unsigned_abs());
            clock::to_json(if seconds < 0 { clock::before(now, gap) } else { clock::after(now, gap) })
        };
        let user = |expiry: Json| row(json!({"_perishable_token": "t", "_perishable_token_expires_at": expiry}));
        assert_eq!(user(at(5)).valid_token(Purpose::Reset), Some("t"));
        assert_eq!(user(at(-5)).valid_token(Purpose::Reset), None);
        assert_eq!(user(Json::Null).valid_token(Purpose::Reset), None);
        assert_eq!(user(at(5)).valid_token(Purpose::Verify), None);
    }
}
