//! Parse's vocabulary: values, names, update operations, queries, schemas, permissions and errors.
//!
//! Pure: no I/O, no clock, no async. Everything a service decides on is parsed here once, into types that cannot hold
//! what Parse refuses.

pub mod acl;
pub mod aggregate;
pub mod date;
pub mod denylist;
pub mod error;
pub mod mailbox;
pub mod name;
pub mod object;
pub mod path_pattern;
pub mod query;
pub mod schema;
pub mod update;
pub mod uri;
pub mod value;

pub use acl::Acl;
pub use date::Date;
pub use denylist::KeywordDenylist;
pub use error::{ErrorCode, ParseError};
pub use mailbox::{Mailbox, NotAnAddress};
pub use name::{ClassName, FieldName, FieldPath, ObjectId};
pub use object::Object;
pub use path_pattern::PathPattern;
pub use query::Query;
pub use schema::{ClassSchema, FieldType};
pub use update::{NewObject, ObjectUpdate, Update};
pub use value::{Map, Value};
