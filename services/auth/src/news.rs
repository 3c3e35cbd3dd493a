//! News that make remembered answers wrong.

use async_trait::async_trait;

/// Whoever remembers something about sessions, users and roles. News are told after the write that makes them; telling
/// cannot fail, since the write is done.
#[async_trait]
pub trait News: Send + Sync + 'static {
    /// These tokens are no longer what they were: their sessions ended, or changed.
    async fn sessions_ended(&self, tokens: &[String]);

    /// Something about this user changed: whatever is remembered of it and of its sessions is to be forgotten.
    async fn user_changed(&self, user_id: &str);

    /// Who holds which role may have changed.
    async fn roles_changed(&self);

    /// Which state of the schema there is, as far as this process has heard: another number after each change.
    fn schema_generation(&self) -> u64 {
        0
    }
}
