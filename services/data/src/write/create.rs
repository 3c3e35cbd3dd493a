//! Creating an object.

use std::sync::Arc;

use parsefleet_core::{
    Acl, ClassName, NewObject, Object, ObjectId, Value,
    error::Result,
    update::{ObjectIds, Writer as BodyWriter},
};
use parsefleet_proto::v1::CreateRequest;
use rand::distr::{Alphanumeric, SampleString as _};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::{
    Created, adds_a_field, body, body_writer, check_creation, class_name,
    owned::{OwnedColumns, permit_itself},
    reply,
    told::News,
};
use crate::{
    caller::Caller,
    clock, codec,
    error::write_error,
    policy::{
        self, Operation,
        guards::{self, Method},
    },
    schema::Class,
    service::DataService,
    triggers::SaveTriggers,
};

/// An object that may be created as far as its class is concerned.
pub(super) struct NewDraft {
    caller: Caller,
    writer: BodyWriter,
    pub(super) class_name: ClassName,
    /// What the caller asks for, or `beforeSave` wants instead, with the types of all that is stored.
    pub(super) new: NewObject,
    /// What the owner of the class adds.
    owned: Option<OwnedColumns>,
    /// The class as it was when permission was given; `None` if it was not there.
    pub(super) checked: Option<Arc<Class>>,
    triggers: Option<SaveTriggers>,
    /// What the caller does not know of what is stored.
    news: News,
}

impl NewDraft {
    /// Asks for permission again if the class is another one than the one it was given for.
    pub(super) fn check(&self, class: &Arc<Class>) -> Result<()> {
        if self.checked.as_ref().is_some_and(|checked| Arc::ptr_eq(checked, class)) {
            return Ok(());
        }
        permit(class, &self.caller, &self.new)
    }

    /// Whether `beforeSave` may still change what is stored.
    pub(super) fn is_open(&self) -> bool {
        self.triggers.as_ref().is_some_and(SaveTriggers::asks_before)
    }

    /// Asks `beforeSave`, and for permission for what it makes of the object.
    async fn ask_before_save(&mut self, service: &DataService, sent: &[u8]) -> Result<()> {
        let Some(triggers) = self.triggers.as_ref().filter(|triggers| triggers.asks_before()) else { return Ok(()) };
        let sent = body::parse(sent, &service.settings.keyword_denylist)?;
        if let Some(replacement) = triggers.before_create(service, &sent).await? {
            self.new = NewObject::parse(replacement.body, self.writer, ObjectIds::Custom)?;
            self.news = News(replacement.news);
        }
        self.checked.as_ref().map_or(Ok(()), |class| permit(class, &self.caller, &self.new))
    }
}

impl DataService {
    /// Stores a new object.
    ///
    /// # Errors
    /// 119 if the caller may not create objects of the class, 105, 107, 111, 121 and 142 for what is wrong with the object,
    /// 137, of users 202, 203 and 208, if a unique index has its value already.
    pub async fn create_object(&self, request: &CreateRequest) -> Result<Created> {
        let now = clock::now();
        let mut draft = self.draft_new(request).await?;
        draft.ask_before_save(self, &request.body).await?;

        // Schema: types, required columns, defaults.
        let permit = &mut |class: &Arc<Class>| draft.check(class);
        let class = self.extend_schema(&draft.class_name, &draft.new.types, permit).await?;
        let NewDraft { caller, class_name, mut new, owned, triggers, news, .. } = draft;
        guards::check_creatable(class_name.as_str())?;
        let fallback = owned.and_then(|owned| owned.join(&mut new));
        class.schema.check_required_columns(&new)?;
        let id = new.object_id.take().unwrap_or_else(|| generate_id(self.settings.object_id_size));
        let default_acl = give_acl(&mut new, &class, &caller, fallback, &id);
        derive_columns(&mut new, &class);
        let given = match class.schema.apply_defaults(&mut new) {
            Ok(given) => given,
            // What was required may have ceased to be.
            Err(refusal) => match self.schema.newer_class(&class).await? {
                Some(newer) => newer.schema.apply_defaults(&mut new)?,
                None => return Err(refusal),
            },
        };

        // The object itself.
        let object = Object {
            id,
            created_at: new.created_at.unwrap_or(now),
            updated_at: new.updated_at.unwrap_or(now),
            acl: new.acl.take(),
            fields: std::mem::take(&mut new.fields),
        };
        let document = codec::encode(&class.schema, &object)?;
        let triggers = triggers.filter(SaveTriggers::tells_after);
        let kept = triggers.as_ref().map(|_| document.clone());
        let stored = self.store.insert(&class_name, document).await;
        stored.map_err(|error| write_error(&class_name, error))?;
        self.keep_schema(&class, &new.types).await;

        self.write_relations(&class_name, &object.id, &new.relations).await?;
        self.announce(&class_name).await;
        // The live event comes here.
        let mut body = reply::created(&object, &new.computed, default_acl.as_ref(), &given, &news);
        if let (Some(triggers), Some(document)) = (triggers, kept) {
            let stored = self.stored_object(&class, &document, &request.mount_url)?;
            self.tell_after_save(triggers, stored, &mut body).await?;
        }
        Ok(Created { id: object.id, body: body.into() })
    }

    /// Reads what is to be created, and asks for permission.
    pub(super) async fn draft_new(&self, request: &CreateRequest) -> Result<NewDraft> {
        let caller = Caller::from_context(request.context.as_ref())?;
        let writer = guards::check_write(&caller, Method::Create, &request.class_name, request.owned.as_ref())?;
        let class_name = class_name(&request.class_name)?;
        let body = body::parse(&request.body, &self.settings.keyword_denylist)?;
        let ids = if self.settings.allow_custom_object_id { ObjectIds::Custom } else { ObjectIds::Generated };
        let body_writer = body_writer(writer);
        let mut new = NewObject::parse(body, body_writer, ids)?;
        let context = request.context.as_ref();
        let triggers = self.save_triggers(context, &caller, class_name.as_str(), request.owned.is_some()).await?;

        // Class-level permission, asked before anything is changed. What `beforeSave` may still change is not looked at.
        let is_open = triggers.as_ref().is_some_and(SaveTriggers::asks_before);
        let permit = |class: &Class| match is_open {
            true => policy::authorise(class, &caller, Operation::Create).map(drop),
            false => permit(class, &caller, &new),
        };
        let checked = self.permitted_class(&class_name, permit).await?;
        if checked.is_none() {
            check_creation(self, writer, &class_name)?;
        }
        let mut owned = request.owned.as_ref().map(OwnedColumns::parse).transpose()?;
        if let Some(owned) = &mut owned {
            owned.demand(&mut new);
        }
        let checked = checked.map(|(class, ())| class);
        Ok(NewDraft { caller, writer: body_writer, class_name, new, owned, checked, triggers, news: News::default() })
    }
}

fn permit(class: &Class, caller: &Caller, new: &NewObject) -> Result<()> {
    policy::authorise(class, caller, Operation::Create)?;
    let written = new.fields.iter().map(|(name, _)| name).chain(new.relations.iter().map(|(name, _)| name.as_str()));
    if adds_a_field(class, written) {
        policy::authorise(class, caller, Operation::AddFieldOnCreate)?;
    }
    Ok(())
}

/// Gives a new object the permissions that it has for want of others: those of its class, or else those that the owner of
/// the class falls back to. Users can always read and write themselves. What the class gave is returned.
fn give_acl(
    new: &mut NewObject,
    class: &Class,
    caller: &Caller,
    fallback: Option<Acl>,
    id: &ObjectId,
) -> Option<JsonMap<String, Json>> {
    let mut given = give_default_acl(new, class, caller);
    new.acl = new.acl.take().or(fallback);
    if class.schema.name.as_str() == "_User" {
        permit_itself(new.acl.get_or_insert_default(), id);
        if let Some(given) = &mut given {
            given.insert(id.as_str().to_owned(), json!({"read": true, "write": true}));
        }
    }
    given
}

/// The ACL that the class gives to objects without one, `currentUser` being whoever creates the object.
fn give_default_acl(new: &mut NewObject, class: &Class, caller: &Caller) -> Option<JsonMap<String, Json>> {
    let default = class.permissions.as_ref()?.default_acl.as_ref()?;
    let is_public = json!({"*": {"read": true, "write": true}}).as_object() == Some(default);
    if new.acl.is_some() || is_public {
        return None;
    }
    let mut acl = default.clone();
    if let Some(rights) = acl.shift_remove("currentUser")
        && let Some(user) = caller.user()
    {
        acl.insert(user.id().to_owned(), rights);
    }
    new.acl = Some(Acl::from_json(&Json::Object(acl.clone())));
    Some(acl)
}

/// Columns of Parse's own classes that follow from others.
fn derive_columns(new: &mut NewObject, class: &Class) {
    if class.schema.name.as_str() == "_Product"
        && let Some(Value::File(file)) = new.fields.get("download")
    {
        let name = file.name.clone();
        new.fields.insert("downloadName", Value::String(name));
    }
}

/// A new object id.
pub(crate) fn generate_id(size: usize) -> ObjectId {
    // A size of 0 would make an id that is none.
    let text = Alphanumeric.sample_string(&mut rand::rng(), size.max(1));
    ObjectId::new(&text).unwrap_or_else(|| generate_id(size))
}

#[cfg(test)]
mod tests {
    use super::generate_id;

    #[test]
    fn ids_are_letters_and_digits_of_the_given_number() {
        let id = generate_id(10);
        assert_eq!(id.as_str().len(), 10);
        assert!(id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(id, generate_id(10));
    }
}
