//! Several operations as one: all of them happen, or none.
//!
//! The operations go through the same pipelines as any other, on a store that is a transaction. What they need of the
//! schema is made beforehand; what others have to be told waits until everything is in the database. When others got in
//! between, all of it is done again, as long as the request has time.
//!
//! A transaction runs in a task of its own. Whoever waits for it may give up at any moment, in the middle of an operation
//! too; the task completes the operation and then undoes everything, so that nothing stays locked.
//!
//! A request that is carried out once claims its id in the same transaction, and leaves its results there: either all of
//! it is in the database, or the request can be sent again as if it had never been.
//!
//! Triggers are asked in the midst of it, in every attempt; those that come after a write are told at the end, if there is
//! something to tell.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use parsefleet_core::{ClassName, ErrorCode, ParseError, error::Result, schema::TypedField};
use parsefleet_proto::v1::{Once, Operation, OperationResult, TransactRequest, operation::Operation as Kind};
use parsefleet_runtime::rpc::deadline;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::{
    claim::Claim,
    error::parse_error,
    invalidation::Invalidation,
    schema::{Class, Schema},
    service::DataService,
    store::{StoreError, Transaction},
    triggers::after::After,
};

/// Longest time for all attempts together, where the request has no deadline of its own.
const MOST_TIME: Duration = Duration::from_secs(120);
/// Most attempts: whoever is still interrupted then would be for ever.
const MOST_ATTEMPTS: u32 = 200;
/// First and longest pause before another attempt. Each is a random part of it, so that rivals part.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What the operations of one attempt leave behind for its end.
pub(crate) struct Scope {
    /// When the request is given up.
    pub(crate) until: Instant,
    /// What the schema lacks: it had it when the attempt began, or a trigger has made something else of a write.
    missed: Mutex<Vec<(ClassName, Vec<TypedField>)>>,
    roles_changed: AtomicBool,
    /// Nobody waits for the attempt any more.
    is_abandoned: AtomicBool,
    /// Classes that were written under, with what was written.
    kept: Mutex<Vec<(Arc<Class>, Vec<TypedField>)>>,
    /// Place of the operation at hand.
    operation: AtomicUsize,
    /// What triggers are to be told, each with the place of its operation.
    after: Mutex<Vec<(usize, After)>>,
}

/// Whoever waits for an attempt.
struct Waiting(Arc<Scope>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.is_abandoned.store(true, Ordering::Relaxed);
    }
}

/// How an attempt ended.
enum Attempt {
    Done(Vec<OperationResult>),
    /// Nothing happened; another attempt may do better. The error is for when there is none.
    Interrupted(StoreError),
}

impl DataService {
    /// Carries out operations in this order: all of them, or none.
    ///
    /// # Errors
    /// That of an operation, after which nothing has happened; 102 if the database has no transactions, 124 if others
    /// changed the same objects all the time.
    pub async fn transact(&self, request: &TransactRequest) -> Result<Vec<OperationResult>> {
        if request.operations.is_empty() {
            return Ok(Vec::new());
        }
        let request = Arc::new(request.clone());
        let until = deadline::current().unwrap_or_else(|| Instant::now() + MOST_TIME);
        let mut attempts = 0;
        loop {
            attempts += 1;
            // Whoever was interrupted takes turns with the others of this process: together they would go on to interrupt
            // each other.
            let turn = if attempts > 1 { self.turnstile.acquire().await.ok() } else { None };
            let error = match self.attempt(&request, until).await? {
                Attempt::Done(results) => return Ok(results),
                Attempt::Interrupted(error) => error,
            };
            let pause = pause_after(attempts);
            if attempts >= MOST_ATTEMPTS || Instant::now() + pause >= until {
                tracing::warn!(attempts, %error, "a transaction was given up");
                return Err(parse_error(error));
            }
            tracing::debug!(%error, "a transaction was interrupted");
            drop(turn);
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, request: &Arc<TransactRequest>, until: Instant) -> Result<Attempt> {
        if let Some(once) = &request.once
            && let Some(results) = self.earlier_results(once).await?
        {
            return Ok(Attempt::Done(results));
        }
        self.make_room(&request.operations).await?;
        let scope = Arc::new(Scope::new(until));
        let _waiting = Waiting(Arc::clone(&scope));
        let (service, request) = (self.clone(), Arc::clone(request));
        let inside = Arc::clone(&scope);
        let task = async move { service.carry_through(&request, inside).await };
        let outcome = self.tasks.spawn(task.in_current_span()).await;
        let outcome = outcome
            .unwrap_or_else(|error| Err(parse_error(StoreError::Failed(format!("a transaction broke off: {error}")))));
        // Made outside of the transaction, so that the next attempt finds it.
        for (class, types) in scope.take_missed() {
            self.make_up(&class, &types).await?;
        }
        outcome
    }

    /// One transaction from its beginning to its end, whatever becomes of the caller.
    async fn carry_through(&self, request: &TransactRequest, scope: Arc<Scope>) -> Result<Attempt> {
        let transaction = match self.store.begin().await {
            Ok(transaction) => transaction,
            Err(error @ StoreError::Unavailable(_)) => return Ok(Attempt::Interrupted(error)),
            Err(error) => return Err(parse_error(error)),
        };
        let inside = self.within(transaction.store(), Arc::clone(&scope));
        let results = match inside.carry_out_once(request).await {
            Ok(Some(results)) => results,
            Ok(None) => {
                transaction.abort().await;
                return Ok(Attempt::Interrupted(StoreError::Interrupted("the request was sent twice".to_owned())));
            }
            Err(error) => return scope.give_up(transaction, error).await,
        };
        if scope.is_abandoned() {
            transaction.abort().await;
            return Err(abandoned());
        }
        match transaction.commit().await {
            Ok(()) => {
                scope.keep(&self.schema).await;
                scope.announce(self.invalidation.as_ref()).await;
                Ok(Attempt::Done(self.tell_all(scope.take_after(), request.once.as_ref(), results).await))
            }
            Err(error @ StoreError::Interrupted(_)) => Ok(Attempt::Interrupted(error)),
            Err(error) => Err(parse_error(error)),
        }
    }

    /// The results, which are stored with the request's id if it is carried out once; `None` if somebody else has claimed
    /// the id meanwhile.
    async fn carry_out_once(&self, request: &TransactRequest) -> Result<Option<Vec<OperationResult>>> {
        let Some(once) = &request.once else { return self.carry_out(&request.operations).await.map(Some) };
        if self.begin_once(once).await? == Claim::Taken {
            return Ok(None);
        }
        let results = self.carry_out(&request.operations).await?;
        self.finish_once(once, &results).await?;
        Ok(Some(results))
    }

    /// Tells triggers what has happened. What they answer in the place of a result is also what a repetition is given.
    async fn tell_all(
        &self,
        after: Vec<(usize, After)>,
        once: Option<&Once>,
        mut results: Vec<OperationResult>,
    ) -> Vec<OperationResult> {
        let mut is_changed = false;
        for (place, after) in after {
            match (after.tell(self).await, results.get_mut(place)) {
                (Ok(Some(answer)), Some(result)) => {
                    result.body = answer.to_string().into();
                    is_changed = true;
                }
                (Ok(_), _) => {}
                // All of it has happened: that is the answer.
                (Err(_), _) => tracing::warn!("a trigger failed after a transaction"),
            }
        }
        if is_changed
            && let Some(once) = once
            && let Err(error) = self.finish_once(once, &results).await
        {
            tracing::warn!(%error, "the results of triggers could not be kept for a repetition");
        }
        results
    }

    async fn carry_out(&self, operations: &[Operation]) -> Result<Vec<OperationResult>> {
        let mut results = Vec::with_capacity(operations.len());
        for operation in operations {
            if let Some(scope) = &self.scope {
                if scope.is_abandoned() {
                    return Err(abandoned());
                }
                scope.operation.store(results.len(), Ordering::Relaxed);
            }
            let result = |body| OperationResult { body, ..OperationResult::default() };
            results.push(match &operation.operation {
                Some(Kind::Get(request)) => result(self.get_object(request).await?),
                Some(Kind::Find(request)) => result(self.find_objects(request).await?),
                Some(Kind::Create(request)) => {
                    let created = self.create_object(request).await?;
                    let object_id = created.id.as_str().to_owned();
                    OperationResult { object_id, body: created.body, ..OperationResult::default() }
                }
                Some(Kind::Update(request)) => result(self.update_object(request).await?),
                Some(Kind::Delete(request)) => {
                    self.delete_object(request).await?;
                    result(Bytes::new())
                }
                None => return Err(parse_error(StoreError::Failed("an operation without a kind".to_owned()))),
            });
        }
        Ok(results)
    }
}

impl Scope {
    fn new(until: Instant) -> Self {
        Self {
            until,
            missed: Mutex::default(),
            roles_changed: AtomicBool::default(),
            is_abandoned: AtomicBool::default(),
            kept: Mutex::default(),
            operation: AtomicUsize::default(),
            after: Mutex::default(),
        }
    }

    /// Notes what the schema lacks for a write that has been permitted. Nobody reads the error: the attempt is over.
    pub(crate) fn miss_schema(&self, class: &ClassName, written: &[TypedField]) -> ParseError {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        missed.push((class.clone(), written.to_vec()));
        ParseError::new(ErrorCode::InternalServerError, "Database error")
    }

    fn misses_schema(&self) -> bool {
        !self.missed.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn take_missed(&self) -> Vec<(ClassName, Vec<TypedField>)> {
        std::mem::take(&mut *self.missed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes what a trigger is to be told of the operation at hand.
    pub(crate) fn tell_later(&self, after: After) {
        let mut noted = self.after.lock().unwrap_or_else(PoisonError::into_inner);
        noted.push((self.operation.load(Ordering::Relaxed), after));
    }

    fn take_after(&self) -> Vec<(usize, After)> {
        std::mem::take(&mut *self.after.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes under which class something was written, until it can be seen by all.
    pub(crate) fn keep_later(&self, class: &Arc<Class>, written: &[TypedField]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((Arc::clone(class), written.to_vec()));
    }

    /// Sees to it that the schema still has what was written: it is no part of the transaction.
    async fn keep(&self, schema: &Arc<Schema>) {
        let kept = std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        for (class, written) in kept {
            schema.keep(&class, &written).await;
        }
    }

    fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Relaxed)
    }

    async fn give_up(&self, transaction: Box<dyn Transaction>, error: ParseError) -> Result<Attempt> {
        let is_interrupted = transaction.is_interrupted();
        transaction.abort().await;
        if is_interrupted {
            return Ok(Attempt::Interrupted(StoreError::Interrupted(error.message)));
        }
        if self.misses_schema() {
            return Ok(Attempt::Interrupted(StoreError::SchemaConflict));
        }
        Err(error)
    }

    /// Tells what had to wait.
    async fn announce(&self, invalidation: &dyn Invalidation) {
        if self.roles_changed.load(Ordering::Relaxed) {
            invalidation.roles_changed().await;
        }
    }
}

/// Inside a transaction news are only noted.
#[async_trait]
impl Invalidation for Scope {
    /// The schema is no part of transactions: whoever changes it says so himself.
    async fn schema_changed(&self) {}

    async fn roles_changed(&self) {
        self.roles_changed.store(true, Ordering::Relaxed);
    }
}

/// Nobody reads it.
fn abandoned() -> ParseError {
    parse_error(StoreError::Unavailable("nobody waits for the transaction any more".to_owned()))
}

/// The pause after so many attempts, as MongoDB's drivers make it.
fn pause_after(attempts: u32) -> Duration {
    let growth = 1.5_f64.powi(i32::try_from(attempts).unwrap_or(i32::MAX));
    let longest = FIRST_PAUSE.as_secs_f64() * growth;
    Duration::from_secs_f64(longest.min(LONGEST_PAUSE.as_secs_f64()) * rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit() {
        assert!((0..100).all(|_| pause_after(1) <= Duration::from_micros(7_500)));
        assert!((0..100).all(|_| pause_after(1_000) <= LONGEST_PAUSE));
        assert!((0..100).any(|_| pause_after(20) > Duration::from_millis(50)));
    }
}
