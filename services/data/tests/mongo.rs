#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

//! What is particular to the store on MongoDB: the bytes it leaves in the database, indexes made on demand, and what
//! becomes of the server's errors.

use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use mongodb::Database;
use parsefleet_core::{
    Acl, ClassName, ClassSchema, Date, FieldName, FieldPath, FieldType, Object, ObjectId, Query, Update, Value,
    query::{QueryAccess, QueryRules, order},
    schema::Field,
    update::{Change, ObjectUpdate, Writer},
    value::{GeoPoint, Pointer},
};
use parsefleet_data::{
    codec::encode,
    store::{FindOptions, Index, IndexKind, ObjectStore, StoreError, mongo::MongoStore},
};
use parsefleet_testkit::servers::mongodb_uri;
use serde_json::{Map, Value as Json, json};

/// A store on a database of its own, which is dropped at the end.
struct TestStore {
    store: MongoStore,
    database: Database,
}

impl TestStore {
    async fn open(name: &str) -> Self {
        let uri = mongodb_uri(&format!("parsefleet_mongo_{name}")).unwrap();
        let store = MongoStore::connect(&uri, &Map::new(), "pre_").await.unwrap();
        let database = store.database().clone();
        database.drop().await.unwrap();
        Self { store, database }
    }

    async fn close(self) {
        self.database.drop().await.unwrap();
    }

    async fn raw(&self, collection: &str, filter: Document) -> Document {
        self.database.collection::<Document>(collection).find_one(filter).await.unwrap().unwrap()
    }

    async fn insert(&self, class: &ClassSchema, id: &str, fields: Json) {
        let Json::Object(fields) = fields else { panic!("fields are an object") };
        let fields = fields.into_iter().map(|(name, json)| (name, Value::from_field(json).unwrap())).collect();
        let id = ObjectId::new(id).unwrap();
        let object = Object { id, created_at: Date(1), updated_at: Date(1), acl: None, fields };
        self.store.insert(&class.name, encode(class, &object).unwrap()).await.unwrap();
    }

    async fn ids(&self, class: &ClassSchema, filter: Json) -> Vec<String> {
        let options = FindOptions { order: order::parse("objectId", class).unwrap(), ..FindOptions::default() };
        let found = self.store.find(class, &query(class, filter), &options).await.unwrap();
        found.iter().map(|document| document.get_str("_id").unwrap().to_owned()).collect()
    }
}

fn class_name(name: &str) -> ClassName {
    ClassName::new(name).unwrap()
}

fn field_name(name: &str) -> FieldName {
    FieldName::new(name).unwrap()
}

fn class(fields: &[(&str, FieldType)]) -> ClassSchema {
    let mut class = ClassSchema::new(class_name("Game"));
    for (name, field_type) in fields {
        class.fields.insert((*name).to_owned(), Field::new(field_type.clone()));
    }
    class
}

fn query(class: &ClassSchema, filter: Json) -> Query {
    Query::parse(&filter, class, &QueryRules::new(QueryAccess::Client, Date(0))).unwrap()
}

fn update(body: Json) -> Update {
    let Json::Object(body) = body else { panic!("a body is an object") };
    ObjectUpdate::parse(&ObjectId::new("x").unwrap(), body, Writer::Client).unwrap().update
}

fn unique(name: &str, column: &str) -> Index {
    Index {
        name: name.to_owned(),
        keys: vec![(column.to_owned(), IndexKind::Ascending)],
        unique: true,
        sparse: true,
        case_insensitive: false,
        expire_after_seconds: None,
    }
}

#[tokio::test]
async fn an_update_leaves_what_parse_server_leaves() {
    let test = TestStore::open("update").await;
    let class = class(&[
        ("team", FieldType::Pointer("Team".to_owned())),
        ("gone", FieldType::String),
        ("place", FieldType::GeoPoint),
    ]);
    test.insert(&class, "x", json!({"gone": "soon", "score": 1, "tags": ["a"], "stats": {"wins": 1}})).await;
    let mut changes = update(json!({
        "score": {"__op": "Increment", "amount": 1.5},
        "tags": {"__op": "AddUnique", "objects": ["a", "b", {"__type": "Date", "iso": "1970-01-01T00:00:00.005Z"}]},
        "gone": {"__op": "Delete"},
        "team": {"__type": "Pointer", "className": "Team", "objectId": "t"},
        "place": {"__type": "GeoPoint", "latitude": 1, "longitude": 2.5},
        "stats.wins": {"__op": "Increment", "amount": 1},
        "stats.last": {"__type": "Date", "iso": "1970-01-01T00:00:00.006Z"},
        "lastUsed": {"__type": "Date", "iso": "1970-01-01T00:00:00.007Z"},
        "timesUsed": 3
    }));
    changes.acl = Some(Acl { read: vec!["*".to_owned(), "u".to_owned()], write: vec!["u".to_owned()] });
    let returned =
        test.store.update_one(&class, &query(&class, json!({"objectId": "x"})), &changes, Some(Date(9))).await;
    let date = |milliseconds| Bson::DateTime(bson::DateTime::from_millis(milliseconds));
    let expected = doc! {
        "_id": "x", "score": 2.5, "tags": ["a", "b", date(5)], "stats": { "wins": 2, "last": date(6) },
        "_created_at": date(1), "_updated_at": date(9),
        "_acl": { "u": { "w": true, "r": true }, "*": { "r": true } }, "_last_used": date(7), "_p_team": "Team$t",
        "_rperm": ["*", "u"], "_wperm": ["u"], "place": [2.5, 1], "times_used": 3,
    };
    let stored = test.raw("pre_Game", doc! {}).await;
    assert_eq!(stored, expected);
    assert_eq!(Document::try_from(returned.unwrap().unwrap().as_ref()).unwrap(), stored);
    test.close().await;
}

#[tokio::test]
async fn an_update_or_delete_without_a_match_changes_nothing() {
    let test = TestStore::open("no_match").await;
    let class = class(&[]);
    test.insert(&class, "x", json!({"n": 1})).await;
    let mut denied = query(&class, json!({"objectId": "x"}));
    denied.conditions.push(parsefleet_core::query::Condition::Any(Vec::new()));
    let change = update(json!({"n": 2}));
    assert!(test.store.update_one(&class, &denied, &change, Some(Date(9))).await.unwrap().is_none());
    assert_eq!(test.store.delete(&class, &denied).await.unwrap(), 0);
    assert_eq!(test.raw("pre_Game", doc! {}).await.get_i32("n").unwrap(), 1);
    assert_eq!(test.store.delete(&class, &query(&class, json!({"objectId": "x"}))).await.unwrap(), 1);
    test.close().await;
}

#[tokio::test]
async fn a_user_s_identities_have_columns_of_their_own() {
    let test = TestStore::open("auth_data").await;
    let class = ClassSchema::new(class_name("_User"));
    test.insert(&class, "x", json!({"username": "u", "authData": {"a": {"id": "1"}, "b": {"id": "2"}}})).await;
    let stored = test.raw("pre__User", doc! {}).await;
    assert_eq!(stored.get_document("_auth_data_a").unwrap(), &doc! { "id": "1" });
    assert!(!stored.contains_key("authData"));
    let change = update(json!({"authData": {"a": null, "b": {"id": "3"}}}));
    test.store.update_one(&class, &Query::default(), &change, Some(Date(9))).await.unwrap();
    let stored = test.raw("pre__User", doc! {}).await;
    assert!(!stored.contains_key("_auth_data_a"));
    assert_eq!(test.ids(&class, json!({"authData.b.id": "3"})).await, ["x"]);
    // A provider with a dot would lead into another column.
    let value = Value::Object([("b.id".to_owned(), Value::Bool(true))].into_iter().collect());
    let path = FieldPath::new("authData").unwrap();
    let change = Update { changes: vec![(path, Change::Set(value))], ..Update::default() };
    let refused = test.store.update_one(&class, &Query::default(), &change, Some(Date(9))).await;
    assert!(matches!(refused, Err(StoreError::Unsupported(_))));
    test.close().await;
}

#[tokio::test]
async fn a_duplicate_names_its_field() {
    let test = TestStore::open("duplicate").await;
    let class = class(&[]);
    let index = unique("username_1", "username");
    test.store.ensure_index(&class.name, &index).await.unwrap();
    test.store.ensure_index(&class.name, &Index { unique: false, ..index }).await.unwrap();
    test.insert(&class, "x", json!({"username": "a"})).await;
    test.insert(&class, "y", json!({"username": "b"})).await;
    let change = update(json!({"username": "a"}));
    let answer = test.store.update_one(&class, &query(&class, json!({"objectId": "y"})), &change, Some(Date(9))).await;
    assert!(matches!(answer, Err(StoreError::Duplicate { field: Some(field) }) if field == "username"));
    let answer = test.store.insert(&class.name, encode(&class, &object("x")).unwrap()).await;
    assert!(matches!(answer, Err(StoreError::Duplicate { field: None })));
    test.close().await;
}

#[tokio::test]
async fn indexes_are_made_when_a_query_needs_them() {
    let test = TestStore::open("on_demand").await;
    let class = class(&[("place", FieldType::GeoPoint), ("text", FieldType::String)]);
    test.store.create_class(&class).await.unwrap();
    let place = |latitude: f64| json!({"__type": "GeoPoint", "latitude": latitude, "longitude": 0});
    test.insert(&class, "far", json!({"place": place(50.0), "text": "red fox"})).await;
    test.insert(&class, "near", json!({"place": place(1.0), "text": "blue fox"})).await;
    let near = query(&class, json!({"$and": [{"place": {"$nearSphere": place(0.0)}}, {"text": {"$exists": true}}]}));
    let found = test.store.find(&class, &near, &FindOptions::default()).await.unwrap();
    let ids: Vec<_> = found.iter().map(|document| document.get_str("_id").unwrap()).collect();
    assert_eq!(ids, ["near", "far"]);
    assert_eq!(test.store.count(&class, &near).await.unwrap(), 2);
    assert_eq!(test.ids(&class, json!({"text": {"$text": {"$search": {"$term": "blue"}}}})).await, ["near"]);
    let options = FindOptions {
        text_score: true,
        order: order::parse("$score", &class).unwrap(),
        projection: Some(Vec::new()),
        ..FindOptions::default()
    };
    let search = query(&class, json!({"text": {"$text": {"$search": {"$term": "blue fox"}}}}));
    let found = test.store.find(&class, &search, &options).await.unwrap();
    assert!(found.get(0).unwrap().get_f64("score").unwrap() > found.get(1).unwrap().get_f64("score").unwrap());
    let recorded = test.raw("pre__SCHEMA", doc! { "_id": "Game" }).await;
    let recorded = recorded.get_document("_metadata").unwrap().get_document("indexes").unwrap().clone();
    assert_eq!(recorded, doc! { "_id_": { "_id": 1 }, "text_text": { "text": "text" } });
    let names = test.database.collection::<Document>("pre_Game").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_", "place_2d", "text_text"]);
    test.close().await;
}

#[tokio::test]
async fn one_of_two_writers_adds_a_field() {
    let test = TestStore::open("schema").await;
    let mut class = class(&[("score", FieldType::Number)]);
    class.permissions = Some(json!({"find": {"*": true}}));
    test.store.create_class(&class).await.unwrap();
    assert!(matches!(test.store.create_class(&class).await, Err(StoreError::SchemaConflict)));
    let (text, number) = (Field::new(FieldType::String), Field::new(FieldType::Number));
    let name = field_name("new");
    let answers = tokio::join!(
        test.store.add_field(&class.name, &name, &text),
        test.store.add_field(&class.name, &name, &number),
    );
    assert!(matches!(answers, (Ok(()), Err(StoreError::SchemaConflict)) | (Err(StoreError::SchemaConflict), Ok(()))));
    let with_default = Field {
        field_type: FieldType::Polygon,
        options: json!({"required": true, "defaultValue": 5}).as_object().unwrap().clone(),
    };
    test.store.add_field(&class.name, &field_name("area"), &with_default).await.unwrap();
    let loaded = test.store.load_schema().await.unwrap().into_iter().next().unwrap();
    assert_eq!(loaded.permissions, class.permissions);
    assert_eq!(loaded.fields["area"], with_default);
    let names = test.database.collection::<Document>("pre_Game").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_", "area_2dsphere"]);
    // A class that has no document yet gets one with the field.
    test.store.add_field(&class_name("Other"), &name, &text).await.unwrap();
    assert_eq!(test.raw("pre__SCHEMA", doc! { "_id": "Other" }).await, doc! { "_id": "Other", "new": "string" });
    test.close().await;
}

#[tokio::test]
async fn relations_are_rows_of_a_join_collection() {
    let test = TestStore::open("relations").await;
    let (class, key) = (class_name("Game"), field_name("players"));
    let players: Vec<_> =
        (0..20).map(|number| Pointer { class_name: "_User".to_owned(), object_id: format!("p{number}") }).collect();
    for _ in 0..2 {
        test.store.add_relations(&class, &key, "g", &players).await.unwrap();
    }
    test.store.remove_relations(&class, &key, "g", &players[5..]).await.unwrap();
    let rows = test.database.collection::<Document>("pre__Join:players:Game");
    assert_eq!(rows.count_documents(doc! {}).await.unwrap(), 5);
    let row = test.raw("pre__Join:players:Game", doc! { "relatedId": "p0" }).await;
    assert_eq!(row.keys().collect::<Vec<_>>(), ["_id", "owningId", "relatedId"]);
    test.close().await;
}

#[tokio::test]
async fn what_the_server_cannot_carry_out_is_refused() {
    let test = TestStore::open("refused").await;
    let class = class(&[("text", FieldType::String), ("area", FieldType::Polygon)]);
    test.insert(&class, "x", json!({"text": "a", "list": [1]})).await;
    let bad_regex = query(&class, json!({"text": {"$regex": "("}}));
    let answer = test.store.find(&class, &bad_regex, &FindOptions::default()).await;
    assert!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}");
    assert!(matches!(test.store.count(&class, &bad_regex).await, Err(StoreError::Refused(_))));
    for change in [
        json!({"text": {"__op": "Increment", "amount": 1}}),
        json!({"text": {"__op": "Add", "objects": [1]}}),
        json!({"text.deeper": 1}),
    ] {
        let answer = test.store.update_one(&class, &Query::default(), &update(change.clone()), Some(Date(9))).await;
        assert!(matches!(answer, Err(StoreError::Refused(_))), "{change}: {answer:?}");
    }
    let area = Field::new(FieldType::Polygon);
    test.store.add_field(&class.name, &field_name("area"), &area).await.unwrap();
    let corner = |latitude, longitude| GeoPoint { latitude, longitude };
    let outside = Value::Polygon(vec![corner(0.0, 0.0), corner(0.0, 200.0), corner(1.0, 200.0), corner(0.0, 0.0)]);
    let changes = vec![(FieldPath::new("area").unwrap(), Change::Set(outside))];
    let change = Update { changes, ..Update::default() };
    let answer = test.store.update_one(&class, &Query::default(), &change, Some(Date(9))).await;
    assert!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}");
    let hint = FindOptions { hint: Some(json!("no_such_index")), ..FindOptions::default() };
    let answer = test.store.find(&class, &Query::default(), &hint).await;
    assert!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}");
    let preference = FindOptions { read_preference: Some("TERTIARY".to_owned()), ..FindOptions::default() };
    let answer = test.store.find(&class, &Query::default(), &preference).await;
    assert!(matches!(answer, Err(StoreError::Unsupported(text)) if text == "Not supported read preference."));
    test.close().await;
}

#[tokio::test]
async fn many_documents_come_in_batches_and_in_order() {
    let test = TestStore::open("batches").await;
    let class = class(&[("n", FieldType::Number)]);
    let documents: Vec<_> = (0..2500).map(|number| doc! { "_id": format!("{number:05}"), "n": number }).collect();
    test.database.collection::<Document>("pre_Game").insert_many(documents).await.unwrap();
    assert_eq!(test.ids(&class, json!({})).await.len(), 2500);
    let options = FindOptions {
        order: order::parse("-n", &class).unwrap(),
        skip: 100,
        limit: Some(1500),
        projection: Some(vec!["n".to_owned()]),
        ..FindOptions::default()
    };
    let found = test.store.find(&class, &Query::default(), &options).await.unwrap();
    assert_eq!(
        (found.len(), found.get(0).unwrap().get_i32("n").unwrap(), found.get(1499).unwrap().get_i32("n").unwrap()),
        (1500, 2399, 900)
    );
    let none = FindOptions { limit: Some(0), ..options.clone() };
    assert!(test.store.find(&class, &Query::default(), &none).await.unwrap().is_empty());
    assert_eq!(test.store.count(&class, &Query::default()).await.unwrap(), 2500);
    let plan = test.store.explain(&class, &Query::default(), &options, "queryPlanner").await.unwrap();
    assert!(plan.contains_key("queryPlanner"));
    test.close().await;
}

#[tokio::test]
async fn a_database_that_is_away_fails_within_seconds() {
    // Port 9 is discard: nobody listens.
    let store = MongoStore::connect("mongodb://127.0.0.1:9/db", &Map::new(), "").await.unwrap();
    let start = Instant::now();
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    assert!(start.elapsed() < Duration::from_secs(8));
    let options = json!({"serverSelectionTimeoutMS": 50});
    let store = MongoStore::connect("mongodb://127.0.0.1:9/db", options.as_object().unwrap(), "").await.unwrap();
    let start = Instant::now();
    assert!(matches!(store.load_schema().await, Err(StoreError::Unavailable(_))));
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_removal_that_is_given_up_loses_no_object_of_a_transaction() {
    let test = TestStore::open("drop_waits").await;
    let class = class(&[]);
    test.store.create_class(&class).await.unwrap();
    test.store.prepare_class(&class.name).await.unwrap();
    let objects = test.database.collection::<Document>("pre_Game");
    let mut session = test.database.client().start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    objects.insert_one(doc! { "_id": "x" }).session(&mut session).await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(300), test.store.drop_class(&class)).await;
    assert!(given_up.is_err(), "{given_up:?}");
    session.commit_transaction().await.unwrap();
    assert_eq!(test.store.drop_class(&class).await.unwrap(), 1);
    assert_eq!(test.ids(&class, json!({})).await, ["x"]);
    assert_eq!(test.store.load_schema().await.unwrap().len(), 1);
    test.close().await;
}

/// What a process leaves that ends between deciding that a class goes and dropping it.
async fn leave_removal(test: &TestStore) {
    let command = doc! { "createIndexes": "pre_Game", "indexes": [{ "key": { "_id": "2dsphere" }, "name": "parsefleet_removal" }] };
    test.database.run_command(command).await.unwrap();
}

#[tokio::test]
async fn an_interrupted_removal_is_finished_by_who_meets_it() {
    let test = TestStore::open("drop_interrupted").await;
    let class = class(&[("r", FieldType::Relation("Team".to_owned()))]);
    let row = doc! { "owningId": "gone", "relatedId": "t" };
    let rows = test.database.collection::<Document>("pre__Join:r:Game");
    let foreign = test.database.collection::<Document>("preX_Join:r:Game");
    for rows in [&rows, &foreign] {
        rows.insert_one(row.clone()).await.unwrap();
    }
    leave_removal(&test).await;
    test.insert(&class, "x", json!({})).await;
    assert_eq!(test.ids(&class, json!({})).await, ["x"]);
    assert_eq!((rows.count_documents(doc! {}).await.unwrap(), foreign.count_documents(doc! {}).await.unwrap()), (0, 1));
    test.store.delete(&class, &Query::default()).await.unwrap();

    leave_removal(&test).await;
    test.store.ensure_index(&class.name, &unique("n_1", "n")).await.unwrap();
    test.insert(&class, "x", json!({"n": 1})).await;
    let names = test.database.collection::<Document>("pre_Game").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_", "n_1"]);
    test.store.delete(&class, &Query::default()).await.unwrap();

    leave_removal(&test).await;
    let transaction = test.store.begin().await.unwrap();
    let document = encode(&class, &object("y")).unwrap();
    let answer = transaction.store().insert(&class.name, document.clone()).await;
    assert!(matches!(answer, Err(StoreError::Interrupted(_))) && transaction.is_interrupted(), "{answer:?}");
    transaction.abort().await;
    let again = test.store.begin().await.unwrap();
    again.store().insert(&class.name, document).await.unwrap();
    again.commit().await.unwrap();
    assert_eq!(test.ids(&class, json!({})).await, ["y"]);
    test.close().await;
}

fn object(id: &str) -> Object {
    let fields = parsefleet_core::Map::new();
    Object { id: ObjectId::new(id).unwrap(), created_at: Date(0), updated_at: Date(0), acl: None, fields }
}

#[tokio::test]
async fn an_index_comes_back_if_the_one_in_its_place_is_refused() {
    let test = TestStore::open("index_refused").await;
    let class = class(&[("a", FieldType::String)]);
    test.store.create_class(&class).await.unwrap();
    let old = Index { unique: false, sparse: false, ..unique("old", "a") };
    test.store.change_indexes(&class.name, &[], std::slice::from_ref(&old)).await.unwrap();
    test.insert(&class, "x", json!({"a": "nowhere"})).await;
    let indexes = async || {
        let noted = test.raw("pre__SCHEMA", doc! { "_id": "Game" }).await;
        let noted = noted.get_document("_metadata").unwrap().get_document("indexes").unwrap().clone();
        (test.database.collection::<Document>("pre_Game").list_index_names().await.unwrap(), noted)
    };
    let before = indexes().await;
    assert_eq!(before.0, ["_id_", "old"]);
    let with_kind = |kind| Index { name: "new".to_owned(), keys: vec![("a".to_owned(), kind)], ..old.clone() };
    let change = async |made| test.store.change_indexes(&class.name, &["old".to_owned()], &[made]).await;
    let answer = change(with_kind(IndexKind::Geo2dSphere)).await;
    assert!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}");
    assert_eq!(indexes().await, before);
    change(with_kind(IndexKind::Ascending)).await.unwrap();
    let expected = doc! { "_id_": { "_id": 1 }, "new": { "a": 1 } };
    assert_eq!(indexes().await, (vec!["_id_".to_owned(), "new".to_owned()], expected));
    test.close().await;
}
