//! The file: opened, and made if it is not there.

use std::{
    fs::{DirBuilder, File},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::rows::TABLES;

/// Marks the file as ours (`PRAGMA application_id`): "PFjb".
const APPLICATION_ID: i32 = 0x5046_6a62;
/// Layout of the file (`PRAGMA user_version`).
const LAYOUT_VERSION: i32 = 1;
/// How long to wait for another process that holds the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the file; what it holds is for its owner only.
pub(super) fn open(path: &Path) -> Result<Connection, String> {
    let describe = |error: &dyn std::fmt::Display| format!("cannot open {}: {error}", path.display());
    if let Some(directory) = path.parent()
        && !directory.is_dir()
    {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| describe(&error))?;
    }
    let created = File::options().create(true).truncate(false).write(true).mode(0o600).open(path);
    created.map_err(|error| describe(&error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| describe(&error))?;
    prepare(&mut connection).map_err(|error| describe(&error))?.map_err(|problem| describe(&problem))?;
    Ok(connection)
}

/// Settings, and the tables of a new file. The inner error is for a file that is not ours.
fn prepare(connection: &mut Connection) -> rusqlite::Result<Result<(), String>> {
    connection.busy_timeout(PATIENCE)?;
    // What was in a job that is done does not stay in the file: it may have been a secret.
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let pragma = |name: &str| transaction.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let known = match (pragma("application_id")?, pragma("user_version")?) {
        (APPLICATION_ID, LAYOUT_VERSION) => Ok(()),
        (APPLICATION_ID, version) => {
            Err(format!("its layout is {version}, and this program knows layout {LAYOUT_VERSION}"))
        }
        (0, 0) => {
            let marks =
                format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {LAYOUT_VERSION}; {TABLES}");
            transaction.execute_batch(&marks)?;
            Ok(())
        }
        _ => Err("it is no file of jobs".to_owned()),
    };
    transaction.commit()?;
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a file in which this was done before.
    fn problem(statements: &str) -> Result<String, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("jobs.sqlite");
        Connection::open(&path)?.execute_batch(statements)?;
        let problem = open(&path).err().ok_or("it was opened")?;
        Ok(problem.replace(path.to_str().unwrap_or_default(), "the file"))
    }

    #[test]
    fn the_files_of_others_are_left_alone() -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(problem("PRAGMA application_id = 1")?, "cannot open the file: it is no file of jobs");
        let later = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 2");
        assert_eq!(problem(&later)?, "cannot open the file: its layout is 2, and this program knows layout 1");
        Ok(())
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("file");
        std::fs::write(&file, "")?;
        let problem = open(&file.join("data").join("jobs.sqlite")).err().ok_or("it was opened")?;
        assert!(problem.contains("file/data/jobs.sqlite: "), "{problem}");
        Ok(())
    }
}
