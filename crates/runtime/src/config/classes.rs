//! `schema`: classes that are set up at the start.

use parsefleet_core::schema::{Definition, DefinitionRules};

/// Classes that the configuration defines.
#[derive(Clone, Debug, PartialEq)]
pub struct DefinedClasses {
    /// `schema.definitions`
    pub definitions: Vec<Definition>,
    /// `schema.strict`, `deleteExtraFields`, `recreateModifiedFields`, `keepUnknownIndexes`
    pub rules: DefinitionRules,
    /// `schema.lockSchemas`
    pub lock: bool,
}
