#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::update::ObjectIds;

const RULES: SchemaRules = SchemaRules { user_ids: ObjectIds::Generated, index_fields: IndexFields::Known };

fn definition(json: Json) -> Definition {
    Definition::parse(&json, &RULES).unwrap()
}

fn game() -> Definition {
    definition(json!({
        "className": "Game",
        "fields": {
            "createdAt": {"type": "Date"},
            "name": {"type": "String", "required": true, "other": 1},
            "owner": {"type": "Pointer", "targetClass": "_User"},
        },
        "indexes": {"_id_": {"_id": 1}, "name_1": {"name": 1}},
        "classLevelPermissions": {"find": {"*": true}, "addField": {"*": true}},
    }))
}

/// The class that a plan leads to.
fn carried_out(plan: &DefinitionPlan, class: Option<ClassSchema>) -> ClassSchema {
    let mut class = class;
    for request in &plan.requests {
        let next = match &class {
            None => ClassSchema::create(ClassName::new("Game").unwrap(), request, &RULES).unwrap(),
            Some(class) => {
                let change = class.change(request, &RULES).unwrap();
                let mut next = class.clone();
                for name in &change.removed {
                    next.fields.shift_remove(name.as_str());
                }
                for (name, field) in change.added {
                    next.fields.insert(name.to_string(), field);
                }
                for (name, options) in change.options {
                    next.fields.get_mut(name.as_str()).unwrap().options = options;
                }
                next.permissions = change.permissions.or(next.permissions);
                for name in change.indexes.dropped {
                    next.indexes.shift_remove(&name);
                }
                for (name, keys) in change.indexes.made {
                    next.indexes.insert(name, Json::Object(keys));
                }
                next
            }
        };
        class = Some(next);
    }
    class.unwrap()
}

#[test]
fn a_class_that_is_not_there_is_made_and_then_left_alone() {
    let made = carried_out(&game().plan(None, &DefinitionRules::default()), None);
    assert_eq!(made.fields.keys().skip(4).collect::<Vec<_>>(), ["name", "owner"]);
    assert_eq!(made.permissions, Some(json!({"find": {"*": true}, "addField": {}})));
    assert_eq!(Json::Object(made.indexes.clone()), json!({"name_1": {"name": 1}}));
    assert_eq!(game().plan(Some(&made), &DefinitionRules::default()), DefinitionPlan::default());
}

#[test]
fn what_costs_data_is_done_only_on_demand() {
    let mut class = carried_out(&game().plan(None, &DefinitionRules::default()), None);
    class.fields.insert("extra".to_owned(), Field::new(crate::FieldType::Number));
    class.fields.get_mut("name").unwrap().field_type = crate::FieldType::Number;
    assert_eq!(game().plan(Some(&class), &DefinitionRules::default()), DefinitionPlan::default());
    let strict = game().plan(Some(&class), &DefinitionRules { strict: true, ..DefinitionRules::default() });
    assert_eq!(strict.warnings, ["Game.name is Number and defined as another type", "Game.extra is not defined"]);
    let all =
        DefinitionRules { delete_extra_fields: true, recreate_modified_fields: true, ..DefinitionRules::default() };
    let changed = carried_out(&game().plan(Some(&class), &all), Some(class));
    assert!(!changed.fields.contains_key("extra"));
    assert_eq!(changed.field_type("name"), Some(&crate::FieldType::String));
    assert_eq!(game().plan(Some(&changed), &all), DefinitionPlan::default());
}

#[test]
fn options_and_indexes_follow_the_definition() {
    let mut class = carried_out(&game().plan(None, &DefinitionRules::default()), None);
    class.fields.get_mut("name").unwrap().options = JsonMap::new();
    class.indexes.insert("name_1".to_owned(), json!({"name": -1}));
    class.indexes.insert("old".to_owned(), json!({"owner": 1}));
    let keep = DefinitionRules { keep_unknown_indexes: true, ..DefinitionRules::default() };
    let kept = carried_out(&game().plan(Some(&class), &keep), Some(class.clone()));
    assert_eq!(Json::Object(kept.indexes), json!({"old": {"owner": 1}, "name_1": {"name": 1}}));
    let changed = carried_out(&game().plan(Some(&class), &DefinitionRules::default()), Some(class));
    assert_eq!(Json::Object(changed.indexes.clone()), json!({"name_1": {"name": 1}}));
    assert!(changed.fields["name"].is_required());
}

#[test]
fn other_classes_take_no_fields_from_clients() {
    let mut class = ClassSchema::new(ClassName::new("Other").unwrap());
    class.permissions = class.closing().unwrap().permissions;
    assert_eq!(class.permissions.as_ref().unwrap()["find"], json!({"*": true}));
    assert_eq!(class.permissions.as_ref().unwrap()["addField"], json!({}));
    assert_eq!(class.closing(), None);
}

#[test]
fn mistakes_are_found_before_anything_is_done() {
    for (json, code) in [
        (json!("Game"), 107),
        (json!({}), 103),
        (json!({"className": "bad-name"}), 103),
        (json!({"className": "_Join:a:B"}), 103),
        (json!({"className": "A", "fields": {"a": {"type": "Nope"}}}), 111),
        (json!({"className": "A", "fields": {"a-b": {"type": "String"}}}), 105),
    ] {
        assert_eq!(Definition::parse(&json, &RULES).unwrap_err().code as i32, code, "{json}");
    }
    definition(json!({"className": "_User", "fields": {"username": {"type": "String"}, "nick": {"type": "String"}}}));
}
