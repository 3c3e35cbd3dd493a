//! The values of a column, as MongoDB collects them.

use std::collections::HashSet;

use bson::{Bson, Document};

use super::{Documents, StoreError};

/// The values that a path leads to in the documents, each once, in the order in which they are met. An array on the way or
/// at the end stands for its elements.
pub(super) fn values_of(documents: &Documents, path: &str) -> Result<Vec<Bson>, StoreError> {
    let path: Vec<&str> = path.split('.').collect();
    let mut met = HashSet::new();
    let mut values = Vec::new();
    for document in documents.iter() {
        let document = Document::try_from(document).map_err(|error| StoreError::Failed(error.to_string()))?;
        let mut found = Vec::new();
        collect_members(&document, &path, &mut found);
        for value in found {
            if met.insert(key(&value)) {
                values.push(value);
            }
        }
    }
    Ok(values)
}

fn collect_members(document: &Document, path: &[&str], found: &mut Vec<Bson>) {
    let Some((name, rest)) = path.split_first() else { return };
    if let Some(value) = document.get(name) {
        collect(value, rest, found);
    }
}

fn collect(value: &Bson, path: &[&str], found: &mut Vec<Bson>) {
    match (value, path.split_first()) {
        (Bson::Array(items), None) => found.extend(items.iter().cloned()),
        (value, None) => found.push(value.clone()),
        (Bson::Document(document), Some(_)) => collect_members(document, path, found),
        (Bson::Array(items), Some((name, rest))) => {
            if let Some(item) = name.parse().ok().and_then(|index: usize| items.get(index)) {
                collect(item, rest, found);
            }
            for item in items {
                if let Bson::Document(document) = item {
                    collect_members(document, path, found);
                }
            }
        }
        (_, Some(_)) => {}
    }
}

/// The same for values that MongoDB holds equal: a number is a number, whatever its type.
fn key(value: &Bson) -> String {
    match value {
        Bson::Int32(number) => key(&Bson::Double((*number).into())),
        Bson::Int64(number) => key(&Bson::Double(*number as f64)),
        // Adding zero makes the negative one positive.
        Bson::Double(number) => format!("n{}", number + 0.0),
        Bson::Array(items) => format!("[{}]", items.iter().map(key).collect::<Vec<_>>().join(",")),
        Bson::Document(members) => {
            let members = members.iter().map(|(name, value)| format!("{name:?}:{}", key(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use bson::{RawDocumentBuf, bson, doc};

    use super::*;

    fn distinct(documents: &[Document], path: &str) -> Vec<Bson> {
        let documents: Documents =
            documents.iter().map(|document| RawDocumentBuf::try_from(document).unwrap()).collect();
        values_of(&documents, path).unwrap()
    }

    #[test]
    fn equal_values_come_once_and_arrays_are_opened() {
        let documents = [doc! { "a": 1 }, doc! { "a": [1.0, [1], "1"] }, doc! { "b": 1 }, doc! { "a": null }];
        assert_eq!(distinct(&documents, "a"), [bson!(1), bson!([1]), bson!("1"), Bson::Null]);
    }

    #[test]
    fn paths_lead_through_objects_and_arrays() {
        let documents =
            [doc! { "o": { "k": 1 } }, doc! { "o": [{ "k": [2, 3] }, 5, { "k": 1 }] }, doc! { "o": "text" }];
        assert_eq!(distinct(&documents, "o.k"), [bson!(1), bson!(2), bson!(3)]);
        assert_eq!(distinct(&documents, "o.0.k"), [bson!(2), bson!(3)]);
    }

    #[test]
    fn objects_differ_by_members_and_their_order() {
        let documents = [
            doc! { "o": { "a": 1, "b": 2 } },
            doc! { "o": { "b": 2, "a": 1 } },
            doc! { "o": { "a": 1.0, "b": 2_i64 } },
        ];
        assert_eq!(distinct(&documents, "o").len(), 2);
    }
}
