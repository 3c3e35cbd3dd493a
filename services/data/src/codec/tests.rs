#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

//! `tests/documents.json` holds documents as Parse Server 9.10 and others wrote them, with what Parse Server answers for
//! them: the bytes of both must be ours too.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bson::{RawDocument, RawDocumentBuf, rawdoc};
use parsefleet_core::{
    Acl, ClassSchema, Date, Object, ObjectId, Value,
    update::{NewObject, ObjectIds, Writer},
};
use serde_json::Value as Json;

use super::{values::json_to_bson, *};

fn fixtures() -> Json {
    serde_json::from_str(include_str!("tests/documents.json")).unwrap()
}

fn schema(fixtures: &Json, class: &str) -> ClassSchema {
    let document = json_to_bson(&fixtures["schemas"][class]).as_document().unwrap().clone();
    decode_class(&RawDocumentBuf::try_from(&document).unwrap()).unwrap().unwrap()
}

fn class(name: &str, fields: &[(&str, &str)]) -> ClassSchema {
    let mut document = rawdoc! { "_id": name };
    for (field, stored) in fields {
        document.append(<&bson::raw::CStr>::try_from(*field).unwrap(), *stored);
    }
    decode_class(&document).unwrap().unwrap()
}

fn document(row: &Json) -> RawDocumentBuf {
    RawDocumentBuf::from_bytes(STANDARD.decode(row["bson"].as_str().unwrap()).unwrap()).unwrap()
}

fn files() -> FileUrls {
    FileUrls { mount_url: "http://127.0.0.1:1400/parse".to_owned(), app_id: "test".to_owned(), file_key: None }
}

/// A view that hides nothing.
fn view<'v>(schema: &'v ClassSchema, reader: &'v Reader, files: &'v FileUrls) -> ReadView<'v> {
    ReadView {
        schema,
        selected: None,
        hidden: &[],
        owner_exempt: true,
        reader,
        files,
        identities: &AS_STORED,
        includes: None,
    }
}

fn json(view: ReadView<'_>, document: &RawDocument) -> String {
    let mut out = Vec::new();
    JsonReader::new(view).write(&mut out, document).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn stored_documents_read_as_parse_server_answers() {
    let fixtures = fixtures();
    let (files, hidden) = (files(), ["email".to_owned()]);
    for row in fixtures["read"].as_array().unwrap() {
        let reader = match row["reader"].as_str().unwrap() {
            "master" => Reader::Master,
            "maintenance" => Reader::Maintenance,
            "user" => Reader::User(row["user"].as_str().unwrap().to_owned()),
            _ => Reader::Public,
        };
        let schema = schema(&fixtures, row["class"].as_str().unwrap());
        let mut view = view(&schema, &reader, &files);
        if schema.name.as_str() == "_User" && reader != Reader::Master {
            view.hidden = &hidden;
        }
        let expected = row["json"].as_str().unwrap();
        // The schema knew the relation only later.
        let found = json(view, &document(row));
        let found = if expected.contains(r#""rel":"#) {
            found
        } else {
            found.replace(r#","rel":{"__type":"Relation","className":"Team"}"#, "")
        };
        assert_eq!(found, expected, "{} as {reader:?}", row["name"]);
    }
}

#[test]
fn new_objects_are_stored_as_parse_server_stores_them() {
    let fixtures = fixtures();
    for row in fixtures["created"].as_array().unwrap() {
        let schema = schema(&fixtures, row["class"].as_str().unwrap());
        let expected = document(row);
        let body = NewObject::parse(row["body"].as_object().unwrap().clone(), Writer::Client, ObjectIds::Generated);
        let body = body.unwrap();
        let object = Object {
            id: ObjectId::new(expected.get_str("_id").unwrap()).unwrap(),
            created_at: Date(expected.get_datetime("_created_at").unwrap().timestamp_millis()),
            updated_at: Date(expected.get_datetime("_updated_at").unwrap().timestamp_millis()),
            acl: body.acl,
            fields: body.fields,
        };
        let found = encode(&schema, &object).unwrap();
        assert_eq!(found.as_bytes(), expected.as_bytes(), "{}: {found:?} {expected:?}", row["name"]);
        let decoded = decode(&schema, &found, Roots::All).unwrap();
        assert_eq!((&decoded.id, &decoded.acl), (&object.id, &object.acl));
        let again = encode(&schema, &Object { created_at: object.created_at, ..decoded }).unwrap();
        // A null pointer is none when read; a file's URL is not stored. Neither changes the bytes.
        assert_eq!(again, found, "{}", row["name"]);
    }
}

#[test]
fn odd_documents_do_not_break_the_read() {
    let schema =
        class("C", &[("p", "*Team"), ("f", "file"), ("g", "geopoint"), ("poly", "polygon"), ("r", "relation<T>")]);
    let (reader, files) = (Reader::Master, files());
    let odd = rawdoc! {
        "_id": "x", "_p_p": "Other$1", "_unknown": 1, "_p_nowhere": "A$1", "f": null, "g": [1, 2, 3],
        "poly": { "type": "Polygon", "coordinates": "none" }, "_acl": {}, "_auth_data_x": {}, "r": "stored",
        "mangled": { "buffer": { "0": 104, "1": 105 }, "sub_type": 0, "position": 2 },
    };
    assert_eq!(
        json(view(&schema, &reader, &files), &odd),
        r#"{"objectId":"x","f":null,"g":[1,2,3],"poly":{"type":"Polygon","coordinates":"none"},"mangled":{"__type":"Bytes","base64":"aGk="},"r":{"__type":"Relation","className":"T"}}"#
    );
    let object = decode(&schema, &odd, Roots::Only(&["p", "mangled"])).unwrap();
    let fields: Vec<_> = object.fields.into_iter().collect();
    assert_eq!(fields, [("mangled".to_owned(), Value::Bytes(b"hi".to_vec()))]);
}

#[test]
fn corrupt_bytes_are_an_error() {
    let schema = class("C", &[]);
    let (reader, files) = (Reader::Master, files());
    let mut bytes = rawdoc! { "_id": "x", "s": "text" }.into_bytes();
    let length = bytes.len();
    bytes[length - 8] = 0xff;
    let corrupt = RawDocumentBuf::from_bytes(bytes).unwrap();
    assert!(JsonReader::new(view(&schema, &reader, &files)).write(&mut Vec::new(), &corrupt).is_err());
    assert!(decode(&schema, &corrupt, Roots::All).is_err());
}

#[test]
fn selection_and_protection_decide_what_is_shown() {
    let schema = class("C", &[("a", "string"), ("b", "string"), ("r", "relation<Team>")]);
    let (reader, files) = (Reader::User("u".to_owned()), files());
    let stored = rawdoc! { "_id": "x", "a": "1", "b": "2", "_rperm": ["u"], "_hashed_password": "secret" };
    let (selected, hidden) = (["b".to_owned(), "r".to_owned()], ["b".to_owned(), "ACL".to_owned()]);
    let whole = view(&schema, &reader, &files);
    assert_eq!(
        json(ReadView { selected: Some(&selected), ..whole }, &stored),
        r#"{"objectId":"x","b":"2","r":{"__type":"Relation","className":"Team"},"ACL":{"u":{"read":true}}}"#
    );
    assert_eq!(
        json(ReadView { hidden: &hidden, ..whole }, &stored),
        r#"{"objectId":"x","a":"1","r":{"__type":"Relation","className":"Team"}}"#
    );
    let system = ReadView { reader: &Reader::System, hidden: &hidden, ..whole };
    assert!(json(system, &stored).contains("_hashed_password"));
}

#[test]
fn users_see_what_is_protected_only_on_themselves() {
    let schema = class("_User", &[("phone", "string")]);
    let (reader, files) = (Reader::User("me".to_owned()), files());
    let hidden = ["phone".to_owned()];
    let user = |id: &str| {
        rawdoc! { "_id": id, "phone": "1", "_auth_data_x": { "id": "7" }, "_hashed_password": "secret", "_session_token": "r:1" }
    };
    let whole = ReadView { hidden: &hidden, ..view(&schema, &reader, &files) };
    assert_eq!(json(whole, &user("me")), r#"{"objectId":"me","phone":"1","authData":{"x":{"id":"7"}}}"#);
    assert_eq!(json(whole, &user("other")), r#"{"objectId":"other"}"#);
    assert_eq!(
        json(ReadView { owner_exempt: false, ..whole }, &user("me")),
        r#"{"objectId":"me","authData":{"x":{"id":"7"}}}"#
    );
}

#[test]
fn identities_that_hold_secrets_are_not_shown_as_they_are_stored() {
    let schema = class("_User", &[]);
    let files = files();
    let user = rawdoc! {
        "_id": "me", "_auth_data_github": { "access_token": "t", "id": "7" }, "_auth_data_mfa": { "secret": "s", "recovery": ["r"] },
        "_auth_data_facebook": { "id": "8", "access_token": "f" },
    };
    let providers = Identities::of(&Default::default());
    let seen = |reader: Reader| json(ReadView { identities: &providers, ..view(&schema, &reader, &files) }, &user);
    let facebook = r#""facebook":{"id":"8","access_token":"f"}"#;
    let shown =
        |mfa: &str| format!(r#"{{"objectId":"me","authData":{{"github":{{"id":"7"}},"mfa":{mfa},{facebook}}}}}"#);
    assert_eq!(seen(Reader::User("me".to_owned())), shown(r#"{"status":"enabled"}"#));
    assert_eq!(seen(Reader::Master), shown(r#"{"secret":"s","recovery":["r"]}"#));
    assert_eq!(seen(Reader::Maintenance), shown(r#"{"status":"enabled"}"#));
    assert!(!seen(Reader::Public).contains("authData"));
    let pending = rawdoc! { "_id": "me", "_auth_data_mfa": { "pending": { "+1": { "token": "1" } } } };
    let reader = Reader::User("me".to_owned());
    let shown = json(ReadView { identities: &providers, ..view(&schema, &reader, &files) }, &pending);
    assert_eq!(shown, r#"{"objectId":"me","authData":{"mfa":{"status":"disabled"}}}"#);
}

#[test]
fn included_objects_take_the_place_of_pointers() {
    let schema = class("C", &[("p", "*Team"), ("q", "*Team"), ("list", "array"), ("o", "object")]);
    let (reader, files) = (Reader::Master, files());
    let pointer = |id: &str| rawdoc! { "__type": "Pointer", "className": "Team", "objectId": id };
    let stored = rawdoc! {
        "_id": "x", "_p_p": "Team$1", "_p_q": "Team$gone", "list": [pointer("gone"), pointer("1"), 5, pointer("gone")],
        "o": { "in": pointer("1"), "out": pointer("1") },
    };
    let team = || Include {
        objects: [("1".to_owned(), br#"{"objectId":"1","__type":"Object","className":"Team"}"#.to_vec())].into(),
        nested: Includes::default(),
    };
    let below = Include { nested: Includes { fields: [("in".to_owned(), team())].into() }, ..Include::default() };
    let includes = Includes {
        fields: [("p", team()), ("q", team()), ("list", team()), ("o", below)]
            .into_iter()
            .map(|(field, include)| (field.to_owned(), include))
            .collect(),
    };
    let object = r#"{"objectId":"1","__type":"Object","className":"Team"}"#;
    assert_eq!(
        json(ReadView { includes: Some(&includes), ..view(&schema, &reader, &files) }, &stored),
        format!(
            r#"{{"objectId":"x","p":{object},"list":[{object},5],"o":{{"in":{object},"out":{{"__type":"Pointer","className":"Team","objectId":"1"}}}}}}"#
        )
    );
}

#[test]
fn files_of_hosted_parse_keep_their_addresses() {
    let files = FileUrls { file_key: Some("key".to_owned()), ..files() };
    let url = |name: &str| {
        let mut url = String::new();
        files.write(&mut url, name);
        url
    };
    assert_eq!(url("tfss-a b"), "http://files.parsetfss.com/key/tfss-a%20b");
    assert_eq!(
        url("01234567-89ab-CDEF-0123-456789abcdef-x/y.png"),
        "http://files.parse.com/key/01234567-89ab-CDEF-0123-456789abcdef-x%2Fy.png"
    );
    assert_eq!(url("01234567-x/y.png"), "http://127.0.0.1:1400/parse/files/test/01234567-x/y.png");
}

#[test]
fn a_key_that_bson_cannot_hold_is_refused() {
    let schema = class("C", &[]);
    let members = [("a\0b".to_owned(), Value::Null)].into_iter().collect();
    let object = Object {
        id: ObjectId::new("x").unwrap(),
        created_at: Date(0),
        updated_at: Date(0),
        acl: None,
        fields: [("o".to_owned(), Value::Object(members))].into_iter().collect(),
    };
    assert!(encode(&schema, &object).is_err());
}

#[test]
fn classes_survive_the_way_through_their_document() {
    let stored = rawdoc! {
        "_id": "C", "objectId": "string", "updatedAt": "string", "createdAt": "string", "a": "number", "p": "*Team",
        "r": "relation<Team>", "m": "map", "future": "hologram",
        "_metadata": { "class_permissions": { "find": { "*": true } }, "fields_options": { "a": { "required": true } },
                       "indexes": { "_id_": { "_id": 1 } } },
    };
    let class = decode_class(&stored).unwrap().unwrap();
    assert!(class.fields["a"].is_required() && !class.fields.contains_key("future"));
    let again = RawDocumentBuf::try_from(&encode_class(&class)).unwrap();
    assert_eq!(decode_class(&again).unwrap().unwrap(), class);
    assert_eq!(again.get_str("r").unwrap(), "relation<Team>");
}

#[test]
fn damaged_documents_are_errors_or_other_documents_but_never_a_panic() {
    let fixtures = fixtures();
    let (reader, files) = (Reader::System, files());
    let mut errors = 0;
    for row in fixtures["read"].as_array().unwrap() {
        let schema = schema(&fixtures, row["class"].as_str().unwrap());
        let bytes = document(row).into_bytes();
        for place in (4..bytes.len() - 1).step_by(3) {
            for damage in [0x03, 0xff] {
                let mut damaged = bytes.clone();
                damaged[place] ^= damage;
                let damaged = RawDocumentBuf::from_bytes(damaged).unwrap();
                let mut out = Vec::new();
                match JsonReader::new(view(&schema, &reader, &files)).write(&mut out, &damaged) {
                    Ok(()) => {
                        assert!(serde_json::from_slice::<Json>(&out).is_ok(), "{}", String::from_utf8_lossy(&out))
                    }
                    Err(_) => errors += 1,
                }
                errors += usize::from(decode(&schema, &damaged, Roots::All).is_err());
            }
        }
    }
    assert!(errors > 500, "{errors}");
}

#[test]
fn a_pointer_that_is_none_is_left_out() {
    let schema = class("Game", &[("player", "*Player"), ("score", "number")]);
    let files = files();
    let shown = |pointer: &str, first: u8| {
        let mut bytes = rawdoc! { "_id": "a", "_p_player": pointer, "score": 1 }.into_bytes();
        let place = bytes.windows(5).position(|window| window == b"first");
        if let Some(place) = place {
            bytes[place] = first;
        }
        json(view(&schema, &Reader::Public, &files), &RawDocumentBuf::from_bytes(bytes).unwrap())
    };
    let pointer = r#""player":{"__type":"Pointer","className":"Player","objectId":"first"},"#;
    assert_eq!(shown("Player$first", b'f'), format!(r#"{{"objectId":"a",{pointer}"score":1}}"#));
    for (pointer, first) in [("Player$first", 0xff), ("Team$first", b'f'), ("Players$first", b'f')] {
        assert_eq!(shown(pointer, first), r#"{"objectId":"a","score":1}"#, "{pointer}");
    }
}

#[test]
fn an_acl_may_name_many_subjects() {
    let schema = class("C", &[]);
    let (reader, files) = (Reader::Master, files());
    let names = |range: std::ops::Range<usize>| range.map(|number| format!("subject{number}")).collect::<Vec<_>>();
    let acl = Acl { read: names(0..40_000), write: names(20_000..60_000) };
    let id = ObjectId::new("x").unwrap();
    let object = Object { id, created_at: Date(0), updated_at: Date(0), acl: Some(acl), fields: Default::default() };
    let began = Instant::now();
    let stored = encode(&schema, &object).unwrap();
    let shown = json(view(&schema, &reader, &files), &stored);
    // Comparing all with all takes half a minute.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let legacy = stored.get_document("_acl").unwrap();
    assert_eq!(legacy.iter().count(), 60_000);
    assert_eq!(legacy.get_document("subject20000").unwrap().iter().count(), 2);
    assert_eq!(shown.matches(r#"{"read":true,"write":true}"#).count(), 20_000);
    assert_eq!(shown.matches(r#"{"write":true}"#).count(), 20_000);
}

#[test]
fn a_subject_that_is_stored_twice_is_shown_once() {
    let schema = class("C", &[]);
    let (reader, files) = (Reader::Master, files());
    let stored = rawdoc! { "_id": "x", "_rperm": ["b", "a", "b", 1], "_wperm": ["c", "a", "a", "c"] };
    assert_eq!(
        json(view(&schema, &reader, &files), &stored),
        r#"{"objectId":"x","ACL":{"b":{"read":true},"a":{"read":true,"write":true},"c":{"write":true}}}"#
    );
}
