//! The transaction of the embedded store: a store that speaks to the writer in a conversation.

use std::sync::Arc;

use async_trait::async_trait;

use super::{SqliteStore, conversation::Conversation};
use crate::store::{ObjectStore, StoreError, Transaction};

/// A transaction in progress.
pub(super) struct SqliteTransaction {
    store: SqliteStore,
    conversation: Arc<Conversation>,
}

pub(super) async fn begin(store: &SqliteStore) -> Result<Box<dyn Transaction>, StoreError> {
    let conversation = Arc::new(store.writer.converse().await?);
    let store = SqliteStore { conversation: Some(Arc::clone(&conversation)), ..store.clone() };
    Ok(Box::new(SqliteTransaction { store, conversation }))
}

#[async_trait]
impl Transaction for SqliteTransaction {
    fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.store.clone())
    }

    /// There is one writer: nobody can come between.
    fn is_interrupted(&self) -> bool {
        false
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.conversation.commit().await
    }

    async fn abort(self: Box<Self>) {
        self.conversation.abort();
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        // After a commit nobody listens any more.
        self.conversation.abort();
    }
}
