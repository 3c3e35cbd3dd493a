//! Readiness: named checks that services register, answered by the admin server and the gRPC health service.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;

/// A check that takes longer than this has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type CheckFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Check = Arc<dyn Fn() -> CheckFuture + Send + Sync>;

/// The checks that say whether this process can do its work now. Clones share them.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Arc<Mutex<Vec<(&'static str, Check)>>>,
}

/// What one check said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// Name it was registered under.
    pub name: &'static str,
    /// The reason why not.
    pub result: Result<(), String>,
}

impl Readiness {
    /// Adds a check. It is asked at every probe and has to be quick; the error text is for operators.
    pub fn register<F, Fut>(&self, name: &'static str, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).push((name, check));
    }

    /// Asks all checks at once.
    pub async fn check(&self) -> Vec<CheckReport> {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        join_all(checks.into_iter().map(|(name, check)| async move {
            let result = tokio::time::timeout(CHECK_TIMEOUT, check())
                .await
                .unwrap_or_else(|_| Err(format!("no answer within {CHECK_TIMEOUT:?}")));
            CheckReport { name, result }
        }))
        .await
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        formatter.debug_list().entries(checks.iter().map(|(name, _)| name)).finish()
    }
}
