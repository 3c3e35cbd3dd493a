//! What a write demands of the schema of its class.

use std::collections::HashMap;

use super::{ClassSchema, Field, FieldType};
use crate::{ErrorCode, FieldName, ParseError, error::Result};

/// A field that a write touches, and the type that the write takes it to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedField {
    /// Field; of a dotted key the part before the first dot.
    pub name: FieldName,
    /// Type.
    pub field_type: FieldType,
}

impl ClassSchema {
    /// The fields that have to be added to the class before a write can be stored, usually none.
    ///
    /// # Errors
    /// 111 if a field has another type, or if it would be the second geographic point of the class.
    pub fn plan(&self, written: &[TypedField]) -> Result<Vec<(FieldName, Field)>> {
        let mut new_fields: Vec<(FieldName, Field)> = Vec::new();
        let mut planned: HashMap<&str, &FieldType> = HashMap::new();
        for TypedField { name, field_type } in written {
            match self.field_type(name.as_str()).or_else(|| planned.get(name.as_str()).copied()) {
                Some(expected) if expected == field_type => {}
                Some(expected) => return Err(self.mismatch(name, expected, field_type)),
                None => {
                    self.check_only_geo_point(field_type, &new_fields)?;
                    planned.insert(name.as_str(), field_type);
                    new_fields.push((name.clone(), Field::new(field_type.clone())));
                }
            }
        }
        Ok(new_fields)
    }

    fn mismatch(&self, name: &FieldName, expected: &FieldType, got: &FieldType) -> ParseError {
        let class = &self.name;
        ParseError::new(
            ErrorCode::IncorrectType,
            format!("schema mismatch for {class}.{name}; expected {expected} but got {got}"),
        )
    }

    fn check_only_geo_point(&self, field_type: &FieldType, new_fields: &[(FieldName, Field)]) -> Result<()> {
        let mut others = self.fields.values().chain(new_fields.iter().map(|(_, field)| field));
        if *field_type == FieldType::GeoPoint && others.any(|other| other.field_type == FieldType::GeoPoint) {
            return Err(ParseError::new(
                ErrorCode::IncorrectType,
                "MongoDB only supports one GeoPoint field in a class.",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::time::{Duration, Instant};

    use super::TypedField;
    use crate::{ClassName, ClassSchema, FieldName, FieldType, schema::Field};

    fn schema() -> ClassSchema {
        let mut schema = ClassSchema::new(ClassName::new("C").unwrap());
        schema.fields.insert("n".to_owned(), Field::new(FieldType::Number));
        schema.fields.insert("p".to_owned(), Field::new(FieldType::Pointer("A".to_owned())));
        schema
    }

    fn plan(schema: &ClassSchema, written: &[(&str, FieldType)]) -> Result<Vec<String>, String> {
        let written: Vec<_> = written
            .iter()
            .map(|(name, field_type)| TypedField {
                name: FieldName::new(name).unwrap(),
                field_type: field_type.clone(),
            })
            .collect();
        schema
            .plan(&written)
            .map(|fields| fields.iter().map(|(name, field)| format!("{name}:{}", field.field_type)).collect())
            .map_err(|error| error.message)
    }

    #[test]
    fn known_fields_need_nothing_and_unknown_ones_are_added_once() {
        let written = [("n", FieldType::Number), ("a", FieldType::String), ("a", FieldType::String)];
        assert_eq!(plan(&schema(), &written), Ok(vec!["a:String".to_owned()]));
    }

    #[test]
    fn another_type_or_target_class_is_a_mismatch() {
        assert_eq!(
            plan(&schema(), &[("n", FieldType::String)]),
            Err("schema mismatch for C.n; expected Number but got String".to_owned())
        );
        assert_eq!(
            plan(&schema(), &[("p", FieldType::Pointer("B".to_owned()))]),
            Err("schema mismatch for C.p; expected Pointer<A> but got Pointer<B>".to_owned())
        );
        assert_eq!(
            plan(&schema(), &[("new", FieldType::Relation("A".to_owned())), ("new", FieldType::Number)]),
            Err("schema mismatch for C.new; expected Relation<A> but got Number".to_owned())
        );
    }

    #[test]
    fn a_class_has_one_geographic_point() {
        let mut schema = schema();
        let expected = Err("MongoDB only supports one GeoPoint field in a class.".to_owned());
        assert_eq!(plan(&schema, &[("a", FieldType::GeoPoint), ("b", FieldType::GeoPoint)]), expected);
        schema.fields.insert("g".to_owned(), Field::new(FieldType::GeoPoint));
        assert_eq!(plan(&schema, &[("g", FieldType::GeoPoint)]), Ok(vec![]));
        assert_eq!(plan(&schema, &[("h", FieldType::GeoPoint)]), expected);
    }

    #[test]
    fn many_new_fields_are_planned_in_time() {
        let names: Vec<String> = (0..60_000).map(|number| format!("f{number}")).collect();
        let written: Vec<_> = names.iter().map(|name| (name.as_str(), FieldType::String)).collect();
        let began = Instant::now();
        assert_eq!(plan(&schema(), &written).unwrap().len(), 60_000);
        // Comparing all with all takes minutes.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
