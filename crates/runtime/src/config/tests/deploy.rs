//! What stands in `deploy/` names variables that exist.

use std::{collections::BTreeSet, path::Path};

use regex::Regex;

use crate::config::options::AREAS;

#[test]
fn variables_are_options() {
    let known: BTreeSet<&str> =
        AREAS.iter().flat_map(|area| area.options).flat_map(|option| option.env).copied().collect();
    let variable = Regex::new(r"\bPARSE(?:FLEET|_SERVER)_[A-Z0-9_]+").unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let mut named = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for found in variable.find_iter(&text) {
            assert!(known.contains(found.as_str()), "{} names {}", path.display(), found.as_str());
            named += 1;
        }
    }
    assert!(named > 0, "the files in deploy/ set no variable at all");
}
