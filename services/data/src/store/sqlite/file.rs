//! The data directory: who may use it, and connections to the database file in it.

use std::{
    fs::{DirBuilder, File, TryLockError},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::catalog::{CATALOG_TABLES, NUMBERS_TABLE};
use crate::store::StoreError;

/// Marks the file as ours (`PRAGMA application_id`): "PFlt".
const APPLICATION_ID: i32 = 0x5046_6c74;
/// Layout of the file (`PRAGMA user_version`).
const LAYOUT_VERSION: i32 = 1;
/// Pages of the write-ahead log after which its content moves into the file: 16 MiB. A small log would make every few
/// commits rewrite the same index pages.
const LOG_PAGES: u32 = 4_000;
/// Page cache of one connection in KiB; the operating system caches the file anyway.
const CACHE_KIB: u32 = 2_048;
/// How long to wait for a tool (a backup, the `sqlite3` shell) that holds the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// A data directory that no other process can open while this lives.
#[derive(Debug)]
pub(super) struct DataDirectory {
    database: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Creates the directory if need be, readable by its owner only, and locks it.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        let describe = |what: &str, error: std::io::Error| {
            StoreError::Failed(format!("cannot {what} the data directory {}: {error}", directory.display()))
        };
        if !directory.is_dir() {
            let created = DirBuilder::new().recursive(true).mode(0o700).create(directory);
            created.map_err(|error| describe("create", error))?;
        }
        let lock = File::options().create(true).truncate(false).write(true).open(directory.join("parsefleet.lock"));
        let lock = lock.map_err(|error| describe("write to", error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { database: directory.join("parsefleet.db"), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Unavailable(format!(
                "the data directory {} is in use by another process; stop it, or choose another directory",
                directory.display()
            ))),
            Err(TryLockError::Error(error)) => Err(describe("lock", error)),
        }
    }

    /// The connection that writes.
    pub(super) fn writer(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = self.connect(flags)?;
        if self.is_new(&connection)? {
            // What an empty database consists of need not be waited for: whatever is written later brings it to the disk.
            let marks = format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE;
                 PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {LAYOUT_VERSION};
                 {CATALOG_TABLES} {NUMBERS_TABLE} COMMIT;"
            );
            connection.execute_batch(&marks).map_err(failed)?;
        }
        let settings = format!(
            "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = {LOG_PAGES};
             PRAGMA journal_size_limit = 33554432; {NUMBERS_TABLE}"
        );
        connection.execute_batch(&settings).map_err(failed)?;
        Ok(connection)
    }

    /// A connection that only reads.
    pub(super) fn reader(&self) -> Result<Connection, StoreError> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, StoreError> {
        let connection = Connection::open_with_flags(&self.database, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(128);
        let settings = format!("PRAGMA cache_size = -{CACHE_KIB}; PRAGMA temp_store = MEMORY;");
        connection.execute_batch(&settings).map_err(failed)?;
        Ok(connection)
    }

    /// Whether the file is still empty. A file that is not ours, or of another layout, is an error.
    fn is_new(&self, connection: &Connection) -> Result<bool, StoreError> {
        let read =
            |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0)).map_err(failed);
        let (application, version) = (read("application_id")?, read("user_version")?);
        let tables = "SELECT count(*) FROM sqlite_schema";
        let tables = connection.query_row(tables, [], |row| row.get::<_, i64>(0)).map_err(failed)?;
        let ours = application == APPLICATION_ID;
        if ours && version == LAYOUT_VERSION {
            return Ok(false);
        }
        if application == 0 && version == 0 && tables == 0 {
            return Ok(true);
        }
        let file = self.database.display();
        Err(StoreError::Failed(match ours {
            true => format!("{file} has layout {version}, this program reads layout {LAYOUT_VERSION}"),
            false => format!("{file} is not a Parsefleet database"),
        }))
    }
}

/// An error of SQLite that is not the client's doing.
pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            StoreError::Unavailable(error.to_string())
        }
        _ if is_outdated(&error) => StoreError::SchemaConflict,
        _ => StoreError::Failed(error.to_string()),
    }
}

/// Whether a statement names a table or column that is gone since it was planned.
fn is_outdated(error: &rusqlite::Error) -> bool {
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text,
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        _ => return false,
    };
    text.starts_with("no such table") || text.starts_with("no such column")
}
