//! Users with sessions and a role, who are in every database before the first question: a question comes from one of them
//! with the header `X-Parse-Session-Token: r:parity-session-of-user-1` (or 2). The first one has the role `parityStaff`.

use anyhow::{Context as _, Result};
use bson::{DateTime, Document, RawDocumentBuf, doc};
use parsefleet_core::{ClassName, ClassSchema, FieldName, value::Pointer};
use parsefleet_data::store::{MongoStore, ObjectStore, SqliteStore, StoreError};

/// Ids of the users; the position tells which session is whose.
const USERS: [&str; 2] = ["parityUsr1", "parityUsr2"];

/// Puts them into a MongoDB database.
pub(crate) async fn move_in(uri: &str) -> Result<()> {
    settle(&MongoStore::connect(uri, &serde_json::Map::new(), "").await?).await
}

/// Puts them into an embedded store that is not open yet.
pub(crate) async fn move_in_embedded(data_directory: &std::path::Path) -> Result<()> {
    settle(&SqliteStore::open(data_directory)?).await
}

async fn settle(store: &dyn ObjectStore) -> Result<()> {
    for class in ["_User", "_Role", "_Session"] {
        match store.create_class(&ClassSchema::new(class_name(class)?)).await {
            Ok(()) | Err(StoreError::SchemaConflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for (index, id) in USERS.into_iter().enumerate() {
        let number = index + 1;
        insert(store, "_User", doc! { "_id": id, "username": format!("parity {number}"), "_hashed_password": "none" })
            .await?;
        let session = doc! {
            "_id": format!("paritySes{number}"),
            "_session_token": format!("r:parity-session-of-user-{number}"),
            "_p_user": format!("_User${id}"),
            "createdWith": { "action": "login", "authProvider": "password" },
            "expiresAt": DateTime::from_millis(4_000_000_000_000),
        };
        insert(store, "_Session", session).await?;
    }
    insert(store, "_Role", doc! { "_id": "parityRole", "name": "parityStaff", "_rperm": ["*"], "_wperm": [] }).await?;
    let users = FieldName::new("users").context("a field")?;
    let member = Pointer { class_name: "_User".to_owned(), object_id: USERS[0].to_owned() };
    store.add_relations(&class_name("_Role")?, &users, "parityRole", &[member]).await?;
    Ok(())
}

async fn insert(store: &dyn ObjectStore, class: &str, mut document: Document) -> Result<()> {
    for column in ["_created_at", "_updated_at"] {
        document.insert(column, DateTime::from_millis(1_700_000_000_000));
    }
    Ok(store.insert(&class_name(class)?, RawDocumentBuf::try_from(&document)?).await?)
}

fn class_name(name: &str) -> Result<ClassName> {
    ClassName::new(name).context("a class")
}
