//! `keys` and `excludeKeys`.

use crate::ClassSchema;

/// Which fields of the queried class to return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// REST names of the root fields, the four that always come included; `None` is all.
    pub fields: Option<Vec<String>>,
    /// Whether to return the score of the full-text search as `score` (`$score` among the keys).
    pub text_score: bool,
}

impl Selection {
    /// Reads `keys` and `excludeKeys`, names joined by commas.
    pub fn parse(_keys: Option<&str>, _exclude_keys: Option<&str>, _schema: &ClassSchema) -> Self {
        todo!()
    }
}
