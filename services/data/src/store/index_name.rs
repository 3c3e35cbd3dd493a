//! What the name of an index says about the field that it is on.

/// The end of the names of indexes that keep texts unique whatever their case. Parse Server has others of the same columns,
/// which keep nothing unique and are for searching.
pub const UNIQUE_IGNORING_CASE: &str = "_unique_ignoring_case";

/// The field that an index is about: `<field>_1`, `<field>_unique_ignoring_case`, or an index on a third-party identity.
pub fn indexed_field(index: &str) -> Option<String> {
    if index.starts_with("_auth_data_") && index.ends_with("_id") {
        return Some(index.to_owned());
    }
    let field = index.strip_suffix("_1").or_else(|| index.strip_suffix(UNIQUE_IGNORING_CASE))?;
    (!field.is_empty()).then(|| field.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_field() {
        assert_eq!(indexed_field("username_1").as_deref(), Some("username"));
        assert_eq!(indexed_field("email_unique_ignoring_case").as_deref(), Some("email"));
        assert_eq!(indexed_field("_auth_data_google_id").as_deref(), Some("_auth_data_google_id"));
        assert_eq!(indexed_field("_id_"), None);
        assert_eq!(indexed_field("_1"), None);
    }
}
