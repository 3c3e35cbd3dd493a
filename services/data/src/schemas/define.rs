//! Classes that the configuration defines: made and changed at the start, while everybody else waits.
//!
//! Every process of a fleet does this when it starts. One does it at a time, under a lock in the database, and whoever
//! comes later finds nothing left to do.

use std::{future::Future, time::Duration};

use parsefleet_core::{
    ClassName, ClassSchema, ErrorCode, ParseError,
    error::Result,
    name::SYSTEM_CLASSES,
    schema::{Definition, DefinitionRules, SchemaRequest, VOLATILE_CLASSES},
};
use parsefleet_runtime::config::DefinedClasses;

use crate::{
    error::parse_error,
    service::DataService,
    store::{Lock, StoreError},
};

/// Time after which a lock that is not renewed ends, and how often it is renewed.
const LOCKED_FOR: Duration = Duration::from_secs(60);
const RENEW_EVERY: Duration = Duration::from_secs(15);
/// Pause before another attempt, and attempts at what fails for other reasons than the database's absence.
const PAUSE: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 4;

impl DataService {
    /// Makes the defined classes what they are defined to be. Returns when they are, or when it is clear that some cannot
    /// be, which is told.
    pub(crate) async fn define_classes(&self, defined: &DefinedClasses) {
        let lock = Lock::new("schema");
        let mut attempts = 0;
        loop {
            match self.locked(&lock, self.carry_out_definitions(defined)).await {
                Ok(Some(())) => return,
                Ok(None) => tracing::debug!("another process sets the classes up"),
                Err(error) if error.code == ErrorCode::InternalServerError => {
                    tracing::warn!(%error, "the defined classes wait for the database");
                }
                Err(error) => {
                    attempts += 1;
                    if attempts == ATTEMPTS {
                        tracing::error!(%error, "the classes are not what the configuration defines");
                        return;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Does the work under the lock; `None` if another process has it.
    async fn locked(&self, lock: &Lock, work: impl Future<Output = Result<()>>) -> Result<Option<()>> {
        if !self.store.lock(lock, LOCKED_FOR).await.map_err(parse_error)? {
            return Ok(None);
        }
        let renew = async {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                if let Err(error) = self.store.lock(lock, LOCKED_FOR).await {
                    tracing::warn!(%error, "a lock could not be renewed");
                }
            }
        };
        let outcome = tokio::select! {
            outcome = work => outcome,
            () = renew => Ok(()),
        };
        if let Err(error) = self.store.unlock(lock).await {
            tracing::warn!(%error, "a lock could not be given back; it ends by itself");
        }
        outcome.map(Some)
    }

    async fn carry_out_definitions(&self, defined: &DefinedClasses) -> Result<()> {
        self.make_session_class().await?;
        let mut failure = None;
        for definition in &defined.definitions {
            if let Err(error) = self.define(definition, &defined.rules).await {
                tracing::warn!(parse.class = %definition.name, %error, "a class cannot become what it is defined to be");
                failure = Some(ParseError { message: format!("{}: {}", definition.name, error.message), ..error });
            }
        }
        self.close_undefined(defined).await?;
        failure.map_or(Ok(()), Err)
    }

    /// The class of sessions is there from the start, as it is where Parse Server defines classes.
    async fn make_session_class(&self) -> Result<()> {
        let Some(name) = ClassName::new("_Session") else { return Ok(()) };
        match self.store.create_class(&ClassSchema::new(name.clone())).await {
            // Its indexes were there before it.
            Ok(()) => self.store.note_indexes(&name).await.map_err(parse_error),
            Err(StoreError::SchemaConflict) => Ok(()),
            Err(error) => Err(parse_error(error)),
        }
    }

    async fn define(&self, definition: &Definition, rules: &DefinitionRules) -> Result<()> {
        let name = definition.name.as_str();
        let snapshot = self.schema.fresh().await?;
        let class = snapshot.stored_class(name);
        let plan = definition.plan(class.map(|class| &class.schema), rules);
        for warning in plan.warnings {
            tracing::warn!("{warning}");
        }
        let mut is_there = class.is_some();
        for request in plan.requests {
            if is_there {
                self.change_class(name, request).await?;
            } else {
                self.make_class(name, &request).await?;
                is_there = true;
            }
            tracing::info!(parse.class = name, "class brought in line with its definition");
        }
        Ok(())
    }

    /// Clients add fields to no class at all, and in strict mode classes that are not defined are told.
    async fn close_undefined(&self, defined: &DefinedClasses) -> Result<()> {
        let snapshot = self.schema.fresh().await?;
        let is_defined = |name: &str| defined.definitions.iter().any(|definition| definition.name.as_str() == name);
        for class in snapshot.stored_classes().filter(|class| !is_defined(class.schema.name.as_str())) {
            let name = class.schema.name.as_str();
            if defined.rules.strict && !SYSTEM_CLASSES.contains(&name) {
                tracing::warn!(parse.class = name, "a class is in the database, but not defined");
            }
            if let Some(request) = class.schema.closing().filter(|_| !VOLATILE_CLASSES.contains(&name)) {
                self.close(name, request).await?;
            }
        }
        Ok(())
    }

    async fn close(&self, name: &str, request: SchemaRequest) -> Result<()> {
        match self.change_class(name, request).await {
            Err(error) if error.code != ErrorCode::InternalServerError => {
                tracing::warn!(parse.class = name, %error, "a class that is not defined stays open for new fields");
                Ok(())
            }
            outcome => outcome.map(|_| ()),
        }
    }
}
