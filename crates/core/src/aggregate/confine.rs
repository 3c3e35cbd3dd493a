//! What keeps a pipeline inside the app: it reads classes and nothing else, runs no code in the database, and never meets
//! a password hash or a token that makes its bearer the user, which no find with a master key shows either.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::{Collection, Rules, StageName, given::only_member, invalid_query};
use crate::error::Result;

/// Operators that run JavaScript in the database.
const CODE: [&str; 3] = ["$function", "$accumulator", "$where"];

/// The class whose objects hold secrets, and the columns with them.
const SECRETIVE_CLASS: &str = "_User";
const SECRETS: [&str; 4] = ["_hashed_password", "_password_history", "_perishable_token", "_email_verify_token"];

/// Operators of a filter that look at whole documents: they find a column without its name.
const UNNAMED: [&str; 2] = ["$expr", "$jsonSchema"];

/// Stages with their arguments, still JSON.
pub(super) type Stages = Vec<(StageName, Json)>;

/// Confines the stages of one pipeline and of those inside it.
pub(super) struct Confined<'r> {
    collection: &'r dyn Fn(&str) -> Option<Collection>,
}

impl<'r> Confined<'r> {
    pub(super) fn new(rules: &Rules<'r>) -> Self {
        Self { collection: rules.collection }
    }

    /// The stages of a pipeline on a class.
    pub(super) fn pipeline(&self, stages: &[(String, Json)], class: &str) -> Result<Stages> {
        for (_, argument) in stages {
            check(argument)?;
        }
        self.hidden(stages, class)
    }

    /// The stages of a pipeline, with the secrets of its class taken out of the documents before any other stage can look
    /// at them.
    fn hidden(&self, stages: &[(String, Json)], class: &str) -> Result<Stages> {
        let mut confined = self.stages(stages)?;
        if class == SECRETIVE_CLASS {
            let mut place = 0;
            if let Some((name, argument)) = confined.first().filter(|(name, _)| name.comes_first()) {
                check_first(*name, argument)?;
                place = 1;
            }
            confined.insert(place, (StageName::Unset, json!(SECRETS)));
        }
        Ok(confined)
    }

    fn stages(&self, stages: &[(String, Json)]) -> Result<Stages> {
        let mut confined = Vec::with_capacity(stages.len());
        for (name, argument) in stages {
            self.stage(StageName::parse(name)?, argument, &mut confined)?;
        }
        Ok(confined)
    }

    fn stage(&self, name: StageName, argument: &Json, confined: &mut Stages) -> Result<()> {
        match name {
            StageName::Lookup | StageName::GraphLookup => self.lookup(name, argument, confined)?,
            StageName::UnionWith => confined.push((name, self.union(argument)?)),
            StageName::Facet => confined.push((name, self.facet(argument)?)),
            _ => confined.push((name, argument.clone())),
        }
        Ok(())
    }

    /// `$lookup` and `$graphLookup`. What they find is cleared of secrets: inside their own pipeline if they have one, that
    /// it cannot pass them on under other names, otherwise afterwards.
    fn lookup(&self, name: StageName, argument: &Json, confined: &mut Stages) -> Result<()> {
        let mut members = object(name, argument)?;
        let collection = match members.get("from") {
            Some(from) => Some(self.resolve(name, from)?),
            None => None,
        };
        let class = collection.as_ref().map_or("", |collection| &collection.class);
        let has_pipeline = match members.get("pipeline") {
            Some(pipeline) => {
                let pipeline = self.inner(pipeline, class)?;
                members.insert("pipeline".to_owned(), pipeline);
                true
            }
            None => false,
        };
        let found = members.get("as").and_then(Json::as_str).map(str::to_owned);
        if class == SECRETIVE_CLASS {
            refuse_unnamed(name, members.get("restrictSearchWithMatch"))?;
        }
        let tells = class == SECRETIVE_CLASS && !has_pipeline;
        if let Some(collection) = collection {
            members.insert("from".to_owned(), Json::String(collection.name));
        }
        confined.push((name, Json::Object(members)));
        if let Some(found) = found.filter(|_| tells) {
            let secrets: Vec<String> = SECRETS.iter().map(|secret| format!("{found}.{secret}")).collect();
            confined.push((StageName::Unset, json!(secrets)));
        }
        Ok(())
    }

    fn union(&self, argument: &Json) -> Result<Json> {
        let name = StageName::UnionWith;
        let mut members = match argument {
            Json::String(_) => JsonMap::from_iter([("coll".to_owned(), argument.clone())]),
            _ => object(name, argument)?,
        };
        let collection = match members.get("coll") {
            Some(from) => Some(self.resolve(name, from)?),
            None => None,
        };
        let class = collection.as_ref().map_or("", |collection| &collection.class);
        if class == SECRETIVE_CLASS || members.contains_key("pipeline") {
            let none = Json::Array(Vec::new());
            let pipeline = self.inner(members.get("pipeline").unwrap_or(&none), class)?;
            members.insert("pipeline".to_owned(), pipeline);
        }
        if let Some(collection) = collection {
            members.insert("coll".to_owned(), Json::String(collection.name));
        }
        Ok(Json::Object(members))
    }

    /// Every member of `$facet` is a pipeline on documents that are already cleared.
    fn facet(&self, argument: &Json) -> Result<Json> {
        let mut members = object(StageName::Facet, argument)?;
        for pipeline in members.values_mut() {
            *pipeline = self.inner(pipeline, "")?;
        }
        Ok(Json::Object(members))
    }

    /// A pipeline inside a stage.
    fn inner(&self, pipeline: &Json, class: &str) -> Result<Json> {
        let Json::Array(items) = pipeline else {
            return Err(invalid_query("A pipeline inside a stage must be an array."));
        };
        let stages = items.iter().map(only_member).collect::<Result<Vec<_>>>()?;
        let confined = self.hidden(&stages, class)?;
        Ok(confined.into_iter().map(|(name, argument)| json!({ name.as_str(): argument })).collect())
    }

    fn resolve(&self, stage: StageName, name: &Json) -> Result<Collection> {
        let collection = name.as_str().and_then(|name| (self.collection)(name));
        collection.ok_or_else(|| {
            let shown = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
            invalid_query(format!("{} cannot read {shown}: it is not a class.", stage.as_str()))
        })
    }
}

/// Refuses a stage that looks at the documents before the secrets are taken out, if it could search by them without
/// naming them.
fn check_first(name: StageName, argument: &Json) -> Result<()> {
    match name {
        StageName::Search | StageName::SearchMeta | StageName::VectorSearch => {
            Err(invalid_query(format!("{} cannot be used on {SECRETIVE_CLASS}.", name.as_str())))
        }
        StageName::GeoNear => refuse_unnamed(name, argument.get("query")),
        _ => Ok(()),
    }
}

/// A filter on documents that still hold the secrets names every column it looks at.
fn refuse_unnamed(stage: StageName, filter: Option<&Json>) -> Result<()> {
    fn unnamed(json: &Json) -> Option<&str> {
        match json {
            Json::Object(members) => members
                .iter()
                .find_map(|(key, value)| UNNAMED.into_iter().find(|name| key == name).or_else(|| unnamed(value))),
            Json::Array(items) => items.iter().find_map(unnamed),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
        }
    }
    match filter.and_then(unnamed) {
        Some(name) => Err(invalid_query(format!("{} cannot use {name} on {SECRETIVE_CLASS}.", stage.as_str()))),
        None => Ok(()),
    }
}

/// Refuses code, and every mention of a secret: stages that have to come first could search by one.
fn check(argument: &Json) -> Result<()> {
    match argument {
        Json::Object(members) => members.iter().try_for_each(|(key, value)| {
            if CODE.contains(&key.as_str()) {
                return Err(invalid_query(format!("{key} is not allowed: aggregations run no JavaScript.")));
            }
            check_text(key)?;
            check(value)
        }),
        Json::Array(items) => items.iter().try_for_each(check),
        Json::String(text) => check_text(text),
        Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
    }
}

fn check_text(text: &str) -> Result<()> {
    match SECRETS.iter().find(|secret| text.contains(*secret)) {
        Some(secret) => Err(invalid_query(format!("{secret} cannot be read."))),
        None => Ok(()),
    }
}

fn object(stage: StageName, argument: &Json) -> Result<JsonMap<String, Json>> {
    let members = argument.as_object().cloned();
    members.ok_or_else(|| invalid_query(format!("the {} stage specification must be an object", stage.as_str())))
}
