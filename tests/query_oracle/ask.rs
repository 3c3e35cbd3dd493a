//! One set of objects, stored in MongoDB, in the embedded store and held here, and the questions put to all three.

use std::cmp::Ordering;

use anyhow::{Context as _, Result, bail, ensure};
use bson::{Bson, RawDocumentBuf, doc};
use parsefleet_core::{
    ClassName, ClassSchema, Date, Object, Query,
    query::{Matcher, QueryAccess, QueryRules, SortKey, order, sort},
};
use parsefleet_data::{
    codec::{Roots, decode, encode},
    store::{FindOptions, Index, IndexKind, ObjectStore, StoreError, mongo::MongoStore, sqlite::SqliteStore},
};
use rand::rngs::StdRng;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::generate::{objects, queries, schema};

/// How the questions went.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Both sides answered.
    pub(crate) compared: usize,
    /// Of those, how many found some objects but not all.
    pub(crate) telling: usize,
    /// Refused when parsed, or by the matcher and by MongoDB alike.
    pub(crate) refused: usize,
}

/// The objects of one round.
pub(crate) struct Round<'s> {
    store: &'s MongoStore,
    embedded: SqliteStore,
    /// Holds the embedded store's files.
    _folder: TempDir,
    schema: ClassSchema,
    objects: Vec<Object>,
}

impl<'s> Round<'s> {
    /// Makes objects and stores them.
    pub(crate) async fn new(store: &'s MongoStore, random: &mut StdRng, count: usize) -> Result<Self> {
        let class = ClassName::new(&format!("Oracle{}", rand::random::<u32>())).context("a class name")?;
        let schema = schema(class);
        let mut documents: Vec<RawDocumentBuf> = Vec::with_capacity(count);
        let mut objects = Vec::with_capacity(count);
        for place in 0..count {
            let document = encode(&schema, &objects::object(random, place)?)?;
            // Read back as the embedded store does, so that what storing changes is changed here too.
            objects.push(decode(&schema, &document, Roots::All)?);
            documents.push(document);
        }
        let folder = tempfile::tempdir()?;
        let embedded = SqliteStore::open(folder.path())?;
        embedded.create_class(&schema).await?;
        for column in ["s", "n", "d", "a", "_p_p", "_created_at"] {
            embedded.ensure_index(&schema.name, &index(column)).await?;
        }
        for document in &documents {
            embedded.insert(&schema.name, document.clone()).await?;
        }
        let collection = store.database().collection::<RawDocumentBuf>(schema.name.as_str());
        collection.insert_many(documents).await?;
        let index = mongodb::IndexModel::builder().keys(doc! { "g": "2d" }).build();
        collection.create_index(index).await?;
        Ok(Self { store, embedded, _folder: folder, schema, objects })
    }

    /// Asks one random question.
    pub(crate) async fn ask(&self, random: &mut StdRng, tally: &mut Tally) -> Result<()> {
        let filter = queries::filter(random);
        let order = queries::order(random);
        self.compare(&filter, &order, tally).await.with_context(|| format!("where={filter} order={order:?}"))
    }

    async fn compare(&self, filter: &Json, order: &str, tally: &mut Tally) -> Result<()> {
        let rules = QueryRules::new(QueryAccess::Client, Date(0));
        let Ok(query) = Query::parse(filter, &self.schema, &rules) else {
            tally.refused += 1;
            return Ok(());
        };
        let keys = order::parse(order, &self.schema)?;
        let theirs = match (self.find(self.store, &query, &keys).await, query.matcher()) {
            (Ok(ids), Ok(matcher)) => {
                let ours = self.matching(&matcher);
                self.check(&ids, &ours, &keys, &matcher)?;
                let embedded = self.find(&self.embedded, &query, &keys).await?;
                self.check(&embedded, &ours, &keys, &matcher).context("the embedded store instead of MongoDB")?;
                ids.len()
            }
            (Err(error), _) if is_limit(&error) => {
                tally.refused += 1;
                return Ok(());
            }
            (Ok(ids), Err(error)) => bail!("MongoDB finds {ids:?}, the matcher says {error}"),
            (Err(error), _) => return Err(error.into()),
        };
        tally.compared += 1;
        tally.telling += usize::from(theirs > 0 && theirs < self.objects.len());
        Ok(())
    }

    async fn find(&self, store: &dyn ObjectStore, query: &Query, keys: &[SortKey]) -> Result<Vec<String>, StoreError> {
        let options =
            FindOptions { order: keys.to_vec(), projection: Some(vec!["_id".to_owned()]), ..FindOptions::default() };
        let documents = store.find(&self.schema, query, &options).await?;
        Ok(documents.iter().filter_map(|document| document.get_str("_id").ok().map(str::to_owned)).collect())
    }

    fn matching(&self, matcher: &Matcher) -> Vec<&Object> {
        self.objects.iter().filter(|object| matcher.matches(object)).collect()
    }

    fn check(&self, theirs: &[String], ours: &[&Object], keys: &[SortKey], matcher: &Matcher) -> Result<()> {
        let mut their_ids: Vec<&str> = theirs.iter().map(String::as_str).collect();
        their_ids.sort_unstable();
        let mut our_ids: Vec<&str> = ours.iter().map(|object| object.id.as_str()).collect();
        our_ids.sort_unstable();
        for id in &their_ids {
            ensure!(our_ids.binary_search(id).is_ok(), "only MongoDB finds {}", self.shown(id));
        }
        for id in &our_ids {
            ensure!(their_ids.binary_search(id).is_ok(), "only the matcher finds {}", self.shown(id));
        }
        let in_their_order = theirs.iter().filter_map(|id| self.object(id)).collect::<Vec<_>>();
        for pair in in_their_order.windows(2) {
            let shown = || format!("{}\n{}", self.shown(pair[0].id.as_str()), self.shown(pair[1].id.as_str()));
            if !keys.is_empty() {
                let [left, right] = [pair[0], pair[1]].map(|object| sort::values(keys, object));
                let order = sort::compare_values(keys, &left, &right);
                ensure!(order != Ordering::Greater, "MongoDB sorts otherwise:\n{}", shown());
            } else if let (Some(first), Some(second)) = (matcher.distance(pair[0]), matcher.distance(pair[1])) {
                ensure!(first <= second + 1e-12, "MongoDB sorts otherwise by distance:\n{}", shown());
            }
        }
        Ok(())
    }

    fn object(&self, id: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.id.as_str() == id)
    }

    /// The stored form of an object, for whoever has to find out why.
    fn shown(&self, id: &str) -> String {
        let document = self.object(id).and_then(|object| encode(&self.schema, object).ok());
        let document = document.and_then(|document| bson::Document::try_from(document.as_ref()).ok());
        document.map_or_else(|| id.to_owned(), |document| Bson::Document(document).into_relaxed_extjson().to_string())
    }
}

fn index(column: &str) -> Index {
    Index {
        name: format!("{column}_1"),
        keys: vec![(column.to_owned(), IndexKind::Ascending)],
        unique: false,
        sparse: false,
        case_insensitive: false,
        expire_after_seconds: None,
    }
}

/// Whether MongoDB refuses what is no limit here: where and how often places are searched, a sort by what may be an index or
/// a name, a sort by two arrays.
fn is_limit(error: &StoreError) -> bool {
    match error {
        StoreError::Refused(_) | StoreError::Unsupported(_) => true,
        StoreError::Failed(text) => text.contains("(code 16746)") || text.contains("parallel arrays"),
        StoreError::Duplicate { .. }
        | StoreError::SchemaConflict
        | StoreError::Interrupted(_)
        | StoreError::Unavailable(_) => false,
    }
}
