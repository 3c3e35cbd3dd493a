//! `keys` and `excludeKeys`.

use std::collections::HashSet;

use crate::ClassSchema;

/// Fields that are returned whatever is asked for.
const ALWAYS: [&str; 4] = ["objectId", "createdAt", "updatedAt", "ACL"];

/// Which fields of the queried class to return.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// REST names of the root fields, the four that always come included; `None` is all.
    pub fields: Option<Vec<String>>,
    /// Whether to return the score of the full-text search as `score` (`$score` among the keys).
    pub text_score: bool,
}

impl Selection {
    /// Reads `keys` and `excludeKeys`, names joined by commas. Only the root of a dotted key counts here; a dotted name is
    /// excluded only from objects that are included.
    pub fn parse(keys: Option<&str>, exclude_keys: Option<&str>, schema: &ClassSchema) -> Self {
        let excluded: Option<HashSet<&str>> =
            exclude_keys.map(|keys| keys.split(',').filter(|key| !ALWAYS.contains(key)).collect());
        let selected: Vec<&str> = match (keys, &excluded) {
            (None, None) => return Self::default(),
            (Some(keys), _) => keys.split(',').filter(|key| !key.is_empty()).chain(ALWAYS).collect(),
            (None, Some(_)) => schema.fields.keys().map(String::as_str).collect(),
        };
        let mut selection = Self { fields: Some(Vec::new()), text_score: false };
        let fields = selection.fields.get_or_insert_default();
        let mut roots = HashSet::new();
        for key in selected {
            let root = key.split('.').next().unwrap_or_default();
            if excluded.as_ref().is_some_and(|excluded| excluded.contains(key)) {
                continue;
            }
            if key == "$score" {
                selection.text_score = true;
            } else if roots.insert(root) {
                fields.push(root.to_owned());
            }
        }
        selection
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::query::tests::schema;

    fn selected(keys: Option<&str>, exclude_keys: Option<&str>) -> Option<Vec<String>> {
        Selection::parse(keys, exclude_keys, &schema()).fields
    }

    #[test]
    fn everything_without_a_choice() {
        assert_eq!(selected(None, None), None);
    }

    #[test]
    fn the_four_always_come() {
        let always = ["objectId", "createdAt", "updatedAt", "ACL"].map(str::to_owned);
        assert_eq!(selected(Some(""), None), Some(always.to_vec()));
        assert_eq!(selected(Some("n"), Some("n,ACL")), Some(always.to_vec()));
    }

    #[test]
    fn dotted_keys_select_their_root_and_exclude_nothing() {
        let chosen = ["o", "s"].iter().chain(&ALWAYS).map(|field| (*field).to_owned()).collect();
        assert_eq!(selected(Some("o.k,o,s,n"), Some("o.j,n")), Some(chosen));
    }

    #[test]
    fn exclusion_alone_starts_from_the_schema() {
        let fields = selected(None, Some("s,objectId")).unwrap_or_default();
        let has = |field: &str| fields.iter().any(|selected| selected == field);
        assert!(has("objectId") && has("n"));
        assert!(!has("s") && !has("unknown"));
    }

    #[test]
    fn many_keys_are_read_in_time() {
        let keys: Vec<String> = (0..40_000).map(|number| format!("k{number}.x,l{number}")).collect();
        let keys = keys.join(",");
        let began = Instant::now();
        assert_eq!(selected(Some(&keys), None).map(|fields| fields.len()), Some(80_004));
        assert_eq!(selected(Some(&keys), Some(&keys)).map(|fields| fields.len()), Some(4));
        // Comparing all with all takes minutes.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[test]
    fn score_is_no_field() {
        let selection = Selection::parse(Some("s,$score"), None, &schema());
        assert!(selection.text_score);
        assert!(selection.fields.is_some_and(|fields| !fields.iter().any(|field| field == "$score")));
    }
}
