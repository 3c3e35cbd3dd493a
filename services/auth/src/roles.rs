//! Roles, and which of them a user holds: those that list the user, and upward every role that lists one of these.
//!
//! When role A lists role B among its roles, members of B also hold A. A role that was deleted passes nothing on, though
//! its rows in the join collections stay behind.

use std::collections::{BTreeSet, HashSet};

use async_trait::async_trait;
use parsefleet_core::error::Result;
use parsefleet_proto::v1::{OperationResult, RequestContext, operation::Operation as Kind};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    caller::Caller,
    objects::Objects,
    service::AuthService,
    writes::{Answer, Finish, Plan},
};

#[derive(Deserialize)]
struct RoleRow {
    #[serde(rename = "objectId")]
    object_id: String,
    /// Without a text here nothing can name the role.
    #[serde(default)]
    name: Json,
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
        names.extend(roles.iter().filter_map(|role| role.name.as_str()).map(str::to_owned));
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

/// What is left to do once a role has been written.
struct RoleWritten;

impl AuthService {
    /// Plans a write of a role. What a role has to have is the schema's to say, who may write it that of permissions.
    ///
    /// # Errors
    /// 119 for the read-only master key.
    pub(crate) fn plan_role(&self, operation: Kind) -> Result<Plan> {
        let (context, name) = match &operation {
            Kind::Create(request) => (request.context.as_ref(), "create"),
            Kind::Update(request) => (request.context.as_ref(), "update"),
            Kind::Delete(request) => (request.context.as_ref(), "delete"),
            Kind::Get(request) => (request.context.as_ref(), "get"),
            Kind::Find(request) => (request.context.as_ref(), "find"),
        };
        Caller::of_writer(context, name)?;
        Ok(Plan { operation: Some(operation), finish: Box::new(RoleWritten) })
    }
}

#[async_trait]
impl Finish for RoleWritten {
    async fn complete(self: Box<Self>, service: &AuthService, result: OperationResult) -> Result<Answer> {
        service.news.roles_changed().await;
        Ok(result.into())
    }
}
