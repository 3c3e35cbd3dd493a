//! Writes of which nobody knows whether they were finished.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use parsefleet_data::DataService;
use parsefleet_proto::v1::{
    ChangeRowRequest, ChangeRowResponse, FindRowsRequest, FindRowsResponse, InsertRowRequest, InsertRowResponse,
    RemoveRowsRequest, RemoveRowsResponse, rows_server::Rows,
};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tonic::{Request, Response, Status};

use crate::fixture::{Fixture, refused};

/// Longer than the first tries to end sessions take.
const LIMIT: Duration = Duration::from_secs(30);

/// Rows that cannot be removed for a while.
struct Reluctant {
    data: DataService,
    refusals: AtomicU32,
}

#[async_trait]
impl Rows for Reluctant {
    async fn find(&self, request: Request<FindRowsRequest>) -> Result<Response<FindRowsResponse>, Status> {
        self.data.find(request).await
    }

    async fn insert(&self, request: Request<InsertRowRequest>) -> Result<Response<InsertRowResponse>, Status> {
        self.data.insert(request).await
    }

    async fn change(&self, request: Request<ChangeRowRequest>) -> Result<Response<ChangeRowResponse>, Status> {
        self.data.change(request).await
    }

    async fn remove(&self, request: Request<RemoveRowsRequest>) -> Result<Response<RemoveRowsResponse>, Status> {
        let left = self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            return Err(Status::unavailable("not now"));
        }
        self.data.remove(request).await
    }
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_at_last() {
    let reluctant = |data| Reluctant { data, refusals: AtomicU32::new(2) };
    let fixture = Fixture::embedded_with_rows(reluctant).await;
    let (id, token) = fixture.person("anna").await;
    let refusal = fixture.user(&id).update("_User", &id, json!({ "password": "other" })).await;
    assert!([1, 100].contains(&refused(refusal).0));
    fixture.public().log_in(json!({ "username": "anna", "password": "other" })).await.unwrap();
    let started = Instant::now();
    while fixture.public().resolve(&token).await.is_ok() {
        assert!(started.elapsed() < LIMIT, "the old session lives on");
        sleep(Duration::from_millis(50)).await;
    }
    assert!(fixture.told.tokens.lock().unwrap().contains(&token));
}

#[tokio::test]
async fn sessions_live_on_if_the_change_is_refused() {
    let fixture = Fixture::embedded(&[]).await;
    let (id, token) = fixture.person("anna").await;
    let (bert, _) = fixture.person("bert").await;
    let refusal = fixture.user(&bert).update("_User", &id, json!({ "password": "other" })).await;
    assert_eq!(refused(refusal).0, 206);
    assert_eq!(fixture.public().resolve(&token).await.unwrap(), id);
}
