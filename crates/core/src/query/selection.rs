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

    /// Whether the field is returned.
    pub fn includes(&self, field: &str) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.iter().any(|selected| selected == field))
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
        assert!(Selection::parse(Some("n"), Some("n,ACL"), &schema()).includes("ACL"));
    }

    #[test]
    fn dotted_keys_select_their_root_and_exclude_nothing() {
        let selection = Selection::parse(Some("o.k,o,s,n"), Some("o.j,n"), &schema());
        assert!(selection.includes("o") && selection.includes("s"));
        assert!(!selection.includes("n") && !selection.includes("a"));
        assert_eq!(selection.fields.iter().flatten().filter(|field| *field == "o").count(), 1);
    }

    #[test]
    fn exclusion_alone_starts_from_the_schema() {
        let selection = Selection::parse(None, Some("s,objectId"), &schema());
        assert!(selection.includes("objectId") && selection.includes("n"));
        assert!(!selection.includes("s") && !selection.includes("unknown"));
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
        assert!(selection.text_score && !selection.includes("$score"));
    }
}
