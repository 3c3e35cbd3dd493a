//! Secrets and names made up by the server.

use rand::{
    distr::{Alphanumeric, SampleString as _},
    rng,
};

/// Characters of a name that nobody chose, and of a token in a mail.
const NAME_LENGTH: usize = 25;

/// A session token.
pub(crate) fn session_token() -> String {
    format!("r:{:032x}", rand::random::<u128>())
}

/// The id of an object.
pub(crate) fn object_id(size: usize) -> String {
    alphanumeric(size.max(1))
}

/// A name for a user who has none.
pub(crate) fn username() -> String {
    alphanumeric(NAME_LENGTH)
}

/// The secret of a link in a mail.
pub(crate) fn link_token() -> String {
    alphanumeric(NAME_LENGTH)
}

fn alphanumeric(length: usize) -> String {
    Alphanumeric.sample_string(&mut rng(), length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_as_parse_server_writes_them() {
        let token = session_token();
        let digits = token.strip_prefix("r:").unwrap_or_default();
        assert_eq!(digits.len(), 32);
        assert!(digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
        assert_ne!(token, session_token());
    }

    #[test]
    fn names_are_letters_and_digits() {
        assert_eq!(username().len(), 25);
        assert_eq!(object_id(10).len(), 10);
        assert!(username().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
