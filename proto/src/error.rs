//! Parse errors on their way through gRPC: a status whose details hold the client's code and text.

use bytes::Bytes;
use parsefleet_core::{
    ErrorCode, ParseError,
    error::{Disclosure, Speaker, Wording},
};
use prost::Message;
use tonic::{Code, Status};

use crate::v1::ErrorDetail;

/// The gRPC form of an error. The gRPC code is a coarse hint for tools; the detail is the truth.
pub fn status_from_error(error: &ParseError) -> Status {
    let detail = ErrorDetail {
        code: error.code as i32,
        message: error.message.clone(),
        sanitised: error.disclosure == Disclosure::Sanitised,
        json: error.wording == Wording::Json,
        by_app: error.speaker == Speaker::App,
    };
    let code = match error.code {
        ErrorCode::InternalServerError => Code::Internal,
        ErrorCode::ObjectNotFound => Code::NotFound,
        ErrorCode::OperationForbidden => Code::PermissionDenied,
        ErrorCode::InvalidSessionToken => Code::Unauthenticated,
        ErrorCode::DuplicateValue | ErrorCode::DuplicateRequest => Code::AlreadyExists,
        _ => Code::InvalidArgument,
    };
    Status::with_details(code, "parse error", Bytes::from(detail.encode_to_vec()))
}

/// The Parse error in a status, `None` if the call failed for a reason below Parse (no connection, deadline, …).
pub fn error_from_status(status: &Status) -> Option<ParseError> {
    if status.details().is_empty() {
        return None;
    }
    let detail = ErrorDetail::decode(status.details()).ok()?;
    Some(ParseError {
        code: ErrorCode::from_number(detail.code)?,
        message: detail.message,
        disclosure: if detail.sanitised { Disclosure::Sanitised } else { Disclosure::Public },
        wording: if detail.json { Wording::Json } else { Wording::Text },
        speaker: if detail.by_app { Speaker::App } else { Speaker::Server },
    })
}
