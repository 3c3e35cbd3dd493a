//! The language that a reader wants.

/// A locale such as `en`, `de-AT` or `zh-Hans-CN`: letters, digits and hyphens, and so safe as the name of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Locale(String);

impl Locale {
    /// `None` if it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let language = parts.next()?;
        let is_language = (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_rest =
            |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_language && parts.all(is_rest)).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The first part.
    pub(crate) fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}
