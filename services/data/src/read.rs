//! Reading: get and find.
//!
//! The steps stand in the order of the functions [`DataService::get_object`] and [`DataService::find_objects`]: guards of
//! Parse's own classes, the class, class-level permissions, the typed query with everything in it resolved, protected
//! fields, the store, included objects, JSON. Triggers stand before the class is looked up, and after the JSON is written.

mod aggregate;
mod fields;
mod include;
mod options;
mod ordering;
mod output;
mod relation;
mod subquery;
mod told;
mod triggers;
mod values;

use std::sync::Arc;

use bson::Document;
use bytes::Bytes;
use parsefleet_core::{
    ClassName, ClassSchema, Date, ErrorCode, FieldPath, FieldType, ParseError, Query,
    error::Result,
    query::{Column, Condition, Constraint, FieldCondition, QueryAccess, QueryRules},
};
use parsefleet_proto::v1::{FindRequest, GetRequest, ReadPreferences, Selection};
use serde_json::Value as Json;

use self::{fields::Fields, options::Options, output::Site};
use crate::{
    caller::Caller,
    clock,
    conditions::is_object,
    error::parse_error,
    hooks::Hooks,
    policy::{
        self, Access, Operation,
        guards::{self, Method},
    },
    schema::Class,
    service::DataService,
    store::{Documents, FindOptions},
    triggers::Triggers,
};

/// One caller's reads.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    service: &'a DataService,
    caller: &'a Caller,
    now: Date,
    read_preference: Option<String>,
    include_preference: Option<String>,
    subquery_preference: Option<String>,
    /// Sub-queries around the query at hand.
    depth: usize,
    /// Who is asked before and after reads, if there is anybody.
    triggers: Option<&'a Triggers>,
    /// URL under which clients reach the API.
    mount_url: &'a str,
}

impl DataService {
    /// One object as JSON.
    ///
    /// # Errors
    /// 101 if it is not there or the caller may not read it, 119 if the caller may not get objects of the class.
    pub async fn get_object(&self, request: &GetRequest) -> Result<Bytes> {
        let caller = Caller::from_context(request.context.as_ref())?;
        guards::check_class(&caller, Method::Get, &request.class_name)?;
        let triggers = self.triggers(request.context.as_ref(), &caller, Hooks::ask_about_reads).await?;
        let reader = Reader::new(self, &caller, request.read_preferences.as_ref())?;
        let reader = Reader { triggers: triggers.as_ref(), mount_url: &request.mount_url, ..reader };
        reader.before(&request.class_name, || triggers::told_of_get(request)).await?;
        let Some(class) = reader.class(&request.class_name, Method::Get).await? else {
            return reader.get_after(request, Vec::new()).await;
        };
        let class = reader.class_with(class, &fields::mentioned(request.selection.as_ref(), &[])).await?;
        let fields = reader.fields(request.selection.as_ref(), &class)?;
        let query = reader.own_sessions_only(&class.schema, by_id(&request.object_id))?;
        let options = FindOptions {
            limit: Some(1),
            projection: fields.projection(&class),
            read_preference: reader.read_preference.clone(),
            ..FindOptions::default()
        };
        let documents = reader.fetch(&class, &query, Operation::Get, &options).await?;
        let includes = reader.includes(&class, &documents, &fields).await?;
        let site = Site { fields: &fields, mount_url: &request.mount_url, includes: includes.as_ref() };
        if reader.triggers_after(&request.class_name).is_some() {
            let found = reader.objects(&class, &documents, site).await?;
            return reader.get_after(request, found).await;
        }
        let document = documents.first().ok_or_else(ParseError::object_not_found)?;
        reader.print(&class, site, |printer| printer.object(document)).await.map(Bytes::from)
    }

    /// `{"results":[…]}`, with `count` if it was asked for.
    ///
    /// # Errors
    /// 119 if the caller may not do this to the class, 102, 105 and 107 for what is wrong with the query.
    pub async fn find_objects(&self, request: &FindRequest) -> Result<Bytes> {
        let caller = Caller::from_context(request.context.as_ref())?;
        guards::check_class(&caller, Method::Find, &request.class_name)?;
        let options = Options::new(request, &caller, &self.settings)?;
        let triggers = self.triggers(request.context.as_ref(), &caller, Hooks::ask_about_reads).await?;
        let reader = Reader::new(self, &caller, request.read_preferences.as_ref())?;
        let reader = Reader { triggers: triggers.as_ref(), mount_url: &request.mount_url, ..reader };
        reader.before(&request.class_name, || triggers::told_of_find(request, &options)).await?;
        let redirect = Some(request.redirect_class_name_for_key.as_str()).filter(|key| !key.is_empty());
        let Some(class) = reader.class_of_query(&request.class_name, redirect).await? else {
            let nothing: &[u8] = if request.count { br#"{"results":[],"count":0}"# } else { br#"{"results":[]}"# };
            return reader
                .answer_after(&request.class_name, request, &options, nothing.to_vec())
                .await
                .map(Bytes::from);
        };
        reader.answer(class, request, &options, redirect.is_some()).await.map(Bytes::from)
    }
}

impl<'a> Reader<'a> {
    /// Reads on behalf of a caller.
    ///
    /// # Errors
    /// 102 for a read preference that does not exist.
    fn new(service: &'a DataService, caller: &'a Caller, preferences: Option<&ReadPreferences>) -> Result<Self> {
        let preference = |pick: fn(&ReadPreferences) -> &str| options::read_preference(preferences.map(pick));
        let main = preference(|preferences| &preferences.main)?;
        Ok(Self {
            service,
            caller,
            now: clock::now(),
            include_preference: preference(|preferences| &preferences.include)?.or_else(|| main.clone()),
            subquery_preference: preference(|preferences| &preferences.subquery)?.or_else(|| main.clone()),
            read_preference: main,
            depth: 0,
            triggers: None,
            mount_url: "",
        })
    }

    /// The answer to a find request.
    async fn answer(
        &self,
        class: Arc<Class>,
        request: &FindRequest,
        options: &Options,
        named: bool,
    ) -> Result<Vec<u8>> {
        let operation = self.operation_of(&class, &options.filter);
        // What is refused is refused before sub-queries are asked on its behalf.
        if options.limit > 0 {
            policy::authorise(&class, self.caller, operation)?;
        }
        if request.count {
            policy::authorise(&class, self.caller, Operation::Count)?;
        }
        let class = self.class_with(class, &fields::mentioned(request.selection.as_ref(), &request.order)).await?;
        let (class, query) = self.query(class, &options.filter).await?;
        let sort = match options.limit {
            0 => Vec::new(),
            _ => self.sort(&class, &request.order, &options.filter, &query)?,
        };
        let fields = self.fields(request.selection.as_ref(), &class)?;
        let find = FindOptions {
            order: sort,
            skip: options.skip,
            limit: Some(options.limit),
            projection: fields.projection(&class),
            text_score: fields.text_score,
            comment: options.comment.clone(),
            hint: self.hint(&class, options.hint.as_ref()),
            read_preference: options.read_preference.clone(),
            ignore_case: false,
            most_bytes: None,
        };
        if let Some(verbosity) = options.explain.filter(|_| options.limit > 0) {
            let count = match request.count {
                true => Some(self.count(&class, &query, &find).await?),
                false => None,
            };
            let plan = self.explain(&class, &query, operation, &find, verbosity).await?;
            return Ok(output::plan(plan, count));
        }
        let results = async {
            match options.limit {
                0 => Ok(Documents::default()),
                _ => self.fetch(&class, &query, operation, &find).await,
            }
        };
        let count = async {
            match request.count {
                true => self.count(&class, &query, &find).await.map(Some),
                false => Ok(None),
            }
        };
        let (documents, count) = futures_util::future::try_join(results, count).await?;
        let includes = self.includes(&class, &documents, &fields).await?;
        let site = Site { fields: &fields, mount_url: self.mount_url, includes: includes.as_ref() };
        let class_name = class.schema.name.as_str();
        // After a trigger, the class stands at the end.
        let class_name = Some(class_name).filter(|name| named && self.triggers_after(name).is_none());
        let answer = self.print(&class, site, |printer| printer.results(&documents, class_name, count)).await?;
        self.answer_after(class.schema.name.as_str(), request, options, answer).await
    }

    /// What a request selects.
    ///
    /// # Errors
    /// 102 if a client asks for more included objects than the app allows, or anybody for a path without end.
    fn fields(&self, selection: Option<&Selection>, class: &Class) -> Result<Fields> {
        let fields = Fields::new(selection, &class.schema)?;
        if self.caller.is_restricted() {
            fields.check_complexity(&self.service.settings.complexity)?;
        }
        Ok(fields)
    }

    /// What class-level permissions call the query. A session query is never about one object: it is narrowed to the
    /// caller's own.
    fn operation_of(&self, class: &Class, filter: &Json) -> Operation {
        let is_narrowed = self.caller.is_restricted() && class.schema.name.as_str() == "_Session";
        if !is_narrowed && options::asks_for_one_object(filter) { Operation::Get } else { Operation::Find }
    }

    /// A class to be read; `None` if there is none.
    ///
    /// # Errors
    /// 119 if clients may not know that.
    async fn class(&self, name: &str, method: Method) -> Result<Option<Arc<Class>>> {
        guards::check_class(self.caller, method, name)?;
        let snapshot = self.service.schema.current().await?;
        if let Some(class) = snapshot.class(name) {
            return Ok(Some(Arc::clone(class)));
        }
        let Some(class_name) = ClassName::new(name) else { return self.missing_class(name) };
        if class_name.is_join() {
            // Only keys of the app come here. A join collection has no row in the schema collection.
            return Ok(Some(Arc::new(Class::new(ClassSchema::new(class_name), &self.service.settings))));
        }
        let newer = self.service.schema.second_look().await?;
        match newer.as_deref().and_then(|snapshot| snapshot.class(name)) {
            Some(class) => Ok(Some(Arc::clone(class))),
            None => self.missing_class(name),
        }
    }

    /// Collections that are not classes are not looked at, whatever the database holds.
    fn missing_class(&self, name: &str) -> Result<Option<Arc<Class>>> {
        guards::check_missing_class(self.caller, self.service.settings.allow_client_class_creation, name)?;
        Ok(None)
    }

    /// The class a query runs on: the target of a relation, if the query is redirected along one.
    async fn class_of_query(&self, name: &str, redirect: Option<&str>) -> Result<Option<Arc<Class>>> {
        let class = self.class(name, Method::Find).await?;
        let (Some(key), Some(known)) = (redirect, &class) else { return Ok(class) };
        match known.schema.field_type(key) {
            Some(FieldType::Relation(target)) => self.class(target, Method::Find).await,
            _ => Ok(class),
        }
    }

    /// A `where` as a query with nothing left to resolve. The class comes back as it was looked up last.
    async fn query(&self, class: Arc<Class>, filter: &Json) -> Result<(Arc<Class>, Query)> {
        let (class, query) = self.parse(class, filter).await?;
        if !self.sees_everything_of(&class, filter) {
            let visibility = class.protected.visibility(self.caller);
            visibility.check_query(&query, class.schema.name.as_str())?;
            if visibility.hides_something() && query.searches_text() {
                let columns = self.service.store.text_columns(&class.schema.name).await.map_err(parse_error)?;
                visibility.check_text_index(&columns, class.schema.name.as_str())?;
            }
        }
        let mut query = self.own_sessions_only(&class.schema, query)?;
        self.resolve_subqueries(&class.schema, &mut query).await?;
        self.resolve_relations(&class.schema, &mut query).await?;
        Ok((class, query))
    }

    /// Types a `where`. If it names fields that the class does not have, they may be new.
    async fn parse(&self, class: Arc<Class>, filter: &Json) -> Result<(Arc<Class>, Query)> {
        let access = match self.caller {
            Caller::Public | Caller::User(_) => QueryAccess::Client,
            Caller::ReadOnlyMaster => QueryAccess::ReadOnly,
            Caller::Maintenance | Caller::Master => QueryAccess::Master,
        };
        let complexity = &self.service.settings.complexity;
        let rules = QueryRules {
            max_depth: complexity.query_depth,
            allow_regex: complexity.allow_regex,
            ..QueryRules::new(access, self.now)
        };
        let query = Query::parse(filter, &class.schema, &rules)?;
        if !names_unknown_fields(&query, &class.schema) {
            return Ok((class, query));
        }
        let Some(class) = self.service.schema.newer_class(&class).await? else { return Ok((class, query)) };
        let query = Query::parse(filter, &class.schema, &rules)?;
        Ok((class, query))
    }

    /// The class with these fields, if it has them by now.
    async fn class_with(&self, class: Arc<Class>, fields: &[&str]) -> Result<Arc<Class>> {
        if fields.iter().all(|field| class.schema.field_type(field).is_some()) {
            return Ok(class);
        }
        Ok(self.service.schema.newer_class(&class).await?.unwrap_or(class))
    }

    /// Whether the query is about the caller's own user object, whose protected fields it may name.
    fn sees_everything_of(&self, class: &Class, filter: &Json) -> bool {
        let Some(user) = self.caller.user() else { return false };
        self.service.settings.protected_fields_owner_exempt
            && class.schema.name.as_str() == "_User"
            && filter.get("objectId").and_then(Json::as_str) == Some(user.id())
    }

    /// Sessions are seen by their own user and by the master keys, not by the maintenance key: their tokens are as good as a log-in.
    fn own_sessions_only(&self, class: &ClassSchema, mut query: Query) -> Result<Query> {
        if class.name.as_str() != "_Session" || matches!(self.caller, Caller::Master | Caller::ReadOnlyMaster) {
            return Ok(query);
        }
        let refused = || ParseError::sanitised(ErrorCode::InvalidSessionToken, "Invalid session token");
        let user = self.caller.user().ok_or_else(refused)?;
        let path = FieldPath::new("user").ok_or_else(refused)?;
        let constraints = vec![Constraint::Equal(user.pointer())];
        query.conditions.push(Condition::Field(FieldCondition { path, column: Column::Pointer, constraints }));
        Ok(query)
    }

    /// The documents of a query that the caller may read.
    async fn fetch(
        &self,
        class: &Class,
        query: &Query,
        operation: Operation,
        options: &FindOptions,
    ) -> Result<Documents> {
        match self.permitted(class, query, operation)? {
            Some(query) => self.service.store.find(&class.schema, &query, options).await.map_err(parse_error),
            None => Ok(Documents::default()),
        }
    }

    async fn count(&self, class: &Class, query: &Query, options: &FindOptions) -> Result<u64> {
        match self.permitted(class, query, Operation::Count)? {
            Some(query) => self.service.store.count_with(&class.schema, &query, options).await.map_err(parse_error),
            None => Ok(0),
        }
    }

    /// The plan of a query; `None` if it is not asked, because the caller may read no object.
    async fn explain(
        &self,
        class: &Class,
        query: &Query,
        operation: Operation,
        options: &FindOptions,
        verbosity: &str,
    ) -> Result<Option<Document>> {
        let Some(query) = self.permitted(class, query, operation)? else { return Ok(None) };
        self.service.store.explain(&class.schema, &query, options, verbosity).await.map(Some).map_err(parse_error)
    }

    /// The query with every permission in it; `None` if the caller may read no object.
    fn permitted(&self, class: &Class, query: &Query, operation: Operation) -> Result<Option<Query>> {
        let mut query = query.clone();
        match policy::authorise(class, self.caller, operation)? {
            Access::All => {}
            Access::Where(condition) => query.conditions.push(condition),
            Access::Nothing if operation == Operation::Get => return Err(ParseError::object_not_found()),
            Access::Nothing => return Ok(None),
        }
        query.conditions.extend(policy::readable(self.caller));
        Ok(Some(query))
    }
}

/// The query for one object.
fn by_id(id: &str) -> Query {
    Query { conditions: vec![is_object(id)] }
}

/// Whether a condition is about a field that the class does not have.
fn names_unknown_fields(query: &Query, schema: &ClassSchema) -> bool {
    query.conditions.iter().any(|condition| match condition {
        Condition::All(queries) | Condition::Any(queries) | Condition::None(queries) => {
            queries.iter().any(|query| names_unknown_fields(query, schema))
        }
        Condition::Field(field) => {
            matches!(field.column, Column::Plain | Column::Nested) && schema.field_type(field.path.root()).is_none()
        }
        Condition::RelatedTo { .. } | Condition::ReadableBy(_) | Condition::WritableBy(_) => false,
    })
}
