//! Both object stores pass the same suite.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

use parsefleet_data::store::ObjectStore;

mod sqlite {
    use parsefleet_data::store::sqlite::SqliteStore;

    use super::ObjectStore;

    async fn with_store(test: impl AsyncFnOnce(&dyn ObjectStore)) {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path()).unwrap();
        test(&store).await;
    }

    parsefleet_testkit::store_suite!(super::with_store);
}

mod mongodb {
    use parsefleet_data::store::mongo::MongoStore;
    use parsefleet_testkit::servers::mongodb_uri;

    use super::ObjectStore;

    async fn with_store(test: impl AsyncFnOnce(&dyn ObjectStore)) {
        let database = format!("parsefleet_store_{:016x}", rand::random::<u64>());
        let store = MongoStore::connect(&mongodb_uri(&database).unwrap(), &serde_json::Map::new(), "").await.unwrap();
        test(&store).await;
        store.database().drop().await.unwrap();
    }

    parsefleet_testkit::store_suite!(super::with_store);
}
