//! Several operations as one, of which some write to the three classes.
//!
//! All are planned, data carries all out or none, all are finished. A request that is carried out once may be a repetition:
//! ids of new objects then follow from what the request is known by, so that planning it again takes what it made for its
//! own, and data answers what it answered before. A session is opened each time: no token is kept to be shown again.

use aws_lc_rs::digest;
use parsefleet_core::{ParseError, error::Result};
use parsefleet_proto::v1::{
    Once, Operation, OperationResult, TransactRequest, TransactResponse, operation::Operation as Kind,
};

use crate::{service::AuthService, writes::Plan};

/// What ids are made of.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl AuthService {
    /// Carries out operations in this order: all of them, or none.
    #[tracing::instrument(name = "auth.transact", skip_all)]
    pub(crate) async fn transact_operations(&self, request: TransactRequest) -> Result<TransactResponse> {
        let TransactRequest { operations, once } = request;
        let mut plans = Vec::with_capacity(operations.len());
        for (place, operation) in operations.into_iter().enumerate() {
            let Some(kind) = operation.operation else { continue };
            plans.push(self.plan(kind, once.as_ref(), place).await?);
        }
        let ending = plans.iter().filter_map(|plan| plan.finish.ends_sessions_of().map(str::to_owned)).collect();
        let service = self.clone();
        let outcome = self.to_the_end(async move { service.carry_out_all(plans, once).await }).await;
        self.end_sessions_in_doubt(outcome.as_ref().err(), ending);
        outcome
    }

    async fn plan(&self, kind: Kind, once: Option<&Once>, place: usize) -> Result<Plan> {
        match kind {
            Kind::Create(request) if is_ours(&request.class_name) => {
                let new_id = once.map(|once| id_of(once, place, self.config.objects.object_id_size));
                self.plan_create(request, new_id).await
            }
            Kind::Update(request) if is_ours(&request.class_name) => self.plan_update(request).await,
            Kind::Delete(request) if is_ours(&request.class_name) => self.plan_delete(request).await,
            other => Ok(Plan::pass(other)),
        }
    }

    async fn carry_out_all(&self, plans: Vec<Plan>, once: Option<Once>) -> Result<TransactResponse> {
        let mut operations = Vec::with_capacity(plans.len());
        let mut finishes = Vec::with_capacity(plans.len());
        for Plan { operation, finish } in plans {
            finishes.push((operation.is_some(), finish));
            operations.extend(operation.map(|kind| Operation { operation: Some(kind) }));
        }
        let asked = operations.clone();
        let results = match self.data.transact(TransactRequest { operations, once }).await {
            Ok(results) => results,
            Err(error) => {
                let sent = finishes.iter().filter(|(was_sent, _)| *was_sent);
                let told: Vec<ParseError> = sent.map(|(_, finish)| finish.refusal(error.clone())).collect();
                return Err(self.refusal(error, asked, told).await);
            }
        };
        let mut results = results.into_iter();
        let mut answers = Vec::with_capacity(finishes.len());
        // All of it has happened: that one cannot be finished leaves none of the others unfinished.
        for (was_sent, finish) in finishes {
            let result = if was_sent { results.next().unwrap_or_default() } else { OperationResult::default() };
            answers.push(finish.complete(self, result).await.map(OperationResult::from));
        }
        Ok(TransactResponse { results: answers.into_iter().collect::<Result<_>>()? })
    }

    /// The error of one of these operations, as that one tells it (`told`). Which one it was is found out only if they would
    /// tell it differently: nothing has happened, so that the first which fails the same way by itself is taken for it.
    async fn refusal(&self, error: ParseError, operations: Vec<Operation>, told: Vec<ParseError>) -> ParseError {
        let Some(first) = told.first() else { return error };
        if told.iter().all(|told| told == first) {
            return first.clone();
        }
        for (operation, told) in operations.into_iter().zip(told) {
            let Some(kind) = operation.operation else { continue };
            let outcome = match kind {
                Kind::Get(_) | Kind::Find(_) => self.data.carry_out(kind).await.map(drop),
                Kind::Create(_) | Kind::Update(_) | Kind::Delete(_) => self.data.check(kind).await,
            };
            if outcome.is_err_and(|refused| refused.code == error.code) {
                return told;
            }
        }
        error
    }
}

fn is_ours(class: &str) -> bool {
    matches!(class, "_User" | "_Session" | "_Role")
}

/// The id of what an operation of a request creates, the same however often the request is sent.
fn id_of(once: &Once, place: usize, size: usize) -> String {
    let mut hashed = digest::Context::new(&digest::SHA512);
    hashed.update(once.request_id.as_bytes());
    hashed.update(&[0]);
    hashed.update(&once.fingerprint);
    hashed.update(&place.to_be_bytes());
    let digest = hashed.finish();
    // Long ids repeat the digest: what is unique is so by its first characters.
    let bytes = digest.as_ref().iter().cycle().take(size.max(1));
    bytes.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_from_the_request() {
        let once = |id: &str| Once { request_id: id.to_owned(), fingerprint: vec![1].into(), ttl_seconds: 1 };
        assert_eq!(id_of(&once("a"), 0, 10), id_of(&once("a"), 0, 10));
        assert_ne!(id_of(&once("a"), 0, 10), id_of(&once("a"), 1, 10));
        assert_ne!(id_of(&once("a"), 0, 10), id_of(&once("b"), 0, 10));
        assert_eq!(id_of(&once("a"), 0, 100).len(), 100);
    }
}
