//! What a request wants to do with its path.

use http::Method;

/// A request's method after `_method` was applied; any text is possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Other(Box<str>),
}

impl Verb {
    pub(crate) fn of(method: &Method) -> Self {
        Self::parse(method.as_str())
    }

    /// Case matters, as in HTTP.
    pub(crate) fn parse(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            other => Self::Other(other.into()),
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Other(name) => name,
        }
    }

    /// Whether a response may be answered by "not modified".
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}
