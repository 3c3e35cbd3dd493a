//! The schema collection.

use bson::doc;
use parsefleet_core::{ClassName, ClassSchema, FieldName, FieldType, schema::Field, value::Pointer};
use parsefleet_data::store::{ClassEdit, Index, IndexKind, ObjectStore, StoreError};
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

fn index(name: &str, column: &str) -> Index {
    Index {
        name: name.to_owned(),
        keys: vec![(column.to_owned(), IndexKind::Ascending)],
        unique: false,
        sparse: false,
        case_insensitive: false,
        expire_after_seconds: None,
    }
}

async fn count(class: &Class<'_>) -> u64 {
    class.store.count(&class.schema, &class.query(json!({ "owningId": { "$exists": true } }))).await.unwrap()
}

fn name(text: &str) -> FieldName {
    FieldName::new(text).unwrap()
}

pub async fn a_description_changes_as_a_whole(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("n", FieldType::Number)]).schema;
    let edit = ClassEdit {
        added: vec![
            (name("z"), Field::new(FieldType::String)),
            (name("a"), Field { field_type: FieldType::String, options: options(json!({"defaultValue": "$x"})) }),
        ],
        options: vec![(name("n"), options(json!({"required": true})))],
        permissions: Some(json!({"find": {"*": true}})),
    };
    let absent = store.edit_class(&class.name, &edit).await;
    assert!(matches!(absent, Err(StoreError::SchemaConflict)), "{absent:?}");
    assert_eq!(store.load_schema().await.unwrap(), []);

    store.create_class(&class).await.unwrap();
    store.edit_class(&class.name, &edit).await.unwrap();
    let changed = loaded(store, "Thing").await.unwrap();
    assert_eq!(changed.fields.keys().skip(4).collect::<Vec<_>>(), ["n", "z", "a"], "in the order given");
    assert!(changed.fields["n"].is_required());
    assert_eq!(changed.fields["a"].default_value(), Some(&json!("$x")));
    assert_eq!(changed.permissions, edit.permissions);

    // One part that does not fit keeps the others out.
    for (added, changed_field) in [("z", "n"), ("new", "none")] {
        let edit = ClassEdit {
            added: vec![(name("fresh"), Field::new(FieldType::Date)), (name(added), Field::new(FieldType::Date))],
            options: vec![(name(changed_field), options(json!({})))],
            permissions: Some(Json::Null),
        };
        let refused = store.edit_class(&class.name, &edit).await;
        assert!(matches!(refused, Err(StoreError::SchemaConflict)), "{refused:?}");
        assert_eq!(loaded(store, "Thing").await, Some(changed.clone()));
    }
    let usual = ClassEdit { permissions: Some(Json::Null), ..ClassEdit::default() };
    store.edit_class(&class.name, &usual).await.unwrap();
    assert_eq!(loaded(store, "Thing").await.unwrap().permissions, None);
    store.edit_class(&class.name, &ClassEdit::default()).await.unwrap();
}

pub async fn a_class_has_one_place(store: &dyn ObjectStore) {
    let class = Class::new(store, "Place", &[("first", FieldType::GeoPoint)]).schema;
    store.create_class(&class).await.unwrap();
    let place = Field::new(FieldType::GeoPoint);
    let second = store.add_field(&class.name, &name("second"), &place).await;
    assert!(matches!(second, Err(StoreError::SchemaConflict)), "{second:?}");
    let edit = ClassEdit { added: vec![(name("second"), place)], ..ClassEdit::default() };
    let second = store.edit_class(&class.name, &edit).await;
    assert!(matches!(second, Err(StoreError::SchemaConflict)), "{second:?}");
}

pub async fn fields_go_with_their_values(store: &dyn ObjectStore) {
    let fields = [
        ("n", FieldType::Number),
        ("p", FieldType::Pointer("Team".into())),
        ("r", FieldType::Relation("Team".into())),
        ("o", FieldType::Object),
    ];
    let class = Class::new(store, "Thing", &fields);
    store.create_class(&class.schema).await.unwrap();
    store.ensure_index(&class.schema.name, &index("n_1", "n")).await.unwrap();
    class.put("a", doc! { "n": 1, "_p_p": "Team$x", "o": { "n": 1 } }).await;
    class.put("b", doc! { "o": {} }).await;
    let team = Pointer { class_name: "Team".into(), object_id: "x".into() };
    store.add_relations(&class.schema.name, &name("r"), "a", std::slice::from_ref(&team)).await.unwrap();
    let gone = ["n", "p", "r", "unknown"].map(name);
    for _ in 0..2 {
        store.remove_fields(&class.schema, &gone).await.unwrap();
    }
    let left = loaded(store, "Thing").await.unwrap();
    assert_eq!(left.fields.keys().skip(4).collect::<Vec<_>>(), ["o"]);
    let document = class.get("a").await.unwrap();
    assert_eq!(document.keys().collect::<Vec<_>>(), ["_id", "o", "_created_at", "_updated_at"]);
    class.finds(json!({ "n": 1 }), &[]).await;
    let rows = Class::new(store, "_Join:r:Thing", &[]);
    assert!(count(&rows).await == 0);

    // A field that was made anew with another type is another field.
    let edit = ClassEdit { added: vec![(name("n"), Field::new(FieldType::String))], ..ClassEdit::default() };
    store.edit_class(&class.schema.name, &edit).await.unwrap();
    store.remove_fields(&class.schema, &[name("n")]).await.unwrap();
    assert_eq!(loaded(store, "Thing").await.unwrap().field_type("n"), Some(&FieldType::String));
}

pub async fn indexes_are_changed_and_noted(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("n", FieldType::Number), ("f", FieldType::String)]);
    let noted = async || loaded(store, "Thing").await.unwrap().indexes.keys().cloned().collect::<Vec<_>>();
    store.change_indexes(&class.schema.name, &["none".into()], &[index("n_1", "n")]).await.unwrap();
    store.create_class(&class.schema).await.unwrap();
    class.put("a", doc! { "n": 1, "f": "x" }).await;
    store.note_indexes(&class.schema.name).await.unwrap();
    assert_eq!(noted().await, ["_id_", "n_1"]);
    let dotted = Index { keys: vec![("f".into(), IndexKind::Hashed)], ..index("f.hashed", "f") };
    store.change_indexes(&class.schema.name, &["n_1".into()], &[dotted, index("f_1", "f")]).await.unwrap();
    assert_eq!(noted().await, ["_id_", "f.hashed", "f_1"]);
    class.put("b", doc! { "n": 2, "f": "x" }).await;
    class.finds(json!({ "f": "x" }), &["a", "b"]).await;
    class.finds(json!({ "n": { "$gt": 1 } }), &["b"]).await;
    store.change_indexes(&class.schema.name, &["f_1".into(), "f.hashed".into()], &[]).await.unwrap();
    assert_eq!(noted().await, ["_id_"]);
    class.update("b", json!({ "f": "y" })).await.unwrap();
    class.finds(json!({ "f": "x" }), &["a"]).await;
    store.note_indexes(&ClassName::new("Nowhere").unwrap()).await.unwrap();
}

pub async fn a_class_goes_when_it_is_empty(store: &dyn ObjectStore) {
    let class = Class::new(store, "Thing", &[("n", FieldType::Number), ("r", FieldType::Relation("Team".into()))]);
    store.create_class(&class.schema).await.unwrap();
    store.ensure_index(&class.schema.name, &Index { unique: true, ..index("n_1", "n") }).await.unwrap();
    class.put("a", doc! { "n": 1 }).await;
    let team = Pointer { class_name: "Team".into(), object_id: "x".into() };
    store.add_relations(&class.schema.name, &name("r"), "a", std::slice::from_ref(&team)).await.unwrap();
    assert_eq!(store.drop_class(&class.schema).await.unwrap(), 1);
    class.finds(json!({}), &["a"]).await;
    let rows = Class::new(store, "_Join:r:Thing", &[]);
    assert_eq!(count(&rows).await, 1);
    assert_eq!(store.delete(&class.schema, &class.query(json!({}))).await.unwrap(), 1);
    for _ in 0..2 {
        assert_eq!(store.drop_class(&class.schema).await.unwrap(), 0);
        assert_eq!(store.load_schema().await.unwrap(), []);
        assert!(count(&rows).await == 0);
        class.finds(json!({}), &[]).await;
    }
    // It can come again, and nothing of the old one is left.
    class.put("a", doc! { "n": 1 }).await;
    class.put("b", doc! { "n": 1 }).await;
    class.finds(json!({ "n": 1 }), &["a", "b"]).await;
}

/// Objects that were stored while the class is removed again and again are all there.
pub async fn removing_a_class_loses_no_object(store: &dyn ObjectStore) {
    let class = Class::new(store, "Busy", &[("n", FieldType::Number), ("r", FieldType::Relation("Team".into()))]);
    let team = Pointer { class_name: "Team".into(), object_id: "x".into() };
    let writes = async {
        for number in 0..150 {
            let id = format!("{number:03}");
            class.put(&id, doc! { "n": number }).await;
            store.add_relations(&class.schema.name, &name("r"), &id, std::slice::from_ref(&team)).await.unwrap();
            let there = class.query(json!({ "objectId": id }));
            // Emptied now and then, so that removing has something to do.
            if number % 3 == 0 {
                let removed = store.delete(&class.schema, &there).await.unwrap();
                assert!(removed <= 1);
            }
            tokio::time::sleep(std::time::Duration::from_millis(u64::from(number % 4 == 0))).await;
        }
    };
    let removals = async {
        let mut removed = 0;
        for _ in 0..60 {
            removed += u32::from(store.drop_class(&class.schema).await.unwrap() == 0);
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        removed
    };
    let ((), _) = futures_util::future::join(writes, removals).await;
    let left = class.ids(json!({})).await;
    let rows = count(&Class::new(store, "_Join:r:Busy", &[])).await;
    for number in (0..150).filter(|number| number % 3 != 0) {
        assert!(left.contains(&format!("{number:03}")), "object {number} is lost");
    }
    assert!(rows >= left.len() as u64, "{rows} rows of {} objects", left.len());
}
