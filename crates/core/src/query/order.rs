//! `order`.

use std::collections::{HashMap, hash_map::Entry};

use super::{Column, Direction, SortKey, parse::sort_column};
use crate::{ClassSchema, ErrorCode, FieldPath, ParseError, error::Result};

/// Reads `order`: names joined by commas, `-` for descending, spaces around terms ignored. Names that the class does not
/// have are left out; of a name given twice the first place and the last direction count.
///
/// # Errors
/// 105 for what cannot be a field's name.
pub fn parse(order: &str, schema: &ClassSchema) -> Result<Vec<SortKey>> {
    if order.is_empty() {
        return Ok(Vec::new());
    }
    let mut keys = Vec::new();
    for (name, direction) in terms(order) {
        if let Some(key) = sort_key(name, direction, schema)? {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// The column that stands for `$score`; no field can have this name.
const TEXT_SCORE: &str = "$score";

fn terms(order: &str) -> Vec<(&str, Direction)> {
    let mut terms: Vec<(&str, Direction)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for term in order.split(',').map(str::trim) {
        let (name, direction) = match term.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            None => (term, Direction::Ascending),
        };
        match places.entry(name) {
            Entry::Occupied(place) => terms[*place.get()].1 = direction,
            Entry::Vacant(place) => {
                place.insert(terms.len());
                terms.push((name, direction));
            }
        }
    }
    for (alias, name) in [("_created_at", "createdAt"), ("_updated_at", "updatedAt")] {
        if let Some(place) = terms.iter().position(|(term, _)| *term == alias) {
            let (_, direction) = terms.remove(place);
            set(&mut terms, name, direction);
        }
    }
    terms
}

fn set<'a>(terms: &mut Vec<(&'a str, Direction)>, name: &'a str, direction: Direction) {
    match terms.iter_mut().find(|(term, _)| *term == name) {
        Some(term) => term.1 = direction,
        None => terms.push((name, direction)),
    }
}

fn sort_key(name: &str, direction: Direction, schema: &ClassSchema) -> Result<Option<SortKey>> {
    if name == TEXT_SCORE {
        let path = FieldPath::in_query("score");
        return Ok(path.map(|path| SortKey { path, column: Column::TextScore, direction }));
    }
    let refuse = |message: String| Err(ParseError::new(ErrorCode::InvalidKeyName, message));
    if is_provider_id(name) {
        return refuse(format!("Cannot sort by {name}"));
    }
    let Some(path) = path(name, schema) else { return refuse(format!("Invalid field name: {name}.")) };
    let known = schema.field_type(path.root()).is_some() || name == "score";
    let column = sort_column(&path, schema);
    // What is below `authData` is kept in columns of its own that no sort reaches; `authData` itself is refused where it is hidden.
    let is_provider = column == Column::AuthData && path.is_dotted();
    Ok((known && !is_provider).then_some(SortKey { path, column, direction }))
}

fn path(name: &str, schema: &ClassSchema) -> Option<FieldPath> {
    let on_hooks = schema.name.as_str() == "_Hooks" && name == "className";
    if on_hooks { FieldPath::in_query(name) } else { FieldPath::new(name) }
}

/// `authData.<provider>.id`.
fn is_provider_id(name: &str) -> bool {
    let provider = name.strip_prefix("authData.").and_then(|rest| rest.strip_suffix(".id"));
    provider.is_some_and(|provider| {
        !provider.is_empty() && provider.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed test is what a panic is for")]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::query::tests::schema;

    fn shown(order: &str) -> Vec<String> {
        let keys = parse(order, &schema()).unwrap();
        let sign = |direction| if direction == Direction::Descending { "-" } else { "" };
        keys.iter().map(|key| format!("{}{}:{:?}", sign(key.direction), key.path, key.column)).collect()
    }

    fn refused(order: &str) -> (i32, String) {
        let error = parse(order, &schema()).unwrap_err();
        (error.code as i32, error.message)
    }

    #[test]
    fn terms_become_keys_in_order() {
        assert_eq!(shown(" -n , s,o.k"), ["-n:Plain", "s:Plain", "o.k:Nested"]);
        assert_eq!(
            shown("objectId,-createdAt,p,updatedAt"),
            ["objectId:ObjectId", "-createdAt:CreatedAt", "p:Pointer", "updatedAt:UpdatedAt"]
        );
        assert_eq!(shown(""), [""; 0]);
    }

    #[test]
    fn unknown_fields_are_dropped_and_repeated_ones_merged() {
        assert_eq!(shown("nope,n,nope.k,score,-n"), ["-n:Plain", "score:Plain"]);
        assert_eq!(shown("-$score"), ["-score:TextScore"]);
    }

    #[test]
    fn many_names_are_read_in_time() {
        let names: Vec<String> = (0..60_000).map(|number| format!("o.k{number}")).collect();
        let began = Instant::now();
        assert_eq!(shown(&names.join(",")).len(), 60_000);
        // Comparing all with all takes minutes.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[test]
    fn stored_names_of_dates_are_aliases() {
        assert_eq!(shown("-_created_at"), ["-createdAt:CreatedAt"]);
        assert_eq!(shown("_updated_at,n"), ["n:Plain", "updatedAt:UpdatedAt"]);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        assert_eq!(refused("n,"), (105, "Invalid field name: .".to_owned()));
        assert_eq!(refused("- n"), (105, "Invalid field name:  n.".to_owned()));
        assert_eq!(refused("_x"), (105, "Invalid field name: _x.".to_owned()));
        assert_eq!(refused("length"), (105, "Invalid field name: length.".to_owned()));
        assert_eq!(refused("o.$k"), (105, "Invalid field name: o.$k.".to_owned()));
        let endless = vec!["o"; 101].join(".");
        assert_eq!(refused(&endless), (105, format!("Invalid field name: {endless}.")));
        assert_eq!(refused("authData.fb.id"), (105, "Cannot sort by authData.fb.id".to_owned()));
    }
}
