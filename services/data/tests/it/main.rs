//! The data service over its two stores, asked through its own generated client.
#![allow(clippy::disallowed_methods, reason = "tests end with their process")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod claims;
mod classes;
mod fixture;
mod hooks;
mod includes;
mod permissions;
mod reads;
mod receiver;
mod relations;
mod rows;
mod schema;
mod secrets;
mod transactions;
mod triggers;
mod writes;

/// Runs each scenario on the embedded store and on MongoDB.
macro_rules! on_both_stores {
    ($($scenario:ident,)*) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::$scenario(crate::fixture::Fixture::embedded()).await;
            })*
        }

        mod mongodb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                let fixture = crate::fixture::Fixture::mongodb().await;
                let database = fixture.database.clone();
                super::$scenario(fixture).await;
                database.unwrap().drop().await.unwrap();
            })*
        }
    };
}
pub(crate) use on_both_stores;
