//! `/hooks/triggers/…`: who is asked when something happens to objects. For the master key; what its read-only form may not, data
//! says.

use std::borrow::Cow;

use bytes::Bytes;
use parsefleet_proto::v1::Hook;
use serde_json::{Value as Json, json};

use super::{decode, is};
use crate::{app::App, body::Members, failure::Result, privilege::Caller, render::Reply, verb::Verb};

/// What is asked about which hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HookCall<'a> {
    List,
    Register,
    Get { class: Cow<'a, str>, trigger: Cow<'a, str> },
    Replace { class: Cow<'a, str>, trigger: Cow<'a, str> },
}

impl<'a> HookCall<'a> {
    /// What a path, without its slashes around, means; `None` if it is not about hooks.
    ///
    /// # Errors
    /// 400 for a name that is not well encoded.
    pub(crate) fn find(verb: &Verb, path: &'a str) -> Result<Option<Self>> {
        let mut segments = path.split('/');
        let is_ours = segments.next().is_some_and(|first| is(first, "hooks"))
            && segments.next().is_some_and(|second| is(second, "triggers"));
        if !is_ours {
            return Ok(None);
        }
        Ok(match (verb, segments.next(), segments.next(), segments.next()) {
            (Verb::Get, None, None, None) => Some(Self::List),
            (Verb::Post, None, None, None) => Some(Self::Register),
            (_, Some(""), ..) | (_, _, Some(""), _) => None,
            (Verb::Get, Some(class), Some(trigger), None) => {
                Some(Self::Get { class: decode(class)?, trigger: decode(trigger)? })
            }
            (Verb::Put, Some(class), Some(trigger), None) => {
                Some(Self::Replace { class: decode(class)?, trigger: decode(trigger)? })
            }
            _ => None,
        })
    }

    /// The class that is asked about.
    pub(crate) fn class(&self) -> Option<&str> {
        match self {
            Self::List | Self::Register => None,
            Self::Get { class, .. } | Self::Replace { class, .. } => Some(class),
        }
    }
}

pub(super) async fn run(app: &App, caller: &Caller, call: HookCall<'_>, body: Members) -> Result<Reply> {
    caller.master_reader()?;
    let hooks = &app.hooks;
    let context = caller.request_context();
    let hook = match call {
        HookCall::List => {
            let all: Json = hooks.list(context).await?.into_iter().map(shown).collect();
            return Ok(Reply::ok(Bytes::from(all.to_string())));
        }
        HookCall::Get { class, trigger } => hooks.get(context, (&class, &trigger)).await?.map(shown),
        HookCall::Register => hooks.register(context, body.into_bytes()).await?.map(shown_to_writer),
        HookCall::Replace { class, trigger } => {
            hooks.replace(context, (&class, &trigger), body.into_bytes()).await?.map(shown_to_writer)
        }
    };
    Ok(Reply::ok(Bytes::from(hook.unwrap_or_else(|| json!({})).to_string())))
}

/// A hook as whoever reads it is shown it,
fn shown(hook: Hook) -> Json {
    json!({ "className": hook.class_name, "triggerName": hook.trigger_name, "url": hook.url })
}

/// and as whoever wrote it is: in another order.
fn shown_to_writer(hook: Hook) -> Json {
    json!({ "className": hook.class_name, "url": hook.url, "triggerName": hook.trigger_name })
}
