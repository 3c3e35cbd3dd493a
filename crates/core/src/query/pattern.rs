//! Regular expressions: PCRE as MongoDB runs it, without MongoDB.

use fancy_regex::{Regex, RegexBuilder};

use super::Pattern;
use crate::{ErrorCode, ParseError, error::Result};

mod class;
mod translate;

/// Steps that one match may take. Evil patterns end here; MongoDB has a limit of the same kind.
const BACKTRACK_LIMIT: usize = 100_000;

/// Bytes that one compiled pattern may take.
const SIZE_LIMIT: usize = 1 << 20;

impl Pattern {
    /// Compiles the expression.
    ///
    /// # Errors
    /// 102 for a malformed expression and for the rare parts of PCRE that only MongoDB runs: recursion, branch reset,
    /// control verbs.
    pub fn compile(&self) -> Result<Regex> {
        let refuse = |problem: String| {
            ParseError::new(ErrorCode::InvalidQuery, format!("Regular expression is invalid: {problem}"))
        };
        let translated = translate::translate(&self.source, &self.options).map_err(|problem| refuse(problem.into()))?;
        RegexBuilder::new(&translated)
            .backtrack_limit(BACKTRACK_LIMIT)
            .delegate_size_limit(SIZE_LIMIT)
            .build()
            .map_err(|error| refuse(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
