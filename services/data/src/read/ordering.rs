//! In which order results come, and that the order tells nothing the caller may not see.
//!
//! An index that MongoDB walks gives its order to results that nobody ordered. A client could have one walked by a hint, or
//! by a search for the first column of an index over several.

use parsefleet_core::{
    FieldPath, Query,
    error::Result,
    query::{Column, Condition, Constraint, Direction, SortKey, order},
};
use serde_json::Value as Json;

use super::Reader;
use crate::{policy::Visibility, schema::Class};

impl Reader<'_> {
    /// The keys to sort by.
    ///
    /// # Errors
    /// 105 for what cannot be a field's name, 119 for a field that the caller may not see.
    pub(super) fn sort(&self, class: &Class, terms: &[String], filter: &Json, query: &Query) -> Result<Vec<SortKey>> {
        let mut sort = order::parse(&terms.join(","), &class.schema)?;
        if self.sees_everything_of(class, filter) {
            return Ok(sort);
        }
        let visibility = class.protected.visibility(self.caller);
        visibility.check_order(&sort, class.schema.name.as_str())?;
        // A distance is an order of its own.
        let is_free =
            sort.iter().all(|key| key.column != Column::ObjectId) && !(sort.is_empty() && searches_near(query));
        if is_free && has_telling_index(class, &visibility) {
            let path = FieldPath::object_id();
            sort.push(SortKey { path, column: Column::ObjectId, direction: Direction::Ascending });
        }
        Ok(sort)
    }

    /// The hint of a request. One by a client is passed over where an index may hold what it may not see.
    pub(super) fn hint(&self, class: &Class, given: Option<&Json>) -> Option<Json> {
        let hides_something = class.protected.visibility(self.caller).hides_something();
        given.filter(|_| !hides_something).cloned()
    }
}

/// Whether an index over several columns holds one that the caller may not see.
fn has_telling_index(class: &Class, visibility: &Visibility) -> bool {
    let is_hidden = |column: &String| {
        let field = column.strip_prefix("_p_").unwrap_or(column);
        let root = field.split('.').next().unwrap_or_default();
        visibility.hidden.iter().any(|hidden| hidden == root) || column.starts_with("_auth_data_")
    };
    let mut indexes = class.schema.indexes.values().filter_map(Json::as_object);
    visibility.hides_something() && indexes.any(|columns| columns.len() > 1 && columns.keys().any(is_hidden))
}

fn searches_near(query: &Query) -> bool {
    query.conditions.iter().any(|condition| match condition {
        Condition::All(queries) => queries.iter().any(searches_near),
        Condition::Field(field) => {
            field.constraints.iter().any(|constraint| matches!(constraint, Constraint::Near { .. }))
        }
        Condition::Any(_)
        | Condition::None(_)
        | Condition::RelatedTo { .. }
        | Condition::ReadableBy(_)
        | Condition::WritableBy(_) => false,
    })
}
