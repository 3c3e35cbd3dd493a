//! Whom `authData` stands for, and what is stored of it.
//!
//! A sign-up or log-in [`arrive`](Identities::arrive)s; an update [`link`](Identities::link)s; a log-in with a password
//! [`accompany`](Identities::accompany)s it. Each proves what was sent one after the other, in alphabetical order and a second factor
//! last, so that no message is sent for a log-in that fails. What is stored is a change with a condition ([`Accepted`]): what it is
//! based on is still so.

mod policy;
mod prove;

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::{Privilege, RequestContext};
use serde_json::{Map, Value as Json, json};

use self::prove::Target;
use super::{
    AuthData, Providers, Slice, Stage,
    auth_data::{is_echo, lock},
    challenge::not_found,
    failed,
};
use crate::rows::{Rows, Search, Touch};

const USER: &str = "_User";

/// Who asks, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// Nobody who is known.
    Nobody,
    /// This user.
    User(String),
    /// The master key.
    Master,
}

/// Identities of users.
pub(crate) struct Identities<'a> {
    pub(crate) providers: &'a Providers,
    pub(crate) rows: &'a Rows,
    pub(crate) context: &'a RequestContext,
}

/// What was proved, and what follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Accepted {
    /// New slices by provider; null takes a provider away. The value of the column `authData`, for its providers only.
    pub(crate) slices: Slice,
    /// What has to be as it was when it was read, in the names of rows.
    pub(crate) conditions: Slice,
    /// `authDataResponse`; absent if nothing had to be proved.
    pub(crate) response: Option<Slice>,
}

/// Who comes with `authData`.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each sign-up, and it is not kept")]
pub(crate) enum Arrival {
    /// Somebody new.
    New(Accepted),
    /// A user who was there before.
    Known(Box<Returning>),
}

/// A user who comes back.
#[derive(Debug)]
pub(crate) struct Returning {
    /// The user's row, as it is stored.
    pub(crate) row: Map<String, Json>,
    /// What is to be stored: see [`Identities::store`].
    pub(crate) accepted: Accepted,
    /// `authData` as the answer shows it.
    pub(crate) shown: Slice,
    /// Whether the user was in already, so that no session is opened.
    pub(crate) was_in: bool,
}

impl Asker {
    pub(crate) fn of(context: &RequestContext) -> Self {
        match context.privilege() {
            Privilege::Master => Self::Master,
            _ if context.user_id.is_empty() => Self::Nobody,
            _ => Self::User(context.user_id.clone()),
        }
    }

    fn is_master(&self) -> bool {
        *self == Self::Master
    }
}

impl Identities<'_> {
    /// Somebody signs up or logs in with nothing but `authData`.
    pub(crate) async fn arrive(&self, mut sent: AuthData) -> Result<Arrival> {
        let asker = Asker::of(self.context);
        self.prepare(&mut sent, None).await?;
        let mut found = self.find(&sent, &asker).await?;
        let row = match (found.pop(), found.is_empty()) {
            (None, _) => {
                let accepted = self.prove(&sent, &Target::nobody(asker.is_master())).await?;
                return Ok(Arrival::New(accepted));
            }
            (Some(row), true) => row,
            (Some(row), false) => return Err(self.if_proved(sent, &row, already_used()).await),
        };
        match &asker {
            Asker::User(id) if *id != id_of(&row) => Err(self.if_proved(sent, &row, already_used()).await),
            Asker::User(_) => self.stay(sent, row).await,
            Asker::Nobody | Asker::Master => self.return_to(sent, row, asker.is_master()).await,
        }
    }

    /// A user who is in sends `authData` once more.
    async fn stay(&self, mut sent: AuthData, row: Map<String, Json>) -> Result<Arrival> {
        let stored = AuthData::stored(&row);
        let mut shown = self.providers.all_shown(&stored, false);
        sent.retain(|name, slice| is_change(name, slice, &stored));
        show_sent(&mut shown, &sent);
        let target = Target::of(id_of(&row), &stored, Stage::Update, false);
        let accepted = self.prove_changes(&sent, &target).await?;
        Ok(Arrival::Known(Box::new(Returning { row, accepted, shown, was_in: true })))
    }

    /// A user comes back. The master key proves nothing that is stored as it is sent.
    async fn return_to(&self, mut sent: AuthData, row: Map<String, Json>, master: bool) -> Result<Arrival> {
        let stored = AuthData::stored(&row);
        if let Err(error) = self.check_policies(&sent, &stored, &row) {
            return Err(self.if_proved(sent, &row, error).await);
        }
        let mut shown = self.providers.all_shown(&stored, master);
        let mut changed = sent.clone();
        changed.retain(|name, slice| is_change(name, slice, &stored));
        show_sent(&mut shown, &changed);
        if master && changed.is_empty() {
            sent = changed;
        }
        let target = Target::of(id_of(&row), &stored, Stage::LogIn, master);
        let accepted = self.prove_changes(&sent, &target).await?;
        Ok(Arrival::Known(Box::new(Returning { row, accepted, shown, was_in: false })))
    }

    /// A user is given, or loses, identities by an update.
    pub(crate) async fn link(&self, user_id: &str, mut sent: AuthData) -> Result<Accepted> {
        let asker = Asker::of(self.context);
        let current = self.user(user_id).await?.unwrap_or_default();
        let stored = AuthData::stored(&current);
        self.prepare(&mut sent, Some(&stored)).await?;
        let found = self.find(&sent, &asker).await?;
        if let Some(other) = found.iter().find(|row| id_of(row) != user_id) {
            return Err(self.if_proved(sent, other, already_used()).await);
        }
        // What a client sends back as it read it is no change, and takes nothing away.
        sent.retain(|name, slice| is_change(name, slice, &stored));
        let master = asker.is_master();
        let target = Target::of(user_id.to_owned(), &stored, Stage::Update, master);
        self.prove_changes(&sent, &target).await
    }

    /// A user logs in with a password, and with what else is asked for.
    pub(crate) async fn accompany(&self, row: &Map<String, Json>, sent: Option<AuthData>) -> Result<Accepted> {
        let stored = AuthData::stored(row);
        let mut sent = sent.unwrap_or_default();
        self.check_additional(&sent, &stored)?;
        if sent.is_empty() {
            return Ok(Accepted::default());
        }
        self.prepare(&mut sent, None).await?;
        let master = Asker::of(self.context).is_master();
        let target = Target::of(id_of(row), &stored, Stage::LogIn, master);
        self.prove(&sent, &target).await
    }

    /// Stores what was proved at a log-in.
    ///
    /// # Errors
    /// 141 if what it is based on has changed: a code that works once was used by somebody else at the same time. 208 if an
    /// identity belongs to another user.
    pub(crate) async fn store(&self, user_id: &str, accepted: &Accepted) -> Result<()> {
        if accepted.slices.is_empty() {
            return Ok(());
        }
        let mut filter = accepted.conditions.clone();
        filter.insert("objectId".to_owned(), user_id.into());
        let changes = json!({ "authData": accepted.slices });
        let changed: Option<Json> =
            self.rows.change(self.context, USER, &Json::Object(filter), &changes, Touch::No).await?;
        changed.map(|_| ()).ok_or_else(|| failed("Invalid auth data"))
    }

    /// An error that tells that an identity is in use, for who proves that it is theirs; otherwise what is wrong with it. What is
    /// asked for in addition is left alone.
    async fn if_proved(&self, mut sent: AuthData, row: &Map<String, Json>, error: ParseError) -> ParseError {
        let stored = AuthData::stored(row);
        let target = Target::onlooker(id_of(row), &stored);
        sent.retain(|name, slice| !self.is_additional(name, stored.get(name).or(slice)));
        self.prove(&sent, &target).await.err().unwrap_or(error)
    }

    /// Lets providers prove what they have to before the user is looked for. What is stored as it is sent is left alone.
    async fn prepare(&self, sent: &mut AuthData, stored: Option<&AuthData>) -> Result<()> {
        for (name, slice) in sent.iter_mut() {
            let Some(slice) = slice else { continue };
            if is_echo(slice, stored.and_then(|stored| stored.get(name))) {
                continue;
            }
            if let Ok(provider) = self.providers.usable(name) {
                provider.before_find(slice).await?;
            }
        }
        Ok(())
    }

    /// Users who have one of the identities, two at most. Who is locked out is found by the master key only.
    async fn find(&self, sent: &AuthData, asker: &Asker) -> Result<Vec<Map<String, Json>>> {
        let mut any = Vec::new();
        for (name, slice) in sent.iter() {
            let Some(id) = slice.and_then(|slice| slice.get("id")) else { continue };
            // Nobody is looked for by what is in no index; it is refused later.
            if self.providers.get(name).is_none() {
                continue;
            }
            match id {
                Json::String(text) if text.is_empty() => {}
                Json::Null | Json::Bool(false) => {}
                Json::String(_) => any.push(json!({ format!("authData.{name}.id"): id })),
                _ => {
                    let text = format!("Invalid authData id for provider '{name}'.");
                    return Err(ParseError::new(ErrorCode::InvalidValue, text));
                }
            }
        }
        if any.is_empty() {
            return Ok(Vec::new());
        }
        let search = Search { filter: json!({ "$or": any }), limit: 2, ..Search::default() };
        let mut rows: Vec<Map<String, Json>> = self.rows.find(self.context, USER, &search).await?;
        if !asker.is_master() {
            rows.retain(|row| !is_locked_out(row));
        }
        Ok(rows)
    }

    /// Whether `authData` stands for one user, and proves it.
    ///
    /// # Errors
    /// 101, whatever is wrong with it; 162 for an id that is no text.
    pub(super) async fn identify(&self, mut sent: AuthData) -> Result<()> {
        let asker = Asker::of(self.context);
        let prepared = self.prepare(&mut sent, None).await;
        let mut found = self.find(&sent, &asker).await?;
        let (Some(row), true, Ok(())) = (found.pop(), found.is_empty(), prepared) else { return Err(not_found()) };
        let stored = AuthData::stored(&row);
        let target = Target::onlooker(id_of(&row), &stored);
        sent.retain(|_, slice| slice.is_some_and(|slice| slice.contains_key("id")));
        self.prove(&sent, &target).await.map(|_| ()).map_err(|_| not_found())
    }

    async fn user(&self, id: &str) -> Result<Option<Map<String, Json>>> {
        let filter = json!({ "objectId": id });
        let search = Search { filter, limit: 1, keys: &["authData"], ..Search::default() };
        Ok(self.rows.find(self.context, USER, &search).await?.pop())
    }
}

/// Whether a slice is other than what is stored of it.
fn is_change(name: &str, slice: Option<&Slice>, stored: &AuthData) -> bool {
    slice.is_none_or(|slice| !is_echo(slice, stored.get(name)))
}

/// The answer to a log-in shows what was sent and has changed; of an anonymous user, what was stored.
fn show_sent(shown: &mut Slice, changed: &AuthData) {
    for (name, slice) in changed.iter().filter(|(name, _)| *name != "anonymous") {
        match slice {
            Some(slice) => shown.insert(name.to_owned(), Json::Object(slice.clone())),
            None => shown.remove(name),
        };
    }
}

fn already_used() -> ParseError {
    ParseError::new(ErrorCode::AccountAlreadyLinked, "this auth is already used")
}

fn id_of(row: &Map<String, Json>) -> String {
    row.get("objectId").and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// Whether nobody but the master key may touch the row.
fn is_locked_out(row: &Map<String, Json>) -> bool {
    row.get("ACL").and_then(Json::as_object).is_some_and(Map::is_empty)
}
