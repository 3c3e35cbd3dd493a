#![expect(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

use super::*;

fn pattern(source: &str, options: &str) -> Pattern {
    Pattern { source: source.to_owned(), options: options.to_owned() }
}

fn matches(source: &str, options: &str, text: &str) -> bool {
    pattern(source, options).compile().unwrap().is_match(text).unwrap()
}

#[test]
fn quoted_text_is_literal() {
    assert!(matches(r"^\Qa.b[\E", "", "a.b[c"));
    assert!(!matches(r"^\Qa.b\E", "", "axb"));
    assert!(matches(r"\Qa\E+\Q*", "", "aaa*"));
    assert!(matches(r"\Qä€\E", "i", "XÄ€"));
    assert!(matches(r"[\Q^]-\E]x", "", "]x"));
    assert!(matches(r"\Q\\E", "", r"\"));
}

#[test]
fn short_classes_are_ascii() {
    assert!(!matches(r"^\w$", "", "ä"));
    assert!(!matches(r"^\d$", "", "٣"));
    assert!(!matches(r"^\s$", "", "\u{a0}"));
    assert!(matches(r"^\h$", "", "\u{a0}"));
    assert!(matches(r"^[\w-]+$", "", "a-b"));
    assert!(matches(r"^[^\s\d]$", "", "ä"));
    assert!(matches(r"\bfoo\b", "", "ä foo!"));
    assert!(matches(r"\bfoo", "", "äfoo"));
}

#[test]
fn the_end_may_be_before_a_line_feed() {
    assert!(matches("a$", "", "a\n"));
    assert!(!matches("a$", "", "a\nb"));
    assert!(matches("a$", "m", "a\nb"));
    assert!(matches("(a$|b)", "", "a\n"));
    assert!(matches("(?m)a$", "", "a\nb"));
    assert!(!matches("(?m:b)|a$", "", "a\nc"));
    assert!(matches("^b", "m", "a\nb"));
    assert!(!matches("^$", "m", "a\n"));
    assert!(!matches(r"a\z", "", "a\n"));
    assert!(matches(r"a\Z", "", "a\n"));
}

#[test]
fn options() {
    assert!(matches("A", "i", "a"));
    assert!(matches("a.b", "s", "a\nb"));
    assert!(!matches("a.b", "", "a\nb"));
    assert!(matches("a b # comment (", "x", "ab"));
    assert!(matches("[a b]#", "x", " "));
    assert!(matches("(?i)A(?-i)b", "", "ab"));
    assert!(!matches("(?i)A(?-i)b", "", "aB"));
    assert!(matches("(?x: a b )c d", "", "abc d"));
}

#[test]
fn braces_and_brackets_that_mean_nothing_are_literal() {
    assert!(matches("a{x}", "", "a{x}"));
    assert!(matches("a{,2}", "", "a{,2}"));
    assert!(matches("^a{2,}$", "", "aaa"));
    assert!(matches("]", "", "]"));
    assert!(matches("[]a]+$", "", "]a"));
    assert!(matches("[[a]", "", "["));
    assert!(matches("[a&&b]", "", "&"));
    assert!(matches("[a-]", "", "-"));
    assert!(matches("[+--]", "", ","));
    assert!(matches(r"[\d-z]", "", "-"));
    assert!(matches("[[:alpha:]_]", "", "x"));
}

#[test]
fn escapes() {
    assert!(matches(r"\x41\x{e4}\t\cA\e\101\0", "", "Aä\t\u{1}\u{1b}A\0"));
    assert!(matches(r"\/\.\-\y", "", "/.-y"));
    assert!(matches(r"[\b]", "", "\u{8}"));
    assert!(matches(r"\p{Lu}\pL", "", "Ää"));
}

#[test]
fn groups_and_references() {
    assert!(matches(r"(a)\1", "", "aa"));
    assert!(matches(r"(?<x>a)\k{x}(?P=x)", "", "aaa"));
    assert!(matches(r"(?'x'a)\g{1}\g1", "", "aaa"));
    assert!(matches("(?#nothing)a(?=b)(?!c)(?<=a)b", "", "ab"));
    assert!(!matches("a++a", "", "aaa"));
    assert!(!matches("(?>a*)a", "", "aaa"));
}

#[test]
fn what_cannot_run_here_is_refused() {
    for source in ["(", ")", "[a", "a\\", "(?|a|b)", "(?R)", "(?1)", "(*FAIL)", r"\X", r"\Ux", "a**b", "(?<n"] {
        let refused = pattern(source, "").compile();
        assert!(refused.is_err_and(|error| error.code == ErrorCode::InvalidQuery), "{source}");
    }
}

#[test]
fn deep_and_huge_patterns_are_refused() {
    let deep = format!("{}a{}", "(".repeat(50_000), ")".repeat(50_000));
    assert!(pattern(&deep, "").compile().is_err());
    assert!(pattern("(?:a{1000}){1000}", "").compile().is_err());
}

#[test]
fn evil_patterns_end() {
    let evil = pattern(r"^(a|a?)+$(?=x)", "").compile().unwrap();
    assert!(!evil.is_match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab").unwrap_or(false));
}
