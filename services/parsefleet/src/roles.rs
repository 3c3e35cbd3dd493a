//! Which services a role runs, and how they reach each other.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use parsefleet_auth::AuthService;
use parsefleet_data::{
    DataService, Settings,
    store::{MongoStore, ObjectStore, SqliteStore},
};
use parsefleet_email::EmailService;
use parsefleet_gateway::{Channels, Gateway};
use parsefleet_runtime::{
    Shutdown,
    config::Role,
    rpc::{self, Channel, ClientOptions, Routes, ServeOptions},
};
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;

use crate::{
    bus,
    changes::{self, Changes},
    process::{Process, announce, bind},
};

/// Serves what the role has to serve, until the process is told to stop and all requests are answered. All steps of a stop share
/// one grace, which ends when a second signal comes.
pub(crate) async fn serve(role: Role, process: &Process) -> anyhow::Result<()> {
    process.shutdown.track(run(role, process)).await
}

async fn run(role: Role, process: &Process) -> anyhow::Result<()> {
    match role {
        Role::Standalone => standalone(process).await,
        Role::Gateway => gateway(process).await,
        Role::Auth => auth(process).await,
        Role::Data => data(process).await,
        Role::Email => email(process).await,
    }
}

/// Everything in this process, without a socket between the parts: the gateway calls data and auth themselves, and the rest by
/// generated clients over generated servers.
async fn standalone(process: &Process) -> anyhow::Result<()> {
    let listener = http_listener(process).await?;
    let changes = Changes::open(&process.config)?;
    let service = open_data(process, &changes).await?;
    let data = Channel::local(service.clone().into_server());
    let rows = Channel::local(service.clone().into_rows_server());
    let hooks = Channel::local(service.clone().into_hooks_server());
    let mut auth = AuthService::new(Arc::clone(&process.config), data.clone(), rows, hooks.clone(), changes.news());
    if process.config.mail.is_some() {
        let bus = bus::open(&process.config)?;
        auth = auth.publishing(Arc::clone(&bus), &process.shutdown);
        process.shutdown.spawn(mails(process)?.run(bus, process.shutdown.clone()));
    }
    let schemas = Channel::local(service.clone().into_schemas_server());
    let channels = Channels {
        auth: Channel::local(auth.clone().into_server()),
        auth_here: Some(Arc::new(auth.clone())),
        data,
        data_here: Some(Arc::new(service.clone())),
        schemas,
        hooks,
    };
    let served = serve_gateway(process, listener, channels, &changes).await;
    // One after the other: auth writes by way of data.
    complete(&process.shutdown, auth.stop()).await;
    complete(&process.shutdown, service.stop()).await;
    served
}

async fn gateway(process: &Process) -> anyhow::Result<()> {
    let listener = http_listener(process).await?;
    let fleet = &process.config.fleet;
    let data = connect(process, fleet.data_url.as_deref())?;
    let auth = connect(process, fleet.auth_url.as_deref())?;
    let channels =
        Channels { auth, auth_here: None, schemas: data.clone(), hooks: data.clone(), data, data_here: None };
    // Not so auth: requests without a session do without it.
    channels.data.require_once(&process.readiness, "data");
    serve_gateway(process, listener, channels, &Changes::open(&process.config)?).await
}

async fn auth(process: &Process) -> anyhow::Result<()> {
    let listener = grpc_listener(process).await?;
    let data = connect(process, process.config.fleet.data_url.as_deref())?;
    data.require_once(&process.readiness, "data");
    let changes = Changes::open(&process.config)?;
    let mut auth = AuthService::new(Arc::clone(&process.config), data.clone(), data.clone(), data, changes.news());
    if process.config.mail.is_some() {
        // It need not be there: jobs are kept until it is.
        auth = auth.publishing(bus::open(&process.config)?, &process.shutdown);
    }
    let served = serve_grpc(process, Role::Auth, listener, Routes::default().add(auth.clone().into_server())).await;
    complete(&process.shutdown, auth.stop()).await;
    served
}

async fn data(process: &Process) -> anyhow::Result<()> {
    let listener = grpc_listener(process).await?;
    let changes = Changes::open(&process.config)?;
    let data = open_data(process, &changes).await?;
    changes::follow_schema(&changes, data.clone(), &process.shutdown);
    let routes = Routes::default()
        .add(data.clone().into_server())
        .add(data.clone().into_rows_server())
        .add(data.clone().into_schemas_server())
        .add(data.clone().into_hooks_server());
    let served = serve_grpc(process, Role::Data, listener, routes).await;
    complete(&process.shutdown, data.stop()).await;
    served
}

/// Takes jobs and sends mails. Nobody calls it.
async fn email(process: &Process) -> anyhow::Result<()> {
    let service = mails(process)?;
    let bus = bus::open(&process.config)?;
    let probed = Arc::clone(&bus);
    process.readiness.register("jobs", move || {
        let bus = Arc::clone(&probed);
        async move { bus.ready().await.map_err(|error| error.to_string()) }
    });
    announce(&format!("{} running", Role::Email.name()));
    service.run(bus, process.shutdown.clone()).await;
    Ok(())
}

// === parts of roles ===

/// Lets a service end what it does beside requests: nothing is left half done that can be completed before the grace is over.
async fn complete(shutdown: &Shutdown, rest: impl Future<Output = ()>) {
    // Whatever ended the serving ends the process: the grace runs.
    shutdown.trigger();
    tokio::select! {
        biased;
        () = rest => {}
        () = shutdown.aborted() => tracing::warn!("what follows some requests was not completed in time"),
    }
}

fn mails(process: &Process) -> anyhow::Result<EmailService> {
    EmailService::try_new(&process.config).context("start the email service")
}

async fn serve_gateway(
    process: &Process,
    listener: TcpListener,
    channels: Channels,
    changes: &Changes,
) -> anyhow::Result<()> {
    let gateway =
        Gateway::try_new(Arc::clone(&process.config), channels, changes.cache()).context("start the gateway")?;
    let port = listener.local_addr().context("read the address of the listener")?.port();
    announce(&format!("running on {}", process.config.http.server_url_or_local(port)));
    gateway.serve(listener, process.shutdown.clone()).await.context("serve HTTP")
}

async fn serve_grpc(process: &Process, role: Role, listener: TcpListener, routes: Routes) -> anyhow::Result<()> {
    let address: SocketAddr = listener.local_addr().context("read the address of the listener")?;
    announce(&format!("{} running on {address}", role.name()));
    let options = ServeOptions::from_fleet(&process.config.fleet).with_readiness(process.readiness.clone());
    rpc::serve(listener, routes, options, process.shutdown.clone()).await.context("serve gRPC")
}

async fn open_data(process: &Process, changes: &Changes) -> anyhow::Result<DataService> {
    let config = &process.config;
    let database = &config.database;
    let store: Arc<dyn ObjectStore> = match &database.uri {
        Some(uri) => {
            let store = MongoStore::connect(uri.expose_secret(), &database.options, &database.collection_prefix);
            Arc::new(store.await?)
        }
        None => {
            let store = SqliteStore::open(&database.data_dir);
            Arc::new(store.with_context(|| format!("open the embedded store in {}", database.data_dir.display()))?)
        }
    };
    let settings = Settings::try_new(&config.app_id, &config.objects, database, config.classes.as_ref())?;
    let settings = settings.with_providers(&config.providers).with_webhook_key(config.keys.webhook.clone());
    let service = DataService::new(store, settings, changes.invalidation());
    service.prepare_database();
    let probed = service.clone();
    process.readiness.register("store", move || {
        let service = probed.clone();
        async move { service.ready().await.map_err(|error| error.to_string()) }
    });
    Ok(service)
}

fn connect(process: &Process, target: Option<&str>) -> anyhow::Result<Channel> {
    let target = target.context("no address of a service; the configuration should have been refused")?;
    Channel::connect(target, ClientOptions::from_fleet(&process.config.fleet)).context("connect to a service")
}

async fn http_listener(process: &Process) -> anyhow::Result<TcpListener> {
    let http = &process.config.http;
    bind((http.host.as_str(), http.port), &format!("{}:{}", http.host, http.port)).await
}

async fn grpc_listener(process: &Process) -> anyhow::Result<TcpListener> {
    let address = process.config.fleet.listen.as_str();
    bind(address, address).await
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_steps_of_a_stop_share_one_grace() {
        let shutdown = Shutdown::new(Duration::ZERO, Duration::from_secs(20));
        let began = Instant::now();
        let steps = async {
            complete(&shutdown, tokio::time::sleep(Duration::from_secs(15))).await;
            assert_eq!(began.elapsed().as_secs(), 15);
            complete(&shutdown, pending()).await;
            complete(&shutdown, pending()).await;
        };
        shutdown.track(steps).await;
        assert_eq!(began.elapsed().as_secs(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_signal_ends_all_steps() {
        let shutdown = Shutdown::new(Duration::ZERO, Duration::from_secs(20));
        let began = Instant::now();
        shutdown.abort();
        complete(&shutdown, pending()).await;
        complete(&shutdown, pending()).await;
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}
