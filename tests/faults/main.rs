//! What happens when something is killed, stopped or slow: nothing acknowledged is lost, and what can work goes on.

mod bank;
mod dependencies;
mod embedded;
mod kill;
mod load;
mod stop;
mod transfers;
