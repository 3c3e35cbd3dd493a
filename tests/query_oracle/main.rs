//! The query matcher, the sort order and the embedded store, against a real MongoDB: random objects, random queries, one
//! answer.
//!
//! A run asks 100,000 pairs, always the same ones. `PARSEFLEET_TEST_ROUNDS` multiplies that, and `PARSEFLEET_TEST_SEED` asks
//! others, or repeats a run that failed.

mod ask;
mod generate;
mod patterns;

use std::env;

use anyhow::{Context as _, Result, ensure};
use parsefleet_data::store::mongo::MongoStore;
use parsefleet_testkit::servers::mongodb_uri;
use rand::{SeedableRng as _, rngs::StdRng};

use crate::ask::{Round, Tally};

const OBJECTS: usize = 200;
const QUERIES: usize = 500;

fn number(variable: &str) -> Result<Option<u64>> {
    env::var(variable).ok().map(|text| text.parse().with_context(|| format!("{variable}={text}"))).transpose()
}

#[tokio::test(flavor = "multi_thread")]
async fn matcher_and_mongodb_agree() -> Result<()> {
    let rounds = number("PARSEFLEET_TEST_ROUNDS")?.unwrap_or(1);
    let first_seed = number("PARSEFLEET_TEST_SEED")?.unwrap_or(1);
    let uri = mongodb_uri(&format!("query_oracle_{}", rand::random::<u32>()))?;
    let store = MongoStore::connect(&uri, &serde_json::Map::new(), "").await?;
    let mut tally = Tally::default();
    for round in 0..rounds {
        let seed = first_seed.wrapping_add(round);
        let mut random = StdRng::seed_from_u64(seed);
        let round = Round::new(&store, &mut random, OBJECTS).await?;
        for _ in 0..QUERIES {
            round.ask(&mut random, &mut tally).await.with_context(|| format!("PARSEFLEET_TEST_SEED={seed}"))?;
        }
        store.database().drop().await?;
    }
    // Written into the test's output: how much of what was generated said anything.
    eprintln!("{tally:?}");
    let asked = rounds as usize * QUERIES;
    ensure!(tally.compared > asked * 8 / 10, "too few queries could be compared: {tally:?}");
    ensure!(tally.telling > asked / 5, "too few queries told objects apart: {tally:?}");
    Ok(())
}
