//! A query as a MongoDB filter.

use bson::{Bson, Document, doc};
use parsefleet_core::{
    ClassSchema, Query, Value,
    query::{Column, Condition, Constraint, Direction, FieldCondition, Pattern, SortKey, TextSearch},
    value::GeoPoint,
};

use crate::{
    codec::{
        columns::column_name,
        values::{Place, to_bson},
    },
    store::StoreError,
};

/// What the filter is for: MongoDB cannot count near a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Find,
    Count,
    Write,
}

/// The filter of a query on a class.
pub(super) fn filter(class: &ClassSchema, query: &Query, purpose: Purpose) -> Result<Document, StoreError> {
    let mut builder = Builder { class, purpose, filter: Document::new(), further: Vec::new() };
    for condition in &query.conditions {
        builder.condition(condition)?;
    }
    Ok(builder.finish())
}

/// What the order by one key is called and how it goes.
pub(super) fn sort_entry(key: &SortKey) -> (String, Bson) {
    let direction = match (&key.column, key.direction) {
        (Column::TextScore, _) => return ("score".to_owned(), text_score()),
        (_, Direction::Ascending) => 1,
        (_, Direction::Descending) => -1,
    };
    (column_name(&key.path, &key.column), Bson::Int32(direction))
}

/// The score of a full-text search.
pub(super) fn text_score() -> Bson {
    doc! { "$meta": "textScore" }.into()
}

/// Collects conditions in one document as long as their keys differ; the others are joined by `$and`.
struct Builder<'c> {
    class: &'c ClassSchema,
    purpose: Purpose,
    filter: Document,
    further: Vec<Bson>,
}

impl Builder<'_> {
    fn put(&mut self, key: impl Into<String>, value: impl Into<Bson>) {
        let (key, value) = (key.into(), value.into());
        if self.filter.contains_key(&key) {
            self.further.push(Bson::Document(doc! { key: value }));
        } else {
            self.filter.insert(key, value);
        }
    }

    fn finish(mut self) -> Document {
        if self.further.is_empty() {
            return self.filter;
        }
        match self.filter.get_mut("$and") {
            Some(Bson::Array(parts)) => parts.append(&mut self.further),
            _ => {
                self.filter.insert("$and", self.further);
            }
        }
        self.filter
    }

    fn condition(&mut self, condition: &Condition) -> Result<(), StoreError> {
        match condition {
            Condition::All(queries) => self.combine("$and", queries),
            Condition::Any(queries) if queries.is_empty() => {
                self.never();
                Ok(())
            }
            Condition::Any(queries) => self.combine("$or", queries),
            Condition::None(queries) => self.combine("$nor", queries),
            Condition::Field(field) => self.field(field),
            Condition::RelatedTo { .. } => Err(unresolved("$relatedTo")),
            Condition::ReadableBy(subjects) => {
                self.put("_rperm", permitted(subjects));
                Ok(())
            }
            Condition::WritableBy(subjects) => {
                self.put("_wperm", permitted(subjects));
                Ok(())
            }
        }
    }

    /// MongoDB refuses empty lists. An empty `$and` or `$nor` says nothing.
    fn combine(&mut self, operator: &str, queries: &[Query]) -> Result<(), StoreError> {
        let mut parts = Vec::with_capacity(queries.len());
        for query in queries {
            parts.push(filter(self.class, query, self.purpose)?);
        }
        if !parts.is_empty() {
            self.put(operator, parts);
        }
        Ok(())
    }

    fn never(&mut self) {
        self.put("_id", doc! { "$in": [] });
    }

    fn field(&mut self, condition: &FieldCondition) -> Result<(), StoreError> {
        if condition.column == Column::Relation {
            return Err(unresolved("a constraint on a relation"));
        }
        let key = column_name(&condition.path, &condition.column);
        let operands = Operands::of(self.class, &condition.column);
        let mut operators = Document::new();
        for constraint in &condition.constraints {
            for (operator, operand) in self.constraint(&key, constraint, operands)? {
                if operators.contains_key(&operator) {
                    self.further.push(Bson::Document(doc! { &key: { operator: operand } }));
                } else {
                    operators.insert(operator, operand);
                }
            }
        }
        // Means the same as `$eq`, but MongoDB takes its shortest way, without a plan, only for an `_id` that is named like this.
        match operators.get("$eq") {
            Some(Bson::String(text)) if operators.len() == 1 => self.put(key, text.as_str()),
            _ if operators.is_empty() => {}
            _ => self.put(key, operators),
        }
        Ok(())
    }

    /// The operators of one constraint; what is not said by an operator of the field goes straight into the filter.
    fn constraint(
        &mut self,
        key: &str,
        constraint: &Constraint,
        operands: Operands,
    ) -> Result<Vec<(String, Bson)>, StoreError> {
        let (operator, operand) = match constraint {
            Constraint::Equal(value) => ("$eq", operands.value(value)?),
            Constraint::NotEqual(value) => ("$ne", operands.value(value)?),
            Constraint::Less(value) => ("$lt", operands.value(value)?),
            Constraint::LessOrEqual(value) => ("$lte", operands.value(value)?),
            Constraint::Greater(value) => ("$gt", operands.value(value)?),
            Constraint::GreaterOrEqual(value) => ("$gte", operands.value(value)?),
            Constraint::Exists(exists) => ("$exists", Bson::Boolean(*exists)),
            Constraint::In(values) => ("$in", operands.list(values)?),
            Constraint::NotIn(values) => ("$nin", operands.list(values)?),
            Constraint::All(values) => ("$all", Operands { place: Place::Nested, ..operands }.list(values)?),
            Constraint::AllMatch(patterns) => ("$all", regular_expressions(patterns)?),
            Constraint::ContainedBy(values) => {
                let others = doc! { key: { "$elemMatch": { "$nin": operands.list(values)? } } };
                self.further.push(Bson::Document(doc! { "$nor": [others] }));
                return Ok(Vec::new());
            }
            Constraint::Matches(pattern) => return Ok(regex_operators(pattern)),
            Constraint::Text(search) => {
                self.put("$text", text_search(search));
                return Ok(Vec::new());
            }
            Constraint::Near { point, max_distance } => return Ok(self.near(*point, *max_distance)),
            Constraint::WithinBox(south_west, north_east) => {
                ("$geoWithin", doc! { "$box": [pair(*south_west), pair(*north_east)] }.into())
            }
            Constraint::WithinPolygon(vertices) => {
                let vertices: Vec<Bson> = vertices.iter().copied().map(pair).collect();
                ("$geoWithin", doc! { "$polygon": vertices }.into())
            }
            Constraint::WithinSphere(centre, radius) => ("$geoWithin", sphere(*centre, *radius)),
            Constraint::Intersects(point) => {
                ("$geoIntersects", doc! { "$geometry": { "type": "Point", "coordinates": pair(*point) } }.into())
            }
            Constraint::InQuery(_)
            | Constraint::NotInQuery(_)
            | Constraint::Select(..)
            | Constraint::DontSelect(..) => {
                return Err(unresolved("a query inside a query"));
            }
        };
        Ok(vec![(operator.to_owned(), operand)])
    }

    /// Counting cannot sort by distance: there a circle stands for it, or the mere presence of a place.
    fn near(&self, point: GeoPoint, max_distance: Option<f64>) -> Vec<(String, Bson)> {
        match (self.purpose, max_distance) {
            (Purpose::Find, None) => vec![("$nearSphere".to_owned(), pair(point))],
            (Purpose::Find, Some(distance)) => {
                vec![("$nearSphere".to_owned(), pair(point)), ("$maxDistance".to_owned(), Bson::Double(distance))]
            }
            (Purpose::Count | Purpose::Write, Some(distance)) => {
                vec![("$geoWithin".to_owned(), sphere(point, distance))]
            }
            (Purpose::Count | Purpose::Write, None) => vec![("$ne".to_owned(), Bson::Null)],
        }
    }
}

/// How the operands of one column are stored.
#[derive(Clone, Copy)]
struct Operands {
    place: Place,
    has_numeric_ids: bool,
}

impl Operands {
    fn of(class: &ClassSchema, column: &Column) -> Self {
        let place = match column {
            Column::Array | Column::Nested | Column::AuthData => Place::Nested,
            Column::ObjectId
            | Column::CreatedAt
            | Column::UpdatedAt
            | Column::Pointer
            | Column::Relation
            | Column::TextScore
            | Column::Plain
            | Column::Renamed(_) => Place::Column,
        };
        Self {
            place,
            has_numeric_ids: *column == Column::ObjectId && crate::codec::has_numeric_ids(class.name.as_str()),
        }
    }

    fn value(self, value: &Value) -> Result<Bson, StoreError> {
        match value {
            Value::String(id) if self.has_numeric_ids => {
                Ok(id.parse::<i32>().map_or_else(|_| Bson::String(id.clone()), Bson::Int32))
            }
            Value::Relation(_) => Err(unresolved("a relation as operand")),
            _ => to_bson(value, self.place).map_err(|error| StoreError::Unsupported(error.message)),
        }
    }

    fn list(self, values: &[Value]) -> Result<Bson, StoreError> {
        values.iter().map(|value| self.value(value)).collect::<Result<Vec<_>, _>>().map(Bson::Array)
    }
}

/// No list at all is public; `*` is everybody.
fn permitted(subjects: &[String]) -> Document {
    let mut allowed = vec![Bson::Null];
    if !subjects.iter().any(|subject| subject == "*") {
        allowed.push("*".into());
    }
    allowed.extend(subjects.iter().map(Bson::from));
    doc! { "$in": allowed }
}

fn regular_expressions(patterns: &[Pattern]) -> Result<Bson, StoreError> {
    let mut expressions = Vec::with_capacity(patterns.len());
    for pattern in patterns {
        let text = |text: &str| {
            bson::raw::CString::try_from(text.to_owned())
                .map_err(|_| StoreError::Unsupported("a regular expression cannot hold a null character".to_owned()))
        };
        expressions.push(Bson::RegularExpression(bson::Regex {
            pattern: text(&pattern.source)?,
            options: text(&known_options(pattern))?,
        }));
    }
    Ok(Bson::Array(expressions))
}

fn regex_operators(pattern: &Pattern) -> Vec<(String, Bson)> {
    let mut operators = vec![("$regex".to_owned(), Bson::from(&pattern.source))];
    let options = known_options(pattern);
    if !options.is_empty() {
        operators.push(("$options".to_owned(), options.into()));
    }
    operators
}

/// `u` is always on in MongoDB, and older servers refuse it by name. BSON wants the rest in alphabetical order.
fn known_options(pattern: &Pattern) -> String {
    let mut options: Vec<char> = pattern.options.chars().filter(|option| *option != 'u').collect();
    options.sort_unstable();
    options.into_iter().collect()
}

fn text_search(search: &TextSearch) -> Document {
    let mut text = doc! { "$search": &search.term };
    if let Some(language) = &search.language {
        text.insert("$language", language);
    }
    if let Some(is_sensitive) = search.case_sensitive {
        text.insert("$caseSensitive", is_sensitive);
    }
    if let Some(is_sensitive) = search.diacritic_sensitive {
        text.insert("$diacriticSensitive", is_sensitive);
    }
    text
}

fn sphere(centre: GeoPoint, radius: f64) -> Bson {
    doc! { "$centerSphere": [pair(centre), radius] }.into()
}

/// MongoDB puts longitude first.
fn pair(point: GeoPoint) -> Bson {
    Bson::Array(vec![Bson::Double(point.longitude), Bson::Double(point.latitude)])
}

fn unresolved(what: &str) -> StoreError {
    StoreError::Unsupported(format!("{what} reached the database unresolved"))
}
