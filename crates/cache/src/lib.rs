//! Shared, short-lived answers: one trait, in Redis or in the process.
