//! What other processes have to hear of, because they keep copies of it.

use async_trait::async_trait;

/// Tells other processes that what they remember is no longer true.
///
/// Called after the change is in the database. An implementation must not hold up the write that calls it: it queues or
/// gives up quickly. Nothing is lost for good if it does, every copy also has an age at which it is read again.
#[async_trait]
pub trait Invalidation: Send + Sync + 'static {
    /// Classes, fields or permissions have changed.
    async fn schema_changed(&self);

    /// The same, but whoever changed them relies on it: waits a moment until the others have heard.
    async fn schema_changed_everywhere(&self) {
        self.schema_changed().await;
    }

    /// Which state of the schema there is, as far as this process has heard: another number after each change. What was
    /// read under another number is out of date.
    fn schema_generation(&self) -> u64 {
        0
    }

    /// A role was made, changed or removed: what users may do through roles has to be found out again.
    async fn roles_changed(&self);

    /// Users or sessions were removed, all of a class at once: whatever is remembered of any session is to be forgotten.
    async fn sessions_removed(&self) {
        self.roles_changed().await;
    }
}

/// There is no other process.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInvalidation;

#[async_trait]
impl Invalidation for NoInvalidation {
    async fn schema_changed(&self) {}

    async fn roles_changed(&self) {}
}
