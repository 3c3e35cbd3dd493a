//! gRPC between the services: one channel type for a service in this process and one across the network.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use tower::{Service, util::BoxCloneSyncService};

/// Request and response bodies of gRPC calls.
pub type Body = tonic::body::Body;

/// A way to a service: clones share it. Generated clients take it as their transport.
#[derive(Clone)]
pub struct Channel {
    inner: BoxCloneSyncService<http::Request<Body>, http::Response<Body>, tower::BoxError>,
}

impl Channel {
    /// The way to a service in this process: no socket, no HTTP/2.
    pub fn local<S>(service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        use tower::ServiceExt as _;
        Self { inner: BoxCloneSyncService::new(service.map_err(|never| match never {})) }
    }
}

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = tower::BoxError;
    type Future = <BoxCloneSyncService<http::Request<Body>, http::Response<Body>, tower::BoxError> as Service<
        http::Request<Body>,
    >>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        self.inner.call(request)
    }
}
