//! Where a queried path begins in an object, and how MongoDB walks it from there.

use std::borrow::Cow;

use super::{
    Column,
    stored::{lower, member},
};
use crate::{FieldPath, Object, Value};

/// A path into objects, taken apart once.
#[derive(Clone, Debug)]
pub(super) struct Place {
    root: Root,
    /// Names below the root.
    rest: Vec<String>,
}

#[derive(Clone, Debug)]
enum Root {
    ObjectId,
    CreatedAt,
    UpdatedAt,
    Readers,
    Writers,
    Field(String),
    /// Not a column of the row.
    Nowhere,
}

/// Whether a path that ends in an array goes on into its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// First the elements, then the array itself.
    Elements,
    /// The array itself only.
    Array,
}

impl Place {
    pub(super) fn new(path: &FieldPath, column: &Column) -> Self {
        let root = match column {
            Column::ObjectId => Root::ObjectId,
            Column::CreatedAt => Root::CreatedAt,
            Column::UpdatedAt => Root::UpdatedAt,
            Column::Renamed("_rperm") => Root::Readers,
            Column::Renamed("_wperm") => Root::Writers,
            Column::Relation | Column::TextScore => Root::Nowhere,
            Column::AuthData if !path.is_dotted() => Root::Nowhere,
            Column::Pointer
            | Column::Array
            | Column::Plain
            | Column::Nested
            | Column::AuthData
            | Column::Renamed(_) => Root::Field(path.root().to_owned()),
        };
        Self { root, rest: path.segments().skip(1).map(str::to_owned).collect() }
    }

    /// The value of the column in which the path begins, as it is stored.
    pub(super) fn root_of<'a>(&self, object: &'a Object) -> Option<Cow<'a, Value>> {
        let subjects = |subjects: &[String]| Value::Array(subjects.iter().cloned().map(Value::String).collect());
        match &self.root {
            Root::ObjectId => Some(Cow::Owned(Value::String(object.id.as_str().to_owned()))),
            Root::CreatedAt => Some(Cow::Owned(Value::Date(object.created_at))),
            Root::UpdatedAt => Some(Cow::Owned(Value::Date(object.updated_at))),
            Root::Readers => object.acl.as_ref().map(|acl| Cow::Owned(subjects(&acl.read))),
            Root::Writers => object.acl.as_ref().map(|acl| Cow::Owned(subjects(&acl.write))),
            Root::Field(name) => {
                let value = object.fields.get(name)?;
                // A Pointer's column has another name, under which no path leads into it.
                let hidden = !self.rest.is_empty() && matches!(value, Value::Pointer(_));
                if hidden { None } else { lower(value) }
            }
            Root::Nowhere => None,
        }
    }

    /// Names below the root.
    pub(super) fn rest(&self) -> &[String] {
        &self.rest
    }

    /// Whether any of the values that the path leads to passes the test; `None` stands for a missing one.
    pub(super) fn any(&self, object: &Object, at_end: AtEnd, test: &mut Test<'_>) -> bool {
        let root = self.root_of(object);
        walk(root.as_deref(), &self.rest, at_end, test)
    }
}

/// A test on what a path leads to.
pub(super) type Test<'a> = dyn FnMut(Option<&Value>) -> bool + 'a;

/// MongoDB's walk: arrays on the way are entered, an array at the end is looked at element by element and then as a whole.
fn walk(value: Option<&Value>, rest: &[String], at_end: AtEnd, test: &mut Test<'_>) -> bool {
    match (value, rest) {
        (Some(Value::Array(items)), _) => walk_array(value, items, rest, at_end, test),
        (_, []) => test(value),
        (None, _) => test(None),
        (Some(value), _) => walk_member(value, rest, at_end, test),
    }
}

/// The walk from an object (or anything else: then what is looked for is missing) to its member.
fn walk_member(value: &Value, path: &[String], at_end: AtEnd, test: &mut Test<'_>) -> bool {
    let Some((name, rest)) = path.split_first() else { return test(Some(value)) };
    walk(member(value, name).as_deref(), rest, at_end, test)
}

fn walk_array(array: Option<&Value>, items: &[Value], rest: &[String], at_end: AtEnd, test: &mut Test<'_>) -> bool {
    let Some((name, below)) = rest.split_first() else {
        return (at_end == AtEnd::Elements && items.iter().any(|item| test(Some(item)))) || test(array);
    };
    let named = index(name);
    items.iter().enumerate().any(|(place, item)| {
        let is_object = is_object(item);
        if is_object && walk_member(item, rest, at_end, test) {
            return true;
        }
        if named != Some(place) {
            return false;
        }
        if below.is_empty() {
            return test(Some(item));
        }
        match item {
            Value::Array(inner) => walk_array(Some(item), inner, below, at_end, test),
            _ => is_object && walk_member(item, below, at_end, test),
        }
    })
}

/// Whether MongoDB holds the value as an object.
pub(super) fn is_object(value: &Value) -> bool {
    super::stored::rank(value) == super::stored::Rank::Object
}

/// The place that a name stands for in an array.
pub(super) fn index(name: &str) -> Option<usize> {
    let canonical = name == "0" || (!name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit()));
    if canonical { name.parse().ok() } else { None }
}
