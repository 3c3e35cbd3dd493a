#![allow(clippy::unwrap_used)] // a panic is how a test fails

use bson::{bson, doc};

use super::*;

fn applied(mut document: Document, update: &Document) -> Document {
    apply(&mut document, update).unwrap();
    document
}

fn refusal(mut document: Document, update: &Document) -> String {
    match apply(&mut document, update) {
        Err(StoreError::Refused(text)) => text,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn set_replaces_in_place_and_adds_in_the_order_of_names() {
    let document = applied(doc! { "_id": "x", "b": 1, "a": 2 }, &doc! { "$set": { "z": 1, "b": "new", "c": 3 } });
    assert_eq!(document, doc! { "_id": "x", "b": "new", "a": 2, "c": 3, "z": 1 });
}

#[test]
fn new_fields_are_ordered_across_operators() {
    let document = applied(doc! {}, &doc! { "$set": { "b": 1, "l.10": 1, "l.9": 2 }, "$inc": { "a": 1 } });
    let keys: Vec<&String> = document.keys().collect();
    assert_eq!(keys, ["a", "b", "l"]);
    assert_eq!(document.get_document("l").unwrap(), &doc! { "9": 2, "10": 1 });
}

#[test]
fn paths_make_objects_and_reach_into_arrays() {
    assert_eq!(applied(doc! {}, &doc! { "$set": { "o.k.l": 1 } }), doc! { "o": { "k": { "l": 1 } } });
    assert_eq!(applied(doc! { "l": [1, 2] }, &doc! { "$set": { "l.0": 9 } }), doc! { "l": [9, 2] });
    assert_eq!(applied(doc! { "l": [1] }, &doc! { "$set": { "l.3.v": 9 } }), doc! { "l": [1, null, null, { "v": 9 }] });
    assert_eq!(applied(doc! { "l": [{"v": 1}] }, &doc! { "$inc": { "l.0.v": 2 } }), doc! { "l": [{ "v": 3 }] });
    assert_eq!(applied(doc! {}, &doc! { "$set": { "n.0": 5 } }), doc! { "n": { "0": 5 } });
}

#[test]
fn paths_through_what_has_no_members_are_refused() {
    assert_eq!(refusal(doc! { "o": 5 }, &doc! { "$set": { "o.k": 1 } }), "Cannot create field 'k' in element {o: 5}");
    assert_eq!(
        refusal(doc! { "o": null }, &doc! { "$inc": { "o.k": 1 } }),
        "Cannot create field 'k' in element {o: null}"
    );
    assert!(
        refusal(doc! { "l": [1] }, &doc! { "$set": { "l.x": 1 } }).starts_with("Cannot create field 'x' in element {l")
    );
    assert!(refusal(doc! { "l": [1] }, &doc! { "$set": { "l.9000000": 1 } }).contains("backfill"));
}

#[test]
fn conflicting_paths_are_refused() {
    let text = "Updating the path 'o.k' would create a conflict at 'o'";
    assert_eq!(refusal(doc! {}, &doc! { "$set": { "o": {}, "o.k": 1 } }), text);
    assert!(refusal(doc! {}, &doc! { "$set": { "o": 1 }, "$inc": { "o": 1 } }).contains("conflict"));
    applied(doc! {}, &doc! { "$set": { "o": 1, "ok": 1 } });
}

#[test]
fn what_would_be_nested_too_deep_is_refused() {
    let path = vec!["a"; 100].join(".");
    let nested = |levels: usize, innermost: Bson| (0..levels).fold(innermost, |inner, _| bson!([inner]));
    applied(doc! {}, &doc! { "$set": { &path: nested(79, bson!(1)) } });
    applied(doc! {}, &doc! { "$set": { &path: nested(79, bson!({})) } });
    for innermost in [bson!(1), bson!({})] {
        let refused = refusal(doc! {}, &doc! { "$push": { &path: nested(79, innermost) } });
        assert_eq!(refused, "Document exceeds maximum nesting depth of 179");
    }
}

#[test]
fn unset_removes_members_and_nulls_elements() {
    let document = doc! { "a": 1, "o": { "k": 1, "l": [1, 2] }, "s": "x" };
    let update = doc! { "$unset": { "a": "", "o.k": "", "o.l.0": "", "s.deep": "", "missing.deep": "" } };
    assert_eq!(applied(document, &update), doc! { "o": { "l": [null, 2] }, "s": "x" });
}

#[test]
fn increments_keep_and_grow_their_type() {
    let sum = |value: Bson, amount: Bson| {
        applied(doc! { "n": value }, &doc! { "$inc": { "n": amount } }).remove("n").unwrap()
    };
    assert_eq!(sum(bson!(1), bson!(2)), Bson::Int32(3));
    assert_eq!(sum(bson!(i32::MAX), bson!(1)), Bson::Int64(2_147_483_648));
    assert_eq!(sum(bson!(1), bson!(0.5)), Bson::Double(1.5));
    assert_eq!(sum(bson!(1.0), bson!(1)), Bson::Double(2.0));
    assert_eq!(sum(bson!(5_i64), bson!(-5)), Bson::Int64(0));
    assert_eq!(applied(doc! {}, &doc! { "$inc": { "n": 2 } }), doc! { "n": 2 });
    assert!(refusal(doc! { "n": i64::MAX }, &doc! { "$inc": { "n": 1 } }).starts_with("Failed to apply $inc"));
    assert_eq!(
        refusal(doc! { "_id": "x", "o": {"n": "t"} }, &doc! { "$inc": { "o.n": 1 } }),
        "Cannot apply $inc to a value of non-numeric type. {_id: \"x\"} has the field 'n' of non-numeric type string"
    );
    assert!(refusal(doc! { "n": null }, &doc! { "$inc": { "n": 1 } }).ends_with("type null"));
}

#[test]
fn array_operators_change_arrays() {
    let document = doc! { "a": [1], "b": [1, {"k": 1}], "c": [1, 2, 1.0, "x", {"k": 1}] };
    let update = doc! {
        "$push": { "a": { "$each": [1, 2] }, "new": { "$each": [] } },
        "$addToSet": { "b": { "$each": [1.0, {"k": 1}, 3, 3] }, "fresh": { "$each": ["v", "v"] } },
        "$pullAll": { "c": [1, {"k": 1}], "gone": [1] },
    };
    assert_eq!(
        applied(document, &update),
        doc! { "a": [1, 1, 2], "b": [1, {"k": 1}, 3], "c": [2, "x"], "fresh": ["v"], "new": [] }
    );
}

#[test]
fn array_operators_refuse_what_is_no_array() {
    let document = || doc! { "_id": "x", "a": "text", "n": null };
    let on = |operator: &str, field: &str, operand: Bson| refusal(document(), &doc! { operator: { field: operand } });
    assert_eq!(
        on("$push", "a", bson!({"$each": [1]})),
        "The field 'a' must be an array but is of type string in document {_id: \"x\"}"
    );
    assert!(on("$push", "n", bson!({"$each": [1]})).contains("of type null"));
    assert_eq!(
        on("$addToSet", "a", bson!({"$each": [1]})),
        "Cannot apply $addToSet to non-array field. Field named 'a' has non-array type string"
    );
    assert_eq!(on("$pullAll", "a", bson!([1])), "Cannot apply $pull to a non-array value");
}

#[test]
fn the_id_cannot_change() {
    assert!(refusal(doc! { "_id": "x" }, &doc! { "$set": { "_id": "y" } }).contains("immutable field '_id'"));
    assert_eq!(applied(doc! { "_id": "x" }, &doc! { "$set": { "_id": "x" } }), doc! { "_id": "x" });
}
