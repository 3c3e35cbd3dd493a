#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use futures_util::future::join_all;
use parsefleet_core::ErrorCode;
use parsefleet_proto::v1::auth_server::AuthServer;
use parsefleet_runtime::rpc::Channel;

use super::*;
use crate::testing::OneSession;

fn resolver() -> (SessionResolver, OneSession) {
    let auth = OneSession::default();
    let backend = AuthBackend::new(Channel::local(AuthServer::new(auth.clone())));
    (SessionResolver::new(SessionCache::new(Duration::from_secs(60), 100), backend), auth)
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
    resolver.cache().invalidate_token("r:good").await;
    resolver.resolve("r:good", RequestContext::default()).await.unwrap();
    assert_eq!(calls(&auth), 2);
    resolver.cache().invalidate_all();
    resolver.resolve("r:good", RequestContext::default()).await.unwrap();
    assert_eq!(calls(&auth), 3);
}

#[tokio::test]
async fn an_answer_from_before_an_invalidation_is_not_kept() {
    let (resolver, auth) = resolver();
    let load = resolver.resolve("r:slow", RequestContext::default());
    let invalidate = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        resolver.cache().invalidate_all();
    };
    let (session, ()) = tokio::join!(load, invalidate);
    session.unwrap();
    resolver.resolve("r:slow", RequestContext::default()).await.unwrap();
    assert_eq!(calls(&auth), 2);
}

#[test]
fn a_session_is_not_remembered_past_its_end() {
    let session = |expires_at| {
        Arc::new(Session { user_id: String::new(), roles: Vec::new(), expires_at, token: Token::new("x") })
    };
    let life = |expires_at| {
        UntilSessionEnds.expire_after_create(&Token::new("x"), &session(expires_at), std::time::Instant::now())
    };
    assert_eq!(life(None), None);
    assert_eq!(life(Some(1)), Some(Duration::ZERO));
    assert!(life(Some(i64::MAX)).unwrap() > Duration::from_secs(1_000_000));
    assert_eq!(format!("{:?}", session(None).token), "Token(..)");
}
