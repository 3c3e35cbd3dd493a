//! What Parse's own classes rely on, made while the service is already serving: two classes and their indexes.

use std::{sync::Arc, time::Duration};

use parsefleet_core::{ClassName, ClassSchema};

use crate::{
    settings::Settings,
    store::{Index, IndexKind, ObjectStore, StoreError},
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
    indexes().iter().any(|(_, owner, _)| *owner == class.as_str())
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
                // A person has to look: usually documents with the same value are there already.
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
    let wanted = indexes().into_iter().filter(|(option, ..)| !settings.disabled_indexes.contains(*option));
    let indexes = wanted.filter_map(|(_, class, index)| Some(Part::Index(ClassName::new(class)?, index)));
    classes.chain(indexes).collect()
}

/// Each index with its class and the option that switches it off.
fn indexes() -> Vec<(&'static str, &'static str, Index)> {
    [
        ("createIndexUserUsername", "_User", unique("username_1", "username")),
        (
            "createIndexUserUsernameCaseInsensitive",
            "_User",
            Index { case_insensitive: true, ..sparse("case_insensitive_username", "username") },
        ),
        (
            "createIndexUserEmailCaseInsensitive",
            "_User",
            Index { case_insensitive: true, ..sparse("case_insensitive_email", "email") },
        ),
        ("createIndexUserEmail", "_User", unique("email_1", "email")),
        ("createIndexUserEmailVerifyToken", "_User", sparse("_email_verify_token", "_email_verify_token")),
        ("createIndexUserPasswordResetToken", "_User", sparse("_perishable_token", "_perishable_token")),
        ("createIndexAuthDataUniqueness", "_User", unique("_auth_data_anonymous_id", "_auth_data_anonymous.id")),
        ("createIndexRoleName", "_Role", unique("name_1", "name")),
    ]
    .into_iter()
    .chain(claim_indexes().map(|index| ("", "_Idempotency", index)))
    .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

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
