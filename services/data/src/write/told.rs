//! What the answer to a save tells of triggers, and what triggers are told of the save.

use parsefleet_core::error::Result;
use serde_json::{Map as JsonMap, Value as Json};

use crate::{service::DataService, triggers::SaveTriggers};

/// Members of what is stored that its writer did not send, as `beforeSave` gave them.
#[derive(Debug, Default)]
pub(super) struct News(pub(super) JsonMap<String, Json>);

impl News {
    /// Adds them to an answer that does not hold them yet. Of operations the answer holds what they led to, if anything: only
    /// that a field is removed is told as such.
    pub(super) fn add_to(&self, body: &mut Vec<u8>, is_told: impl Fn(&str) -> bool) {
        for (key, value) in &self.0 {
            let operation = value.get("__op");
            if is_told(key) || operation.is_some_and(|name| name != "Delete") {
                continue;
            }
            // The answer is an object with at least one member.
            if body.pop().is_some() {
                let member = format!(",{}:{value}}}", Json::from(key.as_str()));
                body.extend_from_slice(member.as_bytes());
            }
        }
    }
}

impl DataService {
    /// Tells `afterSave` of what is stored. What it answers takes the place of the answer at hand.
    pub(super) async fn tell_after_save(
        &self,
        triggers: SaveTriggers,
        stored: JsonMap<String, Json>,
        body: &mut Vec<u8>,
    ) -> Result<()> {
        let Some(after) = triggers.into_after(stored) else { return Ok(()) };
        if let Some(answer) = self.tell(after).await? {
            *body = answer.to_string().into_bytes();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_tells_what_its_reader_does_not_know() {
        let news = json!({
            "known": 1, "value": [1], "null": null, "gone": {"__op": "Delete"}, "op": {"__op": "Add", "objects": [1]},
        });
        let mut body = br#"{"updatedAt":"now","known":2}"#.to_vec();
        News(news.as_object().unwrap().clone()).add_to(&mut body, |key| key == "known");
        let told = r#"{"updatedAt":"now","known":2,"value":[1],"null":null,"gone":{"__op":"Delete"}}"#;
        assert_eq!(String::from_utf8(body).unwrap(), told);
    }
}
