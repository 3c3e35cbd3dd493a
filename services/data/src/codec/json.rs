//! Stored documents as REST JSON, in one pass.
//!
//! A [`JsonReader`] is made for one answer. It learns the columns of the class from the documents themselves: what a column
//! means and how its name is printed is worked out the first time it is met. Documents of a class have nearly the same
//! columns in the same order, so that for the next ones a single comparison per column finds the plan again.
//!
//! What Parse Server stumbles over (a pointer to another class than the schema says, an unknown reserved column) is left
//! out: one odd document must not make its class unreadable.

use std::collections::HashMap;

use bson::RawDocument;
use parsefleet_core::{ClassSchema, FieldType, value::write_json_string};

use super::{
    CorruptDocument, FileUrls,
    columns::{Stored, newer_twin},
    raw::{Raw, RawValue},
};

mod acl;
mod column;
mod identity;
mod nested;
mod relations;

use acl::Permissions;
use column::write_column;
pub(crate) use identity::AS_STORED;
pub use identity::Identities;
pub(crate) use nested::{parse_json, plain_json};
use nested::{write_plain, write_value};
pub(crate) use relations::relation_members;

/// Who reads, as far as it decides what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Anybody.
    Public,
    /// The user with this id.
    User(String),
    /// Holder of the maintenance key: internal columns too, nothing is protected.
    Maintenance,
    /// Holder of a master key.
    Master,
    /// Another service of the fleet: every column, password hash and session token included.
    System,
}

/// What of a document is shown, and how.
#[derive(Clone, Copy)]
pub struct ReadView<'v> {
    /// Schema of the class.
    pub schema: &'v ClassSchema,
    /// Root fields to show; `None` is all. Relations, `objectId`, `createdAt`, `updatedAt` and `ACL` always come.
    pub selected: Option<&'v [String]>,
    /// Protected root fields. They bind neither maintenance nor the fleet's own services.
    pub hidden: &'v [String],
    /// Whether users see the protected fields of their own `_User` object.
    pub owner_exempt: bool,
    /// Who reads.
    pub reader: &'v Reader,
    /// How file names become URLs.
    pub files: &'v FileUrls,
    /// How third-party identities of users are shown.
    pub identities: &'v Identities,
    /// Objects to show in the place of pointers.
    pub includes: Option<&'v Includes>,
}

/// Included objects, by the field whose pointers they replace.
#[derive(Debug, Default)]
pub struct Includes {
    /// Field to what is included there.
    pub fields: HashMap<String, Include>,
}

/// What is included at one path.
#[derive(Debug, Default)]
pub struct Include {
    /// Object id to the object's JSON, `"__type":"Object"` included. A pointer whose object is not here disappears.
    pub objects: HashMap<String, Vec<u8>>,
    /// Includes further down a plain object; those of an included object are already in its JSON.
    pub nested: Includes,
}

/// Prints documents of one class for one reader.
pub struct JsonReader<'v> {
    view: ReadView<'v>,
    plans: Vec<ColumnPlan<'v>>,
    /// Relation members, printed once: they are the same for every object.
    relations: Vec<u8>,
    shows_acl: bool,
    owner_shows_acl: bool,
}

/// How one stored column is printed.
struct ColumnPlan<'v> {
    /// Name of the column with a zero at its end, as documents have it.
    column: Vec<u8>,
    kind: Kind,
    /// `,"name":`, with what the value of its kind always begins with.
    key: Vec<u8>,
    visibility: Visibility,
    /// Newer column for the same field, which counts if the document has it.
    twin: Option<String>,
    include: Option<&'v Include>,
    is_unknown: bool,
}

/// How the value of a column is printed.
enum Kind {
    Id,
    /// Bare ISO text.
    BareDate,
    ExpiresAt,
    ReadPermissions,
    WritePermissions,
    AuthData,
    /// As `JSON.stringify` prints it, without Parse types.
    Plain,
    /// `Class$id`
    Pointer {
        /// `Class$`
        target: Vec<u8>,
    },
    GeoPoint,
    Polygon,
    File,
    Bytes,
    Nested,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visibility {
    Shown,
    OwnerOnly,
    Never,
}

impl<'v> JsonReader<'v> {
    /// A printer that has not seen a document yet.
    pub fn new(view: ReadView<'v>) -> Self {
        let mut reader =
            Self { view, plans: Vec::new(), relations: Vec::new(), shows_acl: true, owner_shows_acl: true };
        reader.relations = reader.relation_members();
        let acl = reader.field_visibility("ACL");
        reader.shows_acl = acl == Visibility::Shown;
        reader.owner_shows_acl = acl != Visibility::Never;
        reader
    }

    /// Appends the object.
    ///
    /// # Errors
    /// If the bytes are not BSON. Something may have been appended then.
    pub fn write(&mut self, out: &mut Vec<u8>, document: &RawDocument) -> Result<(), CorruptDocument> {
        self.write_with(out, document, b"")
    }

    /// Appends the object as it stands in the place of a pointer.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_included(&mut self, out: &mut Vec<u8>, document: &RawDocument) -> Result<(), CorruptDocument> {
        let tail = format!(r#""__type":"Object","className":"{}""#, self.view.schema.name);
        self.write_with(out, document, tail.as_bytes())
    }

    /// Appends the object with further members, given as JSON text (`"a":1,"b":2`), at its end.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn write_with(
        &mut self,
        out: &mut Vec<u8>,
        document: &RawDocument,
        tail: &[u8],
    ) -> Result<(), CorruptDocument> {
        let document = Raw::from(document);
        let is_own = self.is_own(document)?;
        let mut permissions = Permissions::default();
        let mut expected = 0;
        let mut has_auth_data = false;
        let mut printed_early = Vec::new();
        out.push(b'{');
        let mut elements = document.elements();
        while let Some(element) = elements.next_expecting(self.plans.get(expected).map(|plan| &*plan.column)) {
            let (column, value) = element?;
            let place = match column {
                None => expected,
                Some(column) => self.plan_of(column.to_str()?),
            };
            expected = place + 1;
            let plan = &self.plans[place];
            match plan.visibility {
                Visibility::Shown => {}
                Visibility::OwnerOnly if is_own => {}
                Visibility::OwnerOnly | Visibility::Never => continue,
            }
            match plan.kind {
                Kind::ReadPermissions => permissions.read = value.as_array(),
                Kind::WritePermissions => permissions.write = value.as_array(),
                Kind::AuthData if has_auth_data => {}
                Kind::AuthData => {
                    has_auth_data = true;
                    self.write_auth_data(out, document)?;
                }
                _ if printed_early.contains(&place) => {}
                _ => match newer_value(plan, document)? {
                    None => write_column(out, plan, value, self.view.files)?,
                    Some((newer, value)) => {
                        let place = self.plan_of(&newer);
                        printed_early.push(place);
                        write_column(out, &self.plans[place], value, self.view.files)?;
                    }
                },
            }
        }
        append_members(out, &self.relations);
        if if is_own { self.owner_shows_acl } else { self.shows_acl } {
            permissions.write_acl(out)?;
        }
        append_members(out, tail);
        out.push(b'}');
        Ok(())
    }

    /// Whether a document had a column that the schema does not: the schema may be out of date.
    pub fn met_unknown_columns(&self) -> bool {
        self.plans.iter().any(|plan| plan.is_unknown)
    }

    /// Where the plan of a column is.
    fn plan_of(&mut self, column: &str) -> usize {
        let is_column = |plan: &ColumnPlan<'_>| plan.column.strip_suffix(&[0]) == Some(column.as_bytes());
        if let Some(place) = self.plans.iter().position(is_column) {
            return place;
        }
        let plan = self.plan(column);
        self.plans.push(plan);
        self.plans.len() - 1
    }

    fn plan(&self, column: &str) -> ColumnPlan<'v> {
        let stored = Stored::classify(self.view.schema, column);
        let (field, kind) = match stored {
            Stored::Id => ("objectId", Kind::Id),
            Stored::CreatedAt => ("createdAt", Kind::BareDate),
            Stored::UpdatedAt => ("updatedAt", Kind::BareDate),
            Stored::LastUsed => ("lastUsed", Kind::BareDate),
            Stored::ExpiresAt => ("expiresAt", Kind::ExpiresAt),
            Stored::TimesUsed => ("timesUsed", Kind::Plain),
            // In `_User` it is a token from the time before sessions, which has no name but its own.
            Stored::SessionToken if self.shows_everything() && self.is_of_users() => (column, Kind::Plain),
            Stored::SessionToken => ("sessionToken", Kind::Plain),
            Stored::ReadPermissions => ("ACL", Kind::ReadPermissions),
            Stored::WritePermissions => ("ACL", Kind::WritePermissions),
            Stored::AuthData(_) => ("authData", Kind::AuthData),
            Stored::Internal if self.shows_everything() => (column, Kind::Nested),
            Stored::Internal | Stored::Hidden => (column, Kind::Plain),
            Stored::Pointer(field, target) => (field, Kind::Pointer { target: [target.as_bytes(), b"$"].concat() }),
            Stored::Field(field, field_type) => (field, Kind::of(field_type)),
        };
        let mut key = vec![b','];
        write_json_string(field, &mut key);
        key.push(b':');
        let include = self.view.includes.and_then(|includes| includes.fields.get(field));
        if let (Stored::Pointer(_, target), None) = (stored, include) {
            key.extend_from_slice(br#"{"__type":"Pointer","className":"#);
            write_json_string(target, &mut key);
            key.extend_from_slice(br#","objectId":"#);
        }
        ColumnPlan {
            column: [column.as_bytes(), &[0]].concat(),
            kind,
            key,
            visibility: self.column_visibility(stored, field),
            twin: newer_twin(self.view.schema, column),
            include,
            is_unknown: match stored {
                Stored::Field(_, field_type) => field_type.is_none(),
                Stored::Hidden => column.starts_with("_p_"),
                _ => false,
            },
        }
    }

    /// Whether the reader gets everything, in a form in which it can be written again.
    fn shows_everything(&self) -> bool {
        *self.view.reader == Reader::System
    }

    fn is_of_users(&self) -> bool {
        self.view.schema.name.as_str() == "_User"
    }

    fn column_visibility(&self, stored: Stored<'_>, field: &str) -> Visibility {
        let is_user = self.view.schema.name.as_str() == "_User";
        match (stored, self.view.reader) {
            (Stored::Hidden, _) => Visibility::Never,
            // A relation has no column; whatever is stored under its name is not it.
            (Stored::Field(_, Some(FieldType::Relation(_))), _) => Visibility::Never,
            // Decided once for the whole ACL, at the end of the object.
            (Stored::ReadPermissions | Stored::WritePermissions, _) => Visibility::Shown,
            (_, Reader::System) => self.selection(field),
            (Stored::Internal, Reader::Maintenance) if is_user && field == "_hashed_password" => Visibility::Never,
            (Stored::Internal, Reader::Maintenance) => self.selection(field),
            (Stored::Internal, _) => Visibility::Never,
            (Stored::SessionToken, _) if is_user => Visibility::Never,
            (Stored::AuthData(_), Reader::Public) => Visibility::Never,
            (Stored::AuthData(_), Reader::User(_)) => match self.field_visibility(field) {
                Visibility::Never => Visibility::Never,
                Visibility::Shown | Visibility::OwnerOnly => Visibility::OwnerOnly,
            },
            _ => self.field_visibility(field),
        }
    }

    fn field_visibility(&self, field: &str) -> Visibility {
        let view = &self.view;
        let is_bound = !matches!(view.reader, Reader::Maintenance | Reader::System);
        if !is_bound || !view.hidden.iter().any(|hidden| hidden == field) {
            return self.selection(field);
        }
        match view.reader {
            Reader::User(_) if view.owner_exempt && self.selection(field) == Visibility::Shown => Visibility::OwnerOnly,
            _ => Visibility::Never,
        }
    }

    fn selection(&self, field: &str) -> Visibility {
        let is_selected = match (self.view.selected, field) {
            (None, _) | (_, "objectId" | "createdAt" | "updatedAt" | "ACL") => true,
            (Some(selected), _) => selected.iter().any(|selected| selected == field),
        };
        if is_selected { Visibility::Shown } else { Visibility::Never }
    }

    /// Whether the object is the reader's own `_User` object.
    fn is_own(&self, document: Raw<'_>) -> Result<bool, CorruptDocument> {
        match self.view.reader {
            Reader::User(id) if self.view.schema.name.as_str() == "_User" => {
                Ok(document.text("_id")?.is_some_and(|found| found == id))
            }
            _ => Ok(false),
        }
    }

    fn relation_members(&self) -> Vec<u8> {
        let is_bound = !matches!(self.view.reader, Reader::Maintenance | Reader::System);
        let hidden = self.view.hidden;
        relation_members(self.view.schema, |name| is_bound && hidden.iter().any(|hidden| hidden == name))
    }

    /// The providers have a column each, anywhere in the document; the reader gets one member.
    fn write_auth_data(&self, out: &mut Vec<u8>, document: Raw<'_>) -> Result<(), CorruptDocument> {
        let start = out.len();
        separate(out);
        out.extend_from_slice(br#""authData":{"#);
        let first = out.len();
        for element in document.elements() {
            let (column, value) = element?;
            let Stored::AuthData(provider) = Stored::classify(self.view.schema, column.to_str()?) else { continue };
            if matches!(value, RawValue::Null) {
                continue;
            }
            separate(out);
            write_json_string(provider, out);
            out.push(b':');
            match self.shows_everything() {
                true => {
                    write_value(out, value, None)?;
                }
                false => self.view.identities.write(out, provider, value, self.view.reader)?,
            }
        }
        if out.len() == first {
            out.truncate(start);
        } else {
            out.push(b'}');
        }
        Ok(())
    }
}

impl Kind {
    fn of(field_type: Option<&FieldType>) -> Self {
        match field_type {
            Some(FieldType::GeoPoint) => Self::GeoPoint,
            Some(FieldType::Polygon) => Self::Polygon,
            Some(FieldType::File) => Self::File,
            Some(FieldType::Bytes) => Self::Bytes,
            Some(
                FieldType::String
                | FieldType::Number
                | FieldType::Boolean
                | FieldType::Date
                | FieldType::Object
                | FieldType::Array
                | FieldType::Pointer(_)
                | FieldType::Relation(_)
                | FieldType::Acl,
            )
            | None => Self::Nested,
        }
    }
}

/// The value of the newer column that holds the same field, if the document has one. It is printed in the older one's place.
fn newer_value<'d>(
    plan: &ColumnPlan<'_>,
    document: Raw<'d>,
) -> Result<Option<(String, RawValue<'d>)>, CorruptDocument> {
    let Some(newer) = &plan.twin else { return Ok(None) };
    let value = document.get(newer)?.filter(|value| !matches!(value, RawValue::Null));
    Ok(value.map(|value| (newer.clone(), value)))
}

/// A comma unless this is the first member.
fn separate(out: &mut Vec<u8>) {
    if !matches!(out.last(), Some(b'{' | b'[')) {
        out.push(b',');
    }
}

fn append_members(out: &mut Vec<u8>, members: &[u8]) {
    if !members.is_empty() {
        separate(out);
        out.extend_from_slice(members);
    }
}
