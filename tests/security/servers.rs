//! Two servers, each with one of the two databases, and the answers to a request.

use std::{fmt, path::Path};

use anyhow::{Context as _, Result};
use parsefleet_core::{
    Acl, ClassName, ClassSchema, Date, FieldName, FieldType, Map, Object, ObjectId, Value, schema::Field,
    value::Pointer,
};
use parsefleet_data::{
    codec::encode,
    store::{Index, IndexKind, MongoStore, ObjectStore, SqliteStore},
};
use parsefleet_testkit::servers::{APP_ID, Parsefleet, Settings, ask, introduce_session, mongodb_uri};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::{
    model::Caller,
    requests::Request,
    world::{Class, FIELDS, Item, RELATIONS, World, token},
};

/// Where the databases are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    MongoDb,
    Embedded,
}

/// An index of the class `Note` over a field that everybody sees and one that may be hidden.
const INDEXED: [&str; 2] = ["s", "h2"];

/// Two running servers.
pub(crate) struct Pair {
    servers: [Parsefleet; 2],
    databases: Vec<mongodb::Database>,
    http: reqwest::Client,
    _folders: [TempDir; 2],
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Json,
}

impl Pair {
    pub(crate) async fn start(store: Store, one: &World, other: &World) -> Result<Self> {
        let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
        let mut databases = Vec::new();
        let (first, second) =
            tokio::try_join!(start(store, one, folders[0].path()), start(store, other, folders[1].path()))?;
        databases.extend(first.1);
        databases.extend(second.1);
        Ok(Self { servers: [first.0, second.0], databases, http: reqwest::Client::new(), _folders: folders })
    }

    /// The answers of both.
    pub(crate) async fn ask(&self, caller: Caller, request: &Request) -> Result<(Answer, Answer)> {
        let [one, other] = &self.servers;
        tokio::try_join!(self.answer(one, caller, request), self.answer(other, caller, request))
    }

    async fn answer(&self, server: &Parsefleet, caller: Caller, request: &Request) -> Result<Answer> {
        let call = self.http.post(format!("{}{}", server.url, request.path)).header("X-Parse-Application-Id", APP_ID);
        let call = match caller.id() {
            Some(user) => call.header("X-Parse-Session-Token", token(user)),
            None => call,
        };
        if let Some(user) = caller.id() {
            introduce_session(&token(user), user);
        }
        let answer = ask(call.body(request.body.to_string())).await.with_context(|| request.to_string())?;
        let status = answer.status;
        let mut body = answer.json().with_context(|| request.to_string())?;
        if !request.is_ordered
            && let Some(results) = body.get_mut("results").and_then(Json::as_array_mut)
        {
            results.sort_by_key(Json::to_string);
        }
        Ok(Answer { status, body })
    }

    pub(crate) async fn stop(self) -> Result<()> {
        drop(self.servers);
        for database in self.databases {
            database.drop().await?;
        }
        Ok(())
    }
}

impl Answer {
    /// Whether it holds an object, or a count.
    pub(crate) fn tells_something(&self) -> bool {
        let found = self.body["results"].as_array().is_some_and(|results| !results.is_empty());
        self.status == 200 && (found || self.body.get("objectId").is_some() || self.body["count"] != 0)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body: String = self.body.to_string().chars().take(3000).collect();
        write!(formatter, "{} {body}", self.status)
    }
}

async fn start(store: Store, world: &World, folder: &Path) -> Result<(Parsefleet, Option<mongodb::Database>)> {
    // Times of requests and addresses of servers must not make a difference.
    let settings = Settings::default().option("publicServerURL", "http://files.example/parse");
    match store {
        Store::MongoDb => {
            let uri = mongodb_uri(&format!("security_{:x}", rand::random::<u64>()))?;
            let store = MongoStore::connect(&uri, &serde_json::Map::new(), "").await?;
            fill(&store, world).await?;
            // Made beforehand: which field is searched must not depend on who comes first.
            let others = ["_User", "_Session", "_Role"].map(|class| (class, &["t"][..]));
            let ours = [("Note", &["t", "ht"][..]), ("Card", &["t"][..]), ("Box", &["s"][..])];
            for (class, columns) in ours.into_iter().chain(others) {
                let class = ClassName::new(class).context("a class")?;
                store.ensure_index(&class, &index(columns, IndexKind::Text)).await?;
            }
            let note = ClassName::new("Note").context("a class")?;
            store.ensure_index(&note, &index(&INDEXED, IndexKind::Ascending)).await?;
            let server = Parsefleet::start(folder, settings.option("databaseURI", uri)).await?;
            Ok((server, Some(store.database().clone())))
        }
        Store::Embedded => {
            let directory = folder.join("parsefleet-data");
            std::fs::create_dir_all(&directory)?;
            let store = SqliteStore::open(&directory)?;
            fill(&store, world).await?;
            drop(store);
            Ok((Parsefleet::start(folder, settings).await?, None))
        }
    }
}

/// An index, as only somebody with the master key can make it.
fn index(columns: &[&str], kind: IndexKind) -> Index {
    let name = match kind {
        IndexKind::Text => format!("{}_text", columns.join("_")),
        _ => format!("{}_1", columns.join("_1_")),
    };
    Index {
        name,
        keys: columns.iter().map(|column| ((*column).to_owned(), kind)).collect(),
        unique: false,
        sparse: false,
        case_insensitive: false,
        expire_after_seconds: None,
    }
}

async fn fill(store: &dyn ObjectStore, world: &World) -> Result<()> {
    for class in world.classes.values() {
        let schema = schema(class)?;
        store.create_class(&schema).await?;
        for item in &class.items {
            store.insert(&schema.name, encode(&schema, &object(item)?)?).await?;
        }
    }
    for row in &world.rows {
        let class = ClassName::new(row.class).context("a class")?;
        let key = FieldName::new(row.key).context("a field")?;
        let target = Pointer { class_name: String::new(), object_id: row.target.clone() };
        store.add_relations(&class, &key, &row.owner, &[target]).await?;
    }
    Ok(())
}

fn schema(class: &Class) -> Result<ClassSchema> {
    let mut schema = ClassSchema::new(ClassName::new(class.name).context("a class")?);
    schema.permissions.clone_from(&class.permissions);
    if !class.name.starts_with('_') {
        for (field, type_name) in FIELDS {
            let field_type = match type_name {
                "String" => FieldType::String,
                "Number" => FieldType::Number,
                "Boolean" => FieldType::Boolean,
                "Date" => FieldType::Date,
                "Object" => FieldType::Object,
                "Array" => FieldType::Array,
                "GeoPoint" => FieldType::GeoPoint,
                "File" => FieldType::File,
                target => FieldType::Pointer(target.to_owned()),
            };
            schema.fields.insert(field.to_owned(), Field::new(field_type));
        }
        if class.name == "Note" {
            let keys = INDEXED.map(|column| (column.to_owned(), Json::from(1)));
            schema.indexes.insert(index(&INDEXED, IndexKind::Ascending).name, Json::Object(keys.into_iter().collect()));
        }
        for (key, target) in RELATIONS {
            schema.fields.insert(key.to_owned(), Field::new(FieldType::Relation(target.to_owned())));
        }
    }
    Ok(schema)
}

fn object(item: &Item) -> Result<Object> {
    let mut fields = Map::new();
    for (name, json) in &item.fields {
        fields.insert(name.as_str(), Value::from_field(json.clone())?);
    }
    // What differs must not be the times: those of an object that can be read are the same in both databases.
    let moment = Date(1_600_000_000_000 + i64::try_from(item.id.bytes().map(usize::from).sum::<usize>())?);
    let acl = item.readers.as_ref().map(|readers| Acl { read: readers.clone(), write: Vec::new() });
    Ok(Object { id: ObjectId::new(&item.id).context("an id")?, created_at: moment, updated_at: moment, acl, fields })
}
