//! `keys`, `excludeKeys` and `include`: what of an object comes back, and what of the objects it points to.

use std::collections::{BTreeMap, BTreeSet};

use parsefleet_core::{ClassSchema, ErrorCode, FieldType, ParseError, error::Result, query::Selection};
use parsefleet_proto::v1;
use parsefleet_runtime::config::RequestComplexity;

use crate::{codec::columns::projected_names, schema::Class};

/// Most parts of an included path, whatever the app allows: the tree of the paths has a level for each, and is walked by
/// functions that call themselves.
const MOST_PARTS: usize = 100;

/// What of a class's objects comes back.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields {
    /// Root fields; `None` is all.
    pub(super) selected: Option<Vec<String>>,
    /// Whether the score of a full-text search comes along.
    pub(super) text_score: bool,
    /// Fields whose pointers are replaced by objects.
    pub(super) include: Paths,
    keys: Option<Vec<String>>,
    exclude_keys: Option<Vec<String>>,
    /// Paths that `includeAll` added, whether or not they had been asked for by name.
    included_all: usize,
    /// Paths that were asked for by name, and those on the way to them.
    included_by_name: usize,
}

/// Paths to be included, as a tree: a path is included only if the ones it goes through are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Paths {
    /// Next part of the path to what follows it.
    pub(super) children: BTreeMap<String, Paths>,
}

impl Fields {
    /// What a request selects of a class.
    ///
    /// # Errors
    /// 102 for a path that nobody may include, so long is it.
    pub(super) fn new(selection: Option<&v1::Selection>, schema: &ClassSchema) -> Result<Self> {
        let Some(selection) = selection else { return Ok(Self::default()) };
        let names = |list: &Option<v1::FieldList>| list.as_ref().map(|list| list.names.clone());
        let mut keys = names(&selection.keys);
        let exclude_keys = names(&selection.exclude_keys);
        let mut include = Paths::default();
        let include_all = selection.include_all || selection.include.iter().any(|path| path == "*");
        if !selection.include.iter().any(|path| path == "*") {
            selection.include.iter().try_for_each(|path| include.insert(path))?;
        }
        for key in keys.iter().chain(&exclude_keys).flatten() {
            // A key of an included object asks for the object.
            if let Some((path, _)) = key.rsplit_once('.') {
                include.insert(path)?;
            }
        }
        let included_by_name = include.count();
        let mut included_all = 0;
        if include_all {
            for field in fields_with_pointers(schema) {
                included_all += 1;
                include.insert(field)?;
                if let Some(keys) = &mut keys {
                    keys.push(field.to_owned());
                }
            }
        }
        let (selected, text_score) = selected(keys.as_deref(), exclude_keys.as_deref(), schema);
        Ok(Self { selected, text_score, include, keys, exclude_keys, included_all, included_by_name })
    }

    /// Checks what is included against the app's limits.
    ///
    /// # Errors
    /// 102 if it is more.
    pub(super) fn check_complexity(&self, limits: &RequestComplexity) -> Result<()> {
        let depth = self.include.depth();
        if let Some(most) = limits.include_depth.filter(|most| depth > *most) {
            return Err(too_deep(depth, most));
        }
        let count = self.included_by_name + self.included_all;
        if let Some(most) = limits.include_count.filter(|most| count > *most) {
            let message = format!("Number of include fields ({count}) exceeds maximum allowed ({most})");
            return Err(ParseError::new(ErrorCode::InvalidQuery, message));
        }
        Ok(())
    }

    /// What is selected of the objects included at a path, and what is included in them.
    pub(super) fn included(&self, path: &[&str], include: &Paths, schema: &ClassSchema) -> Self {
        let (keys, exclude_keys) = self.names_below(path);
        let (selected, _) = selected(keys.as_deref(), exclude_keys.as_deref(), schema);
        Self {
            selected,
            text_score: false,
            include: include.clone(),
            keys: self.keys.clone(),
            exclude_keys: self.exclude_keys.clone(),
            ..Self::default()
        }
    }

    /// The keys of the objects included at a path, and those that are left out of them; `None` is all, or none.
    pub(super) fn names_below(&self, path: &[&str]) -> (Option<Vec<String>>, Option<Vec<String>>) {
        let below = |key: &String| -> Option<(String, bool)> {
            let mut rest = key.split('.');
            let leads_there = path.iter().all(|part| rest.next() == Some(part));
            let next = rest.next().filter(|_| leads_there)?;
            Some((next.to_owned(), rest.next().is_none()))
        };
        let keys: Vec<String> = self.keys.iter().flatten().filter_map(|key| below(key).map(|(next, _)| next)).collect();
        let exclude_keys: Vec<String> = self
            .exclude_keys
            .iter()
            .flatten()
            .filter_map(|key| below(key).filter(|(_, is_last)| *is_last).map(|(next, _)| next))
            .collect();
        ((!keys.is_empty()).then_some(keys), (!exclude_keys.is_empty()).then_some(exclude_keys))
    }

    /// Takes a field out of what is selected.
    pub(super) fn remove(&mut self, field: &str, schema: &ClassSchema) {
        let selected = self.selected.get_or_insert_with(|| schema.fields.keys().cloned().collect());
        selected.retain(|name| name != field);
    }

    /// The stored columns that are needed; `None` is all.
    pub(super) fn projection(&self, class: &Class) -> Option<Vec<String>> {
        let selected = self.selected.as_ref()?;
        if class.schema.name.as_str() == "_User" && selected.iter().any(|field| field == "authData") {
            // One column per provider, of which only the documents know.
            return None;
        }
        let always = ["createdAt", "updatedAt", "ACL"];
        let fields = selected.iter().map(String::as_str).chain(always).chain(class.protected.user_fields());
        let mut columns: BTreeSet<String> =
            fields.flat_map(|field| projected_names(&class.schema, field, &[])).collect();
        columns.insert("_id".to_owned());
        Some(columns.into_iter().collect())
    }
}

/// The fields that a request names by its selection and order, internal names aside.
pub(super) fn mentioned<'r>(selection: Option<&'r v1::Selection>, order: &'r [String]) -> Vec<&'r str> {
    let lists = selection.into_iter().flat_map(|selection| [&selection.keys, &selection.exclude_keys]);
    let keys = lists.flatten().flat_map(|list| &list.names);
    let include = selection.into_iter().flat_map(|selection| &selection.include);
    let roots =
        keys.chain(include).chain(order).filter_map(|name| name.trim().trim_start_matches('-').split('.').next());
    roots.filter(|root| root.starts_with(|first: char| first.is_ascii_alphabetic())).collect()
}

impl Paths {
    /// Adds a path.
    ///
    /// # Errors
    /// 102 if it has more parts than any has.
    fn insert(&mut self, path: &str) -> Result<()> {
        let parts = path.split('.').count();
        if parts > MOST_PARTS {
            return Err(too_deep(parts, MOST_PARTS));
        }
        let mut node = self;
        for part in path.split('.') {
            node = node.children.entry(part.to_owned()).or_default();
        }
        Ok(())
    }

    /// How many paths there are.
    fn count(&self) -> usize {
        self.children.values().map(|below| 1 + below.count()).sum()
    }

    /// Parts of the longest path.
    fn depth(&self) -> usize {
        self.children.values().map(|below| 1 + below.depth()).max().unwrap_or(0)
    }

    /// Whether nothing is to be included.
    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty()
    }
}

fn too_deep(depth: usize, most: impl std::fmt::Display) -> ParseError {
    let message = format!("Include depth of {depth} exceeds maximum allowed depth of {most}");
    ParseError::new(ErrorCode::InvalidQuery, message)
}

/// The selected fields, `None` for all, and whether the text score is asked for.
fn selected(
    keys: Option<&[String]>,
    exclude_keys: Option<&[String]>,
    schema: &ClassSchema,
) -> (Option<Vec<String>>, bool) {
    if keys.is_none() && exclude_keys.is_none() {
        return (None, false);
    }
    let (keys, exclude_keys) = (keys.map(|keys| keys.join(",")), exclude_keys.map(|keys| keys.join(",")));
    let selection = Selection::parse(keys.as_deref(), exclude_keys.as_deref(), schema);
    let mut fields = selection.fields;
    if let Some(fields) = fields.as_mut().filter(|_| selection.text_score) {
        fields.push("score".to_owned());
    }
    (fields, selection.text_score)
}

fn fields_with_pointers(schema: &ClassSchema) -> impl Iterator<Item = &str> {
    let holds_pointers = |field_type: &FieldType| matches!(field_type, FieldType::Pointer(_) | FieldType::Array);
    schema.fields.iter().filter(move |(_, field)| holds_pointers(&field.field_type)).map(|(name, _)| name.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::{Duration, Instant};

    use parsefleet_core::{ClassName, schema::Field};

    use super::*;
    use crate::settings::Settings;

    fn schema() -> ClassSchema {
        let mut schema = ClassSchema::new(ClassName::new("Post").unwrap());
        schema.fields.insert("title".to_owned(), Field::new(FieldType::String));
        schema.fields.insert("author".to_owned(), Field::new(FieldType::Pointer("Author".to_owned())));
        schema.fields.insert("tags".to_owned(), Field::new(FieldType::Array));
        schema
    }

    fn list(names: &[&str]) -> Option<v1::FieldList> {
        Some(v1::FieldList { names: names.iter().map(|name| (*name).to_owned()).collect() })
    }

    fn paths(fields: &Fields) -> Vec<&str> {
        fields.include.children.keys().map(String::as_str).collect()
    }

    #[test]
    fn a_key_of_an_included_object_includes_it() {
        let selection = v1::Selection { keys: list(&["title", "author.name"]), ..Default::default() };
        let fields = Fields::new(Some(&selection), &schema()).unwrap();
        assert_eq!(paths(&fields), ["author"]);
        let selected = fields.selected.clone().unwrap();
        assert!(selected.iter().any(|field| field == "author") && !selected.iter().any(|field| field == "tags"));

        let inner = fields.included(&["author"], &Paths::default(), &schema());
        assert!(inner.selected.unwrap().iter().any(|field| field == "name"));
    }

    #[test]
    fn include_all_is_every_field_that_may_point_somewhere() {
        for selection in [
            v1::Selection { include_all: true, ..Default::default() },
            v1::Selection { include: vec!["*".to_owned()], ..Default::default() },
        ] {
            assert_eq!(paths(&Fields::new(Some(&selection), &schema()).unwrap()), ["author", "tags"]);
        }
    }

    #[test]
    fn without_keys_everything_of_an_included_object_comes() {
        let selection = v1::Selection { include: vec!["author.team".to_owned()], ..Default::default() };
        let fields = Fields::new(Some(&selection), &schema()).unwrap();
        assert_eq!(fields.selected, None);
        assert_eq!(fields.included(&["author"], &Paths::default(), &schema()).selected, None);
        assert!(fields.include.children["author"].children.contains_key("team"));
    }

    #[test]
    fn many_keys_are_read_in_time() {
        let keys = Some(v1::FieldList { names: (0..60_000).map(|number| format!("k{number}")).collect() });
        let class = Class::new(schema(), &Settings::default());
        let began = Instant::now();
        let fields = Fields::new(Some(&v1::Selection { keys, ..Default::default() }), &class.schema).unwrap();
        let columns = fields.projection(&class).unwrap();
        assert!(columns.len() >= 60_004 && columns.iter().any(|column| column == "k59999"), "{}", columns.len());
        // Comparing all with all takes minutes.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[test]
    fn a_path_may_be_long_but_not_endless() {
        let path = |parts: usize| vec!["a"; parts].join(".");
        let selections = |parts: usize| {
            let names = Some(v1::FieldList { names: vec![path(parts + 1)] });
            [
                v1::Selection { include: vec![path(parts)], ..Default::default() },
                v1::Selection { keys: names.clone(), ..Default::default() },
                v1::Selection { exclude_keys: names, ..Default::default() },
            ]
        };
        for selection in selections(100) {
            assert_eq!(Fields::new(Some(&selection), &schema()).unwrap().include.depth(), 100);
        }
        for selection in selections(101).iter().chain(&selections(200_000)) {
            let refused = Fields::new(Some(selection), &schema()).unwrap_err();
            assert_eq!(refused.code, ErrorCode::InvalidQuery);
            assert!(refused.message.ends_with("exceeds maximum allowed depth of 100"), "{}", refused.message);
        }
    }
}
