//! Relations in queries: what the join collections hold becomes lists of object ids.

use std::collections::BTreeSet;

use bson::RawDocument;
use futures_util::future::BoxFuture;
use parsefleet_core::{
    ClassName, ClassSchema, ErrorCode, FieldPath, ParseError, Query, Value,
    error::Result,
    query::{Column, Condition, Constraint, FieldCondition},
    value::Pointer,
};

use super::Reader;
use crate::{
    conditions::{is_object, object_id},
    error::parse_error,
    policy::{Operation, guards::Method},
    store::FindOptions,
};

/// The two columns of a join collection.
const OWNER: &str = "owningId";
const TARGET: &str = "relatedId";

impl Reader<'_> {
    /// Replaces every `$relatedTo` and every constraint on a relation by the ids of the objects that satisfy it.
    pub(super) fn resolve_relations<'q>(
        &'q self,
        class: &'q ClassSchema,
        query: &'q mut Query,
    ) -> BoxFuture<'q, Result<()>> {
        Box::pin(async move {
            for condition in &mut query.conditions {
                match condition {
                    Condition::All(queries) | Condition::Any(queries) | Condition::None(queries) => {
                        for query in queries {
                            self.resolve_relations(class, query).await?;
                        }
                    }
                    Condition::RelatedTo { owner, key } => {
                        let ids = self.related_ids(owner, key).await?;
                        *condition = object_id(Constraint::In(ids));
                    }
                    Condition::Field(field) if field.column == Column::Relation => {
                        *condition = self.owners(class, field).await?;
                    }
                    Condition::Field(_) | Condition::ReadableBy(_) | Condition::WritableBy(_) => {}
                }
            }
            Ok(())
        })
    }

    /// The ids in the relation of one object. None if the caller may not read that object: membership is part of it.
    async fn related_ids(&self, owner: &Pointer, key: &FieldPath) -> Result<Vec<Value>> {
        if self.caller.is_restricted() && !self.may_follow(owner, key).await? {
            return Ok(Vec::new());
        }
        let owner_is = Constraint::Equal(Value::String(owner.object_id.clone()));
        self.rows(&owner.class_name, key.as_str(), OWNER, owner_is, TARGET).await
    }

    async fn may_follow(&self, owner: &Pointer, key: &FieldPath) -> Result<bool> {
        let readable = async {
            let Some(class) = self.class(&owner.class_name, Method::Get).await? else { return Ok(false) };
            class.protected.visibility(self.caller).check_relation(key.as_str(), &owner.class_name)?;
            let query = Query { conditions: vec![is_object(&owner.object_id)] };
            let query = self.own_sessions_only(&class.schema, query)?;
            let options =
                FindOptions { limit: Some(1), projection: Some(vec!["_id".to_owned()]), ..Default::default() };
            let found = self.fetch(&class, &query, Operation::Get, &options).await;
            match found {
                Ok(documents) => Ok(!documents.is_empty()),
                Err(error) if hides_the_object(&error) => Ok(false),
                Err(error) => Err(error),
            }
        };
        readable.await
    }

    /// The objects whose relation satisfies the constraints, as a condition on their ids.
    async fn owners(&self, class: &ClassSchema, field: &FieldCondition) -> Result<Condition> {
        let mut constraints = Vec::new();
        for constraint in &field.constraints {
            let (targets, wanted) = match constraint {
                Constraint::Equal(target @ Value::Pointer(_)) => (std::slice::from_ref(target), true),
                Constraint::In(targets) => (targets.as_slice(), true),
                Constraint::NotEqual(target) => (std::slice::from_ref(target), false),
                Constraint::NotIn(targets) => (targets.as_slice(), false),
                _ => continue,
            };
            let ids = self.owner_ids(class, &field.path, targets).await?;
            constraints.push(if wanted { Constraint::In(ids) } else { Constraint::NotIn(ids) });
        }
        if constraints.is_empty() {
            constraints.push(Constraint::In(Vec::new()));
        }
        let mut conditions: Vec<Condition> = constraints.into_iter().map(object_id).collect();
        Ok(match conditions.len() {
            1 => conditions.remove(0),
            _ => Condition::All(vec![Query { conditions }]),
        })
    }

    async fn owner_ids(&self, class: &ClassSchema, key: &FieldPath, targets: &[Value]) -> Result<Vec<Value>> {
        let ids = targets.iter().filter_map(|target| match target {
            Value::Pointer(pointer) => Some(Value::String(pointer.object_id.clone())),
            _ => None,
        });
        self.rows(class.name.as_str(), key.as_str(), TARGET, Constraint::In(ids.collect()), OWNER).await
    }

    /// One column of the rows of a join collection whose other column satisfies the constraint, each value once.
    async fn rows(
        &self,
        class: &str,
        key: &str,
        column: &'static str,
        constraint: Constraint,
        wanted: &'static str,
    ) -> Result<Vec<Value>> {
        // A class or key that cannot be named has no relation.
        let Some(name) = ClassName::new(&format!("_Join:{key}:{class}")) else { return Ok(Vec::new()) };
        let Some(path) = FieldPath::new(column) else { return Ok(Vec::new()) };
        let condition = FieldCondition { path, column: Column::Plain, constraints: vec![constraint] };
        let query = Query { conditions: vec![Condition::Field(condition)] };
        let options = FindOptions {
            projection: Some(vec![wanted.to_owned()]),
            read_preference: self.read_preference.clone(),
            ..FindOptions::default()
        };
        let rows = self.service.store.find(&ClassSchema::new(name), &query, &options).await.map_err(parse_error)?;
        let ids: BTreeSet<String> = rows.iter().filter_map(|row| text(row, wanted)).collect();
        Ok(ids.into_iter().map(Value::String).collect())
    }
}

/// Whether an error says that the caller may not see the object or its class.
fn hides_the_object(error: &ParseError) -> bool {
    matches!(error.code, ErrorCode::OperationForbidden | ErrorCode::ObjectNotFound)
}

fn text(row: &RawDocument, column: &str) -> Option<String> {
    row.get_str(column).ok().map(str::to_owned)
}
