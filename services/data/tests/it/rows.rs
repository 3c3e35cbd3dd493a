//! Rows and what their owner adds to writes: every column, one operation each, and nothing that a client could ask for.

use bson::{RawDocumentBuf, doc};
use parsefleet_core::ClassName;
use parsefleet_data::store::ClassEdit;
use parsefleet_proto::v1::{
    ChangeRowRequest, CreateRequest, DeleteRequest, FindRowsRequest, InsertRowRequest, ListSchemasRequest, Operation,
    Owned, Privilege, RemoveRowsRequest, RequestContext, TransactRequest, UpdateRequest, operation::Operation as Kind,
};
use serde_json::{Value as Json, json};

use crate::{
    fixture::{Answer, Fixture},
    on_both_stores,
};

on_both_stores! {
    a_row_has_every_column_in_a_form_that_can_be_written_again,
    a_change_happens_to_a_row_that_satisfies_its_condition,
    operations_reach_into_internal_columns,
    only_a_touch_makes_a_row_newer,
    the_old_token_of_a_user_can_be_seen_and_removed,
    sessions_are_rows,
    texts_are_found_whatever_their_case,
    rows_belong_to_classes_with_an_owner,
    the_outbox_is_there_for_nobody_else,
    users_are_written_by_way_of_their_owner,
    what_is_added_is_beyond_the_caller_s_rights,
    a_condition_that_does_not_hold_leaves_no_object,
    a_user_gets_the_first_permissions_there_are,
    callers_change_their_own_sessions_only,
    each_unique_value_has_an_answer_of_its_own,
    names_differ_in_more_than_case,
    users_who_differ_only_in_case_already_are_no_obstacle,
    a_transaction_adds_what_the_owner_says,
}

const NOBODY: (Privilege, &str) = (Privilege::Public, "");
const MASTER: (Privilege, &str) = (Privilege::Master, "");

fn context((privilege, user_id): (Privilege, &str)) -> Option<RequestContext> {
    Some(RequestContext { privilege: privilege as i32, user_id: user_id.to_owned(), ..RequestContext::default() })
}

fn bytes(json: &Json) -> bytes::Bytes {
    json.to_string().into()
}

fn parsed(json: &[u8]) -> Json {
    serde_json::from_slice(json).unwrap()
}

fn owned(columns: Json) -> Owned {
    Owned { columns: bytes(&columns), ..Owned::default() }
}

fn creation(caller: (Privilege, &str), class: &str, body: Json, owned: Option<Owned>) -> CreateRequest {
    let class_name = class.to_owned();
    CreateRequest { context: context(caller), class_name, body: bytes(&body), mount_url: String::new(), owned }
}

fn update(caller: (Privilege, &str), class: &str, id: &str, body: Json, owned: Option<Owned>) -> UpdateRequest {
    let (class_name, object_id) = (class.to_owned(), id.to_owned());
    UpdateRequest {
        context: context(caller),
        class_name,
        object_id,
        body: bytes(&body),
        mount_url: String::new(),
        owned,
    }
}

impl Fixture {
    async fn rows(&self, class: &str, filter: Json) -> Vec<Json> {
        let request = FindRowsRequest { class_name: class.to_owned(), r#where: bytes(&filter), ..Default::default() };
        self.rows_of(request).await
    }

    async fn rows_of(&self, request: FindRowsRequest) -> Vec<Json> {
        self.service.find_rows(&request).await.unwrap().iter().map(|row| parsed(row)).collect()
    }

    async fn insert(&self, class: &str, row: Json) -> Answer {
        let request = InsertRowRequest { class_name: class.to_owned(), row: bytes(&row), context: None };
        self.service.insert_row(&request).await.map(|row| parsed(&row)).map_err(known)
    }

    async fn change(&self, class: &str, filter: Json, changes: Json, touch: bool) -> Answer<Option<Json>> {
        let (class_name, r#where, changes) = (class.to_owned(), bytes(&filter), bytes(&changes));
        let request = ChangeRowRequest { context: None, class_name, r#where, changes, touch };
        self.service.change_row(&request).await.map(|row| row.map(|row| parsed(&row))).map_err(known)
    }

    async fn remove(&self, class: &str, filter: Json) -> Answer<u64> {
        let request = RemoveRowsRequest { context: None, class_name: class.to_owned(), r#where: bytes(&filter) };
        self.service.remove_rows(&request).await.map_err(known)
    }

    async fn sign_up(&self, body: Json, added: Owned) -> Answer<String> {
        let request = creation(NOBODY, "_User", body, Some(added));
        self.service.create_object(&request).await.map(|created| created.id.as_str().to_owned()).map_err(known)
    }
}

fn known(error: parsefleet_core::ParseError) -> (i32, String) {
    (error.code as i32, error.message)
}

async fn a_row_has_every_column_in_a_form_that_can_be_written_again(fixture: Fixture) {
    let date = json!({"__type": "Date", "iso": "2026-01-02T03:04:05.678Z"});
    let columns = json!({
        "_hashed_password": "$2b$10$abc",
        "_password_changed_at": date,
        "_password_history": ["$2b$10$old"],
        "_perishable_token": "reset",
        "authData": {"google": {"id": "g1", "access_token": "t"}, "mfa": {"pending": {"expiry": date}}},
    });
    let id = fixture.sign_up(json!({"username": "ada", "phone": "1"}), owned(columns.clone())).await.unwrap();

    for filter in [
        json!({"username": "ada"}),
        json!({"authData.google.id": "g1"}),
        json!({"authData.google": {"$exists": true}, "authData.github": {"$exists": false}}),
        json!({"_hashed_password": "$2b$10$abc"}),
        json!({"_perishable_token": "reset", "_perishable_token_expires_at": null}),
        json!({"_password_changed_at": {"$lt": {"__type": "Date", "iso": "2026-01-02T03:04:05.679Z"}}}),
        json!({"_password_history": "$2b$10$old"}),
        json!({"_rperm": id}),
        json!({"$or": [{"username": "nobody"}, {"email": "x"}, {"objectId": id}]}),
    ] {
        let found = fixture.rows("_User", filter.clone()).await;
        assert_eq!(found.len(), 1, "{filter}");
        for (name, value) in columns.as_object().unwrap() {
            assert_eq!(found[0][name], *value, "{name}");
        }
        assert_eq!(found[0]["ACL"], json!({(&*id): {"read": true, "write": true}}));
    }
    for filter in [json!({"authData.google.id": "g2"}), json!({"_password_changed_at": {"$gt": date}})] {
        assert!(fixture.rows("_User", filter).await.is_empty());
    }
    let keys = ["_hashed_password", "phone"].map(str::to_owned).to_vec();
    let request = FindRowsRequest { class_name: "_User".to_owned(), keys, ..Default::default() };
    let expected = json!({"objectId": id, "phone": "1", "_hashed_password": "$2b$10$abc"});
    assert_eq!(fixture.rows_of(request).await, [expected]);
}

async fn a_change_happens_to_a_row_that_satisfies_its_condition(fixture: Fixture) {
    let id = fixture.sign_up(json!({"username": "ada"}), owned(json!({"_perishable_token": "once"}))).await.unwrap();
    let filter = json!({"objectId": id, "_perishable_token": "once"});
    let changes = json!({"_perishable_token": {"__op": "Delete"}, "_hashed_password": "new"});
    let changed = fixture.change("_User", filter.clone(), changes.clone(), true).await.unwrap().unwrap();
    assert_eq!((&changed["_hashed_password"], changed.get("_perishable_token")), (&json!("new"), None));
    assert_eq!(fixture.change("_User", filter, changes, true).await.unwrap(), None);
    // A condition that is none, and a change of nothing, are mistakes of whoever asks.
    assert_eq!(fixture.change("_User", json!({}), json!({"_hashed_password": "x"}), true).await.unwrap_err().0, 1);
    assert_eq!(fixture.change("_User", json!({"objectId": id}), json!({}), false).await.unwrap_err().0, 1);
    assert_eq!(fixture.remove("_User", json!({})).await.unwrap_err().0, 1);
}

async fn operations_reach_into_internal_columns(fixture: Fixture) {
    let mfa = json!({"authData": {"mfa": {"secret": "s", "recovery": ["a", "b"]}}});
    let id = fixture.sign_up(json!({"username": "ada"}), owned(mfa)).await.unwrap();
    let row = json!({"objectId": id});
    let count = |amount| json!({"_failed_login_count": {"__op": "Increment", "amount": amount}});
    fixture.change("_User", row.clone(), count(1), false).await.unwrap();
    let changed = fixture.change("_User", row.clone(), count(2), false).await.unwrap().unwrap();
    assert_eq!(changed["_failed_login_count"], 3);

    let add = json!({"_password_history": {"__op": "Add", "objects": ["x", "y"]}});
    assert_eq!(
        fixture.change("_User", row.clone(), add, false).await.unwrap().unwrap()["_password_history"],
        json!(["x", "y"])
    );
    // A recovery code counts once: whoever removes it has found it.
    let with_code = json!({"objectId": id, "authData.mfa.recovery": "a"});
    let used = json!({"authData.mfa.recovery": {"__op": "Remove", "objects": ["a"]}});
    let changed = fixture.change("_User", with_code.clone(), used.clone(), false).await.unwrap().unwrap();
    assert_eq!(changed["authData"]["mfa"], json!({"secret": "s", "recovery": ["b"]}));
    assert_eq!(fixture.change("_User", with_code, used, false).await.unwrap(), None);

    let unlink = json!({"authData": {"mfa": null, "github": {"id": "1"}}});
    let changed = fixture.change("_User", row, unlink, false).await.unwrap().unwrap();
    assert_eq!(changed["authData"], json!({"github": {"id": "1"}}));
}

async fn only_a_touch_makes_a_row_newer(fixture: Fixture) {
    let row = json!({"objectId": "s1", "createdAt": "2020-01-01T00:00:00.000Z", "sessionToken": "r:1"});
    let stored = fixture.insert("_Session", row).await.unwrap();
    assert_eq!(stored["updatedAt"], "2020-01-01T00:00:00.000Z");
    let touched = |touch| {
        let changes = json!({"installationId": "i"});
        fixture.change("_Session", json!({"objectId": "s1"}), changes, touch)
    };
    assert_eq!(touched(false).await.unwrap().unwrap()["updatedAt"], "2020-01-01T00:00:00.000Z");
    let newer = touched(true).await.unwrap().unwrap();
    assert!(newer["updatedAt"].as_str().unwrap() > "2026");
    assert_eq!(newer["createdAt"], "2020-01-01T00:00:00.000Z");
}

async fn the_old_token_of_a_user_can_be_seen_and_removed(fixture: Fixture) {
    let user = RawDocumentBuf::try_from(&doc! { "_id": "u1", "username": "ada", "_session_token": "old" }).unwrap();
    fixture.store.insert(&ClassName::new("_User").unwrap(), user).await.unwrap();
    let filter = json!({"_session_token": "old"});
    let rows = fixture.rows("_User", filter.clone()).await;
    assert_eq!(rows, [json!({"objectId": "u1", "username": "ada", "_session_token": "old"})]);
    let removal = json!({"_session_token": {"__op": "Delete"}});
    let changed = fixture.change("_User", filter.clone(), removal, false).await.unwrap().unwrap();
    assert_eq!(changed.get("_session_token"), None);
    assert!(fixture.rows("_User", filter).await.is_empty());
}

async fn sessions_are_rows(fixture: Fixture) {
    let user = |id: &str| json!({"__type": "Pointer", "className": "_User", "objectId": id});
    let expires = json!({"__type": "Date", "iso": "2030-01-01T00:00:00.000Z"});
    for (token, id) in [("r:1", "u1"), ("r:2", "u1"), ("r:3", "u2")] {
        let row =
            json!({"sessionToken": token, "user": user(id), "createdWith": {"action": "login"}, "expiresAt": expires});
        let stored = fixture.insert("_Session", row.clone()).await.unwrap();
        for (name, value) in row.as_object().unwrap() {
            assert_eq!(stored[name], *value, "{name}");
        }
    }
    let found = fixture.rows("_Session", json!({"sessionToken": "r:1"})).await;
    assert_eq!((found.len(), &found[0]["user"]), (1, &user("u1")));
    let others = json!({"user": user("u1"), "sessionToken": {"$ne": "r:1"}});
    assert_eq!(fixture.remove("_Session", others).await.unwrap(), 1);
    let request = FindRowsRequest {
        class_name: "_Session".to_owned(),
        order: vec!["-sessionToken".to_owned()],
        limit: 1,
        skip: 1,
        ..Default::default()
    };
    assert_eq!(fixture.rows_of(request).await[0]["sessionToken"], "r:1");
    // What there is now is as good as stored by anybody else.
    assert_eq!(fixture.master().find("_Session", json!({"sessionToken": "r:3"})).await.unwrap().len(), 1);
}

async fn texts_are_found_whatever_their_case(fixture: Fixture) {
    fixture.service.prepare_database().await.unwrap();
    let id = fixture.sign_up(json!({"username": "Ada.(L)", "email": "Ada@x.org"}), owned(json!({}))).await.unwrap();
    let look = async |filter: Json, ignore_case| {
        let class_name = "_User".to_owned();
        let request = FindRowsRequest { class_name, r#where: bytes(&filter), ignore_case, ..Default::default() };
        fixture.rows_of(request).await.len()
    };
    for filter in [
        json!({"username": "ADA.(l)"}),
        json!({"email": "ada@X.org"}),
        json!({"email": {"$in": ["x", "ADA@X.ORG"]}}),
        json!({"$or": [{"email": "ada@x.org"}, {"username": "x"}]}),
        json!({"username": "ada.(l)", "objectId": {"$ne": "other"}}),
    ] {
        assert_eq!(look(filter.clone(), true).await, 1, "{filter}");
        assert_eq!(look(filter.clone(), false).await, 0, "{filter}");
    }
    for filter in [json!({"username": "ada-(l)"}), json!({"username": "ada.(l)", "objectId": {"$ne": id}})] {
        assert_eq!(look(filter.clone(), true).await, 0, "{filter}");
    }
}

async fn rows_belong_to_classes_with_an_owner(fixture: Fixture) {
    fixture.master().object("Score", json!({"n": 1})).await;
    for class in ["Score", "_Installation", "_Join:likes:Score", "_SCHEMA", "_Hooks"] {
        let request = FindRowsRequest { class_name: class.to_owned(), ..Default::default() };
        assert!(fixture.service.find_rows(&request).await.is_err(), "{class}");
        assert!(fixture.insert(class, json!({"n": 1})).await.is_err(), "{class}");
        assert!(fixture.remove(class, json!({"n": 1})).await.is_err(), "{class}");
    }
    let row = json!({"owningId": "r1", "relatedId": "u1"});
    fixture.store.insert(&ClassName::new("_Join:users:_Role").unwrap(), join("r1", "u1")).await.unwrap();
    let rows = fixture.rows("_Join:users:_Role", json!({"relatedId": {"$in": ["u1", "u2"]}})).await;
    assert_eq!((&rows[0]["owningId"], rows.len()), (&row["owningId"], 1));
}

fn join(owner: &str, related: &str) -> RawDocumentBuf {
    let row = doc! { "_id": bson::oid::ObjectId::new(), "owningId": owner, "relatedId": related };
    RawDocumentBuf::try_from(&row).unwrap()
}

async fn the_outbox_is_there_for_nobody_else(fixture: Fixture) {
    let due = json!({"__type": "Date", "iso": "2026-01-01T00:00:00.000Z"});
    let intent = json!({"objectId": "o1", "job": {"kind": "mail", "to": ["a"]}, "due": due});
    let stored = fixture.insert("_Outbox", intent.clone()).await.unwrap();
    assert_eq!((&stored["job"], &stored["due"]), (&intent["job"], &intent["due"]));
    assert_eq!(fixture.rows("_Outbox", json!({"due": {"$lte": due}})).await.len(), 1);

    let master = fixture.master();
    assert!(master.find("_Outbox", json!({})).await.unwrap_or_default().is_empty());
    assert!(master.get("_Outbox", "o1").await.is_err());
    assert!(master.create("_Outbox", json!({"job": 1})).await.is_err());
    assert!(master.update("_Outbox", "o1", json!({"job": 1})).await.is_err());
    assert!(master.delete("_Outbox", "o1").await.is_err());
    let inside = json!({"objectId": {"$inQuery": {"className": "_Outbox", "where": {}}}});
    assert!(master.find("_User", inside).await.unwrap_or_default().is_empty());
    let schemas = fixture.service.list_schemas(&ListSchemasRequest { context: context(MASTER) }).await.unwrap();
    assert!(!String::from_utf8_lossy(&schemas).contains("Outbox"));

    let claimed = fixture.change("_Outbox", json!({"objectId": "o1"}), json!({"owner": "me"}), false).await;
    assert_eq!(claimed.unwrap().unwrap()["owner"], "me");
    assert_eq!(fixture.remove("_Outbox", json!({"objectId": "o1"})).await.unwrap(), 1);
}

async fn users_are_written_by_way_of_their_owner(fixture: Fixture) {
    let service = &fixture.service;
    let id = fixture.sign_up(json!({"username": "ada"}), Owned::default()).await.unwrap();
    for caller in [NOBODY, MASTER, (Privilege::Maintenance, ""), (Privilege::User, &*id)] {
        for class in ["_User", "_Session"] {
            let refused = service.create_object(&creation(caller, class, json!({}), None)).await;
            assert_eq!(refused.unwrap_err().code as i32, 108, "{caller:?}");
            let refused = service.update_object(&update(caller, class, &id, json!({"a": 1}), None)).await;
            assert_eq!(refused.unwrap_err().code as i32, 108, "{caller:?}");
            let request = deletion(caller, class, &id, None);
            assert_eq!(service.delete_object(&request).await.unwrap_err().code as i32, 108, "{caller:?}");
        }
        let refused =
            service.create_object(&creation(caller, "_Installation", json!({}), Some(Owned::default()))).await;
        assert_eq!(refused.unwrap_err().code as i32, 108, "{caller:?}");
    }
    let read_only = (Privilege::ReadOnlyMaster, "");
    let refused = service.update_object(&update(read_only, "_User", &id, json!({}), Some(Owned::default()))).await;
    assert_eq!(refused.unwrap_err().code as i32, 119);
    // The permissions of the object hold for who asks.
    let stranger = deletion((Privilege::User, "other"), "_User", &id, Some(Owned::default()));
    assert_eq!(service.delete_object(&stranger).await.unwrap_err().code as i32, 101);
    service.delete_object(&deletion((Privilege::User, &id), "_User", &id, Some(Owned::default()))).await.unwrap();
    assert!(fixture.rows("_User", json!({})).await.is_empty());
}

fn deletion(caller: (Privilege, &str), class: &str, id: &str, owned: Option<Owned>) -> DeleteRequest {
    let (class_name, object_id) = (class.to_owned(), id.to_owned());
    DeleteRequest { context: context(caller), class_name, object_id, owned, ..DeleteRequest::default() }
}

async fn what_is_added_is_beyond_the_caller_s_rights(fixture: Fixture) {
    let closed =
        json!({"create": {"*": true}, "update": {"*": true}, "get": {"*": true}, "find": {"*": true}, "addField": {}});
    fixture.class("_User", &[], closed).await;
    // The caller adds no field and names no internal column, whatever is added.
    let service = &fixture.service;
    let refused = service.create_object(&creation(NOBODY, "_User", json!({"new": 1}), Some(owned(json!({}))))).await;
    assert_eq!(refused.unwrap_err().code as i32, 119);
    let body = json!({"_hashed_password": "mine"});
    let refused = service.create_object(&creation(NOBODY, "_User", body, Some(owned(json!({}))))).await;
    assert_eq!(refused.unwrap_err().code as i32, 105);

    let added =
        Owned { object_id: "chosen".to_owned(), ..owned(json!({"_hashed_password": "h", "emailVerified": false})) };
    let body = json!({"username": "ada", "emailVerified": true});
    let request = creation(NOBODY, "_User", body, Some(added));
    let created = service.create_object(&request).await.unwrap();
    assert_eq!(created.id.as_str(), "chosen");
    assert!(!String::from_utf8_lossy(&created.body).contains("_hashed_password"));
    let row = fixture.rows("_User", json!({"objectId": "chosen"})).await.remove(0);
    assert_eq!((&row["_hashed_password"], &row["emailVerified"]), (&json!("h"), &json!(false)));

    let me = (Privilege::User, "chosen");
    let added = owned(json!({"_hashed_password": "h2", "_perishable_token": {"__op": "Delete"}}));
    let reply = service.update_object(&update(me, "_User", "chosen", json!({"email": "a@x.org"}), Some(added))).await;
    assert_eq!(parsed(&reply.unwrap()).as_object().unwrap().len(), 1);
    let row = fixture.rows("_User", json!({"objectId": "chosen"})).await.remove(0);
    assert_eq!((&row["_hashed_password"], &row["email"]), (&json!("h2"), &json!("a@x.org")));
}

async fn a_condition_that_does_not_hold_leaves_no_object(fixture: Fixture) {
    let id = fixture.sign_up(json!({"username": "ada"}), owned(json!({"_perishable_token": "t"}))).await.unwrap();
    let condition = |token: &str| Owned { r#where: bytes(&json!({"_perishable_token": token})), ..Owned::default() };
    let change = |token| update(MASTER, "_User", &id, json!({"n": 1}), Some(condition(token)));
    let missed = fixture.service.update_object(&change("other")).await.unwrap_err();
    assert_eq!(missed.code as i32, 101);
    fixture.service.update_object(&change("t")).await.unwrap();
    let missed = fixture.service.delete_object(&deletion(MASTER, "_User", &id, Some(condition("other")))).await;
    assert_eq!(missed.unwrap_err().code as i32, 101);
    fixture.service.delete_object(&deletion(MASTER, "_User", &id, Some(condition("t")))).await.unwrap();
}

async fn a_user_gets_the_first_permissions_there_are(fixture: Fixture) {
    let own = json!({"read": true, "write": true});
    let public = json!({"*": {"read": true}});
    let acl = async |body: Json, added: Owned| {
        let id = fixture.sign_up(body, added).await.unwrap();
        let row = fixture.rows("_User", json!({"objectId": id})).await.remove(0);
        let mut acl = row["ACL"].as_object().unwrap().clone();
        assert_eq!(acl.remove(&id), Some(own.clone()));
        Json::Object(acl)
    };
    let fallback = || Owned { default_acl: bytes(&public), ..Owned::default() };
    let body = |name: &str| json!({"username": name});
    assert_eq!(acl(body("a"), Owned::default()).await, json!({}));
    assert_eq!(acl(body("b"), fallback()).await, public);
    let given = json!({"role:x": {"write": true}});
    assert_eq!(acl(json!({"username": "c", "ACL": given}), fallback()).await, given);
    let open = json!({"*": true});
    let class_acl = json!({"role:class": {"read": true}, "currentUser": {"read": true}});
    let permissions = Some(json!({"create": open, "addField": open, "ACL": class_acl}));
    let edit = ClassEdit { permissions, ..ClassEdit::default() };
    fixture.store.edit_class(&ClassName::new("_User").unwrap(), &edit).await.unwrap();
    fixture.service.schema_changed_elsewhere().await.unwrap();
    assert_eq!(acl(body("d"), fallback()).await, json!({"role:class": {"read": true}}));
    let added = Owned { default_acl: bytes(&public), ..owned(json!({"ACL": {"role:owner": {"read": true}}})) };
    assert_eq!(acl(json!({"username": "e", "ACL": given}), added).await, json!({"role:owner": {"read": true}}));
}

async fn callers_change_their_own_sessions_only(fixture: Fixture) {
    let user = |id: &str| json!({"__type": "Pointer", "className": "_User", "objectId": id});
    fixture.insert("_Session", json!({"objectId": "s1", "user": user("u1"), "sessionToken": "r:1"})).await.unwrap();
    let change = |caller| update(caller, "_Session", "s1", json!({"note": "x"}), Some(Owned::default()));
    let service = &fixture.service;
    for (caller, code) in [(NOBODY, 209), ((Privilege::Maintenance, ""), 209), ((Privilege::User, "u2"), 101)] {
        assert_eq!(service.update_object(&change(caller)).await.unwrap_err().code as i32, code, "{caller:?}");
        let request = deletion(caller, "_Session", "s1", Some(Owned::default()));
        assert_eq!(service.delete_object(&request).await.unwrap_err().code as i32, code, "{caller:?}");
    }
    service.update_object(&change((Privilege::User, "u1"))).await.unwrap();
    service.update_object(&change(MASTER)).await.unwrap();
    let request = deletion((Privilege::User, "u1"), "_Session", "s1", Some(Owned::default()));
    service.delete_object(&request).await.unwrap();
}

async fn each_unique_value_has_an_answer_of_its_own(fixture: Fixture) {
    fixture.service.prepare_database().await.unwrap();
    let anonymous = |id: &str| owned(json!({"authData": {"anonymous": {"id": id}}}));
    fixture.sign_up(json!({"username": "a", "email": "a@x"}), anonymous("1")).await.unwrap();
    let second = fixture.sign_up(json!({"username": "b", "email": "b@x"}), anonymous("2")).await.unwrap();
    let taken = [
        (json!({"username": "a"}), anonymous("3"), 202, "Account already exists for this username."),
        (json!({"email": "a@x"}), anonymous("3"), 203, "Account already exists for this email address."),
        (json!({}), anonymous("1"), 208, "this auth is already used"),
    ];
    for (body, added, code, text) in taken {
        let created = fixture.sign_up(body.clone(), added.clone()).await;
        assert_eq!(created.unwrap_err(), (code, text.to_owned()));
        let request = update(MASTER, "_User", &second, body.clone(), Some(added.clone()));
        assert_eq!(known(fixture.service.update_object(&request).await.unwrap_err()), (code, text.to_owned()));
        let operation = Kind::Create(creation(NOBODY, "_User", body, Some(added)));
        let operations = vec![Operation { operation: Some(operation) }];
        let refused = fixture.service.transact(&TransactRequest { operations, once: None }).await;
        assert_eq!(known(refused.unwrap_err()), (code, text.to_owned()));
    }
    let row = fixture.change("_User", json!({"objectId": second}), json!({"username": "a"}), false).await;
    assert_eq!(row.unwrap_err().0, 202);
    // What is not there is not taken: two users without an address.
    for name in ["c", "d"] {
        fixture.sign_up(json!({"username": name}), Owned::default()).await.unwrap();
    }
}

async fn names_differ_in_more_than_case(fixture: Fixture) {
    fixture.service.prepare_database().await.unwrap();
    fixture.sign_up(json!({"username": "Ada", "email": "Ada@x.org"}), Owned::default()).await.unwrap();
    let refused = fixture.sign_up(json!({"username": "aDA"}), Owned::default()).await;
    assert_eq!(refused.unwrap_err(), (202, "Account already exists for this username.".to_owned()));
    let refused = fixture.sign_up(json!({"username": "b", "email": "ada@X.ORG"}), Owned::default()).await;
    assert_eq!(refused.unwrap_err(), (203, "Account already exists for this email address.".to_owned()));
    let attempts = (0..20).map(|number| {
        let name: String = (0..5).map(|bit| if number >> bit & 1 == 1 { 'R' } else { 'r' }).collect();
        fixture.sign_up(json!({"username": name}), Owned::default())
    });
    let outcomes = futures_util::future::join_all(attempts).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().flat_map(|outcome| outcome.as_ref().err()).all(|(code, _)| *code == 202));
}

async fn users_who_differ_only_in_case_already_are_no_obstacle(fixture: Fixture) {
    for name in ["Ada", "ada"] {
        fixture.sign_up(json!({"username": name}), Owned::default()).await.unwrap();
    }
    fixture.service.prepare_database().await.unwrap();
    fixture.service.ready().await.unwrap();
    fixture.sign_up(json!({"username": "bob", "email": "b@x.org"}), Owned::default()).await.unwrap();
    // What the rows allow is kept unique.
    assert_eq!(fixture.sign_up(json!({"username": "Ada"}), Owned::default()).await.unwrap_err().0, 202);
    let refused = fixture.sign_up(json!({"username": "c", "email": "B@x.org"}), Owned::default()).await;
    assert_eq!(refused.unwrap_err().0, 203);
}

async fn a_transaction_adds_what_the_owner_says(fixture: Fixture) {
    let create = creation(
        NOBODY,
        "_User",
        json!({"username": "a", "n": 1}),
        Some(Owned { object_id: "u1".to_owned(), ..owned(json!({"_hashed_password": "h"})) }),
    );
    let change =
        update((Privilege::User, "u1"), "_User", "u1", json!({"n": 2}), Some(owned(json!({"_hashed_password": "h2"}))));
    let operations = [Kind::Create(create), Kind::Update(change)];
    let operations = operations.map(|operation| Operation { operation: Some(operation) }).to_vec();
    fixture.service.transact(&TransactRequest { operations, once: None }).await.unwrap();
    let row = fixture.rows("_User", json!({"objectId": "u1"})).await.remove(0);
    assert_eq!((&row["n"], &row["_hashed_password"]), (&json!(2), &json!("h2")));
}
