//! What a mail says: headers and the two texts, read without the library that wrote them.

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A mail that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names and decoded values, in their order.
    pub headers: Vec<(String, String)>,
    /// The plain text; empty if there is only HTML.
    pub text: String,
    /// The HTML, if there is some.
    pub html: Option<String>,
}

impl Message {
    /// Reads a mail: plain text, HTML, or `multipart/alternative` with both.
    pub fn parse(data: &str) -> Result<Self> {
        let (headers, body) = split(data)?;
        let content_type = value(&headers, "Content-Type").unwrap_or_default().to_owned();
        let Some(boundary) = boundary(&content_type) else {
            let content = decode_body(&headers, body)?;
            return Ok(match content_type.starts_with("text/html") {
                true => Self { headers, text: String::new(), html: Some(content) },
                false => Self { headers, text: content, html: None },
            });
        };
        let mut texts = (None, None);
        for part in body.split(&format!("--{boundary}")).skip(1) {
            let Some(part) = part.strip_prefix("\r\n") else { continue };
            let (headers, body) = split(part)?;
            let content = decode_body(&headers, body.strip_suffix("\r\n").unwrap_or(body))?;
            let content_type = value(&headers, "Content-Type").unwrap_or_default();
            if content_type.starts_with("text/html") {
                texts.1 = Some(content);
            } else if content_type.starts_with("text/plain") {
                texts.0 = Some(content);
            }
        }
        Ok(Self { headers, text: texts.0.context("no plain text")?, html: texts.1 })
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// The link: the last line of the text.
    pub fn link(&self) -> &str {
        self.text.trim_end().lines().last().unwrap_or_default()
    }
}

type Headers = Vec<(String, String)>;

fn split(text: &str) -> Result<(Headers, &str)> {
    let (head, body) = match text.strip_prefix("\r\n") {
        Some(body) => ("", body),
        None => text.split_once("\r\n\r\n").context("a mail without a body")?,
    };
    let mut headers: Headers = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            let (_, value) = headers.last_mut().context("a folded line without a header")?;
            value.push(' ');
            value.push_str(line.trim());
        } else {
            let (name, value) = line.split_once(':').context("a line that is no header")?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    for (_, value) in &mut headers {
        *value = decode_words(value);
    }
    Ok((headers, body))
}

fn value<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn boundary(content_type: &str) -> Option<&str> {
    let (_, rest) = content_type.strip_prefix("multipart/")?.split_once("boundary=")?;
    Some(rest.split(';').next()?.trim_matches('"'))
}

fn decode_body(headers: &Headers, body: &str) -> Result<String> {
    let bytes = match value(headers, "Content-Transfer-Encoding").unwrap_or("7bit").to_ascii_lowercase().as_str() {
        "base64" => STANDARD.decode(body.split_whitespace().collect::<String>())?,
        "quoted-printable" => quoted_printable(&body.replace("=\r\n", "")),
        _ => body.as_bytes().to_vec(),
    };
    Ok(String::from_utf8(bytes)?.replace("\r\n", "\n"))
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if byte == b'=' => {
                decoded.push(value);
                rest = &after[2..];
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded
}

/// The words of RFC 2047: `=?utf-8?b?…?=`. Blanks between two of them do not count.
fn decode_words(value: &str) -> String {
    let mut decoded = String::new();
    let mut after_word = false;
    for (index, word) in value.split(' ').enumerate() {
        let text = decode_word(word);
        if index > 0 && !(after_word && text.is_some()) {
            decoded.push(' ');
        }
        after_word = text.is_some();
        decoded.push_str(text.as_deref().unwrap_or(word));
    }
    decoded
}

fn decode_word(word: &str) -> Option<String> {
    let mut parts = word.strip_prefix("=?")?.strip_suffix("?=")?.splitn(3, '?');
    let (charset, encoding, text) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = match encoding {
        "b" | "B" => STANDARD.decode(text).ok()?,
        "q" | "Q" => quoted_printable(&text.replace('_', " ")),
        _ => return None,
    };
    String::from_utf8(bytes).ok().filter(|_| charset.eq_ignore_ascii_case("utf-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_are_read() {
        let data = "Subject: =?utf-8?b?w6Q=?= =?utf-8?Q?=C3=A4_b?= c\r\nX: a\r\n b\r\n\
            Content-Type: multipart/alternative; boundary=\"xx\"\r\n\r\n--xx\r\n\
            Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHi =C3=A4,\r\nhttp://a/?t=\r\n=3D1\r\n--xx\r\n\
            Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+\r\n--xx--\r\n";
        let message = Message::parse(data).expect("a mail");
        assert_eq!(message.header("subject"), Some("ää b c"));
        assert_eq!(message.header("X"), Some("a b"));
        assert_eq!(message.text, "Hi ä,\nhttp://a/?t=1");
        assert_eq!(message.link(), "http://a/?t=1");
        assert_eq!(message.html.as_deref(), Some("<b>"));
    }
}
