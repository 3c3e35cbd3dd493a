//! Languages of readers: `de-AT` is looked for as `de-AT`, then as `de`, then as nothing.

/// Longest name of a language.
const MAX_LENGTH: usize = 35;

/// A language as it is looked for: in lower case, its parts separated by hyphens. It cannot be the path of anything else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Locale(String);

impl Locale {
    /// The language of this name; `None`, if it cannot be one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().replace('_', "-").to_ascii_lowercase();
        let is_part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let first = text.split('-').next().unwrap_or_default();
        let is_language = (2..=3).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_lowercase());
        (is_language && text.len() <= MAX_LENGTH && text.split('-').all(is_part)).then_some(Self(text))
    }

    /// From the whole name to its first part.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.0.as_str()), |name| name.rsplit_once('-').map(|(general, _)| general))
    }
}

impl std::borrow::Borrow<str> for Locale {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_languages() {
        let names = |text| Locale::parse(text).map(|locale| locale.names().collect::<Vec<_>>().join(" "));
        assert_eq!(names("de-AT").as_deref(), Some("de-at de"));
        assert_eq!(names("zh_Hant_TW").as_deref(), Some("zh-hant-tw zh-hant zh"));
        for text in ["", "d", "..", "../de", "de/../..", "de-", "-de", "de.txt", "12", &"de-".repeat(30), "dé"] {
            assert_eq!(Locale::parse(text), None, "{text}");
        }
    }
}
