//! Stand-ins for the services, and a gateway in front of them, for the tests of this crate.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod auth;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use parsefleet_cache::{Limits, LocalCache};
use parsefleet_core::{ErrorCode, ParseError};
use parsefleet_proto::{
    status_from_error,
    v1::{
        AggregateRequest, AggregateResponse, CheckRequest, CheckResponse, ClaimRequest, ClaimResponse, CreateRequest,
        CreateResponse, DeleteRequest, DeleteResponse, DistinctRequest, DistinctResponse, FindRequest, FindResponse,
        GetConfigRequest, GetConfigResponse, GetRequest, GetResponse, OperationResult, PingRequest, PingResponse,
        RequestContext, TransactRequest, TransactResponse, UpdateConfigRequest, UpdateConfigResponse, UpdateRequest,
        UpdateResponse,
        auth_server::AuthServer,
        data_server::{Data, DataServer},
    },
};
use parsefleet_runtime::{
    config::{Config, Launch, load},
    rpc::Channel,
};
use tonic::Status;

pub(crate) use self::auth::{AuthAsked, OneSession};
use crate::{Channels, Gateway};

/// What a service was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Get(GetRequest),
    Find(FindRequest),
    Create(CreateRequest),
    Update(UpdateRequest),
    Delete(DeleteRequest),
    Transact(TransactRequest),
    Aggregate(AggregateRequest),
    Distinct(DistinctRequest),
    Claim(ClaimRequest),
    /// Not data, but auth was asked.
    Auth(AuthAsked),
}

/// An empty database: finds find nothing, creates and updates succeed.
#[derive(Clone, Default)]
pub(crate) struct EmptyData {
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Whether it pretends not to be there, as far as pings are concerned.
    pub(crate) away: Arc<AtomicBool>,
}

/// A gateway and what stands behind it.
pub(crate) struct Setup {
    pub(crate) gateway: Gateway,
    pub(crate) data: EmptyData,
}

impl Setup {
    pub(crate) fn new(options: &[(&str, &str)]) -> Self {
        let data = EmptyData::default();
        let auth = OneSession { asked: Arc::clone(&data.asked), ..OneSession::default() };
        let channels = Channels {
            auth: Channel::local(AuthServer::new(auth)),
            auth_here: None,
            data: Channel::local(DataServer::new(data.clone())),
            data_here: None,
            schemas: Channel::local(DataServer::new(data.clone())),
            hooks: Channel::local(DataServer::new(data.clone())),
        };
        let cache = LocalCache::new(Limits { time_to_live: Duration::from_secs(60), capacity: 100 });
        let gateway = Gateway::try_new(Arc::new(config(options)), channels, Arc::new(cache)).unwrap();
        Self { gateway, data }
    }

    /// Sends a request of 127.0.0.1 in the form `VERB /path`.
    pub(crate) async fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
        let (verb, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(verb).uri(path).header("host", "parse.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4000))));
        let (parts, body) = self.gateway.respond(request).await.into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }

    /// Every request that data and auth saw since the last time, tokens apart.
    pub(crate) fn all_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.data.asked.lock().unwrap())
    }

    /// The only request that they saw since the last time.
    pub(crate) fn asked(&self) -> Asked {
        let mut asked = self.all_asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0)
    }

    /// What they were told about the sender of their only request.
    pub(crate) fn context(&self) -> RequestContext {
        let context = match self.asked() {
            Asked::Get(request) => request.context,
            Asked::Find(request) => request.context,
            Asked::Create(request) => request.context,
            Asked::Update(request) => request.context,
            Asked::Delete(request) => request.context,
            Asked::Claim(request) => request.context,
            Asked::Transact(request) => panic!("each operation has its own context: {request:?}"),
            Asked::Aggregate(request) => request.context,
            Asked::Distinct(request) => request.context,
            Asked::Auth(asked) => asked.context(),
        };
        context.unwrap()
    }
}

/// A configuration with the keys of the reference server; options are given by their variables.
pub(crate) fn config(options: &[(&str, &str)]) -> Config {
    let keys = [
        ("PARSE_SERVER_APPLICATION_ID", "test"),
        ("PARSE_SERVER_MASTER_KEY", "master"),
        ("PARSE_SERVER_MAINTENANCE_KEY", "maintenance"),
        ("PARSE_SERVER_READ_ONLY_MASTER_KEY", "readonly"),
    ];
    let environment = keys.iter().chain(options).map(|(name, value)| (name.to_string(), value.to_string()));
    match load(std::iter::empty(), environment) {
        Ok(Launch::Run(startup)) => startup.config,
        Ok(Launch::Print(text)) => panic!("{text}"),
        Err(problems) => panic!("{:?}", problems.0),
    }
}

impl EmptyData {
    /// Whether nothing was asked since the last time.
    pub(crate) fn is_unasked(&self) -> bool {
        self.asked.lock().unwrap().is_empty()
    }

    fn note(&self, asked: Asked) {
        self.asked.lock().unwrap().push(asked);
    }
}

#[tonic::async_trait]
impl Data for EmptyData {
    async fn get(&self, request: tonic::Request<GetRequest>) -> Result<tonic::Response<GetResponse>, Status> {
        let request = request.into_inner();
        let is_user = request.class_name == "_User";
        self.note(Asked::Get(request));
        if !is_user {
            return Err(status_from_error(&ParseError::object_not_found()));
        }
        Ok(tonic::Response::new(GetResponse { object: Bytes::from_static(b"{\"objectId\":\"user1\"}") }))
    }

    async fn find(&self, request: tonic::Request<FindRequest>) -> Result<tonic::Response<FindResponse>, Status> {
        let request = request.into_inner();
        if request.class_name == "Panic" {
            panic!("asked to");
        }
        if request.class_name == "Slow" {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        self.note(Asked::Find(request));
        Ok(tonic::Response::new(FindResponse { body: Bytes::from_static(b"{\"results\":[]}") }))
    }

    async fn aggregate(
        &self,
        request: tonic::Request<AggregateRequest>,
    ) -> Result<tonic::Response<AggregateResponse>, Status> {
        self.note(Asked::Aggregate(request.into_inner()));
        Ok(tonic::Response::new(AggregateResponse { body: Bytes::from_static(b"{\"results\":[]}") }))
    }

    async fn distinct(
        &self,
        request: tonic::Request<DistinctRequest>,
    ) -> Result<tonic::Response<DistinctResponse>, Status> {
        self.note(Asked::Distinct(request.into_inner()));
        Ok(tonic::Response::new(DistinctResponse { body: Bytes::from_static(b"{\"results\":[]}") }))
    }

    async fn create(&self, request: tonic::Request<CreateRequest>) -> Result<tonic::Response<CreateResponse>, Status> {
        let request = request.into_inner();
        let object_id = if request.class_name == "Odd" { "é/1" } else { "created001" }.to_owned();
        self.note(Asked::Create(request));
        let body = Bytes::from_static(b"{\"objectId\":\"created001\"}");
        Ok(tonic::Response::new(CreateResponse { object_id, body }))
    }

    async fn update(&self, request: tonic::Request<UpdateRequest>) -> Result<tonic::Response<UpdateResponse>, Status> {
        self.note(Asked::Update(request.into_inner()));
        Ok(tonic::Response::new(UpdateResponse { body: Bytes::from_static(b"{\"updatedAt\":\"now\"}") }))
    }

    async fn get_config(
        &self,
        _: tonic::Request<GetConfigRequest>,
    ) -> Result<tonic::Response<GetConfigResponse>, Status> {
        Ok(tonic::Response::new(GetConfigResponse { body: Bytes::from_static(b"{\"params\":{}}") }))
    }

    async fn update_config(
        &self,
        _: tonic::Request<UpdateConfigRequest>,
    ) -> Result<tonic::Response<UpdateConfigResponse>, Status> {
        Ok(tonic::Response::new(UpdateConfigResponse {}))
    }

    async fn ping(&self, _: tonic::Request<PingRequest>) -> Result<tonic::Response<PingResponse>, Status> {
        match self.away.load(Ordering::SeqCst) {
            false => Ok(tonic::Response::new(PingResponse {})),
            true => Err(Status::unavailable("away")),
        }
    }

    async fn delete(&self, request: tonic::Request<DeleteRequest>) -> Result<tonic::Response<DeleteResponse>, Status> {
        self.note(Asked::Delete(request.into_inner()));
        Ok(tonic::Response::new(DeleteResponse {}))
    }

    async fn check(&self, _: tonic::Request<CheckRequest>) -> Result<tonic::Response<CheckResponse>, Status> {
        Ok(tonic::Response::new(CheckResponse {}))
    }

    async fn transact(
        &self,
        request: tonic::Request<TransactRequest>,
    ) -> Result<tonic::Response<TransactResponse>, Status> {
        let request = request.into_inner();
        let body = Bytes::from_static(br#"{"done":true}"#);
        let results =
            request.operations.iter().map(|_| OperationResult { body: body.clone(), ..OperationResult::default() });
        let results = results.collect();
        self.note(Asked::Transact(request));
        Ok(tonic::Response::new(TransactResponse { results }))
    }

    async fn claim(&self, request: tonic::Request<ClaimRequest>) -> Result<tonic::Response<ClaimResponse>, Status> {
        let request = request.into_inner();
        if request.request_id == "taken" {
            return Err(status_from_error(&ParseError::new(ErrorCode::DuplicateRequest, "Duplicate request")));
        }
        self.note(Asked::Claim(request));
        Ok(tonic::Response::new(ClaimResponse {}))
    }
}
