//! What the data service was told about objects and queries.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use parsefleet_core::{
    denylist::{InvalidRule, KeywordDenylist},
    schema::IndexFields,
};
use parsefleet_runtime::config::{Database, DefinedClasses, Objects, Providers, RequestComplexity};
use secrecy::SecretString;
use serde_json::Value as Json;

use crate::codec::Identities;

/// Settings of the data service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the app, part of the URLs of files.
    pub app_id: String,
    /// Length of generated object ids.
    pub object_id_size: usize,
    /// Whether a client may choose the id of an object it creates.
    pub allow_custom_object_id: bool,
    /// Whether a client may use a class that is not there yet.
    pub allow_client_class_creation: bool,
    /// `limit` of a query that gives none.
    pub default_limit: u64,
    /// Greatest `limit`.
    pub max_limit: Option<u64>,
    /// `collectionPrefix`, for the collections that a pipeline names.
    pub collection_prefix: String,
    /// Whether aggregations answer extended JSON unless they say otherwise.
    pub aggregation_raw_values: bool,
    /// Whether aggregations speak of stored columns unless they say otherwise.
    pub aggregation_raw_field_names: bool,
    /// Whether the read-only master key may aggregate.
    pub allow_aggregation_for_read_only_master: bool,
    /// Most that one request of a client may ask for.
    pub complexity: RequestComplexity,
    /// Whether everybody may ask for a query's plan.
    pub allow_public_explain: bool,
    /// Rules for words that a write may not hold.
    pub keyword_denylist: KeywordDenylist,
    /// `fileKey`, for the URLs of files from hosted Parse.
    pub file_key: Option<String>,
    /// Fields that groups of callers do not see, next to those of the class-level permissions: class to group to fields.
    pub protected_fields: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Whether users see everything of themselves.
    pub protected_fields_owner_exempt: bool,
    /// Whether triggers of saves see what is protected from the caller.
    pub protected_fields_trigger_exempt: bool,
    /// Names of the third-party identity providers that users log in with (`auth`): an identity belongs to one user.
    pub auth_providers: Vec<String>,
    /// How the identities of users are shown.
    pub identities: Identities,
    /// Indexes that are not to be made at start, by the name of the option that switches each off.
    pub disabled_indexes: BTreeSet<String>,
    /// Whether the schema API may not change classes (`schema.lockSchemas`).
    pub lock_schemas: bool,
    /// Classes that are set up at the start, before anything is read or written (`schema`).
    pub defined_classes: Option<DefinedClasses>,
    /// Which columns the schema API may make indexes on (`databaseOptions.disableIndexFieldValidation`).
    pub index_fields: IndexFields,
    /// `webhookKey`, by which hooks know who calls.
    pub webhook_key: Option<SecretString>,
    /// Age at which the schema is read again even though nobody told of a change: another server may share the database.
    pub schema_max_age: Duration,
}

impl Settings {
    /// The settings in a process's configuration.
    ///
    /// # Errors
    /// A rule of `requestKeywordDenylist` cannot be used.
    pub fn try_new(
        app_id: &str,
        objects: &Objects,
        database: &Database,
        classes: Option<&DefinedClasses>,
    ) -> Result<Self, InvalidRule> {
        let flag = |name: &str| database.options.get(name).and_then(Json::as_bool).unwrap_or(false);
        Ok(Self {
            app_id: app_id.to_owned(),
            object_id_size: objects.object_id_size,
            allow_custom_object_id: objects.allow_custom_object_id,
            allow_client_class_creation: objects.allow_client_class_creation,
            default_limit: objects.default_limit,
            max_limit: objects.max_limit,
            collection_prefix: database.collection_prefix.clone(),
            aggregation_raw_values: objects.aggregation_raw_values,
            aggregation_raw_field_names: objects.aggregation_raw_field_names,
            allow_aggregation_for_read_only_master: objects.allow_aggregation_for_read_only_master,
            complexity: objects.request_complexity.clone(),
            allow_public_explain: flag("allowPublicExplain"),
            keyword_denylist: KeywordDenylist::new(&objects.keyword_denylist)?,
            file_key: objects.file_key.clone(),
            protected_fields: groups_by_class(&objects.protected_fields),
            protected_fields_owner_exempt: objects.protected_fields_owner_exempt,
            protected_fields_trigger_exempt: objects.protected_fields_trigger_exempt,
            auth_providers: Vec::new(),
            identities: Identities::default(),
            disabled_indexes: disabled_indexes(database),
            lock_schemas: classes.is_some_and(|classes| classes.lock),
            defined_classes: classes.cloned(),
            index_fields: match flag("disableIndexFieldValidation") {
                true => IndexFields::Any,
                false => IndexFields::Known,
            },
            webhook_key: None,
            schema_max_age: schema_max_age(database),
        })
    }
}

impl Settings {
    /// The same for users who log in with these providers.
    #[must_use]
    pub fn with_providers(self, providers: &Providers) -> Self {
        let settings = self.with_auth_providers(providers.names().map(str::to_owned));
        Self { identities: Identities::of(providers), ..settings }
    }

    /// The same with the key that hooks are shown.
    #[must_use]
    pub fn with_webhook_key(self, key: Option<SecretString>) -> Self {
        Self { webhook_key: key, ..self }
    }

    /// The same with these third-party identity providers.
    #[must_use]
    pub fn with_auth_providers(self, names: impl IntoIterator<Item = String>) -> Self {
        Self { auth_providers: names.into_iter().collect(), ..self }
    }
}

impl Default for Settings {
    /// Those of an app without a name that was told nothing.
    fn default() -> Self {
        Self {
            app_id: String::new(),
            object_id_size: 10,
            allow_custom_object_id: false,
            allow_client_class_creation: true,
            default_limit: 100,
            max_limit: None,
            collection_prefix: String::new(),
            aggregation_raw_values: false,
            aggregation_raw_field_names: false,
            allow_aggregation_for_read_only_master: true,
            complexity: RequestComplexity::default(),
            allow_public_explain: false,
            keyword_denylist: KeywordDenylist::default(),
            file_key: None,
            protected_fields: groups_by_class(&serde_json::json!({"_User": {"*": ["email"]}})),
            protected_fields_owner_exempt: true,
            protected_fields_trigger_exempt: false,
            auth_providers: Vec::new(),
            identities: Identities::default(),
            disabled_indexes: BTreeSet::new(),
            lock_schemas: false,
            defined_classes: None,
            index_fields: IndexFields::Known,
            webhook_key: None,
            schema_max_age: Duration::from_secs(5),
        }
    }
}

/// `databaseOptions.createIndex…: false`
fn disabled_indexes(database: &Database) -> BTreeSet<String> {
    let options = database.options.iter();
    let disabled = options.filter(|(name, value)| name.starts_with("createIndex") && **value == Json::Bool(false));
    disabled.map(|(name, _)| name.clone()).collect()
}

/// `databaseOptions.schemaCacheTtl` (milliseconds) if it is given: there it asks for the same thing.
fn schema_max_age(database: &Database) -> Duration {
    const DEFAULT: Duration = Duration::from_secs(5);
    match database.options.get("schemaCacheTtl").and_then(Json::as_u64) {
        Some(milliseconds) if milliseconds > 0 => Duration::from_millis(milliseconds).min(DEFAULT),
        _ => DEFAULT,
    }
}

fn groups_by_class(json: &Json) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let mut classes = BTreeMap::new();
    for (class, groups) in json.as_object().into_iter().flatten() {
        let mut by_group = BTreeMap::new();
        for (group, fields) in groups.as_object().into_iter().flatten() {
            let names = fields.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned));
            by_group.insert(group.clone(), names.collect());
        }
        classes.insert(class.clone(), by_group);
    }
    classes
}
