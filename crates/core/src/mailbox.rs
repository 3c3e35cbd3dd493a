//! E-mail addresses that a header, an envelope or a provider takes as they stand.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Longest address (RFC 5321).
const MAX_ADDRESS: usize = 254;

/// One address, with or without a name. It has no character that would end a header line or begin another address. It has no
/// `Debug`: whose address it is does not belong into a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: String,
}

/// A text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no address")]
pub struct NotAnAddress;

impl Mailbox {
    /// Reads `user@host`, or `A name <user@host>`.
    ///
    /// # Errors
    /// For any other text.
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"').trim(), address),
            None => ("", text),
        };
        if !is_address(address) || name.chars().any(|character| character.is_control() || "<>\"\\".contains(character))
        {
            return Err(NotAnAddress);
        }
        Ok(Self { name: Some(name.to_owned()).filter(|name| !name.is_empty()), address: address.to_owned() })
    }

    /// `user@host`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What stands behind the `@`.
    pub fn host(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, host)| host)
    }

    /// In ASCII, the name as RFC 2047 encodes it where it has to.
    pub fn to_ascii(&self) -> String {
        match &self.name {
            Some(name) if !name.is_ascii() => format!("=?UTF-8?B?{}?= <{}>", STANDARD.encode(name), self.address),
            _ => self.to_string(),
        }
    }
}

/// `"A name" <user@host>`
impl fmt::Display for Mailbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(formatter, "\"{name}\" <{}>", self.address),
            None => formatter.write_str(&self.address),
        }
    }
}

fn is_address(text: &str) -> bool {
    let Some((user, host)) = text.rsplit_once('@') else { return false };
    let is_plain = |character: char| {
        !character.is_control() && !character.is_whitespace() && !"<>()[]\\,;:\"@".contains(character)
    };
    text.len() <= MAX_ADDRESS
        && !user.is_empty()
        && user.chars().all(is_plain)
        && host.chars().all(|character| is_plain(character) && (!character.is_ascii() || is_of_host(character)))
        && host.split('.').all(|label| !label.is_empty())
}

fn is_of_host(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '.' || character == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_address_is_one() {
        for (text, shown) in [
            ("a@b.c", "a@b.c"),
            (" a+x@localhost ", "a+x@localhost"),
            ("My App <a@b.c>", "\"My App\" <a@b.c>"),
            ("\"My, App\" <a@b.c>", "\"My, App\" <a@b.c>"),
            ("jürgen@exämple.com", "jürgen@exämple.com"),
        ] {
            assert_eq!(Mailbox::parse(text).map(|mailbox| mailbox.to_string()), Ok(shown.to_owned()), "{text}");
            assert_eq!(Mailbox::parse(shown).map(|mailbox| mailbox.to_string()), Ok(shown.to_owned()), "{text}");
        }
        let mailbox = Mailbox::parse("Ä <a@b.c>").map(|mailbox| mailbox.to_ascii());
        assert_eq!(mailbox.as_deref(), Ok("=?UTF-8?B?w4Q=?= <a@b.c>"));
    }

    #[test]
    fn what_would_be_more_than_an_address_is_none() {
        for text in [
            "",
            "a",
            "@b",
            "a@",
            "a@b\r\nBcc: c@d.e",
            "a@b.c\n",
            "a@b,c@d.e",
            "a@b;c",
            "a b@c.d",
            "<a@b.c>x",
            "a@b@c.d",
            "a@b..c",
            "a@b.c>\r\nX: <y@z.z",
            "N\r\nX: y <a@b.c>",
            "a\0@b.c",
            "\"a\"@b.c",
            "a@[1.2.3.4]",
            "a@b_c.d",
            "x <y> <a@b.c>",
            &format!("{}@b.c", "a".repeat(300)),
        ] {
            // A line end around an address is no part of it.
            let expected = if text.trim() == "a@b.c" { Ok("a@b.c".to_owned()) } else { Err(NotAnAddress) };
            assert_eq!(Mailbox::parse(text).map(|mailbox| mailbox.to_string()), expected, "{text:?}");
        }
    }
}
