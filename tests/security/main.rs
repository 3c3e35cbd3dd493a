//! What a caller may not read must not show in any answer: two databases that differ in nothing else answer alike.
//!
//! A round makes a database with permissions of every kind, and for each caller a second one in which everything the caller
//! may not read was changed, removed or added to (`model.rs` says what that is, without a word of the server's). Random requests then have to
//! get the same status and the same body from both.
//!
//! A run asks 5,000 requests, always the same ones. `PARSEFLEET_SECURITY_REQUESTS` asks more, `PARSEFLEET_TEST_SEED` others, or
//! those of a run that failed.

mod model;
mod random;
mod requests;
mod servers;
mod world;

use std::env;

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, stream};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::{
    model::Caller,
    requests::{Request, request},
    servers::{Pair, Store},
    world::World,
};

const REQUESTS: usize = 5000;

/// Requests of one caller to one pair of databases.
const REQUESTS_OF_A_ROUND: usize = 420;

/// Requests that are under way at the same time.
const CONCURRENCY: usize = 8;

/// How the requests went.
#[derive(Debug, Default)]
struct Tally {
    requests: usize,
    /// Answers with results, objects or a count.
    told: usize,
    refused: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_does_not_show() -> Result<()> {
    let wanted = number("PARSEFLEET_SECURITY_REQUESTS")?.unwrap_or(REQUESTS);
    let mut seed = number("PARSEFLEET_TEST_SEED")?.unwrap_or(1);
    let mut tally = Tally::default();
    let mut leaks = Vec::new();
    while tally.requests < wanted {
        for store in [Store::MongoDb, Store::Embedded] {
            let left = wanted.saturating_sub(tally.requests);
            leaks.extend(round(seed as u64, store, left, &mut tally).await.with_context(|| format!("seed {seed}"))?);
        }
        seed += 1;
    }
    eprintln!("{tally:?}");
    for leak in leaks.iter().take(20) {
        eprintln!("\n{leak}");
    }
    ensure!(leaks.is_empty(), "{} answers show what the caller may not read", leaks.len());
    ensure!(tally.told > tally.requests / 4, "too few requests were answered: {tally:?}");
    ensure!(tally.refused > tally.requests / 20, "too few requests were refused: {tally:?}");
    Ok(())
}

/// One database, and for each caller its double. Returns what leaked.
async fn round(seed: u64, store: Store, most: usize, tally: &mut Tally) -> Result<Vec<String>> {
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::new(&mut random);
    let mut leaks = Vec::new();
    for caller in Caller::ALL {
        let double = world.double(caller, &mut random);
        let requests: Vec<Request> =
            (0..REQUESTS_OF_A_ROUND.min(most)).map(|_| request(&mut random, &world, store)).collect();
        let pair = Pair::start(store, &world, &double).await?;
        let mut answers = stream::iter(&requests).map(|request| pair.ask(caller, request)).buffered(CONCURRENCY);
        let mut place = 0;
        while let Some(answers) = answers.next().await {
            let (one, other) = answers?;
            tally.requests += 1;
            tally.told += usize::from(one.tells_something());
            tally.refused += usize::from(one.status >= 400);
            if one != other {
                leaks.push(format!(
                    "PARSEFLEET_TEST_SEED={seed} {store:?} {caller:?}\n{}\n  {one}\n  {other}",
                    requests[place]
                ));
            }
            place += 1;
        }
        drop(answers);
        pair.stop().await?;
    }
    Ok(leaks)
}

fn number(variable: &str) -> Result<Option<usize>> {
    env::var(variable).ok().map(|text| text.parse().with_context(|| format!("{variable}={text}"))).transpose()
}
