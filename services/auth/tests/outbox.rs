//! Jobs that belong to writes, kept by the data service.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use parsefleet_auth::{AuthService, News};
use parsefleet_bus::{Bus, Deliveries, EmbeddedBus, Job, Queue, RabbitBus, RetrySchedule, Witness};
use parsefleet_data::{DataService, Invalidation, Settings, store::SqliteStore};
use parsefleet_proto::{
    error_from_status,
    v1::{
        ChangeRowRequest, ChangeRowResponse, CreateRequest, FindRowsRequest, FindRowsResponse, InsertRowRequest,
        InsertRowResponse, MailJob, MailKind, Once, Operation, Privilege, RegisterHookRequest, RemoveRowsRequest,
        RemoveRowsResponse, RequestContext, RequestEmailVerificationRequest, RequestPasswordResetRequest,
        ResendVerificationEmailRequest, SendEmailRequest, TransactRequest,
        auth_client::AuthClient,
        hooks_client::HooksClient,
        operation::Operation as Kind,
        rows_client::RowsClient,
        rows_server::{Rows, RowsServer},
    },
};
use parsefleet_runtime::{
    Shutdown,
    config::{self, Config, Launch},
    rpc::Channel,
};
use parsefleet_testkit::servers::{WebhookAnswer, WebhookReceiver, free_port};
use prost::Message as _;
use serde_json::json;
use tonic::{Request, Response, Status};

/// Longer than an entry waits for the sweep.
const LIMIT: Duration = Duration::from_secs(60);

struct Nobody;

#[async_trait]
impl Invalidation for Nobody {
    async fn schema_changed(&self) {}

    async fn roles_changed(&self) {}
}

#[async_trait]
impl News for Nobody {
    async fn sessions_ended(&self, _: &[String]) {}

    async fn user_changed(&self, _: &str) {}

    async fn roles_changed(&self) {}
}

fn context() -> Option<RequestContext> {
    Some(RequestContext { privilege: Privilege::Master.into(), ..RequestContext::default() })
}

fn witness(name: &str) -> Witness {
    Witness { class_name: "_User".to_owned(), condition: format!(r#"{{"username":"{name}"}}"#) }
}

/// Waits until there are so many entries.
async fn entries(rows: &mut RowsClient<Channel>, count: usize) {
    let started = Instant::now();
    loop {
        let class_name = "_Outbox".to_owned();
        let request = FindRowsRequest { context: context(), class_name, ..FindRowsRequest::default() };
        let found = rows.find(request).await.unwrap().into_inner().rows.len();
        if found == count {
            return;
        }
        assert!(started.elapsed() < LIMIT, "there are {found} entries, not {count}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn arrives(deliveries: &mut Box<dyn Deliveries>, job: &Job) {
    let delivery = tokio::time::timeout(LIMIT, deliveries.next()).await.expect("the job arrives");
    assert_eq!((&delivery.job.id, &delivery.job.body), (&job.id, &job.body));
    delivery.receipt.done().await.unwrap();
}

/// As if the time had passed for which one wish was left to the process that has it.
async fn hasten(rows: &mut RowsClient<Channel>) {
    let (r#where, changes) = (r#"{"claimedUntil":{"$gt":1}}"#.into(), r#"{"claimedUntil":1}"#.into());
    let class_name = "_Outbox".to_owned();
    let request = ChangeRowRequest { context: context(), class_name, r#where, changes, touch: false };
    rows.change(request).await.unwrap();
}

/// Stores a user with these columns.
async fn insert_user(rows: &mut RowsClient<Channel>, columns: serde_json::Value) {
    let (class_name, row) = ("_User".to_owned(), columns.to_string().into());
    rows.insert(InsertRowRequest { context: context(), class_name, row }).await.unwrap();
}

/// The next mail that is made.
async fn next_mail(deliveries: &mut Box<dyn Deliveries>) -> MailJob {
    let delivery = tokio::time::timeout(LIMIT, deliveries.next()).await.expect("the mail is made");
    let mail = MailJob::decode(delivery.job.body.clone()).unwrap();
    delivery.receipt.done().await.unwrap();
    mail
}

/// Waits until the app is called, and tells how often.
async fn calls(app: &WebhookReceiver) -> usize {
    let started = Instant::now();
    loop {
        let calls = app.take_calls().len();
        if calls > 0 {
            return calls;
        }
        assert!(started.elapsed() < LIMIT, "the app is not asked");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What outlives a process: its files.
struct Machine {
    /// Options beside those that every app here has.
    options: Vec<String>,
    directory: tempfile::TempDir,
    data: DataService,
    bus: Arc<EmbeddedBus>,
}

impl Machine {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// One whose app has these options.
    async fn with(options: &[(&str, &str)]) -> Self {
        let options: Vec<String> =
            options.iter().flat_map(|(name, value)| [format!("--{name}"), (*value).to_owned()]).collect();
        let directory = tempfile::tempdir().unwrap();
        let config = config(&options);
        let settings = Settings::try_new(&config.app_id, &config.objects, &config.database, None).unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        let data = DataService::new(Arc::new(store), settings, Arc::new(Nobody));
        data.prepare_database().await.unwrap();
        let bus = Arc::new(EmbeddedBus::new(directory.path(), RetrySchedule::default()));
        Self { options, directory, data, bus }
    }

    fn rows(&self) -> RowsClient<Channel> {
        RowsClient::new(Channel::local(self.data.clone().into_rows_server()))
    }

    /// An auth service, which belongs to the runtime that calls this.
    fn auth(&self, shutdown: &Shutdown) -> AuthService {
        let rows = Channel::local(self.data.clone().into_rows_server());
        self.auth_with(rows, Arc::<EmbeddedBus>::clone(&self.bus), shutdown)
    }

    /// The same with other rows and another bus.
    fn auth_with(&self, rows: Channel, bus: Arc<dyn Bus>, shutdown: &Shutdown) -> AuthService {
        let data = Channel::local(self.data.clone().into_server());
        let hooks = Channel::local(self.data.clone().into_hooks_server());
        let config = Arc::new(config(&self.options));
        AuthService::new(config, data, rows, hooks, Arc::new(Nobody)).publishing(bus, shutdown)
    }
}

fn shutdown() -> Shutdown {
    Shutdown::new(Duration::ZERO, Duration::from_secs(10))
}

/// An app that sends mails, with further options.
fn config(options: &[String]) -> Config {
    let adapter = r#"{"module": "smtp", "options": {"from": "a@b.c", "host": "127.0.0.1", "security": "none"}}"#;
    let arguments = ["--appId", "test", "--masterKey", "master", "--appName", "Test", "--publicServerURL"];
    let arguments = arguments.into_iter().chain(["https://api.example/parse", "--emailAdapter", adapter]);
    let arguments = arguments.map(str::to_owned).chain(options.iter().cloned());
    let Launch::Run(startup) = config::load(arguments, []).unwrap() else { panic!("it starts") };
    startup.config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_published_for_writes_that_happened() {
    let machine = Machine::new().await;
    let shutdown = shutdown();
    let auth = machine.auth(&shutdown);
    let mut rows = machine.rows();
    let mut deliveries = machine.bus.consume(Queue::Mail, 4);

    // Published behind the answer.
    let job = Job::new(Queue::Mail, "of a write that happened");
    auth.intend(job.clone(), witness("ada")).await.unwrap().happened();
    arrives(&mut deliveries, &job).await;

    // Left by a crash: the sweep sees the user of one, and not of the other.
    let row = r#"{"username":"ada"}"#.as_bytes().to_vec().into();
    let user = InsertRowRequest { context: context(), class_name: "_User".to_owned(), row };
    rows.insert(user).await.unwrap();
    let left = Job::new(Queue::Mail, "of a process that crashed");
    drop(auth.intend(left.clone(), witness("ada")).await.unwrap());
    drop(auth.intend(Job::new(Queue::Mail, "of a write that may yet happen"), witness("bob")).await.unwrap());
    arrives(&mut deliveries, &left).await;
    entries(&mut rows, 1).await;

    // Known not to have happened.
    auth.intend(Job::new(Queue::Mail, "of a write that failed"), witness("eve")).await.unwrap().failed();
    entries(&mut rows, 1).await;
    drop(auth);
    shutdown.trigger();
    shutdown.complete().await;
    drop(machine.directory);
}

/// A process that is killed after it has answered, and before it has done anything else: another one sees to it.
#[test]
fn mails_that_were_asked_for_survive_the_process() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let machine = second.block_on(async {
        let machine = Machine::new().await;
        let row = r#"{"username":"ada","email":"ada@example.com"}"#.as_bytes().to_vec().into();
        let user = InsertRowRequest { context: context(), class_name: "_User".to_owned(), row };
        machine.rows().insert(user).await.unwrap();
        machine
    });
    first.block_on(async {
        let auth = machine.auth(&shutdown());
        let mut client = AuthClient::new(Channel::local(auth.into_server()));
        for email in ["ada@example.com", "nobody@example.com"] {
            let body = format!(r#"{{"email":"{email}","locale":"de"}}"#).into_bytes().into();
            client.request_password_reset(RequestPasswordResetRequest { context: context(), body }).await.unwrap();
        }
    });
    // Nothing that runs in it comes to its end.
    first.shutdown_background();

    second.block_on(async {
        let mut rows = machine.rows();
        entries(&mut rows, 2).await;
        hasten(&mut rows).await;
        hasten(&mut rows).await;
        let shutdown = shutdown();
        let _auth = machine.auth(&shutdown);
        let mut deliveries = machine.bus.consume(Queue::Mail, 4);
        let mail = next_mail(&mut deliveries).await;
        assert_eq!((mail.recipient.as_str(), mail.locale.as_str()), ("ada@example.com", "de"));
        entries(&mut rows, 0).await;
        shutdown.trigger();
        shutdown.complete().await;
    });
}

/// Its entry is all that is left of a mail which the app wrote, when the process is gone and the bus was away: it is enough.
#[test]
fn mails_of_the_apps_own_survive_the_process() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let machine = second.block_on(Machine::new());
    first.block_on(async {
        let nobody = format!("amqp://guest:guest@127.0.0.1:{}/", free_port().unwrap());
        let away: Arc<dyn Bus> = Arc::new(RabbitBus::try_new(&nobody, "away", RetrySchedule::default()).unwrap());
        let rows = Channel::local(machine.data.clone().into_rows_server());
        let auth = machine.auth_with(rows, away, &shutdown());
        let mut client = AuthClient::new(Channel::local(auth.into_server()));
        let body = json!({ "to": ["ada@example.com", "bob@example.com"], "subject": "s", "html": "<p>" });
        client.send_email(SendEmailRequest { context: context(), body: body.to_string().into() }).await.unwrap();
        let body = json!({ "to": ["ada@example.com", "nobody"], "subject": "s", "html": "<p>" });
        client.send_email(SendEmailRequest { context: context(), body: body.to_string().into() }).await.unwrap_err();
    });
    first.shutdown_background();

    second.block_on(async {
        let mut rows = machine.rows();
        entries(&mut rows, 1).await;
        let shutdown = shutdown();
        let _auth = machine.auth(&shutdown);
        let mut deliveries = machine.bus.consume(Queue::Mail, 4);
        let delivery = tokio::time::timeout(LIMIT, deliveries.next()).await.expect("the mail is published");
        let mail = MailJob::decode(delivery.job.body.clone()).unwrap();
        assert_eq!(mail.recipients, ["ada@example.com", "bob@example.com"]);
        assert_eq!((mail.recipient.as_str(), mail.written.unwrap().html()), ("", "<p>"));
        delivery.receipt.done().await.unwrap();
        entries(&mut rows, 0).await;
        shutdown.trigger();
        shutdown.complete().await;
    });
}

/// Stores what it is told to, and does not live to say so.
struct Dying(DataService);

#[async_trait]
impl Rows for Dying {
    async fn find(&self, request: Request<FindRowsRequest>) -> Result<Response<FindRowsResponse>, Status> {
        self.0.find(request).await
    }

    async fn insert(&self, request: Request<InsertRowRequest>) -> Result<Response<InsertRowResponse>, Status> {
        self.0.insert(request).await?;
        Err(Status::unavailable("gone"))
    }

    async fn change(&self, request: Request<ChangeRowRequest>) -> Result<Response<ChangeRowResponse>, Status> {
        self.0.change(request).await
    }

    async fn remove(&self, request: Request<RemoveRowsRequest>) -> Result<Response<RemoveRowsResponse>, Status> {
        self.0.remove(request).await
    }
}

/// Whoever is told of an error sends nothing, though the mail was kept.
#[tokio::test]
async fn a_mail_that_was_kept_without_a_word_is_not_sent() {
    let machine = Machine::new().await;
    let shutdown = shutdown();
    let rows = Channel::local(RowsServer::new(Dying(machine.data.clone())));
    let auth = machine.auth_with(rows, Arc::<EmbeddedBus>::clone(&machine.bus), &shutdown);
    let mut client = AuthClient::new(Channel::local(auth.into_server()));
    let body = json!({ "to": "ada@example.com", "subject": "s", "text": "t" }).to_string().into();
    client.send_email(SendEmailRequest { context: context(), body }).await.unwrap_err();
    entries(&mut machine.rows(), 0).await;
    assert_eq!(machine.bus.backlog(Queue::Mail).await.unwrap().waiting, 0, "the sweep has published it");
    shutdown.trigger();
    shutdown.complete().await;
}

/// Only the master key writes in the app's name, whoever asks: no gateway decides about that alone.
#[tokio::test]
async fn mails_of_the_apps_own_need_the_master_key() {
    let machine = Machine::new().await;
    let shutdown = shutdown();
    let client = AuthClient::new(Channel::local(machine.auth(&shutdown).into_server()));
    for (privilege, message) in [
        (Privilege::Public, "unauthorized: master key is required"),
        (Privilege::User, "unauthorized: master key is required"),
        (Privilege::Maintenance, "unauthorized: master key is required"),
        (Privilege::ReadOnlyMaster, "read-only masterKey isn't allowed to send a mail."),
    ] {
        let context =
            RequestContext { privilege: privilege.into(), user_id: "ada".into(), ..RequestContext::default() };
        let body = json!({ "to": "ada@example.com", "subject": "s", "text": "t" }).to_string().into();
        let refusal = client.clone().send_email(SendEmailRequest { context: Some(context), body }).await.unwrap_err();
        let error = error_from_status(&refusal).unwrap();
        assert_eq!((error.code as i32, error.message.as_str()), (119, message));
    }
    entries(&mut machine.rows(), 0).await;
    shutdown.trigger();
    shutdown.complete().await;
}

/// The app is asked about whoever is to get a link, before one is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_for_whoever_forgot_a_password_may_be_refused() {
    let machine = Machine::new().await;
    let app = WebhookReceiver::start().await.unwrap();
    let hook = json!({ "className": "_User", "triggerName": "beforePasswordResetRequest", "url": format!("{}/reset", app.url) });
    let mut hooks = HooksClient::new(Channel::local(machine.data.clone().into_hooks_server()));
    hooks.register(RegisterHookRequest { context: context(), body: hook.to_string().into() }).await.unwrap();
    let row = r#"{"username":"ada","email":"ada@example.com","_hashed_password":"hash"}"#.as_bytes().to_vec().into();
    let user = InsertRowRequest { context: context(), class_name: "_User".to_owned(), row };
    machine.rows().insert(user).await.unwrap();
    let shutdown = shutdown();
    let client = AuthClient::new(Channel::local(machine.auth(&shutdown).into_server()));
    let ask = async |email: &str| {
        let body = json!({ "email": email }).to_string().into();
        let answer =
            client.clone().request_password_reset(RequestPasswordResetRequest { context: context(), body }).await;
        answer.map(drop).map_err(|status| error_from_status(&status).unwrap().message)
    };

    app.answer("reset", WebhookAnswer::json(json!({ "error": "not today" })));
    assert_eq!(ask("ada@example.com").await, Err("not today".to_owned()));
    let calls = app.take_calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(
        (&calls[0].body["object"]["username"], &calls[0].body["object"]["className"]),
        (&json!("ada"), &json!("_User"))
    );
    assert!(!calls[0].body.to_string().contains("hash"));
    entries(&mut machine.rows(), 0).await;

    // Of nobody nobody is told.
    assert_eq!(ask("nobody@example.com").await, Ok(()));
    assert!(app.take_calls().is_empty());
    app.forget_answers();
    let mut deliveries = machine.bus.consume(Queue::Mail, 4);
    assert_eq!(ask("ada@example.com").await, Ok(()));
    assert_eq!(app.take_calls().len(), 1);
    let delivery = tokio::time::timeout(LIMIT, deliveries.next()).await.expect("the mail is made");
    delivery.receipt.done().await.unwrap();
    shutdown.trigger();
    shutdown.complete().await;
}

/// An app that gives no answer has not decided: the mail comes once it does. One that says no is not asked again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_waits_for_an_app_that_gives_no_answer() {
    let app = WebhookReceiver::start().await.unwrap();
    let machine = Machine::with(&[("verifyUserEmails", &format!("{}/verify", app.url))]).await;
    let mut rows = machine.rows();
    insert_user(&mut rows, json!({ "objectId": "ada", "username": "ada", "email": "ada@example.com" })).await;
    let shutdown = shutdown();
    let mut client = AuthClient::new(Channel::local(machine.auth(&shutdown).into_server()));
    let mut deliveries = machine.bus.consume(Queue::Mail, 4);
    let mut ask = async || {
        let body = json!({ "email": "ada@example.com" }).to_string().into();
        let request = RequestEmailVerificationRequest { context: context(), body };
        client.request_email_verification(request).await.unwrap();
    };
    let yes = WebhookAnswer::json(json!({ "success": true }));

    app.answer("verify", WebhookAnswer { status: Some(503), ..yes.clone() });
    ask().await;
    for answer in [
        WebhookAnswer::default(),
        WebhookAnswer::json(json!({ "success": "yes" })),
        WebhookAnswer { text: Some("\"malformed\"".to_owned()), ..WebhookAnswer::default() },
        yes.clone(),
    ] {
        assert_eq!(calls(&app).await, 1);
        app.answer("verify", answer);
        hasten(&mut rows).await;
    }
    assert_eq!(next_mail(&mut deliveries).await.recipient, "ada@example.com");
    entries(&mut rows, 0).await;
    app.take_calls();

    for answer in [json!({ "error": "no" }), json!({ "error": { "reason": 5 } }), json!({ "success": false })] {
        app.answer("verify", WebhookAnswer::json(answer.clone()));
        ask().await;
        entries(&mut rows, 0).await;
        assert_eq!(calls(&app).await, 1, "{answer}");
    }
    assert_eq!(machine.bus.backlog(Queue::Mail).await.unwrap().waiting, 0);
    shutdown.trigger();
    shutdown.complete().await;
}

/// Where names and addresses are stored in lower case, who types capitals gets the mail as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_comes_whatever_the_case_of_what_was_typed() {
    let folded = [("convertEmailToLowercase", "true"), ("convertUsernameToLowercase", "true")];
    let machine = Machine::with(&[folded[0], folded[1], ("verifyUserEmails", "true")]).await;
    let mut rows = machine.rows();
    insert_user(&mut rows, json!({ "objectId": "ada", "username": "ada", "email": "ada@example.com" })).await;
    insert_user(&mut rows, json!({ "objectId": "bob", "username": "bob@example.com" })).await;
    let shutdown = shutdown();
    let mut client = AuthClient::new(Channel::local(machine.auth(&shutdown).into_server()));
    let mut deliveries = machine.bus.consume(Queue::Mail, 4);
    for (typed, recipient) in [("Ada@Example.com", "ada@example.com"), ("BOB@example.com", "bob@example.com")] {
        let body = json!({ "email": typed }).to_string().into();
        client.request_password_reset(RequestPasswordResetRequest { context: context(), body }).await.unwrap();
        let mail = next_mail(&mut deliveries).await;
        assert_eq!((mail.recipient.as_str(), mail.kind()), (recipient, MailKind::PasswordReset));
    }
    let body = json!({ "email": "Ada@Example.com" }).to_string().into();
    let request = RequestEmailVerificationRequest { context: context(), body };
    client.request_email_verification(request).await.unwrap();
    assert_eq!(next_mail(&mut deliveries).await.kind(), MailKind::EmailVerification);
    let username = "ADA".to_owned();
    let request = ResendVerificationEmailRequest { context: context(), username, ..Default::default() };
    client.resend_verification_email(request).await.unwrap();
    assert_eq!(next_mail(&mut deliveries).await.kind(), MailKind::EmailVerification);
    shutdown.trigger();
    shutdown.complete().await;
}

#[tokio::test]
async fn a_sign_up_that_is_sent_again_sends_no_other_mail() {
    let machine = Machine::with(&[("verifyUserEmails", "true")]).await;
    let shutdown = shutdown();
    let mut client = AuthClient::new(Channel::local(machine.auth(&shutdown).into_server()));
    let mut deliveries = machine.bus.consume(Queue::Mail, 4);
    let body = json!({ "username": "ada", "password": "secret", "email": "ada@example.com" });
    let create = CreateRequest {
        context: Some(RequestContext { privilege: Privilege::Public.into(), ..RequestContext::default() }),
        class_name: "_User".to_owned(),
        body: body.to_string().into(),
        ..CreateRequest::default()
    };
    let operations = vec![Operation { operation: Some(Kind::Create(create)) }];
    let once = Some(Once { request_id: "id".to_owned(), fingerprint: b"digest".to_vec().into(), ttl_seconds: 60 });
    let request = TransactRequest { operations, once };
    client.transact(request.clone()).await.unwrap();
    next_mail(&mut deliveries).await;
    client.transact(request).await.unwrap();
    entries(&mut machine.rows(), 0).await;
    assert_eq!(machine.bus.backlog(Queue::Mail).await.unwrap().waiting, 0, "a link that does not work");
    shutdown.trigger();
    shutdown.complete().await;
}
