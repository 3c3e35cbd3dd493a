//! The stages that a pipeline may have.

use super::invalid_query;
use crate::error::Result;

macro_rules! stages {
    ($($name:ident = $text:literal,)*) => {
        /// A stage that reads. What else MongoDB knows writes, watches, or tells about the server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are MongoDB's, and say all there is")]
        pub enum StageName { $($name,)* }

        impl StageName {
            /// The name in a pipeline.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            fn find(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

stages! {
    AddFields = "$addFields",
    Bucket = "$bucket",
    BucketAuto = "$bucketAuto",
    CollStats = "$collStats",
    Count = "$count",
    Densify = "$densify",
    Documents = "$documents",
    Facet = "$facet",
    Fill = "$fill",
    GeoNear = "$geoNear",
    GraphLookup = "$graphLookup",
    Group = "$group",
    IndexStats = "$indexStats",
    Limit = "$limit",
    Lookup = "$lookup",
    Match = "$match",
    Project = "$project",
    Redact = "$redact",
    ReplaceRoot = "$replaceRoot",
    ReplaceWith = "$replaceWith",
    Sample = "$sample",
    Search = "$search",
    SearchMeta = "$searchMeta",
    Set = "$set",
    SetWindowFields = "$setWindowFields",
    Skip = "$skip",
    Sort = "$sort",
    SortByCount = "$sortByCount",
    UnionWith = "$unionWith",
    Unset = "$unset",
    Unwind = "$unwind",
    VectorSearch = "$vectorSearch",
}

/// Stages of MongoDB that do more than read objects: write, watch changes, tell of sessions, operations and plans.
const REFUSED: [&str; 12] = [
    "$out",
    "$merge",
    "$changeStream",
    "$changeStreamSplitLargeEvent",
    "$currentOp",
    "$listClusterCatalog",
    "$listLocalSessions",
    "$listSampledQueries",
    "$listSearchIndexes",
    "$listSessions",
    "$planCacheStats",
    "$shardedDataDistribution",
];

impl StageName {
    /// Reads a stage's name.
    ///
    /// # Errors
    /// 102 if there is no such stage, with MongoDB's text, or if it is not one that only reads.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if REFUSED.contains(&text) {
            return Err(invalid_query(format!("The stage {text} is not allowed: aggregations only read objects.")));
        }
        Self::find(text).ok_or_else(|| invalid_query(format!("Unrecognized pipeline stage name: '{text}'")))
    }

    /// Whether MongoDB takes the stage only at the start of a pipeline.
    pub(super) fn comes_first(self) -> bool {
        matches!(
            self,
            Self::CollStats
                | Self::Documents
                | Self::GeoNear
                | Self::IndexStats
                | Self::Search
                | Self::SearchMeta
                | Self::VectorSearch
        )
    }
}
