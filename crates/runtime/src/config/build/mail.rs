//! `emailAdapter`: our own senders, and the options of the adapters that there are for Parse Server, as far as they are data.

mod community;
mod members;
mod own;

use serde_json::{Map, Value as Json};

use self::members::Members;
use super::Builder;
use crate::config::{Mail, MailProvider, MailTemplate};

/// What an adapter says of itself; the rest is ours.
struct Adapter {
    provider: MailProvider,
    from: String,
    reply_to: Option<String>,
    locale_field: Option<String>,
    verification: MailTemplate,
    password_reset: MailTemplate,
}

impl Adapter {
    /// An adapter with the built-in texts.
    fn new(provider: MailProvider, from: String) -> Self {
        Self {
            provider,
            from,
            reply_to: None,
            locale_field: None,
            verification: MailTemplate::default(),
            password_reset: MailTemplate::default(),
        }
    }
}

impl Builder<'_> {
    /// `None` if there is no adapter, or something is wrong with it.
    pub(super) fn mail(&mut self) -> Option<Mail> {
        let concurrency = self.settings.integer("mailConcurrency").and_then(|value| u16::try_from(value).ok());
        let Some(concurrency) = concurrency.filter(|value| (1..=1000).contains(value)) else {
            self.problem("mailConcurrency must be a number from 1 to 1000");
            return None;
        };
        let given = self.settings.value("emailAdapter")?;
        if matches!(&given, Json::Null | Json::Bool(false)) || given.as_str().is_some_and(str::is_empty) {
            return None;
        }
        match read(&given) {
            Ok(adapter) => Some(Mail {
                provider: adapter.provider,
                from: adapter.from,
                reply_to: adapter.reply_to,
                locale_field: adapter.locale_field,
                verification: adapter.verification,
                password_reset: adapter.password_reset,
                templates_dir: self.settings.text("mailTemplates").map(Into::into),
                concurrency,
            }),
            Err(problems) => {
                problems.into_iter().for_each(|problem| self.problem(problem));
                None
            }
        }
    }
}

/// The forms in which Parse Server takes an adapter: a name, or `module`, `class` or `adapter` with `options`.
fn read(given: &Json) -> Result<Adapter, Vec<String>> {
    let nothing = Map::new();
    let (module, options) = match given {
        Json::String(module) => (module.as_str(), &nothing),
        Json::Object(form) => {
            let module = ["module", "class", "adapter"].iter().find_map(|name| form.get(*name));
            let Some(Json::String(module)) = module else {
                return Err(vec![
                    "emailAdapter has no module: give {\"module\": \"smtp\", \"options\": {…}}".to_owned(),
                ]);
            };
            let options = match form.get("options") {
                None | Some(Json::Null) => &nothing,
                Some(Json::Object(options)) => options,
                Some(_) => return Err(vec!["emailAdapter.options must be an object".to_owned()]),
            };
            (module.as_str(), options)
        }
        _ => return Err(vec!["emailAdapter must be a name or an object".to_owned()]),
    };
    let mut members = Members::new("emailAdapter.options", options);
    let adapter = adapter(module, &mut members);
    let problems = members.finish();
    match adapter {
        Ok(Some(adapter)) if problems.is_empty() => Ok(adapter),
        Ok(_) => Err(problems),
        // Whether its options are right is of no interest then.
        Err(problem) => Err(vec![problem]),
    }
}

/// The adapter of this module; nothing, if problems were noted with its options.
fn adapter(module: &str, options: &mut Members<'_>) -> Result<Option<Adapter>, String> {
    match own::adapter(module, options).or_else(|| community::adapter(module, options)) {
        Some(adapter) => Ok(adapter),
        None => Err(format!(
            "emailAdapter names the module {module:?}, which is JavaScript that Parsefleet does not run; it sends by smtp, \
             mailgun, sendgrid, postmark, ses and mandrill, and knows the options of the usual adapters (docs/mail.md)"
        )),
    }
}
