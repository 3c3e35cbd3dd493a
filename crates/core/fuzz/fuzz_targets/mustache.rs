//! A Mustache template and data of any kind are refused or rendered, never a panic, never without end. The input is the template, and
//! behind the first NUL the data.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsefleet_mustache::{Escape, Template};
use serde_json::Value;

fuzz_target!(|text: &str| {
    let (template, data) = text.split_once('\0').unwrap_or((text, "{\"a\": [{\"b\": \"<\"}, true, 1.5, null]}"));
    let Ok(template) = Template::parse(template) else { return };
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    if let Ok(page) = template.render(&data, Escape::Html) {
        let again = template.render(&data, Escape::Html);
        assert_eq!(again.as_deref(), Ok(page.as_str()), "rendering is a function of its input");
    }
});
