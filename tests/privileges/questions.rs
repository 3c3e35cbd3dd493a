//! Every question: each route, for each kind of class where it has one.

use serde_json::{Value, json};

use crate::town::Town;

/// A request that is asked in every role.
pub(crate) struct Question {
    /// How the table calls it.
    pub(crate) name: String,
    verb: &'static str,
    path: String,
    body: Option<Value>,
}

/// A request as one role sends it.
pub(crate) struct Request {
    pub(crate) verb: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<String>,
}

/// One class of each kind: of the app, with each kind of permissions; Parse's own; joins; missing; with names that are none.
const CLASSES: [&str; 24] = [
    "Open",
    "Closed",
    "Authenticated",
    "_User",
    "_Session",
    "_Role",
    "_Installation",
    "_Product",
    "_PushStatus",
    "_JobStatus",
    "_JobSchedule",
    "_Audience",
    "_Idempotency",
    "_Hooks",
    "_GlobalConfig",
    "_GraphQLConfig",
    "_Join:users:_Role",
    "_Join:friends:Open",
    "Missing<role>",
    "_SCHEMA",
    "_Unknown",
    "1bad",
    "bad-name",
    "length",
];

/// Classes with a route of their own.
const ROUTES: [&str; 4] = ["users", "sessions", "roles", "installations"];

impl Question {
    fn new(verb: &'static str, path: impl Into<String>, body: Option<Value>) -> Self {
        let path = path.into();
        Self { name: format!("{verb} {path}"), verb, path, body }
    }

    /// The request of one role, by its place among the roles.
    pub(crate) fn request(&self, town: &Town, role: usize) -> Request {
        let fill = |text: &str| {
            let text = text.replace("<user>", &town.user).replace("<session>", &town.session);
            text.replace("<owned>", &town.owned[role]).replace("<role>", &role.to_string())
        };
        Request {
            verb: self.verb,
            path: fill(&self.path).replace(':', "%3A"),
            body: self.body.as_ref().map(|body| fill(&body.to_string())),
        }
    }
}

/// All questions, in the order in which they are asked: what changes something comes late.
pub(crate) fn all() -> Vec<Question> {
    let mut questions = routes_without_a_class();
    for class in CLASSES {
        questions.extend(of_class(&format!("/classes/{class}")));
        questions.push(batch(class));
        let overridden = json!({ "_method": "GET", "limit": 1 });
        let mut override_ = Question::new("POST", format!("/classes/{class}"), Some(overridden));
        override_.name.push_str(" as GET");
        questions.push(override_);
    }
    for route in ROUTES {
        questions.extend(of_class(&format!("/{route}")));
    }
    questions
}

fn routes_without_a_class() -> Vec<Question> {
    let plain = [
        "/health",
        "/config",
        "/serverInfo",
        "/security",
        "/users/me",
        "/sessions/me",
        "/users/<user>",
        "/sessions/<session>",
        "/classes/Open/<owned>",
        "/aggregate/Open?distinct=k",
        "/nope",
        "/classes",
    ];
    let mut questions: Vec<_> = plain.into_iter().map(|path| Question::new("GET", path, None)).collect();
    questions.push(Question::new("POST", "/batch", Some(json!({ "requests": [] }))));
    questions.extend(ways_in_and_out());
    questions.extend(schemas());
    questions.extend(hooks());
    questions.push(Question::new("PUT", "/config", Some(json!({ "params": { "p": 1 } }))));
    questions.push(Question::new("PUT", "/classes/Open/<owned>", Some(json!({ "k": 2 }))));
    questions.push(Question::new("DELETE", "/classes/Open/<owned>", None));
    questions
}

/// What logs in and out, and asks for mails. `/logout` would end the session that the other questions come with.
fn ways_in_and_out() -> Vec<Question> {
    let mut questions = Vec::new();
    let credentials = json!({ "username": "owner", "password": "secret" });
    for path in ["/login", "/verifyPassword", "/challenge"] {
        questions.push(Question::new("POST", path, Some(credentials.clone())));
    }
    for path in [
        "/login?username=owner&password=secret",
        "/verifyPassword?username=owner&password=wrong",
        "/logout",
        "/loginAs",
    ] {
        questions.push(Question::new("GET", path, None));
    }
    questions.push(Question::new("POST", "/loginAs", Some(json!({ "userId": "<user>" }))));
    questions.push(Question::new("POST", "/upgradeToRevocableSession", None));
    for path in ["/requestPasswordReset", "/verificationEmailRequest"] {
        questions.push(Question::new("POST", path, Some(json!({ "email": "nobody@example.com" }))));
    }
    let mail = json!({ "to": "nobody@example.com", "subject": "s", "text": "t" });
    questions.push(Question::new("POST", "/emails", Some(mail)));
    for (path, body) in [
        ("/users/<user>", json!({ "k": 1 })),
        ("/users/<user>", json!({ "emailVerified": true })),
        ("/users/<user>", json!({ "_failed_login_count": 1 })),
        ("/sessions/<session>", json!({ "k": 1 })),
        ("/sessions/<session>", json!({ "sessionToken": "r:x" })),
    ] {
        let mut question = Question::new("PUT", path, Some(body.clone()));
        question.name = format!("PUT {path} {body}");
        questions.push(question);
    }
    let mut sign_up = Question::new("POST", "/users", Some(json!({ "username": "new <role>", "password": "secret" })));
    sign_up.name = "POST /users with name and password".to_owned();
    questions.push(sign_up);
    questions
}

/// Classes themselves.
fn schemas() -> Vec<Question> {
    let mut questions = vec![Question::new("GET", "/schemas", None)];
    for class in ["Open", "_User", "Absent"] {
        questions.push(Question::new("GET", format!("/schemas/{class}"), None));
    }
    questions.push(Question::new("POST", "/schemas/Made<role>", Some(json!({ "className": "Made<role>" }))));
    questions.push(Question::new("POST", "/schemas", Some(json!({ "className": "Also<role>" }))));
    questions.push(Question::new("PUT", "/schemas/Open", Some(json!({ "className": "Open", "fields": {} }))));
    questions.push(Question::new("DELETE", "/purge/Absent", None));
    questions.push(Question::new("DELETE", "/purge/Made<role>", None));
    questions.push(Question::new("DELETE", "/schemas/Made<role>", None));
    questions
}

/// Who is asked when something happens to objects. What is never asked: no class has that name.
fn hooks() -> Vec<Question> {
    let hook = json!({ "className": "Hooked<role>", "triggerName": "afterSave", "url": "http://127.0.0.1:9/" });
    let path = "/hooks/triggers/Hooked<role>/afterSave";
    vec![
        Question::new("GET", "/hooks/triggers", None),
        Question::new("POST", "/hooks/triggers", Some(hook)),
        Question::new("GET", path, None),
        Question::new("PUT", path, Some(json!({ "url": "http://127.0.0.1:9/other" }))),
        {
            let mut removal = Question::new("PUT", path, Some(json!({ "__op": "Delete" })));
            removal.name.push_str(" to remove it");
            removal
        },
        Question::new("DELETE", path, None),
        Question::new("GET", "/hooks/triggers/Hooked<role>", None),
    ]
}

fn of_class(path: &str) -> Vec<Question> {
    let body = match path {
        "/roles" => json!({ "name": "Role<role>", "ACL": {} }),
        _ => json!({ "k": 1 }),
    };
    vec![
        Question::new("GET", format!("{path}?limit=0&count=1"), None),
        Question::new("GET", format!("{path}/nope"), None),
        Question::new("PUT", format!("{path}/nope"), Some(json!({ "k": 1 }))),
        Question::new("DELETE", format!("{path}/nope"), None),
        Question::new("POST", path, Some(body)),
    ]
}

/// A find and a create as parts of a batch.
fn batch(class: &str) -> Question {
    let part = |method: &str, path: String, body: Value| json!({ "method": method, "path": path, "body": body });
    let class = format!("/parse/classes/{class}");
    let parts = [part("GET", class.clone(), json!({ "limit": 1 })), part("DELETE", format!("{class}/nope"), json!({}))];
    let mut question = Question::new("POST", "/batch", Some(json!({ "requests": parts })));
    question.name = format!("batch of GET and DELETE {class}");
    question
}
