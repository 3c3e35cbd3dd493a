//! Whether an answer tells who is known: by its status, its body, or the time that it takes.
//!
//! `PARSEFLEET_TIMING_SAMPLES` says how many requests of each kind are timed, for known and for unknown users (2,000), and
//! `PARSEFLEET_TIMING_LOG_INS` how many log-ins, each of which hashes a password (200).

use std::time::Duration;

use anyhow::Result;
use rand::{RngExt as _, seq::SliceRandom as _};
use serde_json::{Value as Json, json};

use crate::site::{Client, Site};

/// Users who are known.
const USERS: usize = 50;
/// The largest distance between two distributions that chance alone exceeds once in ten thousand times, for samples of one:
/// `sqrt(ln(2 / 0.0001) / 2)`.
const BY_CHANCE: f64 = 2.2253;

/// How far medians of log-ins may be apart, as a part of them. A user who is there has to be read: without the compiler's
/// optimisation that takes a few tenths of a millisecond beside a hash of some fifty, which enough samples show.
const READING: f64 = 0.02;

/// A request that a stranger makes to find out who is known.
struct Question {
    path: &'static str,
    samples: usize,
    /// What is sent about this name.
    body: fn(&str) -> Json,
    /// Whether the work is done after the answer, so that times are those of chance.
    answers_first: bool,
    /// What everybody is answered.
    status: u16,
    answer: &'static str,
}

#[tokio::test]
async fn answers_do_not_tell_who_is_known() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let site = Site::start(folder.path(), &json!({})).await?;
    for number in 0..USERS {
        let name = format!("user{number}");
        let user = json!({ "username": name, "password": "x", "email": format!("{name}@example.com") });
        site.client.sign_up(&user).await?;
    }
    for question in questions() {
        // What chance makes of one measurement it hardly makes of a second one, too.
        if !is_silent(&site.client, &question).await? && !is_silent(&site.client, &question).await? {
            panic!("{} tells who is known", question.path);
        }
    }
    Ok(())
}

/// Whether the times of the answers do not tell who is known.
async fn is_silent(client: &Client, question: &Question) -> Result<bool> {
    let [known, unknown] = measure(client, question).await?;
    let distance = distance(&known, &unknown);
    let bound = BY_CHANCE * (2.0 / question.samples as f64).sqrt();
    let samples = question.samples;
    eprintln!(
        "{}: {samples} samples each, median {:?} for known, {:?} for unknown users; distance of the distributions {distance:.4}, by chance up to {bound:.4}",
        question.path,
        known[samples / 2],
        unknown[samples / 2],
    );
    let [known, unknown] = [&known, &unknown].map(|times| times[samples / 2].as_secs_f64());
    let apart = (known - unknown).abs() / known;
    Ok(distance < bound || !question.answers_first && apart < READING)
}

fn questions() -> [Question; 3] {
    let mail = |name: &str| json!({ "email": format!("{name}@example.com") });
    let asking = |path| Question {
        path,
        samples: number("PARSEFLEET_TIMING_SAMPLES", 2_000),
        body: mail,
        answers_first: true,
        status: 200,
        answer: "{}",
    };
    let log_in = Question {
        path: "/login",
        samples: number("PARSEFLEET_TIMING_LOG_INS", 200),
        body: |name| json!({ "username": name, "password": "wrong" }),
        answers_first: false,
        status: 404,
        answer: r#"{"code":101,"error":"Invalid username/password."}"#,
    };
    [asking("/requestPasswordReset"), asking("/verificationEmailRequest"), log_in]
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).filter(|number| *number > 0).unwrap_or(default)
}

/// The times of requests about known and unknown users, sorted; asked in random order, so that whatever else the machine does
/// meets both alike.
async fn measure(client: &Client, question: &Question) -> Result<[Vec<Duration>; 2]> {
    let Question { path, samples, body, .. } = *question;
    let mut order: Vec<usize> = (0..2 * samples).map(|index| index % 2).collect();
    order.shuffle(&mut rand::rng());
    let mut times = [Vec::with_capacity(samples), Vec::with_capacity(samples)];
    for (number, kind) in order.into_iter().enumerate() {
        let who = rand::rng().random_range(0..USERS);
        let prefix = if kind == 0 { "user" } else { "nobd" };
        let request = client.request("POST", path)?.json(&body(&format!("{prefix}{who}")));
        let answer = client.ask(request).await?;
        assert_eq!((answer.status, answer.text.as_str()), (question.status, question.answer), "{path} {number}");
        times[kind].push(answer.took);
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
