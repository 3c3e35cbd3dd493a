//! What every object store must do: one set of tests, run against each store.
//!
//! [`store_suite!`](crate::store_suite) makes one test of each function for a store. The expectations are MongoDB's answers.

// A panic is how a test fails.
#![allow(clippy::unwrap_used)]

use bson::{Document, RawDocument, RawDocumentBuf, doc};
use parsefleet_core::{
    ClassName, ClassSchema, Date, FieldType, ObjectId, Query,
    query::{QueryAccess, QueryRules, order},
    schema::Field,
    update::{ObjectUpdate, Writer},
};
use parsefleet_data::store::{FindOptions, ObjectStore, StoreError};
use serde_json::{Value as Json, json};

pub mod concurrency;
pub mod geography;
pub mod hooks;
pub mod indexes;
pub mod objects;
pub mod ordering;
pub mod permissions;
pub mod queries;
pub mod relations;
pub mod schema;
pub mod transactions;
pub mod updates;

/// Makes a test of each function of the suite. `$with_store` is an async function that is given a boxed test to run on a
/// store of its own: `async fn with_store(test: impl AsyncFnOnce(&dyn ObjectStore))`.
#[macro_export]
macro_rules! store_suite {
    ($with_store:path) => {
        $crate::store_suite! { @each $with_store;
            objects: [
                documents_come_back_byte_for_byte, a_taken_id_is_a_duplicate, a_class_nobody_wrote_to_is_empty,
                deleting_tells_how_many, projections_keep_columns_and_paths, ids_need_not_be_text, ping_answers,
                explain_tells_a_plan, classes_differ_by_case
            ]
            queries: [
                equality_of_every_type, null_equals_missing, ranges_stay_within_a_type, lists, negations, presence,
                arrays_contain, regular_expressions, combinations, nested_paths, pointers, long_lists, dates_of_the_object,
                texts_whatever_their_case, internal_columns
            ]
            updates: [
                values_are_set_and_removed, paths_reach_inside, increments_have_mongodb_types,
                refused_increments_change_nothing, arrays_grow_and_shrink, arrays_compare_as_mongodb_does,
                operations_on_what_is_no_array_are_refused, everything_happens_together_or_not_at_all,
                only_what_satisfies_the_query_is_changed, permissions_are_replaced,
                without_a_time_the_date_stays, identities_are_reached_into
            ]
            indexes: [
                unique_values_are_kept_unique, sparse_indexes_leave_out_what_is_missing, updates_keep_to_unique_indexes,
                an_index_over_duplicates_is_refused, indexes_change_no_answer, indexes_on_paths,
                folded_indexes_ignore_case, texts_unique_whatever_their_case, existing_indexes_are_left_alone
            ]
            ordering: [
                numbers_and_texts, types_have_an_order, several_keys, skip_and_limit, by_dates_and_id, by_pointer_and_path
            ]
            permissions: [reading_and_writing_by_subject]
            geography: [nearest_first, boxes_polygons_and_circles, points_in_polygons]
            relations: [rows_are_added_once_and_removed, join_rows_can_be_queried]
            schema: [
                classes_are_created_once, fields_are_added_once, a_class_survives_its_description,
                a_description_changes_as_a_whole, a_class_has_one_place, fields_go_with_their_values,
                indexes_are_changed_and_noted, a_class_goes_when_it_is_empty, removing_a_class_loses_no_object
            ]
            hooks: [hooks_are_stored_once, hooks_change_and_go, one_of_many_equal_hooks_is_stored]
            concurrency: [
                increments_all_count, one_of_many_equal_inserts_wins, array_operations_all_count,
                conditional_updates_have_one_winner, fields_are_added_by_one
            ]
            transactions: [
                nobody_sees_anything_before_the_commit, an_aborted_transaction_leaves_nothing, relations_belong_to_it,
                a_duplicate_spoils_it, rivals_take_turns, others_write_before_and_after
            ]
        }
    };
    (@each $with_store:path; $($module:ident: [$($test:ident),*])*) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $with_store($crate::store_suite::$module::$test).await;
            })*
        })*
    };
}

/// The moment of every test.
pub(crate) const NOW: Date = Date(1_700_000_000_000);

/// A class of a store, spoken to in REST JSON and stored documents.
pub(crate) struct Class<'s> {
    pub(crate) store: &'s dyn ObjectStore,
    pub(crate) schema: ClassSchema,
}

impl<'s> Class<'s> {
    /// A class with these fields besides the usual ones. Nothing of it is in the store yet.
    pub(crate) fn new(store: &'s dyn ObjectStore, name: &str, fields: &[(&str, FieldType)]) -> Self {
        let mut schema = ClassSchema::new(ClassName::new(name).unwrap());
        for (field, field_type) in fields {
            schema.fields.insert((*field).to_owned(), Field::new(field_type.clone()));
        }
        Self { store, schema }
    }

    /// Stores a document with the usual dates.
    pub(crate) async fn put(&self, id: &str, columns: Document) {
        self.try_put(id, columns).await.unwrap();
    }

    pub(crate) async fn try_put(&self, id: &str, columns: Document) -> Result<(), StoreError> {
        let mut document = doc! { "_id": id };
        document.extend(columns);
        let date = bson::DateTime::from_millis(NOW.0);
        for column in ["_created_at", "_updated_at"] {
            document.entry(column.to_owned()).or_insert(date.into());
        }
        self.store.insert(&self.schema.name, raw(&document)).await
    }

    pub(crate) fn query(&self, filter: Json) -> Query {
        Query::parse(&filter, &self.schema, &QueryRules::new(QueryAccess::Master, NOW)).unwrap()
    }

    /// The ids of what satisfies the `where`, sorted by id.
    pub(crate) async fn ids(&self, filter: Json) -> Vec<String> {
        self.ordered(filter, "objectId").await
    }

    /// The ids of what satisfies the `where` of a service, case or not, sorted by id.
    pub(crate) async fn ids_for_service(&self, filter: Json, ignore_case: bool) -> Vec<String> {
        let query = Query::parse(&filter, &self.schema, &QueryRules::new(QueryAccess::Service, NOW)).unwrap();
        let order = order::parse("objectId", &self.schema).unwrap();
        let options = FindOptions { order, ignore_case, ..FindOptions::default() };
        let found = self.store.find(&self.schema, &query, &options).await.unwrap();
        found.iter().map(|document| document.get_str("_id").unwrap().to_owned()).collect()
    }

    /// The ids of what satisfies the `where`, in that order.
    pub(crate) async fn ordered(&self, filter: Json, order: &str) -> Vec<String> {
        self.page(filter, order, 0, None).await
    }

    pub(crate) async fn page(&self, filter: Json, order: &str, skip: u64, limit: Option<u64>) -> Vec<String> {
        let order = order::parse(order, &self.schema).unwrap();
        let options = FindOptions { order, skip, limit, ..FindOptions::default() };
        let found = self.store.find(&self.schema, &self.query(filter), &options).await.unwrap();
        found.iter().map(|document| document.get_str("_id").unwrap().to_owned()).collect()
    }

    /// Asserts what a `where` finds, in the order of ids, and that counting agrees.
    pub(crate) async fn finds(&self, filter: Json, expected: &[&str]) {
        assert_eq!(self.ids(filter.clone()).await, expected, "{filter}");
        let count = self.store.count(&self.schema, &self.query(filter.clone())).await.unwrap();
        assert_eq!(count, expected.len() as u64, "count of {filter}");
    }

    /// The stored document of an id.
    pub(crate) async fn get(&self, id: &str) -> Option<Document> {
        let query = self.query(json!({ "objectId": id }));
        let found = self.store.find(&self.schema, &query, &FindOptions::default()).await.unwrap();
        found.first().map(tree)
    }

    /// Updates an object by a REST body; the new document.
    pub(crate) async fn update(&self, id: &str, body: Json) -> Result<Option<Document>, StoreError> {
        self.update_where(json!({ "objectId": id }), body).await
    }

    pub(crate) async fn update_where(&self, filter: Json, body: Json) -> Result<Option<Document>, StoreError> {
        self.update_as(Writer::Maintenance, filter, body, Some(Date(NOW.0 + 1))).await
    }

    pub(crate) async fn update_as(
        &self,
        writer: Writer,
        filter: Json,
        body: Json,
        updated_at: Option<Date>,
    ) -> Result<Option<Document>, StoreError> {
        let Json::Object(body) = body else { panic!("a body is an object") };
        let target = ObjectId::new("any").unwrap();
        let update = ObjectUpdate::parse(&target, body, writer).unwrap().update;
        let changed = self.store.update_one(&self.schema, &self.query(filter), &update, updated_at).await?;
        Ok(changed.map(|document| tree(&document)))
    }

    /// The columns after an update, without id and dates.
    pub(crate) async fn columns_after(&self, id: &str, body: Json) -> Document {
        let mut document = self.update(id, body).await.unwrap().unwrap();
        assert_eq!(self.get(id).await.as_ref(), Some(&document), "what was answered is what is stored");
        for column in ["_id", "_created_at", "_updated_at"] {
            document.remove(column);
        }
        document
    }
}

pub(crate) fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).unwrap()
}

pub(crate) fn tree(document: &RawDocument) -> Document {
    Document::try_from(document).unwrap()
}
