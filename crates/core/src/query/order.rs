//! `order`.

use super::SortKey;
use crate::{ClassSchema, error::Result};

/// Reads `order`: names joined by commas, `-` for descending, spaces around names ignored. Names that the class does not
/// have are left out.
///
/// # Errors
/// 105 for what cannot be a field's name.
pub fn parse(_order: &str, _schema: &ClassSchema) -> Result<Vec<SortKey>> {
    todo!()
}
