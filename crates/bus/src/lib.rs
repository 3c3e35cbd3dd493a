//! Durable jobs: one trait, by way of RabbitMQ or in a file of this machine.
//!
//! A job is published when it is safe: the broker has confirmed it, or the disk has it. It is delivered until whoever
//! took it says that the effect is there, so that the same job may come more than once: its [`JobId`] tells. Jobs that
//! fail come again later, each time after a longer pause ([`RetrySchedule`]), and in the end become dead letters, which
//! an operator can list, replay and drop.
//!
//! [`work`] is the loop of a consumer. [`Outbox`] is for jobs that belong to a write in a database.

mod bus;
mod clock;
mod dead;
mod delivery;
mod embedded;
mod job;
mod outbox;
mod rabbit;
mod schedule;
mod telemetry;
mod worker;

pub use crate::{
    bus::{Backlog, Bus, BusError, Deliveries, MAX_BODY},
    dead::{DeadJob, Selection},
    delivery::{Delivery, Receipt, Retried},
    embedded::EmbeddedBus,
    job::{Headers, InvalidJobId, Job, JobId, Queue},
    outbox::{Entry, Evidence, Intent, Kept, Outbox, OutboxSettings, OutboxStore, OutboxWorker, Witness},
    rabbit::{RabbitBus, RabbitBusError},
    schedule::RetrySchedule,
    worker::{Handler, Verdict, WorkOptions, work},
};
