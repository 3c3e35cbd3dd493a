//! What objects and queries may do.

use std::collections::BTreeMap;

use parsefleet_core::denylist::KeywordDenylist;
use serde_json::{Map, Value as Json, json};

use super::Builder;
use crate::config::{Objects, RequestComplexity};

impl Builder<'_> {
    pub(super) fn objects(&mut self) -> Objects {
        let object_id_size = self.positive("objectIdSize", "Object id size").unwrap_or(1);
        let keyword_denylist = self.settings.list("requestKeywordDenylist").unwrap_or_default();
        if let Err(error) = KeywordDenylist::new(&keyword_denylist) {
            self.problem(format!("requestKeywordDenylist: {error}"));
        }
        Objects {
            object_id_size: usize::try_from(object_id_size).unwrap_or(usize::MAX),
            allow_custom_object_id: self.settings.boolean("allowCustomObjectId"),
            allow_client_class_creation: self.settings.boolean("allowClientClassCreation"),
            default_limit: self.positive("defaultLimit", "Default limit").unwrap_or(1),
            max_limit: self.positive("maxLimit", "Max limit"),
            aggregation_raw_values: self.query_flag("aggregationRawValues"),
            aggregation_raw_field_names: self.query_flag("aggregationRawFieldNames"),
            allow_aggregation_for_read_only_master: self.settings.boolean("allowAggregationForReadOnlyMasterKey"),
            keyword_denylist,
            file_key: self.settings.text("fileKey"),
            protected_fields: self.protected_fields(),
            protected_fields_owner_exempt: self.settings.boolean("protectedFieldsOwnerExempt"),
            protected_fields_trigger_exempt: self.settings.boolean("protectedFieldsTriggerExempt"),
            request_complexity: self.request_complexity(),
        }
    }

    fn request_complexity(&mut self) -> RequestComplexity {
        let given = match self.settings.value("requestComplexity") {
            Some(Json::Object(members)) => members,
            None | Some(Json::Null) => Map::new(),
            Some(_) => {
                self.problem("requestComplexity must be an object.");
                Map::new()
            }
        };
        let allow_regex = match given.get("allowRegex") {
            None => true,
            Some(Json::Bool(allowed)) => *allowed,
            Some(_) => {
                self.problem("requestComplexity.allowRegex must be a boolean.");
                true
            }
        };
        RequestComplexity {
            include_depth: self.complexity_limit(&given, "includeDepth"),
            include_count: self.complexity_limit(&given, "includeCount"),
            query_depth: self.complexity_limit(&given, "queryDepth"),
            subquery_depth: self.complexity_limit(&given, "subqueryDepth"),
            subquery_limit: self.complexity_limit(&given, "subqueryLimit"),
            allow_regex,
            batch_request_limit: self.complexity_limit(&given, "batchRequestLimit"),
        }
    }

    fn complexity_limit(&mut self, given: &Map<String, Json>, name: &str) -> Option<usize> {
        let limit = given.get(name)?.as_f64().filter(|limit| limit.fract() == 0.0);
        match limit {
            Some(-1.0) => None,
            // Greater than any request, whatever the size of a pointer.
            Some(limit) if limit >= 1.0 => Some(limit as usize),
            _ => {
                self.problem(format!("requestComplexity.{name} must be a positive integer or -1 to disable."));
                None
            }
        }
    }

    /// A member of `query`.
    fn query_flag(&self, name: &str) -> bool {
        self.settings.value("query").and_then(|query| query.get(name).and_then(Json::as_bool)).unwrap_or(false)
    }

    /// `protectedFields` as given, with `userSensitiveFields` and then the default added.
    fn protected_fields(&mut self) -> Json {
        let given = self.settings.value("protectedFields").unwrap_or(Json::Null);
        let Ok(mut classes) = serde_json::from_value::<Protected>(given) else {
            self.problem("protectedFields must be an object: class to group to a list of fields");
            return Json::Null;
        };
        if let Some(sensitive) = self.texts("userSensitiveFields", "userSensitiveFields must only contain strings") {
            add(&mut classes, "_User", "*", &sensitive);
        }
        // While owners see their protected fields the default is always added; else a given group stands for itself.
        let always = self.settings.boolean("protectedFieldsOwnerExempt");
        for (class, groups) in default() {
            for (group, fields) in groups {
                let is_given = classes.get(&class).is_some_and(|groups| groups.contains_key(&group));
                if always || !is_given {
                    add(&mut classes, &class, &group, &fields);
                }
            }
        }
        json!(classes)
    }
}

/// Class to group to fields.
type Protected = BTreeMap<String, BTreeMap<String, Vec<String>>>;

fn default() -> Protected {
    BTreeMap::from([("_User".to_owned(), BTreeMap::from([("*".to_owned(), vec!["email".to_owned()])]))])
}

fn add(classes: &mut Protected, class: &str, group: &str, fields: &[String]) {
    let present = classes.entry(class.to_owned()).or_default().entry(group.to_owned()).or_default();
    for field in fields {
        if !present.contains(field) {
            present.push(field.clone());
        }
    }
}
