//! `where` as a client sends it.

use serde_json::Value as Json;

use super::{Query, QueryRules};
use crate::{ClassSchema, error::Result};

impl Query {
    /// Checks and types a `where`.
    ///
    /// # Errors
    /// 102, 105 and 107 with the texts of Parse Server.
    pub fn parse(_filter: &Json, _schema: &ClassSchema, _rules: &QueryRules) -> Result<Self> {
        todo!()
    }
}
