//! A value that was read and printed is read again as the same value, and is printed the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parsefleet_core::{Date, Value, value::write_json};
use serde_json::Value as Json;

fn print(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_json(value, &mut out);
    out
}

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = std::str::from_utf8(input)
        && let Some(date) = Date::parse(text)
    {
        assert_eq!(Date::parse(&date.to_iso()), Some(date));
    }
    let Ok(json) = serde_json::from_slice::<Json>(input) else { return };
    for read in [Value::from_field, Value::from_nested] {
        let Ok(value) = read(json.clone()) else { continue };
        let printed = print(&value);
        let again: Json = serde_json::from_slice(&printed).expect("what is printed is JSON");
        // Bytes that hold nothing after decoding are the one value that cannot be written again.
        let Ok(again) = read(again) else {
            assert!(matches!(value, Value::Bytes(bytes) if bytes.is_empty()));
            continue;
        };
        assert_eq!(print(&again), printed);
        assert_eq!(again, value);
    }
});
