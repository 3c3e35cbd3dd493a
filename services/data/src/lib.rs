//! The data service: every object of every class. It owns the object store.
//!
//! ```text
//! rpc          the gRPC edge                    service     what the service is made of
//! caller       who asks                         policy      who may do what
//! rows         for the service that owns a class
//! read, write  the pipelines                    schema      the schema as this process knows it
//! transact     several operations as one         claim    requests that are carried out once
//! schemas      requests about classes           hooks       who is asked when something happens
//! store        where objects live               codec       Parse values and their stored form
//! ```

mod caller;
mod claim;
mod clock;
pub mod codec;
mod conditions;
mod config;
mod error;
mod hooks;
mod invalidation;
mod policy;
mod read;
mod rows;
mod rpc;
mod schema;
mod schemas;
mod service;
mod settings;
mod startup;
pub mod store;
mod transact;
mod triggers;
mod write;

pub use crate::{
    invalidation::{Invalidation, NoInvalidation},
    service::DataService,
    settings::Settings,
    write::Created,
};
