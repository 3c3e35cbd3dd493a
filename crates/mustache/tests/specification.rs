//! The cases of the Mustache specification (github.com/mustache/spec; its licence is in `specification.LICENSE`) for what this
//! crate renders: interpolation, sections, inverted sections, comments, delimiters. Left out are partials and lambdas.

use parsefleet_mustache::{Escape, Template};
use serde_json::Value;

const CASES: &str = include_str!("specification.json");

#[test]
fn the_cases_of_the_specification_hold() {
    let cases: Vec<Value> = serde_json::from_str(CASES).expect("the file is JSON");
    assert!(cases.len() >= 110, "cases are missing");
    for case in &cases {
        let text = |key: &str| case[key].as_str().expect("a text");
        let template = Template::parse(text("template")).unwrap_or_else(|error| panic!("{}: {error}", text("name")));
        let rendered = template.render(&case["data"], Escape::Html);
        assert_eq!(rendered.as_deref(), Ok(text("expected")), "{}", text("name"));
    }
}
