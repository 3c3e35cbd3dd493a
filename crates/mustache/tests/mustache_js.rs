//! What the specification leaves open is done as mustache.js 4.2 does it, and nothing makes the renderer panic or run for ever.

use parsefleet_mustache::{Escape, RenderError, Template};
use serde_json::{Value, json};

fn render(template: &str, data: &Value) -> String {
    let template = Template::parse(template).expect("a template");
    template.render(data, Escape::Html).expect("small")
}

#[test]
fn values_are_shown_as_javascript_shows_them() {
    let data = json!({ "float": 1.0, "large": 1e21, "list": [1, null, [true, "a"]], "object": {"a": 1}, "no": false });
    assert_eq!(
        render("{{float}} {{large}} {{list}} {{object}} {{no}}", &data),
        "1 1e+21 1,,true,a [object Object] false"
    );
    assert_eq!(render("{{list.0}}{{list.9}}{{list.x}}", &data), "1");
}

#[test]
fn what_javascript_takes_for_false_opens_no_section() {
    let data = json!({ "zero": 0, "float": 0.0, "empty": "", "null": null, "object": {}, "text": "x" });
    for name in ["zero", "float", "empty", "null", "missing"] {
        assert_eq!(render(&format!("{{{{#{name}}}}}yes{{{{/{name}}}}}{{{{^{name}}}}}no{{{{/{name}}}}}"), &data), "no");
    }
    for name in ["object", "text"] {
        assert_eq!(render(&format!("{{{{#{name}}}}}yes{{{{/{name}}}}}{{{{^{name}}}}}no{{{{/{name}}}}}"), &data), "yes");
    }
}

#[test]
fn more_characters_are_escaped_than_the_specification_asks_for() {
    assert_eq!(render("{{x}}", &json!({ "x": "/'`=" })), "&#x2F;&#39;&#x60;&#x3D;");
}

#[test]
fn plain_text_is_not_escaped() {
    let template = Template::parse("{{x}} {{{x}}}").expect("a template");
    assert_eq!(template.render(&json!({ "x": "<&/>" }), Escape::None).as_deref(), Ok("<&/> <&/>"));
}

#[test]
fn several_tags_alone_on_a_line_leave_no_line() {
    assert_eq!(render("a\n {{#t}} {{/t}} \nb", &json!({ "t": true })), "a\nb");
    assert_eq!(render("a\n{{> nothing }}\nb", &json!({})), "a\nb");
}

#[test]
fn tags_may_have_blanks_before_their_sign() {
    assert_eq!(render("{{ # t }}{{ & x }}{{ /t }}", &json!({ "t": true, "x": "<" })), "<");
}

#[test]
fn what_is_no_template_is_refused_with_its_line() {
    let cases = [
        ("a\n{{x", "line 2: a tag is not closed"),
        ("{{{x}}", "line 1: a tag is not closed"),
        ("{{", "line 1: a tag is not closed"),
        ("{{#a}}\n{{/b}}", "line 2: the section \"a\" is open, and \"b\" is closed"),
        ("{{#a}}", "line 1: the section \"a\" is not closed"),
        ("\n\n{{/a}}", "line 3: the section \"a\" is closed, but not open"),
        ("{{=<%=}}", "line 1: the delimiters of a {{=…=}} tag are not two words without ="),
        ("{{= a b c =}}", "line 1: the delimiters of a {{=…=}} tag are not two words without ="),
        ("{{=}}", "line 1: a tag is not closed"),
    ];
    for (template, problem) in cases {
        let error = Template::parse(template).expect_err(template);
        assert_eq!(error.to_string(), problem, "{template}");
    }
    let deep = "{{#a}}".repeat(100_000) + &"{{/a}}".repeat(100_000);
    assert_eq!(Template::parse(&deep).expect_err("deep").to_string(), "line 1: sections are nested deeper than 64");
}

#[test]
fn lists_within_lists_end() {
    let list = json!({ "l": vec![1; 1000] });
    let text = "{{#l}}".repeat(20) + "x" + &"{{/l}}".repeat(20);
    let empty = "{{#l}}".repeat(20) + &"{{/l}}".repeat(20);
    for template in [text, empty] {
        let template = Template::parse(&template).expect("a template");
        assert_eq!(template.render(&list, Escape::Html), Err(RenderError::TooLarge));
    }
}
