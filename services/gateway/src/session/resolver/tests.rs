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

/// Resolves the token, and tells how many times auth was asked for that.
async fn asked(resolver: &SessionResolver, auth: &OneSession, token: &str) -> usize {
    let before = calls(auth);
    resolver.resolve(token, RequestContext::default()).await.unwrap();
    calls(auth) - before
}

#[tokio::test]
async fn news_about_a_token_a_user_or_roles_make_ask_again() {
    let (resolver, auth) = resolver();
    assert_eq!(asked(&resolver, &auth, "r:good").await, 1);
    assert_eq!(asked(&resolver, &auth, "r:other").await, 1);
    resolver.cache.evict(Topic::Sessions, &[&digest("r:good")]).await;
    assert_eq!(asked(&resolver, &auth, "r:good").await, 1);
    assert_eq!(asked(&resolver, &auth, "r:other").await, 0, "it is another token's");

    resolver.cache.evict(Topic::Users, &["somebody else"]).await;
    assert_eq!(asked(&resolver, &auth, "r:good").await, 0);
    for _ in 0..2 {
        resolver.cache.evict(Topic::Users, &["user1"]).await;
        for token in ["r:good", "r:other"] {
            assert_eq!(asked(&resolver, &auth, token).await, 1, "{token}");
            assert_eq!(asked(&resolver, &auth, token).await, 0, "{token}");
        }
    }
    resolver.cache.invalidate(Topic::Roles).await;
    assert_eq!(asked(&resolver, &auth, "r:good").await, 1);
    assert_eq!(asked(&resolver, &auth, "r:other").await, 0, "the roles are the user's");
}

#[tokio::test]
async fn an_answer_from_before_news_is_not_kept() {
    for topic in [Topic::Sessions, Topic::Users, Topic::Roles] {
        let (resolver, auth) = resolver();
        let load = resolver.resolve("r:slow", RequestContext::default());
        let news = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            match topic {
                Topic::Users => resolver.cache.evict(topic, &["user1"]).await,
                _ => resolver.cache.evict(topic, &[&digest("r:slow")]).await,
            }
        };
        let (session, ()) = tokio::join!(load, news);
        session.unwrap();
        resolver.resolve("r:slow", RequestContext::default()).await.unwrap();
        assert_eq!(calls(&auth), 2, "{topic:?}");
        assert_eq!(asked(&resolver, &auth, "r:slow").await, 0, "{topic:?}");
    }
}

#[tokio::test]
async fn the_end_of_one_session_is_not_that_of_another_one_of_the_user() {
    let (resolver, auth) = resolver();
    for token in ["r:good", "r:slow ending"] {
        resolver.resolve(token, RequestContext::default()).await.unwrap();
    }
    auth.ended.store(true, Ordering::SeqCst);
    resolver.cache.invalidate(Topic::Roles).await;
    let ended = resolver.resolve("r:slow ending", RequestContext::default());
    let good = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        resolver.resolve("r:good", RequestContext::default()).await
    };
    let (ended, good) = tokio::join!(ended, good);
    assert_eq!(ended.unwrap_err().code, ErrorCode::InvalidSessionToken);
    assert_eq!(good.unwrap().roles, ["Admins"]);
}

#[tokio::test]
async fn an_answer_is_not_used_past_the_end_of_the_session() {
    let (resolver, auth) = resolver();
    let error = resolver.resolve("r:over", RequestContext::default()).await.unwrap_err();
    assert_eq!((error.code, &*error.message), (ErrorCode::InvalidSessionToken, "Session token is expired."));
    assert_eq!(calls(&auth), 1);
}
