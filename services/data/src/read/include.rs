//! `include`: the objects that pointers lead to, in the place of the pointers.
//!
//! Objects are fetched level by level, with one query per path and class, under the caller's own permissions. They are
//! printed from the deepest level up, so that the JSON of an object is ready when the object that points to it is printed.

mod answered;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bson::{RawBsonRef, RawDocument};
use futures_util::future::{BoxFuture, try_join_all};
use parsefleet_core::{ClassSchema, FieldType, Query, Value, error::Result, query::Constraint};
use serde_json::Value as Json;

use super::{
    Reader,
    fields::{Fields, Paths},
    output::{Site, points_to},
    triggers,
};
use crate::{
    codec::{Include, Includes},
    conditions::object_id,
    policy::{Operation, Visibility, guards::Method},
    schema::Class,
    store::{Documents, FindOptions},
};

/// Objects of one class that are pointed to.
enum Objects {
    /// There is no such class.
    None,
    /// As they are stored, and what of them is shown.
    Stored { class: Arc<Class>, documents: Documents, fields: Fields },
    /// As a trigger answered them.
    Answered(Vec<Json>),
}

/// What the documents hold at one path.
#[derive(Debug, Default)]
struct Found {
    /// Class to ids of the objects that are pointed to.
    pointers: BTreeMap<String, BTreeSet<String>>,
    /// Members of plain objects on the way to deeper paths.
    nested: BTreeMap<String, Found>,
}

impl Reader<'_> {
    /// The objects to be included in some documents of a class; `None` if nothing is to be.
    ///
    /// # Errors
    /// 119 if the caller may not get objects of a class that is pointed to.
    pub(super) async fn includes(
        &self,
        class: &Class,
        documents: &Documents,
        fields: &Fields,
    ) -> Result<Option<Includes>> {
        if fields.include.is_empty() || documents.is_empty() {
            return Ok(None);
        }
        self.includes_of(class, documents, &fields.include, Vec::new(), fields).await.map(Some)
    }

    /// Those of the fields at a path. What `request` selects of the queried class reaches into the included objects.
    fn includes_of<'s>(
        &'s self,
        class: &'s Class,
        documents: &'s Documents,
        paths: &'s Paths,
        path: Vec<&'s str>,
        request: &'s Fields,
    ) -> BoxFuture<'s, Result<Includes>> {
        Box::pin(async move {
            let visibility = &class.protected.visibility(self.caller);
            let fields = paths.children.iter().map(|(field, below)| {
                let mut found = Found::default();
                // Even a failure to fetch what a hidden field points to would tell of it.
                for document in documents.iter().filter(|document| self.shows(class, visibility, document, field)) {
                    found.collect_field(&class.schema, document, field, below);
                }
                let mut path = path.clone();
                path.push(field);
                async move { Ok((field.clone(), self.include(found, below, path, request).await?)) }
            });
            Ok(Includes { fields: try_join_all(fields).await?.into_iter().collect() })
        })
    }

    /// Whether the caller may see a field of a document.
    fn shows(&self, class: &Class, visibility: &Visibility, document: &RawDocument, field: &str) -> bool {
        if !visibility.hidden.iter().any(|hidden| hidden == field) {
            return true;
        }
        let Some(user) = self.caller.user() else { return false };
        let is_own = class.schema.name.as_str() == "_User" && document.get_str("_id").ok() == Some(user.id());
        let mut narrowed = visibility.hidden_for_user_in.iter();
        (is_own && self.service.settings.protected_fields_owner_exempt)
            || narrowed.any(|(pointer, hidden)| {
                points_to(document, pointer, user.id()) && !hidden.iter().any(|hidden| hidden == field)
            })
    }

    /// Fetches what was found at a path, and everything below.
    fn include<'s>(
        &'s self,
        found: Found,
        paths: &'s Paths,
        path: Vec<&'s str>,
        request: &'s Fields,
    ) -> BoxFuture<'s, Result<Include>> {
        Box::pin(async move {
            let mut include = Include::default();
            let path = &path;
            let classes =
                found.pointers.into_iter().map(|(class, ids)| self.included_objects(class, ids, paths, path, request));
            for objects in try_join_all(classes).await? {
                include.objects.extend(objects);
            }
            for (member, found) in found.nested {
                let Some((member, below)) = paths.children.get_key_value(&member) else { continue };
                let mut path = path.clone();
                path.push(member);
                include.nested.fields.insert(member.clone(), self.include(found, below, path, request).await?);
            }
            Ok(include)
        })
    }

    /// Objects of one class with what is included in them, as JSON by id.
    fn included_objects<'s>(
        &'s self,
        class_name: String,
        ids: BTreeSet<String>,
        paths: &'s Paths,
        path: &'s [&'s str],
        request: &'s Fields,
    ) -> BoxFuture<'s, Result<HashMap<String, Vec<u8>>>> {
        Box::pin(async move {
            match self.read_objects(&class_name, ids, paths, path, request).await? {
                Objects::None => Ok(HashMap::new()),
                Objects::Answered(objects) => self.answered_objects(&class_name, objects, paths, path, request).await,
                Objects::Stored { class, documents, fields } => {
                    let includes = match fields.include.is_empty() {
                        true => None,
                        false => Some(self.includes_of(&class, &documents, paths, path.to_vec(), request).await?),
                    };
                    self.print_included(&class, &documents, &fields, includes.as_ref()).await
                }
            }
        })
    }

    /// Objects of one class without what is included in them.
    ///
    /// What a step needs on the stack is needed once for every level while a deeper one runs, so that the steps which take
    /// much stand in futures of their own: these are gone, or not there yet, when the next level is asked for.
    fn read_objects<'s>(
        &'s self,
        class_name: &'s str,
        ids: BTreeSet<String>,
        paths: &'s Paths,
        path: &'s [&'s str],
        request: &'s Fields,
    ) -> BoxFuture<'s, Result<Objects>> {
        Box::pin(async move {
            let Some(class) = self.class(class_name, Method::Get).await? else { return Ok(Objects::None) };
            let told = || {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                let (keys, exclude_keys) = request.names_below(path);
                triggers::told_of_include(&ids, keys.as_deref(), exclude_keys.as_deref())
            };
            self.before(class_name, told).await?;
            let after = self.triggers_after(class_name).map(|triggers| (triggers, told()));
            let mut fields = request.included(path, paths, &class.schema);
            if class.schema.name.as_str() == "_User" && self.caller.is_restricted() {
                // Not even users get their own identities in an included object.
                fields.remove("authData", &class.schema);
            }
            let ids = ids.into_iter().map(Value::String).collect();
            let query = Query { conditions: vec![object_id(Constraint::In(ids))] };
            let query = self.own_sessions_only(&class.schema, query)?;
            let options = FindOptions {
                projection: fields.projection(&class),
                read_preference: self.include_preference.clone(),
                ..FindOptions::default()
            };
            let documents = self.fetch(&class, &query, Operation::Get, &options).await?;
            let Some((triggers, told)) = after else { return Ok(Objects::Stored { class, documents, fields }) };
            let site = Site { fields: &fields, mount_url: self.mount_url, includes: None };
            let objects = self.objects(&class, &documents, site).await?;
            Box::pin(triggers.after_find(self.service, class_name, told, objects)).await.map(Objects::Answered)
        })
    }

    fn print_included<'s>(
        &'s self,
        class: &'s Class,
        documents: &'s Documents,
        fields: &'s Fields,
        includes: Option<&'s Includes>,
    ) -> BoxFuture<'s, Result<HashMap<String, Vec<u8>>>> {
        let site = Site { fields, mount_url: self.mount_url, includes };
        Box::pin(self.print(class, site, |printer| printer.included(documents)))
    }
}

impl Found {
    /// Collects from a root field of a document.
    fn collect_field(&mut self, schema: &ClassSchema, document: &RawDocument, field: &str, paths: &Paths) {
        match schema.field_type(field) {
            Some(FieldType::Pointer(target)) => {
                let Ok(pointer) = document.get_str(format!("_p_{field}")) else { return };
                if let Some((class, id)) = pointer.split_once('$').filter(|(class, _)| class == target) {
                    self.add(class, id);
                }
            }
            _ => {
                if let Ok(Some(value)) = document.get(field) {
                    self.collect(value, paths);
                }
            }
        }
    }

    /// Collects from a value inside a document.
    fn collect(&mut self, value: RawBsonRef<'_>, paths: &Paths) {
        match value {
            RawBsonRef::Array(items) => items.into_iter().flatten().for_each(|item| self.collect(item, paths)),
            RawBsonRef::Document(document) if document.get_str("__type").ok() == Some("Pointer") => {
                if let (Ok(class), Ok(id)) = (document.get_str("className"), document.get_str("objectId")) {
                    self.add(class, id);
                }
            }
            RawBsonRef::Document(document) => {
                for (member, below) in &paths.children {
                    if let Ok(Some(value)) = document.get(member) {
                        self.nested.entry(member.clone()).or_default().collect(value, below);
                    }
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, class: &str, id: &str) {
        self.pointers.entry(class.to_owned()).or_default().insert(id.to_owned());
    }
}
