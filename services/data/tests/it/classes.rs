//! Classes that are changed on request and by the configuration, by several processes at a time.

use futures_util::future::join_all;
use parsefleet_core::{
    schema::{Definition, DefinitionRules, IndexFields, SchemaRules},
    update::ObjectIds,
};
use parsefleet_data::{DataService, Settings};
use parsefleet_proto::{
    error_from_status,
    v1::{
        CreateSchemaRequest, DeleteSchemaRequest, GetSchemaRequest, ListSchemasRequest, ModifySchemaRequest, Privilege,
        RequestContext, schemas_client::SchemasClient,
    },
};
use parsefleet_runtime::{config::DefinedClasses, rpc::Channel};
use serde_json::{Value as Json, json};
use tonic::Status;

use crate::fixture::{Answer, Client, Fixture, settings};

crate::on_both_stores!(
    classes_are_listed_in_the_order_they_came,
    simultaneous_changes_all_count,
    a_class_that_is_written_to_while_it_goes_comes_back,
    a_field_that_is_written_to_while_it_goes_comes_back,
    parse_s_own_indexes_outlive_their_class,
    a_change_that_the_database_refuses_changes_nothing,
    defined_classes_are_there_before_the_first_request,
    every_process_defines_the_same,
    definitions_that_cost_data,
    locked_classes,
);

/// Asks about classes with the master key.
struct Schemas {
    client: SchemasClient<Channel>,
    context: Option<RequestContext>,
}

impl Schemas {
    fn of(service: &DataService) -> Self {
        let context = RequestContext { privilege: Privilege::Master as i32, ..RequestContext::default() };
        let client = SchemasClient::new(Channel::local(service.clone().into_schemas_server()));
        Self { client, context: Some(context) }
    }

    async fn list(&self) -> Vec<Json> {
        let request = ListSchemasRequest { context: self.context.clone() };
        let body = self.client.clone().list(request).await.unwrap().into_inner().body;
        serde_json::from_slice::<Json>(&body).unwrap()["results"].as_array().unwrap().clone()
    }

    async fn names(&self) -> Vec<String> {
        self.list().await.iter().map(|class| class["className"].as_str().unwrap().to_owned()).collect()
    }

    async fn get(&self, class: &str) -> Answer {
        let request = GetSchemaRequest { context: self.context.clone(), class_name: class.to_owned() };
        answer(self.client.clone().get(request).await.map(|answer| answer.into_inner().body))
    }

    async fn create(&self, class: &str, body: Json) -> Answer {
        let body = body.to_string().into();
        let request = CreateSchemaRequest { context: self.context.clone(), class_name: class.to_owned(), body };
        answer(self.client.clone().create(request).await.map(|answer| answer.into_inner().body))
    }

    async fn modify(&self, class: &str, body: Json) -> Answer {
        let body = body.to_string().into();
        let request = ModifySchemaRequest { context: self.context.clone(), class_name: class.to_owned(), body };
        answer(self.client.clone().modify(request).await.map(|answer| answer.into_inner().body))
    }

    async fn delete(&self, class: &str) -> Answer<()> {
        let request = DeleteSchemaRequest { context: self.context.clone(), class_name: class.to_owned() };
        self.client.clone().delete(request).await.map(|_| ()).map_err(refusal)
    }
}

fn answer(answer: Result<impl AsRef<[u8]>, Status>) -> Answer {
    answer.map(|body| serde_json::from_slice(body.as_ref()).unwrap()).map_err(refusal)
}

fn refusal(status: Status) -> (i32, String) {
    let error = error_from_status(&status).unwrap();
    (error.code as i32, error.message)
}

fn public(service: &DataService) -> Client {
    Client::new(service, Privilege::Public, "", &[])
}

async fn classes_are_listed_in_the_order_they_came(fixture: Fixture) {
    let schemas = Schemas::of(&fixture.service);
    assert!(schemas.list().await.is_empty());
    for class in ["Zebra", "Ant", "Monkey"] {
        schemas.create(class, json!({"fields": {"z": {"type": "String"}, "a": {"type": "String"}}})).await.unwrap();
    }
    assert_eq!(schemas.names().await, ["Zebra", "Ant", "Monkey"]);
    assert_eq!(schemas.list().await[1], schemas.get("Ant").await.unwrap());
    fixture.public().object("Late", json!({"n": 1})).await;
    assert_eq!(schemas.names().await.last().unwrap(), "Late");
}

async fn simultaneous_changes_all_count(fixture: Fixture) {
    let services: Vec<_> = (0..4).map(|_| fixture.another_service(settings())).collect();
    let created = services.iter().map(|service| async { Schemas::of(service).create("Race", json!({})).await });
    let created = join_all(created).await;
    assert_eq!(created.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{created:?}");
    let exists = (103, "Class Race already exists.".to_owned());
    assert!(created.iter().flat_map(|outcome| outcome.as_ref().err()).all(|refused| *refused == exists));

    let changes = (0..16).map(|number| {
        let schemas = Schemas::of(&services[number % 4]);
        let field = format!("field{number}");
        async move {
            let indexes = json!({format!("index{number}"): {&field: 1}});
            schemas.modify("Race", json!({"fields": {field: {"type": "Number"}}, "indexes": indexes})).await
        }
    });
    for outcome in join_all(changes).await {
        outcome.unwrap();
    }
    let class = Schemas::of(&fixture.service).get("Race").await.unwrap();
    assert_eq!(class["fields"].as_object().unwrap().len(), 4 + 16);
    assert_eq!(class["indexes"].as_object().unwrap().len(), 1 + 16);

    // The same field with two types: one of them wins.
    let types = ["Number", "String"].iter().cycle().take(8).enumerate().map(|(number, type_name)| {
        let schemas = Schemas::of(&services[number % 4]);
        async move { schemas.modify("Race", json!({"fields": {"same": {"type": type_name}}})).await }
    });
    let outcomes = join_all(types).await;
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(refused.len(), 4, "{outcomes:?}");
    assert!(refused.iter().all(|refused| refused.0 == 255), "{refused:?}");
}

async fn a_class_that_is_written_to_while_it_goes_comes_back(fixture: Fixture) {
    // This process hears of nothing for the time being.
    let deaf = fixture.another_service(settings());
    let schemas = Schemas::of(&fixture.service);
    let permissions = json!({"create": {"*": true}, "addField": {"*": true}});
    schemas.create("Vanishing", json!({"classLevelPermissions": permissions})).await.unwrap();
    let id = public(&deaf).object("Vanishing", json!({"n": 1})).await;
    assert_eq!(schemas.delete("Vanishing").await.unwrap_err().0, 255);
    fixture.master().delete("Vanishing", &id).await.unwrap();
    schemas.delete("Vanishing").await.unwrap();
    assert_eq!(schemas.get("Vanishing").await.unwrap_err().0, 103);

    public(&deaf).object("Vanishing", json!({"n": 2})).await;
    deaf.schema_changed_elsewhere().await.unwrap();
    // It looks for objects behind the scenes.
    let mut class = schemas.get("Vanishing").await;
    for _ in 0..100 {
        if class.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        class = schemas.get("Vanishing").await;
    }
    let class = class.unwrap();
    assert_eq!(class["fields"]["n"], json!({"type": "Number"}));
    assert_eq!(class["classLevelPermissions"]["find"], json!({}), "as closed as it was");
    assert_eq!(fixture.master().find("Vanishing", json!({})).await.unwrap().len(), 1);
}

async fn a_field_that_is_written_to_while_it_goes_comes_back(fixture: Fixture) {
    let schemas = Schemas::of(&fixture.service);
    let client = fixture.public();
    client.object("Busy", json!({"n": 0})).await;
    let writes = async {
        for number in 1..40 {
            client.object("Busy", json!({"n": number})).await;
        }
    };
    let removals = async {
        for _ in 0..10 {
            // Who finds it gone already was too fast.
            let outcome = schemas.modify("Busy", json!({"fields": {"n": {"__op": "Delete"}}})).await;
            assert!(outcome.is_ok() || outcome.unwrap_err().0 == 255);
        }
    };
    futures_util::future::join(writes, removals).await;
    client.object("Busy", json!({"n": 40})).await;
    let class = schemas.get("Busy").await.unwrap();
    assert_eq!(class["fields"]["n"], json!({"type": "Number"}));
    assert_eq!(client.find("Busy", json!({})).await.unwrap().len(), 41);
    assert_eq!(client.find("Busy", json!({"n": 40})).await.unwrap().len(), 1);
}

async fn parse_s_own_indexes_outlive_their_class(fixture: Fixture) {
    fixture.service.prepare_database().await.unwrap();
    let schemas = Schemas::of(&fixture.service);
    schemas.delete("_Role").await.unwrap();
    let role = json!({"name": "same", "ACL": {}});
    fixture.master().create("_Role", role.clone()).await.unwrap();
    assert_eq!(fixture.master().create("_Role", role).await.unwrap_err().0, 137);
}

async fn a_change_that_the_database_refuses_changes_nothing(fixture: Fixture) {
    let schemas = Schemas::of(&fixture.service);
    let id = fixture.master().object("Foo", json!({"old": 1, "title": "t", "body": "b"})).await;
    schemas.modify("Foo", json!({"indexes": {"kept": {"old": 1}}})).await.unwrap();
    let before = schemas.get("Foo").await.unwrap();
    // Two indexes of texts are too many for MongoDB, and one is for the embedded store.
    let change = json!({
        "fields": {"old": {"__op": "Delete"}, "new": {"type": "Number"}},
        "classLevelPermissions": {"find": {}},
        "indexes": {"kept": {"__op": "Delete"}, "one": {"title": "text"}, "two": {"body": "text"}},
    });
    assert_eq!(schemas.modify("Foo", change).await.unwrap_err().0, 102);
    assert_eq!(schemas.get("Foo").await.unwrap(), before);
    assert_eq!(fixture.master().get("Foo", &id).await.unwrap()["old"], 1);
}

fn defined(rules: DefinitionRules, lock: bool) -> Settings {
    let classes = json!([
        {
            "className": "Game",
            "fields": {"name": {"type": "String", "required": true}, "owner": {"type": "Pointer", "targetClass": "_User"}},
            "indexes": {"name_1": {"name": 1}},
            "classLevelPermissions": {"find": {"*": true}, "create": {"*": true}, "readUserFields": ["owner"]},
        },
        {"className": "_User", "fields": {"nick": {"type": "String"}}},
    ]);
    let schema_rules = SchemaRules { user_ids: ObjectIds::Generated, index_fields: IndexFields::Known };
    let definitions = classes.as_array().unwrap().iter().map(|class| Definition::parse(class, &schema_rules).unwrap());
    let classes = DefinedClasses { definitions: definitions.collect(), rules, lock };
    Settings { lock_schemas: lock, defined_classes: Some(classes), ..settings() }
}

async fn defined_classes_are_there_before_the_first_request(fixture: Fixture) {
    fixture.public().object("Undefined", json!({"n": 1})).await;
    let service = fixture.another_service(defined(DefinitionRules::default(), false));
    let early = public(&service);
    let request = async { early.create("Game", json!({"name": "a", "extra": 1})).await };
    let preparation = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        service.prepare_database().await.unwrap();
    };
    let (outcome, ()) = futures_util::future::join(request, preparation).await;
    assert_eq!(outcome.unwrap_err(), (119, "Permission denied for action addField on class Game.".to_owned()));

    assert_eq!(early.create("Game", json!({})).await.unwrap_err(), (142, "name is required".to_owned()));
    early.object("Game", json!({"name": "a"})).await;
    assert_eq!(early.create("Undefined", json!({"new": 1})).await.unwrap_err().0, 119, "closed for new fields, too");
    early.object("Undefined", json!({"n": 2})).await;
    let schemas = Schemas::of(&service);
    let game = schemas.get("Game").await.unwrap();
    assert_eq!(game["classLevelPermissions"]["addField"], json!({}));
    assert_eq!(game["indexes"]["name_1"], json!({"name": 1}));
    assert_eq!(schemas.get("_User").await.unwrap()["fields"]["nick"], json!({"type": "String"}));
    assert!(schemas.names().await.contains(&"_Session".to_owned()));
}

async fn every_process_defines_the_same(fixture: Fixture) {
    let rules = DefinitionRules { delete_extra_fields: true, recreate_modified_fields: true, ..Default::default() };
    fixture.public().object("Game", json!({"name": 5, "extra": 1})).await;
    let services: Vec<_> = (0..4).map(|_| fixture.another_service(defined(rules, false))).collect();
    let prepared = services.iter().map(|service| async { service.prepare_database().await.unwrap() });
    join_all(prepared).await;
    let before = Schemas::of(&fixture.service).list().await;
    let game = before.iter().find(|class| class["className"] == "Game").unwrap();
    assert_eq!(game["fields"]["name"], json!({"type": "String", "required": true}));
    assert_eq!(game["fields"]["extra"], Json::Null);
    for service in &services {
        public(service).object("Game", json!({"name": "kept"})).await;
    }
    // Those that start again change nothing, and take nothing away.
    let again = fixture.another_service(defined(rules, false));
    again.prepare_database().await.unwrap();
    assert_eq!(Schemas::of(&fixture.service).list().await, before);
    assert_eq!(public(&again).find("Game", json!({"name": "kept"})).await.unwrap().len(), 4);
}

async fn definitions_that_cost_data(fixture: Fixture) {
    let id = fixture.public().object("Game", json!({"name": 5, "extra": 1})).await;
    let careful = fixture.another_service(defined(DefinitionRules { strict: true, ..Default::default() }, false));
    careful.prepare_database().await.unwrap();
    let master = Client::new(&careful, Privilege::Master, "", &[]);
    let kept = master.get("Game", &id).await.unwrap();
    assert_eq!((&kept["name"], &kept["extra"]), (&json!(5), &json!(1)), "{kept}");

    let rules = DefinitionRules { delete_extra_fields: true, recreate_modified_fields: true, ..Default::default() };
    let thorough = fixture.another_service(defined(rules, false));
    thorough.prepare_database().await.unwrap();
    let master = Client::new(&thorough, Privilege::Master, "", &[]);
    let left = master.get("Game", &id).await.unwrap();
    assert_eq!((&left["name"], &left["extra"]), (&Json::Null, &Json::Null), "{left}");
}

async fn locked_classes(fixture: Fixture) {
    let service = fixture.another_service(defined(DefinitionRules::default(), true));
    service.prepare_database().await.unwrap();
    let schemas = Schemas::of(&service);
    let locked = (119, "Cannot perform this operation when schemas options is used.".to_owned());
    assert_eq!(schemas.create("New", json!({})).await, Err(locked.clone()));
    assert_eq!(schemas.modify("Game", json!({})).await, Err(locked));
    schemas.delete("Game").await.unwrap();
}
