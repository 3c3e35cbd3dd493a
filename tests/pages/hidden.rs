//! Whether the answer to a request for a mail tells who is known: its status, its body, and the time that it takes.

use std::time::{Duration, Instant};

use anyhow::Result;
use rand::{RngExt as _, seq::SliceRandom as _};
use serde_json::json;

use crate::site::{Client, Site};

/// Requests of each kind.
const SAMPLES: usize = 2_000;
/// Users whose addresses are known.
const USERS: usize = 50;
/// The largest distance between two distributions that chance alone exceeds once in ten thousand times, for samples of one:
/// `sqrt(ln(2 / 0.0001) / 2)`.
const BY_CHANCE: f64 = 2.2253;

#[tokio::test]
async fn answers_do_not_tell_who_is_known() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let site = Site::start(folder.path(), &json!({})).await?;
    for number in 0..USERS {
        let name = format!("user{number}");
        let user = json!({ "username": name, "password": "x", "email": format!("{name}@example.com") });
        site.client.sign_up(&user).await?;
    }
    for path in ["/requestPasswordReset", "/verificationEmailRequest"] {
        let [known, unknown] = measure(&site.client, path).await?;
        let distance = distance(&known, &unknown);
        let bound = BY_CHANCE * (2.0 / SAMPLES as f64).sqrt();
        eprintln!(
            "{path}: median {:?} for known, {:?} for unknown users; distance of the distributions {distance:.4}, by chance up to {bound:.4}",
            known[SAMPLES / 2],
            unknown[SAMPLES / 2],
        );
        assert!(distance < bound, "{path} tells who is known: {distance:.4}");
    }
    Ok(())
}

/// The times of requests for known and unknown addresses, sorted; asked in random order, so that whatever else the machine does
/// meets both alike.
async fn measure(client: &Client, path: &str) -> Result<[Vec<Duration>; 2]> {
    let mut order: Vec<usize> = (0..2 * SAMPLES).map(|index| index % 2).collect();
    order.shuffle(&mut rand::rng());
    let mut times = [Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)];
    for (number, kind) in order.into_iter().enumerate() {
        let who = rand::rng().random_range(0..USERS);
        let prefix = if kind == 0 { "user" } else { "nobd" };
        let request = client.request("POST", path)?.json(&json!({ "email": format!("{prefix}{who}@example.com") }));
        let started = Instant::now();
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        let taken = started.elapsed();
        assert_eq!((status.as_u16(), text.as_str()), (200, "{}"), "{path} {number}");
        times[kind].push(taken);
    }
    times.iter_mut().for_each(|times| times.sort_unstable());
    Ok(times)
}

/// How far apart two distributions are at most (Kolmogorov and Smirnov). Both are sorted.
fn distance(first: &[Duration], second: &[Duration]) -> f64 {
    let share =
        |times: &[Duration], limit: Duration| times.partition_point(|time| *time <= limit) as f64 / times.len() as f64;
    let all = first.iter().chain(second);
    all.map(|limit| (share(first, *limit) - share(second, *limit)).abs()).fold(0.0, f64::max)
}
