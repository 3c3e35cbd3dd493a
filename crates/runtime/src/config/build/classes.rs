//! Classes that are set up at the start.

use std::collections::BTreeSet;

use parsefleet_core::{
    schema::{Definition, DefinitionRules, IndexFields, SchemaRules},
    update::ObjectIds,
};
use serde_json::Value as Json;

use super::Builder;
use crate::config::DefinedClasses;

impl Builder<'_> {
    /// `schema`; `None` if it is not given.
    pub(super) fn defined_classes(&mut self) -> Option<DefinedClasses> {
        let given = self.settings.value("schema")?;
        let Json::Object(given) = given else {
            self.problem("schema must be an object.");
            return None;
        };
        let mut flag = |name: &str| match given.get(name) {
            None => false,
            Some(Json::Bool(value)) => *value,
            Some(_) => {
                self.problem(format!("schema.{name} must be a boolean."));
                false
            }
        };
        let rules = DefinitionRules {
            strict: flag("strict"),
            delete_extra_fields: flag("deleteExtraFields"),
            recreate_modified_fields: flag("recreateModifiedFields"),
            keep_unknown_indexes: flag("keepUnknownIndexes"),
        };
        let lock = flag("lockSchemas");
        let definitions = self.definitions(given.get("definitions"));
        Some(DefinedClasses { definitions, rules, lock })
    }

    fn definitions(&mut self, given: Option<&Json>) -> Vec<Definition> {
        let entries = match given {
            None => return Vec::new(),
            Some(Json::Array(entries)) => entries,
            Some(_) => {
                self.problem("schema.definitions must be a list of classes.");
                return Vec::new();
            }
        };
        let user_ids =
            if self.settings.boolean("allowCustomObjectId") { ObjectIds::Custom } else { ObjectIds::Generated };
        let rules = SchemaRules { user_ids, index_fields: IndexFields::Known };
        let mut names = BTreeSet::new();
        let mut definitions = Vec::new();
        for (position, entry) in entries.iter().enumerate() {
            match Definition::parse(entry, &rules) {
                Ok(definition) if !names.insert(definition.name.clone()) => {
                    self.problem(format!("schema.definitions holds {} more than once.", definition.name));
                }
                Ok(definition) => definitions.push(definition),
                Err(error) => {
                    let name = entry.get("className").and_then(Json::as_str).unwrap_or("a class");
                    self.problem(format!("schema.definitions, entry {}, {name}: {}", position + 1, error.message));
                }
            }
        }
        definitions
    }
}
