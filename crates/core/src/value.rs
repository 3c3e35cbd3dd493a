//! What a field can hold.

use crate::{ClassName, Date};

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
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        let mut map = Self::new();
        for (key, value) in members {
            map.insert(key, value);
        }
        map
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
