//! The roles a user holds: those that list the user, and upward every role that lists one of these.
//!
//! When role A lists role B among its roles, members of B also hold A. A role that was deleted passes nothing on, though
//! its rows in the join collections stay behind.

use std::collections::{BTreeSet, HashSet};

use parsefleet_core::error::Result;
use parsefleet_proto::v1::RequestContext;
use serde::Deserialize;
use serde_json::json;

use crate::objects::Objects;

#[derive(Deserialize)]
struct RoleRow {
    #[serde(rename = "objectId")]
    object_id: String,
    name: String,
}

/// A row of a join collection: the role lists the user or role that was asked for.
#[derive(Deserialize)]
struct MemberRow {
    #[serde(rename = "owningId")]
    role_id: String,
}

/// Names of all roles of the user, sorted. One level of the hierarchy costs two reads; cycles end by themselves.
pub(crate) async fn of_user(objects: &Objects, context: &RequestContext, user_id: &str) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    let mut seen = HashSet::new();
    let direct = json!({ "relatedId": user_id });
    let mut level = listing(objects, context, "_Join:users:_Role", &direct, &mut seen).await?;
    while !level.is_empty() {
        let filter = json!({ "objectId": { "$in": level } });
        let roles: Vec<RoleRow> = objects.find(context, "_Role", &filter, &["name"]).await?;
        let ids: Vec<&str> = roles.iter().map(|role| role.object_id.as_str()).collect();
        let inherited = json!({ "relatedId": { "$in": ids } });
        level = match ids.is_empty() {
            true => Vec::new(),
            false => listing(objects, context, "_Join:roles:_Role", &inherited, &mut seen).await?,
        };
        names.extend(roles.into_iter().map(|role| role.name));
    }
    Ok(names.into_iter().collect())
}

/// Ids of the roles that have such rows and were not met before.
async fn listing(
    objects: &Objects,
    context: &RequestContext,
    join: &str,
    filter: &serde_json::Value,
    seen: &mut HashSet<String>,
) -> Result<Vec<String>> {
    let rows: Vec<MemberRow> = objects.find(context, join, filter, &["owningId"]).await?;
    Ok(rows.into_iter().map(|row| row.role_id).filter(|id| seen.insert(id.clone())).collect())
}
