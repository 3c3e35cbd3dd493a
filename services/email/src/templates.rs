//! What mails say: Mustache templates, by kind of mail, part and language.
//!
//! A file in the folder of the operator goes before what the adapter's options name, and that before what is built in, for each
//! part by itself. The HTML that is built in goes with the text that is built in only: who writes a text of their own and no HTML
//! sends no HTML, rather than one that says something else.

mod load;
mod locale;

use std::collections::HashMap;

use parsefleet_mustache::{Escape, RenderError, Template};
use parsefleet_proto::v1::{MailJob, MailKind};
use parsefleet_runtime::config;
use serde_json::{Map, Value as Json};

use self::{
    load::{BuiltIn, Loader},
    locale::Locale,
};
use crate::mail::{Content, one_line};

const VERIFICATION: BuiltIn = BuiltIn {
    name: "verificationEmail",
    subject: include_str!("../templates/verificationEmail.subject.txt"),
    text: include_str!("../templates/verificationEmail.txt"),
    html: include_str!("../templates/verificationEmail.html"),
};
const PASSWORD_RESET: BuiltIn = BuiltIn {
    name: "passwordResetEmail",
    subject: include_str!("../templates/passwordResetEmail.subject.txt"),
    text: include_str!("../templates/passwordResetEmail.txt"),
    html: include_str!("../templates/passwordResetEmail.html"),
};

/// All templates.
pub(crate) struct Templates {
    verification: KindTemplates,
    password_reset: KindTemplates,
    locale_field: Option<String>,
}

/// The templates of one kind of mail.
struct KindTemplates {
    subject: Part,
    text: Part,
    html: Part,
    placeholders: Map<String, Json>,
    at_provider: Option<String>,
}

/// One part of a mail.
struct Part {
    /// The first that has a template for the reader counts.
    layers: Vec<Layer>,
    built_in: Option<Template>,
}

/// Templates from one place.
struct Layer {
    /// For readers of all other languages
    general: Option<Template>,
    by_locale: HashMap<Locale, Template>,
}

/// Why there is no mail for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WriteError {
    /// This version does not know that kind of mail, or it is not written from templates.
    #[error("no such kind of mail")]
    UnknownKind,
    /// The user is not what auth sends.
    #[error("the user is no object")]
    NoUser,
    /// A mail that was written by the app, and is none.
    #[error("there is no text, or an address that is none")]
    NotWritten,
    /// Nothing to read.
    #[error("{0}")]
    Render(#[from] RenderError),
}

impl Templates {
    /// Reads all templates.
    ///
    /// # Errors
    /// All that is wrong with them, a line each.
    pub(crate) fn load(config: &config::Mail) -> Result<Self, Vec<String>> {
        let mut loader = Loader::new(config.templates_dir.as_deref());
        let templates = Self {
            verification: loader.kind(&config.verification, &VERIFICATION),
            password_reset: loader.kind(&config.password_reset, &PASSWORD_RESET),
            locale_field: config.locale_field.clone(),
        };
        if loader.problems.is_empty() { Ok(templates) } else { Err(loader.problems) }
    }

    /// Writes the mail.
    pub(crate) fn write(&self, job: &MailJob) -> Result<Content, WriteError> {
        let kind = match job.kind() {
            MailKind::EmailVerification => &self.verification,
            MailKind::PasswordReset => &self.password_reset,
            MailKind::Unspecified | MailKind::Written => return Err(WriteError::UnknownKind),
        };
        let user = user(job)?;
        let of_user = |field: &str| user.get(field).and_then(Json::as_str);
        let locale = match (job.locale.as_str(), &self.locale_field) {
            ("", field) => of_user(field.as_deref().unwrap_or(LOCALE_FIELD)).and_then(Locale::parse),
            (locale, _) => Locale::parse(locale),
        };
        let values = kind.values(job, &user);
        kind.write(locale.as_ref(), values)
    }
}

/// The field of a user that names a language unless the options name another one.
const LOCALE_FIELD: &str = "locale";

impl KindTemplates {
    /// What the templates are filled with. No placeholder of the operator hides a value of the mail.
    fn values(&self, job: &MailJob, user: &Map<String, Json>) -> Json {
        let mut values = self.placeholders.clone();
        let of_user = |field: &str| user.get(field).filter(|value| value.is_string()).cloned();
        values.insert("link".to_owned(), job.link.clone().into());
        values.insert("appName".to_owned(), job.app_name.clone().into());
        values.insert("username".to_owned(), of_user("username").unwrap_or_default());
        values.insert("email".to_owned(), of_user("email").unwrap_or_else(|| job.recipient.clone().into()));
        values.insert("user".to_owned(), Json::Object(user.clone()));
        Json::Object(values)
    }

    fn write(&self, locale: Option<&Locale>, values: Json) -> Result<Content, WriteError> {
        let render = |template: Option<&Template>, escape| match template {
            Some(template) => template.render(&values, escape),
            None => Ok(String::new()),
        };
        let own_text = self.text.own(locale);
        let html = match (self.html.own(locale), own_text) {
            (Some(own), _) => Some(own),
            (None, Some(_)) => None,
            (None, None) => self.html.built_in.as_ref(),
        };
        let html = render(html, Escape::Html)?;
        let subject = self.subject.own(locale).or(self.subject.built_in.as_ref());
        Ok(Content {
            subject: one_line(&render(subject, Escape::None)?),
            text: Some(render(own_text.or(self.text.built_in.as_ref()), Escape::None)?),
            html: (!html.trim().is_empty()).then_some(html),
            at_provider: self.at_provider.clone().map(|template| (template, values)),
        })
    }
}

impl Part {
    /// The template that the operator gave for readers of this language.
    fn own(&self, locale: Option<&Locale>) -> Option<&Template> {
        self.layers.iter().find_map(|layer| layer.get(locale))
    }
}

impl Layer {
    fn get(&self, locale: Option<&Locale>) -> Option<&Template> {
        let names = locale.into_iter().flat_map(Locale::names);
        names.filter_map(|name| self.by_locale.get(name)).next().or(self.general.as_ref())
    }
}

fn user(job: &MailJob) -> Result<Map<String, Json>, WriteError> {
    if job.user.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(&job.user).map_err(|_| WriteError::NoUser)
}

#[cfg(test)]
mod tests;
