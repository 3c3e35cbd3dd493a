//! The top level of a JSON body: names and the bytes of their values, nothing below.

use std::{borrow::Cow, fmt, ops::Range};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::failure::{Failure, Result};

/// A body and where its members are. As long as no member was taken out, the bytes are those that came.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    bytes: Bytes,
    entries: Vec<Entry>,
    changed: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    name: Name,
    value: Range<usize>,
}

#[derive(Clone, Debug)]
enum Name {
    /// Written without escapes: these bytes of the body.
    Plain(Range<usize>),
    Unescaped(Box<str>),
}

impl Default for Members {
    fn default() -> Self {
        Self { bytes: Bytes::from_static(b"{}"), entries: Vec::new(), changed: false }
    }
}

impl Members {
    /// Splits a JSON object, or an array, whose members are then named by their positions as in JavaScript.
    ///
    /// # Errors
    /// 400 without a code if the text is not a JSON object or array.
    pub(crate) fn split(bytes: Bytes) -> Result<Self> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let start = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        let is_array = match start.and_then(|start| bytes.get(start)) {
            Some(b'{') => false,
            Some(b'[') => true,
            Some(_) => return Err(unexpected_token(start.unwrap_or(0))),
            None => return Err(Failure::http(400, "Unexpected end of JSON input")),
        };
        let split: TopLevel<'_> = serde_json::from_slice(&bytes).map_err(|error| syntax_error(&bytes, &error))?;
        let entries = split.0.into_iter().map(|(name, value)| Entry::locate(&bytes, name, value.get())).collect();
        Ok(Self { bytes, entries, changed: is_array })
    }

    /// The value of a member as JSON text; the last one counts.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let entry = self.entries.iter().rev().find(|entry| self.name(entry) == name)?;
        Some(self.text(&entry.value))
    }

    /// Removes a member.
    pub(crate) fn remove(&mut self, name: &str) {
        let Self { bytes, entries, changed } = self;
        let before = entries.len();
        entries.retain(|entry| name_of(bytes, entry) != name);
        *changed |= entries.len() != before;
    }

    /// Names and JSON texts, in the order they came. A repeated name comes repeatedly.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (self.name(entry), self.text(&entry.value)))
    }

    /// The bytes of a value, sharing the body's memory.
    pub(crate) fn share(&self, value: &str) -> Bytes {
        self.bytes.slice_ref(value.as_bytes())
    }

    /// The body without what was taken out.
    pub(crate) fn into_bytes(self) -> Bytes {
        if !self.changed {
            return self.bytes;
        }
        let mut text = Vec::with_capacity(self.bytes.len());
        text.push(b'{');
        for entry in &self.entries {
            if text.len() > 1 {
                text.push(b',');
            }
            match &entry.name {
                Name::Plain(range) => {
                    text.push(b'"');
                    text.extend_from_slice(self.bytes.get(range.clone()).unwrap_or_default());
                    text.push(b'"');
                }
                Name::Unescaped(name) => {
                    text.extend_from_slice(serde_json::Value::from(&**name).to_string().as_bytes())
                }
            }
            text.push(b':');
            text.extend_from_slice(self.bytes.get(entry.value.clone()).unwrap_or_default());
        }
        text.push(b'}');
        Bytes::from(text)
    }

    fn name<'a>(&'a self, entry: &'a Entry) -> &'a str {
        name_of(&self.bytes, entry)
    }

    fn text(&self, range: &Range<usize>) -> &str {
        text_of(&self.bytes, range)
    }
}

impl Entry {
    fn locate(bytes: &Bytes, name: Cow<'_, str>, value: &str) -> Self {
        let range = |text: &str| {
            let start = text.as_ptr() as usize - bytes.as_ptr() as usize;
            start..start + text.len()
        };
        let name = match name {
            Cow::Borrowed(name) => Name::Plain(range(name)),
            Cow::Owned(name) => Name::Unescaped(name.into()),
        };
        Self { name, value: range(value) }
    }
}

fn name_of<'a>(bytes: &'a Bytes, entry: &'a Entry) -> &'a str {
    match &entry.name {
        Name::Plain(range) => text_of(bytes, range),
        Name::Unescaped(name) => name,
    }
}

fn text_of<'a>(bytes: &'a Bytes, range: &Range<usize>) -> &'a str {
    bytes.get(range.clone()).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
}

fn syntax_error(bytes: &[u8], error: &serde_json::Error) -> Failure {
    if error.is_eof() {
        return Failure::http(400, "Unexpected end of JSON input");
    }
    let before: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(error.line() - 1).map(<[u8]>::len).sum();
    unexpected_token(before + error.column().saturating_sub(1))
}

fn unexpected_token(position: usize) -> Failure {
    Failure::http(400, format!("Unexpected token in JSON at position {position}"))
}

/// One level of JSON, borrowed.
struct TopLevel<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for TopLevel<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TopLevelVisitor;

        impl<'de> Visitor<'de> for TopLevelVisitor {
            type Value = TopLevel<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object or an array")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some(Key(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(TopLevel(members))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(value) = sequence.next_element()? {
                    members.push((Cow::Owned(members.len().to_string()), value));
                }
                Ok(TopLevel(members))
            }
        }

        deserializer.deserialize_any(TopLevelVisitor)
    }
}

/// A member's name, borrowed where it holds no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}
