//! A collector that keeps the spans it is sent.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
};
use parsefleet_runtime::{
    Shutdown,
    rpc::{Routes, ServeOptions, serve},
};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

/// A span, as far as the tests look at it. Ids are hexadecimal.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// `service.name` of the process that sent it.
    pub(crate) service: String,
    pub(crate) name: String,
    /// 1 internal, 2 server, 3 client.
    pub(crate) kind: i32,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    /// Names and texts of its attributes.
    pub(crate) attributes: Vec<(String, String)>,
    /// All of it as it was sent, events, status and links included, and what is said of its process.
    pub(crate) all: String,
}

/// A running collector. Clones share what came in.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    /// Starts one; its address for OTLP over gRPC.
    pub(crate) async fn start() -> Result<(Self, String)> {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let routes = Routes::default().add(TraceServiceServer::new(collector.clone()));
        let shutdown = Shutdown::new(Duration::ZERO, Duration::ZERO);
        tokio::spawn(serve(listener, routes, ServeOptions::default(), shutdown));
        Ok((collector, url))
    }

    /// Every span of a trace so far.
    pub(crate) fn trace(&self, trace: &str) -> Vec<Span> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.iter().filter(|span| span.trace == trace).cloned().collect()
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in request.into_inner().resource_spans {
            let process = format!("{:?}", resource.resource);
            let attributes = resource.resource.map(|resource| texts(resource.attributes)).unwrap_or_default();
            let service = attributes.into_iter().find(|(name, _)| name == "service.name");
            let service = service.map(|(_, name)| name).unwrap_or_default();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                spans.push(Span {
                    all: format!("{process} {span:?}"),
                    service: service.clone(),
                    name: span.name,
                    kind: span.kind,
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    attributes: texts(span.attributes),
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn texts(attributes: Vec<KeyValue>) -> Vec<(String, String)> {
    let text = |attribute: KeyValue| {
        let value = match attribute.value.and_then(|value| value.value) {
            Some(Value::StringValue(text)) => text,
            other => format!("{other:?}"),
        };
        (attribute.key, value)
    };
    attributes.into_iter().map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
