//! `where`, as a closed, typed tree.
//!
//! A query is parsed against the schema of its class, so that what a constraint means is decided once: the MongoDB filter,
//! the embedded store and `matches` only carry it out.

//!
//! ```text
//! Query::parse(json, &schema, &rules)   what a client sent, checked and typed
//! Query::pending / resolve              sub-queries that the caller has to answer first
//! Query::matcher()                      the same decision on an object as MongoDB would make
//! order::parse, Selection::parse        `order`, `keys`, `excludeKeys`
//! sort::values, compare_values          MongoDB's order of two objects
//! ```

use crate::{
    Date, FieldPath, Value,
    value::{GeoPoint, Pointer},
};

pub mod order;
pub mod sort;

mod fields;
mod geo;
mod matcher;
mod parse;
mod pattern;
mod pending;
mod place;
mod selection;
mod stored;
#[cfg(test)]
mod tests;

pub use geo::distance;
pub use matcher::Matcher;
pub use selection::Selection;

/// Whose words a `where` is, and what the app allows in it.
#[derive(Clone, Debug)]
pub struct QueryRules {
    /// Which columns may be named.
    pub access: QueryAccess,
    /// The moment that `$relativeTime` counts from.
    pub now: Date,
    /// Most levels of `$or`, `$and` and `$nor` for clients (`requestComplexity.queryDepth`); `None` leaves only the
    /// bound that protects the server.
    pub max_depth: Option<usize>,
    /// Whether clients may use `$regex` (`requestComplexity.allowRegex`).
    pub allow_regex: bool,
}

impl QueryRules {
    /// The rules of an app that limits nothing.
    pub fn new(access: QueryAccess, now: Date) -> Self {
        Self { access, now, max_depth: None, allow_regex: true }
    }
}

/// Which columns a query may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryAccess {
    /// What the class has, as any client may.
    Client,
    /// Parse's internal columns too: master and maintenance keys.
    Master,
    /// The same but for tokens: the key that only reads. What a token opens can be written to.
    ReadOnly,
    /// Every column, hashes of passwords included: a service of Parsefleet itself.
    Service,
}

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
    /// `_auth_data_<provider>[.<rest>]` on `_User`, from `authData.<provider>[.<rest>]`. There is no column for `authData` by itself.
    AuthData,
    /// A column stored under another name than its REST one: this name (`_session_token`, `times_used`, an internal column).
    Renamed(&'static str),
    /// Not a column: the score of a full-text search (`order=$score`). Only in a `SortKey`.
    TextScore,
}

/// One constraint. Operands are values already converted for the column.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// Direct value or `$eq`. As in MongoDB an array also equals what one of its elements equals. An empty set of
    /// constraints (`{}`) is equality with the empty object.
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
    /// `$all` of values; an empty list matches nothing. Operands are nested values whatever the column.
    All(Vec<Value>),
    /// `$all` of regular expressions.
    AllMatch(Vec<Pattern>),
    /// `$containedBy`: no element of an array is outside the list. What is not an array satisfies it.
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
