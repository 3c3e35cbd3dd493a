//! Triggers around the save of an object.
//!
//! `beforeSave` may refuse it, or answer an object: that is what is written then, instead of what the client asked for, and
//! the client is told where the two differ. `afterSave` is told of what is stored, and may answer the client itself.

use std::collections::HashSet;

use parsefleet_core::{acl::is_truthy, denylist::KeywordDenylist, error::Result};
use parsefleet_proto::v1::RequestContext;
use serde_json::{Map as JsonMap, Value as Json};

use super::{Reply, Triggers, after::After, has_any, payload};
use crate::{caller::Caller, hooks::Moment, service::DataService};

type Members = JsonMap<String, Json>;

/// What a trigger is told and does not decide.
const NOT_WRITTEN: [&str; 3] = ["createdAt", "updatedAt", "className"];

/// The triggers of one save. There is at least one.
pub(crate) struct SaveTriggers {
    triggers: Triggers,
    class: String,
    asks_before: bool,
    tells_after: bool,
    /// The object as it was, as far as the caller may see it; `None` for a new one.
    original: Option<Members>,
}

/// What is written instead of what the client asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Replacement {
    /// The body of the write.
    pub(crate) body: Members,
    /// The part of it that the client does not know.
    pub(crate) news: Members,
}

impl DataService {
    /// The triggers of a save; `None` if the class has none. Who owns a class asks `beforeSave` himself, in the midst of his
    /// own rules.
    pub(crate) async fn save_triggers(
        &self,
        context: Option<&RequestContext>,
        caller: &Caller,
        class: &str,
        has_owner: bool,
    ) -> Result<Option<SaveTriggers>> {
        let moments: &[Moment] = match has_owner {
            true => &[Moment::AfterSave],
            false => &[Moment::BeforeSave, Moment::AfterSave],
        };
        let triggers = self.triggers(context, caller, |hooks| has_any(hooks, class, moments)).await?;
        Ok(triggers.map(|triggers| SaveTriggers {
            asks_before: !has_owner && triggers.has(class, Moment::BeforeSave),
            tells_after: triggers.has(class, Moment::AfterSave),
            triggers,
            class: class.to_owned(),
            original: None,
        }))
    }
}

impl SaveTriggers {
    /// Whether what is written may still change.
    pub(crate) fn asks_before(&self) -> bool {
        self.asks_before
    }

    /// Whether somebody wants to know what was written.
    pub(crate) fn tells_after(&self) -> bool {
        self.tells_after
    }

    /// The object as it was, as far as the caller may see it.
    pub(crate) fn original(&self) -> Option<&Members> {
        self.original.as_ref()
    }

    /// Notes how the object was before.
    pub(crate) fn remember(&mut self, original: Option<Members>) {
        self.original = original;
    }

    /// Asks about a new object. `None` if it is created as the client asked for.
    ///
    /// # Errors
    /// 141 with what the trigger says against it, 105 if it wants a prohibited word to be written.
    pub(crate) async fn before_create(&self, service: &DataService, sent: &Members) -> Result<Option<Replacement>> {
        let mut replacement = self.before(service, payload::new_object(sent), sent).await?;
        if let Some(Replacement { body, .. }) = &mut replacement
            && !body.get("objectId").is_some_and(is_truthy)
        {
            body.shift_remove("objectId");
        }
        Ok(replacement)
    }

    /// Asks about a change of the object that is remembered. `None` if it is made as the client asked for.
    ///
    /// # Errors
    /// Those of [`Self::before_create`].
    pub(crate) async fn before_update(
        &self,
        service: &DataService,
        id: &str,
        sent: &Members,
    ) -> Result<Option<Replacement>> {
        let nothing = Members::new();
        let object = payload::changed_object(self.original.as_ref().unwrap_or(&nothing), id, sent);
        let mut replacement = self.before(service, object, sent).await?;
        if let Some(Replacement { body, .. }) = &mut replacement {
            body.shift_remove("objectId");
            drop_repeated(body, sent, self.original.as_ref().unwrap_or(&nothing));
        }
        Ok(replacement)
    }

    async fn before(&self, service: &DataService, object: Members, sent: &Members) -> Result<Option<Replacement>> {
        let about = payload::about(&self.class, object, self.original.as_ref());
        let reply = self.triggers.ask(service, &self.class, Moment::BeforeSave, about).await?;
        Replacement::new(reply, sent, &service.settings.keyword_denylist)
    }

    /// What is to be told of the object that was stored; `None` if nobody wants to know.
    pub(crate) fn into_after(self, object: Members) -> Option<After> {
        let about = payload::about(&self.class, object, self.original.as_ref());
        let after = After { triggers: self.triggers, class: self.class, moment: Moment::AfterSave, about };
        self.tells_after.then_some(after)
    }
}

impl Replacement {
    /// What a trigger wants to be written; `None` if that is not for it to say: anything but an object changes nothing.
    fn new(reply: Reply, sent: &Members, denylist: &KeywordDenylist) -> Result<Option<Self>> {
        let Some(mut body) = reply.into_object() else { return Ok(None) };
        for name in NOT_WRITTEN {
            body.shift_remove(name);
        }
        denylist.check(&Json::Object(body.clone()))?;
        let is_news =
            |key: &str, value: &Json| key != "objectId" && !sent.get(key).is_some_and(|sent| same(sent, value));
        let news = body.iter().filter(|(key, value)| is_news(key, value));
        let news = news.map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok(Some(Self { body, news }))
    }
}

/// Takes out what a trigger says of fields that neither it nor the client changes. Most answer the whole object: written as it is, it
/// would undo what others change meanwhile, and count as a new address of a user.
fn drop_repeated(body: &mut Members, sent: &Members, original: &Members) {
    let sent: HashSet<&str> = sent.keys().filter_map(|key| key.split('.').next()).collect();
    body.retain(|key, value| {
        sent.contains(key.as_str()) || !original.get(key).is_some_and(|original| same(original, value))
    });
}

/// Whether two values are the same in JavaScript, which has one kind of numbers.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    fn replacement(sent: Json, success: Json) -> Result<Option<Replacement>> {
        Replacement::new(Reply::Success(success), sent.as_object().unwrap(), &KeywordDenylist::default())
    }

    #[test]
    fn the_object_that_is_answered_is_written_and_the_client_told_what_is_new() {
        let sent = json!({"same": [1, {"a": 2}], "other": 1, "lost": 1});
        let answered = json!({
            "same": [1.0, {"a": 2}], "other": 2, "null": null,
            "objectId": "id", "createdAt": "c", "updatedAt": "u", "className": "Score",
        });
        let Replacement { body, news } = replacement(sent, answered).unwrap().unwrap();
        let written = json!({"same": [1.0, {"a": 2}], "other": 2, "null": null, "objectId": "id"});
        assert_eq!(Json::Object(body), written);
        assert_eq!(Json::Object(news), json!({"other": 2, "null": null}));
    }

    #[test]
    fn what_is_repeated_is_not_written() {
        let members = |json: Json| json.as_object().unwrap().clone();
        let original = members(json!({"sent": 1, "kept": [1], "changed": 1, "path": {"a": 1}, "gone": 1}));
        let mut body = members(json!({"sent": 1, "kept": [1.0], "changed": 2, "path": {"a": 1}, "new": null}));
        drop_repeated(&mut body, &members(json!({"sent": 2, "path.a": 1})), &original);
        assert_eq!(Json::Object(body), json!({"sent": 1, "changed": 2, "path": {"a": 1}, "new": null}));
    }

    #[test]
    fn what_is_no_object_changes_nothing() {
        for success in [json!(true), json!(false), Json::Null, json!("text"), json!(1), json!([{"a": 1}])] {
            assert_eq!(replacement(json!({}), success), Ok(None));
        }
    }

    #[test]
    fn prohibited_words_are_not_let_in_by_triggers() {
        assert_eq!(replacement(json!({}), json!({"a": {"constructor": 1}})).unwrap_err().code as i32, 105);
    }
}
