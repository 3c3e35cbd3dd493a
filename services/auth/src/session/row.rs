//! A session as it is stored.

use std::fmt;

use parsefleet_core::Date;
use serde::Deserialize;

use crate::{clock::Moment, objects::Pointer};

/// A session, as far as this service decides on it.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SessionRow {
    #[serde(rename = "objectId")]
    pub(crate) object_id: String,
    #[serde(rename = "sessionToken")]
    pub(crate) token: Option<String>,
    pub(crate) user: Option<Pointer>,
    #[serde(rename = "expiresAt")]
    pub(crate) expires_at: Option<Moment>,
    #[serde(rename = "updatedAt")]
    pub(crate) updated_at: Option<Moment>,
}

impl SessionRow {
    /// Whether its time is over.
    pub(crate) fn is_expired(&self, now: Date) -> bool {
        self.expires_at.is_some_and(|end| end.0 < now)
    }
}

/// Without the token.
impl fmt::Debug for SessionRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SessionRow").field("object_id", &self.object_id).finish_non_exhaustive()
    }
}
