//! Decides whether an object satisfies a query, as MongoDB would.

use super::Query;
use crate::{Object, error::Result};

/// A query made ready to be asked about many objects.
#[derive(Debug)]
pub struct Matcher {}

impl Query {
    /// Prepares the query.
    ///
    /// # Errors
    /// 102 for what only a database can decide: `$text`, a regular expression beyond the supported syntax, and whatever
    /// is still `pending`.
    pub fn matcher(&self) -> Result<Matcher> {
        todo!()
    }
}

impl Matcher {
    /// Whether the object satisfies the query.
    pub fn matches(&self, _object: &Object) -> bool {
        todo!()
    }

    /// The distance in radians by which `$nearSphere` sorts; `None` if the query has none or the object no place.
    pub fn distance(&self, _object: &Object) -> Option<f64> {
        todo!()
    }
}
