//! One class's table: its columns, its indexes and the statements made from them.

use bson::{RawBsonRef, RawDocument};
use rusqlite::Statement;

use super::key::{self, Case};
use crate::store::{Index, IndexKind};

/// A table. Every document is a blob; what a search may be narrowed by is beside it in columns of its own.
#[derive(Debug)]
pub(super) struct Table {
    /// Name, quoted for SQL.
    pub(super) name: String,
    /// Indexes, in the order they were made.
    pub(super) indexes: Vec<TableIndex>,
    insert: String,
    update: String,
}

/// An index of a table.
#[derive(Clone, Debug)]
pub(super) struct TableIndex {
    /// Number within the database: part of the names of its columns.
    pub(super) number: i64,
    /// What was asked for.
    pub(super) definition: Index,
}

/// A column that holds keys.
#[derive(Debug)]
pub(super) struct KeyColumn<'a> {
    /// Name.
    pub(super) name: String,
    /// Path of the keyed value in the document.
    pub(super) path: &'a str,
    /// How its texts are compared.
    pub(super) case: Case,
}

impl Table {
    /// The table under a name (not yet quoted), with these indexes.
    pub(super) fn new(name: &str, indexes: Vec<TableIndex>) -> Self {
        let name = quoted(name);
        let keys: Vec<String> = indexes.iter().flat_map(TableIndex::columns).map(|column| column.name).collect();
        let (mut columns, mut places, mut changes) = (String::new(), String::new(), String::new());
        for (position, column) in keys.iter().enumerate() {
            columns.push_str(&format!(", {column}"));
            places.push_str(&format!(", ?{}", position + 5));
            changes.push_str(&format!(", {column} = ?{}", position + 5));
        }
        let insert =
            format!("INSERT INTO {name} (id, created, updated, document{columns}) VALUES (?1, ?2, ?3, ?4{places})");
        let update = format!("UPDATE {name} SET updated = ?3, document = ?4{changes} WHERE row = ?1 AND id = ?2");
        Self { name, indexes, insert, update }
    }

    /// The statement that stores a new document; see `bind_insert`.
    pub(super) fn insert_statement(&self) -> &str {
        &self.insert
    }

    /// The statement that replaces a document; see `bind_update`.
    pub(super) fn update_statement(&self) -> &str {
        &self.update
    }

    /// Parameters of `insert_statement`.
    pub(super) fn bind_insert(&self, statement: &mut Statement<'_>, document: &RawDocument) -> rusqlite::Result<()> {
        bind_id(statement, 1, document)?;
        statement.raw_bind_parameter(2, date_of(document, "_created_at"))?;
        self.bind_content(statement, document)
    }

    /// Parameters of `update_statement`.
    pub(super) fn bind_update(
        &self,
        statement: &mut Statement<'_>,
        row: i64,
        document: &RawDocument,
    ) -> rusqlite::Result<()> {
        statement.raw_bind_parameter(1, row)?;
        bind_id(statement, 2, document)?;
        self.bind_content(statement, document)
    }

    fn bind_content(&self, statement: &mut Statement<'_>, document: &RawDocument) -> rusqlite::Result<()> {
        statement.raw_bind_parameter(3, date_of(document, "_updated_at"))?;
        statement.raw_bind_parameter(4, document.as_bytes())?;
        let mut place = 5;
        for index in &self.indexes {
            for key in index.keys_of(document) {
                statement.raw_bind_parameter(place, key)?;
                place += 1;
            }
        }
        Ok(())
    }

    /// The key columns of a path.
    pub(super) fn columns_of<'a>(&'a self, path: &'a str) -> impl Iterator<Item = KeyColumn<'a>> {
        self.indexes.iter().flat_map(TableIndex::columns).filter(move |column| column.path == path)
    }

    /// The name of the first key column of a path.
    pub(super) fn first_column_of(&self, path: &str) -> Option<String> {
        self.columns_of(path).next().map(|column| column.name)
    }

    /// The index that has the column.
    pub(super) fn index_of_column(&self, name: &str) -> Option<&Index> {
        let owner = self.indexes.iter().find(|index| index.columns().any(|column| column.name == name))?;
        Some(&owner.definition)
    }
}

impl TableIndex {
    /// The columns that hold the keys. Only ordered keys have one: geographic searches read every document.
    pub(super) fn columns(&self) -> impl Iterator<Item = KeyColumn<'_>> {
        let case = if self.definition.case_insensitive { Case::Folded } else { Case::Exact };
        self.definition
            .keys
            .iter()
            .enumerate()
            .filter(|(_, (_, kind))| is_ordered(*kind))
            .map(move |(position, (path, _))| KeyColumn { name: format!("key{}_{position}", self.number), path, case })
    }

    /// The keys of a document, one for each column. A document that a sparse index leaves out has NULLs, which SQLite's
    /// unique indexes ignore.
    pub(super) fn keys_of(&self, document: &RawDocument) -> Vec<Option<Vec<u8>>> {
        let mut keys: Vec<Option<Vec<u8>>> = self
            .columns()
            .map(|column| key::at_path(document, column.path).map(|value| key::of_stored(value, column.case)))
            .collect();
        if !self.definition.sparse || keys.iter().any(Option::is_some) {
            for key in &mut keys {
                key.get_or_insert_with(|| key::NULL.to_vec());
            }
        }
        keys
    }
}

/// An identifier for SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn is_ordered(kind: IndexKind) -> bool {
    match kind {
        IndexKind::Ascending | IndexKind::Descending | IndexKind::Hashed => true,
        IndexKind::Geo2d | IndexKind::Geo2dSphere | IndexKind::Text => false,
    }
}

fn bind_id(statement: &mut Statement<'_>, place: usize, document: &RawDocument) -> rusqlite::Result<()> {
    match document.get("_id") {
        Ok(Some(RawBsonRef::String(text))) => statement.raw_bind_parameter(place, text),
        Ok(Some(value)) => statement.raw_bind_parameter(place, key::of_stored(value, Case::Exact)),
        // NULL: the column refuses it.
        Ok(None) | Err(_) => statement.raw_bind_parameter(place, None::<i64>),
    }
}

fn date_of(document: &RawDocument, name: &str) -> Option<i64> {
    match document.get(name) {
        Ok(Some(RawBsonRef::DateTime(date))) => Some(date.timestamp_millis()),
        Ok(_) | Err(_) => None,
    }
}
