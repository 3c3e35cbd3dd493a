//! From a session token to who it belongs to: asked of auth, kept in the cache that all gateways share.
//!
//! Two answers are kept. By the digest of the token: whose session it is. By the user: which roles that is. News about one
//! token leave all else where it is, and so do news about one user, which end what is known of that user's sessions: the
//! answer about a token notes in which state of its user it was given, and counts in that state only. News about roles
//! leave the sessions where they are.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use parsefleet_cache::{Cache, Slot, Topic};
use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{RequestContext, ResolveResponse};
use parsefleet_runtime::telemetry::CacheMetrics;
use prost::Message as _;

use super::{Session, Token, digest};
use crate::backend::AuthBackend;

/// Tells who a token belongs to.
pub(crate) struct SessionResolver {
    /// Answers of auth, by a digest of the token: no token is kept in a place that others can read.
    pub(super) cache: Arc<dyn Cache>,
    auth: Arc<AuthBackend>,
    metrics: CacheMetrics,
}

/// One question of a request to auth, which is asked once even if several answers are made of it.
struct Question<'a> {
    token: &'a str,
    context: RequestContext,
    /// The roles in the answer, if it was asked.
    roles: Option<Vec<String>>,
}

/// Whose session it is, and in which state of the user that was found out.
struct Known {
    user_state: u64,
    /// Without roles.
    answer: ResolveResponse,
}

/// The state of a user whom something happened to while auth was asked: none that anybody is in.
const UNKNOWN_STATE: u64 = 0;

impl SessionResolver {
    pub(crate) fn new(cache: Arc<dyn Cache>, auth: Arc<AuthBackend>) -> Self {
        Self { cache, auth, metrics: CacheMetrics::new("sessions", "gateway") }
    }

    /// Asks auth once, however many requests come with the same token at the same time. Refusals are not kept.
    ///
    /// # Errors
    /// 209 for a token that is unknown or expired; what the way to auth failed of.
    pub(crate) async fn resolve(&self, token: &str, context: RequestContext) -> Result<Session> {
        // The places are taken before anything is asked.
        let place = self.cache.slot(Topic::Sessions, &digest(token));
        let roles_place = self.cache.slot(Topic::Roles, "");
        let mut question = Question { token, context, roles: None };
        let session = self.session(&place, &mut question).await?;
        if session.expires_at.is_some_and(|end| end < now()) {
            return Err(ParseError::new(ErrorCode::InvalidSessionToken, "Session token is expired."));
        }
        let was_asked = question.roles.is_some();
        let roles = self.roles(&roles_place.variant(&session.user_id), &mut question).await?;
        if was_asked || question.roles.is_some() {
            self.metrics.miss();
        } else {
            self.metrics.hit();
        }
        Ok(Session { id: session.session_id, user_id: session.user_id, roles, token: Token::new(token) })
    }

    /// Whose session it is.
    async fn session(&self, place: &Slot, question: &mut Question<'_>) -> Result<ResolveResponse> {
        let known = self.known(place, question, None).await?;
        let state = self.user_state(&known.answer.user_id);
        if known.user_state == state {
            return Ok(known.answer);
        }
        // Something has happened to the user since.
        let user_id = known.answer.user_id;
        let known = self.known(&place.variant(&format!("{state:016x}")), question, Some((&user_id, state))).await?;
        if known.user_state == state && known.answer.user_id == user_id {
            return Ok(known.answer);
        }
        // And again, or the session was given to another user: that is not worth keeping.
        self.ask(question).await
    }

    /// What is known at this place, or is found out now; with the state of the user if that was taken before.
    async fn known(&self, place: &Slot, question: &mut Question<'_>, taken: Option<(&str, u64)>) -> Result<Known> {
        let load = async {
            let changes = self.cache.changes_seen(Topic::Users);
            let answer = self.ask(question).await?;
            let user_state = match taken {
                Some((user_id, state)) if user_id == answer.user_id => state,
                Some(_) => UNKNOWN_STATE,
                None => {
                    let state = self.user_state(&answer.user_id);
                    if self.cache.changes_seen(Topic::Users) == changes { state } else { UNKNOWN_STATE }
                }
            };
            Ok(Known { user_state, answer }.to_bytes())
        };
        let bytes = self.cache.get_or_load(place, Box::pin(load)).await?;
        Known::from_bytes(&bytes)
    }

    /// Which roles the user of the session holds.
    async fn roles(&self, place: &Slot, question: &mut Question<'_>) -> Result<Vec<String>> {
        let mut was_asked_here = false;
        let load = async {
            was_asked_here = true;
            if question.roles.is_none() {
                self.ask(question).await?;
            }
            let roles = question.roles.clone().unwrap_or_default();
            Ok(Bytes::from(ResolveResponse { roles, ..ResolveResponse::default() }.encode_to_vec()))
        };
        match self.cache.get_or_load(place, Box::pin(load)).await {
            Ok(bytes) => Ok(ResolveResponse::decode(bytes).map_err(|error| unreadable(&error))?.roles),
            // Another session of the user is over, and asked first. That says nothing about this one.
            Err(error) if error.code == ErrorCode::InvalidSessionToken && !was_asked_here => {
                self.ask(question).await?;
                Ok(question.roles.clone().unwrap_or_default())
            }
            Err(error) => Err(error),
        }
    }

    /// Asks auth; the roles are put aside.
    async fn ask(&self, question: &mut Question<'_>) -> Result<ResolveResponse> {
        let mut answer = self.auth.resolve(question.token, question.context.clone()).await?;
        question.roles = Some(std::mem::take(&mut answer.roles));
        Ok(answer)
    }

    fn user_state(&self, user_id: &str) -> u64 {
        self.cache.slot(Topic::Users, user_id).generation().number()
    }
}

impl Known {
    fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(8 + self.answer.encoded_len());
        bytes.put_u64_le(self.user_state);
        bytes.extend_from_slice(&self.answer.encode_to_vec());
        bytes.freeze()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (state, answer) = bytes.split_first_chunk().ok_or_else(|| unreadable(&"it is too short"))?;
        let answer = ResolveResponse::decode(answer).map_err(|error| unreadable(&error))?;
        Ok(Self { user_state: u64::from_le_bytes(*state), answer })
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> ParseError {
    tracing::error!(%error, "a cached session cannot be read");
    ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
