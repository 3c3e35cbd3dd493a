#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn matches(pattern: &str, paths: &[&str]) -> Vec<bool> {
    let pattern = PathPattern::new(pattern).unwrap();
    paths.iter().map(|path| pattern.is_match(path)).collect()
}

#[test]
fn texts_match_whatever_their_case() {
    assert_eq!(
        matches("/classes/A", &["/classes/A", "/CLASSES/a/", "/classes/A//", "/classes/AB"]),
        [true, true, false, false]
    );
    assert_eq!(matches("/a.b", &["/a.b", "/axb"]), [true, false]);
    assert_eq!(matches("", &["", "/", "/a"]), [true, true, false]);
}

#[test]
fn a_parameter_is_one_segment() {
    assert_eq!(
        matches("/classes/:name", &["/classes/A", "/classes/A/", "/classes/A/b", "/classes/", "/classes"]),
        [true, true, false, false, false]
    );
    assert_eq!(matches("/:\"odd name\"x", &["/yx", "/y"]), [true, false]);
    assert_eq!(matches("/:a-:b", &["/x-y", "/x-y-z", "/x", "/x--"]), [true, true, false, true]);
}

#[test]
fn a_wildcard_is_everything() {
    assert_eq!(
        matches("/functions/*path", &["/functions/a", "/functions/a/b", "/functions/", "/functions"]),
        [true, true, false, false]
    );
    assert_eq!(matches("/*path/end", &["/a/b/end", "/end", "/a/end/end"]), [true, false, true]);
    assert_eq!(matches("/*path", &["/", "/a\nb"]), [false, true]);
}

#[test]
fn optional_parts_may_be_there_or_not() {
    assert_eq!(matches("/users{/:id}", &["/users", "/users/a", "/users/a/b"]), [true, true, false]);
    assert_eq!(matches("/a{/b{/c}}", &["/a", "/a/b", "/a/b/c", "/a/c"]), [true, true, true, false]);
    assert_eq!(matches("/functions/{*path}", &["/functions/", "/functions/a/b", "/functions"]), [true, true, false]);
    assert_eq!(PathPattern::new(&"{/a}".repeat(9)).unwrap_err(), InvalidPattern::TooManyCombinations);
}

#[test]
fn a_backslash_takes_the_meaning_away() {
    assert_eq!(matches(r"/a\:b\*", &["/a:b*", "/axb"]), [true, false]);
}

#[test]
fn what_is_no_pattern_is_told_with_its_place() {
    for (text, problem) in [
        ("/a(b)", InvalidPattern::Unexpected { character: '(', index: 2 }),
        ("/functions/*", InvalidPattern::MissingName(12)),
        ("/:", InvalidPattern::MissingName(2)),
        ("/{a", InvalidPattern::UnexpectedEnd(3)),
        ("/a}", InvalidPattern::Unexpected { character: '}', index: 2 }),
        ("/:\"a", InvalidPattern::UnterminatedQuote(2)),
        ("/:a:b", InvalidPattern::MissingText("b".to_owned())),
        ("/a\\", InvalidPattern::UnexpectedEnd(3)),
    ] {
        assert_eq!(PathPattern::new(text).unwrap_err(), problem, "{text}");
    }
}
