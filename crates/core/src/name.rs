//! Names a client may use: classes, fields, paths into fields, object ids.
//!
//! Each has one fallible constructor, so that a name holding `$`, NUL or a reserved prefix cannot exist.

use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// A class: one of Parse's own (`_User`, …), a join collection (`_Join:<field>:<Class>`), or
    /// `[A-Za-z][A-Za-z0-9_]*` other than `length` and `className`.
    ClassName
}
name! {
    /// A field of a class: `[A-Za-z][A-Za-z0-9_]*` other than `length` and `className`, or one of Parse's internal columns
    /// (`_email_verify_token`, …) where the caller may use them.
    FieldName
}
name! {
    /// A field, or a path into one: at most [`FieldPath::MOST_PARTS`] names joined by dots. The first is a `FieldName`; the
    /// others are any text without `$`, `.` and NUL.
    FieldPath
}
name! {
    /// The id of an object: any non-empty text without NUL. Generated ones are `[A-Za-z0-9]{10}`.
    ObjectId
}

/// Parse's own classes.
pub const SYSTEM_CLASSES: [&str; 13] = [
    "_User",
    "_Installation",
    "_Role",
    "_Session",
    "_Product",
    "_PushStatus",
    "_JobStatus",
    "_JobSchedule",
    "_Audience",
    "_Idempotency",
    "_Hooks",
    "_GlobalConfig",
    "_GraphQLConfig",
];

const OUTBOX: &str = "_Outbox";

impl ClassName {
    /// `None` if the text is not a class name.
    pub fn new(text: &str) -> Option<Self> {
        let valid = is_identifier(text) || SYSTEM_CLASSES.contains(&text) || is_join_collection(text);
        valid.then(|| Self(text.to_owned()))
    }

    /// The class of what the server has yet to tell others (`_Outbox`). It is no class of the app: no text that a client
    /// sends makes this name, so that nobody reads or writes it by any request.
    pub fn outbox() -> Self {
        Self(OUTBOX.to_owned())
    }

    /// Whether this is [`ClassName::outbox`].
    pub fn is_outbox(&self) -> bool {
        self.0 == OUTBOX
    }

    /// Whether the class is a relation's join collection.
    pub fn is_join(&self) -> bool {
        self.0.starts_with("_Join:")
    }
}

impl FieldName {
    /// `None` if the text is not a field name that a client may write.
    pub fn new(text: &str) -> Option<Self> {
        is_identifier(text).then(|| Self(text.to_owned()))
    }

    /// A column that only Parse itself writes, such as `_hashed_password`. `None` unless it is `_` and a field name.
    pub fn internal(text: &str) -> Option<Self> {
        text.strip_prefix('_').is_some_and(is_identifier).then(|| Self(text.to_owned()))
    }

    /// Whether this is a column that only Parse itself writes.
    pub fn is_internal(&self) -> bool {
        self.0.starts_with('_')
    }
}

impl FieldPath {
    /// Most names in a path. What is written under one is nested once for each, and so are the calls that follow it.
    pub const MOST_PARTS: usize = 100;

    /// `None` if there are too many parts, the first is not a field name, or a later one holds what a database would
    /// interpret.
    pub fn new(text: &str) -> Option<Self> {
        let (root, rest) = text.split_once('.').map_or((text, None), |(root, rest)| (root, Some(rest)));
        let valid = is_identifier(root) && rest.is_none_or(|rest| rest.split('.').all(is_nested_key));
        (valid && !is_too_long(text)).then(|| Self(text.to_owned()))
    }

    /// A path as a query may name it: not too many parts, every one `[A-Za-z0-9_]+`, the first starting with a letter.
    /// `length` and `className`, which no class can have as a field, may be asked for (and are missing in every object).
    pub fn in_query(text: &str) -> Option<Self> {
        let part =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let valid = text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.split('.').all(part);
        (valid && !is_too_long(text)).then(|| Self(text.to_owned()))
    }

    /// A path that starts in a column that only Parse itself writes.
    pub fn internal(text: &str) -> Option<Self> {
        Self::new(text.strip_prefix('_')?).map(|_| Self(text.to_owned()))
    }

    /// The field the path starts in, as a name.
    pub fn root_name(&self) -> FieldName {
        FieldName(self.root().to_owned())
    }

    /// The path of the column every object has.
    pub fn object_id() -> Self {
        Self("objectId".to_owned())
    }

    /// The field the path starts in.
    pub fn root(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// Whether the path leads into the field.
    pub fn is_dotted(&self) -> bool {
        self.0.contains('.')
    }

    /// The parts between the dots.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

impl From<FieldName> for FieldPath {
    fn from(name: FieldName) -> Self {
        Self(name.0)
    }
}

impl ObjectId {
    /// `None` if the text is empty or holds NUL.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty() && !text.contains('\0')).then(|| Self(text.to_owned()))
    }
}

fn is_identifier(text: &str) -> bool {
    let mut characters = text.bytes();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|next| next.is_ascii_alphanumeric() || next == b'_')
        && text != "length"
        && text != "className"
}

fn is_too_long(path: &str) -> bool {
    path.split('.').nth(FieldPath::MOST_PARTS).is_some()
}

fn is_nested_key(text: &str) -> bool {
    !text.is_empty() && !text.contains(['$', '\0'])
}

fn is_join_collection(text: &str) -> bool {
    let Some((field, class)) = text.strip_prefix("_Join:").and_then(|rest| rest.split_once(':')) else { return false };
    is_identifier(field) && (is_identifier(class) || SYSTEM_CLASSES.contains(&class))
}
