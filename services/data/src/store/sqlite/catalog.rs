//! Which classes have a table, and which indexes the tables have.
//!
//! SQLite's table names ignore case, those of classes do not, so a class may have to take another name than its own.

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, params};

use super::{
    file::failed,
    table::{Table, TableIndex, quoted},
};
use crate::store::{Index, IndexKind, StoreError, indexed_field};

/// Rows that are given their keys at a time when an index is made.
const BACKFILL_ROWS: i64 = 500;

/// The tables of an empty catalog.
pub(super) const CATALOG_TABLES: &str = r#"
    CREATE TABLE "~classes" (name TEXT PRIMARY KEY, table_name TEXT NOT NULL COLLATE NOCASE UNIQUE);
    CREATE TABLE "~indexes" (
        number INTEGER PRIMARY KEY, class TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL,
        UNIQUE (class, name)
    );"#;

/// Where the last number is kept that an index was given: also in files that were made without it.
///
/// A number is part of the names of columns, and a query may have been planned before they were dropped. A number that
/// came again would let it search another index's column.
pub(super) const NUMBERS_TABLE: &str =
    r#"CREATE TABLE IF NOT EXISTS "~numbers" (name TEXT PRIMARY KEY, last INTEGER NOT NULL);"#;

/// The tables of all classes.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    tables: HashMap<String, Arc<Table>>,
}

impl Catalog {
    /// Reads the catalog of a database.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let mut indexes = load_indexes(connection)?;
        let mut statement = connection.prepare(r#"SELECT name, table_name FROM "~classes""#).map_err(failed)?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
        let mut tables = HashMap::new();
        for row in rows.map_err(failed)? {
            let (class, name) = row.map_err(failed)?;
            let indexes = indexes.remove(&class).unwrap_or_default();
            tables.insert(class, Arc::new(Table::new(&name, indexes)));
        }
        Ok(Self { tables })
    }

    /// The table of a class, if it has one yet.
    pub(super) fn table(&self, class: &str) -> Option<&Arc<Table>> {
        self.tables.get(class)
    }

    /// Every class that has a table.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values()
    }

    /// Makes the table of a class, with the indexes every class of its kind has.
    pub(super) fn create_table(&mut self, connection: &Connection, class: &str) -> Result<Arc<Table>, StoreError> {
        let name = free_table_name(connection, class)?;
        let table = quoted(&name);
        let mut statements = format!(
            "CREATE TABLE {table} (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created INTEGER, updated INTEGER,
             document BLOB NOT NULL);"
        );
        if is_object_class(class) {
            let (created, updated) = (quoted(&format!("~created {name}")), quoted(&format!("~updated {name}")));
            statements.push_str(&format!(
                "CREATE INDEX {created} ON {table} (created); CREATE INDEX {updated} ON {table} (updated);"
            ));
        }
        connection.execute_batch(&statements).map_err(failed)?;
        let register = r#"INSERT INTO "~classes" (name, table_name) VALUES (?1, ?2)"#;
        connection.execute(register, params![class, name]).map_err(failed)?;
        self.tables.insert(class.to_owned(), Arc::new(Table::new(&name, Vec::new())));
        for index in own_indexes(class) {
            self.create_index(connection, class, &index)?;
        }
        self.tables.get(class).cloned().ok_or_else(|| StoreError::Failed(format!("the table of {class} is gone")))
    }

    /// Makes an index unless one of its name is there: columns for the keys, keys for the documents that are there, and
    /// the SQLite index over them.
    pub(super) fn create_index(
        &mut self,
        connection: &Connection,
        class: &str,
        index: &Index,
    ) -> Result<(), StoreError> {
        let table = match self.tables.get(class) {
            Some(table) => table.clone(),
            None => self.create_table(connection, class)?,
        };
        if table.indexes.iter().any(|present| present.definition.name == index.name) {
            return Ok(());
        }
        let definition = serde_json::to_string(index).map_err(|error| StoreError::Failed(error.to_string()))?;
        let number = next_number(connection)?;
        let register = r#"INSERT INTO "~indexes" (number, class, name, definition) VALUES (?1, ?2, ?3, ?4)"#;
        connection.execute(register, params![number, class, index.name, definition]).map_err(failed)?;
        let index = TableIndex { number, definition: index.clone() };
        build(connection, &table.name, &index)?;
        let mut indexes = table.indexes.clone();
        indexes.push(index);
        self.set_indexes(connection, class, indexes)
    }

    /// Drops an index, if there is one of its name.
    pub(super) fn drop_index(&mut self, connection: &Connection, class: &str, name: &str) -> Result<(), StoreError> {
        let Some(table) = self.tables.get(class).cloned() else { return Ok(()) };
        let (gone, kept): (Vec<_>, Vec<_>) =
            table.indexes.iter().cloned().partition(|index| index.definition.name == name);
        for index in gone {
            let mut statements = format!(r#"DROP INDEX IF EXISTS "~index {}";"#, index.number);
            for column in index.columns() {
                statements.push_str(&format!("ALTER TABLE {} DROP COLUMN {};", table.name, column.name));
            }
            connection.execute_batch(&statements).map_err(failed)?;
            connection.execute(r#"DELETE FROM "~indexes" WHERE number = ?1"#, [index.number]).map_err(failed)?;
        }
        self.set_indexes(connection, class, kept)
    }

    /// Drops the table of a class, if it has one, with its indexes.
    pub(super) fn drop_table(&mut self, connection: &Connection, class: &str) -> Result<(), StoreError> {
        let Some(table) = self.tables.remove(class) else { return Ok(()) };
        connection.execute_batch(&format!("DROP TABLE {}", table.name)).map_err(failed)?;
        for statement in [r#"DELETE FROM "~indexes" WHERE class = ?1"#, r#"DELETE FROM "~classes" WHERE name = ?1"#] {
            connection.execute(statement, [class]).map_err(failed)?;
        }
        Ok(())
    }

    fn set_indexes(
        &mut self,
        connection: &Connection,
        class: &str,
        indexes: Vec<TableIndex>,
    ) -> Result<(), StoreError> {
        let name = r#"SELECT table_name FROM "~classes" WHERE name = ?1"#;
        let name: String = connection.query_row(name, [class], |row| row.get(0)).map_err(failed)?;
        self.tables.insert(class.to_owned(), Arc::new(Table::new(&name, indexes)));
        Ok(())
    }
}

fn load_indexes(connection: &Connection) -> Result<HashMap<String, Vec<TableIndex>>, StoreError> {
    let statement = r#"SELECT number, class, definition FROM "~indexes" ORDER BY number"#;
    let mut statement = connection.prepare(statement).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut indexes: HashMap<String, Vec<TableIndex>> = HashMap::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let class: String = row.get(1).map_err(failed)?;
        let definition: String = row.get(2).map_err(failed)?;
        let definition = serde_json::from_str(&definition)
            .map_err(|error| StoreError::Failed(format!("an index of {class} is recorded wrongly: {error}")))?;
        let number = row.get(0).map_err(failed)?;
        indexes.entry(class).or_default().push(TableIndex { number, definition });
    }
    Ok(indexes)
}

/// A number that no index has, nor had.
fn next_number(connection: &Connection) -> Result<i64, StoreError> {
    let statement = r#"
        INSERT INTO "~numbers" (name, last) SELECT 'index', coalesce(max(number), 0) + 1 FROM "~indexes" WHERE true
        ON CONFLICT (name) DO UPDATE SET last = max(last + 1, excluded.last) RETURNING last"#;
    connection.query_row(statement, [], |row| row.get(0)).map_err(failed)
}

/// The class's own name, unless SQLite keeps it for itself or a class that differs in case has it.
fn free_table_name(connection: &Connection, class: &str) -> Result<String, StoreError> {
    let taken = r#"SELECT count(*) FROM "~classes" WHERE table_name = ?1"#;
    let mut name = class.to_owned();
    let mut attempt = 1;
    loop {
        let taken: i64 = connection.query_row(taken, [&name], |row| row.get(0)).map_err(failed)?;
        if taken == 0 && !name.to_ascii_lowercase().starts_with("sqlite_") {
            return Ok(name);
        }
        attempt += 1;
        name = format!("~{attempt} {class}");
    }
}

/// Rows of joins and the schema collection have no dates of their own.
fn is_object_class(class: &str) -> bool {
    !class.starts_with("_Join:") && class != "_SCHEMA"
}

/// Indexes that a table has from the start because the server itself searches by them.
fn own_indexes(class: &str) -> Vec<Index> {
    let index = |name: &str, paths: &[&str], unique| Index {
        name: name.to_owned(),
        keys: paths.iter().map(|path| ((*path).to_owned(), IndexKind::Ascending)).collect(),
        unique,
        sparse: true,
        case_insensitive: false,
        expire_after_seconds: None,
    };
    match class {
        "_Session" => {
            vec![index("_session_token_1", &["_session_token"], false), index("_p_user_1", &["_p_user"], false)]
        }
        "_Installation" => vec![
            index("~installation", &["installationId"], false),
            index("~device", &["deviceToken"], false),
            index("~user", &["_p_user"], false),
        ],
        join if join.starts_with("_Join:") => {
            vec![index("~row", &["owningId", "relatedId"], true), index("relatedId_1", &["relatedId"], false)]
        }
        _ => Vec::new(),
    }
}

fn build(connection: &Connection, table: &str, index: &TableIndex) -> Result<(), StoreError> {
    let columns: Vec<String> = index.columns().map(|column| column.name).collect();
    if columns.is_empty() {
        return Ok(());
    }
    for column in &columns {
        connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} BLOB")).map_err(failed)?;
    }
    backfill(connection, table, index, &columns)?;
    let unique = if index.definition.unique { "UNIQUE" } else { "" };
    let statement = format!(r#"CREATE {unique} INDEX "~index {}" ON {table} ({})"#, index.number, columns.join(", "));
    connection.execute_batch(&statement).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => {
            StoreError::Duplicate { field: indexed_field(&index.definition.name) }
        }
        _ => failed(error),
    })
}

fn backfill(connection: &Connection, table: &str, index: &TableIndex, columns: &[String]) -> Result<(), StoreError> {
    let changes: Vec<String> =
        columns.iter().enumerate().map(|(place, column)| format!("{column} = ?{}", place + 2)).collect();
    let update = format!("UPDATE {table} SET {} WHERE row = ?1", changes.join(", "));
    let mut update = connection.prepare(&update).map_err(failed)?;
    let select = format!("SELECT row, document FROM {table} WHERE row > ?1 ORDER BY row LIMIT {BACKFILL_ROWS}");
    let mut select = connection.prepare(&select).map_err(failed)?;
    let mut last = i64::MIN;
    loop {
        let rows = select.query_map([last], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
        let rows: Vec<(i64, Vec<u8>)> = rows.and_then(Iterator::collect).map_err(failed)?;
        let Some((newest, _)) = rows.last() else { return Ok(()) };
        last = *newest;
        for (row, document) in rows {
            let document = super::read::as_document(&document)?;
            update.raw_bind_parameter(1, row).map_err(failed)?;
            for (place, key) in index.keys_of(document).into_iter().enumerate() {
                update.raw_bind_parameter(place + 2, key).map_err(failed)?;
            }
            update.raw_execute().map_err(failed)?;
        }
    }
}

#[cfg(test)]
mod tests;
