//! What comes with a request for a page.

use http::HeaderMap;
use parsefleet_proto::v1::RequestContext;

use super::locale::Locale;
use crate::verb::Verb;

/// One request for a page.
pub(crate) struct Visit {
    query: Fields,
    form: Fields,
    pub(super) locale: Option<Locale>,
    pub(super) is_post: bool,
    /// Asked for without a wish for its content, as by programs that look where links lead.
    pub(super) is_head: bool,
    /// Asked for by a script, which wants JSON.
    pub(super) is_script: bool,
    /// What services are told.
    pub(super) context: RequestContext,
}

/// Names with values, as they were sent.
pub(crate) struct Fields(Vec<(String, String)>);

/// What of a field counts.
enum Given<'a> {
    Nothing,
    Once(&'a str),
    MoreThanOnce,
}

impl Visit {
    pub(crate) fn new(
        verb: &Verb,
        query: Option<&str>,
        form: Vec<(String, String)>,
        headers: &HeaderMap,
        context: RequestContext,
    ) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let query = Fields(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect());
        let form = Fields(form);
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let locale = match (query.find("locale"), form.find("locale")) {
            (Given::Nothing, Given::Nothing) => Locale::parse(header("x-parse-page-param-locale")),
            (Given::Once(locale), _) | (Given::Nothing, Given::Once(locale)) => Locale::parse(locale),
            (Given::MoreThanOnce, _) | (Given::Nothing, Given::MoreThanOnce) => None,
        };
        Self {
            query,
            form,
            locale,
            is_post: *verb == Verb::Post,
            is_head: *verb == Verb::Head,
            is_script: header("x-requested-with").eq_ignore_ascii_case("xmlhttprequest"),
            context,
        }
    }

    /// A value of the query, if it was given once and is not empty.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.single(name)
    }

    /// A value of the form, likewise.
    pub(super) fn form(&self, name: &str) -> Option<&str> {
        self.form.single(name)
    }
}

impl Fields {
    fn find(&self, name: &str) -> Given<'_> {
        let mut values = self.0.iter().filter(|(known, value)| known == name && !value.is_empty());
        match (values.next(), values.next()) {
            (None, _) => Given::Nothing,
            (Some((_, value)), None) => Given::Once(value),
            (Some(_), Some(_)) => Given::MoreThanOnce,
        }
    }

    fn single(&self, name: &str) -> Option<&str> {
        match self.find(name) {
            Given::Once(value) => Some(value),
            Given::Nothing | Given::MoreThanOnce => None,
        }
    }
}
