//! What every bus must do: one set of tests, run against each backend.
//!
//! [`bus_suite!`](crate::bus_suite) makes one test of each function for a backend.

// A panic is how a test fails.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use parsefleet_bus::{Bus, Delivery, Job, JobId, Queue, RetrySchedule};

pub mod attempts;
pub mod dead_letters;
pub mod delivery;
pub mod workers;

/// Long enough for anything that happens at all.
const SOON: Duration = Duration::from_secs(20);
/// Long enough to see that nothing happens.
const WHILE: Duration = Duration::from_millis(400);

/// The schedule that buses under test are to have.
pub fn schedule() -> RetrySchedule {
    RetrySchedule::new(vec![Duration::from_millis(100), Duration::from_millis(300)], 3)
}

/// Makes a test of each function of the suite. `$with_bus` is an async function that is given a test to run on a bus of
/// its own with [`schedule`]: `async fn with_bus(test: impl AsyncFnOnce(Arc<dyn Bus>))`.
#[macro_export]
macro_rules! bus_suite {
    ($with_bus:path) => {
        $crate::bus_suite! { @each $with_bus;
            delivery: [
                a_job_comes_as_it_was_published, what_is_done_is_gone, jobs_come_in_order, no_more_than_the_prefetch_is_out,
                consumers_share_a_queue, waiting_may_be_given_up, what_is_not_answered_comes_again,
                a_consumer_that_goes_leaves_its_jobs, too_large_a_job_is_refused, it_is_ready
            ]
            attempts: [
                a_failed_job_comes_again_later, the_last_failure_makes_a_dead_letter, a_buried_job_is_not_tried_again,
                what_ends_whoever_takes_it_is_a_dead_letter
            ]
            dead_letters: [
                dead_letters_are_listed, a_replayed_job_starts_anew, dropped_ones_are_gone, only_what_is_selected_is_meant,
                listing_changes_nothing
            ]
            workers: [
                every_job_is_handled, a_verdict_decides, a_panic_is_a_failure, time_is_limited, a_stop_waits_for_what_was_begun
            ]
        }
    };
    (@each $with_bus:path; $($module:ident: [$($test:ident),* $(,)?])*) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                $with_bus(async |bus: ::std::sync::Arc<dyn ::parsefleet_bus::Bus>| {
                    $crate::bus_suite::$module::$test(bus).await;
                })
                .await;
            })*
        })*
    };
}

fn job(id: &str) -> Job {
    Job::with_id(JobId::try_new(id).unwrap(), Queue::Mail, format!("body of {id}"))
}

async fn publish(bus: &Arc<dyn Bus>, ids: &[&str]) {
    for id in ids {
        bus.publish(&job(id)).await.unwrap();
    }
}

/// The next delivery; it is a failure if there is none.
async fn next(deliveries: &mut Box<dyn parsefleet_bus::Deliveries>) -> Delivery {
    tokio::time::timeout(SOON, deliveries.next()).await.expect("a job is delivered")
}

/// It is a failure if something is delivered.
async fn nothing(deliveries: &mut Box<dyn parsefleet_bus::Deliveries>) {
    if let Ok(delivery) = tokio::time::timeout(WHILE, deliveries.next()).await {
        panic!("nothing should be delivered, and this was: {delivery:?}");
    }
}

/// Publishes jobs and buries them, each for the reason "reason of <id>".
async fn bury(bus: &Arc<dyn Bus>, ids: &[&str]) {
    publish(bus, ids).await;
    let mut deliveries = bus.consume(Queue::Mail, 1);
    for _ in ids {
        let Delivery { job, receipt } = next(&mut deliveries).await;
        receipt.bury(&format!("reason of {}", job.id)).await.unwrap();
    }
}

/// Waits until something holds.
async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = std::time::Instant::now();
    while !holds().await {
        assert!(start.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
