//! The schema at one moment, prepared for reading and writing, and the hooks that there are then.

use std::{collections::HashMap, sync::Arc, time::Instant};

use indexmap::IndexMap;
use parsefleet_core::{ClassName, ClassSchema};
use serde_json::Value as Json;

use crate::{
    hooks::Hooks,
    policy::{Permissions, Protected},
    settings::Settings,
};

/// Every class at one moment.
pub(crate) struct Snapshot {
    classes: IndexMap<String, Arc<Class>>,
    /// Parse's own classes that the schema collection does not have (yet), and how they are protected.
    built_in: HashMap<&'static str, Arc<Class>>,
    /// Who is asked when something happens.
    pub(crate) hooks: Hooks,
    /// When the reading began.
    pub(super) read_at: Instant,
    /// The state of the schema that was heard of then.
    pub(super) generation: u64,
}

/// A class and what was prepared from its schema.
#[derive(Debug)]
pub(crate) struct Class {
    /// The schema.
    pub(crate) schema: ClassSchema,
    /// Class-level permissions; `None` is open to everybody.
    pub(crate) permissions: Option<Permissions>,
    /// Fields hidden from groups of callers.
    pub(crate) protected: Protected,
}

impl Snapshot {
    /// Prepares what was read. Classes that are as they were are taken over from the earlier snapshot.
    pub(super) fn new(
        classes: Vec<ClassSchema>,
        hooks: Hooks,
        earlier: Option<&Self>,
        settings: &Settings,
        read_at: Instant,
        generation: u64,
    ) -> Self {
        let take = |schema: ClassSchema| {
            let name = schema.name.as_str();
            match earlier.and_then(|snapshot| snapshot.classes.get(name)).filter(|class| class.schema == schema) {
                Some(class) => (name.to_owned(), Arc::clone(class)),
                None => (name.to_owned(), Arc::new(Class::new(schema, settings))),
            }
        };
        let built_in = match earlier {
            Some(snapshot) => snapshot.built_in.clone(),
            None => built_in(settings),
        };
        Self { classes: classes.into_iter().map(take).collect(), built_in, hooks, read_at, generation }
    }

    /// A class that can be read: one of the schema collection, or one of Parse's own.
    pub(crate) fn class(&self, name: &str) -> Option<&Arc<Class>> {
        self.classes.get(name).or_else(|| self.built_in.get(name))
    }

    /// The classes of the schema collection, in its order.
    pub(crate) fn stored_classes(&self) -> impl Iterator<Item = &Arc<Class>> {
        self.classes.values()
    }

    /// A class of the schema collection.
    pub(crate) fn stored_class(&self, name: &str) -> Option<&Arc<Class>> {
        self.classes.get(name)
    }
}

fn built_in(settings: &Settings) -> HashMap<&'static str, Arc<Class>> {
    let prepare = |name: &&'static str| {
        let schema = ClassSchema::new(ClassName::new(name)?);
        Some((*name, Arc::new(Class::new(schema, settings))))
    };
    parsefleet_core::name::SYSTEM_CLASSES.iter().filter_map(prepare).collect()
}

impl Class {
    /// Prepares a class.
    pub(crate) fn new(schema: ClassSchema, settings: &Settings) -> Self {
        let stored = schema.permissions.as_ref().filter(|stored| !stored.is_null());
        // Permissions that are not an object cannot have been written by Parse: they open nothing.
        let permissions = stored.map(|stored| stored.as_object().map(Permissions::from_json).unwrap_or_default());
        let settings = settings.protected_fields.get(schema.name.as_str());
        let protected = match stored {
            Some(stored) => Protected::new(stored.get("protectedFields"), settings),
            None => Protected::new(Some(&Json::Object(open_to_everybody())), settings),
        };
        let protected = match schema.name.as_str() {
            "_User" => protected.of_users(),
            _ => protected,
        };
        Self { schema, permissions, protected }
    }
}

/// `protectedFields` of a class without permissions: everybody sees everything.
fn open_to_everybody() -> serde_json::Map<String, Json> {
    serde_json::Map::from_iter([("*".to_owned(), Json::Array(Vec::new()))])
}
