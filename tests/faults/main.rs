//! What happens when something is killed, stopped or slow: nothing acknowledged is lost, and what can work goes on.

mod bank;
mod dependencies;
mod embedded;
mod kill;
mod load;
mod stop;
mod transfers;

use tokio::sync::Mutex;

/// Held by each test to its end: every one of them wants the whole machine, and some say how soon it has to be well again.
static MACHINE: Mutex<()> = Mutex::const_new(());
