//! Users in memory, by way of the contract that the data service has: as much of it as identities use.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_proto::{
    status_from_error,
    v1::{
        ChangeRowRequest, ChangeRowResponse, FindRowsRequest, FindRowsResponse, InsertRowRequest, InsertRowResponse,
        Privilege, RemoveRowsRequest, RemoveRowsResponse, RequestContext,
        rows_server::{Rows as RowsService, RowsServer},
    },
};
use parsefleet_runtime::rpc::Channel;
use serde_json::{Map, Value as Json, json};
use tonic::{Request, Response, Status};

use crate::{
    providers::{Accepted, Arrival, AuthData, Identities, Providers},
    rows::Rows,
};

/// Rows of `_User`.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Json>>>);

/// Providers, and users who have identities of them.
pub(super) struct Town {
    pub(super) providers: Providers,
    memory: Memory,
    rows: Rows,
}

impl Town {
    pub(super) fn new(providers: Providers, users: &[Json]) -> Self {
        let memory = Memory(Arc::new(Mutex::new(users.to_vec())));
        let rows = Rows::new(Channel::local(RowsServer::new(memory.clone())));
        Self { providers, memory, rows }
    }

    /// `authData` of a user.
    pub(super) fn auth_data(&self, id: &str) -> Json {
        self.row(id)["authData"].clone()
    }

    pub(super) fn row(&self, id: &str) -> Json {
        let rows = self.memory.0.lock().unwrap();
        rows.iter().find(|row| row["objectId"] == id).cloned().unwrap_or_default()
    }

    fn identities<'a>(&'a self, context: &'a RequestContext) -> Identities<'a> {
        Identities { providers: &self.providers, rows: &self.rows, context }
    }

    /// Somebody comes with nothing but `authData`; who was there before is let in. What the user is, and what is stored of it.
    pub(super) async fn arrive(&self, asker: &str, sent: Json) -> Result<Json, (i32, String)> {
        let context = context(asker);
        let sent = AuthData::parse(&sent).map_err(super::refusal)?;
        let identities = self.identities(&context);
        match identities.arrive(sent).await.map_err(super::refusal)? {
            Arrival::New(accepted) => {
                let id = self.insert(&accepted).map_err(super::refusal)?;
                Ok(json!({ "new": id, "response": accepted.response }))
            }
            Arrival::Known(known) => {
                let id = known.row["objectId"].as_str().unwrap().to_owned();
                identities.store(&id, &known.accepted).await.map_err(super::refusal)?;
                let response = known.accepted.response.clone();
                Ok(json!({ "known": id, "response": response, "shown": known.shown, "wasIn": known.was_in }))
            }
        }
    }

    /// A user is updated.
    pub(super) async fn link(&self, asker: &str, id: &str, sent: Json) -> Result<Json, (i32, String)> {
        let context = context(asker);
        let sent = AuthData::parse(&sent).map_err(super::refusal)?;
        let identities = self.identities(&context);
        let accepted = identities.link(id, sent).await.map_err(super::refusal)?;
        identities.store(id, &accepted).await.map_err(super::refusal)?;
        Ok(json!(accepted.response))
    }

    /// A user logs in with a password that is right.
    pub(super) async fn log_in(&self, asker: &str, id: &str, sent: Option<Json>) -> Result<Json, (i32, String)> {
        let context = context(asker);
        let sent = sent.map(|sent| AuthData::parse(&sent)).transpose().map_err(super::refusal)?;
        let identities = self.identities(&context);
        let row = self.row(id).as_object().unwrap().clone();
        let accepted = identities.accompany(&row, sent).await.map_err(super::refusal)?;
        identities.store(id, &accepted).await.map_err(super::refusal)?;
        Ok(json!(accepted.response))
    }

    pub(super) async fn challenge(&self, body: Json) -> Result<Json, (i32, String)> {
        let context = context("");
        let body = crate::providers::ChallengeBody(body.as_object().unwrap().clone());
        let knows_user = body.names_user().map_err(super::refusal)?;
        let answers = self.identities(&context).challenge(&body, knows_user).await;
        answers.map(Json::Object).map_err(super::refusal)
    }

    /// Stores a new user, as unique indexes allow.
    fn insert(&self, accepted: &Accepted) -> Result<String, ParseError> {
        let mut rows = self.memory.0.lock().unwrap();
        let id = format!("new{}", rows.len());
        let row = json!({ "objectId": id, "authData": accepted.slices });
        check_unique(&rows, &row)?;
        rows.push(row);
        Ok(id)
    }
}

/// Who asks: nobody, the master key, or a user by id.
fn context(asker: &str) -> RequestContext {
    let (privilege, user) = match asker {
        "" => (Privilege::Public, ""),
        "master" => (Privilege::Master, ""),
        user => (Privilege::User, user),
    };
    RequestContext { privilege: privilege.into(), user_id: user.to_owned(), ..RequestContext::default() }
}

fn check_unique(rows: &[Json], new: &Json) -> Result<(), ParseError> {
    let slices = |row: &Json| row["authData"].as_object().cloned().unwrap_or_default();
    for (provider, slice) in slices(new) {
        let taken = rows.iter().any(|row| {
            row["objectId"] != new["objectId"]
                && slice.get("id").is_some()
                && row["authData"][&provider]["id"] == slice["id"]
        });
        if taken {
            return Err(ParseError::new(ErrorCode::AccountAlreadyLinked, "this auth is already used"));
        }
    }
    Ok(())
}

fn matches(row: &Json, filter: &Map<String, Json>) -> bool {
    filter.iter().all(|(path, expected)| match path.as_str() {
        "$or" => expected.as_array().unwrap().iter().any(|one| matches(row, one.as_object().unwrap())),
        "$and" => expected.as_array().unwrap().iter().all(|one| matches(row, one.as_object().unwrap())),
        path => path.split('.').try_fold(row, |value, name| value.get(name)) == Some(expected),
    })
}

fn object(bytes: &[u8]) -> Map<String, Json> {
    serde_json::from_slice(bytes).unwrap()
}

#[async_trait]
impl RowsService for Memory {
    async fn find(&self, request: Request<FindRowsRequest>) -> Result<Response<FindRowsResponse>, Status> {
        let request = request.into_inner();
        let filter = object(&request.r#where);
        let rows = self.0.lock().unwrap();
        let found = rows.iter().filter(|row| matches(row, &filter)).take(request.limit as usize);
        let rows = found.map(|row| Bytes::from(row.to_string())).collect();
        Ok(Response::new(FindRowsResponse { rows }))
    }

    async fn change(&self, request: Request<ChangeRowRequest>) -> Result<Response<ChangeRowResponse>, Status> {
        let request = request.into_inner();
        let (filter, changes) = (object(&request.r#where), object(&request.changes));
        let mut rows = self.0.lock().unwrap();
        let Some(place) = rows.iter().position(|row| matches(row, &filter)) else {
            return Ok(Response::new(ChangeRowResponse { row: None }));
        };
        let mut changed = rows[place].clone();
        for (provider, slice) in changes["authData"].as_object().unwrap() {
            match slice {
                Json::Null => changed["authData"].as_object_mut().unwrap().shift_remove(provider),
                slice => changed["authData"].as_object_mut().unwrap().insert(provider.clone(), slice.clone()),
            };
        }
        check_unique(&rows, &changed).map_err(|error| status_from_error(&error))?;
        rows[place] = changed.clone();
        Ok(Response::new(ChangeRowResponse { row: Some(Bytes::from(changed.to_string())) }))
    }

    async fn insert(&self, _: Request<InsertRowRequest>) -> Result<Response<InsertRowResponse>, Status> {
        Err(Status::unimplemented("identities insert no rows"))
    }

    async fn remove(&self, _: Request<RemoveRowsRequest>) -> Result<Response<RemoveRowsResponse>, Status> {
        Err(Status::unimplemented("identities remove no rows"))
    }
}
