#![allow(clippy::unwrap_used)] // a panic is how a test fails

use bson::rawdoc;
use tokio::time::timeout;

use super::*;

/// A writer on a database in memory: what it does with failures does not depend on the disk.
fn writer() -> (Writer, Arc<ArcSwap<Catalog>>) {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(super::super::catalog::CATALOG_TABLES).unwrap();
    connection.execute_batch(super::super::catalog::NUMBERS_TABLE).unwrap();
    let catalog = Arc::new(ArcSwap::from_pointee(Catalog::load(&connection).unwrap()));
    (Writer::start(connection, catalog.clone()).unwrap(), catalog)
}

async fn put(writer: &Writer, class: &'static str, id: &str) -> Result<(), StoreError> {
    let document = rawdoc! { "_id": id };
    writer.run(move |session| write::insert(session, class, &document)).await
}

async fn count(writer: &Writer, class: &'static str) -> i64 {
    let work = move |session: &mut Session<'_>| {
        let Some(table) = session.table(class) else { return Ok(0) };
        let statement = format!("SELECT count(*) FROM {}", table.name);
        session.connection.query_row(&statement, [], |row| row.get(0)).map_err(failed)
    };
    writer.run(work).await.unwrap()
}

#[tokio::test]
async fn failed_work_leaves_nothing_behind_and_harms_nobody() {
    let (writer, catalog) = writer();
    put(&writer, "Thing", "a").await.unwrap();
    let failing = writer.run(|session| {
        session.atomically(|session| {
            write::insert(session, "Thing", &rawdoc! { "_id": "b" })?;
            write::insert(session, "Other", &rawdoc! { "_id": "b" })?;
            Err::<(), _>(StoreError::Refused("no".into()))
        })
    });
    let (failed, put) = tokio::join!(failing, put(&writer, "Thing", "c"));
    assert!(matches!(failed, Err(StoreError::Refused(_))), "{failed:?}");
    put.unwrap();
    assert_eq!(count(&writer, "Thing").await, 2);
    assert!(catalog.load().table("Other").is_none(), "a table that was rolled back is not published");
}

#[tokio::test]
async fn a_panic_undoes_its_group_says_so_and_the_next_one_works() {
    let (writer, catalog) = writer();
    put(&writer, "Thing", "a").await.unwrap();
    let panicking = writer.run(|session| -> Result<(), StoreError> {
        write::insert(session, "Other", &rawdoc! { "_id": "b" })?;
        panic!("on purpose");
    });
    assert!(matches!(panicking.await, Err(StoreError::Failed(_))));
    assert!(catalog.load().table("Other").is_none());
    put(&writer, "Other", "c").await.unwrap();
    assert_eq!((count(&writer, "Thing").await, count(&writer, "Other").await), (1, 1));
}

#[tokio::test]
async fn a_transaction_that_sqlite_gives_up_is_answered_as_failed() {
    let (writer, _) = writer();
    put(&writer, "Thing", "a").await.unwrap();
    // What a full disk does to a transaction.
    let broken = writer.run(|session| {
        write::insert(session, "Thing", &rawdoc! { "_id": "b" })?;
        session.connection.execute_batch("ROLLBACK").map_err(failed)
    });
    let broken = broken.await;
    assert!(matches!(broken, Err(StoreError::Failed(_))), "{broken:?}");
    put(&writer, "Thing", "c").await.unwrap();
    assert_eq!(count(&writer, "Thing").await, 2);
}

#[tokio::test]
async fn nobody_waits_for_a_conversation_that_comes_later() {
    let (writer, _) = writer();
    put(&writer, "Thing", "a").await.unwrap();
    // While the thread is busy, the two come into one group.
    let busy = writer.run(|_| {
        std::thread::sleep(Duration::from_millis(15));
        Ok(())
    });
    let put = timeout(Duration::from_secs(3), put(&writer, "Thing", "b"));
    let (busy, put, conversation) = tokio::join!(busy, put, writer.converse());
    busy.unwrap();
    put.expect("the write does not wait for the end of the conversation").unwrap();
    drop(conversation.unwrap());
}
