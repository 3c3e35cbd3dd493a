//! What Parse's own classes rely on, made while the service is already serving: two classes and their indexes.

use std::{sync::Arc, time::Duration};

use parsefleet_core::{ClassName, ClassSchema, FieldName};

use crate::{
    settings::Settings,
    store::{Index, IndexKind, ObjectStore, StoreError, UNIQUE_IGNORING_CASE},
};

/// First and longest pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Classes that are there from the start.
const CLASSES: [&str; 2] = ["_User", "_Role"];

/// Something to be made if it is not there.
enum Part {
    Class(ClassSchema),
    Index(ClassName, Index),
}

/// Makes everything, again and again until the database has it, and notes which indexes there are, as Parse Server does
/// at its start. Returns when that is done.
pub(crate) async fn prepare(store: Arc<dyn ObjectStore>, settings: Arc<Settings>) {
    make(store.as_ref(), parts(&settings)).await;
    for class in classes(store.as_ref()).await {
        if let Err(error) = store.note_indexes(&class.name).await {
            tracing::warn!(parse.class = %class.name, %error, "the indexes of a class could not be noted");
        }
    }
}

/// Every class, however long the database stays away.
async fn classes(store: &dyn ObjectStore) -> Vec<ClassSchema> {
    loop {
        match store.load_schema().await {
            Ok(classes) => return classes,
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(FIRST_PAUSE).await,
            Err(error) => {
                tracing::warn!(%error, "the indexes of the classes could not be noted");
                return Vec::new();
            }
        }
    }
}

/// Whether the class is one whose indexes the server relies on.
pub(crate) fn relies_on_indexes(class: &ClassName) -> bool {
    indexes(&[]).iter().any(|(_, owner, _)| *owner == class.as_str())
}

/// Makes the indexes of one class.
pub(crate) async fn prepare_indexes(store: Arc<dyn ObjectStore>, settings: Arc<Settings>, class: ClassName) {
    let all = parts(&settings).into_iter();
    let wanted = all.filter(|part| matches!(part, Part::Index(owner, _) if *owner == class));
    make(store.as_ref(), wanted.collect()).await;
}

async fn make(store: &dyn ObjectStore, mut missing: Vec<Part>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let mut failed = Vec::new();
        for part in missing {
            match part.make(store).await {
                Ok(()) | Err(StoreError::SchemaConflict) => {}
                Err(StoreError::Unavailable(_)) => failed.push(part),
                Err(StoreError::Duplicate { .. }) => tracing::error!(
                    index = part.name(),
                    "objects with the same value forbid a unique index (with \"unique_ignoring_case\" in its name: values that \
                     differ only in case); everything works, but nothing keeps others from being stored at the same time: \
                     change or remove the duplicates, then start again"
                ),
                // A person has to look.
                Err(error) => tracing::error!(part = part.name(), %error, "the database refuses a class or index"),
            }
        }
        if failed.is_empty() {
            return;
        }
        tracing::warn!(missing = failed.len(), "classes and indexes wait for the database");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        missing = failed;
    }
}

impl Part {
    async fn make(&self, store: &dyn ObjectStore) -> Result<(), StoreError> {
        match self {
            Self::Class(class) => store.create_class(class).await,
            Self::Index(class, index) => store.ensure_index(class, index).await,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Class(class) => class.name.to_string(),
            Self::Index(class, index) => format!("{class}.{}", index.name),
        }
    }
}

fn parts(settings: &Settings) -> Vec<Part> {
    let classes = CLASSES.into_iter().filter_map(ClassName::new).map(|name| Part::Class(ClassSchema::new(name)));
    let wanted = indexes(&settings.auth_providers)
        .into_iter()
        .filter(|(option, ..)| !settings.disabled_indexes.contains(*option));
    let indexes = wanted.filter_map(|(_, class, index)| Some(Part::Index(ClassName::new(class)?, index)));
    classes.chain(indexes).collect()
}

/// Each index with its class and the option that switches it off.
fn indexes(providers: &[String]) -> Vec<(&'static str, &'static str, Index)> {
    let mut indexes = vec![
        ("createIndexUserUsername", "_User", unique("username_1", "username")),
        (USERNAME_IGNORING_CASE, "_User", ignoring_case(sparse("case_insensitive_username", "username"))),
        (EMAIL_IGNORING_CASE, "_User", ignoring_case(sparse("case_insensitive_email", "email"))),
        ("createIndexUserEmail", "_User", unique("email_1", "email")),
        ("createIndexUserEmailVerifyToken", "_User", sparse("_email_verify_token", "_email_verify_token")),
        ("createIndexUserPasswordResetToken", "_User", sparse("_perishable_token", "_perishable_token")),
        ("createIndexRoleName", "_Role", unique("name_1", "name")),
        // Not among those that Parse Server makes, nor to be switched off: every request with a session looks for these.
        ("", "_Session", sparse("_session_token_1", "_session_token")),
        ("", "_Session", sparse("_p_user_1", "_p_user")),
        ("", "_Join:users:_Role", sparse("relatedId_1", "relatedId")),
        ("", "_Join:roles:_Role", sparse("relatedId_1", "relatedId")),
    ];
    let anonymous = "anonymous".to_owned();
    let others = providers.iter().filter(|provider| **provider != anonymous && is_provider(provider));
    indexes.extend(std::iter::once(&anonymous).chain(others).map(|provider| {
        let index = unique(&format!("_auth_data_{provider}_id"), &format!("_auth_data_{provider}.id"));
        ("createIndexAuthDataUniqueness", "_User", index)
    }));
    // After those that Parse Server makes: so they are listed in the same order, whoever came first.
    indexes.extend([
        (USERNAME_IGNORING_CASE, "_User", unique_ignoring_case("username")),
        (EMAIL_IGNORING_CASE, "_User", unique_ignoring_case("email")),
    ]);
    indexes.extend(claim_indexes().map(|index| ("", "_Idempotency", index)));
    indexes
}

const USERNAME_IGNORING_CASE: &str = "createIndexUserUsernameCaseInsensitive";
const EMAIL_IGNORING_CASE: &str = "createIndexUserEmailCaseInsensitive";

/// Whether the text can be part of a column's name.
fn is_provider(name: &str) -> bool {
    FieldName::new(name).is_some()
}

/// The indexes of the ids of requests: one that makes them unique, and one by which they expire.
pub(crate) fn claim_indexes() -> [Index; 2] {
    [unique("reqId_1", "reqId"), Index { expire_after_seconds: Some(0), ..sparse("ttl", "expire") }]
}

fn sparse(name: &str, column: &str) -> Index {
    Index {
        name: name.to_owned(),
        keys: vec![(column.to_owned(), IndexKind::Ascending)],
        unique: false,
        sparse: true,
        case_insensitive: false,
        expire_after_seconds: None,
    }
}

fn unique(name: &str, column: &str) -> Index {
    Index { unique: true, ..sparse(name, column) }
}

fn ignoring_case(index: Index) -> Index {
    Index { case_insensitive: true, ..index }
}

/// Two users whose names differ only in case are one to people. Parse Server looks whether there is such a name before it
/// stores one, and two sign-ups at a time can come between; an index leaves no room for that.
fn unique_ignoring_case(column: &str) -> Index {
    ignoring_case(unique(&format!("{column}{UNIQUE_IGNORING_CASE}"), column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_has_an_index() {
        let providers = ["google", "anonymous", "bad.name"].map(str::to_owned);
        let settings = Settings::default().with_auth_providers(providers);
        let names: Vec<String> = parts(&settings).iter().map(Part::name).collect();
        let of_providers: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix("_User._auth_data_")).collect();
        assert_eq!(of_providers, ["anonymous_id", "google_id"]);
    }

    #[test]
    fn an_index_can_be_switched_off() {
        let names = |settings: &Settings| parts(settings).iter().map(Part::name).collect::<Vec<_>>();
        let mut settings = Settings::default();
        assert!(names(&settings).contains(&"_Role.name_1".to_owned()));
        settings.disabled_indexes.insert("createIndexRoleName".to_owned());
        assert!(!names(&settings).contains(&"_Role.name_1".to_owned()));
        assert!(names(&settings).contains(&"_Idempotency.ttl".to_owned()));
    }
}
