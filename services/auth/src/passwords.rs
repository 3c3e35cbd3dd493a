//! Passwords: hashed and compared as Parse Server does, what they have to be like, and who is locked out for trying.

mod lockout;
mod policy;
mod pool;

use std::sync::atomic::{AtomicU64, Ordering};

use bcrypt::Version;
use parsefleet_core::error::Result;
use regress::Regex;

use self::pool::Pool;
pub(crate) use self::{
    lockout::{is_locked, locked, note_attempt},
    policy::NewPassword,
};
use crate::json::internal;

/// The cost of new hashes: Parse Server's.
const COST: u32 = 10;

/// What a password is compared with where there is no hash, at the same cost. Nobody knows what it is the hash of, and it
/// does not matter: the outcome is thrown away.
const DUMMY: &str = "$2y$10$wzgwJyznXBfC1DwDsdvtceXYQEvfQrc22dZyDKFT6ZeAhK7y61Sia";

/// Hashes and compares passwords, a few at a time.
#[derive(Debug)]
pub(crate) struct Passwords {
    pool: Pool,
    operations: AtomicU64,
}

impl Passwords {
    /// At most so many hashes are computed at a time.
    pub(crate) fn new(at_a_time: usize) -> Self {
        Self { pool: Pool::new(at_a_time), operations: AtomicU64::new(0) }
    }

    /// The hash to be stored. As in Parse Server only the first 72 bytes count.
    ///
    /// # Errors
    /// 100 if too many wait already.
    pub(crate) async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.operations.fetch_add(1, Ordering::Relaxed);
        let hashed = self.pool.run(move || bcrypt::hash_with_result(password, COST)).await?;
        match hashed {
            Ok(parts) => Ok(parts.format_for_version(Version::TwoY)),
            Err(error) => {
                tracing::error!(%error, "a password could not be hashed");
                Err(internal())
            }
        }
    }

    /// Whether the password is the one that was hashed. Without a hash it is not, after the same work.
    ///
    /// # Errors
    /// 100 if too many wait already.
    pub(crate) async fn matches(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        let hash = hash.filter(|hash| !hash.is_empty());
        let (password, compared) = (password.to_owned(), hash.unwrap_or(DUMMY).to_owned());
        self.operations.fetch_add(1, Ordering::Relaxed);
        // What is no hash matches nothing.
        let is_equal = self.pool.run(move || bcrypt::verify(password, &compared).unwrap_or(false)).await?;
        Ok(is_equal && hash.is_some())
    }

    /// Whether a pattern finds something in the password. Nothing bounds the steps of such a pattern, so it runs where
    /// hashes do.
    async fn fits(&self, password: &str, pattern: &Regex) -> Result<bool> {
        let (password, pattern) = (password.to_owned(), pattern.clone());
        self.pool.run(move || pattern.find(&password).is_some()).await
    }

    /// How many hashes were computed or compared.
    pub(crate) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[tokio::test]
    async fn every_kind_of_hash_is_read_and_one_is_written() {
        let passwords = Passwords::new(1);
        let hash = passwords.hash("secret").await.unwrap();
        assert!(hash.starts_with("$2y$10$"));
        for prefix in ["$2a$", "$2b$", "$2y$"] {
            let hash = hash.replace("$2y$", prefix);
            assert!(passwords.matches("secret", Some(&hash)).await.unwrap());
            assert!(!passwords.matches("Secret", Some(&hash)).await.unwrap());
        }
    }

    #[tokio::test]
    async fn seventy_two_bytes_count() {
        let passwords = Passwords::new(1);
        let hash = passwords.hash(&"x".repeat(80)).await.unwrap();
        assert!(passwords.matches(&"x".repeat(72), Some(&hash)).await.unwrap());
        assert!(!passwords.matches(&"x".repeat(71), Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn without_a_hash_there_is_the_same_work_and_no_match() {
        let passwords = Passwords::new(1);
        assert!(bcrypt::verify("x", DUMMY).is_ok(), "compared in earnest");
        for hash in [None, Some(""), Some("no hash")] {
            assert!(!passwords.matches("x", hash).await.unwrap());
        }
        assert_eq!(passwords.operations(), 3);
    }
}
