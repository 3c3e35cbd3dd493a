//! Escaping for HTML, of the characters that mustache.js escapes: more than the specification asks for, so that a value cannot leave
//! an attribute without quotes either.

use std::borrow::Cow;

/// The text such that HTML, in an element or an attribute, shows it as it is.
pub fn escape_html(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(|character| entity(character).is_some()) else {
        return Cow::Borrowed(text);
    };
    let (clean, rest) = text.split_at(first);
    let mut escaped = String::with_capacity(text.len() + 16);
    escaped.push_str(clean);
    for character in rest.chars() {
        match entity(character) {
            Some(entity) => escaped.push_str(entity),
            None => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

fn entity(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        '/' => Some("&#x2F;"),
        '`' => Some("&#x60;"),
        '=' => Some("&#x3D;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mustache_js_escapes_is_escaped() {
        let escaped = escape_html("é <a href='x'>\"1/2\" `b`=&</a>");
        assert_eq!(
            escaped,
            "é &lt;a href&#x3D;&#39;x&#39;&gt;&quot;1&#x2F;2&quot; &#x60;b&#x60;&#x3D;&amp;&lt;&#x2F;a&gt;"
        );
        assert!(matches!(escape_html("nothing to do, ü"), Cow::Borrowed(_)));
    }
}
