//! Ways around protected fields: `tests/security` found them, these name them.

use parsefleet_core::{ClassName, FieldType};
use parsefleet_data::store::{Index, IndexKind};
use parsefleet_proto::v1::{FindRequest, Selection};
use serde_json::json;

use crate::fixture::{Fixture, column, pointer, query};

crate::on_both_stores!(
    including_a_hidden_pointer_does_not_tell_where_it_leads,
    nobody_searches_users_by_their_identities,
    results_do_not_come_in_the_order_of_a_hidden_field,
);

async fn including_a_hidden_pointer_does_not_tell_where_it_leads(fixture: Fixture) {
    let open = json!({"*": true});
    fixture.class("Closed", &[], json!({"get": {}, "find": {}})).await;
    let secret = fixture.master().object("Closed", json!({})).await;
    let fields = [("secret", FieldType::Pointer("Closed".to_owned()))];
    fixture.class("Note", &fields, json!({"find": open, "protectedFields": {"*": ["secret"]}})).await;
    fixture.master().object("Note", json!({"secret": pointer("Closed", &secret)})).await;

    let selection = Selection { include: vec!["secret".to_owned()], ..Selection::default() };
    let request = || FindRequest { selection: Some(selection.clone()), ..query("Note", json!({})) };
    let found = fixture.public().find_with(request()).await.unwrap();
    assert!(found["results"][0].get("secret").is_none(), "{found}");
    let found = fixture.master().find_with(request()).await.unwrap();
    assert_eq!(found["results"][0]["secret"]["objectId"], secret);
}

async fn nobody_searches_users_by_their_identities(fixture: Fixture) {
    for filter in [json!({"authData.facebook.id": "1"}), json!({"$or": [{"sessionToken": {"$exists": true}}]})] {
        assert_eq!(fixture.public().find("_User", filter.clone()).await.unwrap_err().0, 119, "{filter}");
        assert_eq!(fixture.user("u1").find("_User", filter.clone()).await.unwrap_err().0, 119, "{filter}");
        assert!(fixture.master().find("_User", filter).await.unwrap().is_empty());
    }
    let order = FindRequest { order: vec!["-authData".to_owned()], ..query("_User", json!({})) };
    assert_eq!(fixture.public().find_with(order).await.unwrap_err().0, 119);
}

async fn results_do_not_come_in_the_order_of_a_hidden_field(fixture: Fixture) {
    let fields = [("n", FieldType::Number), ("hidden", FieldType::Number)];
    fixture.class("Note", &fields, json!({"find": {"*": true}, "protectedFields": {"*": ["hidden"]}})).await;
    fixture.store.ensure_index(&ClassName::new("Note").unwrap(), &index("hidden", IndexKind::Ascending)).await.unwrap();
    for hidden in [2, 3, 1] {
        fixture.master().object("Note", json!({"n": hidden * 10, "hidden": hidden})).await;
    }
    let hinted = || FindRequest { hint: r#"{"hidden":1}"#.into(), ..query("Note", json!({})) };
    let order = |results: serde_json::Value| -> Vec<i64> {
        results["results"].as_array().unwrap().iter().map(|result| result["n"].as_i64().unwrap()).collect()
    };
    let natural = order(fixture.public().find_with(query("Note", json!({}))).await.unwrap());
    assert_eq!(order(fixture.public().find_with(hinted()).await.unwrap()), natural);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_index_over_a_hidden_field_is_not_searched() {
    let fixture = Fixture::mongodb().await;
    let fields = [("text", FieldType::String), ("hidden", FieldType::String)];
    let permissions = json!({"find": {"*": true}, "protectedFields": {"*": ["hidden"], "role:staff": []}});
    fixture.class("Note", &fields, permissions).await;
    fixture.store.ensure_index(&ClassName::new("Note").unwrap(), &index("hidden", IndexKind::Text)).await.unwrap();
    fixture.master().object("Note", json!({"text": "red", "hidden": "blue"})).await;

    // MongoDB searches the one index there is, whichever field is named.
    let search = || json!({"text": {"$text": {"$search": {"$term": "blue"}}}});
    assert_eq!(fixture.public().find("Note", search()).await.unwrap_err().0, 119);
    assert_eq!(fixture.public().find("Note", json!({"$and": [search()]})).await.unwrap_err().0, 119);
    assert_eq!(column(&fixture.master().find("Note", search()).await.unwrap(), "hidden"), ["blue"]);
    fixture.database.unwrap().drop().await.unwrap();
}

fn index(column: &str, kind: IndexKind) -> Index {
    Index {
        name: format!("{column}_index"),
        keys: vec![(column.to_owned(), kind)],
        unique: false,
        sparse: false,
        case_insensitive: false,
        expire_after_seconds: None,
    }
}
