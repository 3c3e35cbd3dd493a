//! Transactions: several operations of which all happen, or none.

use std::sync::Arc;

use async_trait::async_trait;

use super::{ObjectStore, StoreError};

/// A transaction that was begun. Dropped without an end, it is aborted.
///
/// What it shows is a store like any other, so that nobody who reads or writes has to know of it. Its reads see its own
/// writes; nobody else does until they are committed. Operations that come at the same time are carried out one after the
/// other. One that fails spoils the transaction: it can only be aborted.
///
/// Classes, fields and indexes are no part of it: they are made before it begins.
#[async_trait]
pub trait Transaction: Send + Sync {
    /// The store as the transaction sees it.
    fn store(&self) -> Arc<dyn ObjectStore>;

    /// Whether an operation failed for a reason that may be gone when everything is done again: somebody else changed the
    /// same document, or the database had to be searched for.
    fn is_interrupted(&self) -> bool;

    /// Makes everything visible and lasting.
    ///
    /// # Errors
    /// `Interrupted` if nothing happened and everything may be done again; any other if it cannot be done, or if it is not
    /// known whether it was.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;

    /// Undoes everything.
    async fn abort(self: Box<Self>);
}
