//! Hooks that come, change and go.

use bson::{Document, doc};
use futures_util::future::join_all;
use parsefleet_data::{DataService, store::Hook};
use parsefleet_proto::{
    error_from_status,
    v1::{
        self, AskHookRequest, GetHookRequest, ListHooksRequest, Privilege, RegisterHookRequest, ReplaceHookRequest,
        RequestContext, hooks_client::HooksClient,
    },
};
use parsefleet_runtime::rpc::Channel;
use serde_json::{Value as Json, json};
use tonic::Status;

use crate::{
    fixture::{Answer, Fixture, settings},
    receiver::Receiver,
};

crate::on_both_stores!(
    a_hook_is_asked_from_its_registration_to_its_removal,
    of_many_equal_hooks_one_is_registered,
    what_is_wrong_with_a_hook_is_told,
    only_the_master_key_changes_hooks,
    hooks_of_others_are_left_alone,
    only_their_owner_s_triggers_are_asked,
);

/// Asks about hooks.
struct Hooks {
    client: HooksClient<Channel>,
    context: Option<RequestContext>,
}

impl Hooks {
    fn of(service: &DataService) -> Self {
        Self::of_caller(service, Privilege::Master)
    }

    fn of_caller(service: &DataService, privilege: Privilege) -> Self {
        let context = RequestContext { privilege: privilege.into(), ..RequestContext::default() };
        let client = HooksClient::new(Channel::local(service.clone().into_hooks_server()));
        Self { client, context: Some(context) }
    }

    async fn list(&self) -> Answer<Vec<v1::Hook>> {
        let request = ListHooksRequest { context: self.context.clone() };
        Ok(self.client.clone().list(request).await.map_err(refusal)?.into_inner().hooks)
    }

    async fn get(&self, class: &str, trigger: &str) -> Answer<String> {
        let (class_name, trigger_name) = (class.to_owned(), trigger.to_owned());
        let request = GetHookRequest { context: self.context.clone(), class_name, trigger_name };
        Ok(self.client.clone().get(request).await.map_err(refusal)?.into_inner().hook.unwrap().url)
    }

    async fn register(&self, body: Json) -> Answer<String> {
        let request = RegisterHookRequest { context: self.context.clone(), body: body.to_string().into() };
        Ok(self.client.clone().register(request).await.map_err(refusal)?.into_inner().hook.unwrap().url)
    }

    async fn replace(&self, class: &str, trigger: &str, body: Json) -> Answer<Option<String>> {
        let request = ReplaceHookRequest {
            context: self.context.clone(),
            class_name: class.to_owned(),
            trigger_name: trigger.to_owned(),
            body: body.to_string().into(),
        };
        let answer = self.client.clone().replace(request).await.map_err(refusal)?.into_inner();
        Ok(answer.hook.map(|hook| hook.url))
    }

    async fn ask(&self, class: &str, trigger: &str) -> Answer<()> {
        let request = AskHookRequest {
            context: self.context.clone(),
            class_name: class.to_owned(),
            trigger_name: trigger.to_owned(),
            ..AskHookRequest::default()
        };
        self.client.clone().ask(request).await.map(drop).map_err(refusal)
    }
}

fn refusal(status: Status) -> (i32, String) {
    let error = error_from_status(&status).unwrap();
    (error.code as i32, error.message)
}

fn hook(trigger: &str, url: &str) -> Json {
    json!({ "className": "Score", "triggerName": trigger, "url": url })
}

fn error<T>(text: &str) -> Answer<T> {
    Err((143, text.to_owned()))
}

async fn a_hook_is_asked_from_its_registration_to_its_removal(fixture: Fixture) {
    let (first, second) = (Receiver::silent().await, Receiver::silent().await);
    let hooks = Hooks::of(&fixture.service);
    let client = fixture.public();
    client.create("Score", json!({})).await.unwrap();
    assert_eq!(hooks.register(hook("beforeSave", &first.url)).await.as_ref(), Ok(&first.url));
    client.create("Score", json!({})).await.unwrap();
    assert_eq!((first.take().len(), second.take().len()), (1, 0));
    let moved = hooks.replace("Score", "beforeSave", json!({ "url": second.url })).await;
    assert_eq!(moved, Ok(Some(second.url.clone())));
    client.create("Score", json!({})).await.unwrap();
    assert_eq!((first.take().len(), second.take().len()), (0, 1));
    assert_eq!(hooks.replace("Score", "beforeSave", json!({ "__op": "Delete" })).await, Ok(None));
    client.create("Score", json!({})).await.unwrap();
    assert_eq!((first.take().len(), second.take().len()), (0, 0));
    assert_eq!(hooks.list().await, Ok(Vec::new()));
}

async fn of_many_equal_hooks_one_is_registered(fixture: Fixture) {
    let services: Vec<DataService> = (0..4).map(|_| fixture.another_service(settings())).collect();
    let register = services.iter().cycle().take(20).enumerate().map(|(number, service)| async move {
        Hooks::of(service).register(hook("beforeSave", &format!("http://127.0.0.1:9/{number}"))).await
    });
    let (won, lost): (Vec<_>, Vec<_>) = join_all(register).await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 19));
    for refused in lost {
        assert_eq!(refused, error("class Score already has trigger beforeSave"));
    }
    let hooks = Hooks::of(&fixture.service);
    assert_eq!(hooks.get("Score", "beforeSave").await, won[0]);
    assert_eq!(hooks.list().await.unwrap().len(), 1);
}

async fn what_is_wrong_with_a_hook_is_told(fixture: Fixture) {
    let hooks = Hooks::of(&fixture.service);
    let url = "http://127.0.0.1:9/";
    for wrong in [
        json!({}),
        json!({ "className": "Score", "triggerName": "beforeSave" }),
        json!({ "className": 5, "triggerName": "beforeSave", "url": url }),
        hook("onSave", url),
        hook("beforeSave", ""),
        hook("beforeSave", "nowhere"),
        hook("beforeSave", "file:///etc/passwd"),
    ] {
        assert_eq!(hooks.register(wrong.clone()).await, error("invalid hook declaration"), "{wrong}");
    }
    let text = "Only the afterLogout trigger is allowed for the _Session class.";
    let of_session = json!({ "className": "_Session", "triggerName": "beforeSave", "url": url });
    assert_eq!(hooks.register(of_session).await, error(text));
    assert_eq!(hooks.get("Score", "beforeSave").await, error("class Score does not exist"));
    let missing = hooks.replace("Score", "beforeSave", json!({ "url": url })).await;
    assert_eq!(missing, error("class Score does not exist"));
    assert_eq!(hooks.replace("Score", "beforeSave", json!({})).await, error("invalid hook declaration"));
    let removed = hooks.replace("Score", "beforeSave", json!({ "__op": "Delete" })).await;
    assert_eq!(removed, Err((101, "Object not found.".to_owned())));
    hooks.register(hook("beforeSave", url)).await.unwrap();
    // That there is one is told before anything else.
    assert_eq!(hooks.register(hook("beforeSave", "")).await, error("class Score already has trigger beforeSave"));
}

async fn only_the_master_key_changes_hooks(fixture: Fixture) {
    let url = "http://127.0.0.1:9/";
    let hooks = |privilege| Hooks::of_caller(&fixture.service, privilege);
    for privilege in [Privilege::Public, Privilege::Maintenance, Privilege::ReadOnlyMaster] {
        let refused = hooks(privilege).register(hook("beforeSave", url)).await;
        assert_eq!(refused.unwrap_err().0, 119, "{privilege:?}");
        let refused = hooks(privilege).replace("Score", "beforeSave", json!({ "url": url })).await;
        assert_eq!(refused.unwrap_err().0, 119, "{privilege:?}");
    }
    for privilege in [Privilege::Public, Privilege::Maintenance] {
        assert_eq!(hooks(privilege).list().await.unwrap_err().0, 119, "{privilege:?}");
        assert_eq!(hooks(privilege).get("Score", "beforeSave").await.unwrap_err().0, 119, "{privilege:?}");
    }
    assert_eq!(hooks(Privilege::ReadOnlyMaster).list().await, Ok(Vec::new()));
}

/// Parse Server keeps those of functions in the same collection, and may have stored one twice.
async fn hooks_of_others_are_left_alone(fixture: Fixture) {
    let Some(database) = &fixture.database else { return };
    let stored = database.collection::<Document>("_Hooks");
    let ours = |url: &str| doc! { "className": "Score", "triggerName": "afterSave", "url": url };
    let function = doc! { "functionName": "hello", "url": "http://127.0.0.1:9/" };
    stored.insert_many([function, ours("http://127.0.0.1:9/a"), ours("http://127.0.0.1:9/b")]).await.unwrap();
    let hooks = Hooks::of(&fixture.service);
    assert_eq!(hooks.list().await.unwrap().len(), 2);
    assert_eq!(
        hooks.register(hook("afterSave", "http://127.0.0.1:9/")).await,
        error("class Score already has trigger afterSave")
    );
    hooks.replace("Score", "afterSave", json!({ "url": "http://127.0.0.1:9/c" })).await.unwrap();
    let all = Hook {
        class_name: "Score".to_owned(),
        trigger_name: "afterSave".to_owned(),
        url: "http://127.0.0.1:9/c".to_owned(),
    };
    assert_eq!(fixture.store.load_hooks().await.unwrap(), [all.clone(), all]);
    hooks.replace("Score", "afterSave", json!({ "__op": "Delete" })).await.unwrap();
    assert_eq!(stored.count_documents(doc! { "functionName": "hello" }).await.unwrap(), 1);
    assert_eq!(stored.count_documents(doc! {}).await.unwrap(), 1);
}

async fn only_their_owner_s_triggers_are_asked(fixture: Fixture) {
    let receiver = Receiver::silent().await;
    fixture.hook("_User", "afterSave", &receiver.url).await;
    let hooks = Hooks::of(&fixture.service);
    for trigger in ["afterSave", "beforeFind", "nothing"] {
        assert_eq!(hooks.ask("_User", trigger).await.unwrap_err().0, 1, "{trigger}");
    }
    for trigger in ["beforeSave", "beforeDelete", "beforeLogin", "afterLogin"] {
        assert_eq!(hooks.ask("_User", trigger).await, Ok(()), "nobody wants to hear of {trigger}");
    }
    assert!(receiver.take().is_empty());
}
