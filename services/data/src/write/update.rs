//! Changing an object.

use std::sync::Arc;

use bytes::Bytes;
use parsefleet_core::{
    ClassName, FieldPath, ObjectId, ObjectUpdate, ParseError, Query, Update, Value,
    error::Result,
    query::Condition,
    update::{Change, Writer as BodyWriter},
};
use parsefleet_proto::v1::UpdateRequest;
use serde_json::{Map as JsonMap, Value as Json};

use super::{adds_a_field, body, body_writer, check_creation, class_name, owned, reach, reply, told::News};
use crate::{
    caller::Caller,
    clock,
    error::write_error,
    policy::{
        self, Access, Operation,
        guards::{self, Method},
    },
    schema::Class,
    service::DataService,
    triggers::SaveTriggers,
};

/// A change that may be made as far as the object's class is concerned.
pub(super) struct ChangeDraft {
    caller: Caller,
    writer: BodyWriter,
    pub(super) class_name: ClassName,
    id: ObjectId,
    /// What the caller asks for, or `beforeSave` wants instead, with the types of all that is stored.
    pub(super) change: ObjectUpdate,
    /// What the owner of the class adds.
    owned: Option<ObjectUpdate>,
    /// The conditions under which it may.
    conditions: Vec<Condition>,
    /// The class as it was when permission was given.
    pub(super) checked: Arc<Class>,
    triggers: Option<SaveTriggers>,
    /// What the caller does not know of what is stored.
    news: News,
}

impl ChangeDraft {
    /// Asks for permission again if the class is another one than the one it was given for. The conditions of both hold.
    pub(super) fn check(&mut self, class: &Arc<Class>) -> Result<()> {
        if Arc::ptr_eq(&self.checked, class) {
            return Ok(());
        }
        let conditions = permit(class, &self.caller, &self.change)?.ok_or_else(ParseError::object_not_found)?;
        self.conditions.extend(conditions);
        self.checked = Arc::clone(class);
        Ok(())
    }

    /// The object, if the caller may make the change.
    pub(super) fn into_reach(self) -> Result<Query> {
        reach(&self.caller, &self.checked, &self.id, self.conditions)
    }

    /// Whether `beforeSave` may still change what is stored.
    pub(super) fn is_open(&self) -> bool {
        self.triggers.as_ref().is_some_and(SaveTriggers::asks_before)
    }

    /// Reads the object for the triggers, if there are some, asks `beforeSave`, and for permission for what it makes of the
    /// change.
    async fn ask_before_save(&mut self, service: &DataService, request: &UpdateRequest) -> Result<()> {
        let Some(triggers) = &mut self.triggers else { return Ok(()) };
        let reach = reach(&self.caller, &self.checked, &self.id, self.conditions.clone())?;
        let original = service.original_for(&self.caller, &self.checked, &reach, &request.mount_url).await?;
        let is_there = original.is_some();
        triggers.remember(original);
        if !triggers.asks_before() {
            answer_whole_values(&mut self.change, triggers);
            return Ok(());
        }
        if !is_there {
            return Err(ParseError::object_not_found());
        }
        let sent = body::parse(&request.body, &service.settings.keyword_denylist)?;
        match triggers.before_update(service, self.id.as_str(), &sent).await? {
            Some(replacement) => {
                self.change = ObjectUpdate::parse(&self.id, replacement.body, self.writer)?;
                self.news = News(replacement.news);
            }
            None => answer_whole_values(&mut self.change, triggers),
        }
        let conditions = permit(&self.checked, &self.caller, &self.change)?.ok_or_else(ParseError::object_not_found)?;
        self.conditions.extend(conditions);
        Ok(())
    }
}

impl DataService {
    /// Changes an object, all of it at once.
    ///
    /// # Errors
    /// 101 if it is not there or the caller may not write it, 119 if the caller may not update objects of the class, 105,
    /// 107, 111, 121 and 142 for what is wrong with the change, 137, of users 202, 203 and 208, if a unique index has its value
    /// already.
    pub async fn update_object(&self, request: &UpdateRequest) -> Result<Bytes> {
        let now = clock::now();
        let mut draft = self.draft_change(request).await?;
        draft.ask_before_save(self, request).await?;

        // Schema: types and required columns.
        let (class_name, types) = (draft.class_name.clone(), std::mem::take(&mut draft.change.types));
        let class = self.extend_schema(&class_name, &types, &mut |class| draft.check(class)).await?;
        let ChangeDraft { caller, id, mut change, owned, conditions, triggers, news, .. } = draft;
        if let Some(owned) = owned {
            owned::join_change(&mut change, owned);
        }
        if let Err(refusal) = class.schema.check_update(&change) {
            // What was required may have ceased to be.
            self.schema.newer_class(&class).await?.ok_or(refusal)?.schema.check_update(&change)?;
        }
        derive_columns(&mut change, &class);

        // The object itself: found by id and permission, changed by the same operation.
        let reach = reach(&caller, &class, &id, conditions)?;
        let updated = self.store.update_one(&class.schema, &reach, &change.update, Some(now)).await;
        let document = updated.map_err(|error| write_error(&class_name, error))?;
        let document = document.ok_or_else(ParseError::object_not_found)?;
        self.keep_schema(&class, &types).await;

        self.write_relations(&class_name, &id, &change.update.relations).await?;
        self.announce(&class_name).await;
        // The live event comes here.
        let mut body = reply::updated(&class.schema, &document, &change.computed, now, &news)?;
        if let Some(triggers) = triggers.filter(SaveTriggers::tells_after) {
            let stored = self.stored_object(&class, &document, &request.mount_url)?;
            let stored = changed_part(triggers.original(), stored, &change.update);
            self.tell_after_save(triggers, stored, &mut body).await?;
        }
        Ok(body.into())
    }

    /// Reads what is to be changed, and asks for permission.
    pub(super) async fn draft_change(&self, request: &UpdateRequest) -> Result<ChangeDraft> {
        let caller = Caller::from_context(request.context.as_ref())?;
        let writer = guards::check_write(&caller, Method::Update, &request.class_name, request.owned.as_ref())?;
        let class_name = class_name(&request.class_name)?;
        let body = body::parse(&request.body, &self.settings.keyword_denylist)?;
        let id = ObjectId::new(&request.object_id).ok_or_else(ParseError::object_not_found)?;
        let body_writer = body_writer(writer);
        let mut change = ObjectUpdate::parse(&id, body, body_writer)?;
        let context = request.context.as_ref();
        let triggers = self.save_triggers(context, &caller, class_name.as_str(), request.owned.is_some()).await?;

        // Class-level permission, asked before anything is changed. What `beforeSave` may still change is not looked at.
        let is_open = triggers.as_ref().is_some_and(SaveTriggers::asks_before);
        let permit = |class: &Class| match is_open {
            true => permit_operations(class, &caller, &[Operation::Update]),
            false => permit(class, &caller, &change),
        };
        let permitted = self.permitted_class(&class_name, permit).await?;
        let Some((checked, permission)) = permitted else {
            // A class that is not there has no object to change, and is not made for one.
            check_creation(self, writer, &class_name)?;
            return Err(ParseError::object_not_found());
        };
        let mut conditions = permission.ok_or_else(ParseError::object_not_found)?;
        let added = request.owned.as_ref();
        conditions.extend(owned::conditions(added, &checked.schema)?);
        let mut added = added.map(|added| owned::change(added, &id)).transpose()?;
        if let Some(added) = &mut added {
            change.types.append(&mut added.types);
        }
        let news = News::default();
        let owned = added;
        Ok(ChangeDraft {
            caller,
            writer: body_writer,
            class_name,
            id,
            change,
            owned,
            conditions,
            checked,
            triggers,
            news,
        })
    }
}

/// The conditions under which the change is permitted; `None` if it is under none.
fn permit(class: &Class, caller: &Caller, change: &ObjectUpdate) -> Result<Option<Vec<Condition>>> {
    let mut operations = vec![Operation::Update];
    let changes = change.update.changes.iter().filter(|(_, change)| *change != Change::Unset);
    let written = changes.map(|(path, _)| path.as_str());
    if adds_a_field(class, written.chain(change.update.relations.iter().map(|(name, _)| name.as_str()))) {
        operations.push(Operation::AddFieldOnUpdate);
    }
    permit_operations(class, caller, &operations)
}

fn permit_operations(class: &Class, caller: &Caller, operations: &[Operation]) -> Result<Option<Vec<Condition>>> {
    let mut conditions = Vec::new();
    for operation in operations {
        match policy::authorise(class, caller, *operation)? {
            Access::All => {}
            Access::Where(condition) => conditions.push(condition),
            Access::Nothing => return Ok(None),
        }
    }
    Ok(Some(conditions))
}

/// Has values answered into which paths lead. `beforeSave` is told of the whole value, and so are clients of what it has seen
/// set; `afterSave` is told of everything like that.
fn answer_whole_values(change: &mut ObjectUpdate, triggers: &SaveTriggers) {
    for (path, made) in &change.update.changes {
        let is_told = triggers.tells_after() || matches!(made, Change::Set(_));
        if path.is_dotted()
            && is_told
            && let Some(root) = FieldPath::new(path.root())
        {
            change.computed.push(root);
        }
    }
}

/// A changed object as far as its writer knows of it: what the writer saw of it before, and what was changed.
fn changed_part(
    original: Option<&JsonMap<String, Json>>,
    mut stored: JsonMap<String, Json>,
    update: &Update,
) -> JsonMap<String, Json> {
    let is_changed = |name: &str| {
        update.changes.iter().any(|(path, _)| path.root() == name)
            || update.relations.iter().any(|(field, _)| field.as_str() == name)
            || (name == "ACL" && update.acl.is_some())
            || ["objectId", "createdAt", "updatedAt"].contains(&name)
    };
    stored.retain(|name, _| is_changed(name) || original.is_some_and(|original| original.contains_key(name)));
    stored
}

/// Columns of Parse's own classes that follow from others.
fn derive_columns(change: &mut ObjectUpdate, class: &Class) {
    if class.schema.name.as_str() != "_Product" {
        return;
    }
    let name = change.update.changes.iter().find_map(|(path, change)| match change {
        Change::Set(Value::File(file)) if path.as_str() == "download" => Some(file.name.clone()),
        _ => None,
    });
    if let (Some(name), Some(path)) = (name, FieldPath::new("downloadName")) {
        change.update.changes.retain(|(known, _)| *known != path);
        change.update.changes.push((path, Change::Set(Value::String(name))));
    }
}
