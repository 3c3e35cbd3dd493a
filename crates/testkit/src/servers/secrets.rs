//! What no log, span or answer may hold: a server that tells it fails the test that started it.

use std::sync::{Mutex, PoisonError};

/// Texts that tests have made secrets of, in this process.
static PLANTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Makes a text a secret: a password, part of some `authData`. It has to be one that nobody else has a reason to say.
pub fn plant_secret(text: &str) {
    let mut planted = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !planted.iter().any(|known| known == text) {
        planted.push(text.to_owned());
    }
}

/// The lines of a log, or the text of a span, that tell a secret: a session token, a hash of a password, or what was planted.
pub fn told_secrets(text: &str) -> Vec<String> {
    let planted = planted_secrets();
    let tells = |line: &&str| {
        holds_token(line) || holds_hash(line) || planted.iter().any(|secret| line.contains(secret.as_str()))
    };
    text.lines().filter(tells).map(str::to_owned).collect()
}

/// What was planted so far.
pub(super) fn planted_secrets() -> Vec<String> {
    PLANTED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// `r:` and 32 hexadecimal digits.
pub(super) fn holds_token(line: &str) -> bool {
    line.match_indices("r:").any(|(start, _)| {
        let token = line.as_bytes().get(start + 2..start + 34);
        token.is_some_and(|token| token.iter().all(u8::is_ascii_hexdigit))
    })
}

/// `$2b$10$` and 53 characters.
pub(super) fn holds_hash(line: &str) -> bool {
    line.match_indices("$2").any(|(start, _)| {
        let Some(hash) = line.as_bytes().get(start..start + 60) else { return false };
        let (head, tail) = hash.split_at(7);
        matches!(head, [_, _, b'a' | b'b' | b'y', b'$', _, _, b'$'])
            && tail.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_where_they_are() {
        let hash = format!("$2y$10${}", "a.".repeat(26) + "Z");
        plant_secret("a planted word");
        for told in ["token=r:0123456789abcdef0123456789abcdef", &hash, "{\"x\":\"a planted word\"}"] {
            assert_eq!(told_secrets(&format!("fine\n{told}\nfine")), [told]);
        }
        for fine in ["server:0123456789abcdef", "r:0123456789abcdef0123456789abcdeX", "$2y$10$short", "planted"] {
            assert!(told_secrets(fine).is_empty(), "{fine}");
        }
    }
}
