//! What a field can hold.

use crate::{ClassName, Date};

mod json;
mod write;

pub(crate) use json::javascript_text;
pub use write::{write_json, write_json_string, write_json_utf8, write_members, write_number};

/// A field's value. Which JSON each variant has, and which database form, follows Parse's REST API and storage format.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`: stored, returned, and equal to "missing" in queries.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// Any number: Parse has JavaScript's only one, a double.
    Number(f64),
    /// Text.
    String(String),
    /// `{"__type": "Date", "iso": …}`.
    Date(Date),
    /// `{"__type": "Pointer", "className": …, "objectId": …}`.
    Pointer(Pointer),
    /// `{"__type": "GeoPoint", "latitude": …, "longitude": …}`.
    GeoPoint(GeoPoint),
    /// `{"__type": "Polygon", "coordinates": [[latitude, longitude], …]}`, closed.
    Polygon(Vec<GeoPoint>),
    /// `{"__type": "File", "name": …, "url": …}`.
    File(File),
    /// `{"__type": "Bytes", "base64": …}`.
    Bytes(Vec<u8>),
    /// `{"__type": "Relation", "className": …}`: the rows are in the join collection.
    Relation(ClassName),
    /// A list of values of any kind.
    Array(Vec<Value>),
    /// An object without `__type`.
    Object(Map),
}

/// A reference to an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pointer {
    /// Class of the object. Not validated on write, as in Parse Server.
    pub class_name: String,
    /// Id of the object.
    pub object_id: String,
}

/// A place on Earth, in degrees. Not range-checked on write, as in Parse Server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeoPoint {
    /// North positive.
    pub latitude: f64,
    /// East positive.
    pub longitude: f64,
}

/// A reference to a stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Name in the blob store: all that is stored of a top-level file.
    pub name: String,
    /// Where it can be read; kept only inside objects and arrays.
    pub url: Option<String>,
}

/// The members of an object value, in JavaScript's order: integer-like keys ascending, then the others as inserted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Vec<(String, Value)>);

impl Map {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value under a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Sets a key; one that is there keeps its place.
    pub fn insert(&mut self, key: impl Into<String>, value: Value) {
        let key = key.into();
        match self.get_mut(&key) {
            Some(present) => *present = value,
            None => {
                let place = self.place_of(&key);
                self.0.insert(place, (key, value));
            }
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let place = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(place).1)
    }

    /// The members in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value)> + ExactSizeIterator {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// JavaScript lists integer-like keys first, in numerical order.
    fn place_of(&self, key: &str) -> usize {
        let Some(index) = array_index(key) else { return self.0.len() };
        self.0.iter().position(|(name, _)| array_index(name).is_none_or(|other| other > index)).unwrap_or(self.0.len())
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, Value)> for Map {
    /// A key that comes twice keeps its first place and its last value.
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        let mut members: Vec<_> = members.into_iter().collect();
        drop_repeated_keys(&mut members);
        if members.iter().any(|(key, _)| array_index(key).is_some()) {
            members.sort_by_key(|(key, _)| array_index(key).map_or((1, 0), |index| (0, index)));
        }
        Self(members)
    }
}

/// Leaves each key once. Sorts places instead of comparing all pairs: the number of keys is the client's choice.
fn drop_repeated_keys(members: &mut Vec<(String, Value)>) {
    let mut places: Vec<usize> = (0..members.len()).collect();
    places.sort_by(|left, right| members[*left].0.cmp(&members[*right].0));
    let mut repeated = Vec::new();
    let mut first = 0;
    for pair in places.windows(2) {
        if members[pair[0]].0 == members[pair[1]].0 {
            first = if repeated.last() == Some(&pair[0]) { first } else { pair[0] };
            members[first].1 = std::mem::replace(&mut members[pair[1]].1, Value::Null);
            repeated.push(pair[1]);
        }
    }
    if !repeated.is_empty() {
        repeated.sort_unstable();
        let mut place = 0;
        members.retain(|_| {
            place += 1;
            repeated.binary_search(&(place - 1)).is_err()
        });
    }
}

/// The number a key stands for if JavaScript treats it as an array index: canonical decimal, below 2³² − 1.
fn array_index(key: &str) -> Option<u32> {
    let canonical =
        key == "0" || (!key.starts_with('0') && !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()));
    if !canonical {
        return None;
    }
    key.parse().ok().filter(|index| *index < u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::{Map, Value};

    fn map(keys: &[&str]) -> Map {
        keys.iter().enumerate().map(|(place, key)| ((*key).to_owned(), Value::Number(place as f64))).collect()
    }

    fn keys(map: &Map) -> Vec<&str> {
        map.iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn integer_like_keys_come_first_in_numerical_order() {
        let collected = map(&["b", "10", "a", "9", "01", "4294967295"]);
        assert_eq!(keys(&collected), ["9", "10", "b", "a", "01", "4294967295"]);

        let mut inserted = Map::new();
        for (key, value) in map(&["b", "10", "a", "9", "01", "4294967295"]) {
            inserted.insert(key, value);
        }
        inserted.insert("8", Value::Null);
        assert_eq!(keys(&inserted), ["8", "9", "10", "b", "a", "01", "4294967295"]);
    }

    #[test]
    fn a_repeated_key_keeps_its_first_place_and_its_last_value() {
        let map = map(&["a", "b", "a", "c", "b", "a"]);
        assert_eq!(keys(&map), ["a", "b", "c"]);
        assert_eq!(map.get("a"), Some(&Value::Number(5.0)));
        assert_eq!(map.get("b"), Some(&Value::Number(4.0)));
        assert_eq!(map.get("c"), Some(&Value::Number(3.0)));
    }

    #[test]
    fn insert_and_remove_change_one_key() {
        let mut map = map(&["a", "b", "c"]);
        map.insert("b", Value::Bool(true));
        assert_eq!(map.remove("a"), Some(Value::Number(0.0)));
        assert_eq!(keys(&map), ["b", "c"]);
        assert_eq!(map.get("b"), Some(&Value::Bool(true)));
        *map.get_mut("c").unwrap() = Value::Null;
        assert_eq!(map.get("c"), Some(&Value::Null));
    }
}
