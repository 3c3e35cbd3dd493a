//! The gRPC edge of the service.

use std::time::{SystemTime, UNIX_EPOCH};

use parsefleet_core::{Date, error::Result};
use parsefleet_proto::{
    status_from_error,
    v1::{ResolveRequest, ResolveResponse, auth_server::Auth},
};
use parsefleet_runtime::rpc::Channel;
use tonic::{Request, Response, Status};

use crate::{objects::Objects, roles, session};

/// The service behind the generated server.
#[derive(Clone)]
pub(crate) struct AuthRpc {
    objects: Objects,
}

impl AuthRpc {
    /// A service that reads through this data service.
    pub(crate) fn new(data: Channel) -> Self {
        Self { objects: Objects::new(data) }
    }

    async fn resolve(&self, request: ResolveRequest) -> Result<ResolveResponse> {
        let context = request.context.unwrap_or_default();
        let session = session::resolve(&self.objects, &context, &request.session_token, now()).await?;
        let roles = roles::of_user(&self.objects, &context, &session.user_id).await?;
        Ok(ResolveResponse {
            user_id: session.user_id,
            roles,
            expires_at: session.expires_at.map(|date| date.0),
            session_id: session.id,
        })
    }
}

#[async_trait::async_trait]
impl Auth for AuthRpc {
    #[tracing::instrument(name = "auth.resolve", skip_all)]
    async fn resolve(&self, request: Request<ResolveRequest>) -> Result<Response<ResolveResponse>, Status> {
        self.resolve(request.into_inner()).await.map(Response::new).map_err(|error| status_from_error(&error))
    }
}

fn now() -> Date {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
