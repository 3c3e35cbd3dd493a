//! `/schemas/…` and `/purge/…`: classes themselves. For the master key; what its read-only form may not, data says.

use std::borrow::Cow;

use bytes::Bytes;

use super::{decode, is};
use crate::{app::App, body::Members, failure::Result, privilege::Caller, render::Reply, verb::Verb};

/// What is asked about which class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SchemaCall<'a> {
    List,
    Get { class: Cow<'a, str> },
    Create { class: Option<Cow<'a, str>> },
    Modify { class: Cow<'a, str> },
    Delete { class: Cow<'a, str> },
    Purge { class: Cow<'a, str> },
}

impl<'a> SchemaCall<'a> {
    /// What the parts of a path mean; `None` if it is not about schemas.
    ///
    /// # Errors
    /// 400 for a name that is not well encoded.
    pub(crate) fn find(verb: &Verb, first: &str, class: Option<&'a str>) -> Result<Option<Self>> {
        let purges = is(first, "purge");
        if !purges && !is(first, "schemas") {
            return Ok(None);
        }
        let Some(class) = class else {
            return Ok(match verb {
                Verb::Get if !purges => Some(Self::List),
                Verb::Post if !purges => Some(Self::Create { class: None }),
                _ => None,
            });
        };
        let is_known = match verb {
            Verb::Delete => true,
            Verb::Get | Verb::Post | Verb::Put => !purges,
            _ => false,
        };
        if class.is_empty() || !is_known {
            return Ok(None);
        }
        let class = decode(class)?;
        Ok(match verb {
            Verb::Get => Some(Self::Get { class }),
            Verb::Post => Some(Self::Create { class: Some(class) }),
            Verb::Put => Some(Self::Modify { class }),
            Verb::Delete if purges => Some(Self::Purge { class }),
            Verb::Delete => Some(Self::Delete { class }),
            _ => None,
        })
    }

    /// The class that is asked about.
    pub(crate) fn class(&self) -> Option<&str> {
        match self {
            Self::List => None,
            Self::Create { class } => class.as_deref(),
            Self::Get { class } | Self::Modify { class } | Self::Delete { class } | Self::Purge { class } => {
                Some(class)
            }
        }
    }
}

pub(super) async fn run(app: &App, caller: &Caller, call: SchemaCall<'_>, body: Members) -> Result<Reply> {
    caller.master_reader()?;
    let schemas = &app.schemas;
    let context = caller.request_context();
    let nothing = Bytes::from_static(b"{}");
    let body = match call {
        SchemaCall::List => schemas.list(context).await?,
        SchemaCall::Get { class } => schemas.get(context, &class).await?,
        SchemaCall::Create { class } => {
            schemas.create(context, class.as_deref().unwrap_or_default(), body.into_bytes()).await?
        }
        SchemaCall::Modify { class } => schemas.modify(context, &class, body.into_bytes()).await?,
        SchemaCall::Delete { class } => schemas.delete(context, &class).await.map(|()| nothing)?,
        SchemaCall::Purge { class } => schemas.purge(context, &class).await.map(|()| nothing)?,
    };
    Ok(Reply::ok(body))
}
