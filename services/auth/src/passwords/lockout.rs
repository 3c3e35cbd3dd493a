//! Accounts that wrong passwords lock (`accountLockout`).
//!
//! The counter and the time until which the account is locked change in one operation of the database, under the condition
//! that they still are what was read: however many attempts come at the same time, each counts once, and none counts while
//! the account is locked. State and meaning are those of Parse Server.

use parsefleet_core::{Date, ErrorCode, ParseError, error::Result};
use parsefleet_proto::v1::RequestContext;
use parsefleet_runtime::config::Lockout;
use serde_json::{Map, Value as Json, json};

use crate::{
    clock,
    json::internal,
    rows::{Rows, Search, Touch},
    users::UserRow,
};

/// Most tries to count one attempt: each failure of one is the success of another.
const MOST_TRIES: u32 = 1_000;

const COUNT: &str = "_failed_login_count";
const EXPIRES: &str = "_account_lockout_expires_at";

/// What an attempt comes to.
enum Verdict {
    /// It is not counted: the account is locked.
    Locked,
    /// Nothing has to be noted.
    Unchanged,
    /// It is noted, and answered like this.
    Note { changes: Json, is_locked: bool },
}

/// Notes an attempt.
///
/// # Errors
/// 101 if the account is locked, or is locked for longer by this attempt.
pub(crate) async fn note_attempt(
    rows: &Rows,
    context: &RequestContext,
    lockout: &Lockout,
    user: &UserRow,
    is_right: bool,
) -> Result<()> {
    let (mut count, mut expires) = (user.failed_logins, user.locked_until.map(|moment| moment.0));
    for _ in 0..MOST_TRIES {
        let (changes, is_locked) = match verdict(lockout, clock::now(), is_right, count, expires) {
            Verdict::Locked => return Err(locked(lockout)),
            Verdict::Unchanged => return Ok(()),
            Verdict::Note { changes, is_locked } => (changes, is_locked),
        };
        let mut filter = Map::new();
        filter.insert("objectId".to_owned(), user.object_id.clone().into());
        filter.insert(COUNT.to_owned(), same(count.map(|count| json!(count))));
        filter.insert(EXPIRES.to_owned(), same(expires.map(clock::to_json)));
        let changed: Option<UserRow> =
            rows.change(context, "_User", &Json::Object(filter), &changes, Touch::No).await?;
        if changed.is_some() {
            return if is_locked { Err(locked(lockout)) } else { Ok(()) };
        }
        // Another attempt came between, or the user is gone.
        let search = Search { filter: json!({ "objectId": user.object_id }), limit: 1, ..Search::default() };
        let found: Vec<UserRow> = rows.find(context, "_User", &search).await?;
        let Some(present) = found.into_iter().next() else { return Ok(()) };
        (count, expires) = (present.failed_logins, present.locked_until.map(|moment| moment.0));
    }
    tracing::error!("an attempt to log in could not be counted");
    Err(internal())
}

/// Whether no password, right or wrong, is looked at for now.
pub(crate) fn is_locked(lockout: &Lockout, user: &UserRow) -> bool {
    locks(lockout, clock::now(), user.failed_logins, user.locked_until.map(|moment| moment.0))
}

/// What whoever is locked out is told.
pub(crate) fn locked(lockout: &Lockout) -> ParseError {
    let minutes = lockout.minutes;
    ParseError::new(
        ErrorCode::ObjectNotFound,
        format!(
            "Your account is locked due to multiple failed login attempts. Please try again after {minutes} minute(s)"
        ),
    )
}

fn locks(lockout: &Lockout, now: Date, count: Option<f64>, expires: Option<Date>) -> bool {
    expires.is_some_and(|end| end > now) && count.unwrap_or(0.0) >= f64::from(lockout.threshold)
}

fn verdict(lockout: &Lockout, now: Date, is_right: bool, count: Option<f64>, expires: Option<Date>) -> Verdict {
    if locks(lockout, now, count, expires) {
        return Verdict::Locked;
    }
    if is_right {
        return match count {
            Some(0.0) => Verdict::Unchanged,
            // The time stays, as in Parse Server: without a count it means nothing.
            _ => Verdict::Note { changes: json!({ COUNT: 0 }), is_locked: false },
        };
    }
    let attempts = count.unwrap_or(0.0) + 1.0;
    let threshold = f64::from(lockout.threshold);
    let increment = json!({ "__op": "Increment", "amount": 1 });
    let changes = if attempts >= threshold {
        json!({ COUNT: increment, EXPIRES: clock::to_json(clock::after(now, lockout.duration())) })
    } else {
        json!({ COUNT: increment })
    };
    Verdict::Note { changes, is_locked: attempts > threshold }
}

/// A condition on a column that had this value, or none.
fn same(value: Option<Json>) -> Json {
    value.unwrap_or_else(|| json!({ "$exists": false }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Date = Date(1_000_000);
    const LATER: Date = Date(1_000_001);

    fn lockout() -> Lockout {
        Lockout { minutes: 5.0, threshold: 3 }
    }

    fn outcome(is_right: bool, count: Option<f64>, expires: Option<Date>) -> &'static str {
        match verdict(&lockout(), NOW, is_right, count, expires) {
            Verdict::Locked => "locked",
            Verdict::Unchanged => "unchanged",
            Verdict::Note { changes, is_locked } => match (changes.get(EXPIRES).is_some(), is_locked) {
                (false, false) if changes[COUNT] == 0 => "cleared",
                (false, false) => "counted",
                (true, false) => "locks",
                (true, true) => "locks, and says so",
                (false, true) => "never",
            },
        }
    }

    #[test]
    fn the_last_wrong_password_locks_and_the_next_is_told() {
        assert_eq!(outcome(false, None, None), "counted");
        assert_eq!(outcome(false, Some(1.0), None), "counted");
        assert_eq!(outcome(false, Some(2.0), None), "locks");
        assert_eq!(outcome(false, Some(3.0), Some(LATER)), "locked");
        assert_eq!(outcome(true, Some(3.0), Some(LATER)), "locked");
    }

    #[test]
    fn after_its_time_a_wrong_password_locks_again_at_once() {
        assert_eq!(outcome(false, Some(3.0), Some(NOW)), "locks, and says so");
        assert_eq!(outcome(true, Some(3.0), Some(NOW)), "cleared");
    }

    #[test]
    fn a_right_password_clears_what_was_counted() {
        assert_eq!(outcome(true, Some(2.0), None), "cleared");
        assert_eq!(outcome(true, None, None), "cleared");
        assert_eq!(outcome(true, Some(0.0), Some(LATER)), "unchanged");
    }

    #[test]
    fn the_text_names_the_minutes_as_they_were_given() {
        assert!(locked(&lockout()).message.ends_with("Please try again after 5 minute(s)"));
        assert!(locked(&Lockout { minutes: 0.5, ..lockout() }).message.ends_with("after 0.5 minute(s)"));
    }
}
