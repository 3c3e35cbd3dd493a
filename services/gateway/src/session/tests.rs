#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::future::join_all;
use parsefleet_cache::{Limits, LocalCache};
use parsefleet_core::ErrorCode;
use parsefleet_proto::v1::auth_server::AuthServer;
use parsefleet_runtime::rpc::Channel;

use super::*;
use crate::testing::OneSession;

fn resolver() -> (SessionResolver, OneSession) {
    let auth = OneSession::default();
    let backend = AuthBackend::new(Channel::local(AuthServer::new(auth.clone())), None);
    let cache = LocalCache::new(Limits { time_to_live: Duration::from_secs(60), capacity: 100 });
    (SessionResolver::new(Arc::new(cache), Arc::new(backend)), auth)
}

fn calls(auth: &OneSession) -> usize {
    auth.calls.load(Ordering::SeqCst)
}

#[tokio::test]
async fn auth_is_asked_once() {
    let (resolver, auth) = resolver();
    for _ in 0..3 {
        let session = resolver.resolve("r:good", RequestContext::default()).await.unwrap();
        assert_eq!((&*session.user_id, &*session.roles), ("user1", &["Admins".to_owned()][..]));
    }
    assert_eq!(calls(&auth), 1);
}

#[tokio::test]
async fn simultaneous_requests_share_one_question() {
    let (resolver, auth) = resolver();
    let answers = join_all((0..64).map(|_| resolver.resolve("r:slow", RequestContext::default()))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(calls(&auth), 1);
}

#[tokio::test]
async fn refusals_are_not_kept() {
    let (resolver, auth) = resolver();
    for _ in 0..2 {
        let error = resolver.resolve("r:bad", RequestContext::default()).await.unwrap_err();
        assert_eq!((error.code, &*error.message), (ErrorCode::InvalidSessionToken, "Invalid session token"));
    }
    assert_eq!(calls(&auth), 2);
}

#[tokio::test]
async fn what_is_invalidated_is_asked_again() {
    let (resolver, auth) = resolver();
    resolver.resolve("r:good", RequestContext::default()).await.unwrap();
    resolver.cache.invalidate(Topic::Sessions).await;
    resolver.resolve("r:good", RequestContext::default()).await.unwrap();
    assert_eq!(calls(&auth), 2);
}

#[tokio::test]
async fn an_answer_from_before_an_invalidation_is_not_kept() {
    let (resolver, auth) = resolver();
    let load = resolver.resolve("r:slow", RequestContext::default());
    let invalidate = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        resolver.cache.invalidate(Topic::Sessions).await;
    };
    let (session, ()) = tokio::join!(load, invalidate);
    session.unwrap();
    resolver.resolve("r:slow", RequestContext::default()).await.unwrap();
    assert_eq!(calls(&auth), 2);
}

#[tokio::test]
async fn an_answer_is_not_used_past_the_end_of_the_session() {
    let (resolver, auth) = resolver();
    let error = resolver.resolve("r:over", RequestContext::default()).await.unwrap_err();
    assert_eq!((error.code, &*error.message), (ErrorCode::InvalidSessionToken, "Session token is expired."));
    assert_eq!(calls(&auth), 1);
}
