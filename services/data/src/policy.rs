//! Who may do what. Every read and write asks here, and nowhere else.
//!
//! Three layers decide: guards of Parse's own classes ([`guards`]), class-level permissions ([`authorise`]) and object
//! permissions ([`readable`], [`writable`]). The last two answer with conditions that join the query, so that an object
//! the caller may not touch is as good as absent. What cannot be decided is refused.

pub(crate) mod guards;
mod permissions;
mod protected;

use parsefleet_core::{
    ErrorCode, FieldPath, FieldType, ParseError, Query,
    error::Result,
    query::{Column, Condition, Constraint, FieldCondition},
};

pub(crate) use self::{
    permissions::{Permissions, Rule},
    protected::{Protected, Visibility},
};
use crate::{
    caller::{Caller, User},
    schema::Class,
};

/// What class-level permissions tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// One object by its id.
    Get,
    /// Objects by a query.
    Find,
    /// The number of objects.
    Count,
    /// A new object.
    Create,
    /// A changed object.
    Update,
    /// A removed object.
    Delete,
    /// A new field of the class, by creating an object.
    AddFieldOnCreate,
    /// A new field of the class, by updating an object.
    AddFieldOnUpdate,
}

impl Operation {
    /// The name in class-level permissions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Find => "find",
            Self::Count => "count",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::AddFieldOnCreate | Self::AddFieldOnUpdate => "addField",
        }
    }

    fn reads(self) -> bool {
        match self {
            Self::Get | Self::Find | Self::Count => true,
            Self::Create | Self::Update | Self::Delete | Self::AddFieldOnCreate | Self::AddFieldOnUpdate => false,
        }
    }
}

/// How far a permitted operation goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Access {
    /// To every object of the class.
    All,
    /// To the objects that satisfy the condition.
    Where(Condition),
    /// To no object.
    Nothing,
}

/// Whether class-level permissions let the caller do this, and to which objects.
///
/// # Errors
/// They do not.
pub(crate) fn authorise(class: &Class, caller: &Caller, operation: Operation) -> Result<Access> {
    let user = match caller {
        Caller::Maintenance | Caller::ReadOnlyMaster | Caller::Master => return Ok(Access::All),
        Caller::Public => None,
        Caller::User(user) => Some(user),
    };
    let Some(permissions) = &class.permissions else { return Ok(Access::All) };
    let rule = permissions.rule(operation);
    if rule.grants(user) {
        return Ok(Access::All);
    }
    let grouped = permissions.user_fields(operation);
    if rule.requires_authentication {
        if user.is_none() {
            return Err(ParseError::sanitised(
                ErrorCode::ObjectNotFound,
                "Permission denied, user needs to be authenticated.",
            ));
        }
    } else if !may_depend_on_pointers(operation, rule, grouped) {
        return Err(denied(class, operation));
    }
    Ok(pointer_filter(class, user, rule, grouped))
}

/// Whether fields of the objects may still permit what the rule itself does not.
fn may_depend_on_pointers(operation: Operation, rule: &Rule, grouped: &[String]) -> bool {
    match operation {
        Operation::Create => false,
        Operation::AddFieldOnCreate => !grouped.is_empty(),
        Operation::Get
        | Operation::Find
        | Operation::Count
        | Operation::Update
        | Operation::Delete
        | Operation::AddFieldOnUpdate => !grouped.is_empty() || !rule.pointer_fields.is_empty(),
    }
}

/// Permissions that live in the objects: those whose fields point to the user.
fn pointer_filter(class: &Class, user: Option<&User>, rule: &Rule, grouped: &[String]) -> Access {
    let mut fields: Vec<&String> = rule.pointer_fields.iter().collect();
    fields.extend(grouped.iter().filter(|field| !rule.pointer_fields.contains(field)));
    if fields.is_empty() {
        return Access::All;
    }
    let Some(user) = user else { return Access::Nothing };
    let mut ways: Vec<Condition> = fields.iter().filter_map(|field| points_to(class, field, user)).collect();
    match ways.len() {
        0 => Access::Nothing,
        1 => Access::Where(ways.remove(0)),
        _ => Access::Where(Condition::Any(ways.into_iter().map(|way| Query { conditions: vec![way] }).collect())),
    }
}

/// `None` if the field is of a type that cannot point to a user: it permits nothing.
fn points_to(class: &Class, field: &str, user: &User) -> Option<Condition> {
    let path = FieldPath::new(field).filter(|path| !path.is_dotted())?;
    let (column, constraint) = match class.schema.field_type(field)? {
        FieldType::Pointer(_) => (Column::Pointer, Constraint::Equal(user.pointer())),
        FieldType::Array => (Column::Array, Constraint::All(vec![user.pointer()])),
        FieldType::String
        | FieldType::Number
        | FieldType::Boolean
        | FieldType::Date
        | FieldType::Object
        | FieldType::Relation(_)
        | FieldType::GeoPoint
        | FieldType::Polygon
        | FieldType::File
        | FieldType::Bytes
        | FieldType::Acl => return None,
    };
    Some(Condition::Field(FieldCondition { path, column, constraints: vec![constraint] }))
}

/// The condition under which the caller may read an object; `None` if it may read every one.
pub(crate) fn readable(caller: &Caller) -> Option<Condition> {
    caller.subjects().map(Condition::ReadableBy)
}

/// The condition under which the caller may change or remove an object; `None` if it may with every one.
pub(crate) fn writable(caller: &Caller) -> Option<Condition> {
    caller.subjects().map(Condition::WritableBy)
}

/// The condition under which the caller may change or remove a session, which has no ACL; `None` if the class is another one, or
/// the caller may with every session.
///
/// # Errors
/// 209 for a caller that has no sessions. The maintenance key is such a one: a session's token is as good as a log-in.
pub(crate) fn own_session(caller: &Caller, class: &Class) -> Result<Option<Condition>> {
    if class.schema.name.as_str() != "_Session" || matches!(caller, Caller::Master | Caller::ReadOnlyMaster) {
        return Ok(None);
    }
    let refused = || ParseError::new(ErrorCode::InvalidSessionToken, "Session token required.");
    let user = caller.user().ok_or_else(refused)?;
    Ok(Some(of_user(user).ok_or_else(refused)?))
}

/// The session is one of the user's.
fn of_user(user: &User) -> Option<Condition> {
    let constraints = vec![Constraint::Equal(user.pointer())];
    Some(Condition::Field(FieldCondition { path: FieldPath::new("user")?, column: Column::Pointer, constraints }))
}

/// The refusal of an operation on a class.
fn denied(class: &Class, operation: Operation) -> ParseError {
    ParseError::sanitised(
        ErrorCode::OperationForbidden,
        format!("Permission denied for action {} on class {}.", operation.name(), class.schema.name),
    )
}

#[cfg(test)]
mod tests;
