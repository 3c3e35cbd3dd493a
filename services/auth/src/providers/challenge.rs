//! `/challenge`: what providers ask of clients before they log in.

use parsefleet_core::{ErrorCode, ParseError, error::Result};
use serde_json::{Map, Value as Json};

use super::{AuthData, Identities, refused};

/// What a client sent to `/challenge`.
pub(crate) struct ChallengeBody(pub(crate) Map<String, Json>);

impl ChallengeBody {
    /// Whether the client names a user, who is to be known by a password then.
    ///
    /// # Errors
    /// -1 if the password is not there.
    pub(crate) fn names_user(&self) -> Result<bool> {
        let given = |name: &str| self.0.get(name).is_some_and(is_given);
        let names = given("username") || given("email");
        if names && !given("password") {
            return Err(other("You provided username or email, you need to also provide password."));
        }
        Ok(names)
    }
}

impl Identities<'_> {
    /// Asks the providers that `challengeData` names, in alphabetical order. `knows_user` says whether a password has told who it is.
    pub(crate) async fn challenge(&self, body: &ChallengeBody, knows_user: bool) -> Result<Map<String, Json>> {
        let body = &body.0;
        let challenges = match body.get("challengeData").filter(|challenges| is_given(challenges)) {
            None => return Err(other("Nothing to challenge.")),
            Some(Json::Object(challenges)) => challenges.clone(),
            // To JavaScript, a list is an object with numbers for names.
            Some(Json::Array(_)) => Map::new(),
            Some(_) => return Err(other("challengeData should be an object.")),
        };
        let sent = match body.get("authData").filter(|sent| is_given(sent)) {
            None => AuthData::default(),
            Some(sent) => {
                let sent = identification(sent, knows_user)?;
                self.identify(sent.clone()).await?;
                sent
            }
        };
        let mut names: Vec<&String> = challenges.keys().collect();
        names.sort_unstable();
        let mut answers = Map::new();
        for name in names {
            let Ok(provider) = self.providers.usable(name) else { continue };
            let challenge = challenges.get(name).unwrap_or(&Json::Null);
            if let Some(answer) = provider.challenge(challenge, sent.get(name), self.context).await? {
                let answer = if is_given(&answer) { answer } else { Json::Bool(true) };
                answers.insert(name.clone(), answer);
            }
        }
        Ok(answers)
    }
}

/// `authData` that tells who it is.
fn identification(sent: &Json, knows_user: bool) -> Result<AuthData> {
    let members = match sent {
        Json::Object(members) => members.clone(),
        Json::Array(entries) => entries.iter().enumerate().map(|(at, entry)| (at.to_string(), entry.clone())).collect(),
        _ => return Err(other("authData should be an object.")),
    };
    if knows_user {
        return Err(other("You cannot provide username/email and authData, only use one identification method."));
    }
    if let Some((name, _)) = members.iter().find(|(_, slice)| !slice.is_object() && !slice.is_null()) {
        return Err(other(format!("authData.{name} should be an object.")));
    }
    let with_id = members.values().filter(|slice| slice.get("id").is_some_and(is_given));
    if with_id.count() > 1 {
        return Err(other("You cannot provide more than one authData provider with an id."));
    }
    AuthData::parse(&Json::Object(members)).map_err(|_| not_found())
}

/// What JavaScript takes as there.
fn is_given(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::String(text) => !text.is_empty(),
        Json::Number(number) => number.as_f64() != Some(0.0),
        _ => true,
    }
}

/// The only thing that is said about ids, so that nobody learns which are in use.
pub(super) fn not_found() -> ParseError {
    refused("User not found.")
}

fn other(text: impl Into<String>) -> ParseError {
    ParseError::new(ErrorCode::OtherCause, text)
}
