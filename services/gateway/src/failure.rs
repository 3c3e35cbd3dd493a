//! What a request may end in instead of a reply. Rendered only in `render`.

use std::borrow::Cow;

use http::StatusCode;
use parsefleet_core::ParseError;

/// Result of everything on a request's way.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A Parse error: `{"code", "error"}`.
    Parse(ParseError),
    /// An error below Parse: `{"error"}` with a status of its own.
    Http {
        /// Status of the response.
        status: u16,
        /// Text of `error`.
        message: Cow<'static, str>,
    },
    /// No known application id, or no client key: 403 without a content type.
    Unauthorized,
    /// The route is for the master key.
    MasterKeyRequired,
    /// No such route: Express' HTML page.
    NoRoute,
    /// Too much is going on: try again in a moment.
    Busy,
    /// The sender asks more often than it may. The status is 429, for a part of a batch 400.
    TooManyRequests {
        /// Status of the response.
        status: StatusCode,
        /// Text of `error`.
        message: String,
    },
}

impl Failure {
    pub(crate) fn http(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Http { status, message: message.into() }
    }

    /// A key was right, but it came from an address it is not accepted from.
    pub(crate) fn address_refused() -> Self {
        Self::http(403, "unauthorized")
    }

    pub(crate) fn too_large() -> Self {
        Self::http(413, "request entity too large")
    }
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}
