//! Proving slices, one after the other: those that say who somebody is before those that are asked for in addition.

use parsefleet_core::{ParseError, error::Result};
use serde_json::Value as Json;

use super::{Accepted, Identities, lock};
use crate::providers::{AuthData, Keep, Occasion, Slice, Stage, Verdict};

/// For whom something is proved.
pub(super) struct Target<'a> {
    /// The user, if there is one.
    pub(super) id: Option<String>,
    /// Whether anything may be stored of the user before all is proved.
    pub(super) keeps_pending: bool,
    /// What is stored of the user.
    pub(super) stored: &'a AuthData,
    /// What a proof is for, of a provider that the user has.
    pub(super) held: Stage,
    pub(super) master: bool,
}

impl<'a> Target<'a> {
    /// A user for whom, or by whom, it is proved.
    pub(super) fn of(id: String, stored: &'a AuthData, held: Stage, master: bool) -> Self {
        Self { id: Some(id), keeps_pending: true, stored, held, master }
    }

    /// A user of whom nothing changes, whatever is proved.
    pub(super) fn onlooker(id: String, stored: &'a AuthData) -> Self {
        Self { id: Some(id), keeps_pending: false, stored, held: Stage::LogIn, master: false }
    }

    /// Somebody who is not there yet.
    pub(super) fn nobody(master: bool) -> Self {
        static NOTHING: std::sync::LazyLock<AuthData> = std::sync::LazyLock::new(AuthData::default);
        Self { id: None, keeps_pending: false, stored: &NOTHING, held: Stage::SetUp, master }
    }
}

impl Identities<'_> {
    /// The same as [`prove`](Self::prove); if there is nothing to prove, there is no response either.
    pub(super) async fn prove_changes(&self, changed: &AuthData, target: &Target<'_>) -> Result<Accepted> {
        if changed.is_empty() { Ok(Accepted::default()) } else { self.prove(changed, target).await }
    }

    /// Proves everything that was sent. A second factor comes last: it sends messages, and says whether a code is right, only
    /// to those who have proved the first.
    pub(super) async fn prove(&self, sent: &AuthData, target: &Target<'_>) -> Result<Accepted> {
        let mut accepted = Accepted { response: Some(Slice::new()), ..Accepted::default() };
        let (additional, first): (Vec<_>, Vec<_>) =
            sent.iter().partition(|(name, slice)| self.is_additional(name, target.stored.get(name).or(*slice)));
        for (name, slice) in first.into_iter().chain(additional) {
            let stored = target.stored.get(name);
            let new = match slice {
                None => None,
                Some(slice) => {
                    let proved = self.prove_one(name, slice, target).await;
                    let (kept, response) = proved.inspect_err(|error| note(name, error))?;
                    if let (Some(response), Some(responses)) = (response, &mut accepted.response) {
                        responses.insert(name.to_owned(), response);
                    }
                    let Some(kept) = kept else { continue };
                    Some(kept)
                }
            };
            if let Some(stored) = stored {
                lock(name, stored, new.as_ref(), &mut accepted.conditions);
            }
            accepted.slices.insert(name.to_owned(), new.map_or(Json::Null, Json::Object));
        }
        Ok(accepted)
    }

    /// What is to be stored of one provider, if anything, and what the client is told.
    async fn prove_one(&self, name: &str, sent: &Slice, target: &Target<'_>) -> Result<(Option<Slice>, Option<Json>)> {
        let provider = self.providers.usable(name)?;
        let stored = target.stored.get(name);
        let stage = if stored.is_some() { target.held } else { Stage::SetUp };
        let mut slice = sent.clone();
        let occasion =
            Occasion { stage, stored, master: target.master, user_id: target.id.as_deref(), context: self.context };
        match provider.validate(&mut slice, &occasion).await? {
            Verdict::Proved { response, keep: Keep::Sent } => Ok((Some(slice), response)),
            Verdict::Proved { response, keep: Keep::Stored } => Ok((None, response)),
            Verdict::Proved { response, keep: Keep::Other(kept) } => Ok((Some(kept), response)),
            Verdict::Pending(kept, error) => {
                if let Some(id) = target.id.as_ref().filter(|_| target.keeps_pending) {
                    let mut pending = Accepted::default();
                    if let Some(stored) = stored {
                        lock(name, stored, Some(&kept), &mut pending.conditions);
                    }
                    pending.slices.insert(name.to_owned(), Json::Object(kept));
                    self.store(id, &pending).await?;
                }
                Err(error)
            }
        }
    }
}

fn note(provider: &str, error: &ParseError) {
    tracing::info!(provider, code = error.code as i32, "a third-party identity was refused");
}
