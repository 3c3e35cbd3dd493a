//! What is read from the file and written to it.
//!
//! `due` is the time from which a job may be taken: the end of its pause, or of its lease. A dead letter has none. A lease
//! is a random number, so that whoever lost it cannot answer for the one who has it now.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

use crate::{
    bus::Backlog,
    clock::milliseconds,
    dead::{DeadJob, Selection},
    delivery::MAX_UNANSWERED,
    job::{Headers, Job, JobId, Queue},
};

pub(super) const TABLES: &str = "
    CREATE TABLE job (
        sequence INTEGER PRIMARY KEY,
        queue TEXT NOT NULL,
        id TEXT NOT NULL,
        body BLOB NOT NULL,
        headers TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        unanswered INTEGER NOT NULL DEFAULT 0,
        due INTEGER,
        lease INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '',
        died_at INTEGER,
        UNIQUE (queue, id)
    ) STRICT;
    CREATE INDEX job_due ON job (queue, due) WHERE due IS NOT NULL;
    CREATE INDEX job_dead ON job (queue, died_at) WHERE due IS NULL;";

/// A job that is leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lease {
    sequence: i64,
    number: i64,
}

/// What there was to take.
pub(super) struct Taken {
    /// Leased jobs.
    pub(super) jobs: Vec<(Lease, Job)>,
    /// When the next job is due, if nothing else happens before.
    pub(super) next_due: Option<i64>,
}

/// Adds a job. One that is there already under this id stays as it is.
pub(super) fn insert(connection: &Connection, job: &Job, now: i64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO job (queue, id, body, headers, attempts, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (queue, id) DO NOTHING",
    )?;
    let headers = headers_text(&job.headers);
    statement.execute(params![job.queue.name(), job.id.as_str(), &job.body[..], headers, job.attempts, now])?;
    Ok(())
}

/// Leases jobs that are due, until `until`.
pub(super) fn take(
    connection: &Connection,
    queue: Queue,
    count: usize,
    now: i64,
    until: i64,
) -> rusqlite::Result<Taken> {
    bury_unanswered(connection, queue, now)?;
    let mut statement = connection.prepare_cached(
        "UPDATE job SET due = :until, lease = random(), unanswered = unanswered + 1
         WHERE sequence IN (SELECT sequence FROM job WHERE queue = :queue AND due <= :now ORDER BY due, sequence LIMIT :count)
         RETURNING id, body, headers, attempts, sequence, lease",
    )?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let parameters = named_params! { ":until": until, ":queue": queue.name(), ":now": now, ":count": count };
    let leased = |row: &Row<'_>| Ok((Lease { sequence: row.get(4)?, number: row.get(5)? }, read_job(row, queue)?));
    let mut jobs = statement.query_map(parameters, leased)?.collect::<rusqlite::Result<Vec<_>>>()?;
    // RETURNING has no order.
    jobs.sort_by_key(|(lease, _)| lease.sequence);
    let mut statement = connection.prepare_cached("SELECT min(due) FROM job WHERE queue = ?1 AND due IS NOT NULL")?;
    let next_due = statement.query_row([queue.name()], |row| row.get(0))?;
    Ok(Taken { jobs, next_due })
}

/// What ends whoever takes it is not given to anybody any more.
fn bury_unanswered(connection: &Connection, queue: Queue, now: i64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE job SET due = NULL, died_at = :now, lease = 0, reason = 'delivered too often without an answer'
         WHERE queue = :queue AND due <= :now AND unanswered >= :most",
    )?;
    let buried = statement.execute(named_params! { ":now": now, ":queue": queue.name(), ":most": MAX_UNANSWERED })?;
    if buried > 0 {
        tracing::error!(queue = queue.name(), jobs = buried, "jobs were never answered: they are dead letters now");
    }
    Ok(())
}

/// Keeps leases until `until`.
pub(super) fn renew(connection: &Connection, leases: &[Lease], until: i64) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("UPDATE job SET due = ?1 WHERE sequence = ?2 AND lease = ?3 AND due IS NOT NULL")?;
    for lease in leases {
        statement.execute(params![until, lease.sequence, lease.number])?;
    }
    Ok(())
}

/// Gives leases back.
pub(super) fn give_back(connection: &Connection, leases: &[Lease], now: i64) -> rusqlite::Result<()> {
    renew(connection, leases, now)
}

/// Removes a job that is done. Whether it was still leased.
pub(super) fn done(connection: &Connection, lease: Lease) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached("DELETE FROM job WHERE sequence = ?1 AND lease = ?2")?;
    Ok(statement.execute(params![lease.sequence, lease.number])? > 0)
}

/// Lets a job that failed rest. Whether it was still leased.
pub(super) fn delay(connection: &Connection, lease: Lease, reason: &str, due: i64) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "UPDATE job SET due = ?1, lease = 0, unanswered = 0, attempts = attempts + 1, reason = ?2
         WHERE sequence = ?3 AND lease = ?4",
    )?;
    Ok(statement.execute(params![due, reason, lease.sequence, lease.number])? > 0)
}

/// Makes a job a dead letter. Whether it was still leased.
pub(super) fn bury(connection: &Connection, lease: Lease, reason: &str, now: i64) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "UPDATE job SET due = NULL, died_at = ?1, lease = 0, attempts = attempts + 1, reason = ?2
         WHERE sequence = ?3 AND lease = ?4",
    )?;
    Ok(statement.execute(params![now, reason, lease.sequence, lease.number])? > 0)
}

/// The dead letters that are selected, with their numbers.
pub(super) fn dead(
    connection: &Connection,
    queue: Queue,
    selection: &Selection,
) -> rusqlite::Result<Vec<(i64, DeadJob)>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, body, headers, attempts, sequence, reason, died_at FROM job
         WHERE queue = ?1 AND due IS NULL ORDER BY died_at, sequence",
    )?;
    let mut rows = statement.query([queue.name()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if found.len() >= selection.most() {
            break;
        }
        let died_at = row.get::<_, Option<i64>>(6)?.unwrap_or_default();
        let dead = DeadJob { job: read_job(row, queue)?, reason: row.get(5)?, died_at };
        if selection.takes(&dead) {
            found.push((row.get(4)?, dead));
        }
    }
    Ok(found)
}

/// Makes dead letters jobs again that were never tried.
pub(super) fn replay(connection: &Connection, queue: Queue, selection: &Selection, now: i64) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(
        "UPDATE job SET due = ?1, died_at = NULL, attempts = 0, unanswered = 0 WHERE sequence = ?2 AND due IS NULL",
    )?;
    let mut count = 0;
    for (sequence, _) in dead(connection, queue, selection)? {
        count += statement.execute(params![now, sequence])? as u64;
    }
    Ok(count)
}

/// Removes dead letters.
pub(super) fn drop_dead(connection: &Connection, queue: Queue, selection: &Selection) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached("DELETE FROM job WHERE sequence = ?1 AND due IS NULL")?;
    let mut count = 0;
    for (sequence, _) in dead(connection, queue, selection)? {
        count += statement.execute([sequence])? as u64;
    }
    Ok(count)
}

pub(super) fn backlog(connection: &Connection, queue: Queue, now: i64) -> rusqlite::Result<Backlog> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FILTER (WHERE due <= ?2), count(*) FILTER (WHERE due > ?2), count(*) FILTER (WHERE due IS NULL)
         FROM job WHERE queue = ?1",
    )?;
    let read = |row: &Row<'_>| {
        let count = |column| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or_default());
        Ok(Backlog { waiting: count(0)?, delayed: count(1)?, dead: count(2)? })
    };
    Ok(statement.query_row(params![queue.name(), now], read).optional()?.unwrap_or_default())
}

/// End of a lease or pause that begins now.
pub(super) fn after(now: i64, pause: Duration) -> i64 {
    now.saturating_add(milliseconds(pause))
}

/// The job in the first columns: id, body, headers, attempts.
fn read_job(row: &Row<'_>, queue: Queue) -> rusqlite::Result<Job> {
    let wrong = |error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error);
    let id = JobId::try_new(row.get::<_, String>(0)?).map_err(|error| wrong(Box::new(error)))?;
    let body = Bytes::from(row.get::<_, Vec<u8>>(1)?);
    let attempts = row.get(3)?;
    Ok(Job { id, queue, body, attempts, headers: read_headers(&row.get::<_, String>(2)?) })
}

fn headers_text(headers: &Headers) -> String {
    let object: serde_json::Map<_, _> = headers.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    serde_json::Value::Object(object).to_string()
}

/// Headers that cannot be read are none: they matter to traces only.
fn read_headers(text: &str) -> Headers {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    object.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lost_a_lease_answers_nothing() -> rusqlite::Result<()> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(TABLES)?;
        insert(&connection, &Job::new(Queue::Mail, "body"), 0)?;
        let lease = |now| -> rusqlite::Result<Option<Lease>> {
            let taken = take(&connection, Queue::Mail, 1, now, now + 10)?;
            Ok(taken.jobs.first().map(|(lease, _)| *lease))
        };
        let (first, meanwhile, second) = (lease(0)?, lease(9)?, lease(10)?);
        assert_eq!(meanwhile, None);
        let (Some(first), Some(second)) = (first, second) else { panic!("it was not leased") };
        assert!(!done(&connection, first)? && !delay(&connection, first, "", 0)? && !bury(&connection, first, "", 0)?);
        assert!(done(&connection, second)?);
        Ok(())
    }
}
