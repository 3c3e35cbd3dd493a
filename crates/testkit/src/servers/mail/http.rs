//! What other processes are told: `GET /mails[?to=…]`, `DELETE /mails`, `PUT /refusal`.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use axum::{
    Json, Router,
    extract::{Query, State as Shared},
    routing::{get, put},
};
use tokio::net::TcpListener;

use super::{Mail, Refusal, State, lock};

pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    let router = Router::new()
        .route("/mails", get(mails).delete(clear))
        .route("/refusal", put(refuse))
        .route("/refused", get(refused))
        .with_state(state);
    // It ends with its task only.
    let _ = axum::serve(listener, router).await;
}

async fn mails(Shared(state): Shared<Arc<State>>, Query(query): Query<HashMap<String, String>>) -> Json<Vec<Mail>> {
    let mails = lock(&state.mails);
    Json(match query.get("to") {
        Some(address) => mails.iter().filter(|mail| mail.to.contains(address)).cloned().collect(),
        None => mails.clone(),
    })
}

async fn clear(Shared(state): Shared<Arc<State>>) {
    lock(&state.mails).clear();
}

async fn refuse(Shared(state): Shared<Arc<State>>, Json(refusal): Json<Refusal>) {
    *lock(&state.refusal) = refusal;
}

async fn refused(Shared(state): Shared<Arc<State>>) -> String {
    state.refused.load(Ordering::Relaxed).to_string()
}
