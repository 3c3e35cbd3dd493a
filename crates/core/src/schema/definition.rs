//! Classes as the configuration defines them, and the way to them from what the database has.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::{
    ClassSchema, Field, FieldRequest, ID_INDEX, IndexRequest, SchemaRequest, SchemaRules, class_name,
    field_request::is_default, request::IndexFields,
};
use crate::{ClassName, ParseError, error::Result};

/// What is done about differences that cost data or that somebody may want to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DefinitionRules {
    /// Tell of classes and fields that are not defined.
    pub strict: bool,
    /// Remove fields that are not defined, with their values.
    pub delete_extra_fields: bool,
    /// Remove fields that have another type, with their values, and make them anew.
    pub recreate_modified_fields: bool,
    /// Leave indexes that are not defined.
    pub keep_unknown_indexes: bool,
}

/// One class of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Name.
    pub name: ClassName,
    fields: Vec<(String, JsonMap<String, Json>)>,
    indexes: Vec<(String, JsonMap<String, Json>)>,
    permissions: JsonMap<String, Json>,
}

/// Requests that lead to the defined class, in order, and what should be told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefinitionPlan {
    /// The first one makes the class if it is not there; the others change it.
    pub requests: Vec<SchemaRequest>,
    /// Differences that stay.
    pub warnings: Vec<String>,
}

impl Definition {
    /// Reads an entry of `schema.definitions`.
    ///
    /// # Errors
    /// What the schema API would answer to such a class.
    pub fn parse(json: &Json, rules: &SchemaRules) -> Result<Self> {
        let Json::Object(members) = json else { return Err(super::request::invalid_json()) };
        let request = SchemaRequest::from_json(members.clone())?;
        let name = class_name(request.class_name.as_deref().unwrap_or_default())?;
        let fields = request.fields.into_iter().filter(|(field, _)| !is_default(&name, field));
        let mut definition = Self {
            fields: fields.filter_map(|(field, request)| Some((field, field_options(request)?))).collect(),
            indexes: request.indexes.into_iter().filter_map(|(index, request)| Some((index, keys(request)?))).collect(),
            permissions: request.permissions.and_then(|given| given.as_object().cloned()).unwrap_or_default(),
            name,
        };
        definition.indexes.retain(|(index, _)| !is_parses_own(&definition.name, index));
        // Clients add no fields to a class that is defined.
        definition.permissions.insert("addField".to_owned(), json!({}));
        definition.check(rules)?;
        Ok(definition)
    }

    /// Refuses fields that no class can have. What permissions and indexes speak of may be in the database only.
    fn check(&self, rules: &SchemaRules) -> Result<(), ParseError> {
        let request = SchemaRequest { fields: put(&self.fields), ..SchemaRequest::default() };
        let rules = SchemaRules { index_fields: IndexFields::Any, ..*rules };
        ClassSchema::create(self.name.clone(), &request, &rules).map(|_| ())
    }

    /// The way from the class as it is.
    pub fn plan(&self, class: Option<&ClassSchema>, rules: &DefinitionRules) -> DefinitionPlan {
        let permissions = Some(Json::Object(self.permissions.clone()));
        let Some(class) = class else {
            let indexes = self.indexes.iter().map(|(name, keys)| (name.clone(), IndexRequest::Make(keys.clone())));
            let request =
                SchemaRequest { fields: put(&self.fields), permissions, indexes: indexes.collect(), class_name: None };
            return DefinitionPlan { requests: vec![request], warnings: Vec::new() };
        };
        let mut plan = DefinitionPlan::default();
        self.plan_fields(class, rules, &mut plan);
        let (changed, remade) = self.plan_indexes(class, rules);
        let permissions = permissions.filter(|permissions| class.permissions.as_ref() != Some(permissions));
        plan.requests.push(SchemaRequest { permissions, indexes: changed, ..SchemaRequest::default() });
        plan.requests.push(SchemaRequest { indexes: remade, ..SchemaRequest::default() });
        plan.requests.retain(|request| *request != SchemaRequest::default());
        plan
    }

    fn plan_fields(&self, class: &ClassSchema, rules: &DefinitionRules, plan: &mut DefinitionPlan) {
        let (mut removed, mut remade, mut put) = (Vec::new(), Vec::new(), Vec::new());
        let is_own = |(name, _): &(&String, &Field)| !is_default(&self.name, name);
        for (name, field) in class.fields.iter().filter(is_own) {
            let Some((_, defined)) = self.fields.iter().find(|(defined, _)| defined == name) else {
                match (rules.delete_extra_fields, rules.strict) {
                    (true, _) => removed.push((name.clone(), FieldRequest::Remove)),
                    (false, true) => plan.warnings.push(format!("{}.{name} is not defined", self.name)),
                    (false, false) => {}
                }
                continue;
            };
            if !has_type_of(field, defined) {
                match (rules.recreate_modified_fields, rules.strict) {
                    (true, _) => {
                        removed.push((name.clone(), FieldRequest::Remove));
                        remade.push((name.clone(), FieldRequest::Put(defined.clone())));
                    }
                    (false, true) => {
                        let text = format!("{}.{name} is {} and defined as another type", self.name, field.field_type);
                        plan.warnings.push(text);
                    }
                    (false, false) => {}
                }
                continue;
            }
            let options: JsonMap<String, Json> = without_type(defined);
            if options != field.options {
                put.push((name.clone(), FieldRequest::Put(defined.clone())));
            }
        }
        let missing = self.fields.iter().filter(|(name, _)| !class.fields.contains_key(name));
        put.extend(remade);
        put.extend(missing.map(|(name, defined)| (name.clone(), FieldRequest::Put(defined.clone()))));
        // What goes goes first: a class has room for one geographic point.
        plan.requests.push(SchemaRequest { fields: removed, ..SchemaRequest::default() });
        plan.requests.push(SchemaRequest { fields: put, ..SchemaRequest::default() });
    }

    /// Indexes that go and come, and those that come again with other keys.
    fn plan_indexes(&self, class: &ClassSchema, rules: &DefinitionRules) -> (IndexRequests, IndexRequests) {
        let (mut changed, mut remade) = (Vec::new(), Vec::new());
        for (name, keys) in class.indexes.iter().filter(|(name, _)| !is_parses_own(&self.name, name)) {
            match self.indexes.iter().find(|(defined, _)| defined == name) {
                Some((_, defined)) if keys.as_object() == Some(defined) => {}
                Some((_, defined)) => {
                    changed.push((name.clone(), IndexRequest::Remove));
                    remade.push((name.clone(), IndexRequest::Make(defined.clone())));
                }
                None if rules.keep_unknown_indexes => {}
                None => changed.push((name.clone(), IndexRequest::Remove)),
            }
        }
        let missing = self.indexes.iter().filter(|(name, _)| !class.indexes.contains_key(name));
        changed.extend(missing.map(|(name, keys)| (name.clone(), IndexRequest::Make(keys.clone()))));
        (changed, remade)
    }
}

impl ClassSchema {
    /// The change that keeps clients from adding fields to a class that the configuration does not define; `None` if they
    /// cannot as it is.
    pub fn closing(&self) -> Option<SchemaRequest> {
        let mut permissions = self.to_rest().get("classLevelPermissions")?.as_object()?.clone();
        if self.permissions.is_some() && permissions.get("addField") == Some(&json!({})) {
            return None;
        }
        permissions.insert("addField".to_owned(), json!({}));
        Some(SchemaRequest { permissions: Some(Json::Object(permissions)), ..SchemaRequest::default() })
    }
}

type IndexRequests = Vec<(String, IndexRequest)>;

/// Type and the options that a definition may give.
fn field_options(request: FieldRequest) -> Option<JsonMap<String, Json>> {
    let FieldRequest::Put(spec) = request else { return None };
    let is_relation = spec.get("type").and_then(Json::as_str) == Some("Relation");
    let known: &[&str] =
        if is_relation { &["type", "targetClass"] } else { &["type", "targetClass", "required", "defaultValue"] };
    Some(spec.into_iter().filter(|(key, value)| known.contains(&key.as_str()) && !value.is_null()).collect())
}

fn keys(request: IndexRequest) -> Option<JsonMap<String, Json>> {
    match request {
        IndexRequest::Make(keys) => Some(keys),
        IndexRequest::Remove => None,
    }
}

fn put(fields: &[(String, JsonMap<String, Json>)]) -> Vec<(String, FieldRequest)> {
    fields.iter().map(|(name, spec)| (name.clone(), FieldRequest::Put(spec.clone()))).collect()
}

fn has_type_of(field: &Field, defined: &JsonMap<String, Json>) -> bool {
    let text = |key: &str| defined.get(key).and_then(Json::as_str);
    let target = field.field_type.target_class();
    text("type") == Some(field.field_type.type_name()) && (target.is_none() || text("targetClass") == target)
}

fn without_type(defined: &JsonMap<String, Json>) -> JsonMap<String, Json> {
    let options = defined.iter().filter(|(key, _)| *key != "type" && *key != "targetClass");
    options.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Indexes that Parse itself makes and needs.
fn is_parses_own(class: &ClassName, index: &str) -> bool {
    let own: &[&str] = match class.as_str() {
        "_User" => &[
            "username_1",
            "email_1",
            "case_insensitive_username",
            "case_insensitive_email",
            "username_unique_ignoring_case",
            "email_unique_ignoring_case",
            "_email_verify_token",
            "_perishable_token",
        ],
        "_Session" => &["_session_token_1", "_p_user_1"],
        "_Role" => &["name_1"],
        "_Idempotency" => &["reqId_1", "ttl"],
        _ => &[],
    };
    let is_identity = class.as_str() == "_User" && index.starts_with("_auth_data_");
    index == ID_INDEX || own.contains(&index) || is_identity
}

#[cfg(test)]
mod tests;
