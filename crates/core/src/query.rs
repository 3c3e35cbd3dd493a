//! `where`, as a closed, typed tree.
//!
//! A query is parsed against the schema of its class, so that what a constraint means is decided once: the MongoDB filter,
//! the embedded store and `matches` only carry it out.

use crate::{
    FieldPath, Value,
    value::{GeoPoint, Pointer},
};

/// A parsed `where`, with the permission conjuncts that joined it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// All of these must hold; none means every object.
    pub conditions: Vec<Condition>,
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Every one of the queries (`$and`).
    All(Vec<Query>),
    /// At least one of the queries (`$or`).
    Any(Vec<Query>),
    /// Not one of the queries (`$nor`).
    None(Vec<Query>),
    /// Constraints on one field.
    Field(FieldCondition),
    /// The object is in this relation of that object (`$relatedTo`).
    RelatedTo {
        /// Owner of the relation.
        owner: Pointer,
        /// The relation field.
        key: FieldPath,
    },
    /// The caller, known by these subjects, may read the object.
    ReadableBy(Vec<String>),
    /// The caller, known by these subjects, may write the object.
    WritableBy(Vec<String>),
}

/// Constraints on one field: all of them must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldCondition {
    /// Field or path, in REST names (`objectId`, `player`, `stats.wins`).
    pub path: FieldPath,
    /// How the schema says the field is stored.
    pub column: Column,
    /// The constraints.
    pub constraints: Vec<Constraint>,
}

/// Where and how a queried path is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// `_id`.
    ObjectId,
    /// `_created_at`.
    CreatedAt,
    /// `_updated_at`.
    UpdatedAt,
    /// A Pointer field: `_p_<name>`, text `Class$id`; operands are `Value::Pointer` or `Value::Null`, or text compared as it is.
    Pointer,
    /// An Array field under its own name.
    Array,
    /// A relation: rows of the join collection.
    Relation,
    /// Any other field under its own name, or a field the schema does not know.
    Plain,
    /// A path with dots into an object or array; operands are nested values.
    Nested,
    /// `_auth_data_<provider>[.<rest>]` on `_User`, from `authData.<provider>[.<rest>]`.
    AuthData,
    /// A column stored under another name than its REST one: this name (`_session_token`, `times_used`, an internal column).
    Renamed(&'static str),
}

/// One constraint. Operands are values already converted for the column.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// Direct value or `$eq`. On an Array column a direct non-array value means "contains".
    Equal(Value),
    /// `$ne`.
    NotEqual(Value),
    /// `$lt`.
    Less(Value),
    /// `$lte`.
    LessOrEqual(Value),
    /// `$gt`.
    Greater(Value),
    /// `$gte`.
    GreaterOrEqual(Value),
    /// `$exists`.
    Exists(bool),
    /// `$in`.
    In(Vec<Value>),
    /// `$nin`.
    NotIn(Vec<Value>),
    /// `$all` of values.
    All(Vec<Value>),
    /// `$all` of regular expressions.
    AllMatch(Vec<Pattern>),
    /// `$containedBy`.
    ContainedBy(Vec<Value>),
    /// `$regex` with `$options`.
    Matches(Pattern),
    /// `$text`.
    Text(TextSearch),
    /// `$nearSphere`, sorted by distance unless an order is given.
    Near {
        /// Centre.
        point: GeoPoint,
        /// Greatest distance in radians.
        max_distance: Option<f64>,
    },
    /// `$within: {$box}`: south-west and north-east corners on a flat map.
    WithinBox(GeoPoint, GeoPoint),
    /// `$geoWithin: {$polygon}`, three or more vertices.
    WithinPolygon(Vec<GeoPoint>),
    /// `$geoWithin: {$centerSphere}`: centre and radius in radians.
    WithinSphere(GeoPoint, f64),
    /// `$geoIntersects: {$point}`.
    Intersects(GeoPoint),
    /// Matches no object: what Parse Server makes of an empty constraint set.
    Never,
    /// `$inQuery`.
    InQuery(Subquery),
    /// `$notInQuery`.
    NotInQuery(Subquery),
    /// `$select`: the key of the sub-query's objects.
    Select(Subquery, FieldPath),
    /// `$dontSelect`.
    DontSelect(Subquery, FieldPath),
}

/// A regular expression in PCRE syntax with `\Q…\E`, and its `imsxu` options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Pattern.
    pub source: String,
    /// Options, each letter of `imsxu` at most once.
    pub options: String,
}

/// A full-text search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextSearch {
    /// `$term`.
    pub term: String,
    /// `$language`.
    pub language: Option<String>,
    /// `$caseSensitive`.
    pub case_sensitive: Option<bool>,
    /// `$diacriticSensitive`.
    pub diacritic_sensitive: Option<bool>,
}

/// A query inside a query. Its `where` stays JSON until its class's schema is at hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// Class it runs on.
    pub class_name: String,
    /// Its `where`.
    pub filter: serde_json::Value,
    /// `redirectClassNameForKey`.
    pub redirect_key: Option<String>,
}

/// One `order` term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// Field or path, in REST names.
    pub path: FieldPath,
    /// How it is stored.
    pub column: Column,
    /// Ascending or descending.
    pub direction: Direction,
}

/// Sort direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    Descending,
}
