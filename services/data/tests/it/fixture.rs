//! A data service on an empty store, and short ways to ask it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mongodb::Database;
use parsefleet_core::{ClassName, ClassSchema, FieldType, schema::Field};
use parsefleet_data::{
    DataService, Invalidation, Settings,
    store::{MongoStore, ObjectStore, SqliteStore},
};
use parsefleet_proto::{
    error_from_status,
    v1::{
        ClaimRequest, CreateRequest, DeleteRequest, FindRequest, GetRequest, Once, Operation, Privilege,
        RequestContext, TransactRequest, UpdateRequest, data_client::DataClient, operation::Operation as Kind,
    },
};
use parsefleet_runtime::rpc::Channel;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tonic::Status;

/// A Parse error as code and text.
pub(crate) type Answer<T = Json> = Result<T, (i32, String)>;

pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) service: DataService,
    pub(crate) announced: Arc<Announced>,
    pub(crate) database: Option<Database>,
    _directory: Option<TempDir>,
}

/// Counts what other processes were told.
#[derive(Default)]
pub(crate) struct Announced {
    pub(crate) schema: AtomicUsize,
    pub(crate) roles: AtomicUsize,
}

#[async_trait]
impl Invalidation for Announced {
    async fn schema_changed(&self) {
        self.schema.fetch_add(1, Ordering::SeqCst);
    }

    async fn roles_changed(&self) {
        self.roles.fetch_add(1, Ordering::SeqCst);
    }
}

impl Fixture {
    pub(crate) fn embedded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        Self { _directory: Some(directory), ..Self::new(Arc::new(store), None) }
    }

    pub(crate) async fn mongodb() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("parsefleet_data_{}_{number}", std::process::id());
        let uri = parsefleet_testkit::servers::mongodb_uri(&name).unwrap();
        let store = MongoStore::connect(&uri, &serde_json::Map::new(), "").await.unwrap();
        let database = store.database().clone();
        Self::new(Arc::new(store), Some(database))
    }

    fn new(store: Arc<dyn ObjectStore>, database: Option<Database>) -> Self {
        let announced = Arc::new(Announced::default());
        let service = DataService::new(store.clone(), settings(), announced.clone());
        Self { store, service, announced, database, _directory: None }
    }

    /// The same store behind another service, as another process has it.
    pub(crate) fn another_service(&self, settings: Settings) -> DataService {
        DataService::new(self.store.clone(), settings, self.announced.clone())
    }

    pub(crate) fn master(&self) -> Client {
        Client::new(&self.service, Privilege::Master, "", &[])
    }

    pub(crate) fn public(&self) -> Client {
        Client::new(&self.service, Privilege::Public, "", &[])
    }

    pub(crate) fn user(&self, id: &str) -> Client {
        Client::new(&self.service, Privilege::User, id, &[])
    }

    /// Makes a class with class-level permissions, which no request can set yet.
    pub(crate) async fn class(&self, name: &str, fields: &[(&str, FieldType)], permissions: Json) {
        let mut class = ClassSchema::new(ClassName::new(name).unwrap());
        for (field, field_type) in fields {
            class.fields.insert((*field).to_owned(), Field::new(field_type.clone()));
        }
        class.permissions = Some(permissions).filter(|permissions| !permissions.is_null());
        self.store.create_class(&class).await.unwrap();
        self.service.schema_changed_elsewhere().await.unwrap();
    }
}

/// Settings under which only tests change the schema.
pub(crate) fn settings() -> Settings {
    Settings { app_id: "test".to_owned(), schema_max_age: Duration::from_secs(60), ..Settings::default() }
}

/// One caller.
pub(crate) struct Client {
    client: DataClient<Channel>,
    context: RequestContext,
}

impl Client {
    pub(crate) fn new(service: &DataService, privilege: Privilege, user_id: &str, roles: &[&str]) -> Self {
        let context = RequestContext {
            privilege: privilege as i32,
            user_id: user_id.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..RequestContext::default()
        };
        Self { client: DataClient::new(Channel::local(service.clone().into_server())), context }
    }

    /// The same caller with more to say of itself.
    pub(crate) fn with(mut self, say: impl FnOnce(&mut RequestContext)) -> Self {
        say(&mut self.context);
        self
    }

    pub(crate) async fn create(&self, class: &str, body: Json) -> Answer {
        let (id, body) = self.create_with_id(class, body).await?;
        assert_eq!(body["objectId"], id);
        Ok(body)
    }

    /// The id of a new object next to the answer, which need not hold it.
    pub(crate) async fn create_with_id(&self, class: &str, body: Json) -> Answer<(String, Json)> {
        let request = CreateRequest {
            context: Some(self.context.clone()),
            class_name: class.to_owned(),
            body: body.to_string().into(),
            mount_url: String::new(),
            owned: None,
        };
        let answer = self.client.clone().create(request).await.map_err(parse_error)?.into_inner();
        Ok((answer.object_id, parsed(&answer.body)))
    }

    /// Creates an object and returns its id.
    pub(crate) async fn object(&self, class: &str, body: Json) -> String {
        self.create(class, body).await.unwrap()["objectId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn update(&self, class: &str, id: &str, body: Json) -> Answer {
        let request = UpdateRequest {
            context: Some(self.context.clone()),
            class_name: class.to_owned(),
            object_id: id.to_owned(),
            body: body.to_string().into(),
            mount_url: String::new(),
            owned: None,
        };
        self.client.clone().update(request).await.map(|answer| parsed(&answer.into_inner().body)).map_err(parse_error)
    }

    pub(crate) async fn delete(&self, class: &str, id: &str) -> Answer<()> {
        let request = DeleteRequest {
            context: Some(self.context.clone()),
            class_name: class.to_owned(),
            object_id: id.to_owned(),
            ..DeleteRequest::default()
        };
        self.client.clone().delete(request).await.map(|_| ()).map_err(parse_error)
    }

    /// Carries out operations as one: `(verb, class, id, body)`. Their bodies.
    pub(crate) async fn transact(&self, operations: &[(&str, &str, &str, Json)]) -> Answer<Vec<Json>> {
        self.transact_once(operations, None).await
    }

    pub(crate) async fn claim(&self, id: &str, ttl_seconds: u32) -> Answer<()> {
        let request = ClaimRequest { context: Some(self.context.clone()), request_id: id.to_owned(), ttl_seconds };
        self.client.clone().claim(request).await.map(|_| ()).map_err(parse_error)
    }

    pub(crate) async fn transact_once(
        &self,
        operations: &[(&str, &str, &str, Json)],
        once: Option<Once>,
    ) -> Answer<Vec<Json>> {
        let operations = operations.iter().map(|(verb, class, id, body)| {
            let (context, class_name, object_id) = (Some(self.context.clone()), class.to_string(), id.to_string());
            let (body, mount_url) = (body.to_string().into(), String::new());
            Operation {
                operation: Some(match *verb {
                    "create" => Kind::Create(CreateRequest { context, class_name, body, mount_url, owned: None }),
                    "update" => {
                        Kind::Update(UpdateRequest { context, class_name, object_id, body, mount_url, owned: None })
                    }
                    "delete" => {
                        Kind::Delete(DeleteRequest { context, class_name, object_id, ..DeleteRequest::default() })
                    }
                    "get" => Kind::Get(GetRequest { context, class_name, object_id, ..Default::default() }),
                    "find" => Kind::Find(FindRequest { context, class_name, r#where: body, ..Default::default() }),
                    other => panic!("{other} is no operation"),
                }),
            }
        });
        let request = TransactRequest { operations: operations.collect(), once };
        let answer = self.client.clone().transact(request).await.map_err(parse_error)?.into_inner();
        let body = |bytes: &[u8]| if bytes.is_empty() { Json::Null } else { parsed(bytes) };
        Ok(answer.results.iter().map(|result| body(&result.body)).collect())
    }

    pub(crate) async fn get(&self, class: &str, id: &str) -> Answer {
        self.get_with(GetRequest { class_name: class.to_owned(), object_id: id.to_owned(), ..Default::default() }).await
    }

    pub(crate) async fn get_with(&self, request: GetRequest) -> Answer {
        let request = GetRequest { context: Some(self.context.clone()), ..request };
        self.client.clone().get(request).await.map(|answer| parsed(&answer.into_inner().object)).map_err(parse_error)
    }

    /// The results of a query.
    pub(crate) async fn find(&self, class: &str, filter: Json) -> Answer<Vec<Json>> {
        let request = query(class, filter);
        Ok(self.find_with(request).await?["results"].as_array().unwrap().clone())
    }

    pub(crate) async fn find_with(&self, request: FindRequest) -> Answer {
        let request = FindRequest { context: Some(self.context.clone()), ..request };
        self.client.clone().find(request).await.map(|answer| parsed(&answer.into_inner().body)).map_err(parse_error)
    }
}

pub(crate) fn query(class: &str, filter: Json) -> FindRequest {
    FindRequest { class_name: class.to_owned(), r#where: filter.to_string().into(), ..Default::default() }
}

pub(crate) fn pointer(class: &str, id: &str) -> Json {
    json!({"__type": "Pointer", "className": class, "objectId": id})
}

/// One field of each result, sorted.
pub(crate) fn column(results: &[Json], field: &str) -> Vec<String> {
    let text = |result: &Json| result[field].as_str().map_or_else(|| result[field].to_string(), str::to_owned);
    let mut values: Vec<String> = results.iter().map(text).collect();
    values.sort();
    values
}

fn parsed(bytes: &[u8]) -> Json {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(bytes)))
}

fn parse_error(status: Status) -> (i32, String) {
    let error = error_from_status(&status).unwrap_or_else(|| panic!("no Parse error: {status}"));
    (error.code as i32, error.message)
}
