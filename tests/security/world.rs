//! Classes with permissions of every kind, objects in them, and the double of it all for a caller.

use std::collections::BTreeMap;

use rand::{RngExt as _, rngs::StdRng};
use serde_json::{Map, Value as Json, json};

use crate::{
    model::{Caller, hidden_fields, may_read},
    random::{date, id, number, once_in, one_of, place, pointer, pointer_to, user_id, word},
};

/// Fields of the app's classes, and their types; what begins with `h` may be protected.
pub(crate) const FIELDS: [(&str, &str); 22] = [
    ("s", "String"),
    ("n", "Number"),
    ("b", "Boolean"),
    ("d", "Date"),
    ("o", "Object"),
    ("a", "Array"),
    ("g", "GeoPoint"),
    ("t", "String"),
    ("f", "File"),
    ("p", "Card"),
    ("q", "Box"),
    ("u", "_User"),
    ("us", "Array"),
    ("h1", "String"),
    ("h2", "Number"),
    ("hd", "Date"),
    ("ho", "Object"),
    ("ha", "Array"),
    ("hg", "GeoPoint"),
    ("ht", "String"),
    ("hp", "Box"),
    ("hq", "Card"),
];

/// The app's classes.
pub(crate) const CLASSES: [&str; 3] = ["Note", "Card", "Box"];

/// Relations of the app's classes, and the classes of their objects.
pub(crate) const RELATIONS: [(&str, &str); 2] = [("r", "Box"), ("hr", "Note")];

/// Session tokens by user.
pub(crate) fn token(user: &str) -> String {
    format!("r:{user}")
}

/// Everything that one database holds.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) classes: BTreeMap<&'static str, Class>,
    pub(crate) rows: Vec<Row>,
}

/// A class and its objects.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    pub(crate) name: &'static str,
    /// Class-level permissions; `None` is open to everybody.
    pub(crate) permissions: Option<Json>,
    pub(crate) items: Vec<Item>,
}

/// An object.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    /// Who may read it; `None` is everybody.
    pub(crate) readers: Option<Vec<String>>,
    pub(crate) fields: Map<String, Json>,
}

/// A row of a relation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) class: &'static str,
    pub(crate) key: &'static str,
    pub(crate) owner: String,
    pub(crate) target: String,
}

impl World {
    pub(crate) fn new(random: &mut StdRng) -> Self {
        let mut classes = BTreeMap::new();
        for name in CLASSES {
            let mut ids: Vec<String> = (0..14).map(|_| id(random)).collect();
            ids.sort();
            ids.dedup();
            let items = ids.into_iter().map(|id| item(random, id)).collect();
            let permissions = (!once_in(random, 4)).then(|| permissions(random));
            classes.insert(name, Class { name, permissions, items });
        }
        classes.insert("_User", Class { name: "_User", permissions: None, items: users(random) });
        classes.insert("_Session", Class { name: "_Session", permissions: None, items: sessions(random) });
        let roles = vec![role("staff", Some(vec!["*".to_owned()])), role("ghosts", Some(Vec::new()))];
        classes.insert("_Role", Class { name: "_Role", permissions: None, items: roles });
        let mut world = Self { classes, rows: Vec::new() };
        world.rows.push(Row { class: "_Role", key: "users", owner: "staff".to_owned(), target: "carol".to_owned() });
        for class in CLASSES {
            for (key, _) in RELATIONS {
                for owner in world.classes[class].items.iter().map(|item| item.id.clone()).collect::<Vec<_>>() {
                    world.add_rows(random, class, key, &owner);
                }
            }
        }
        world
    }

    /// The same for the caller's eyes, and as different as can be to all others'.
    pub(crate) fn double(&self, caller: Caller, random: &mut StdRng) -> Self {
        let mut double = self.clone();
        for class in double.classes.values_mut() {
            let original = class.clone();
            class.items.clear();
            for item in &original.items {
                class.items.extend(changed(caller, &original, item, random));
            }
            if CLASSES.contains(&class.name) {
                add_unreadable(caller, &original, class, random);
            }
        }
        double.rows.retain(|row| !self.is_secret(caller, row.class, row.key, &row.owner));
        for class in CLASSES {
            for (key, _) in RELATIONS {
                let owners = self.classes[class].items.iter().chain(&double.classes[class].items);
                let mut owners: Vec<String> = owners.map(|item| item.id.clone()).collect();
                owners.sort();
                owners.dedup();
                owners.retain(|owner| self.is_secret(caller, class, key, owner));
                for owner in owners {
                    double.add_rows(random, class, key, &owner);
                }
            }
        }
        double
    }

    /// Whether the caller may not know what is in the relation of an object.
    fn is_secret(&self, caller: Caller, class: &str, key: &str, owner: &str) -> bool {
        let class = &self.classes[class];
        match class.items.iter().find(|item| item.id == owner) {
            Some(item) if may_read(caller, class, item) => {
                hidden_fields(caller, class, item).iter().any(|field| field == key)
            }
            _ => true,
        }
    }

    fn add_rows(&mut self, random: &mut StdRng, class: &'static str, key: &'static str, owner: &str) {
        for _ in 0..random.random_range(0..3_u32) {
            let row = Row { class, key, owner: owner.to_owned(), target: id(random) };
            if !self.rows.contains(&row) {
                self.rows.push(row);
            }
        }
    }
}

/// The object with everything changed that the caller may not read; `None` if it is gone.
fn changed(caller: Caller, class: &Class, original: &Item, random: &mut StdRng) -> Option<Item> {
    // Roles decide about rights, and a session has to remain one.
    if class.name == "_Role" && original.id == "staff" {
        return Some(original.clone());
    }
    let mut item = original.clone();
    if may_read(caller, class, original) {
        for field in hidden_fields(caller, class, original) {
            item.fields.remove(&field);
            if let Some(value) = value(random, class.name, &field, &item.id).filter(|_| !once_in(random, 4)) {
                item.fields.insert(field, value);
            }
        }
        return Some(item);
    }
    if class.name != "_User" && once_in(random, 4) {
        return None;
    }
    for _ in 0..20 {
        let user = user_id(random);
        let mut other = match class.name {
            "_User" => self::user(random, &original.id),
            "_Session" => session(random, &original.id, user),
            "_Role" => role(&original.id, Some(Vec::new())),
            _ => self::item(random, original.id.clone()),
        };
        if once_in(random, 2) {
            other.readers.clone_from(&original.readers);
        }
        if !may_read(caller, class, &other) {
            item = other;
            break;
        }
    }
    Some(item)
}

fn add_unreadable(caller: Caller, original: &Class, class: &mut Class, random: &mut StdRng) {
    for _ in 0..12 {
        let id = id(random);
        let item = item(random, id);
        let is_new = original.items.iter().chain(&class.items).all(|known| known.id != item.id);
        if is_new && !may_read(caller, original, &item) {
            class.items.push(item);
        }
    }
}

fn item(random: &mut StdRng, id: String) -> Item {
    let mut fields = Map::new();
    for (field, _) in FIELDS {
        if let Some(value) = value(random, "", field, &id).filter(|_| !once_in(random, 4)) {
            fields.insert(field.to_owned(), value);
        }
    }
    Item { id, readers: readers(random), fields }
}

fn readers(random: &mut StdRng) -> Option<Vec<String>> {
    if once_in(random, 2) {
        return None;
    }
    let subjects = ["*", "alice", "bob", "role:staff"].into_iter().filter(|_| once_in(random, 3));
    Some(subjects.map(str::to_owned).collect())
}

/// A value for a field; `None` if the class cannot have it.
fn value(random: &mut StdRng, class: &str, field: &str, id: &str) -> Option<Json> {
    Some(match field {
        "email" => json!(format!("{}@{id}.example", one_of(random, &["a", "b", "c"]))),
        "authData" => json!({ "fb": { "id": format!("{id}{}", random.random_range(0..3_u32)) } }),
        "_hashed_password" | "_email_verify_token" | "_perishable_token" => word(random),
        _ if class == "_User" => return None,
        "s" | "t" | "h1" | "ht" => word(random),
        "n" | "h2" => number(random),
        "b" => json!(once_in(random, 2)),
        "d" | "hd" => date(random),
        "o" | "ho" => json!({ "k": number(random), "j": word(random), "p": pointer(random, "Card") }),
        "a" | "ha" => {
            let length = random.random_range(0..4_u32);
            (0..length).map(|_| if once_in(random, 2) { pointer(random, "Box") } else { number(random) }).collect()
        }
        "g" | "hg" => place(random),
        "f" => json!({ "__type": "File", "name": one_of(random, &["x.txt", "y.txt"]) }),
        "p" | "hq" => pointer(random, "Card"),
        "q" | "hp" => pointer(random, "Box"),
        "u" => pointer(random, "_User"),
        "us" => (0..random.random_range(0..3_u32)).map(|_| pointer(random, "_User")).collect(),
        _ => return None,
    })
}

fn users(random: &mut StdRng) -> Vec<Item> {
    ["alice", "bob", "carol", "dave"].map(|id| user(random, id)).into()
}

fn user(random: &mut StdRng, id: &str) -> Item {
    let mut fields = Map::from_iter([("username".to_owned(), json!(id))]);
    for field in ["email", "authData", "_hashed_password", "_email_verify_token", "_perishable_token"] {
        fields.extend(value(random, "_User", field, id).map(|value| (field.to_owned(), value)));
    }
    let readers = readers(random).map(|mut readers| {
        readers.push(id.to_owned());
        readers
    });
    Item { id: id.to_owned(), readers, fields }
}

fn sessions(random: &mut StdRng) -> Vec<Item> {
    ["alice", "bob", "carol"].map(|user| session(random, &format!("s-{user}"), user)).into()
}

/// A session; those of the callers have the tokens that they use.
fn session(random: &mut StdRng, id: &str, user: &str) -> Item {
    let is_in_use = id.strip_prefix("s-") == Some(user);
    let token = if is_in_use { token(user) } else { format!("r:{id}{}", random.random_range(0..1000_u32)) };
    let fields = json!({
        "sessionToken": token, "user": pointer_to("_User", user), "installationId": word(random),
        "expiresAt": { "__type": "Date", "iso": "2100-01-01T00:00:00.000Z" },
    });
    Item { id: id.to_owned(), readers: None, fields: fields.as_object().cloned().unwrap_or_default() }
}

fn role(name: &str, readers: Option<Vec<String>>) -> Item {
    Item { id: name.to_owned(), readers, fields: Map::from_iter([("name".to_owned(), json!(name))]) }
}

/// Class-level permissions. Counting is never permitted where finding is not: that would be a permission to guess.
fn permissions(random: &mut StdRng) -> Json {
    let get = rule(random);
    let find = if once_in(random, 5) { json!({}) } else { get.clone() };
    let count = if once_in(random, 4) { json!({}) } else { find.clone() };
    let mut permissions = json!({ "get": get, "find": find, "count": count, "protectedFields": protected(random) });
    if once_in(random, 5) {
        let fields: &[&str] = one_of(random, &[&["u"][..], &["us"][..], &["u", "us"][..]]);
        permissions["readUserFields"] = json!(fields);
    }
    permissions
}

fn rule(random: &mut StdRng) -> Json {
    match random.random_range(0..10_u32) {
        0..=3 => json!({ "*": true }),
        4 => json!({ "requiresAuthentication": true }),
        5 => json!({ "role:staff": true }),
        6 => json!({ "pointerFields": ["u"] }),
        7 => json!({ "pointerFields": ["us", "u"] }),
        8 => json!({ "alice": true, "pointerFields": ["us"] }),
        _ => json!({}),
    }
}

fn protected(random: &mut StdRng) -> Json {
    let mut groups = Map::new();
    let set = |random: &mut StdRng| -> Json {
        let fields = FIELDS.iter().map(|(field, _)| *field).chain(RELATIONS.map(|(key, _)| key));
        fields.filter(|field| field.starts_with('h') && !once_in(random, 4)).collect()
    };
    groups.insert("*".to_owned(), set(random));
    for group in ["authenticated", "role:staff", "alice", "userField:u", "userField:us"] {
        if once_in(random, 3) {
            let fields = if once_in(random, 3) { json!([]) } else { set(random) };
            groups.insert(group.to_owned(), fields);
        }
    }
    Json::Object(groups)
}
