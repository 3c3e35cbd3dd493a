//! Parts of documents.

use std::collections::BTreeMap;

use bson::{RawArrayBuf, RawBsonRef, RawDocument, RawDocumentBuf, raw::CStr};

use crate::store::StoreError;

/// The columns to return, with what is wanted of each.
#[derive(Debug, Default)]
pub(super) struct Projection {
    members: BTreeMap<String, Self>,
}

impl Projection {
    /// A projection to these columns, or paths into columns; `_id` always comes.
    pub(super) fn new(paths: &[String]) -> Self {
        let mut projection = Self::default();
        projection.add("_id");
        paths.iter().for_each(|path| projection.add(path));
        projection
    }

    /// The wanted part of a document.
    pub(super) fn apply(&self, document: &RawDocument) -> Result<RawDocumentBuf, StoreError> {
        let mut part = RawDocumentBuf::new();
        self.copy(document, &mut part).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(part)
    }

    fn add(&mut self, path: &str) {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        match (self.members.get_mut(name), rest) {
            (None, None) => drop(self.members.insert(name.to_owned(), Self::default())),
            (None, Some(rest)) => {
                let mut inner = Self::default();
                inner.add(rest);
                self.members.insert(name.to_owned(), inner);
            }
            (Some(member), None) => member.members.clear(),
            // A member that is wanted whole stays whole.
            (Some(member), Some(_)) if member.members.is_empty() => {}
            (Some(member), Some(rest)) => member.add(rest),
        }
    }

    fn copy(&self, document: &RawDocument, part: &mut RawDocumentBuf) -> bson::error::Result<()> {
        for element in document {
            let (key, value) = element?;
            let Some(inner) = self.members.get(key.as_str()) else { continue };
            inner.copy_value(key, value, part)?;
        }
        Ok(())
    }

    fn copy_value(&self, key: &CStr, value: RawBsonRef<'_>, part: &mut RawDocumentBuf) -> bson::error::Result<()> {
        match value {
            _ if self.members.is_empty() => part.append(key, value),
            RawBsonRef::Document(document) => {
                let mut inner = RawDocumentBuf::new();
                self.copy(document, &mut inner)?;
                part.append(key, inner);
            }
            RawBsonRef::Array(array) => {
                let mut items = RawArrayBuf::new();
                for item in array {
                    // As in MongoDB, elements that have no members are left out.
                    if let RawBsonRef::Document(document) = item? {
                        let mut inner = RawDocumentBuf::new();
                        self.copy(document, &mut inner)?;
                        items.push(inner);
                    }
                }
                part.append(key, items);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a panic is how a test fails

    use std::time::{Duration, Instant};

    use bson::rawdoc;

    use super::*;

    #[test]
    fn columns_and_paths_are_kept_in_stored_order() {
        let document =
            rawdoc! { "_id": "x", "b": 1, "o": { "k": 1, "l": { "m": 2, "n": 3 } }, "list": [{ "k": 1, "j": 2 }, 5] };
        let paths = ["list.k", "o.l.m", "o.k", "b", "missing"].map(str::to_owned);
        let expected = rawdoc! { "_id": "x", "b": 1, "o": { "k": 1, "l": { "m": 2 } }, "list": [{ "k": 1 }] };
        assert_eq!(Projection::new(&paths).apply(&document).unwrap(), expected);
    }

    #[test]
    fn a_whole_column_wins_over_paths_into_it() {
        let document = rawdoc! { "_id": "x", "o": { "k": 1, "l": 2 } };
        for paths in [["o.k", "o"], ["o", "o.k"]] {
            assert_eq!(Projection::new(&paths.map(str::to_owned)).apply(&document).unwrap(), document);
        }
    }

    #[test]
    fn many_columns_are_found_in_time() {
        let mut document = rawdoc! { "_id": "x" };
        let columns: Vec<String> = (0..40_000).map(|number| format!("column{number}")).collect();
        for column in &columns {
            document.append(<&CStr>::try_from(column.as_str()).unwrap(), 1);
        }
        let began = Instant::now();
        assert_eq!(Projection::new(&columns).apply(&document).unwrap(), document);
        // Comparing all with all takes minutes.
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
