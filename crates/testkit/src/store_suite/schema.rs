//! The schema collection.

use parsefleet_core::{ClassSchema, FieldName, FieldType, schema::Field};
use parsefleet_data::store::{ObjectStore, StoreError};
use serde_json::{Value as Json, json};

use super::Class;

async fn loaded(store: &dyn ObjectStore, name: &str) -> Option<ClassSchema> {
    store.load_schema().await.unwrap().into_iter().find(|class| class.name.as_str() == name)
}

fn options(json: Json) -> serde_json::Map<String, Json> {
    json.as_object().cloned().unwrap()
}

pub async fn classes_are_created_once(store: &dyn ObjectStore) {
    assert_eq!(store.load_schema().await.unwrap(), []);
    let class = Class::new(store, "Thing", &[("n", FieldType::Number)]).schema;
    store.create_class(&class).await.unwrap();
    let again = store.create_class(&class).await;
    assert!(matches!(again, Err(StoreError::SchemaConflict)), "{again:?}");
    assert_eq!(store.load_schema().await.unwrap(), [class]);
}

pub async fn fields_are_added_once(store: &dyn ObjectStore) {
    let mut class = Class::new(store, "Thing", &[]).schema;
    store.create_class(&class).await.unwrap();
    let (name, plain) = (FieldName::new("n").unwrap(), Field::new(FieldType::Number));
    store.add_field(&class.name, &name, &plain).await.unwrap();
    for field in [&plain, &Field::new(FieldType::String)] {
        let again = store.add_field(&class.name, &name, field).await;
        assert!(matches!(again, Err(StoreError::SchemaConflict)), "{again:?}");
    }
    let required =
        Field { field_type: FieldType::String, options: options(json!({ "required": true, "defaultValue": "x" })) };
    store.add_field(&class.name, &FieldName::new("s").unwrap(), &required).await.unwrap();
    class.fields.insert("n".into(), plain);
    class.fields.insert("s".into(), required);
    assert_eq!(loaded(store, "Thing").await, Some(class));
}

pub async fn a_class_survives_its_description(store: &dyn ObjectStore) {
    let fields = [
        ("array", FieldType::Array),
        ("boolean", FieldType::Boolean),
        ("bytes", FieldType::Bytes),
        ("date", FieldType::Date),
        ("file", FieldType::File),
        ("geo", FieldType::GeoPoint),
        ("object", FieldType::Object),
        ("pointer", FieldType::Pointer("Team".into())),
        ("relation", FieldType::Relation("Team".into())),
    ];
    let mut class = Class::new(store, "Every", &fields).schema;
    class.permissions = Some(json!({ "find": { "*": true }, "get": {}, "protectedFields": { "*": ["date"] } }));
    store.create_class(&class).await.unwrap();
    let user = Class::new(store, "_User", &[("nick", FieldType::String)]).schema;
    store.create_class(&user).await.unwrap();
    assert_eq!(loaded(store, "Every").await, Some(class));
    assert_eq!(loaded(store, "_User").await, Some(user));
}
