//! Texts by language, from a JSON file in the form that i18next reads: `{"de": {"translation": {"greeting": "Hallo"}}}`.

use parsefleet_mustache::{Escape, Template};
use parsefleet_runtime::config::Pages;
use serde_json::{Map, Value as Json};

use super::{PagesError, locale::Locale};

/// The texts; none without a file.
#[derive(Default)]
pub(super) struct Translations {
    by_locale: Map<String, Json>,
    fallback: String,
}

impl Translations {
    /// Reads the file, if there is one and it is to be used.
    pub(super) fn try_new(config: &Pages) -> Result<Self, PagesError> {
        let fallback = config.fallback_locale.clone();
        let Some(path) = &config.translations else { return Ok(Self { by_locale: Map::new(), fallback }) };
        let error = |problem: String| PagesError::Translations(path.clone(), problem);
        let text = std::fs::read(path).map_err(|problem| error(problem.to_string()))?;
        let by_locale: Map<String, Json> =
            serde_json::from_slice(&text).map_err(|problem| error(problem.to_string()))?;
        // Refused at once if they are not enabled: they could not be read later without a new start.
        Ok(Self { by_locale: if config.localize { by_locale } else { Map::new() }, fallback })
    }

    /// The texts for a locale, for its language, or for the fallback, with what they name filled in.
    pub(super) fn texts(&self, locale: Option<&Locale>, view: &Map<String, Json>) -> Map<String, Json> {
        let wanted = locale.map_or(self.fallback.as_str(), Locale::as_str);
        let language = wanted.split('-').next().unwrap_or(wanted);
        let found = [wanted, language, &self.fallback].into_iter().find_map(|name| self.by_locale.get(name));
        let translation = found.and_then(|entry| entry.get("translation")).and_then(Json::as_object);
        let view = Json::Object(view.clone());
        let texts = translation.into_iter().flatten();
        texts.map(|(name, text)| (name.clone(), filled(text, &view))).collect()
    }
}

/// A text with what it names; escaped here and, when it is put into a page, once more, as Parse Server does.
fn filled(text: &Json, view: &Json) -> Json {
    match text {
        Json::String(text) => {
            let rendered = Template::parse(text).ok().and_then(|template| template.render(view, Escape::Html).ok());
            Json::from(rendered.unwrap_or_else(|| text.clone()))
        }
        Json::Array(texts) => texts.iter().map(|text| filled(text, view)).collect(),
        Json::Object(texts) => {
            Json::Object(texts.iter().map(|(name, text)| (name.clone(), filled(text, view))).collect())
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => text.clone(),
    }
}
