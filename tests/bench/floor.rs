//! The floor: axum in front of the bare MongoDB driver.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use bson::{RawDocumentBuf, doc, rawdoc};
use futures_util::TryStreamExt as _;
use mongodb::{Client, Collection};
use tokio::net::TcpListener;

use crate::scenario::{CLASS, PASSWORD};

/// The cost that Parse Server hashes passwords with.
const HASH_COST: u32 = 10;

struct Floor {
    objects: Collection<RawDocumentBuf>,
    created: Collection<RawDocumentBuf>,
    /// Hash of the password that is logged in with.
    hash: String,
}

/// Serves until it is killed, on `FLOOR_PORT` and the database of `FLOOR_DATABASE_URI`.
pub(crate) async fn serve() -> Result<()> {
    let client = Client::with_uri_str(std::env::var("FLOOR_DATABASE_URI")?).await?;
    let database = client.default_database().context("the URI names a database")?;
    let hash = bcrypt::hash(PASSWORD, HASH_COST)?;
    let floor = Floor { objects: database.collection(CLASS), created: database.collection("Created"), hash };
    let routes = Router::new()
        .route("/parse/health", get(|| async { "" }))
        .route(&format!("/parse/classes/{CLASS}/{{id}}"), get(one))
        .route(&format!("/parse/classes/{CLASS}"), get(many))
        .route("/parse/classes/Created", post(create))
        .route("/parse/login", post(log_in))
        .with_state(Arc::new(floor));
    let listener = TcpListener::bind(("127.0.0.1", std::env::var("FLOOR_PORT")?.parse()?)).await?;
    axum::serve(listener, routes).await?;
    Ok(())
}

async fn one(State(floor): State<Arc<Floor>>, Path(id): Path<String>) -> Result<Bytes, StatusCode> {
    let found = floor.objects.find_one(doc! { "_id": id }).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    found.map(|document| Bytes::from(document.into_bytes())).ok_or(StatusCode::NOT_FOUND)
}

/// The query's text tells which of the two kinds of find it is; parsing it is no part of the floor.
async fn many(State(floor): State<Arc<Floor>>, uri: axum::http::Uri) -> Result<Bytes, StatusCode> {
    let query = uri.query().unwrap_or_default();
    let find = match query.rsplit_once("%22%24gte%22%3A%22") {
        Some((_, rest)) => floor.objects.find(doc! { "_id": { "$gte": &rest[..10] } }).limit(10),
        None => floor.objects.find(doc! {}).sort(doc! { "_created_at": -1 }).limit(100),
    };
    let mut bytes = Vec::new();
    let mut cursor = find.await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    while let Some(document) = cursor.try_next().await.map_err(|_| StatusCode::BAD_GATEWAY)? {
        bytes.extend_from_slice(document.as_bytes());
    }
    Ok(Bytes::from(bytes))
}

async fn create(State(floor): State<Arc<Floor>>, body: Bytes) -> Result<StatusCode, StatusCode> {
    let id = format!("{:016x}", rand::random::<u64>());
    let text = String::from_utf8_lossy(&body);
    let document = rawdoc! { "_id": id, "body": text.as_ref() };
    floor.created.insert_one(document).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(StatusCode::CREATED)
}

/// The comparison of a password with a hash of the usual cost, and nothing else.
async fn log_in(State(floor): State<Arc<Floor>>) -> Result<&'static str, StatusCode> {
    let hash = floor.hash.clone();
    let compared = tokio::task::spawn_blocking(move || bcrypt::verify(PASSWORD, &hash)).await;
    match compared {
        Ok(Ok(true)) => Ok("{}"),
        _ => Err(StatusCode::BAD_GATEWAY),
    }
}
