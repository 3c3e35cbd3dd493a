//! Decides whether an object satisfies a query, as MongoDB would.

use super::{
    Column, Condition, FieldCondition, Query, geo,
    place::{AtEnd, Place},
};
use crate::{Acl, ErrorCode, Object, ParseError, error::Result, value::GeoPoint};

mod check;

#[cfg(test)]
mod tests;

use check::Check;

/// A query made ready to be asked about many objects.
#[derive(Debug)]
pub struct Matcher {
    tests: Vec<Test>,
    near: Option<(Place, GeoPoint)>,
}

#[derive(Debug)]
enum Test {
    All(Vec<Vec<Test>>),
    Any(Vec<Vec<Test>>),
    None(Vec<Vec<Test>>),
    Field(Place, Vec<Check>),
    ReadableBy(Vec<String>),
    WritableBy(Vec<String>),
}

// --- preparing

impl Query {
    /// Prepares the query.
    ///
    /// # Errors
    /// 102 for what only a database can decide: `$text`, a regular expression beyond the supported syntax, and whatever
    /// is still `pending` or asks for a relation.
    pub fn matcher(&self) -> Result<Matcher> {
        let mut near = None;
        let tests = prepare(self, &mut near)?;
        Ok(Matcher { tests, near })
    }
}

fn prepare(query: &Query, near: &mut Option<(Place, GeoPoint)>) -> Result<Vec<Test>> {
    query.conditions.iter().map(|condition| prepare_condition(condition, near)).collect()
}

fn prepare_condition(condition: &Condition, near: &mut Option<(Place, GeoPoint)>) -> Result<Test> {
    let mut prepare_all =
        |queries: &[Query]| queries.iter().map(|query| prepare(query, near)).collect::<Result<Vec<_>>>();
    Ok(match condition {
        Condition::All(queries) => Test::All(prepare_all(queries)?),
        Condition::Any(queries) => Test::Any(prepare_all(queries)?),
        Condition::None(queries) => Test::None(prepare_all(queries)?),
        Condition::Field(field) => prepare_field(field, near)?,
        Condition::RelatedTo { .. } => return Err(undecidable("$relatedTo")),
        Condition::ReadableBy(subjects) => Test::ReadableBy(subjects.clone()),
        Condition::WritableBy(subjects) => Test::WritableBy(subjects.clone()),
    })
}

fn prepare_field(field: &FieldCondition, near: &mut Option<(Place, GeoPoint)>) -> Result<Test> {
    if field.column == Column::Relation {
        return Err(undecidable("a relation"));
    }
    let place = Place::new(&field.path, &field.column);
    let checks = field.constraints.iter().map(|constraint| Check::new(constraint, &field.column));
    let checks: Vec<Check> = checks.collect::<Result<_>>()?;
    if near.is_none() {
        *near = checks.iter().find_map(Check::near).map(|point| (place.clone(), point));
    }
    Ok(Test::Field(place, checks))
}

fn undecidable(what: &str) -> ParseError {
    ParseError::new(ErrorCode::InvalidQuery, format!("{what} cannot be decided without a database"))
}

// --- deciding

impl Matcher {
    /// Whether the object satisfies the query.
    pub fn matches(&self, object: &Object) -> bool {
        holds(&self.tests, object)
    }

    /// Whether the query sorts by distance.
    pub fn sorts_by_distance(&self) -> bool {
        self.near.is_some()
    }

    /// The distance in radians by which `$nearSphere` sorts; `None` if the query has none or the object no place.
    pub fn distance(&self, object: &Object) -> Option<f64> {
        let (place, point) = self.near.as_ref()?;
        let mut nearest = None;
        place.any(object, AtEnd::Elements, &mut |value| {
            if let Some(other) = value.and_then(geo::legacy_point) {
                let distance = geo::distance(*point, other);
                nearest = Some(nearest.map_or(distance, |nearest: f64| nearest.min(distance)));
            }
            false
        });
        nearest
    }
}

fn holds(tests: &[Test], object: &Object) -> bool {
    tests.iter().all(|test| match test {
        Test::All(groups) => groups.iter().all(|group| holds(group, object)),
        Test::Any(groups) => groups.iter().any(|group| holds(group, object)),
        Test::None(groups) => !groups.iter().any(|group| holds(group, object)),
        Test::Field(place, checks) => checks.iter().all(|check| check.holds(place, object)),
        Test::ReadableBy(subjects) => permits(object.acl.as_ref(), |acl| &acl.read, subjects),
        Test::WritableBy(subjects) => permits(object.acl.as_ref(), |acl| &acl.write, subjects),
    })
}

/// Without permissions everybody may; whoever may read counts `*` in, asked for or not, as the database filter does.
fn permits(acl: Option<&Acl>, list: impl Fn(&Acl) -> &Vec<String>, subjects: &[String]) -> bool {
    acl.is_none_or(|acl| list(acl).iter().any(|allowed| allowed == "*" || subjects.contains(allowed)))
}
