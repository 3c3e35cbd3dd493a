//! What a failed call means to a Parse client. The only place where gRPC codes become Parse codes.

use parsefleet_core::{ErrorCode, ParseError};
use tonic::{Code, Status};

/// The Parse error for a failed call: the one the service sent, or the nearest to a failure of the call itself.
///
/// | call | Parse |
/// | --- | --- |
/// | the service answered a Parse error | that one |
/// | no instance could be reached, or all are overloaded | 100 (connection failed) |
/// | the deadline is over, or the call was cancelled | 124 (timeout) |
/// | anything else | 1 (internal server error) |
pub fn parse_error(status: &Status) -> ParseError {
    if let Some(error) = parsefleet_proto::error_from_status(status) {
        return error;
    }
    match status.code() {
        Code::Unavailable => ParseError::new(ErrorCode::ConnectionFailed, "Service unavailable."),
        Code::ResourceExhausted => ParseError::new(ErrorCode::ConnectionFailed, "The service is overloaded."),
        Code::DeadlineExceeded | Code::Cancelled => ParseError::new(ErrorCode::Timeout, "The request timed out."),
        code => {
            tracing::error!(?code, message = status.message(), "call failed below Parse");
            internal()
        }
    }
}

/// The answer to whatever is not the client's fault.
pub(crate) fn internal() -> ParseError {
    ParseError::new(ErrorCode::InternalServerError, "Internal server error.")
}
