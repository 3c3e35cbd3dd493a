//! Requests that are signed as OAuth 1.0 asks for (RFC 5849), with HMAC-SHA1.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::{RngExt as _, distr::Alphanumeric};
use serde_json::{Map, Value as Json};

use crate::providers::http::encoded;

/// Who signs: an app, and a user by a token and its secret.
pub(super) struct Signer<'a> {
    pub(super) key: &'a str,
    pub(super) secret: &'a str,
    pub(super) token: Option<(&'a str, &'a str)>,
}

impl Signer<'_> {
    /// The Authorization header of a request with these parameters in its form.
    pub(super) fn authorization(&self, method: &str, url: &str, parameters: &[(&str, &str)]) -> String {
        let nonce: String = rand::rng().sample_iter(Alphanumeric).take(30).map(char::from).collect();
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.signed_at(method, url, parameters, &nonce, &seconds.to_string())
    }

    fn signed_at(&self, method: &str, url: &str, parameters: &[(&str, &str)], nonce: &str, timestamp: &str) -> String {
        let mut header = vec![
            ("oauth_consumer_key", self.key),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", timestamp),
            ("oauth_version", "1.0"),
        ];
        header.extend(self.token.map(|(token, _)| ("oauth_token", token)));
        let signature = self.signature(method, url, header.iter().chain(parameters));
        header.push(("oauth_signature", &signature));
        header.sort_unstable();
        let fields: Vec<String> = header.iter().map(|(name, value)| format!("{name}=\"{}\"", encoded(value))).collect();
        format!("OAuth {}", fields.join(", "))
    }

    fn signature<'p>(
        &self,
        method: &str,
        url: &str,
        parameters: impl Iterator<Item = &'p (&'p str, &'p str)>,
    ) -> String {
        let mut pairs: Vec<String> =
            parameters.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        pairs.sort_unstable();
        let base = format!("{method}&{}&{}", encoded(url), encoded(&pairs.join("&")));
        let token_secret = self.token.map_or("", |(_, secret)| secret);
        let key = format!("{}&{}", encoded(self.secret), encoded(token_secret));
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
        STANDARD.encode(hmac::sign(&key, base.as_bytes()))
    }
}

/// The members of a form.
pub(super) fn form(text: &str) -> Map<String, Json> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = text.trim().split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), Json::from(decoded(value)))).collect()
}

#[cfg(test)]
mod tests {
    use super::Signer;

    /// The example of Twitter's own documentation ("Creating a signature").
    #[test]
    fn signs_as_twitter_documents() {
        let signer = Signer {
            key: "xvz1evFS4wEEPTGEFPHBog",
            secret: "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
            token: Some((
                "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
                "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
            )),
        };
        let parameters =
            [("include_entities", "true"), ("status", "Hello Ladies + Gentlemen, a signed OAuth request!")];
        let header = signer.signed_at(
            "POST",
            "https://api.twitter.com/1.1/statuses/update.json",
            &parameters,
            "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg",
            "1318622958",
        );
        assert!(header.contains(r#"oauth_signature="hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D""#), "{header}");
    }
}
