//! A mail that somebody asks for, as it is kept until it has been seen to whether there is anybody to send it to.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use parsefleet_core::error::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::hidden::LEASE;
use crate::{
    json::internal,
    outbox::{self, WISHES},
    random,
};

const ID_LENGTH: usize = 32;

/// What is asked for, and in which language.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "mail")]
pub(super) enum Wish {
    /// A link to choose another password, for whoever has this address.
    Reset { email: String, locale: String },
    /// A link to verify an address, for whoever satisfies the condition.
    Verification { filter: Json, locale: String },
}

/// A wish as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct WishRow {
    #[serde(rename = "objectId")]
    pub(super) object_id: String,
    queue: String,
    /// The wish, in Base64 like the bodies of jobs.
    body: String,
    /// Milliseconds since the Unix epoch.
    #[serde(rename = "keptAt")]
    pub(super) kept_at: f64,
    /// Until when it is left to the process that has it: as `keptAt`.
    #[serde(rename = "claimedUntil")]
    pub(super) claimed_until: f64,
}

impl WishRow {
    /// A wish that this process is about to fulfil.
    pub(super) fn try_new(wish: &Wish) -> Result<Self> {
        let body = serde_json::to_vec(wish).map_err(|_| internal())?;
        let now = outbox::now();
        Ok(Self {
            object_id: random::object_id(ID_LENGTH),
            queue: WISHES.to_owned(),
            body: BASE64_STANDARD.encode(body),
            kept_at: now,
            claimed_until: now + LEASE.as_millis() as f64,
        })
    }

    /// The wish; `None` if nobody could read it.
    pub(super) fn wish(&self) -> Option<Wish> {
        serde_json::from_slice(&BASE64_STANDARD.decode(&self.body).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn wishes_survive_the_database() {
        let wish = Wish::Reset { email: "a@b.c".to_owned(), locale: "de-AT".to_owned() };
        let row = serde_json::to_string(&WishRow::try_new(&wish).unwrap()).unwrap();
        let row: WishRow = serde_json::from_str(&row).unwrap();
        assert!(row.claimed_until > row.kept_at);
        let Some(Wish::Reset { email, locale }) = row.wish() else { panic!("another wish") };
        assert_eq!((email.as_str(), locale.as_str()), ("a@b.c", "de-AT"));
    }
}
