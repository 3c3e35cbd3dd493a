//! A query's plan, in the shape of MongoDB's but with SQLite's own words.

use std::time::Instant;

use bson::{Document, doc};
use rusqlite::{Connection, params_from_iter};

use super::{
    file::failed,
    plan::{Order, Plan},
    read::{self, Window},
};
use crate::store::StoreError;

/// The plan of a query on a class that has no table yet.
pub(super) fn no_table(class: &str) -> Document {
    doc! {
        "explainVersion": "1",
        "queryPlanner": { "namespace": class, "winningPlan": { "stage": "EOF" }, "rejectedPlans": [] },
        "ok": 1,
    }
}

/// How the query is carried out, and if asked for how it went.
pub(super) fn explain(
    connection: &Connection,
    class: &str,
    plan: &Plan,
    window: &Window,
    executed: bool,
) -> Result<Document, StoreError> {
    let select = plan.select();
    let steps = steps(connection, plan, &select)?;
    let stage = if steps.iter().any(|step| step.starts_with("SEARCH")) { "IXSCAN" } else { "COLLSCAN" };
    let sort = match plan.order {
        Order::Natural => "none",
        Order::Columns(_) => "index",
        Order::Compared(_) | Order::Distance => "memory",
    };
    let mut answer = doc! {
        "explainVersion": "1",
        "queryPlanner": {
            "namespace": class,
            "winningPlan": {
                "stage": stage, "statement": select, "steps": steps, "sort": sort,
                "filtersDocuments": !plan.filter.is_empty(),
            },
            "rejectedPlans": [],
        },
    };
    if executed {
        let start = Instant::now();
        let returned = read::find(connection, plan, window)?.len();
        let milliseconds = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
        answer.insert(
            "executionStats",
            doc! { "executionSuccess": true, "nReturned": returned as i64, "executionTimeMillis": milliseconds },
        );
    }
    answer.insert("ok", 1);
    Ok(answer)
}

fn steps(connection: &Connection, plan: &Plan, select: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {select}")).map_err(failed)?;
    let steps = statement.query_map(params_from_iter(&plan.parameters), |row| row.get::<_, String>(3));
    steps.and_then(Iterator::collect).map_err(failed)
}
