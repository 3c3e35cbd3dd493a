#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use super::*;

fn find<'a>(verb: &str, path: &'a str) -> Option<Route<'a>> {
    Route::find(&Verb::parse(verb), path).unwrap()
}

#[test]
fn classes_have_five_routes() {
    let (class, id) = (Cow::from("A"), Cow::from("x"));
    assert_eq!(find("GET", "/classes/A"), Some(Route::Find { class: class.clone() }));
    assert_eq!(find("POST", "/classes/A"), Some(Route::Create { class: class.clone() }));
    assert_eq!(find("GET", "/classes/A/x"), Some(Route::Get { class: class.clone(), id: id.clone() }));
    assert_eq!(find("PUT", "/classes/A/x"), Some(Route::Update { class: class.clone(), id: id.clone() }));
    assert_eq!(find("DELETE", "/classes/A/x"), Some(Route::Delete { class, id }));
    for (verb, path) in [("PUT", "/classes/A"), ("DELETE", "/classes/A"), ("POST", "/classes/A/x")] {
        assert_eq!(find(verb, path), None, "{verb} {path}");
    }
}

#[test]
fn case_and_one_trailing_slash_do_not_matter() {
    assert_eq!(find("GET", "/Classes/A/"), Some(Route::Find { class: "A".into() }));
    assert_eq!(find("GET", "/SERVERINFO"), Some(Route::ServerInfo));
    assert_eq!(find("POST", "/batch/"), Some(Route::Batch));
    for path in ["/classes/A//", "/classes//A", "/classes/", "/classes", "/", "", "//classes/A", "/classes/A/x/y"] {
        assert_eq!(find("GET", path), None, "{path}");
    }
    assert_eq!(find("get", "/classes/A"), None);
    assert_eq!(find("GET", "/%63lasses/A"), None);
}

#[test]
fn names_are_decoded() {
    assert_eq!(find("GET", "/classes/A%2Fb/%C3%A9"), Some(Route::Get { class: "A/b".into(), id: "é".into() }));
    for path in ["/classes/A/%zz", "/classes/A/%", "/classes/A/%FF"] {
        let name = path.rsplit('/').next().unwrap();
        let expected = Failure::http(400, format!("Failed to decode param '{name}'"));
        assert_eq!(Route::find(&Verb::Get, path), Err(expected));
    }
    assert_eq!(find("PATCH", "/classes/A/%zz"), None);
}

#[test]
fn some_classes_have_routes_of_their_own() {
    assert_eq!(find("GET", "/users"), Some(Route::Find { class: "_User".into() }));
    assert_eq!(find("GET", "/Roles/x/"), Some(Route::Get { class: "_Role".into(), id: "x".into() }));
    assert_eq!(find("PUT", "/sessions/x"), Some(Route::Update { class: "_Session".into(), id: "x".into() }));
    assert_eq!(
        find("DELETE", "/installations/x"),
        Some(Route::Delete { class: "_Installation".into(), id: "x".into() })
    );
    assert_eq!(find("POST", "/roles"), Some(Route::Create { class: "_Role".into() }));
    for (verb, path) in [("PUT", "/roles"), ("POST", "/roles/x"), ("GET", "/users/x/y"), ("GET", "/users//")] {
        assert_eq!(find(verb, path), None, "{verb} {path}");
    }
}

#[test]
fn me_is_an_id_only_to_those_who_do_not_read() {
    assert_eq!(find("GET", "/users/me"), Some(Route::CurrentUser));
    assert_eq!(find("GET", "/Sessions/Me/"), Some(Route::CurrentSession));
    assert_eq!(find("PUT", "/users/me"), Some(Route::Update { class: "_User".into(), id: "me".into() }));
    assert_eq!(find("GET", "/roles/me"), Some(Route::Get { class: "_Role".into(), id: "me".into() }));
    assert_eq!(find("GET", "/classes/_User/me"), Some(Route::Get { class: "_User".into(), id: "me".into() }));
}

#[test]
fn mails_are_sent_only() {
    assert_eq!(find("POST", "/Emails/"), Some(Route::SendEmail));
    for (verb, path) in [("GET", "/emails"), ("PUT", "/emails"), ("DELETE", "/emails"), ("POST", "/emails/x")] {
        assert_eq!(find(verb, path), None, "{verb} {path}");
    }
}

#[test]
fn hooks_of_triggers_have_four_routes() {
    let (class, trigger) = (Cow::from("A"), Cow::from("beforeSave"));
    assert_eq!(find("GET", "/hooks/triggers"), Some(Route::Hooks(HookCall::List)));
    assert_eq!(find("POST", "/Hooks/Triggers/"), Some(Route::Hooks(HookCall::Register)));
    let get = HookCall::Get { class: class.clone(), trigger: trigger.clone() };
    assert_eq!(find("GET", "/hooks/triggers/A/beforeSave"), Some(Route::Hooks(get)));
    let replace = HookCall::Replace { class, trigger };
    assert_eq!(find("PUT", "/hooks/triggers/%41/beforeSave/"), Some(Route::Hooks(replace)));
    for (verb, path) in [
        ("GET", "/hooks"),
        ("GET", "/hooks/triggers/A"),
        ("PUT", "/hooks/triggers"),
        ("DELETE", "/hooks/triggers/A/beforeSave"),
        ("POST", "/hooks/triggers/A/beforeSave"),
        ("GET", "/hooks/triggers//beforeSave"),
        ("GET", "/hooks/triggers/A//"),
        ("GET", "/hooks/triggers/A/beforeSave/x"),
        ("GET", "/hooks/functions"),
        ("GET", "/other/triggers/A/beforeSave"),
    ] {
        assert_eq!(find(verb, path), None, "{verb} {path}");
    }
}
