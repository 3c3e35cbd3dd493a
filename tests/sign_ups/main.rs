//! Users sign up while RabbitMQ is away, and while the processes behind them die: every sign-up answers, and every user who was
//! answered gets exactly one mail.
//!
//! `PARSEFLEET_SIGN_UPS` says how many users there are (200).

mod town;

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;

use crate::town::{SignUps, Town};

/// Longest time until the last mail has come: what a dead process left is found by others after some seconds.
const DELIVERY_LIMIT: Duration = Duration::from_secs(180);
/// Pause between two deaths.
const BETWEEN_DEATHS: Duration = Duration::from_millis(1500);

#[tokio::test(flavor = "multi_thread")]
async fn without_rabbitmq_sign_ups_answer_and_mails_come_later() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut town = Town::start(folder.path()).await?;
    town.broker.process.kill()?;

    let told = SignUps::run(town.url(), number_of_users()).await;
    assert_eq!(told.failures, Vec::<String>::new(), "every sign-up answers");
    assert_eq!(town.mail_server.mails().len(), 0, "there was nobody to take the mails along");

    town.broker.restart().await?;
    town.wait_for_mails(&told.acknowledged, DELIVERY_LIMIT).await?;
    assert_eq!(town.duplicates(), 0, "every user got one mail");
    eprintln!("{} sign-ups without RabbitMQ, the slowest answer took {:?}", told.acknowledged.len(), told.slowest);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_survive_deaths_of_auth_and_email() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut town = Town::start(folder.path()).await?;
    let sign_ups = tokio::spawn(SignUps::run(town.url(), number_of_users()));
    let mut deaths = 0;
    while !sign_ups.is_finished() {
        tokio::time::sleep(BETWEEN_DEATHS).await;
        town.kill_and_restart(deaths).await?;
        deaths += 1;
    }
    let told = sign_ups.await?;

    town.wait_for_mails(&told.acknowledged, DELIVERY_LIMIT).await?;
    let duplicates = town.duplicates();
    eprintln!(
        "{} sign-ups acknowledged, {} failed, {deaths} deaths, {duplicates} mails came twice",
        told.acknowledged.len(),
        told.failures.len(),
    );
    // Who was in a process that died is told so, as one is told of errors: nobody knows whether he is signed up.
    let kinds: BTreeSet<&String> = told.failures.iter().collect();
    eprintln!("those who failed were told {kinds:?}");
    assert!(kinds.iter().all(|answer| answer.contains(r#""code":"#)), "{kinds:?}");
    // A mail that the server took in the moment of death is sent again; one process has no more than so many under way.
    assert!(duplicates <= deaths, "more mails came twice than processes died");
    Ok(())
}

fn number_of_users() -> usize {
    let given = std::env::var("PARSEFLEET_SIGN_UPS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(200)
}
