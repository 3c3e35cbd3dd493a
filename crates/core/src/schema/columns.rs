//! The columns that classes have from the start.

use super::FieldType;
use crate::ClassName;

/// Classes of Parse's own that normally have no document in the schema collection: their default columns are all there is.
pub const VOLATILE_CLASSES: [&str; 8] = [
    "_JobStatus",
    "_PushStatus",
    "_Hooks",
    "_GlobalConfig",
    "_GraphQLConfig",
    "_JobSchedule",
    "_Audience",
    "_Idempotency",
];

/// Columns and their types, spelled as in the schema collection.
type Columns = &'static [(&'static str, &'static str)];

const EVERY_CLASS: Columns = &[("objectId", "string"), ("createdAt", "date"), ("updatedAt", "date")];

/// The columns that Parse gives a class: those of every class, `ACL` included, and those of its own classes.
pub fn default_columns(class: &ClassName) -> impl Iterator<Item = (&'static str, FieldType)> + use<> {
    let (common, acl) = if class.is_join() { (&[][..], None) } else { (EVERY_CLASS, Some(("ACL", FieldType::Acl))) };
    let spelled =
        |columns: Columns| columns.iter().filter_map(|(name, text)| Some((*name, FieldType::from_storage(text)?)));
    spelled(common).chain(acl).chain(spelled(own_columns(class)))
}

fn own_columns(class: &ClassName) -> Columns {
    match class.as_str() {
        "_User" => &[
            ("username", "string"),
            ("password", "string"),
            ("email", "string"),
            ("emailVerified", "boolean"),
            ("authData", "object"),
        ],
        "_Installation" => &[
            ("installationId", "string"),
            ("deviceToken", "string"),
            ("channels", "array"),
            ("deviceType", "string"),
            ("pushType", "string"),
            ("GCMSenderId", "string"),
            ("timeZone", "string"),
            ("localeIdentifier", "string"),
            ("badge", "number"),
            ("appVersion", "string"),
            ("appName", "string"),
            ("appIdentifier", "string"),
            ("parseVersion", "string"),
        ],
        "_Role" => &[("name", "string"), ("users", "relation<_User>"), ("roles", "relation<_Role>")],
        "_Session" => &[
            ("user", "*_User"),
            ("installationId", "string"),
            ("sessionToken", "string"),
            ("expiresAt", "date"),
            ("createdWith", "object"),
        ],
        "_Product" => &[
            ("productIdentifier", "string"),
            ("download", "file"),
            ("downloadName", "string"),
            ("icon", "file"),
            ("order", "number"),
            ("title", "string"),
            ("subtitle", "string"),
        ],
        _ if class.is_join() => &[("owningId", "string"), ("relatedId", "string")],
        _ => internal_columns(class),
    }
}

/// Columns of the classes that clients do not see.
fn internal_columns(class: &ClassName) -> Columns {
    match class.as_str() {
        "_PushStatus" => &[
            ("pushTime", "string"),
            ("source", "string"),
            ("query", "string"),
            ("payload", "string"),
            ("title", "string"),
            ("expiry", "number"),
            ("expiration_interval", "number"),
            ("status", "string"),
            ("numSent", "number"),
            ("numFailed", "number"),
            ("pushHash", "string"),
            ("errorMessage", "object"),
            ("sentPerType", "object"),
            ("failedPerType", "object"),
            ("sentPerUTCOffset", "object"),
            ("failedPerUTCOffset", "object"),
            ("count", "number"),
        ],
        "_JobStatus" => &[
            ("jobName", "string"),
            ("source", "string"),
            ("status", "string"),
            ("message", "string"),
            ("params", "object"),
            ("finishedAt", "date"),
        ],
        "_JobSchedule" => &[
            ("jobName", "string"),
            ("description", "string"),
            ("params", "string"),
            ("startAfter", "string"),
            ("daysOfWeek", "array"),
            ("timeOfDay", "string"),
            ("lastRun", "number"),
            ("repeatMinutes", "number"),
        ],
        "_Hooks" => {
            &[("functionName", "string"), ("className", "string"), ("triggerName", "string"), ("url", "string")]
        }
        "_GlobalConfig" => &[("params", "object"), ("masterKeyOnly", "object")],
        "_GraphQLConfig" => &[("config", "object")],
        "_Audience" => &[("name", "string"), ("query", "string"), ("lastUsed", "date"), ("timesUsed", "number")],
        "_Idempotency" => &[("reqId", "string"), ("expire", "date")],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::{VOLATILE_CLASSES, default_columns, own_columns};
    use crate::{ClassName, ClassSchema, FieldType, name::SYSTEM_CLASSES};

    #[test]
    fn every_spelling_in_the_tables_is_a_type() {
        for class in SYSTEM_CLASSES {
            let class = ClassName::new(class).unwrap();
            assert!(!own_columns(&class).is_empty(), "{class} has no columns of its own");
            assert_eq!(default_columns(&class).count(), own_columns(&class).len() + 4, "{class}");
        }
        assert!(VOLATILE_CLASSES.iter().all(|class| SYSTEM_CLASSES.contains(class)));
    }

    #[test]
    fn a_class_starts_with_the_columns_of_its_name() {
        let schema = ClassSchema::new(ClassName::new("GameScore").unwrap());
        assert_eq!(schema.fields.keys().collect::<Vec<_>>(), ["objectId", "createdAt", "updatedAt", "ACL"]);

        let session = ClassSchema::new(ClassName::new("_Session").unwrap());
        assert_eq!(session.field_type("user"), Some(&FieldType::Pointer("_User".to_owned())));

        let join = ClassSchema::new(ClassName::new("_Join:likes:Post").unwrap());
        assert_eq!(join.fields.keys().collect::<Vec<_>>(), ["owningId", "relatedId"]);
    }
}
