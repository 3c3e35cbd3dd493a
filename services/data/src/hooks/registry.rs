//! Requests about hooks themselves: what there is, adding, changing and removing them.

use parsefleet_core::{ErrorCode, ParseError, acl::is_truthy, error::Result};
use parsefleet_proto::v1::{
    self, GetHookRequest, ListHooksRequest, RegisterHookRequest, ReplaceHookRequest, RequestContext,
};
use serde_json::{Map as JsonMap, Value as Json};

use super::Moment;
use crate::{caller::Caller, error::parse_error, rows, service::DataService, store::Hook};

impl DataService {
    /// Every hook of a trigger.
    ///
    /// # Errors
    /// 119 unless a master key asks.
    pub async fn list_hooks(&self, request: &ListHooksRequest) -> Result<Vec<v1::Hook>> {
        check_reader(request.context.as_ref())?;
        let hooks = self.store.load_hooks().await.map_err(parse_error)?;
        Ok(hooks.into_iter().map(shown).collect())
    }

    /// One hook.
    ///
    /// # Errors
    /// 143 if it is not there, 119 unless a master key asks.
    pub async fn get_hook(&self, request: &GetHookRequest) -> Result<v1::Hook> {
        check_reader(request.context.as_ref())?;
        let (class_name, trigger_name) = (request.class_name.as_str(), request.trigger_name.as_str());
        self.stored_hook(class_name, trigger_name).await?.map(shown).ok_or_else(|| missing(class_name))
    }

    /// Adds a hook. It is asked from now on, whichever process serves a request.
    ///
    /// # Errors
    /// 143 for what is no hook, or is there already; 119 unless the master key asks.
    pub async fn register_hook(&self, request: &RegisterHookRequest) -> Result<v1::Hook> {
        check_writer(request.context.as_ref(), "create")?;
        let body = rows::object(&request.body)?;
        let text = |name: &str| body.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        let (Some(class_name), Some(trigger_name)) = (text("className"), text("triggerName")) else {
            return Err(invalid());
        };
        let hook = match declared(class_name, trigger_name, &body) {
            Ok(hook) => hook,
            // That there is one is told first.
            Err(_) if self.stored_hook(class_name, trigger_name).await?.is_some() => {
                return Err(taken(class_name, trigger_name));
            }
            Err(error) => return Err(error),
        };
        if !self.store.add_hook(&hook).await.map_err(parse_error)? {
            return Err(taken(class_name, trigger_name));
        }
        self.schema.changed().await?;
        Ok(shown(hook))
    }

    /// Gives a hook another address, or removes it.
    ///
    /// # Errors
    /// 143 for what is no hook, or is not there; 101 for one to be removed that is not there; 119 unless the master key asks.
    pub async fn replace_hook(&self, request: &ReplaceHookRequest) -> Result<Option<v1::Hook>> {
        check_writer(request.context.as_ref(), "modify")?;
        let (class_name, trigger_name) = (request.class_name.as_str(), request.trigger_name.as_str());
        let body = rows::object(&request.body)?;
        if body.get("__op").and_then(Json::as_str) == Some("Delete") {
            if !self.store.remove_hook(class_name, trigger_name).await.map_err(parse_error)? {
                return Err(ParseError::object_not_found());
            }
            self.schema.changed().await?;
            return Ok(None);
        }
        if !body.get("url").is_some_and(is_truthy) {
            return Err(invalid());
        }
        let hook = match declared(class_name, trigger_name, &body) {
            Ok(hook) => hook,
            // That there is none is told first.
            Err(_) if self.stored_hook(class_name, trigger_name).await?.is_none() => return Err(missing(class_name)),
            Err(error) => return Err(error),
        };
        if !self.store.change_hook(&hook).await.map_err(parse_error)? {
            return Err(missing(class_name));
        }
        self.schema.changed().await?;
        Ok(Some(shown(hook)))
    }

    async fn stored_hook(&self, class_name: &str, trigger_name: &str) -> Result<Option<Hook>> {
        let hooks = self.store.load_hooks().await.map_err(parse_error)?;
        Ok(hooks.into_iter().find(|hook| hook.is(class_name, trigger_name)))
    }
}

/// The hook that is asked for.
///
/// # Errors
/// 143 for one that cannot be.
fn declared(class_name: &str, trigger_name: &str, body: &JsonMap<String, Json>) -> Result<Hook> {
    let url = body.get("url").and_then(Json::as_str).filter(|url| is_address(url)).ok_or_else(invalid)?;
    let moment = Moment::from_name(trigger_name).ok_or_else(invalid)?;
    moment.check_class(class_name).map_err(|text| ParseError::new(ErrorCode::WebhookError, text))?;
    Ok(Hook { class_name: class_name.to_owned(), trigger_name: trigger_name.to_owned(), url: url.to_owned() })
}

/// Whether somebody can be asked there.
fn is_address(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn shown(hook: Hook) -> v1::Hook {
    let Hook { class_name, trigger_name, url } = hook;
    v1::Hook { class_name, trigger_name, url }
}

fn check_reader(context: Option<&RequestContext>) -> Result<()> {
    match Caller::from_context(context)? {
        Caller::Master | Caller::ReadOnlyMaster => Ok(()),
        Caller::Public | Caller::User(_) | Caller::Maintenance => Err(master_required()),
    }
}

/// Refuses everybody without the master key; `action` is what the read-only one cannot do.
fn check_writer(context: Option<&RequestContext>, action: &str) -> Result<()> {
    match Caller::from_context(context)? {
        Caller::Master => Ok(()),
        Caller::ReadOnlyMaster => Err(ParseError::sanitised(
            ErrorCode::OperationForbidden,
            format!("read-only masterKey isn't allowed to {action} a hook."),
        )),
        Caller::Public | Caller::User(_) | Caller::Maintenance => Err(master_required()),
    }
}

fn master_required() -> ParseError {
    ParseError::sanitised(ErrorCode::OperationForbidden, "unauthorized: master key is required")
}

fn invalid() -> ParseError {
    ParseError::new(ErrorCode::WebhookError, "invalid hook declaration")
}

fn missing(class_name: &str) -> ParseError {
    ParseError::new(ErrorCode::WebhookError, format!("class {class_name} does not exist"))
}

fn taken(class_name: &str, trigger_name: &str) -> ParseError {
    ParseError::new(ErrorCode::WebhookError, format!("class {class_name} already has trigger {trigger_name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_the_web() {
        for url in ["http://a", "https://a.example:8443/x?y=z", "HTTP://a/"] {
            assert!(is_address(url), "{url}");
        }
        for url in ["", "a", "a.example/x", "/x", "http://", "ftp://a", "file:///etc/passwd", "javascript:alert(1)"] {
            assert!(!is_address(url), "{url}");
        }
    }
}
