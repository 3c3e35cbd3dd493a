//! An auth service over an empty store, and short ways to ask it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use parsefleet_auth::{AuthService, News};
use parsefleet_data::{
    DataService, Invalidation, Settings,
    store::{MongoStore, ObjectStore, SqliteStore},
};
use parsefleet_proto::{
    error_from_status,
    v1::{
        ChallengeRequest, ChangeRowRequest, CreateRequest, CredentialsRequest, DeleteRequest, FindRowsRequest,
        GetRequest, LogInAsRequest, LogOutRequest, ModifySchemaRequest, Once, Operation, Privilege,
        RegisterHookRequest, ReplaceHookRequest, RequestContext, ResetPasswordRequest, ResolveRequest, TransactRequest,
        UpdateRequest, UpgradeSessionRequest, VerifyEmailRequest,
        auth_client::AuthClient,
        data_client::DataClient,
        hooks_client::HooksClient,
        operation::Operation as Kind,
        rows_client::RowsClient,
        rows_server::{Rows, RowsServer},
        schemas_client::SchemasClient,
    },
};
use parsefleet_runtime::{
    config::{self, Config, Launch},
    rpc::Channel,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tonic::Status;

/// A Parse error as code and text.
pub(crate) type Answer<T = Json> = Result<T, (i32, String)>;

pub(crate) struct Fixture {
    pub(crate) service: AuthService,
    pub(crate) told: Arc<Told>,
    data: DataService,
    _directory: TempDir,
}

/// What others were told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) tokens: Mutex<Vec<String>>,
    pub(crate) users: Mutex<Vec<String>>,
    pub(crate) roles: AtomicUsize,
    pub(crate) schemas: AtomicU64,
}

#[async_trait]
impl News for Told {
    async fn sessions_ended(&self, tokens: &[String]) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(tokens);
    }

    async fn user_changed(&self, user_id: &str) {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).push(user_id.to_owned());
    }

    async fn roles_changed(&self) {
        self.roles.fetch_add(1, Ordering::SeqCst);
    }

    fn schema_generation(&self) -> u64 {
        self.schemas.load(Ordering::SeqCst)
    }
}

struct Nobody;

#[async_trait]
impl Invalidation for Nobody {
    async fn schema_changed(&self) {}

    async fn roles_changed(&self) {}
}

/// Options of an app that sends mails with links.
pub(crate) fn mail_options() -> Vec<(&'static str, Json)> {
    vec![
        ("appName", json!("App")),
        ("publicServerURL", json!("http://localhost:1337/parse")),
        ("emailAdapter", json!({ "module": "smtp", "options": { "host": "localhost", "fromAddress": "a@b.example" } })),
        ("verifyUserEmails", json!("true")),
    ]
}

/// A configuration with these options.
fn configuration(options: &[(&str, Json)]) -> Config {
    let mut arguments: Vec<String> =
        ["--appId", "test", "--masterKey", "master"].iter().map(|text| (*text).to_owned()).collect();
    for (name, value) in options {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        arguments.extend([format!("--{name}"), text]);
    }
    match config::load(arguments, []).unwrap() {
        Launch::Run(startup) => startup.config,
        Launch::Print(text) => panic!("{text}"),
    }
}

impl Fixture {
    /// On the embedded store.
    pub(crate) async fn embedded(options: &[(&str, Json)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        Self::new(Arc::new(store), options, directory).await
    }

    /// On the embedded store, with other rows than data's own.
    pub(crate) async fn embedded_with_rows<R: Rows>(rows: impl FnOnce(DataService) -> R) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        let rows = |data| Channel::local(RowsServer::new(rows(data)));
        Self::with_rows(Arc::new(store), &[], directory, rows).await
    }

    /// On MongoDB, in a database of its own.
    pub(crate) async fn mongodb(options: &[(&str, Json)]) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("parsefleet_auth_{}_{number}", std::process::id());
        let uri = parsefleet_testkit::servers::mongodb_uri(&name).unwrap();
        let store = MongoStore::connect(&uri, &serde_json::Map::new(), "").await.unwrap();
        Self::new(Arc::new(store), options, tempfile::tempdir().unwrap()).await
    }

    async fn new(store: Arc<dyn ObjectStore>, options: &[(&str, Json)], directory: TempDir) -> Self {
        Self::with_rows(store, options, directory, |data| Channel::local(data.into_rows_server())).await
    }

    async fn with_rows(
        store: Arc<dyn ObjectStore>,
        options: &[(&str, Json)],
        directory: TempDir,
        rows: impl FnOnce(DataService) -> Channel,
    ) -> Self {
        let config = Arc::new(configuration(options));
        let settings = Settings::try_new(&config.app_id, &config.objects, &config.database, None).unwrap();
        let settings = settings.with_providers(&config.providers);
        let data = DataService::new(store, settings, Arc::new(Nobody));
        data.prepare_database().await.unwrap();
        let told = Arc::new(Told::default());
        let objects = Channel::local(data.clone().into_server());
        let rows = rows(data.clone());
        let hooks = Channel::local(data.clone().into_hooks_server());
        let service = AuthService::new(config, objects, rows, hooks, Arc::<Told>::clone(&told));
        Self { service, told, data, _directory: directory }
    }

    pub(crate) fn public(&self) -> Client {
        self.client(Privilege::Public, "")
    }

    pub(crate) fn master(&self) -> Client {
        self.client(Privilege::Master, "")
    }

    pub(crate) fn user(&self, id: &str) -> Client {
        self.client(Privilege::User, id)
    }

    pub(crate) fn client(&self, privilege: Privilege, user_id: &str) -> Client {
        Client {
            auth: AuthClient::new(Channel::local(self.service.clone().into_server())),
            data: DataClient::new(Channel::local(self.data.clone().into_server())),
            context: RequestContext {
                privilege: privilege.into(),
                user_id: user_id.to_owned(),
                ..RequestContext::default()
            },
        }
    }

    /// Gives a class these permissions.
    pub(crate) async fn permit(&self, class: &str, permissions: Json) {
        let mut schemas = SchemasClient::new(Channel::local(self.data.clone().into_schemas_server()));
        let body = json!({ "classLevelPermissions": permissions }).to_string().into();
        let context = RequestContext { privilege: Privilege::Master.into(), ..RequestContext::default() };
        let request = ModifySchemaRequest { context: Some(context), class_name: class.to_owned(), body };
        schemas.modify(request).await.unwrap();
    }

    /// Has the app not asked any more, and everybody told of it.
    pub(crate) async fn unhook(&self, class: &str, trigger: &str) {
        let mut hooks = HooksClient::new(Channel::local(self.data.clone().into_hooks_server()));
        let context = RequestContext { privilege: Privilege::Master.into(), ..RequestContext::default() };
        let removal = ReplaceHookRequest {
            context: Some(context),
            class_name: class.to_owned(),
            trigger_name: trigger.to_owned(),
            body: json!({ "__op": "Delete" }).to_string().into(),
        };
        hooks.replace(removal).await.unwrap();
        self.told.schemas.fetch_add(1, Ordering::SeqCst);
    }

    /// Has the app asked at this address, and everybody told of it.
    pub(crate) async fn hook(&self, class: &str, trigger: &str, url: &str) {
        let mut hooks = HooksClient::new(Channel::local(self.data.clone().into_hooks_server()));
        let body = json!({ "className": class, "triggerName": trigger, "url": url }).to_string().into();
        let context = RequestContext { privilege: Privilege::Master.into(), ..RequestContext::default() };
        hooks.register(RegisterHookRequest { context: Some(context), body }).await.unwrap();
        self.told.schemas.fetch_add(1, Ordering::SeqCst);
    }

    /// Rows as they are stored.
    pub(crate) async fn rows(&self, class: &str, filter: Json) -> Vec<Json> {
        let mut rows = RowsClient::new(Channel::local(self.data.clone().into_rows_server()));
        let request = FindRowsRequest {
            context: Some(RequestContext::default()),
            class_name: class.to_owned(),
            r#where: filter.to_string().into(),
            ..FindRowsRequest::default()
        };
        let found = rows.find(request).await.unwrap().into_inner().rows;
        found.iter().map(|row| serde_json::from_slice(row).unwrap()).collect()
    }

    /// The one row that satisfies the condition.
    pub(crate) async fn row(&self, class: &str, filter: Json) -> Json {
        let mut rows = self.rows(class, filter).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    /// Changes a row behind everybody's back.
    pub(crate) async fn change_row(&self, class: &str, id: &str, changes: Json) {
        let mut rows = RowsClient::new(Channel::local(self.data.clone().into_rows_server()));
        let request = ChangeRowRequest {
            context: Some(RequestContext::default()),
            class_name: class.to_owned(),
            r#where: json!({ "objectId": id }).to_string().into(),
            changes: changes.to_string().into(),
            touch: false,
        };
        assert!(rows.change(request).await.unwrap().into_inner().row.is_some());
    }

    /// Signs somebody up with the password `secret`: id and session token.
    pub(crate) async fn person(&self, name: &str) -> (String, String) {
        let body = json!({ "username": name, "password": "secret", "email": format!("{name}@example.com") });
        let answer = self.public().create("_User", body).await.unwrap();
        (text(&answer["objectId"]), text(&answer["sessionToken"]))
    }
}

/// One caller.
#[derive(Clone)]
pub(crate) struct Client {
    auth: AuthClient<Channel>,
    data: DataClient<Channel>,
    context: RequestContext,
}

impl Client {
    pub(crate) fn from(self, installation: &str) -> Self {
        let context = RequestContext { installation_id: installation.to_owned(), ..self.context };
        Self { context, ..self }
    }

    /// The same with a session.
    pub(crate) fn with_token(self, token: &str) -> Self {
        let context = RequestContext { session_token: token.to_owned(), ..self.context };
        Self { context, ..self }
    }

    fn create_request(&self, class: &str, body: &Json) -> CreateRequest {
        CreateRequest {
            context: Some(self.context.clone()),
            class_name: class.to_owned(),
            body: body.to_string().into(),
            ..CreateRequest::default()
        }
    }

    fn update_request(&self, class: &str, id: &str, body: &Json) -> UpdateRequest {
        UpdateRequest {
            context: Some(self.context.clone()),
            class_name: class.to_owned(),
            object_id: id.to_owned(),
            body: body.to_string().into(),
            ..UpdateRequest::default()
        }
    }

    pub(crate) async fn create(&self, class: &str, body: Json) -> Answer {
        let answer = self.auth.clone().create(self.create_request(class, &body)).await.map_err(parse_error)?;
        Ok(parsed(&answer.into_inner().body))
    }

    pub(crate) async fn update(&self, class: &str, id: &str, body: Json) -> Answer {
        let answer = self.auth.clone().update(self.update_request(class, id, &body)).await.map_err(parse_error)?;
        Ok(parsed(&answer.into_inner().body))
    }

    pub(crate) async fn delete(&self, class: &str, id: &str) -> Answer<()> {
        let request = DeleteRequest {
            context: Some(self.context.clone()),
            class_name: class.to_owned(),
            object_id: id.to_owned(),
            ..DeleteRequest::default()
        };
        self.auth.clone().delete(request).await.map(|_| ()).map_err(parse_error)
    }

    pub(crate) async fn log_in(&self, credentials: Json) -> Answer {
        let answer = self.auth.clone().log_in(self.credentials(&credentials)).await.map_err(parse_error)?;
        Ok(parsed(&answer.into_inner().body))
    }

    pub(crate) async fn verify_password(&self, credentials: Json) -> Answer {
        let answer = self.auth.clone().verify_password(self.credentials(&credentials)).await.map_err(parse_error)?;
        Ok(parsed(&answer.into_inner().body))
    }

    fn credentials(&self, credentials: &Json) -> CredentialsRequest {
        CredentialsRequest {
            context: Some(self.context.clone()),
            credentials: credentials.to_string().into(),
            mount_url: String::new(),
        }
    }

    /// Opens the link of a verification mail: whether it worked.
    pub(crate) async fn verify_email(&self, token: &str) -> Answer<bool> {
        let request = VerifyEmailRequest { context: Some(self.context.clone()), token: token.to_owned() };
        Ok(self.auth.clone().verify_email(request).await.map_err(parse_error)?.into_inner().verified)
    }

    /// Chooses another password, with the link of a mail.
    pub(crate) async fn reset_password(&self, token: &str, password: &str) -> Answer<()> {
        let request = ResetPasswordRequest {
            context: Some(self.context.clone()),
            token: token.to_owned(),
            new_password: password.to_owned(),
        };
        self.auth.clone().reset_password(request).await.map(|_| ()).map_err(parse_error)
    }

    pub(crate) async fn challenge(&self, body: Json) -> Answer {
        let request = ChallengeRequest { context: Some(self.context.clone()), body: body.to_string().into() };
        Ok(parsed(&self.auth.clone().challenge(request).await.map_err(parse_error)?.into_inner().body))
    }

    pub(crate) async fn log_in_as(&self, user_id: Json) -> Answer {
        let request = LogInAsRequest {
            context: Some(self.context.clone()),
            user_id: user_id.to_string().into(),
            mount_url: String::new(),
        };
        let answer = self.auth.clone().log_in_as(request).await.map_err(parse_error)?;
        Ok(parsed(&answer.into_inner().body))
    }

    pub(crate) async fn log_out(&self, token: &str) -> Answer<()> {
        let request = LogOutRequest { context: Some(self.context.clone()), session_token: token.to_owned() };
        self.auth.clone().log_out(request).await.map(|_| ()).map_err(parse_error)
    }

    /// `POST /upgradeToRevocableSession`
    pub(crate) async fn upgrade_session(&self) -> Answer {
        let request = UpgradeSessionRequest { context: Some(self.context.clone()), ..UpgradeSessionRequest::default() };
        let answer = self.auth.clone().upgrade_session(request).await.map_err(parse_error)?;
        Ok(parsed(&answer.into_inner().body))
    }

    /// Whose token it is.
    pub(crate) async fn resolve(&self, token: &str) -> Answer<String> {
        let request = ResolveRequest { context: Some(self.context.clone()), session_token: token.to_owned() };
        Ok(self.auth.clone().resolve(request).await.map_err(parse_error)?.into_inner().user_id)
    }

    /// Creates users as one: their bodies.
    pub(crate) async fn create_together(&self, bodies: &[Json], once: Option<Once>) -> Answer<Vec<Json>> {
        self.transact(bodies.iter().map(|body| Kind::Create(self.create_request("_User", body))), once).await
    }

    /// Creates a user and changes another one as one.
    pub(crate) async fn create_and_update(&self, new: &Json, id: &str, change: &Json) -> Answer<Vec<Json>> {
        let create = Kind::Create(self.create_request("_User", new));
        self.transact([create, Kind::Update(self.update_request("_User", id, change))], None).await
    }

    /// Changes a user, once for this id.
    pub(crate) async fn update_once(&self, id: &str, change: &Json, once: Option<Once>) -> Answer<Vec<Json>> {
        self.transact([Kind::Update(self.update_request("_User", id, change))], once).await
    }

    async fn transact(&self, kinds: impl IntoIterator<Item = Kind>, once: Option<Once>) -> Answer<Vec<Json>> {
        let operation = |kind| Operation { operation: Some(kind) };
        let request = TransactRequest { operations: kinds.into_iter().map(operation).collect(), once };
        let answer = self.auth.clone().transact(request).await.map_err(parse_error)?.into_inner();
        Ok(answer.results.iter().map(|result| parsed(&result.body)).collect())
    }

    pub(crate) async fn get(&self, class: &str, id: &str) -> Answer {
        let request = GetRequest {
            context: Some(self.context.clone()),
            class_name: class.to_owned(),
            object_id: id.to_owned(),
            ..GetRequest::default()
        };
        Ok(parsed(&self.data.clone().get(request).await.map_err(parse_error)?.into_inner().object))
    }
}

pub(crate) fn text(value: &Json) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

pub(crate) fn refused<T: std::fmt::Debug>(answer: Answer<T>) -> (i32, String) {
    answer.unwrap_err()
}

pub(crate) fn error(code: i32, text: &str) -> (i32, String) {
    (code, text.to_owned())
}

fn parsed(bytes: &[u8]) -> Json {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(bytes)))
}

fn parse_error(status: Status) -> (i32, String) {
    let error = error_from_status(&status).unwrap_or_else(|| panic!("no Parse error: {status}"));
    (error.code as i32, error.message)
}
