#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::{Value as Json, json};

use super::*;
use crate::{ClassName, FieldType, schema::Field};

fn schema(name: &str) -> ClassSchema {
    let mut schema = ClassSchema::new(ClassName::new(name).unwrap());
    for (name, field_type) in [
        ("n", FieldType::Number),
        ("d", FieldType::Date),
        ("o", FieldType::Object),
        ("team", FieldType::Pointer("Team".to_owned())),
    ] {
        schema.fields.insert(name.to_owned(), Field::new(field_type));
    }
    schema
}

fn collection(name: &str) -> Option<Collection> {
    let class = name.strip_prefix("pre_").unwrap_or(name);
    ["Team", "_User"].contains(&class).then(|| Collection { class: class.to_owned(), name: format!("pre_{class}") })
}

fn translate_as(class: &str, pipeline: &Json, values: Values, names: Names) -> Result<Pipeline> {
    let schema = schema(class);
    Given::parse(pipeline)?.translate(&Rules { schema: &schema, values, names, collection: &collection })
}

/// The stages as extended JSON would show them.
fn translated(pipeline: Json) -> Json {
    shown(&translate_as("Player", &pipeline, Values::Parse, Names::Parse).unwrap())
}

fn shown(pipeline: &Pipeline) -> Json {
    fn show(value: &Value) -> Json {
        match value {
            Value::Null => Json::Null,
            Value::Bool(value) => json!(value),
            Value::Number(number) if number.fract() == 0.0 => json!(*number as i64),
            Value::Number(number) => json!(number),
            Value::String(text) => json!(text),
            Value::Date(date) => json!({ "$date": date.0 }),
            Value::Array(items) => items.iter().map(show).collect(),
            Value::Object(members) => members.iter().map(|(key, value)| (key.to_owned(), show(value))).collect(),
            other => panic!("not in a pipeline: {other:?}"),
        }
    }
    let stage = |stage: &Stage| json!({ stage.name.as_str(): show(&stage.argument) });
    pipeline.stages.iter().map(stage).collect()
}

fn refusal(class: &str, pipeline: Json) -> String {
    let error = translate_as(class, &pipeline, Values::Parse, Names::Parse).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidQuery);
    error.message
}

#[test]
fn a_pipeline_is_a_list_or_an_object_of_stages() {
    let list = translated(json!([{"$match": {"n": 1}}, {"$count": "c"}]));
    assert_eq!(list, json!([{"$match": {"n": 1}}, {"$count": "c"}]));
    assert_eq!(translated(json!({"$match": {"n": 1}, "$count": "c"})), list);
}

#[test]
fn malformed_stages_are_told_as_parse_server_does() {
    for (pipeline, text) in [
        (json!([{"$match": {}, "$sort": {}}]), "Pipeline stages should only have one key but found $match, $sort."),
        (json!([{}]), "Pipeline stages should only have one key but found ."),
        (json!([5]), "Pipeline stages should only have one key but found ."),
        (json!(["ab"]), "Pipeline stages should only have one key but found 0, 1."),
        (json!([[1]]), "Invalid aggregate stage '0'."),
        (json!("x"), "Invalid aggregate stage '0'."),
        (json!([{"match": {}}]), "Invalid aggregate stage 'match'."),
        (json!([{"$foo": 1}]), "Unrecognized pipeline stage name: '$foo'"),
        (json!([{"$group": {"objectId": "$n"}}]), "Cannot use 'objectId' in aggregation stage $group."),
        (json!([{"$group": {"c": {"$sum": 1}}}]), "Invalid parameter for query: group. Missing key _id"),
        (json!([{"$group": null}]), "Invalid parameter for query: group. Missing key _id"),
        (json!(5), "pipeline must be an array or an object"),
    ] {
        assert_eq!(refusal("Player", pipeline), text);
    }
}

#[test]
fn names_pointers_and_dates_of_a_filter() {
    let filter = json!({
        "objectId": "x", "n": 1, "createdAt": {"$gt": "2020-01-01"}, "team": "t1",
        "d": {"$in": ["1970-01-01T00:00:00.001Z", {"__type": "Date", "iso": "1970-01-01T00:00:00.002Z"}, "no date", null]},
        "$or": [{"team": {"$in": ["Team$t2", {"__type": "Pointer", "className": "Team", "objectId": "t3"}]}}, {"team": null}],
        "o": {"d": "1970"},
    });
    assert_eq!(
        translated(json!([{"$match": filter}])),
        json!([{"$match": {
            "_id": "x", "n": 1, "_created_at": {"$gt": {"$date": 1_577_836_800_000_i64}}, "_p_team": "Team$t1",
            "d": {"$in": [{"$date": 1}, {"$date": 2}, "no date", null]},
            "$or": [{"_p_team": {"$in": ["Team$t2", "Team$t3"]}}, {"_p_team": null}],
            "o": {"d": {"$date": 0}},
        }}])
    );
}

#[test]
fn names_of_projections_and_expressions_of_groups() {
    assert_eq!(
        translated(json!([
            {"$project": {"objectId": 0, "team": 1, "updatedAt": 1, "x": "$team"}},
            {"$group": {"_id": "$team", "last": {"$max": "$createdAt"}, "all": {"$push": ["$n", "$team", null]}}},
            {"$sort": {"createdAt": -1}},
            {"$geoNear": {"near": [1, 2], "query": {"team": "t"}}},
        ])),
        json!([
            {"$project": {"_id": 0, "_p_team": 1, "_updated_at": 1, "x": "$team"}},
            {"$group": {"_id": "$_p_team", "last": {"$max": "$_created_at"}, "all": {"$push": ["$n", "$_p_team", null]}}},
            {"$sort": {"createdAt": -1}},
            {"$geoNear": {"near": [1, 2], "query": {"_p_team": "Team$t"}}},
        ])
    );
}

#[test]
fn raw_values_and_raw_names_pass_as_they_are() {
    let pipeline =
        json!([{"$match": {"objectId": "x", "d": "2020-01-01", "team": "Team$t"}}, {"$group": {"_id": "$team"}}]);
    let raw_values = translate_as("Player", &pipeline, Values::Extended, Names::Parse).unwrap();
    assert_eq!(
        shown(&raw_values),
        json!([{"$match": {"_id": "x", "d": "2020-01-01", "_p_team": "Team$t"}}, {"$group": {"_id": "$_p_team"}}])
    );
    assert!(raw_values.groups_by_pointer);
    let raw_names = translate_as("Player", &pipeline, Values::Parse, Names::Stored).unwrap();
    assert_eq!(
        shown(&raw_names),
        json!([
            {"$match": {"objectId": "x", "d": {"$date": 1_577_836_800_000_i64}, "team": "Team$t"}},
            {"$group": {"_id": "$team"}},
        ])
    );
    let raw = translate_as("Player", &pipeline, Values::Extended, Names::Stored).unwrap();
    assert_eq!(shown(&raw), pipeline);
}

#[test]
fn what_writes_or_runs_code_is_refused_at_any_depth() {
    for stage in [
        json!({"$out": "x"}),
        json!({"$merge": "x"}),
        json!({"$currentOp": {}}),
        json!({"$facet": {"a": [{"$out": "x"}]}}),
        json!({"$lookup": {"from": "Team", "as": "t", "pipeline": [{"$merge": "x"}]}}),
        json!({"$unionWith": {"coll": "Team", "pipeline": [{"$facet": {"a": [{"$changeStream": {}}]}}]}}),
        json!({"$project": {"x": {"$function": {"body": "f", "args": [], "lang": "js"}}}}),
        json!({"$group": {"_id": null, "x": {"$accumulator": {}}}}),
        json!({"$match": {"$or": [{"$where": "1"}]}}),
    ] {
        assert!(refusal("Player", json!([stage])).contains("not allowed"), "{stage}");
    }
}

#[test]
fn only_classes_are_read() {
    for stage in [
        json!({"$lookup": {"from": "_SCHEMA", "as": "t"}}),
        json!({"$lookup": {"from": {"db": "admin", "coll": "Team"}, "as": "t"}}),
        json!({"$graphLookup": {"from": "system.users", "as": "t"}}),
        json!({"$unionWith": "other"}),
        json!({"$unionWith": {"coll": "other"}}),
        json!({"$facet": {"a": [{"$unionWith": "other"}]}}),
    ] {
        assert!(refusal("Player", json!([stage])).contains("not a class"), "{stage}");
    }
    assert_eq!(
        translated(json!([{"$lookup": {"from": "Team", "as": "t"}}, {"$unionWith": "pre_Team"}])),
        json!([{"$lookup": {"from": "pre_Team", "as": "t"}}, {"$unionWith": {"coll": "pre_Team"}}])
    );
}

#[test]
fn secrets_are_taken_out_before_anything_looks_at_them() {
    let secrets = ["_hashed_password", "_password_history", "_perishable_token", "_email_verify_token"];
    let unset = json!({"$unset": secrets});
    let on_users = |pipeline: Json| shown(&translate_as("_User", &pipeline, Values::Extended, Names::Stored).unwrap());
    assert_eq!(on_users(json!([{"$count": "c"}])), json!([unset, {"$count": "c"}]));
    assert_eq!(on_users(json!([{"$geoNear": {"near": [1, 2]}}])), json!([{"$geoNear": {"near": [1, 2]}}, unset]));
    let found = json!({"$unset": secrets.map(|secret| format!("t.{secret}"))});
    for stage in ["$lookup", "$graphLookup"] {
        let lookup = json!({stage: {"from": "pre_User", "as": "t"}});
        assert!(refusal("Player", json!([lookup])).contains("not a class"));
        assert_eq!(
            translated(json!([{stage: {"from": "_User", "as": "t"}}])),
            json!([{stage: {"from": "pre__User", "as": "t"}}, found])
        );
    }
    assert_eq!(
        translated(json!([{"$lookup": {"from": "_User", "as": "t", "pipeline": []}}, {"$unionWith": "_User"}])),
        json!([
            {"$lookup": {"from": "pre__User", "as": "t", "pipeline": [unset]}},
            {"$unionWith": {"coll": "pre__User", "pipeline": [unset]}},
        ])
    );
    for stage in [
        json!({"$match": {"_hashed_password": {"$gt": "a"}}}),
        json!({"$match": {"_perishable_token": {"$gt": "a"}}}),
        json!({"$project": {"x": "$$ROOT._hashed_password"}}),
        json!({"$geoNear": {"near": [1, 2], "query": {"$and": [{"$expr": true}]}}}),
        json!({"$geoNear": {"near": [1, 2], "query": {"$or": [{"$jsonSchema": {"patternProperties": {}}}]}}}),
        json!({"$search": {"text": {"query": "a", "path": {"wildcard": "*"}}}}),
        json!({"$graphLookup": {"from": "_User", "as": "t", "restrictSearchWithMatch": {"$expr": true}}}),
        json!({"$graphLookup": {"from": "_User", "as": "t", "restrictSearchWithMatch": {"$jsonSchema": {}}}}),
    ] {
        assert!(refusal("_User", json!([stage])).contains("cannot"), "{stage}");
    }
}
