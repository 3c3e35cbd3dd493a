//! The pages that come with the program.

use std::sync::LazyLock;

/// In each page, the place of the style sheet that all share.
const STYLE_PLACE: &str = "/* page.css */";
const STYLE: &str = include_str!("files/page.css");

macro_rules! pages {
    ($($path:literal)*) => { [$(($path, include_str!(concat!("files/", $path)))),*] };
}

/// Path and content.
const PAGES: [(&str, &str); 16] = pages!(
    "password_reset.html"
    "password_reset_success.html"
    "password_reset_link_invalid.html"
    "email_verification_success.html"
    "email_verification_link_invalid.html"
    "email_verification_link_expired.html"
    "email_verification_send_success.html"
    "email_verification_send_fail.html"
    "de/password_reset.html"
    "de/password_reset_success.html"
    "de/password_reset_link_invalid.html"
    "de/email_verification_success.html"
    "de/email_verification_link_invalid.html"
    "de/email_verification_link_expired.html"
    "de/email_verification_send_success.html"
    "de/email_verification_send_fail.html"
);

static STYLED: LazyLock<Vec<(&'static str, String)>> =
    LazyLock::new(|| PAGES.iter().map(|(path, page)| (*path, page.replace(STYLE_PLACE, STYLE.trim_end()))).collect());

/// The page at this path. Austria reads the German ones.
pub(super) fn page(path: &str) -> Option<&'static str> {
    let german = path.strip_prefix("de-AT/").map(|file| format!("de/{file}"));
    let path = german.as_deref().unwrap_or(path);
    STYLED.iter().find(|(known, _)| *known == path).map(|(_, page)| page.as_str())
}

#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    STYLED.iter().map(|(path, page)| (*path, page.as_str()))
}
