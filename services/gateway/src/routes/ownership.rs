//! Which service decides about writes of which class: the one table of it.

use bytes::Bytes;
use parsefleet_core::ParseError;
use parsefleet_proto::v1::{CreateRequest, DeleteRequest, Once, UpdateRequest, operation::Operation as Kind};

use crate::{
    app::App,
    backend::{AuthBackend, DataBackend},
};

/// The service that owns a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Auth,
    Push,
    Data,
}

/// The owner of a class. Reads of every class go to data.
pub(crate) fn owner_of(class: &str) -> Owner {
    match class {
        "_User" | "_Session" | "_Role" => Owner::Auth,
        "_Installation" | "_PushStatus" | "_Audience" => Owner::Push,
        _ => Owner::Data,
    }
}

/// The service that takes writes of a class.
pub(super) enum Writes<'a> {
    Auth(&'a AuthBackend),
    Data(&'a DataBackend),
}

/// What a create has come to.
pub(super) struct Created {
    pub(super) object_id: String,
    pub(super) body: Bytes,
    /// It was there before: a user who has logged in.
    pub(super) existed: bool,
}

impl<'a> Writes<'a> {
    /// Push takes none yet: data answers what it may do for it.
    pub(super) fn of(app: &'a App, class: &str) -> Self {
        match owner_of(class) {
            Owner::Auth => Self::Auth(&app.auth),
            Owner::Push | Owner::Data => Self::Data(&app.data),
        }
    }

    pub(super) async fn create(&self, request: CreateRequest, once: Option<Once>) -> Result<Created, ParseError> {
        let Some(once) = once else {
            return Ok(match self {
                Self::Auth(auth) => {
                    let created = auth.create(request).await?;
                    Created { object_id: created.object_id, body: created.body, existed: created.existed }
                }
                Self::Data(data) => {
                    let created = data.create(request).await?;
                    Created { object_id: created.object_id, body: created.body, existed: false }
                }
            });
        };
        let result = match self {
            Self::Auth(auth) => auth.transact_once(Kind::Create(request), once).await?,
            Self::Data(data) => data.transact_once(Kind::Create(request), once).await?,
        };
        Ok(Created { object_id: result.object_id, body: result.body, existed: result.existed })
    }

    pub(super) async fn update(&self, request: UpdateRequest, once: Option<Once>) -> Result<Bytes, ParseError> {
        match (self, once) {
            (Self::Auth(auth), None) => auth.update(request).await,
            (Self::Data(data), None) => data.update(request).await,
            (Self::Auth(auth), Some(once)) => Ok(auth.transact_once(Kind::Update(request), once).await?.body),
            (Self::Data(data), Some(once)) => Ok(data.transact_once(Kind::Update(request), once).await?.body),
        }
    }

    pub(super) async fn delete(&self, request: DeleteRequest) -> Result<(), ParseError> {
        match self {
            Self::Auth(auth) => auth.delete(request).await,
            Self::Data(data) => data.delete(request).await,
        }
    }
}
