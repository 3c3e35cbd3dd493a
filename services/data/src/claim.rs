//! Requests that are carried out once, known by the ids that clients give them.
//!
//! A claim is one document of `_Idempotency`, whose index makes its id unique, in Parse Server's own form: either server
//! knows what the other one has seen. A request whose results are kept claims its id in the transaction that it is, and
//! leaves digest and results in the document; nobody sees a claim without its results.

use bson::{Binary, DateTime, RawDocumentBuf, raw::cstr, rawdoc, spec::BinarySubtype};
use bytes::Bytes;
use parsefleet_core::{
    ClassName, ClassSchema, ErrorCode, FieldPath, ParseError, Query, Update, Value,
    error::Result,
    query::{Column, Condition, Constraint, FieldCondition},
    update::Change,
};
use parsefleet_proto::v1::{ClaimRequest, Once, OperationResult, TransactResponse};
use prost::Message as _;

use crate::{
    caller::Caller,
    clock,
    error::parse_error,
    service::DataService,
    startup::claim_indexes,
    store::{FindOptions, StoreError},
    write::generate_id,
};

const CLASS: &str = "_Idempotency";
const ID: &str = "reqId";
const EXPIRE: &str = "expire";
const FINGERPRINT: &str = "fingerprint";
const REPLY: &str = "reply";

/// Whose an id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The caller's.
    New,
    /// Somebody else has it.
    Taken,
}

impl DataService {
    /// Claims the id of a request, in one operation.
    ///
    /// # Errors
    /// 159 if it is claimed.
    pub async fn claim_request(&self, request: &ClaimRequest) -> Result<()> {
        Caller::from_context(request.context.as_ref())?;
        self.prepare_claims().await?;
        let (id, ttl) = (&request.request_id, request.ttl_seconds);
        // One that is over may not have been removed yet.
        if self.insert_claim(id, ttl, None).await? == Claim::New
            || (self.remove_expired_claim(id).await? && self.insert_claim(id, ttl, None).await? == Claim::New)
        {
            return Ok(());
        }
        Err(duplicate())
    }

    /// The results that an earlier request of this id had; `None` if there was none.
    ///
    /// # Errors
    /// 159 if it was another request, or one whose results were not kept.
    pub(crate) async fn earlier_results(&self, once: &Once) -> Result<Option<Vec<OperationResult>>> {
        self.prepare_claims().await?;
        let (class, query) = (class()?, Query { conditions: vec![has_id(&once.request_id)?] });
        let options = FindOptions { read_preference: Some("PRIMARY".to_owned()), ..FindOptions::default() };
        let found = self.store.find(&class, &query, &options).await.map_err(parse_error)?;
        let Some(claim) = found.first() else { return Ok(None) };
        if self.remove_expired_claim(&once.request_id).await? {
            return Ok(None);
        }
        if claim.get_binary(FINGERPRINT).ok().map(|digest| digest.bytes) != Some(&once.fingerprint) {
            return Err(duplicate());
        }
        let reply = claim.get_binary(REPLY).map_err(|_| duplicate())?;
        let reply = TransactResponse::decode(Bytes::copy_from_slice(reply.bytes));
        let reply = reply.map_err(|error| parse_error(StoreError::Failed(format!("a kept reply is damaged: {error}"))));
        let results = reply?.results.into_iter();
        Ok(Some(results.map(|result| OperationResult { repeated: true, ..result }).collect()))
    }

    /// Claims an id as the first operation of a transaction.
    pub(crate) async fn begin_once(&self, once: &Once) -> Result<Claim> {
        self.insert_claim(&once.request_id, once.ttl_seconds, Some(&once.fingerprint)).await
    }

    /// Leaves the results with the claim, as the last operation of a transaction.
    pub(crate) async fn finish_once(&self, once: &Once, results: &[OperationResult]) -> Result<()> {
        let reply = TransactResponse { results: results.to_vec() }.encode_to_vec();
        let changes = vec![(path(REPLY)?, Change::Set(Value::Bytes(reply)))];
        let update = Update { changes, ..Update::default() };
        let query = Query { conditions: vec![has_id(&once.request_id)?] };
        let updated =
            self.store.update_one(&class()?, &query, &update, Some(clock::now())).await.map_err(parse_error)?;
        updated.map(drop).ok_or_else(|| parse_error(StoreError::Failed("a claim is gone".to_owned())))
    }

    /// Sees to it that an id can be claimed once only, before the first one is.
    async fn prepare_claims(&self) -> Result<()> {
        let prepare = || async {
            let class = class_name()?;
            self.store.prepare_class(&class).await.map_err(parse_error)?;
            for index in claim_indexes() {
                self.store.ensure_index(&class, &index).await.map_err(parse_error)?;
            }
            Ok(())
        };
        self.claims_ready.get_or_try_init(prepare).await.copied()
    }

    async fn insert_claim(&self, id: &str, ttl_seconds: u32, fingerprint: Option<&Bytes>) -> Result<Claim> {
        let document = self.claim_document(id, ttl_seconds, fingerprint);
        match self.store.insert(&class_name()?, document).await {
            Ok(()) => Ok(Claim::New),
            Err(StoreError::Duplicate { field }) if field.as_deref() == Some(ID) => Ok(Claim::Taken),
            Err(error) => Err(parse_error(error)),
        }
    }

    fn claim_document(&self, id: &str, ttl_seconds: u32, fingerprint: Option<&Bytes>) -> RawDocumentBuf {
        let now = clock::now().0;
        let expire = DateTime::from_millis(now.saturating_add(i64::from(ttl_seconds) * 1_000));
        let mut document = rawdoc! {
            "_id": generate_id(self.settings.object_id_size).as_str(),
            "reqId": id,
            "expire": expire,
            "_created_at": DateTime::from_millis(now),
            "_updated_at": DateTime::from_millis(now),
        };
        if let Some(digest) = fingerprint {
            let digest = Binary { subtype: BinarySubtype::Generic, bytes: digest.to_vec() };
            document.append(cstr!("fingerprint"), digest);
        }
        document
    }

    async fn remove_expired_claim(&self, id: &str) -> Result<bool> {
        let is_over = field(EXPIRE, Constraint::LessOrEqual(Value::Date(clock::now())))?;
        let query = Query { conditions: vec![has_id(id)?, is_over] };
        Ok(self.store.delete(&class()?, &query).await.map_err(parse_error)? > 0)
    }
}

fn class_name() -> Result<ClassName> {
    ClassName::new(CLASS).ok_or_else(|| unusable(CLASS))
}

fn class() -> Result<ClassSchema> {
    Ok(ClassSchema::new(class_name()?))
}

fn path(name: &str) -> Result<FieldPath> {
    FieldPath::new(name).ok_or_else(|| unusable(name))
}

fn has_id(id: &str) -> Result<Condition> {
    field(ID, Constraint::Equal(Value::String(id.to_owned())))
}

fn field(name: &str, constraint: Constraint) -> Result<Condition> {
    Ok(Condition::Field(FieldCondition { path: path(name)?, column: Column::Plain, constraints: vec![constraint] }))
}

fn unusable(name: &str) -> ParseError {
    parse_error(StoreError::Failed(format!("{name} cannot be named")))
}

fn duplicate() -> ParseError {
    ParseError::new(ErrorCode::DuplicateRequest, "Duplicate request")
}
