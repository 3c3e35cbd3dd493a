//! What is known of each RPC, read from the services' descriptors: whether it may be repeated, how its messages flow,
//! and its metrics.

use std::{collections::HashMap, sync::LazyLock};

use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto, method_options::IdempotencyLevel};
use tonic::Code;

use crate::telemetry::{Operation, OperationKind, Outcome};

/// One RPC.
#[derive(Debug)]
pub(super) struct Method {
    /// One request and one answer: both can be held, so that a call can be repeated.
    pub(super) unary: bool,
    /// The contract says `NO_SIDE_EFFECTS` or `IDEMPOTENT`.
    pub(super) repeatable: bool,
    /// Metrics of answering.
    pub(super) served: Operation,
    /// Metrics of calling.
    pub(super) called: Operation,
}

static METHODS: LazyLock<HashMap<&'static str, Method>> = LazyLock::new(read_descriptors);

/// Everything that the descriptors do not name: health, reflection, strangers.
static OTHER: Method = Method {
    unary: false,
    repeatable: false,
    served: Operation::new(OperationKind::RpcServer, "other"),
    called: Operation::new(OperationKind::RpcClient, "other"),
};

impl Method {
    /// The RPC behind a request path.
    pub(super) fn of(path: &str) -> &'static Self {
        METHODS.get(path).unwrap_or(&OTHER)
    }

    fn new(path: &'static str, descriptor: &MethodDescriptorProto) -> Self {
        let level = descriptor.options.as_ref().map(|options| options.idempotency_level());
        Self {
            unary: !descriptor.client_streaming() && !descriptor.server_streaming(),
            repeatable: matches!(level, Some(IdempotencyLevel::NoSideEffects | IdempotencyLevel::Idempotent)),
            served: Operation::new(OperationKind::RpcServer, path),
            called: Operation::new(OperationKind::RpcClient, path),
        }
    }
}

fn read_descriptors() -> HashMap<&'static str, Method> {
    let files = FileDescriptorSet::decode(parsefleet_proto::DESCRIPTORS).expect("the build wrote the descriptors");
    let mut methods = HashMap::new();
    for file in &files.file {
        for service in &file.service {
            for method in &service.method {
                // Leaked once per process and RPC: metric names live as long as the metrics.
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name()).leak();
                methods.insert(&*path, Method::new(path, method));
            }
        }
    }
    methods
}

/// How a call with this status counts.
pub(super) fn outcome(code: Code) -> Outcome {
    match code {
        Code::Ok => Outcome::Ok,
        Code::Cancelled => Outcome::Cancelled,
        Code::DeadlineExceeded => Outcome::Timeout,
        Code::Unavailable => Outcome::Unavailable,
        Code::ResourceExhausted => Outcome::Overloaded,
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unauthenticated => Outcome::ClientError,
        Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => Outcome::ServerError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_may_be_repeated_and_writes_may_not() {
        for (path, repeatable) in [
            ("/parsefleet.v1.Data/Get", true),
            ("/parsefleet.v1.Data/Find", true),
            ("/parsefleet.v1.Auth/Resolve", true),
            ("/parsefleet.v1.Data/Create", false),
            ("/parsefleet.v1.Data/Update", false),
            ("/parsefleet.v1.Data/Delete", false),
            ("/parsefleet.v1.Data/Transact", false),
        ] {
            let method = Method::of(path);
            assert!(method.unary, "{path}");
            assert_eq!(method.repeatable, repeatable, "{path}");
            assert_eq!(method.served.name(), path);
        }
        assert!(!Method::of("/grpc.health.v1.Health/Check").repeatable);
    }
}
