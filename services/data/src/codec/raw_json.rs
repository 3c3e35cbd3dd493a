//! Stored values without Parse's types: extended JSON, or what `JSON.stringify` makes of a driver's values.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bson::Bson;
use parsefleet_core::{
    Date,
    value::{write_json_string, write_number},
};

use super::json_text::write_iso;

/// How types are told that JSON does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Relaxed extended JSON: `{"$date":…}`, `{"$oid":…}`.
    Extended,
    /// Dates, ids and binary data as text.
    Plain,
}

/// The years whose dates relaxed extended JSON writes as text.
const TEXT_YEARS: std::ops::Range<i64> = 0..253_402_300_800_000;

/// Appends an object.
pub(crate) fn write_members<'m>(
    out: &mut Vec<u8>,
    members: impl IntoIterator<Item = (&'m str, &'m Bson)>,
    style: Style,
) {
    out.push(b'{');
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_json_string(name, out);
        out.push(b':');
        write(out, value, style);
    }
    out.push(b'}');
}

fn write(out: &mut Vec<u8>, value: &Bson, style: Style) {
    match (value, style) {
        (Bson::Null | Bson::Undefined, _) => out.extend_from_slice(b"null"),
        (Bson::Boolean(value), _) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        (Bson::String(text) | Bson::Symbol(text), _) => write_json_string(text, out),
        (Bson::Int32(number), _) => write_number((*number).into(), out),
        // JavaScript has no other number, so that a great one loses its last digits.
        (Bson::Int64(number), _) => write_number(*number as f64, out),
        (Bson::Double(number), Style::Extended) if !number.is_finite() => {
            let text = if number.is_nan() {
                "NaN"
            } else if *number > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            write_wrapped(out, "$numberDouble", text);
        }
        (Bson::Double(number), _) => write_number(*number, out),
        (Bson::Array(items), _) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(out, item, style);
            }
            out.push(b']');
        }
        (Bson::Document(members), _) => {
            write_members(out, members.iter().map(|(name, value)| (name.as_str(), value)), style);
        }
        (Bson::DateTime(date), Style::Plain) => write_iso(out, date.timestamp_millis()),
        (Bson::DateTime(date), Style::Extended) => write_extended_date(out, date.timestamp_millis()),
        (Bson::ObjectId(id), Style::Plain) => write_json_string(&id.to_hex(), out),
        (Bson::Binary(binary), Style::Plain) => write_json_string(&STANDARD.encode(&binary.bytes), out),
        // These are as rare as they are plain: the driver's own form.
        (other, _) => out.extend_from_slice(other.clone().into_relaxed_extjson().to_string().as_bytes()),
    }
}

/// Whole seconds have no fraction.
fn write_extended_date(out: &mut Vec<u8>, milliseconds: i64) {
    if !TEXT_YEARS.contains(&milliseconds) {
        out.extend_from_slice(format!(r#"{{"$date":{{"$numberLong":"{milliseconds}"}}}}"#).as_bytes());
        return;
    }
    let text = Date(milliseconds).to_iso();
    match text.strip_suffix(".000Z") {
        Some(seconds) => write_wrapped(out, "$date", &format!("{seconds}Z")),
        None => write_wrapped(out, "$date", &text),
    }
}

fn write_wrapped(out: &mut Vec<u8>, name: &str, text: &str) {
    out.push(b'{');
    write_json_string(name, out);
    out.push(b':');
    write_json_string(text, out);
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use bson::{DateTime, doc, oid::ObjectId};

    use super::*;

    fn printed(document: &bson::Document, style: Style) -> String {
        let mut out = Vec::new();
        write_members(&mut out, document.iter().map(|(name, value)| (name.as_str(), value)), style);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_in_both_styles() {
        let document = doc! {
            "i": 1, "d": 1.0, "l": 12_345_678_901_234_567_i64, "n": f64::NAN,
            "s": DateTime::from_millis(1_577_836_800_000), "m": DateTime::from_millis(10), "o": DateTime::from_millis(-1),
            "x": ObjectId::from_bytes([7; 12]), "list": [null, true, { "k": "v" }],
            "b": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![0, 1] },
        };
        assert_eq!(
            printed(&document, Style::Extended),
            r#"{"i":1,"d":1,"l":12345678901234568,"n":{"$numberDouble":"NaN"},"s":{"$date":"2020-01-01T00:00:00Z"},"#
                .to_owned()
                + r#""m":{"$date":"1970-01-01T00:00:00.010Z"},"o":{"$date":{"$numberLong":"-1"}},"#
                + r#""x":{"$oid":"070707070707070707070707"},"list":[null,true,{"k":"v"}],"#
                + r#""b":{"$binary":{"base64":"AAE=","subType":"00"}}}"#
        );
        assert_eq!(
            printed(&document, Style::Plain),
            r#"{"i":1,"d":1,"l":12345678901234568,"n":null,"s":"2020-01-01T00:00:00.000Z","#.to_owned()
                + r#""m":"1970-01-01T00:00:00.010Z","o":"1969-12-31T23:59:59.999Z","#
                + r#""x":"070707070707070707070707","list":[null,true,{"k":"v"}],"b":"AAE="}"#
        );
    }
}
